//! What all kinds of stores have in common: they are undone, committed, restored and judged by their own clock; and a random run of each against
//! a naive model.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::*;

/// One store and the logs that it is restored from.
pub(super) struct Kept {
    stores: Option<TaskStores>,
    config: StoreConfig,
    folder: tempfile::TempDir,
    logs: [Vec<ConsumedRecord>; 2],
}

const BOTH: [Changelog; 2] = [Changelog::Store(0), Changelog::Cells];

impl Kept {
    pub(super) fn new(config: StoreConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stores = Some(open(folder.path(), vec![config.clone()]).unwrap());
        Self { stores, config, folder, logs: Default::default() }
    }

    pub(super) fn stores(&mut self) -> &mut TaskStores {
        self.stores.as_mut().unwrap()
    }

    /// What has changed goes into the logs, then into the store.
    pub(super) fn commit(&mut self) {
        for change in changes(self.stores()) {
            let log = &mut self.logs[BOTH.iter().position(|changelog| *changelog == change.changelog).unwrap()];
            log.push(ConsumedRecord { offset: log.len() as Offset, record: change.record });
        }
        self.stores().apply().unwrap();
        assert!(self.stores().is_clean());
    }

    /// The folder is lost; everything comes from the logs.
    pub(super) fn make_anew(&mut self) {
        self.stores = None;
        self.folder = tempfile::tempdir().unwrap();
        self.reopen_from([0, 0]);
    }

    /// Closes and opens; what is missing comes from the logs, from these offsets on.
    pub(super) fn reopen_from(&mut self, from: [usize; 2]) {
        self.stores = None;
        let mut stores = open(self.folder.path(), vec![self.config.clone()]).unwrap();
        for ((changelog, log), from) in BOTH.into_iter().zip(&self.logs).zip(from) {
            stores.restore(changelog, &log[from..]).unwrap();
        }
        self.stores = Some(stores);
    }
}

/// A write to a store of any kind.
#[derive(Clone, Debug)]
struct Write {
    key: Vec<u8>,
    time: i64,
    length: i64,
    value: Option<u8>,
}

#[derive(Clone, Debug)]
enum Op {
    Write(Write),
    Savepoint,
    RollBack,
    Commit,
    Abort,
    Anew,
    Flush,
    Reopen,
    Crash,
}

fn op(times: i64) -> impl Strategy<Value = Op> {
    let key = prop::collection::vec(prop::sample::select(vec![0, b'a', 0xff]), 0..3);
    let time = prop_oneof![6 => 0..times, 1 => -times / 9..times / 9, 1 => times..times * 2];
    let write = (key, time, 0..times / 9, prop::option::weighted(0.75, any::<u8>()));
    prop_oneof![
        30 => write.prop_map(|(key, time, length, value)| Op::Write(Write { key, time, length, value })),
        3 => Just(Op::Savepoint),
        3 => Just(Op::RollBack),
        6 => Just(Op::Commit),
        1 => Just(Op::Abort),
        1 => Just(Op::Anew),
        1 => Just(Op::Flush),
        1 => Just(Op::Reopen),
        1 => Just(Op::Crash),
    ]
}

/// What a store should be, told as simply as can be.
trait Naive: Clone {
    /// Puts into both.
    fn write(&mut self, write: &Write, stores: &mut TaskStores);
    /// Looks at everything of both.
    fn compare(&self, stores: &mut TaskStores);
}

fn run<N: Naive>(ops: &[Op], shape: StoreShape, backend: Backend, new: N) {
    let mut kept = Kept::new(StoreConfig { shape, ..config("s", backend) });
    let (mut running, mut committed) = (new.clone(), new);
    let mut savepoints: Vec<(Savepoint, N)> = Vec::new();
    let mut flushed = [0, 0];
    for op in ops {
        match op {
            Op::Write(write) => running.write(write, kept.stores()),
            Op::Savepoint => savepoints.push((kept.stores().savepoint(), running.clone())),
            Op::RollBack => {
                if let Some((savepoint, then)) = savepoints.last().cloned() {
                    kept.stores().roll_back(savepoint);
                    running = then;
                }
            }
            Op::Commit | Op::Flush => {
                kept.commit();
                savepoints.clear();
                committed = running.clone();
                if matches!(op, Op::Flush) {
                    kept.flush();
                    flushed = kept.ends();
                }
            }
            Op::Abort => {
                kept.stores().discard();
                savepoints.clear();
                running = committed.clone();
            }
            Op::Anew | Op::Reopen | Op::Crash => {
                match op {
                    Op::Anew => {
                        kept.make_anew();
                        flushed = [0, 0];
                    }
                    // What lies in memory at the end of a process goes to disk, or not: the positions lag behind.
                    Op::Reopen => kept.reopen_from(if backend == Backend::Memory { [0, 0] } else { flushed }),
                    _ => {
                        kept.crash();
                        kept.reopen_from(if backend == Backend::Memory { [0, 0] } else { flushed });
                    }
                }
                savepoints.clear();
                running = committed.clone();
            }
        }
        running.compare(kept.stores());
    }
}

impl Kept {
    fn flush(&mut self) {
        let ends = self.ends();
        let positions: Vec<_> = BOTH.into_iter().zip(ends.map(|end| end as Offset)).collect();
        self.stores().flush(&positions, NOW).unwrap();
    }

    fn ends(&self) -> [usize; 2] {
        [self.logs[0].len(), self.logs[1].len()]
    }

    fn crash(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        if self.config.backend == Backend::RocksDb {
            crashed_copy(self.folder.path(), copy.path());
        }
        self.stores = None;
        self.folder = copy;
    }
}

fn later(observed: i64, time: i64) -> i64 {
    observed.max(time)
}

/// Key, time and number of a row, and its value.
type TimedRow = ((Vec<u8>, i64, i64), u8);

/// Rows by key, time and number; sessions have their start as number.
#[derive(Clone, Debug)]
struct NaiveTimed {
    rows: BTreeMap<(Vec<u8>, i64, i64), u8>,
    observed: i64,
    writes: i64,
    retention: i64,
}

impl NaiveTimed {
    fn new(retention: i64) -> Self {
        Self { rows: BTreeMap::new(), observed: -1, writes: 0, retention }
    }

    fn put(&mut self, key: &[u8], time: i64, number: i64, value: Option<u8>) {
        self.observed = later(self.observed, time);
        let at = (key.to_vec(), time, number);
        match value.filter(|_| time > self.observed - self.retention) {
            Some(value) => self.rows.insert(at, value),
            None => self.rows.remove(&at),
        };
    }

    fn visible(&self) -> Vec<TimedRow> {
        self.rows
            .iter()
            .filter(|((_, time, _), _)| *time > self.observed - self.retention)
            .map(|(at, value)| (at.clone(), *value))
            .collect()
    }
}

fn backwards<T: Clone>(rows: &[T]) -> Vec<T> {
    rows.iter().rev().cloned().collect()
}

const BOTH_WAYS: [ScanOrder; 2] = [ScanOrder::Ascending, ScanOrder::Descending];

/// Reads a range a few rows at a time.
pub(super) fn in_chunks<K: Clone, V>(order: ScanOrder, max: usize, mut read: impl FnMut(Next<'_, K>) -> Vec<(K, V)>) -> Vec<(K, V)> {
    let mut rows: Vec<(K, V)> = Vec::new();
    loop {
        let after = rows.last().map(|(key, _)| key.clone());
        let part = read(Next { order, after: after.as_ref(), max });
        if part.is_empty() {
            return rows;
        }
        rows.extend(part);
    }
}

#[derive(Clone, Debug)]
struct NaiveWindows(NaiveTimed, bool);

fn byte(value: Option<u8>) -> Option<Bytes> {
    value.map(|value| Bytes::from(vec![value]))
}

impl Naive for NaiveWindows {
    fn write(&mut self, write: &Write, stores: &mut TaskStores) {
        let Self(naive, duplicates) = self;
        let row = byte(write.value).map(|value| Row { value, timestamp: Timestamp(7) });
        stores.windows(0).unwrap().put(&write.key, write.time, row);
        if !*duplicates || write.value.is_some() {
            naive.writes += 1;
            naive.put(&write.key, write.time, if *duplicates { naive.writes } else { 0 }, write.value);
        }
    }

    fn compare(&self, stores: &mut TaskStores) {
        let Self(naive, _) = self;
        let visible = naive.visible();
        let mut store = stores.windows(0).unwrap();
        let told = |rows: Vec<(WindowKey, Row)>| -> Vec<(Vec<u8>, i64, u8)> {
            rows.into_iter().map(|(at, row)| (at.key().to_vec(), at.start(), row.value[0])).collect()
        };
        let rows: Vec<_> = visible.iter().map(|((key, start, _), value)| (key.clone(), *start, *value)).collect();
        let mut by_time = visible.clone();
        by_time.sort_by_key(|((key, start, number), _)| (*start, key.clone(), *number));
        let by_time: Vec<_> = by_time.into_iter().map(|((key, start, _), value)| (key, start, value)).collect();
        let ever = (i64::MIN, i64::MAX);
        for order in BOTH_WAYS {
            let expected = |rows: &[(Vec<u8>, i64, u8)]| if order == ScanOrder::Ascending { rows.to_vec() } else { backwards(rows) };
            let scanned = in_chunks(order, 3, |next| store.scan(ever, next).unwrap());
            assert_eq!(told(scanned), expected(&by_time));
            let ranged = in_chunks(order, 2, |next| store.fetch_range((Unbounded, Unbounded), ever, next).unwrap());
            assert_eq!(told(ranged), expected(&rows));
            for key in [&b"a"[..], b"", b"a\0"] {
                let (first, last) = (naive.observed - naive.retention / 2, naive.observed - 5);
                let own: Vec<_> = rows.iter().filter(|(k, start, _)| k == key && (first..=last).contains(start)).cloned().collect();
                let fetched = in_chunks(order, 1, |next| store.fetch(key, (first, last), next).unwrap());
                assert_eq!(told(fetched), expected(&own));
                let above: Vec<_> =
                    rows.iter().filter(|(k, start, _)| k.as_slice() > key && (first..=last).contains(start)).cloned().collect();
                let ranged = in_chunks(order, 1, |next| store.fetch_range((Excluded(key), Unbounded), (first, last), next).unwrap());
                assert_eq!(told(ranged), expected(&above));
            }
        }
        for ((key, start, _), _) in naive.rows.iter() {
            let first = rows.iter().find(|(k, s, _)| (k, s) == (key, start)).map(|(_, _, value)| *value);
            assert_eq!(store.get(key, *start).unwrap().map(|row| row.value[0]), first);
        }
    }
}

#[derive(Clone, Debug)]
struct NaiveSessions(NaiveTimed);

impl Naive for NaiveSessions {
    fn write(&mut self, write: &Write, stores: &mut TaskStores) {
        let start = write.time - write.length;
        stores.sessions(0).unwrap().put(&write.key, start, write.time, byte(write.value));
        self.0.put(&write.key, write.time, start, write.value);
    }

    fn compare(&self, stores: &mut TaskStores) {
        let Self(naive) = self;
        let visible = naive.visible();
        let mut store = stores.sessions(0).unwrap();
        let told = |rows: Vec<(SessionKey, Bytes)>| -> Vec<TimedRow> {
            rows.into_iter().map(|(at, value)| ((at.key().to_vec(), at.end(), at.start()), value[0])).collect()
        };
        let mut by_time = visible.clone();
        by_time.sort_by_key(|((key, end, start), _)| (*end, *start, key.clone()));
        let touching = Touching { earliest_end: naive.observed - naive.retention / 2, latest_start: naive.observed - naive.retention / 8 };
        let touches = |((_, end, start), _): &TimedRow| *end >= touching.earliest_end && *start <= touching.latest_start;
        for order in BOTH_WAYS {
            let expected = |rows: Vec<_>| if order == ScanOrder::Ascending { rows } else { backwards(&rows) };
            let scanned = in_chunks(order, 2, |next| store.scan((i64::MIN, i64::MAX), next).unwrap());
            assert_eq!(told(scanned), expected(by_time.clone()));
            let ranged = in_chunks(order, 2, |next| store.find_range((Unbounded, Included(b"a\xff")), touching, next).unwrap());
            let wanted = visible.iter().filter(|row| touches(row) && row.0.0.as_slice() <= &b"a\xff"[..]).cloned().collect();
            assert_eq!(told(ranged), expected(wanted));
            let found = in_chunks(order, 1, |next| store.find(b"a", touching, next).unwrap());
            assert_eq!(told(found), expected(visible.iter().filter(|row| touches(row) && row.0.0 == b"a").cloned().collect()));
        }
        for ((key, end, start), _) in naive.rows.iter() {
            let value = visible.iter().find(|(at, _)| *at == (key.clone(), *end, *start)).map(|(_, value)| *value);
            assert_eq!(store.get(key, *start, *end).unwrap().map(|value| value[0]), value);
        }
    }
}

/// Rows by key, with their time.
#[derive(Clone, Debug)]
struct NaiveExpiring {
    rows: BTreeMap<Vec<u8>, (u8, i64)>,
    observed: i64,
    ttl: i64,
}

impl Naive for NaiveExpiring {
    fn write(&mut self, write: &Write, stores: &mut TaskStores) {
        let row = byte(write.value).map(|value| Row { value, timestamp: Timestamp(write.time) });
        stores.put(0, &write.key, row).unwrap();
        match write.value {
            Some(value) => {
                self.observed = later(self.observed, write.time);
                self.rows.insert(write.key.clone(), (value, write.time));
            }
            None => _ = self.rows.remove(&write.key),
        }
    }

    fn compare(&self, stores: &mut TaskStores) {
        let visible: Vec<_> = self.rows.iter().filter(|(_, (_, time))| *time > self.observed - self.ttl).collect();
        let rows = stores.scan(0, Unbounded, Unbounded, ScanOrder::Ascending, usize::MAX).unwrap();
        let told: Vec<_> = rows.iter().map(|(key, row)| (key.to_vec(), (row.value[0], row.timestamp.0))).collect();
        assert_eq!(told, visible.iter().map(|(key, row)| ((*key).clone(), **row)).collect::<Vec<_>>());
        let keys: Vec<&[u8]> = self.rows.keys().map(Vec::as_slice).collect();
        let many = stores.get_many(0, &keys).unwrap();
        for (key, row) in keys.into_iter().zip(many) {
            let wanted = visible.iter().find(|(k, _)| k.as_slice() == key).map(|(_, (value, _))| *value);
            assert_eq!(row.map(|row| row.value[0]), wanted);
            assert_eq!(stores.get(0, key).unwrap().map(|row| row.value[0]), wanted);
        }
        let last = stores.scan(0, Excluded(b""), Unbounded, ScanOrder::Descending, 1).unwrap();
        assert_eq!(
            last.first().map(|(key, _)| key.to_vec()),
            visible.iter().rev().map(|(key, _)| (*key).clone()).find(|key| !key.is_empty())
        );
    }
}

/// Every version ever put; none is a deletion.
#[derive(Clone, Debug)]
struct NaiveVersioned {
    keys: BTreeMap<Vec<u8>, BTreeMap<i64, Option<u8>>>,
    observed: i64,
    history: i64,
    segment: i64,
}

impl NaiveVersioned {
    fn expired(&self) -> i64 {
        self.observed - self.history
    }

    /// Begin, end and value of each version, oldest first.
    fn versions(&self, key: &[u8]) -> Vec<(i64, Option<i64>, u8)> {
        let Some(versions) = self.keys.get(key) else { return Vec::new() };
        let ends = versions.keys().skip(1).map(|end| Some(*end)).chain([None]);
        versions.iter().zip(ends).filter_map(|((begin, value), end)| Some((*begin, end, (*value)?))).collect()
    }
}

impl Naive for NaiveVersioned {
    fn write(&mut self, write: &Write, stores: &mut TaskStores) {
        let versions = self.keys.entry(write.key.clone()).or_default();
        let latest = versions.last_key_value();
        if write.value.is_none() && latest.is_some_and(|(begin, value)| *begin == write.time && value.is_some()) {
            // Kafka Streams forgets a version that is deleted at its own begin, and the deletion as well.
            return;
        }
        let put = stores.versioned(0).unwrap().put(&write.key, byte(write.value), write.time).unwrap();
        if write.time < self.observed - self.history {
            assert_eq!(put, VersionedPut::Expired);
            return;
        }
        self.observed = later(self.observed, write.time);
        versions.insert(write.time, write.value);
        let next = versions.range(write.time + 1..).next();
        assert_eq!(put, next.map_or(VersionedPut::Latest, |(begin, _)| VersionedPut::Until(*begin)));
    }

    fn compare(&self, stores: &mut TaskStores) {
        let store = stores.versioned(0).unwrap();
        for key in self.keys.keys() {
            let versions = self.versions(key);
            let value = |version: Option<Version>| version.map(|version| (version.valid_from, version.valid_to, version.value[0]));
            assert_eq!(value(store.get(key).unwrap()), versions.iter().copied().find(|(_, end, _)| end.is_none()));
            let times = versions.iter().flat_map(|(begin, end, _)| [*begin, begin - 1, end.unwrap_or(i64::MAX)]);
            for as_of in times {
                let holds = |(begin, end, _): &(i64, Option<i64>, u8)| *begin <= as_of && end.is_none_or(|end| end > as_of);
                let wanted = versions.iter().copied().find(holds).filter(|(_, end, _)| end.is_none() || as_of >= self.expired());
                assert_eq!(value(store.get_as_of(key, as_of).unwrap()), wanted, "{key:?} as of {as_of}");
            }
            let (first, last) = (self.observed - self.history / 2, self.observed - self.history / 9);
            let kept = |end: i64| end > first && end / self.segment <= last / self.segment;
            let within = |(begin, end, _): &&(i64, Option<i64>, u8)| *begin <= last && end.is_none_or(kept);
            let wanted: Vec<_> = versions.iter().filter(within).copied().collect();
            let found = store.history(key, (first, last), ScanOrder::Ascending, None, usize::MAX).unwrap();
            assert_eq!(found.into_iter().map(|version| value(Some(version)).unwrap()).collect::<Vec<_>>(), wanted, "{key:?}");
        }
    }
}

const MS: std::time::Duration = std::time::Duration::from_millis(1);

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    #[test]
    fn window_store_is_what_a_naive_one_is(ops in prop::collection::vec(op(400_000), 1..60), duplicates in any::<bool>(), disk in any::<bool>()) {
        let shape = StoreShape::Window { size: MS, retention: MS * 150_000, duplicates };
        run(&ops, shape, if disk { Backend::RocksDb } else { Backend::Memory }, NaiveWindows(NaiveTimed::new(150_000), duplicates));
    }

    #[test]
    fn session_store_is_what_a_naive_one_is(ops in prop::collection::vec(op(400_000), 1..60), disk in any::<bool>()) {
        let shape = StoreShape::Session { retention: MS * 150_000 };
        run(&ops, shape, if disk { Backend::RocksDb } else { Backend::Memory }, NaiveSessions(NaiveTimed::new(150_000)));
    }

    #[test]
    fn rows_expire_as_they_do_in_a_naive_store(ops in prop::collection::vec(op(1_000), 1..60), disk in any::<bool>()) {
        let shape = StoreShape::KeyValue { ttl: Some(MS * 300) };
        let naive = NaiveExpiring { rows: BTreeMap::new(), observed: -1, ttl: 300 };
        run(&ops, shape, if disk { Backend::RocksDb } else { Backend::Memory }, naive);
    }

    #[test]
    fn versioned_store_is_what_a_naive_one_is(ops in prop::collection::vec(op(1_000), 1..60), segment in 1..500_i64, disk in any::<bool>()) {
        let shape = StoreShape::Versioned { history: MS * 400, segment: Some(MS * segment as u32) };
        let naive = NaiveVersioned { keys: BTreeMap::new(), observed: -1, history: 400, segment };
        run(&ops, shape, if disk { Backend::RocksDb } else { Backend::Memory }, naive);
    }
}

#[test]
fn late_version_counts_the_latest_that_it_writes_again() {
    let shape = StoreShape::Versioned { history: MS * 1_000, segment: None };
    let mut kept = Kept::new(StoreConfig { shape, ..config("s", Backend::Memory) });
    let mut store = kept.stores().versioned(0).unwrap();
    assert_eq!(store.put(b"k", Some(Bytes::from(vec![0; 5_000])), 100).unwrap(), VersionedPut::Latest);
    assert_eq!(store.rewritten(), 0);
    assert_eq!(store.put(b"k", byte(Some(1)), 50).unwrap(), VersionedPut::Until(100));
    assert!((5_000..5_100).contains(&store.rewritten()), "{}", store.rewritten());
}
