//! The state of one task: stores of each kind, cells, and the writes of the running transaction above them.
//!
//! Everything is kind (key-value; later window, session, versioned) x { overlay, undo log, key layout, changelog codec } over ONE trait of
//! ordered bytes, with a backend in memory and one on disk. This module never names rocksdb and never talks to a broker: it says what has to go
//! into changelogs, and takes what came out of them.

mod task_stores;

pub use task_stores::{Change, Changelog, Row, Savepoint, ScanOrder, StoreConfig, StoreError, TaskStores};
