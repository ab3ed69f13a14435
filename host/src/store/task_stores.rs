//! The face of the state: what nodes, tasks and restore call.

use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::at_work::AtWork;
use super::clock::StoreClock;
use super::committed::{self, CommittedRows, StoreRead};
use super::expiring::Expiring;
use super::fronted::{Fronted, Writes};
use super::memory_bytes::MemoryBytes;
use super::ordered_bytes::OrderedBytes;
use super::overlaid::{Overlaid, Written};
use super::overlay::Keys;
use super::row::Shown;
use super::sessions::Sessions;
use super::store_of_kind::{Kind, Store};
use super::task_database::TaskDatabase;
use super::timed::Timed;
use super::undo_log::{Done, UndoLog};
use super::versioned::Versioned;
use super::windows::Windows;
use super::{Changelog, Row, Savepoint, StoreError, cells, changelog};
use crate::disk::{Budget, DiskError};
use crate::record::{ConsumedRecord, Offset, RecordRef, Timestamp};
use crate::topology::{Backend, StoreKind, StoreShape};

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
    /// Its kind, and for how long it keeps what.
    pub shape: StoreShape,
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
    stores: Vec<Store>,
    cells: Overlaid,
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
        let any_on_disk = stores.iter().any(|store| store.backend == Backend::RocksDb);
        let database = home.filter(|_| any_on_disk).map(|home| TaskDatabase::open(home, &stores)).transpose()?;
        let rows = |name: Arc<str>, of: Changelog| {
            let on_disk = database.as_ref().and_then(|database| database.bytes(of));
            let bytes: Box<dyn OrderedBytes> = match (on_disk, home) {
                (Some(on_disk), _) => Box::new(on_disk),
                (None, Some(home)) => Box::new(Fronted::new(MemoryBytes::default(), Writes::Wait, home.budget)),
                (None, None) => Box::new(MemoryBytes::default()),
            };
            Overlaid::new(name, bytes)
        };
        let cells = rows("cells".into(), Changelog::Cells);
        let mut cell_key = Vec::new();
        let mut opened = Vec::new();
        for (ix, config) in stores.into_iter().enumerate() {
            let is_on_disk = config.backend == Backend::RocksDb && database.is_some();
            let restored = if is_on_disk { read_clock(&cells, &config.name, &mut cell_key)? } else { StoreClock::NEW };
            let rows = rows(config.name.clone(), Changelog::Store(ix));
            opened.push(Store::new(config.name, config.shape, rows, restored));
        }
        let (undo, keys) = (UndoLog::default(), Keys::default());
        Ok(Self { stores: opened, cells, undo, keys, cell_key, database, failed: None })
    }

    /// Deletes what a task has on disk; it is not open. The next `open` begins with nothing, and restores all of it.
    pub fn wipe(folder: &Path) -> Result<(), StoreError> {
        TaskDatabase::wipe(folder)
    }

    /// A store in the running transaction, with its clock.
    fn work(&mut self, store: usize) -> Result<(Kind, AtWork<'_>), StoreError> {
        let of = Changelog::Store(store);
        let Store { name, kind, rows, clock, committed, noted, .. } = &mut self.stores[store];
        let clock = match clock {
            Some(clock) => clock,
            none => {
                *committed = read_clock(&self.cells, name, &mut self.cell_key)?;
                none.insert(*committed)
            }
        };
        Ok((*kind, AtWork { of, rows, clock, noted, keys: &mut self.keys, undo: &mut self.undo }))
    }

    fn expiring(&mut self, store: usize, ttl_ms: i64) -> Result<Expiring<'_>, StoreError> {
        Ok(Expiring { work: self.work(store)?.1, ttl_ms })
    }

    /// A window store.
    pub fn windows(&mut self, store: usize) -> Result<Windows<'_>, StoreError> {
        self.must_be(store, StoreKind::Window)?;
        self.timed(store).map(Windows)
    }

    /// A session store.
    pub fn sessions(&mut self, store: usize) -> Result<Sessions<'_>, StoreError> {
        self.must_be(store, StoreKind::Session)?;
        self.timed(store).map(Sessions)
    }

    /// A versioned store.
    pub fn versioned(&mut self, store: usize) -> Result<Versioned<'_>, StoreError> {
        let wrong = self.wrong_kind(store);
        match self.work(store)? {
            (Kind::Versioned(rules), work) => Ok(Versioned { work, rules, rewritten: 0 }),
            _ => Err(wrong),
        }
    }

    fn timed(&mut self, store: usize) -> Result<Timed<'_>, StoreError> {
        let wrong = self.wrong_kind(store);
        match self.work(store)? {
            (Kind::Timed(rules), work) => Ok(Timed { work, rules }),
            _ => Err(wrong),
        }
    }

    fn must_be(&self, store: usize, kind: StoreKind) -> Result<(), StoreError> {
        if self.stores[store].shape.kind() == kind { Ok(()) } else { Err(self.wrong_kind(store)) }
    }

    fn wrong_kind(&self, store: usize) -> StoreError {
        let store = &self.stores[store];
        StoreError::Kind { store: Arc::clone(&store.name), kind: store.shape.kind() }
    }

    /// The value of a key of a key-value store: the running transaction's, else the store's.
    pub fn get(&mut self, store: usize, key: &[u8]) -> Result<Option<Row>, StoreError> {
        match self.stores[store].kind {
            Kind::KeyValue => self.stores[store].rows.get(key),
            Kind::Expiring { ttl_ms } => self.expiring(store, ttl_ms)?.get(key),
            Kind::Timed(_) | Kind::Versioned(_) => Err(self.wrong_kind(store)),
        }
    }

    /// As `get` for many keys, in their order; nothing is copied.
    pub fn show_many(&mut self, store: usize, keys: &[&[u8]], show: &mut dyn FnMut(Option<Shown<'_>>)) -> Result<(), StoreError> {
        match self.stores[store].kind {
            Kind::KeyValue => self.stores[store].rows.show_many(keys, show),
            Kind::Expiring { ttl_ms } => self.expiring(store, ttl_ms)?.show_many(keys, show),
            Kind::Timed(_) | Kind::Versioned(_) => Err(self.wrong_kind(store)),
        }
    }

    /// As `get` for many keys, in their order.
    pub fn get_many(&mut self, store: usize, keys: &[&[u8]]) -> Result<Vec<Option<Row>>, StoreError> {
        let mut rows = Vec::with_capacity(keys.len());
        self.show_many(store, keys, &mut |row| rows.push(row.map(Row::copied)))?;
        Ok(rows)
    }

    /// Puts a row into a key-value store; `None` deletes. In the overlay, behind the savepoint.
    pub fn put(&mut self, store: usize, key: &[u8], row: Option<Row>) -> Result<(), StoreError> {
        match self.stores[store].kind {
            Kind::KeyValue => {
                let (place, before) = self.stores[store].rows.put(key, row, &mut self.keys);
                self.undo.keep(Changelog::Store(store), Done::Write { place, before });
            }
            Kind::Expiring { ttl_ms } => self.expiring(store, ttl_ms)?.put(key, row),
            Kind::Timed(_) | Kind::Versioned(_) => return Err(self.wrong_kind(store)),
        }
        Ok(())
    }

    /// Up to `max` rows of a key-value store between two bounds, overlay included. Go on with an exclusive bound at the last key.
    pub fn scan(
        &mut self,
        store: usize,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: ScanOrder,
        max: usize,
    ) -> Result<Vec<(Bytes, Row)>, StoreError> {
        match self.stores[store].kind {
            Kind::KeyValue => self.stores[store].rows.scan(lower, upper, order, max),
            Kind::Expiring { ttl_ms } => self.expiring(store, ttl_ms)?.scan(lower, upper, order, max),
            Kind::Timed(_) | Kind::Versioned(_) => Err(self.wrong_kind(store)),
        }
    }

    /// Reads a store as the last commit has left it, for somebody outside.
    pub fn committed(&mut self, store: usize, read: &StoreRead) -> Result<CommittedRows, StoreError> {
        // For its clock: nobody may have needed it yet.
        self.work(store)?;
        committed::rows(&mut self.stores[store], read)
    }

    /// About how many rows. Entries of indexes count as well.
    pub fn approximate_count(&self, store: usize) -> Result<u64, StoreError> {
        let store = &self.stores[store];
        let count = store.rows.approximate_count()?;
        Ok(if matches!(store.kind, Kind::KeyValue) { count } else { count / 2 })
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
        self.undo.keep(Changelog::Cells, Done::Write { place, before });
        Ok(())
    }

    /// Whether a node has any state: a cell of its own, or a row in one of these stores.
    pub fn has_state(&mut self, node: &str, stores: impl IntoIterator<Item = usize>) -> Result<bool, StoreError> {
        let (first, behind) = cells::all_of(node);
        let cells = self.cells.scan(Bound::Included(&first), Bound::Excluded(&behind), ScanOrder::Ascending, 1)?;
        let mut has = !cells.is_empty();
        for store in stores {
            has = has || !self.stores[store].rows.scan(Bound::Unbounded, Bound::Unbounded, ScanOrder::Ascending, 1)?.is_empty();
        }
        Ok(has)
    }

    /// Marks a point to go back to. Savepoints nest, and are dropped by `apply`, `discard` and by `release`.
    pub fn savepoint(&mut self) -> Savepoint {
        self.undo.savepoint()
    }

    /// Undoes every write since the savepoint. It stays set; those set after it are dropped.
    pub fn roll_back(&mut self, to: Savepoint) {
        while let Some(undo) = self.undo.next_undo(to) {
            let (store, rows) = match undo.of {
                Changelog::Store(ix) => {
                    let Store { rows, clock, noted, .. } = &mut self.stores[ix];
                    (Some((clock, noted)), rows)
                }
                Changelog::Cells => (None, &mut self.cells),
            };
            match (undo.done, store) {
                (Done::Write { place, before }, _) => rows.put_back(place, before),
                (Done::Clock(before), Some((clock, _))) => *clock = Some(before),
                (Done::Noted, Some((_, noted))) => noted.pop(),
                // Cells have neither.
                (Done::Clock(_) | Done::Noted, None) => {}
            }
        }
    }

    /// The walk ended well: its undo log is not needed any more. Savepoints set after this one are dropped with it.
    pub fn release(&mut self, savepoint: Savepoint) {
        self.undo.release(savepoint);
    }

    /// True when the running transaction has written nothing.
    pub fn is_clean(&self) -> bool {
        self.cells.is_clean() && self.stores.iter().all(Store::is_clean)
    }

    /// Bytes that the running transaction has written and holds in memory.
    pub fn bytes_written(&self) -> usize {
        self.cells.bytes_written() + self.stores.iter().map(Store::bytes_written).sum::<usize>()
    }

    /// Shows what the running transaction has to write into changelogs, until it is told to stop: the last write of each key, and every version;
    /// key, value and timestamp as they stand in the changelog. Called once, at its end: rows whose time is over are deleted before.
    pub fn show_changes(&mut self, mut show: impl FnMut(Changelog, RecordRef<'_>) -> ControlFlow<()>) -> Result<(), StoreError> {
        for ix in 0..self.stores.len() {
            let store = &self.stores[ix];
            let moved = store.clock_to_write();
            if let (Kind::Expiring { ttl_ms }, Some(_)) = (store.kind, moved) {
                self.expiring(ix, ttl_ms)?.expire()?;
            }
            if self.stores[ix].show_changes(|record| show(Changelog::Store(ix), record)).is_break() {
                return Ok(());
            }
            if let Some(clock) = moved {
                let key = cells::of_store(&self.stores[ix].name, &mut self.cell_key);
                let row = Row { value: clock.encode(), timestamp: Timestamp(0) };
                self.cells.put(key, Some(row), &mut self.keys);
            }
        }
        // By their keys: several nodes write cells, and which comes first depends on how many records went together.
        let mut cells: Vec<_> = self.cells.writes().collect();
        cells.sort_unstable_by_key(|(key, _)| *key);
        let _ = cells.into_iter().try_for_each(|(key, row)| show(Changelog::Cells, changelog::encode(key, row)));
        Ok(())
    }

    /// After the commit: the overlay goes into the stores.
    pub fn apply(&mut self) -> Result<(), StoreError> {
        self.undo.clear();
        for ix in 0..self.stores.len() {
            let written = self.stores[ix].apply();
            self.count(Changelog::Store(ix), written)?;
        }
        let written = self.cells.apply(&[]);
        self.count(Changelog::Cells, written)
    }

    /// After an abort: the overlay is dropped.
    pub fn discard(&mut self) {
        self.undo.clear();
        self.stores.iter_mut().for_each(Store::discard);
        self.cells.discard();
    }

    /// True when there is something to flush to.
    pub fn is_on_disk(&self) -> bool {
        self.database.is_some()
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
        let Some(database) = &mut self.database else { return Ok(()) };
        for rows in self.stores.iter_mut().map(|store| &mut store.rows).chain([&mut self.cells]) {
            let (name, bytes) = rows.backend();
            bytes.settle().map_err(|why| StoreError::of(name, why))?;
        }
        database.flush(positions, now)
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

    /// Those that can be filled. Versions are put one after the other, and each put reads those that are there.
    fn all(&mut self) -> impl Iterator<Item = &mut Overlaid> {
        let stores = self.stores.iter_mut().filter(|store| !matches!(store.kind, Kind::Versioned(_)));
        stores.map(|store| &mut store.rows).chain([&mut self.cells])
    }

    /// Takes records of a changelog (in the form of `Change::record`), past the overlay, straight into the store. Records without a key, as a
    /// table's own topic may hold, are passed over.
    pub fn restore(&mut self, changelog: Changelog, records: &[ConsumedRecord]) -> Result<(), StoreError> {
        let written = match changelog {
            Changelog::Store(ix) => self.stores[ix].restore(records),
            Changelog::Cells => {
                // Among them are the clocks of stores.
                self.stores.iter_mut().for_each(|store| store.clock = None);
                let cells = records.iter().filter_map(|consumed| changelog::decode(&consumed.record));
                self.cells.restore(cells.collect(), records.len())
            }
        };
        self.count(changelog, written)
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

/// The clock of a store, from its cell.
fn read_clock(rows: &Overlaid, store: &str, buffer: &mut Vec<u8>) -> Result<StoreClock, StoreError> {
    let cell = rows.get(cells::of_store(store, buffer))?;
    let clock = cell.map(|cell| StoreClock::decode(cell.value).ok_or_else(|| rows.corrupted(format!("the clock of '{store}' is broken"))));
    Ok(clock.transpose()?.unwrap_or(StoreClock::NEW))
}
