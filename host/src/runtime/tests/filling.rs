//! Restores that are so large that the stores are opened to be filled.

use super::bench::{Bench, Settings, count, counting, record};
use crate::broker::Broker;
use crate::limits;
use crate::record::TopicPartition;
use crate::runtime::status::{Condition, TaskStatus};

/// Two versions of each key, and a tombstone for each third.
const VERSIONS: u64 = limits::FILL_RECORDS / 2;
/// More than a restore ever takes: most of them only find that a table is still being made.
const STEPS: usize = 50_000_000;

fn key(n: u64) -> String {
    // In no order: another factor, modulo the next power of two.
    format!("{:06}", n.wrapping_mul(77_777) % (1 << 17))
}

fn rows() -> Vec<String> {
    let mut rows: Vec<String> = (0..VERSIONS).filter(|n| n % 3 != 0).map(|n| format!("{}={}", key(n), n + VERSIONS)).collect();
    rows.sort();
    rows
}

fn bench(backend: &str, folder: &tempfile::TempDir) -> Bench {
    let settings = Settings { partitions: 2, folder: Some(folder.path().to_owned()), ..Settings::default() };
    let toml = counting(&format!("backend = \"{backend}\"\n"));
    let mut bench = Bench::with(&toml, &[("count", count())], settings);
    bench.start(1);
    bench.settle();
    bench
}

fn fill_changelog(bench: &Bench) {
    let version = |n: u64| record(&key(n % VERSIONS), &n.to_string(), 1);
    let versions = (0..2 * VERSIONS).map(version);
    let tombstones = (0..VERSIONS).filter(|n| n % 3 == 0).map(|n| record(&key(n), "null", 1));
    bench.produce_all_to("app-counts-changelog", 0, versions.chain(tombstones).collect());
}

fn task(bench: &Bench) -> TaskStatus {
    bench.status().into_iter().find(|t| &*t.id.name == "in_0").unwrap()
}

/// Steps until every task works. Tables are made in the background, so that how many steps it takes is not known.
fn restore(bench: &mut Bench) {
    for _ in 0..STEPS {
        let tasks = bench.status();
        if !tasks.is_empty() && tasks.iter().all(|t| !matches!(t.condition, Condition::Restoring { .. })) {
            return;
        }
        bench.step(0).unwrap();
    }
    panic!("the restore never ends: {:?}", bench.status());
}

/// Steps until the task has read a part of its changelog.
fn step_into_the_restore(bench: &mut Bench) {
    for _ in 0..5 {
        bench.step(0).unwrap();
    }
    let Condition::Restoring { read, total, .. } = task(bench).condition else { panic!("{:?}", bench.status()) };
    assert!(0 < read && read < total, "{read} of {total}");
}

#[test]
fn last_versions_count_and_other_tasks_work_meanwhile() {
    for backend in ["rocksdb", "memory"] {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = bench(backend, &folder);
        bench.stop();
        fill_changelog(&bench);
        let all = bench.appended("app-counts-changelog").len() as u64;
        // Nothing of it is on the disk yet.
        let _ = std::fs::remove_dir_all(folder.path().join("in_0"));
        bench.produce_to("in", 1, record("k", "a", 1));
        bench.start(1);
        step_into_the_restore(&mut bench);
        assert_eq!(bench.all("out"), ["k=a#1@1"], "{backend}: the other task works");
        restore(&mut bench);
        assert_eq!(task(&bench).counters.restored, all, "{backend}");
        let mut want = rows();
        want.push("k=1".to_owned());
        assert!(bench.rows("counts") == want, "{backend}");
        bench.stop();
        bench.start(1);
        restore(&mut bench);
        assert_eq!(task(&bench).counters.restored, if backend == "memory" { all } else { 0 }, "{backend}: from the disk");
        assert!(bench.rows("counts") == want, "{backend}");
    }
}

#[test]
fn a_fill_that_was_cut_short_is_no_state() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = bench("rocksdb", &folder);
    bench.stop();
    fill_changelog(&bench);
    bench.start(1);
    step_into_the_restore(&mut bench);
    // Gone without a word; what it had read is compacted away before the next start.
    bench.members.clear();
    let all = bench.appended("app-counts-changelog").len() as u64;
    let first = all - 10;
    bench.sim.delete_before(&TopicPartition::new("app-counts-changelog", 0), first).unwrap();
    bench.start(1);
    restore(&mut bench);
    assert_eq!((task(&bench).counters.restored, bench.rows("counts")), (10, Vec::new()), "tombstones alone are left");
}
