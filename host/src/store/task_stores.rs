//! The face of the state: what nodes, tasks and restore call.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::record::{ConsumedRecord, Offset, Record, Timestamp};
use crate::topology::{Backend, StoreKind};

/// A value and its timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The value.
    pub value: Bytes,
    /// The timestamp of the record that wrote it.
    pub timestamp: Timestamp,
}

/// Direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOrder {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// One store of the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// Its name: folder and column family are named after it.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: StoreKind,
    /// Where it lives.
    pub backend: Backend,
}

/// Which changelog: that of a store (index in the list given to `open`), or that of the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Changelog {
    /// A store's.
    Store(usize),
    /// The cells'.
    Cells,
}

/// One record for a changelog: the last write to a key in this transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where to.
    pub changelog: Changelog,
    /// Key, value and timestamp as they stand in the changelog.
    pub record: Record,
}

/// A point in the running transaction to which writes can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Savepoint(pub(super) usize);

/// What the state could not do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or its database failed.
    #[error("store '{store}': {what}: {why}")]
    Disk {
        /// The store, or the task's database.
        store: Arc<str>,
        /// What was tried.
        what: &'static str,
        /// What came back.
        why: String,
    },
    /// What is on disk cannot be understood; wiping it and restoring heals it.
    #[error("store '{store}' is corrupted: {why}")]
    Corrupted {
        /// The store.
        store: Arc<str>,
        /// Where it breaks.
        why: String,
    },
}

/// All state of one task.
#[derive(Debug)]
pub struct TaskStores {}

#[allow(unused_variables, clippy::todo, missing_docs)]
impl TaskStores {
    /// Opens the state of a task. `folder`: the task's own (made when absent); `None`: everything in memory, whatever the backends say.
    pub fn open(folder: Option<&Path>, stores: Vec<StoreConfig>) -> Result<Self, StoreError> {
        todo!()
    }
    /// The value of a key: the running transaction's, else the store's.
    pub fn get(&mut self, store: usize, key: &[u8]) -> Result<Option<Row>, StoreError> {
        todo!()
    }
    /// As `get` for many keys, in their order.
    pub fn get_many(&mut self, store: usize, keys: &[&[u8]]) -> Result<Vec<Option<Row>>, StoreError> {
        todo!()
    }
    /// Puts a row; `None` deletes. In the overlay, behind the savepoint.
    pub fn put(&mut self, store: usize, key: &[u8], row: Option<Row>) -> Result<(), StoreError> {
        todo!()
    }
    /// Up to `max` rows between two bounds, overlay included. Go on with an exclusive bound at the last key.
    pub fn scan(
        &mut self,
        store: usize,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: ScanOrder,
        max: usize,
    ) -> Result<Vec<(Bytes, Row)>, StoreError> {
        todo!()
    }
    /// About how many rows.
    pub fn approximate_count(&self, store: usize) -> Result<u64, StoreError> {
        todo!()
    }
    /// A cell of a node.
    pub fn cell(&mut self, node: &str, name: &str) -> Result<Option<Bytes>, StoreError> {
        todo!()
    }
    /// Puts a cell; `None` deletes.
    pub fn put_cell(&mut self, node: &str, name: &str, value: Option<Bytes>) -> Result<(), StoreError> {
        todo!()
    }
    /// Marks a point to go back to. Savepoints are dropped by `apply`, `discard` and by `release`.
    pub fn savepoint(&mut self) -> Savepoint {
        todo!()
    }
    /// Undoes every write since the savepoint.
    pub fn roll_back(&mut self, to: Savepoint) {
        todo!()
    }
    /// The walk ended well: its undo log is not needed any more.
    pub fn release(&mut self, savepoint: Savepoint) {
        todo!()
    }
    /// True when the running transaction has written nothing.
    pub fn is_clean(&self) -> bool {
        todo!()
    }
    /// What the running transaction has to write into changelogs: the last write of each key.
    pub fn changes(&self) -> Vec<Change> {
        todo!()
    }
    /// After the commit: the overlay goes into the stores.
    pub fn apply(&mut self) -> Result<(), StoreError> {
        todo!()
    }
    /// After an abort: the overlay is dropped.
    pub fn discard(&mut self) {
        todo!()
    }
    /// True when so much, or for so long, has not been flushed that `flush` is due (limits::UNFLUSHED_*).
    pub fn flush_due(&self, now: Timestamp) -> bool {
        todo!()
    }
    /// Writes everything that was applied to disk, and with it how far each changelog is contained in it. Between two transactions only.
    pub fn flush(&mut self, positions: &[(Changelog, Offset)], now: Timestamp) -> Result<(), StoreError> {
        todo!()
    }
    /// The position of a changelog from which a restore has to read on; `None`: from its beginning.
    pub fn stored_position(&self, changelog: Changelog) -> Result<Option<Offset>, StoreError> {
        todo!()
    }
    /// Takes records of a changelog (in the form of `Change::record`), past the overlay, straight into the store.
    pub fn restore(&mut self, changelog: Changelog, records: &[ConsumedRecord]) -> Result<(), StoreError> {
        todo!()
    }
}
