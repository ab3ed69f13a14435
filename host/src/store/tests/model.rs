//! Random runs of everything that a task may do with its state, against a plain map and a plain log.

use std::collections::BTreeMap;
use std::ops::Bound;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;

type Map = BTreeMap<Vec<u8>, (Vec<u8>, i64)>;
type Key = Vec<u8>;

/// The stores by index, and the cells as the last one.
const MAPS: usize = 3;
const CELLS: usize = 2;

#[derive(Clone, Debug)]
enum Op {
    Put(usize, Key, Option<(Vec<u8>, i64)>),
    Get(usize, Key),
    GetMany(usize, Vec<Key>),
    Scan(usize, Bound<Key>, Bound<Key>, bool, usize),
    Savepoint,
    RollBack,
    Release,
    Commit,
    Abort,
    Flush,
    Reopen(Restored),
    Crash(Restored),
}

/// How the state is brought back from the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restored {
    AsItComes,
    ByFilling,
    /// As a first try to fill it had been cut short, and it was wiped then.
    ByFillingTwice,
}

fn key() -> impl Strategy<Value = Key> {
    prop::collection::vec(prop::sample::select(vec![0, b'a', b'b', 0xff]), 0..3)
}

fn bound() -> impl Strategy<Value = Bound<Key>> {
    prop_oneof![Just(Unbounded), key().prop_map(Included), key().prop_map(Excluded)]
}

fn op() -> impl Strategy<Value = Op> {
    let row = prop::option::weighted(0.7, (prop::collection::vec(any::<u8>(), 0..3), any::<i64>()));
    let scan = (0..CELLS, bound(), bound(), any::<bool>(), 0..9_usize);
    prop_oneof![
        24 => (0..MAPS, key(), row).prop_map(|(map, key, row)| Op::Put(map, key, row)),
        6 => (0..MAPS, key()).prop_map(|(map, key)| Op::Get(map, key)),
        3 => (0..CELLS, prop::collection::vec(key(), 0..5)).prop_map(|(map, keys)| Op::GetMany(map, keys)),
        9 => scan.prop_map(|(map, lower, upper, ascending, max)| Op::Scan(map, lower, upper, ascending, max)),
        4 => Just(Op::Savepoint),
        4 => Just(Op::RollBack),
        2 => Just(Op::Release),
        6 => Just(Op::Commit),
        1 => Just(Op::Abort),
        2 => Just(Op::Flush),
        1 => restored().prop_map(Op::Reopen),
        1 => restored().prop_map(Op::Crash),
    ]
}

fn restored() -> impl Strategy<Value = Restored> {
    prop::sample::select(vec![Restored::AsItComes, Restored::ByFilling, Restored::ByFillingTwice])
}

fn changelog(map: usize) -> Changelog {
    if map == CELLS { Changelog::Cells } else { Changelog::Store(map) }
}

struct Run {
    /// Memory for rows in front of the database.
    rows: usize,
    stores: Option<TaskStores>,
    folders: Vec<tempfile::TempDir>,
    running: [Map; MAPS],
    committed: [Map; MAPS],
    savepoints: Vec<(Savepoint, [Map; MAPS])>,
    logs: [Vec<ConsumedRecord>; MAPS],
    flushed: [Option<Offset>; MAPS],
}

impl Run {
    fn new(rows: usize) -> Self {
        let mut run = Self {
            rows,
            stores: None,
            folders: vec![tempfile::tempdir().unwrap()],
            running: Default::default(),
            committed: Default::default(),
            savepoints: Vec::new(),
            logs: Default::default(),
            flushed: [None; MAPS],
        };
        run.start(Restored::AsItComes);
        run
    }

    fn stores(&mut self) -> &mut TaskStores {
        self.stores.as_mut().unwrap()
    }

    fn folder(&self) -> &Path {
        self.folders.last().unwrap().path()
    }

    /// Opens, checks the stored positions, and restores from the logs.
    fn start(&mut self, how: Restored) {
        let mut stores = open_with(self.folder(), both(), self.rows).unwrap();
        let fills = how != Restored::AsItComes;
        if fills {
            stores.begin_fill().unwrap();
        }
        self.restore(&mut stores);
        if how == Restored::ByFillingTwice {
            drop(stores);
            let copy = tempfile::tempdir().unwrap();
            crashed_copy(self.folder(), copy.path());
            assert!(matches!(open_with(copy.path(), both(), self.rows), Err(StoreError::Corrupted { .. })));
            TaskStores::wipe(copy.path()).unwrap();
            self.folders.push(copy);
            self.flushed = Default::default();
            stores = open_with(self.folder(), both(), self.rows).unwrap();
            stores.begin_fill().unwrap();
            self.restore(&mut stores);
        }
        self.stores = Some(stores);
        self.running = self.committed.clone();
        if fills {
            let ends = self.ends();
            self.stores().end_fill(&ends, NOW).unwrap();
        }
        self.savepoints.clear();
        self.compare();
    }

    fn compare(&mut self) {
        for map in 0..CELLS {
            let rows = self.stores().scan(map, Unbounded, Unbounded, ScanOrder::Ascending, usize::MAX).unwrap();
            let found: Map = rows.into_iter().map(|(key, row)| (key.to_vec(), (row.value.to_vec(), row.timestamp.0))).collect();
            assert_eq!(found, self.running[map], "store {map}");
        }
        for (key, (value, _)) in self.running[CELLS].clone() {
            assert_eq!(self.stores().cell("n", &cell_name(&key)).unwrap().as_deref(), Some(&*value));
        }
    }

    fn put(&mut self, map: usize, key: &[u8], row: Option<(Vec<u8>, i64)>) {
        if map == CELLS {
            let value = row.as_ref().map(|(value, _)| Bytes::copy_from_slice(value));
            self.stores().put_cell("n", &cell_name(key), value).unwrap();
        } else {
            let row = row.as_ref().map(|(value, t)| Row { value: Bytes::copy_from_slice(value), timestamp: Timestamp(*t) });
            self.stores().put(map, key, row).unwrap();
        }
        match row {
            Some(row) => self.running[map].insert(key.to_vec(), row),
            None => self.running[map].remove(key),
        };
    }

    fn get(&mut self, map: usize, key: &[u8]) {
        let want = self.running[map].get(key).cloned();
        if map == CELLS {
            assert_eq!(self.stores().cell("n", &cell_name(key)).unwrap().map(|v| v.to_vec()), want.map(|(value, _)| value));
        } else {
            let found = self.stores().get(map, key).unwrap();
            assert_eq!(found.map(|row| (row.value.to_vec(), row.timestamp.0)), want);
        }
    }

    fn get_many(&mut self, map: usize, keys: &[Key]) {
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let found = self.stores().get_many(map, &keys).unwrap();
        let found: Vec<_> = found.into_iter().map(|row| row.map(|row| (row.value.to_vec(), row.timestamp.0))).collect();
        let want: Vec<_> = keys.iter().map(|key| self.running[map].get(*key).cloned()).collect();
        assert_eq!(found, want);
    }

    fn scan(&mut self, map: usize, lower: &Bound<Key>, upper: &Bound<Key>, ascending: bool, max: usize) {
        let in_range = |key: &Key| {
            let low = match lower {
                Included(lower) => key >= lower,
                Excluded(lower) => key > lower,
                Unbounded => true,
            };
            low && match upper {
                Included(upper) => key <= upper,
                Excluded(upper) => key < upper,
                Unbounded => true,
            }
        };
        let mut want: Vec<Key> = self.running[map].keys().filter(|key| in_range(key)).cloned().collect();
        if !ascending {
            want.reverse();
        }
        want.truncate(max);
        let order = if ascending { ScanOrder::Ascending } else { ScanOrder::Descending };
        let (lower, upper) = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        let found = self.stores().scan(map, lower, upper, order, max).unwrap();
        assert_eq!(found.iter().map(|(key, _)| key.to_vec()).collect::<Vec<_>>(), want);
        for (key, row) in found {
            assert_eq!(self.running[map][&*key], (row.value.to_vec(), row.timestamp.0));
        }
    }

    /// The changes go into the logs, as the broker would have it, then the overlay into the stores.
    fn commit(&mut self) {
        for change in changes(self.stores()) {
            let map = (0..MAPS).find(|map| changelog(*map) == change.changelog).unwrap();
            let offset = self.logs[map].len() as Offset;
            self.logs[map].push(ConsumedRecord { offset, record: change.record });
        }
        self.stores().apply().unwrap();
        self.committed = self.running.clone();
        self.savepoints.clear();
        assert!(self.stores().is_clean());
    }

    fn flush(&mut self) {
        if !self.stores().is_clean() {
            self.commit();
        }
        let ends = self.ends();
        self.stores().flush(&ends, NOW).unwrap();
    }

    /// The ends of the logs, which a flush is about to note down.
    fn ends(&mut self) -> Vec<(Changelog, Offset)> {
        for map in [0, CELLS] {
            self.flushed[map] = Some(self.logs[map].len() as Offset);
        }
        (0..MAPS).map(|map| (changelog(map), self.logs[map].len() as Offset)).collect()
    }

    /// Reads the logs from the stored positions on, which are looked at.
    fn restore(&self, stores: &mut TaskStores) {
        for map in 0..MAPS {
            let position = stores.stored_position(changelog(map)).unwrap();
            assert_eq!(position, self.flushed[map], "position of {:?}", changelog(map));
            let from = position.unwrap_or(0) as usize;
            stores.restore(changelog(map), &self.logs[map][from..]).unwrap();
        }
    }

    fn roll_back(&mut self) {
        let Some((savepoint, maps)) = self.savepoints.last().cloned() else { return };
        self.stores().roll_back(savepoint);
        self.running = maps;
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Put(map, key, row) => self.put(*map, key, row.clone()),
            Op::Get(map, key) => self.get(*map, key),
            Op::GetMany(map, keys) => self.get_many(*map, keys),
            Op::Scan(map, lower, upper, ascending, max) => self.scan(*map, lower, upper, *ascending, *max),
            Op::Savepoint => {
                let savepoint = self.stores().savepoint();
                self.savepoints.push((savepoint, self.running.clone()));
            }
            Op::RollBack => self.roll_back(),
            Op::Release => {
                if let Some((savepoint, _)) = self.savepoints.pop() {
                    self.stores().release(savepoint);
                }
            }
            Op::Commit => self.commit(),
            Op::Abort => {
                self.stores().discard();
                self.running = self.committed.clone();
                self.savepoints.clear();
            }
            Op::Flush => self.flush(),
            Op::Reopen(how) => {
                self.stores = None;
                self.start(*how);
            }
            Op::Crash(how) => {
                let copy = tempfile::tempdir().unwrap();
                crashed_copy(self.folder(), copy.path());
                self.folders.push(copy);
                self.start(*how);
            }
        }
    }
}

/// Names of cells are text.
fn cell_name(key: &[u8]) -> String {
    key.iter().map(|byte| char::from(*byte)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    #[test]
    fn state_is_that_of_a_plain_map_through_restarts_and_crashes(rows in prop::sample::select(vec![0, 150, 400, 1 << 20]), ops in prop::collection::vec(op(), 1..80)) {
        let mut run = Run::new(rows);
        for op in &ops {
            run.step(op);
        }
        run.compare();
    }
}
