//! What a thread tells of itself: why a task stands still, and what was counted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::bench::{Bench, Event, Op, Settings, counting, fails, line, pass, record, to};
use crate::record::TopicPartition;
use crate::runtime::{Condition, ThreadBoard};

const TWO_SOURCES: &str = r#"
[sources.a]
topic = "a"
[sources.b]
topic = "b"
[processors.both]
component = "x"
from = ["a", "b"]
[sinks.out]
topic = "out"
from = ["both"]
"#;

#[test]
fn a_task_that_waits_for_a_partition_names_it_once_that_has_lasted() {
    let settings = Settings { max_task_idle: Duration::from_secs(5), ..Settings::default() };
    let mut bench = Bench::with(TWO_SOURCES, &[("both", pass())], settings);
    bench.start(1);
    bench.produce("a", &[record("k", "v", 1)]);
    bench.settle();
    assert_eq!(bench.status()[0].condition, Condition::Running);
    bench.advance(999);
    assert_eq!(bench.status()[0].condition, Condition::Running);
    bench.advance(1);
    assert_eq!(bench.status()[0].condition, Condition::Waiting { at: TopicPartition::new("b", 0) });
    assert_eq!((bench.status()[0].lag(), bench.status()[0].lag_ms(bench.plan.clock.now())), (1, Some(999)));
    bench.advance(4_000);
    assert_eq!(bench.all("out"), ["k=v@1"]);
    assert_eq!(bench.status()[0].condition, Condition::Running);
    assert_eq!((bench.status()[0].lag(), bench.status()[0].lag_ms(bench.plan.clock.now())), (0, Some(0)));
}

#[test]
fn a_task_that_restores_tells_how_far_it_is_and_how_long_it_will_take() {
    const KEYS: u64 = 40_000;
    let mut bench = Bench::new(&counting("backend = \"memory\""), &[("count", super::bench::count())]);
    let records: Vec<_> = (0..KEYS).map(|n| record(&n.to_string(), "v", 1)).collect();
    bench.produce("in", &records);
    bench.settle();
    bench.start(1);
    bench.step(0).unwrap();
    assert_eq!(bench.status()[0].condition, Condition::Restoring { read: 10_000, total: KEYS, left_ms: Some(0), stands_at: None });
    bench.clock.advance_ms(1_000);
    bench.step(0).unwrap();
    assert_eq!(bench.status()[0].condition, Condition::Restoring { read: 20_000, total: KEYS, left_ms: Some(1_000), stands_at: None });
    assert_eq!(bench.status()[0].counters.restored, 20_000);
    bench.settle();
    assert_eq!((&bench.status()[0].condition, bench.status()[0].counters.restored), (&Condition::Running, KEYS));
}

#[test]
fn a_full_transaction_is_told_while_it_is_committed() {
    let board: Arc<Mutex<Option<ThreadBoard>>> = Arc::default();
    let seen: Arc<Mutex<Vec<Condition>>> = Arc::default();
    let (looks_at, told) = (board.clone(), seen.clone());
    let many: Op = Arc::new(move |_, event, _, outputs| {
        match event {
            Event::Process { record, .. } => outputs.extend((0..100).map(|_| to(0, record.clone()))),
            Event::AfterCommit => {
                let status = looks_at.lock().unwrap().as_ref().map(ThreadBoard::read).unwrap_or_default();
                told.lock().unwrap().extend(status.into_iter().map(|task| task.condition));
            }
            _ => {}
        }
        Ok(())
    });
    let mut bench = Bench::new(&line("many", ""), &[("many", many)]);
    *board.lock().unwrap() = Some(bench.members[0].board.clone());
    bench.produce("in", &(0..501).map(|n| record("k", "v", n)).collect::<Vec<_>>());
    bench.settle();
    assert!(seen.lock().unwrap().contains(&Condition::Full), "{:?}", seen.lock().unwrap());
    assert_eq!(bench.status()[0].condition, Condition::Running);
}

#[test]
fn threads_and_tasks_count_what_they_do() {
    let rest = "on-error = \"skip\"";
    let mut bench = Bench::new(&line("check", rest), &[("check", fails(1))]);
    bench.settle();
    bench.produce("in", &[record("k", "a", 5_000), record("k", "bad", 6_000), record("k", "b", 3_500)]);
    bench.settle();
    bench.fail_next_commit();
    bench.produce("in", &[record("k", "c", 6_000)]);
    bench.settle();
    let told = bench.members[0].board.told();
    let counters = told.counters;
    assert_eq!((counters.rebalances, counters.tasks_created, counters.tasks_closed, counters.rewinds), (1, 1, 0, 1));
    assert_eq!(counters.process.count, 5, "three, one that was undone, and that one again");
    assert!(counters.commit.count >= 2, "{counters:?}");
    let task = told.tasks[0].counters;
    assert_eq!((task.processed, task.skipped, task.dropped(), task.failed), (4, 1, 1, 1));
    assert_eq!((task.lateness.count, task.lateness.sum), (4, 2_500), "one record came 2.5 s late, behind one that failed");
}
