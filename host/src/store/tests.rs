mod committed;
mod kinds;
mod model;
mod vectors;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::ops::ControlFlow;
use std::path::Path;

use bytes::Bytes;

use super::*;
use crate::disk::Budget;
use crate::limits;
use crate::record::{ConsumedRecord, Offset, Record, Timestamp};
use crate::topology::{Backend, StoreShape};

const NOW: Timestamp = Timestamp(1_000_000);

fn row(value: &str, timestamp: i64) -> Row {
    Row { value: Bytes::copy_from_slice(value.as_bytes()), timestamp: Timestamp(timestamp) }
}

fn config(name: &str, backend: Backend) -> StoreConfig {
    let shape = StoreShape::KeyValue { ttl: None };
    StoreConfig { name: name.into(), shape, backend, changelog: format!("app-{name}-changelog").into() }
}

/// Store 0 is on disk, store 1 in memory.
fn both() -> Vec<StoreConfig> {
    vec![config("disk", Backend::RocksDb), config("memory", Backend::Memory)]
}

fn open(folder: &Path, stores: Vec<StoreConfig>) -> Result<TaskStores, StoreError> {
    open_with(folder, stores, 1 << 20)
}

/// With so many bytes for rows in front of the database.
fn open_with(folder: &Path, stores: Vec<StoreConfig>, rows: usize) -> Result<TaskStores, StoreError> {
    TaskStores::open(Some(Home { folder, budget: &Budget::new(65 << 20, 64 << 20).with_rows(rows) }), stores)
}

/// What is in a folder while its database is still open: what a crash of the process would leave. A copy during which the database changed
/// its files, as its compactions do in the background, is of no one moment, and is made anew.
fn crashed_copy(of: &Path, to: &Path) {
    loop {
        let _ = fs::remove_dir_all(to);
        fs::create_dir_all(to).unwrap();
        let files = names_and_sizes(of);
        let copied = files.iter().all(|(name, _)| fs::copy(of.join(name), to.join(name)).is_ok());
        if copied && files == names_and_sizes(of) {
            return;
        }
    }
}

fn names_and_sizes(folder: &Path) -> BTreeMap<OsString, Option<u64>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file());
    // `None`: gone since the folder was read.
    entries.map(|entry| (entry.file_name(), entry.metadata().ok().map(|m| m.len()))).collect()
}

fn keys_of(stores: &mut TaskStores, store: usize, order: ScanOrder) -> Vec<String> {
    let rows = stores.scan(store, Unbounded, Unbounded, order, usize::MAX).unwrap();
    rows.into_iter().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap()).collect()
}

#[test]
fn rows_of_the_overlay_stand_among_and_instead_of_those_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let mut stores = open(dir.path(), both()).unwrap();
    for store in 0..2 {
        for key in ["b", "d", "f", "h"] {
            stores.put(store, key.as_bytes(), Some(row("stored", 1))).unwrap();
        }
        stores.apply().unwrap();
        stores.put(store, b"a", Some(row("new", 2))).unwrap();
        stores.put(store, b"d", None).unwrap();
        stores.put(store, b"e", None).unwrap();
        stores.put(store, b"f", Some(row("new", 2))).unwrap();
        stores.put(store, b"z", Some(row("new", 2))).unwrap();
        assert_eq!(keys_of(&mut stores, store, ScanOrder::Ascending), ["a", "b", "f", "h", "z"]);
        assert_eq!(keys_of(&mut stores, store, ScanOrder::Descending), ["z", "h", "f", "b", "a"]);
        let some = stores.scan(store, Excluded(b"a"), Included(b"f"), ScanOrder::Descending, 9).unwrap();
        assert_eq!(some, [(Bytes::from("f"), row("new", 2)), (Bytes::from("b"), row("stored", 1))]);
        for wrong_way in [(Included(&b"f"[..]), Excluded(&b"f"[..])), (Excluded(b"f"), Excluded(b"f")), (Included(b"f"), Included(b"a"))] {
            assert_eq!(stores.scan(store, wrong_way.0, wrong_way.1, ScanOrder::Ascending, 9).unwrap(), []);
        }
        let many = stores.get_many(store, &[b"f", b"x", b"h", b"d", b"f"]).unwrap();
        assert_eq!(many, [Some(row("new", 2)), None, Some(row("stored", 1)), None, Some(row("new", 2))]);
        stores.apply().unwrap();
    }
}

/// One record for a changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    changelog: Changelog,
    record: Record,
}

/// All that the running transaction has for changelogs.
fn changes(stores: &mut TaskStores) -> Vec<Change> {
    let mut all = Vec::new();
    let shown = stores.show_changes(|changelog, record| {
        all.push(Change { changelog, record: record.copied() });
        ControlFlow::Continue(())
    });
    shown.unwrap();
    all
}

#[test]
fn changes_are_the_last_write_to_each_key() {
    let mut stores = TaskStores::open(None, both()).unwrap();
    stores.put(0, b"", Some(row("1", 1))).unwrap();
    stores.put(0, b"", Some(row("", 2))).unwrap();
    stores.put(1, b"k", Some(row("1", 3))).unwrap();
    stores.put(1, b"k", None).unwrap();
    stores.put_cell("node", "cell", Some(Bytes::from("c"))).unwrap();
    let record = |key: &'static str, value: Option<&'static str>, timestamp| Record {
        key: Some(Bytes::from(key)),
        value: value.map(Bytes::from),
        timestamp: Timestamp(timestamp),
        ..Record::default()
    };
    let want = [
        Change { changelog: Changelog::Store(0), record: record("", Some(""), 2) },
        Change { changelog: Changelog::Store(1), record: record("k", None, 0) },
        Change { changelog: Changelog::Cells, record: record("node\0cell", Some("c"), 0) },
    ];
    assert_eq!(changes(&mut stores), want);
    stores.apply().unwrap();
    assert!(stores.is_clean() && changes(&mut stores).is_empty());
}

#[test]
fn cells_reach_their_changelog_in_the_order_of_their_names_whoever_writes_first() {
    let mut stores = TaskStores::open(None, both()).unwrap();
    for (node, cell) in [("b", "x"), ("a", "y"), ("b", "w"), ("a", "y")] {
        stores.put_cell(node, cell, Some(Bytes::from("c"))).unwrap();
    }
    let keys: Vec<Bytes> = changes(&mut stores).into_iter().filter_map(|change| change.record.key).collect();
    assert_eq!(keys, ["a\0y", "b\0w", "b\0x"]);
}

#[test]
fn savepoints_nest_and_outlive_the_ones_above_them() {
    let mut stores = TaskStores::open(None, both()).unwrap();
    stores.put(0, b"k", Some(row("0", 0))).unwrap();
    let outer = stores.savepoint();
    stores.put(0, b"k", Some(row("1", 1))).unwrap();
    let released = stores.savepoint();
    stores.put(0, b"k", None).unwrap();
    stores.put(1, b"new", Some(row("x", 1))).unwrap();
    stores.release(released);
    let inner = stores.savepoint();
    stores.put(0, b"k", Some(row("2", 2))).unwrap();
    stores.roll_back(inner);
    assert_eq!(stores.get(0, b"k").unwrap(), None);
    stores.put_cell("n", "c", Some(Bytes::new())).unwrap();
    for _ in 0..2 {
        stores.roll_back(outer);
        assert_eq!(stores.get(0, b"k").unwrap(), Some(row("0", 0)));
        assert_eq!((stores.get(1, b"new").unwrap(), stores.cell("n", "c").unwrap()), (None, None));
        stores.put(0, b"k", Some(row("again", 3))).unwrap();
    }
    stores.release(outer);
    assert_eq!(changes(&mut stores).len(), 1);
    stores.discard();
    assert!(stores.is_clean());
    assert_eq!(stores.get(0, b"k").unwrap(), None);
}

#[test]
fn roll_back_of_the_first_writes_leaves_the_transaction_clean() {
    let mut stores = TaskStores::open(None, both()).unwrap();
    let savepoint = stores.savepoint();
    stores.put(0, b"k", Some(row("1", 1))).unwrap();
    stores.put_cell("n", "c", Some(Bytes::new())).unwrap();
    assert!(!stores.is_clean());
    assert_eq!(stores.bytes_written(), "k1n\0c".len() + 2 * limits::ROW_BYTES);
    stores.roll_back(savepoint);
    assert!(stores.is_clean());
    assert_eq!(stores.bytes_written(), 0);
}

#[test]
fn cells_of_two_nodes_do_not_meet() {
    let mut stores = TaskStores::open(None, Vec::new()).unwrap();
    let cells = [("a", "b"), ("ab", ""), ("a", ""), ("", "ab"), ("a", "\0b"), ("a", "b\0")];
    for (node, name) in cells {
        stores.put_cell(node, name, Some(Bytes::from(format!("{node}/{name}")))).unwrap();
    }
    for (node, name) in cells {
        assert_eq!(stores.cell(node, name).unwrap(), Some(Bytes::from(format!("{node}/{name}"))));
    }
    stores.put_cell("a", "b", None).unwrap();
    assert_eq!(stores.cell("a", "b").unwrap(), None);
}

#[test]
fn what_was_not_flushed_is_lost_in_a_crash_and_the_position_tells() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut stores = open(dir.path(), both()).unwrap();
    let position =
        |stores: &TaskStores| [Changelog::Store(0), Changelog::Store(1), Changelog::Cells].map(|c| stores.stored_position(c).unwrap());
    assert_eq!(position(&stores), [None; 3]);
    let write = |stores: &mut TaskStores, value: &str| {
        for store in 0..2 {
            stores.put(store, b"k", Some(row(value, 1))).unwrap();
        }
        stores.put_cell("n", "c", Some(Bytes::copy_from_slice(value.as_bytes()))).unwrap();
        stores.apply().unwrap();
    };
    write(&mut stores, "flushed");
    stores.flush(&[(Changelog::Store(0), 7), (Changelog::Store(1), 8), (Changelog::Cells, 9)], NOW).unwrap();
    write(&mut stores, "applied");
    crashed_copy(dir.path(), copy.path());
    let mut stores = open(copy.path(), both()).unwrap();
    assert_eq!(position(&stores), [Some(7), None, Some(9)]);
    assert_eq!(stores.get(0, b"k").unwrap(), Some(row("flushed", 1)));
    assert_eq!(stores.cell("n", "c").unwrap(), Some(Bytes::from("flushed")));
    assert_eq!(stores.get(1, b"k").unwrap(), None, "a store in memory is restored whole");
}

#[test]
fn store_that_was_not_asked_for_keeps_its_rows_and_its_position() {
    let dir = tempfile::tempdir().unwrap();
    let mut stores = open(dir.path(), vec![config("a", Backend::RocksDb), config("b", Backend::RocksDb)]).unwrap();
    stores.put(1, b"k", Some(row("1", 1))).unwrap();
    stores.apply().unwrap();
    stores.flush(&[(Changelog::Store(1), 5)], NOW).unwrap();
    drop(stores);
    drop(open(dir.path(), vec![config("a", Backend::RocksDb)]).unwrap());
    let mut stores = open(dir.path(), vec![config("b", Backend::RocksDb), config("a", Backend::RocksDb)]).unwrap();
    assert_eq!(stores.stored_position(Changelog::Store(0)).unwrap(), Some(5));
    assert_eq!(stores.get(0, b"k").unwrap(), Some(row("1", 1)));
    assert_eq!(stores.stored_position(Changelog::Store(1)).unwrap(), None);
}

#[test]
fn store_whose_changelog_is_another_topic_now_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut stores = open(dir.path(), vec![config("a", Backend::RocksDb)]).unwrap();
    stores.flush(&[(Changelog::Store(0), 5)], NOW).unwrap();
    drop(stores);
    let other = StoreConfig { changelog: "topic".into(), ..config("a", Backend::RocksDb) };
    match open(dir.path(), vec![other]) {
        Err(StoreError::Corrupted { why, .. }) => {
            assert_eq!(why, "'store.a' was made from the topic 'app-a-changelog', and its changelog is 'topic' now");
        }
        opened => panic!("{opened:?}"),
    }
    open(dir.path(), vec![config("a", Backend::RocksDb)]).unwrap();
}

#[test]
fn restore_goes_past_the_overlay_and_takes_records_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut stores = open(dir.path(), both()).unwrap();
    let record = |offset, key: Option<&'static str>, value: Option<&'static str>| ConsumedRecord {
        offset,
        record: Record {
            key: key.map(Bytes::from),
            value: value.map(Bytes::from),
            timestamp: Timestamp(offset as i64),
            ..Record::default()
        },
    };
    let records = [record(0, Some("a"), Some("1")), record(1, Some("b"), Some("")), record(2, None, Some("?")), record(3, Some("a"), None)];
    for store in 0..2 {
        stores.put(store, b"b", Some(row("running", 9))).unwrap();
        stores.restore(Changelog::Store(store), &records).unwrap();
        assert_eq!(stores.get(store, b"b").unwrap(), Some(row("running", 9)));
        stores.discard();
        assert_eq!(stores.get_many(store, &[b"a", b"b"]).unwrap(), [None, Some(row("", 1))]);
    }
    stores.restore(Changelog::Cells, &[record(0, Some("n\0c"), Some("1"))]).unwrap();
    assert_eq!(stores.cell("n", "c").unwrap(), Some(Bytes::from("1")));
}

#[test]
fn flush_is_due_by_records_by_bytes_and_by_time() {
    let later = |by: std::time::Duration| Timestamp(NOW.0 + by.as_millis() as i64);
    let big = Bytes::from(vec![0; 1 << 20]);
    let writes = |stores: &mut TaskStores, store, count: u64, value: &Bytes| {
        let record = |offset: Offset| ConsumedRecord {
            offset,
            record: Record { key: Some(Bytes::from(offset.to_be_bytes().to_vec())), value: Some(value.clone()), ..Record::default() },
        };
        stores.restore(Changelog::Store(store), &(0..count).map(record).collect::<Vec<_>>()).unwrap();
    };
    let (records, megabytes) = (limits::UNFLUSHED_CHANGELOG_RECORDS, limits::UNFLUSHED_BYTES >> 20);
    let cases: [(&str, usize, u64, &Bytes, Timestamp, bool); 7] = [
        ("nothing", 0, 0, &big, later(limits::UNFLUSHED_FOR), false),
        ("one record", 0, 1, &big, NOW, false),
        ("one record, long ago", 0, 1, &big, later(limits::UNFLUSHED_FOR), true),
        ("one record, in memory", 1, 1, &big, later(limits::UNFLUSHED_FOR), false),
        ("bytes", 0, megabytes, &big, NOW, true),
        ("not yet so many bytes", 0, megabytes - 1, &big, NOW, false),
        ("records", 0, records, &Bytes::new(), NOW, true),
    ];
    for (case, store, count, value, now, due) in cases {
        let dir = tempfile::tempdir().unwrap();
        let mut stores = open(dir.path(), both()).unwrap();
        stores.flush(&[], NOW).unwrap();
        writes(&mut stores, store, count, value);
        assert_eq!(stores.flush_due(now), due, "{case}");
        stores.flush(&[], now).unwrap();
        assert!(!stores.flush_due(later(limits::UNFLUSHED_FOR * 9)), "{case}: nothing is unflushed");
    }
}

#[test]
fn task_without_a_store_on_disk_opens_no_database() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("task");
    let mut stores = open(&folder, vec![config("m", Backend::Memory)]).unwrap();
    stores.put_cell("n", "c", Some(Bytes::from("1"))).unwrap();
    stores.apply().unwrap();
    stores.flush(&[(Changelog::Cells, 1), (Changelog::Store(0), 1)], NOW).unwrap();
    assert_eq!(stores.stored_position(Changelog::Cells).unwrap(), None);
    assert!(!folder.exists());
}

#[test]
fn corrupted_database_names_the_folder_and_can_be_wiped() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("by-origin_3");
    drop(open(&folder, both()).unwrap());
    fs::write(folder.join("CURRENT"), "rubbish").unwrap();
    match open(&folder, both()) {
        Err(StoreError::Corrupted { store, why }) => {
            assert_eq!(&*store, "by-origin_3");
            assert!(why.contains(&*folder.to_string_lossy()), "{why}");
        }
        other => panic!("{other:?}"),
    }
    TaskStores::wipe(&folder).unwrap();
    assert!(!folder.exists());
    open(&folder, both()).unwrap();
}

#[test]
fn approximate_count_sees_stored_rows_and_a_first_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let mut stores = open(dir.path(), both()).unwrap();
    for store in 0..2 {
        for key in 0..10_u8 {
            stores.put(store, &[key], Some(row("", 1))).unwrap();
        }
        assert_eq!(stores.approximate_count(store).unwrap(), 10);
        stores.apply().unwrap();
        assert_eq!(stores.approximate_count(store).unwrap(), 10);
    }
}

#[test]
fn rows_that_find_no_room_in_memory_are_on_disk_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let budget = Budget::new(65 << 20, 64 << 20).with_rows(8 << 10);
    let mut stores = TaskStores::open(Some(Home { folder: dir.path(), budget: &budget }), both()).unwrap();
    let key = |n: u32| n.to_be_bytes();
    for round in 0..3 {
        for n in 0..2_000_u32 {
            // A part of the keys is looked at again and again.
            let at = if n % 3 == 0 { n % 10 } else { n };
            stores.get(0, &key(at)).unwrap();
            stores.put(0, &key(at), (n % 7 != 1).then(|| row(&format!("{round}-{at}"), 1))).unwrap();
            if n % 50 == 0 {
                stores.apply().unwrap();
                let rows = budget.bytes_in_use() - budget.block_bytes();
                assert!(rows <= 8 << 10, "{rows} bytes");
            }
        }
    }
    stores.apply().unwrap();
    let many: Vec<[u8; 4]> = (0..2_000).map(key).collect();
    let many: Vec<&[u8]> = many.iter().map(<[u8; 4]>::as_slice).collect();
    let asked = stores.get_many(0, &many).unwrap();
    let scanned = stores.scan(0, Unbounded, Unbounded, ScanOrder::Ascending, usize::MAX).unwrap();
    let by_key: BTreeMap<&[u8], &Row> = scanned.iter().map(|(key, row)| (&**key, row)).collect();
    for (key, found) in many.iter().zip(&asked) {
        assert_eq!(found.as_ref(), by_key.get(key).copied(), "{key:?}");
        assert!(found.as_ref().is_none_or(|row| row.value.starts_with(b"2-")), "{found:?}");
    }
    assert!(by_key.len() > 1_000, "{}", by_key.len());
}
