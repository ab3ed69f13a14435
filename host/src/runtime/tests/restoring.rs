//! State after a restart: always that of the last commit, wherever it comes from.

use std::path::Path;

use bytes::Bytes;

use super::bench::{Bench, Op, Settings, count, counting, line, op, record, text, to};
use crate::broker::{Broker, BrokerError, Retry};
use crate::limits;
use crate::node::Failure;
use crate::record::{Record, TopicPartition};
use crate::runtime::Condition;
use crate::store::{Changelog, Home, StoreConfig, TaskStores};
use crate::topology::{Backend, StoreShape};

fn in_folder(toml: &str, ops: &[(&str, Op)], folder: &Path) -> Bench {
    let mut bench = Bench::with(toml, ops, Settings { folder: Some(folder.to_owned()), ..Settings::default() });
    bench.start(1);
    bench
}

/// A stream joined with a table by the table's node and its store.
const TABLE: &str = r#"
[tables.t]
topic = "t"
timestamp = { field = "/at" }
[sources.in]
topic = "in"
[processors.join]
component = "x"
inputs = { left = "in", right = "t" }
[sinks.out]
topic = "out"
from = ["join"]
"#;

fn only_left() -> Op {
    op(|_, input, record, _, outputs| {
        if input == 0 {
            outputs.push(to(0, record));
        }
        Ok(())
    })
}

/// The position of a store, given with its changelog.
fn stored_position(folder: &Path, task: &str, store: &str, changelog: &str) -> Option<u64> {
    let (shape, backend) = (StoreShape::KeyValue { ttl: None }, Backend::RocksDb);
    let config = StoreConfig { name: store.into(), shape, backend, changelog: changelog.into() };
    let budget = crate::disk::Budget::new(1 << 20, 1 << 20);
    let open = TaskStores::open(Some(Home { folder: &folder.join(task), budget: &budget }), vec![config]).unwrap();
    open.stored_position(Changelog::Store(0)).unwrap()
}

#[test]
fn a_table_is_restored_from_its_own_topic_up_to_the_committed_offset_through_the_same_extraction() {
    for disk in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { folder: disk.then(|| folder.path().to_owned()), ..Settings::default() };
        let mut bench = Bench::with(TABLE, &[("join", only_left())], settings);
        bench.start(1);
        bench.produce("t", &[record("a", r#"{"at":5}"#, 1), record("b", r#"{"at":6}"#, 1), record("a", "null", 1)]);
        bench.settle();
        assert!(bench.parked("t_0").is_some(), "a tombstone has no field to take a time from");
        bench.start(1);
        bench.restored();
        assert_eq!(bench.rows("t"), [r#"a={"at":5}"#, r#"b={"at":6}"#], "what was not processed is not in the store");
        let rows = bench.members[0].thread.rows("t").unwrap().unwrap();
        assert_eq!(rows.iter().map(|(_, row)| row.timestamp.0).collect::<Vec<_>>(), [5, 6]);
    }
}

#[test]
fn the_stored_position_of_a_tables_own_topic_is_its_committed_offset() {
    let folder = tempfile::tempdir().unwrap();
    let toml = TABLE.replace("timestamp = { field = \"/at\" }\n", "");
    let mut bench = in_folder(&toml, &[("join", only_left())], folder.path());
    bench.produce("t", &[record("a", "1", 1), record("b", "2", 2)]);
    bench.settle();
    bench.produce("t", &[record("c", "3", 3)]);
    bench.stop();
    assert_eq!(stored_position(folder.path(), "t_0", "t", "t"), Some(2), "not the end of the topic");
    bench.start(1);
    bench.settle();
    assert_eq!(bench.rows("t"), ["a=1", "b=2", "c=3"]);
}

#[test]
fn a_crash_without_a_flush_costs_nothing_and_stored_positions_never_lead() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = in_folder(&counting(""), &[("count", count())], folder.path());
    let end = |bench: &Bench| bench.sim.bounds(&TopicPartition::new("app-counts-changelog", 0)).unwrap().1;
    for round in 0..4 {
        bench.produce("in", &[record("k", "a", round), record("l", "b", round)]);
        bench.settle();
        let applied = end(&bench);
        bench.produce("in", &[record("k", "not committed", round)]);
        if round == 2 {
            bench.clock.advance_ms(i64::try_from(limits::UNFLUSHED_FOR.as_millis()).unwrap());
        }
        // Gone in the middle: the thread may or may not have seen the record.
        bench.members.clear();
        let stored = stored_position(folder.path(), "in_0", "counts", "app-counts-changelog");
        assert!(stored.unwrap_or(0) <= applied, "{stored:?} leads {applied}");
        bench.start(1);
        bench.settle();
        let n = 2 * (round + 1);
        assert_eq!(bench.rows("counts"), [format!("k={n}"), format!("l={}", round + 1)]);
    }
    let all = bench.all("out");
    let last = all.last().unwrap();
    assert_eq!((all.len(), last.as_str()), (12, "k=not committed#8@3"));
}

#[test]
fn a_restore_that_is_given_up_leaves_nothing_to_be_fetched() {
    let settings = Settings { partitions: 2, ..Settings::default() };
    let mut bench = Bench::with(&counting(""), &[("count", count())], settings);
    let changelog = TopicPartition::new("app-counts-changelog", 1);
    // More than a step reads.
    let rows = |n: i64| (0..n).map(|i| record(&i.to_string(), "1", i)).collect();
    bench.produce_all_to("app-counts-changelog", 1, rows(30_000));
    bench.start(2);
    let begin = |bench: &mut Bench, member: usize| {
        let reading = (0..10).any(|_| {
            bench.step(member).unwrap();
            bench.sim.is_read(&changelog)
        });
        assert!(reading, "the restore takes several steps");
    };
    begin(&mut bench, 1);
    bench.sim.rebalance("app", 1);
    // It hears of it, and has let go when it asks again.
    (0..2).for_each(|_| _ = bench.step(1).unwrap());
    assert!(!bench.sim.is_read(&changelog), "revoked");
    begin(&mut bench, 0);
    bench.produce_to("in", 0, record("k", "a", 1));
    bench.sim.hide_next_commit(BrokerError::Failed { what: "commit".into(), why: "as asked".into(), retry: Retry::InDoubt });
    bench.step(0).unwrap();
    assert!(!bench.sim.is_read(&changelog), "made anew");
    bench.settle();
    assert!(!bench.sim.is_read(&changelog) && bench.rows("counts").len() == 30_001);
}

#[test]
fn what_was_written_is_flushed_in_time_though_nothing_more_comes() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = in_folder(&counting(""), &[("count", count())], folder.path());
    // A task's first records are flushed at once, those that come soon afterwards are not.
    for key in ["k", "l"] {
        bench.produce("in", &[record(key, "a", 1)]);
        bench.settle();
    }
    bench.advance(i64::try_from(limits::UNFLUSHED_FOR.as_millis()).unwrap());
    bench.members.clear();
    assert_eq!(stored_position(folder.path(), "in_0", "counts", "app-counts-changelog"), Some(2));
}

#[test]
fn a_corrupted_state_folder_is_wiped_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = in_folder(&counting(""), &[("count", count())], folder.path());
    bench.produce("in", &[record("k", "a", 1), record("k", "b", 2)]);
    bench.settle();
    bench.stop();
    let task = folder.path().join("in_0");
    for file in std::fs::read_dir(&task).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("MANIFEST") || name.ends_with(".sst") {
            std::fs::write(path, b"not a database").unwrap();
        }
    }
    bench.start(1);
    bench.produce("in", &[record("k", "c", 3)]);
    bench.settle();
    assert_eq!((bench.rows("counts"), bench.all("out").len()), (vec!["k=3".to_owned()], 3));
}

#[test]
fn state_of_another_log_is_wiped_whole() {
    let two = counting("[processors.count2]\ncomponent = \"x\"\nfrom = [\"in\"]\nstores = [\"more\"]\n[stores.more]\n");
    let folder = tempfile::tempdir().unwrap();
    let ops = [("count", count()), ("count2", count())];
    let mut bench = in_folder(&two, &ops, folder.path());
    bench.produce("in", &[record("k", "a", 1), record("l", "b", 2)]);
    bench.settle();
    bench.stop();
    // The other log holds less of one changelog, and other things in the other.
    let mut bench = Bench::with(&two, &ops, Settings { folder: Some(folder.path().to_owned()), ..Settings::default() });
    let rows = |records: &[(&str, &str)]| records.iter().map(|(k, v)| record(k, v, 1)).collect::<Vec<_>>();
    bench.produce("app-counts-changelog", &rows(&[("x", "5"), ("y", "6"), ("z", "7")]));
    bench.produce("app-more-changelog", &rows(&[("x", "8")]));
    bench.start(1);
    bench.settle();
    assert_eq!((bench.rows("counts"), bench.rows("more")), (vec!["x=5".to_owned(), "y=6".into(), "z=7".into()], vec!["x=8".to_owned()]));
}

#[test]
fn stream_time_is_that_of_the_last_commit() {
    let times = op(|_, _, mut record, env, outputs| {
        record.value = Some(format!("{:?}", env.stream_time.map(|t| t.0)).into());
        outputs.push(to(0, record));
        Ok(())
    });
    let mut bench = Bench::with(&super::bench::line("pass", ""), &[("pass", times)], Settings::default());
    bench.start(1);
    bench.produce("in", &[record("k", "a", 50), record("k", "b", 7)]);
    bench.settle();
    bench.start(1);
    bench.produce("in", &[record("k", "c", 8)]);
    bench.settle();
    assert_eq!(bench.all("out"), ["k=Some(50)@50", "k=Some(50)@7", "k=Some(50)@8"]);
}

#[test]
fn a_table_with_fewer_partitions_than_its_sub_topology_has_tasks_is_restored_where_it_exists() {
    let toml = r#"
[topics.t]
partitions = 1
[tables.t]
topic = "t"
[sources.in]
topic = "in"
[processors.merge]
component = "x"
from = ["in", "t"]
[sinks.out]
topic = "out"
from = ["merge"]
"#;
    let mut bench = Bench::with(toml, &[("merge", super::bench::pass())], Settings { partitions: 3, ..Settings::default() });
    bench.start(1);
    bench.produce("t", &[record("a", "1", 1)]);
    (0..3).for_each(|p| bench.produce_to("in", p, record("k", &p.to_string(), 2)));
    bench.settle();
    let mut all = bench.all("out");
    all.sort();
    assert_eq!((all.len(), bench.rows("t")), (4, vec!["a=1".to_owned()]));
    bench.start(1);
    bench.settle();
    assert_eq!(bench.rows("t"), ["a=1"]);
    assert_eq!(text(&None), "null");
}

#[test]
fn a_database_that_breaks_while_the_task_works_is_restored_and_costs_no_other_task_anything() {
    // A row that cannot be understood, as a disk may give: written below the host's feet between two runs.
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { partitions: 2, folder: Some(folder.path().to_owned()), ..Settings::default() };
    let mut bench = Bench::with(&counting(""), &[("count", count())], settings);
    bench.start(1);
    (0..2).for_each(|p| bench.produce_to("in", p, record("k", "a", 1)));
    bench.settle();
    bench.stop();
    break_row(&folder.path().join("in_0"), b"k");
    bench.start(1);
    (0..2).for_each(|p| bench.produce_to("in", p, record("k", "b", 2)));
    bench.settle();
    let mut all = bench.all("out");
    all.sort();
    assert_eq!(all, ["k=a#1@1", "k=a#1@1", "k=b#2@2", "k=b#2@2"]);
    assert_eq!(bench.rows("counts"), ["k=2", "k=2"]);
}

fn break_row(task: &Path, key: &[u8]) {
    use crate::disk::{Access, Batch, Budget, Database, Durability, FamilySpec, Options, Sync};
    let families = ["meta", "cells", "store.counts"].map(|name| FamilySpec { name, access: Access::Points });
    let budget = Budget::new(1 << 20, 1 << 20);
    let options = Options { families: &families, durability: Durability::Flushed, budget: &budget, create_if_missing: false };
    let database = Database::open(task, &options).unwrap();
    let mut batch = Batch::new();
    batch.put(database.family("store.counts").unwrap(), key, b"short");
    database.write(batch, Sync::No).unwrap();
    database.flush().unwrap();
}

#[test]
fn cells_without_a_store_beside_them_are_restored() {
    let counted = op(|_, _, record, env, outputs| {
        let n = env.stores.cell("pass", "n")?.map_or(0, |cell| cell[0]) + 1;
        env.stores.put_cell("pass", "n", Some(Bytes::from(vec![n])))?;
        outputs.push(to(0, Record { value: Some(n.to_string().into()), ..record }));
        Ok(())
    });
    let mut bench = Bench::new(&line("pass", ""), &[("pass", counted)]);
    for at in 1..3 {
        bench.produce("in", &[record("k", "a", at)]);
        bench.settle();
        bench.start(1);
    }
    assert_eq!(bench.all("out"), ["k=1@1", "k=2@2"]);
}

#[test]
fn a_row_that_was_taken_back_with_a_skipped_record_does_not_come_back() {
    for (policy, changelog) in [("fail", "t"), ("skip", "app-t-changelog")] {
        let toml = TABLE.replace("component = \"x\"", &format!("component = \"x\"\non-error = \"{policy}\""));
        let refuses = op(|_, _, record, _, _| match text(&record.value).contains("bad") {
            true => Err(Failure::BadRecord("bad".into())),
            false => Ok(()),
        });
        let mut bench = Bench::new(&toml, &[("join", refuses)]);
        assert_eq!(&*bench.plan.topology.stores[0].changelog, changelog);
        bench.produce("t", &[record("a", r#"{"at":5}"#, 1), record("a", r#"{"at":6,"bad":1}"#, 1), record("b", r#"{"at":7}"#, 1)]);
        bench.settle();
        let rows = bench.rows("t");
        assert_eq!(rows[0], r#"a={"at":5}"#, "{policy}");
        bench.start(1);
        bench.restored();
        assert_eq!(bench.rows("t"), rows, "{policy}");
    }
}

#[test]
fn a_restore_that_an_open_transaction_keeps_waiting_says_so_and_goes_on_when_that_ends() {
    let mut bench = Bench::with(&counting("backend = \"memory\""), &[("count", count())], Settings::default());
    let changelog = TopicPartition::new("app-counts-changelog", 0);
    bench.produce_all_to("app-counts-changelog", 0, (0..10).map(|i| record(&i.to_string(), "1", i)).collect());
    bench.sim.open_transaction(&changelog, 4);
    bench.start(1);
    let stands = |bench: &Bench| match bench.status()[0].condition.clone() {
        Condition::Restoring { read, total, stands_at, .. } => (read, total, stands_at),
        other => panic!("{other:?}"),
    };
    let standstill = i64::try_from(limits::RESTORE_STANDSTILL.as_millis()).unwrap();
    for (ms, at) in [(0, None), (standstill - 1, None), (1, Some(changelog.clone()))] {
        bench.clock.advance_ms(ms);
        (0..5).for_each(|_| _ = bench.step(0).unwrap());
        assert_eq!(stands(&bench), (4, 10, at));
    }
    // What moves does not stand, for as long again.
    bench.sim.open_transaction(&changelog, 7);
    (0..5).for_each(|_| _ = bench.step(0).unwrap());
    assert_eq!(stands(&bench), (7, 10, None));
    bench.sim.end_transaction(&changelog);
    bench.settle();
    assert_eq!((bench.status()[0].condition.clone(), bench.rows("counts").len()), (Condition::Running, 10));
}
