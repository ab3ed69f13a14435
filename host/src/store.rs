//! The state of one task: stores of each kind, cells, and the writes of the running transaction above them.
//!
//! Everything is kind (key-value; later window, session, versioned) x { overlay, undo log, row layout, changelog codec } over ONE trait of
//! ordered bytes, with a backend in memory and one on disk. This module never names rocksdb and never talks to a broker: it says what has to go
//! into changelogs, and takes what came out of them.
//!
//! On disk a task is one database: family `meta` (how far each changelog is contained), `cells`, and `store.NAME` for each store. What is in
//! it is committed, always: the running transaction lives in the overlays. Called by nodes (through `sandbox`), tasks and restore.

mod cells;
mod changelog;
mod disk_bytes;
mod disk_fill;
mod error;
mod key_value;
mod memory_bytes;
mod ordered_bytes;
mod overlay;
mod row;
mod run;
mod task_database;
mod task_stores;
#[cfg(test)]
mod tests;
mod undo_log;

pub use changelog::{Change, Changelog};
pub use error::StoreError;
pub use row::Row;
pub use task_stores::{Home, ScanOrder, StoreConfig, TaskStores};
pub use undo_log::Savepoint;
