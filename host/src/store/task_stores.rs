//! The face of the state: what nodes, tasks and restore call.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::key_value::{KeyValueStore, Written};
use super::memory_bytes::MemoryBytes;
use super::ordered_bytes::OrderedBytes;
use super::overlay::Keys;
use super::task_database::TaskDatabase;
use super::undo_log::UndoLog;
use super::{Change, Changelog, Row, Savepoint, StoreError, cells};
use crate::disk::{Budget, DiskError};
use crate::record::{ConsumedRecord, Offset, Timestamp};
use crate::topology::{Backend, StoreKind};

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
    /// Its name: its family in the task's database is named after it.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: StoreKind,
    /// Where it lives.
    pub backend: Backend,
    /// The topic that it is restored from, whose offsets its stored position is of.
    pub changelog: Arc<str>,
}

/// Where the state of a task lives on disk.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// The task's own folder; made when absent, and only where a store is on disk.
    pub folder: &'a Path,
    /// Memory that all tasks of the host share.
    pub budget: &'a Budget,
}

/// All state of one task. Used by one thread.
#[derive(Debug)]
pub struct TaskStores {
    stores: Vec<KeyValueStore>,
    cells: KeyValueStore,
    undo: UndoLog,
    keys: Keys,
    cell_key: Vec<u8>,
    /// `None`: everything is in memory.
    database: Option<TaskDatabase>,
    /// A write that failed half-way. No flush after it: the positions would lead.
    failed: Option<StoreError>,
}

impl TaskStores {
    /// Opens the state of a task. Without a home everything is in memory, whatever the backends say.
    pub fn open(home: Option<Home<'_>>, stores: Vec<StoreConfig>) -> Result<Self, StoreError> {
        if let Some(store) = stores.iter().find(|store| store.kind != StoreKind::KeyValue) {
            return Err(StoreError::Kind { store: Arc::clone(&store.name), kind: store.kind });
        }
        let any_on_disk = stores.iter().any(|store| store.backend == Backend::RocksDb);
        let database = home.filter(|_| any_on_disk).map(|home| TaskDatabase::open(home, &stores)).transpose()?;
        let store = |name: Arc<str>, of: Changelog| {
            let bytes: Box<dyn OrderedBytes> = match database.as_ref().and_then(|database| database.bytes(of)) {
                Some(on_disk) => Box::new(on_disk),
                None => Box::new(MemoryBytes::default()),
            };
            KeyValueStore::new(name, bytes)
        };
        let cells = store("cells".into(), Changelog::Cells);
        let stores = stores.into_iter().enumerate().map(|(ix, config)| store(config.name, Changelog::Store(ix))).collect();
        let (undo, keys) = (UndoLog::default(), Keys::default());
        Ok(Self { stores, cells, undo, keys, cell_key: Vec::new(), database, failed: None })
    }

    /// Deletes what a task has on disk; it is not open. The next `open` begins with nothing, and restores all of it.
    pub fn wipe(folder: &Path) -> Result<(), StoreError> {
        TaskDatabase::wipe(folder)
    }

    /// The value of a key: the running transaction's, else the store's.
    pub fn get(&mut self, store: usize, key: &[u8]) -> Result<Option<Row>, StoreError> {
        self.stores[store].get(key)
    }

    /// As `get` for many keys, in their order.
    pub fn get_many(&mut self, store: usize, keys: &[&[u8]]) -> Result<Vec<Option<Row>>, StoreError> {
        self.stores[store].get_many(keys)
    }

    /// Puts a row; `None` deletes. In the overlay, behind the savepoint.
    pub fn put(&mut self, store: usize, key: &[u8], row: Option<Row>) -> Result<(), StoreError> {
        let (place, before) = self.stores[store].put(key, row, &mut self.keys);
        self.undo.keep(Changelog::Store(store), place, before);
        Ok(())
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
        self.stores[store].scan(lower, upper, order, max)
    }

    /// About how many rows.
    pub fn approximate_count(&self, store: usize) -> Result<u64, StoreError> {
        self.stores[store].approximate_count()
    }

    /// A cell of a node.
    pub fn cell(&mut self, node: &str, name: &str) -> Result<Option<Bytes>, StoreError> {
        let cell = self.cells.get(cells::key(node, name, &mut self.cell_key))?;
        Ok(cell.map(|row| row.value))
    }

    /// Puts a cell; `None` deletes.
    pub fn put_cell(&mut self, node: &str, name: &str, value: Option<Bytes>) -> Result<(), StoreError> {
        let key = cells::key(node, name, &mut self.cell_key);
        // Cells never expire, so their rows have no time.
        let row = value.map(|value| Row { value, timestamp: Timestamp(0) });
        let (place, before) = self.cells.put(key, row, &mut self.keys);
        self.undo.keep(Changelog::Cells, place, before);
        Ok(())
    }

    /// Marks a point to go back to. Savepoints nest, and are dropped by `apply`, `discard` and by `release`.
    pub fn savepoint(&mut self) -> Savepoint {
        self.undo.savepoint()
    }

    /// Undoes every write since the savepoint. It stays set; those set after it are dropped.
    pub fn roll_back(&mut self, to: Savepoint) {
        while let Some(undo) = self.undo.next_undo(to) {
            self.of(undo.of).put_back(undo.place, undo.before);
        }
    }

    /// The walk ended well: its undo log is not needed any more. Savepoints set after this one are dropped with it.
    pub fn release(&mut self, savepoint: Savepoint) {
        self.undo.release(savepoint);
    }

    /// True when the running transaction has written nothing.
    pub fn is_clean(&self) -> bool {
        self.cells.is_clean() && self.stores.iter().all(KeyValueStore::is_clean)
    }

    /// Bytes that the running transaction has written and holds in memory.
    pub fn bytes_written(&self) -> usize {
        self.cells.bytes_written() + self.stores.iter().map(KeyValueStore::bytes_written).sum::<usize>()
    }

    /// What the running transaction has to write into changelogs: the last write of each key.
    pub fn changes(&self) -> Vec<Change> {
        let all = self.stores.iter().enumerate().map(|(ix, store)| (Changelog::Store(ix), store)).chain([(Changelog::Cells, &self.cells)]);
        all.flat_map(|(changelog, store)| store.changes().map(move |record| Change { changelog, record })).collect()
    }

    /// After the commit: the overlay goes into the stores.
    pub fn apply(&mut self) -> Result<(), StoreError> {
        self.undo.clear();
        for ix in 0..self.stores.len() {
            let written = self.stores[ix].apply();
            self.count(Changelog::Store(ix), written)?;
        }
        let written = self.cells.apply();
        self.count(Changelog::Cells, written)
    }

    /// After an abort: the overlay is dropped.
    pub fn discard(&mut self) {
        self.undo.clear();
        self.stores.iter_mut().for_each(KeyValueStore::discard);
        self.cells.discard();
    }

    /// True when so much, or for so long, has not been flushed that `flush` is due (limits::UNFLUSHED_*).
    pub fn flush_due(&self, now: Timestamp) -> bool {
        self.database.as_ref().is_some_and(|database| database.flush_due(now))
    }

    /// Writes everything that was applied to disk, and with it how far each changelog is contained in it. Between two transactions only.
    pub fn flush(&mut self, positions: &[(Changelog, Offset)], now: Timestamp) -> Result<(), StoreError> {
        debug_assert!(self.is_clean(), "positions of a log that holds what the stores do not hold yet would lead");
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.database.as_mut().map_or(Ok(()), |database| database.flush(positions, now))
    }

    /// Changelog records that are not flushed; 0 when everything is in memory.
    pub fn unflushed_records(&self) -> u64 {
        self.database.as_ref().map_or(0, TaskDatabase::unflushed_records)
    }

    /// Bytes of the state on disk, as of the last flush; 0 when everything is in memory.
    pub fn bytes_on_disk(&self) -> u64 {
        self.database.as_ref().map_or(0, TaskDatabase::bytes_on_disk)
    }

    /// The position of a changelog from which a restore has to read on; `None`: from its beginning.
    pub fn stored_position(&self, changelog: Changelog) -> Result<Option<Offset>, StoreError> {
        self.database.as_ref().map_or(Ok(None), |database| database.stored_position(changelog))
    }

    /// Before a restore of very many records. Until `end_fill` nothing is read; a host that ends meanwhile leaves a database that `open` refuses
    /// as corrupted.
    pub fn begin_fill(&mut self) -> Result<(), StoreError> {
        self.database.as_ref().map_or(Ok(()), TaskDatabase::note_filling)?;
        self.each_backend(|bytes| bytes.begin_fill())
    }

    /// True while more records would have to wait for those that `restore` has taken before.
    pub fn must_wait(&mut self) -> bool {
        self.all().any(|store| store.backend().1.must_wait())
    }

    /// True while `end_fill` would wait for what `close_fill` has begun.
    pub fn is_busy(&mut self) -> bool {
        self.all().any(|store| store.backend().1.is_busy())
    }

    /// No more records come: what is left to do is done in the background.
    pub fn close_fill(&mut self) -> Result<(), StoreError> {
        self.each_backend(|bytes| bytes.close_fill())
    }

    /// After the restore that `begin_fill` has begun: as `flush`, and everything can be read.
    pub fn end_fill(&mut self, positions: &[(Changelog, Offset)], now: Timestamp) -> Result<(), StoreError> {
        self.each_backend(|bytes| bytes.end_fill())?;
        self.flush(positions, now)
    }

    fn each_backend(&mut self, mut what: impl FnMut(&mut dyn OrderedBytes) -> Result<(), DiskError>) -> Result<(), StoreError> {
        self.all().try_for_each(|store| {
            let (name, bytes) = store.backend();
            what(bytes).map_err(|why| StoreError::of(name, why))
        })
    }

    fn all(&mut self) -> impl Iterator<Item = &mut KeyValueStore> {
        self.stores.iter_mut().chain([&mut self.cells])
    }

    /// Takes records of a changelog (in the form of `Change::record`), past the overlay, straight into the store. Records without a key, as a
    /// table's own topic may hold, are passed over.
    pub fn restore(&mut self, changelog: Changelog, records: &[ConsumedRecord]) -> Result<(), StoreError> {
        let written = self.of(changelog).restore(records);
        self.count(changelog, written)
    }

    fn of(&mut self, changelog: Changelog) -> &mut KeyValueStore {
        match changelog {
            Changelog::Store(ix) => &mut self.stores[ix],
            Changelog::Cells => &mut self.cells,
        }
    }

    fn count(&mut self, of: Changelog, written: Result<Written, StoreError>) -> Result<(), StoreError> {
        match (written, &mut self.database) {
            (Ok(written), Some(database)) => database.count(of, written),
            (Ok(_), None) => {}
            (Err(why), _) => {
                self.failed = Some(why.clone());
                return Err(why);
            }
        }
        Ok(())
    }
}
