//! What somebody outside sees of a store: what was committed, whatever the running transaction does.

use std::ops::Bound;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::kinds::Kept;
use super::*;
use crate::topology::StoreKind;

const MS: std::time::Duration = std::time::Duration::from_millis(1);

#[derive(Clone, Debug)]
enum Op {
    Write { key: Vec<u8>, time: i64, value: Option<u8> },
    Savepoint,
    RollBack,
    Commit,
    Abort,
}

fn op() -> impl Strategy<Value = Op> {
    let key = prop::collection::vec(prop::sample::select(vec![0, b'a', 0xff]), 0..3);
    let write = (key, 0..1_000_i64, prop::option::weighted(0.8, any::<u8>()));
    prop_oneof![
        20 => write.prop_map(|(key, time, value)| Op::Write { key, time, value }),
        2 => Just(Op::Savepoint),
        2 => Just(Op::RollBack),
        4 => Just(Op::Commit),
        2 => Just(Op::Abort),
    ]
}

fn shapes() -> Vec<StoreShape> {
    vec![
        StoreShape::KeyValue { ttl: None },
        StoreShape::KeyValue { ttl: Some(MS * 300) },
        StoreShape::Window { size: MS * 10, retention: MS * 400, duplicates: false },
        StoreShape::Window { size: MS * 10, retention: MS * 400, duplicates: true },
        StoreShape::Session { retention: MS * 400 },
        StoreShape::Versioned { history: MS * 400, segment: Some(MS * 50) },
    ]
}

fn write(stores: &mut TaskStores, kind: StoreKind, key: &[u8], time: i64, value: Option<u8>) {
    let value = value.map(|value| Bytes::from(vec![value]));
    let row = value.clone().map(|value| Row { value, timestamp: Timestamp(time) });
    match kind {
        StoreKind::KeyValue => stores.put(0, key, row).unwrap(),
        StoreKind::Window => stores.windows(0).unwrap().put(key, time, row),
        StoreKind::Session => stores.sessions(0).unwrap().put(key, time - time % 7, time, value),
        StoreKind::Versioned => _ = stores.versioned(0).unwrap().put(key, value, time).unwrap(),
    }
}

fn everything() -> KeyRange {
    KeyRange::Between(Bound::Unbounded, Bound::Unbounded)
}

/// Reads all pages of so many rows.
fn all(stores: &mut TaskStores, keys: KeyRange, times: Times, max: usize) -> Vec<CommittedRow> {
    let mut read = StoreRead { keys, times, after: None, max, bytes: usize::MAX };
    let mut rows: Vec<CommittedRow> = Vec::new();
    loop {
        let page = stores.committed(0, &read).unwrap();
        assert!(page.rows.len() <= max && (page.rows.len() == max || !page.more));
        rows.extend(page.rows);
        if !page.more {
            return rows;
        }
        read.after = rows.last().map(|row| RowPlace::decode(row.place.encode().into()).unwrap());
    }
}

/// All that can be asked of a store.
fn seen(stores: &mut TaskStores, kind: StoreKind) -> Vec<Vec<CommittedRow>> {
    let keys = [&b""[..], b"a", b"a\0", b"\xff", b"aa"].map(Bytes::from_static);
    let mut seen: Vec<_> = keys.into_iter().map(|key| all(stores, KeyRange::One(key), Times::Any, 2)).collect();
    if kind == StoreKind::Versioned {
        for key in [&b"a"[..], b"\xff"].map(Bytes::from_static) {
            seen.push(all(stores, KeyRange::One(key.clone()), Times::AsOf(700), 2));
            seen.push(all(stores, KeyRange::One(key), Times::Between(600, 800), 1));
        }
        return seen;
    }
    seen.push(all(stores, everything(), Times::Any, 3));
    seen.push(all(stores, KeyRange::prefix(Bytes::from_static(b"a")), Times::Any, 2));
    if kind != StoreKind::KeyValue {
        seen.push(all(stores, everything(), Times::Between(600, 800), 2));
        seen.push(all(stores, KeyRange::prefix(Bytes::from_static(b"a")), Times::Between(600, 800), 2));
    }
    seen
}

/// What the task itself sees of a store in which nothing is running, in the order of keys.
fn read_by_the_task(stores: &mut TaskStores, kind: StoreKind) -> Vec<(Vec<u8>, i64, u8)> {
    let next = |_| Next { order: ScanOrder::Ascending, after: None, max: usize::MAX };
    match kind {
        StoreKind::KeyValue => {
            let rows = stores.scan(0, Unbounded, Unbounded, ScanOrder::Ascending, usize::MAX).unwrap();
            rows.into_iter().map(|(key, row)| (key.to_vec(), row.timestamp.0, row.value[0])).collect()
        }
        StoreKind::Window => {
            let rows = stores.windows(0).unwrap().scan((i64::MIN, i64::MAX), next(())).unwrap();
            rows.into_iter().map(|(at, row)| (at.key().to_vec(), at.start(), row.value[0])).collect()
        }
        StoreKind::Session => {
            let rows =
                stores.sessions(0).unwrap().scan((i64::MIN, i64::MAX), Next { order: ScanOrder::Ascending, after: None, max: usize::MAX });
            rows.unwrap().into_iter().map(|(at, value)| (at.key().to_vec(), at.end(), value[0])).collect()
        }
        StoreKind::Versioned => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    #[test]
    fn somebody_outside_sees_what_is_committed_and_nothing_of_what_runs(
        ops in prop::collection::vec(op(), 1..60),
        shape in prop::sample::select(shapes()),
        disk in any::<bool>(),
    ) {
        let kind = shape.kind();
        let backend = if disk { Backend::RocksDb } else { Backend::Memory };
        let new = || Kept::new(StoreConfig { shape, ..config("s", backend) });
        // The twin is given what is committed and nothing else.
        let (mut running, mut twin) = (new(), new());
        let mut batch: Vec<(Vec<u8>, i64, Option<u8>)> = Vec::new();
        let mut savepoints: Vec<(Savepoint, usize)> = Vec::new();
        for op in ops {
            match op {
                Op::Write { key, time, value } => {
                    write(running.stores(), kind, &key, time, value);
                    batch.push((key, time, value));
                }
                Op::Savepoint => savepoints.push((running.stores().savepoint(), batch.len())),
                Op::RollBack => if let Some((savepoint, then)) = savepoints.last() {
                    running.stores().roll_back(*savepoint);
                    batch.truncate(*then);
                },
                Op::Commit => {
                    savepoints.clear();
                    running.commit();
                    batch.drain(..).for_each(|(key, time, value)| write(twin.stores(), kind, &key, time, value));
                    twin.commit();
                    let rows = all(running.stores(), everything_of(kind), Times::Any, 5);
                    let rows: Vec<_> = rows.iter().map(|row| (row.key().to_vec(), row.timestamp.0, row.value[0])).collect();
                    if kind != StoreKind::Versioned {
                        prop_assert_eq!(rows, read_by_the_task(running.stores(), kind));
                    }
                }
                Op::Abort => {
                    savepoints.clear();
                    running.stores().discard();
                    batch.clear();
                }
            }
            prop_assert_eq!(seen(running.stores(), kind), seen(twin.stores(), kind));
        }
        // The running transaction is as it was: what it has written goes into the store with its commit.
        running.commit();
        batch.drain(..).for_each(|(key, time, value)| write(twin.stores(), kind, &key, time, value));
        twin.commit();
        prop_assert_eq!(seen(running.stores(), kind), seen(twin.stores(), kind));
    }
}

fn everything_of(kind: StoreKind) -> KeyRange {
    if kind == StoreKind::Versioned { KeyRange::One(Bytes::from_static(b"a")) } else { everything() }
}

#[test]
fn a_page_ends_with_its_bytes_and_has_a_row_in_any_case() {
    let mut stores = TaskStores::open(None, both()).unwrap();
    for key in ["a", "b", "c"] {
        stores.put(1, key.as_bytes(), Some(row(&"v".repeat(100), 1))).unwrap();
    }
    stores.apply().unwrap();
    let mut read = StoreRead { keys: everything(), times: Times::Any, after: None, max: 9, bytes: 0 };
    for (bytes, rows, more) in [(0, 0, true), (1, 1, true), (101, 1, true), (102, 2, true), (203, 3, false)] {
        read.bytes = bytes;
        let page = stores.committed(1, &read).unwrap();
        assert_eq!((page.rows.len(), page.more), (rows, more), "{bytes}");
    }
}

#[test]
fn rows_of_other_times_are_passed_over_up_to_a_limit() {
    let shape = StoreShape::Window { size: MS, retention: MS * 1_000_000, duplicates: false };
    let mut kept = Kept::new(StoreConfig { shape, ..config("s", Backend::Memory) });
    let mut windows = kept.stores().windows(0).unwrap();
    for n in 0..limits::QUERY_ROWS_PASSED as i64 + 2 {
        windows.put(b"k", n, Some(row("v", 1)));
    }
    windows.put(b"l", 0, Some(row("v", 1)));
    kept.commit();
    let late = limits::QUERY_ROWS_PASSED as i64 + 1;
    let mut read =
        StoreRead { keys: KeyRange::prefix(Bytes::from_static(b"k")), times: Times::Between(late, late), after: None, max: 9, bytes: 99 };
    assert!(matches!(kept.stores().committed(0, &read), Err(StoreError::PassedOver { .. })));
    // Of one key and of all of them they are found by their times.
    for keys in [KeyRange::One(Bytes::from_static(b"k")), everything()] {
        read.keys = keys;
        assert_eq!(kept.stores().committed(0, &read).unwrap().rows.len(), 1);
    }
}

#[test]
fn pages_of_several_tasks_are_one_in_the_order_of_the_keys() {
    let mut tasks: Vec<TaskStores> = (0..3).map(|_| TaskStores::open(None, both()).unwrap()).collect();
    for n in 0..50 {
        let key = format!("{n:02}");
        tasks[n % 3].put(1, key.as_bytes(), Some(row(&key, 1))).unwrap();
    }
    tasks.iter_mut().for_each(|task| task.apply().unwrap());
    // The pages of the first task are shorter.
    for first_ends in [1, 4, 99] {
        let mut read = StoreRead { keys: everything(), times: Times::Any, after: None, max: 7, bytes: usize::MAX };
        let mut told = Vec::new();
        loop {
            let page = |(at, task): (usize, &mut TaskStores)| {
                let max = if at == 0 { first_ends.min(read.max) } else { read.max };
                task.committed(1, &StoreRead { max, ..read.clone() }).unwrap()
            };
            let merged = merge(tasks.iter_mut().enumerate().map(page).collect(), &read, StoreKind::KeyValue);
            told.extend(merged.rows.iter().map(|row| String::from_utf8(row.value.to_vec()).unwrap()));
            read.after = merged.rows.last().map(|row| row.place.clone());
            if !merged.more {
                break;
            }
        }
        assert_eq!(told, (0..50).map(|n| format!("{n:02}")).collect::<Vec<_>>(), "{first_ends}");
    }
}
