//! The state of one task: stores of each kind, cells, and the writes of the running transaction above them.
//!
//! Everything is kind (key-value, window, session, versioned) x { overlay, undo log, key layout, changelog codec } over ONE trait of ordered
//! bytes, with a backend in memory and one on disk. A kind is a view: it reads and writes rows of the overlay by keys of its layout, and what
//! undoes, commits and restores them knows no kinds. This module never names rocksdb and never talks to a broker: it says what has to go into
//! changelogs, and takes what came out of them.
//!
//! On disk a task is one database: family `meta` (how far each changelog is contained), `cells`, and `store.NAME` for each store. What is in
//! it is committed, always: the running transaction lives in the overlays. Called by nodes (through `sandbox`), tasks and restore.

mod at_work;
#[doc(hidden)]
pub mod bench;
mod cells;
mod changelog;
mod clock;
mod committed;
mod disk_bytes;
mod disk_fill;
mod error;
mod expiring;
mod fronted;
mod layout;
mod memory_bytes;
mod ordered_bytes;
mod overlaid;
mod overlay;
mod row;
mod row_cache;
mod run;
mod sessions;
mod state_version;
mod store_of_kind;
mod task_database;
mod task_stores;
#[cfg(test)]
mod tests;
mod timed;
mod undo_log;
mod versioned;
mod versions;
mod windows;

pub use changelog::Changelog;
pub use committed::{CommittedRow, CommittedRows, KeyRange, RowPlace, StoreRead, Times, merge};
pub use error::StoreError;
pub use row::{Row, Shown};
pub use sessions::{SessionKey, Sessions, Touching};
pub use state_version::StateVersion;
pub use task_stores::{Home, ScanOrder, StoreConfig, TaskStores};
pub use undo_log::Savepoint;
pub use versioned::{Version, Versioned, VersionedPut};
pub use windows::{Next, WindowKey, Windows};
