use std::fs;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::path::Path;

use super::*;

const FAMILIES: [FamilySpec<'static>; 2] =
    [FamilySpec { name: "a", access: Access::Points }, FamilySpec { name: "b", access: Access::Ranges }];

fn open_with(path: &Path, durability: Durability, families: &[FamilySpec<'_>]) -> Result<Database, DiskError> {
    Database::open(path, &Options { families, durability, budget: &Budget::new(1 << 20, 8 << 20), create_if_missing: true })
}

fn open(path: &Path, durability: Durability) -> Database {
    open_with(path, durability, &FAMILIES).unwrap()
}

fn put(db: &Database, family: &str, rows: &[(&str, &str)], sync: Sync) {
    let mut batch = Batch::new();
    for (key, value) in rows {
        batch.put(db.family(family).unwrap(), key.as_bytes(), value.as_bytes());
    }
    db.write(batch, sync).unwrap();
}

fn get(db: &Database, family: &str, key: &str) -> Option<String> {
    db.family(family).unwrap().get(key.as_bytes()).unwrap().map(|v| String::from_utf8(v).unwrap())
}

/// What is in a folder while the database is still open: what a crash of the process would leave.
fn crashed_copy(of: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(of).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn batch_is_written_whole_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path(), Durability::Logged);
    let (a, b) = (db.family("a").unwrap(), db.family("b").unwrap());
    let mut batch = Batch::new();
    for key in ["k1", "k2", "k3", "k4"] {
        batch.put(a, key.as_bytes(), b"1");
    }
    batch.delete_range(a, b"k2", b"k4");
    batch.put(a, b"k3", b"2");
    batch.delete(a, b"k1");
    batch.put(b, b"", b"");
    assert_eq!((batch.len(), batch.is_empty()), (8, false));
    db.write(batch, Sync::No).unwrap();
    let found = a.get_many(&[b"k4", b"k1", b"k2", b"k3"]).unwrap();
    assert_eq!(found, [Some(b"1".to_vec()), None, None, Some(b"2".to_vec())]);
    assert_eq!(b.get(b"").unwrap(), Some(Vec::new()), "an empty key with an empty value is a row");
    assert_eq!(b.read(b"", <[u8]>::len).unwrap(), Some(0));
}

#[test]
fn scan_obeys_bounds_direction_and_max() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path(), Durability::Flushed);
    let keys = ["", "a", "a\0", "b", "c"];
    put(&db, "b", &keys.map(|k| (k, k)), Sync::No);
    let bounds: Vec<Bound<&[u8]>> =
        [Unbounded].into_iter().chain(keys.iter().flat_map(|k| [Included(k.as_bytes()), Excluded(k.as_bytes())])).collect();
    for lower in &bounds {
        for upper in &bounds {
            let is_in = |key: &[u8]| {
                let low = match *lower {
                    Included(l) => key >= l,
                    Excluded(l) => key > l,
                    Unbounded => true,
                };
                low && match *upper {
                    Included(u) => key <= u,
                    Excluded(u) => key < u,
                    Unbounded => true,
                }
            };
            let mut want: Vec<&[u8]> = keys.iter().map(|k| k.as_bytes()).filter(|k| is_in(k)).collect();
            for direction in [Direction::Ascending, Direction::Descending] {
                for max in [0, 1, 2, 9] {
                    let rows = db.family("b").unwrap().scan(*lower, *upper, direction, max).unwrap();
                    let found: Vec<&[u8]> = rows.iter().map(|(key, _)| &**key).collect();
                    assert_eq!(found, want[..max.min(want.len())], "{lower:?} {upper:?} {direction:?} {max}");
                }
                want.reverse();
            }
        }
    }
}

#[test]
fn synced_write_to_a_logged_database_survives_a_crash() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let db = open(dir.path(), Durability::Logged);
    put(&db, "a", &[("k", "1")], Sync::Yes);
    put(&db, "b", &[("k", "2")], Sync::Yes);
    crashed_copy(dir.path(), copy.path());
    let db = open(copy.path(), Durability::Logged);
    assert_eq!((get(&db, "a", "k"), get(&db, "b", "k")), (Some("1".into()), Some("2".into())));
}

#[test]
fn flushed_database_keeps_all_families_up_to_the_last_flush() {
    let (dir, copy, synced) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let db = open(dir.path(), Durability::Flushed);
    put(&db, "a", &[("k", "1")], Sync::No);
    put(&db, "b", &[("k", "1")], Sync::No);
    db.flush().unwrap();
    put(&db, "a", &[("k", "2")], Sync::No);
    crashed_copy(dir.path(), copy.path());
    put(&db, "b", &[("k", "3")], Sync::Yes);
    crashed_copy(dir.path(), synced.path());
    let db = open(copy.path(), Durability::Flushed);
    assert_eq!((get(&db, "a", "k"), get(&db, "b", "k")), (Some("1".into()), Some("1".into())));
    let db = open(synced.path(), Durability::Flushed);
    assert_eq!((get(&db, "a", "k"), get(&db, "b", "k")), (Some("2".into()), Some("3".into())));
}

#[test]
fn family_that_is_not_asked_for_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path(), Durability::Flushed);
    put(&db, "b", &[("k", "1")], Sync::Yes);
    drop(db);
    let db = open_with(dir.path(), Durability::Flushed, &FAMILIES[..1]).unwrap();
    put(&db, "a", &[("k", "2")], Sync::Yes);
    assert_eq!(get(&db, "b", "k"), Some("1".into()));
    let unknown = db.family("c").unwrap_err();
    assert_eq!(unknown, DiskError::UnknownFamily { path: dir.path().to_owned(), family: "c".into() });
}

#[test]
fn second_opening_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _held = open(dir.path(), Durability::Logged);
    let refused = open_with(dir.path(), Durability::Logged, &FAMILIES).unwrap_err();
    assert_eq!(refused, DiskError::Locked { path: dir.path().to_owned() });
    assert_eq!(Database::destroy(dir.path()).unwrap_err(), refused);
}

#[test]
fn folder_without_a_database_is_an_error_unless_one_may_be_made() {
    let dir = tempfile::tempdir().unwrap();
    let budget = Budget::new(1 << 20, 8 << 20);
    let options = Options { families: &FAMILIES, durability: Durability::Logged, budget: &budget, create_if_missing: false };
    let missing = Database::open(dir.path(), &options).unwrap_err();
    assert_eq!(missing, DiskError::Missing { path: dir.path().to_owned() });
}

type Harm<'a> = &'a dyn Fn(&Path);

#[test]
fn broken_files_are_told_as_corruption_and_can_be_destroyed() {
    let overwrite = |path: &Path| fs::write(path, b"not a database").unwrap();
    let cut = |path: &Path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(10).unwrap();
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    let cases: [(&str, Harm<'_>); 7] = [
        ("CURRENT", &overwrite),
        ("CURRENT", &remove),
        ("MANIFEST", &overwrite),
        ("MANIFEST", &remove),
        ("sst", &cut),
        ("sst", &overwrite),
        ("sst", &remove),
    ];
    for (ix, (file, harm)) in cases.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let db = open(&path, Durability::Flushed);
        put(&db, "a", &[("k", "1")], Sync::Yes);
        drop(db);
        let harmed = fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).find(|p| p.to_string_lossy().contains(file)).unwrap();
        harm(&harmed);
        match open_with(&path, Durability::Flushed, &FAMILIES) {
            Err(DiskError::Corrupted { path: named, .. }) => assert_eq!(named, path),
            other => panic!("{file}, case {ix}: {other:?}"),
        }
        Database::destroy(&path).unwrap();
        assert!(!path.exists());
        Database::destroy(&path).unwrap();
        assert_eq!(get(&open(&path, Durability::Flushed), "a", "k"), None);
    }
}

#[test]
fn database_may_be_shared_by_threads() {
    fn shared<T: Send + std::marker::Sync>() {}
    shared::<Database>();
}

#[test]
fn tables_lie_over_what_was_there_and_are_durable_at_once() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let db = open(dir.path(), Durability::Flushed);
    put(&db, "a", &[("k1", "old"), ("k2", "old")], Sync::No);
    db.set_compactions("a", Compactions::Off).unwrap();
    let add = |rows: &[(&str, Option<&str>)]| {
        let rows: Vec<_> = rows.iter().map(|(key, value)| (key.as_bytes(), value.map(str::as_bytes))).collect();
        let file = dir.path().join("new");
        db.make_table("a", &file, rows.into_iter()).and_then(|made| if made { db.add_table("a", &file) } else { Ok(()) })
    };
    add(&[]).unwrap();
    add(&[("k1", Some("new")), ("k3", Some("new"))]).unwrap();
    add(&[("k2", None), ("k3", Some("newest"))]).unwrap();
    assert!(!dir.path().join("new").exists(), "the file has become the database's");
    assert!(matches!(add(&[("k2", None), ("k1", None)]), Err(DiskError::Io { .. })), "in no order");
    db.set_compactions("a", Compactions::On).unwrap();
    crashed_copy(dir.path(), copy.path());
    let crashed = open(copy.path(), Durability::Flushed);
    for db in [&db, &crashed] {
        let rows = ["k1", "k2", "k3"].map(|key| get(db, "a", key));
        assert_eq!(rows, [Some("new".to_owned()), None, Some("newest".to_owned())]);
    }
    put(&db, "a", &[("k3", "written after")], Sync::No);
    assert_eq!(get(&db, "a", "k3").unwrap(), "written after");
}

#[test]
fn share_of_the_rows_shrinks_when_there_are_too_many_and_it_has_more_than_its_part() {
    let budget = Budget::new(1 << 20, 1 << 20).with_rows(100);
    let (mut a, mut b) = (budget.rows(), budget.rows());
    assert!(a.use_bytes(100), "one alone may have all");
    assert!(b.use_bytes(50), "it takes its part though there is no room");
    assert!(!a.use_bytes(100) && !b.use_bytes(51));
    assert_eq!(budget.bytes_in_use() - budget.block_bytes(), 151);
    assert!(a.use_bytes(40) && b.use_bytes(60), "there is room for both");
    drop(b);
    assert!(a.use_bytes(100) && !a.use_bytes(101));
    drop(a);
    assert_eq!(budget.bytes_in_use(), budget.block_bytes());
}
