//! Several threads: tasks change hands, or are taken away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::bench::{Bench, Event, Op, Settings, add_one, count, counting, line, op, pass, record, to};
use crate::broker::sim::SimBroker;
use crate::broker::{self, Broker};
use crate::limits;
use crate::node::{Grid, PunctuationClock};
use crate::record::TopicPartition;
use crate::runtime::{Host, HostExit, HostSettings};

fn on_disk(partitions: u32) -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { partitions, folder: Some(folder.path().to_owned()), ..Settings::default() };
    (folder, settings)
}

/// So many records for each of three partitions, keyed by the partition.
fn feed(bench: &Bench, from: i64, to: i64) {
    for i in from..to {
        for partition in 0..3 {
            bench.produce_to("in", partition, record(&format!("k{partition}"), &i.to_string(), i));
        }
    }
}

fn expect_counted(bench: &mut Bench, records: i64) {
    let mut all = bench.all("out");
    all.sort();
    let mut expected: Vec<String> = (0..records).flat_map(|i| (0..3).map(move |p| format!("k{p}={i}#{}@{i}", i + 1))).collect();
    expected.sort();
    assert_eq!(all, expected);
    assert_eq!(bench.rows("counts"), (0..3).map(|p| format!("k{p}={records}")).collect::<Vec<_>>());
}

#[test]
fn tasks_change_hands_with_their_state_and_nothing_is_lost_or_doubled() {
    for memory in [true, false] {
        let (_folder, mut settings) = on_disk(3);
        settings.folder = settings.folder.filter(|_| !memory);
        let mut bench = Bench::with(&counting(""), &[("count", count())], settings);
        bench.start(2);
        bench.sim.rebalance("app", 1);
        feed(&bench, 0, 5);
        bench.settle();
        for (members, until) in [(2, 10), (1, 15), (2, 20)] {
            feed(&bench, until - 5, until);
            bench.step(0).unwrap();
            bench.sim.rebalance("app", members);
            if until == 15 {
                bench.fail_next_commit();
            }
            bench.settle();
        }
        assert_eq!(bench.status().iter().map(|t| (t.id.partition, t.thread)).collect::<Vec<_>>(), [(0, 0), (1, 1), (2, 0)]);
        expect_counted(&mut bench, 20);
    }
}

#[test]
fn a_revoked_task_whose_commit_failed_is_done_again_by_its_next_owner() {
    let (_folder, mut settings) = on_disk(3);
    settings.commit_floor = std::time::Duration::from_secs(1);
    let mut bench = Bench::with(&counting(""), &[("count", count())], settings);
    bench.start(2);
    bench.sim.rebalance("app", 1);
    feed(&bench, 0, 3);
    bench.settle();
    feed(&bench, 3, 5);
    bench.step(0).unwrap();
    bench.sim.rebalance("app", 2);
    bench.fail_next_commit();
    bench.settle();
    bench.advance(1_000);
    bench.advance(1_000);
    expect_counted(&mut bench, 5);
}

#[test]
fn lost_partitions_take_the_transaction_along_and_their_next_owner_begins_at_the_last_commit() {
    let (_folder, mut settings) = on_disk(3);
    settings.commit_floor = std::time::Duration::from_secs(1);
    let mut bench = Bench::with(&counting(""), &[("count", count())], settings);
    bench.start(2);
    feed(&bench, 0, 3);
    bench.settle();
    feed(&bench, 3, 6);
    bench.step(0).unwrap();
    bench.sim.lose("app", 0);
    // The other one would have them before this one hears of it, and its stores are open here still.
    bench.sim.rebalance("app", 1);
    bench.step(1).unwrap();
    bench.settle();
    bench.sim.rebalance("app", 2);
    bench.settle();
    bench.advance(1_000);
    bench.advance(1_000);
    expect_counted(&mut bench, 6);
    assert_eq!(bench.members[0].board.told().counters.rewinds, 1, "what was lost is told");
}

#[test]
fn what_others_have_written_is_not_hidden_by_a_flush_of_one_who_does_not_know_yet_that_it_has_lost_the_task() {
    let (_folder, settings) = on_disk(1);
    let mut bench = Bench::with(&counting(""), &[("count", count())], settings);
    bench.start(1);
    // The first record is flushed at once, those that come soon afterwards are not.
    for time in [1, 2] {
        bench.produce("in", &[record("k", "a", time)]);
        bench.settle();
    }
    // It sleeps, and somebody else counts the next record.
    bench.sim.deafen("app", 0);
    bench.sim.lose("app", 0);
    bench.produce("in", &[record("k", "a", 3)]);
    bench.produce_to("app-counts-changelog", 0, record("k", "3", 3));
    let counted = broker::Committed { offset: 3, metadata: "3".to_owned() };
    bench.sim.set_committed("app", &[(TopicPartition::new("in", 0), Some(counted))]).unwrap();
    bench.sim.hold(&TopicPartition::new("in", 0));
    // It wakes when it is time to flush, and hears of its loss a step later.
    bench.clock.advance_ms(i64::try_from(limits::UNFLUSHED_FOR.as_millis()).unwrap());
    bench.step(0).unwrap();
    bench.sim.hear("app", 0);
    bench.sim.release(&TopicPartition::new("in", 0));
    bench.settle();
    assert_eq!(bench.rows("counts"), ["k=3"]);
}

/// Loses all partitions of its thread at the first record with this value: in the middle of a step.
fn losing(sim: SimBroker) -> Op {
    let lost = AtomicBool::new(false);
    op(move |_, _, record, _, outputs| {
        if record.value.as_deref() == Some(b"lose") && !lost.swap(true, Ordering::Relaxed) {
            sim.lose("app", 0);
        }
        outputs.push(to(0, record));
        Ok(())
    })
}

#[test]
fn partitions_that_are_lost_in_the_middle_of_a_step_do_not_stop_the_thread() {
    let mut bench = Bench::with(&line("pass", ""), &[], Settings { partitions: 2, ..Settings::default() });
    let op = losing(bench.sim.clone());
    bench.set_ops(&[("pass", op)]);
    bench.start(1);
    bench.settle();
    bench.produce_to("in", 0, record("a", "1", 1));
    bench.produce_to("in", 0, record("a", "lose", 2));
    bench.produce_to("in", 1, record("b", "2", 2));
    bench.settle();
    let mut all = bench.all("out");
    all.sort();
    assert_eq!(all, ["a=1@1", "a=lose@2", "b=2@2"]);
}

/// Gives a running number, which its store keeps: from its first record on another one each second, whether records come or not.
fn numbering() -> Op {
    Arc::new(|place, event, env, outputs| {
        match event {
            Event::Init => {
                let each_second = Grid { interval_ms: 1_000, clock: PunctuationClock::WallClock, start: None };
                env.schedules.schedule(place.at, "number", each_second, env.now, env.stream_time);
                return Ok(());
            }
            Event::Punctuate { .. } if env.stores.get(place.store, b"number")?.is_some() => {}
            Event::Process { .. } => {}
            _ => return Ok(()),
        }
        let number = add_one(place, env, b"number")?;
        outputs.push(to(0, record("number", &number.to_string(), 0)));
        Ok(())
    })
}

#[test]
fn whoever_has_lost_a_task_commits_nothing_of_it_though_it_took_no_record() {
    let mut bench = Bench::with(&counting(""), &[("count", numbering())], Settings { partitions: 2, ..Settings::default() });
    bench.start(2);
    bench.produce_to("in", 1, record("k", "a", 1));
    bench.settle();
    bench.advance(1_000);
    // Number 1 sleeps beyond its session, and the other one goes on with its task.
    bench.sim.deafen("app", 1);
    bench.sim.lose("app", 1);
    bench.sim.rebalance("app", 1);
    for _ in 0..2 {
        bench.clock.advance_ms(1_000);
        (0..20).for_each(|_| _ = bench.step(0).unwrap());
    }
    assert_eq!(bench.all("out"), ["number=1@0", "number=2@0", "number=3@0"]);
    // It wakes, knows of nothing, and its second is over, too.
    (0..20).for_each(|_| _ = bench.step(1).unwrap());
    bench.sim.hear("app", 1);
    bench.advance(1_000);
    assert_eq!(bench.all("out"), ["number=1@0", "number=2@0", "number=3@0", "number=4@0"]);
    assert_eq!((bench.all("app-counts-changelog").len(), bench.rows("counts")), (4, vec!["number=4".to_owned()]));
}

#[test]
fn a_host_is_idle_when_all_its_tasks_have_told_and_their_counters_are_those_of_the_end() {
    let bench = Bench::with(&line("pass", ""), &[("pass", pass())], Settings { partitions: 3, ..Settings::default() });
    feed(&bench, 0, 500);
    // What is gone is not waited for.
    bench.sim.truncate_before(&TopicPartition::new("in", 0), 500).unwrap();
    let plan = Arc::into_inner(bench.plan).unwrap();
    assert_eq!(plan.task_count(), 3);
    let mut host = Host::start(plan, HostSettings { threads: 2 }).unwrap();
    while !host.idle().unwrap() {
        assert!(!host.all_parked() && host.ended().is_none());
        std::thread::yield_now();
    }
    let status = host.status();
    assert_eq!(status.iter().map(|task| task.counters.from_inputs).collect::<Vec<_>>(), [0, 500, 500]);
    assert!(matches!(host.stop(true), HostExit::Stopped));
}

#[test]
fn source_that_grows_gives_tasks_without_stores_more_and_parks_those_with() {
    for stateful in [false, true] {
        let (toml, node, op) = if stateful { (counting(""), "count", count()) } else { (line("pass", ""), "pass", pass()) };
        let settings = Settings { partitions: 2, ..Settings::default() };
        let mut bench = Bench::with(&toml, &[(node, op)], settings);
        bench.start(1);
        bench.settle();
        bench.sim.grow_topic(&"in".into(), 3).unwrap();
        for partition in 0..3 {
            bench.produce_to("in", partition, record("k", "v", 1));
        }
        bench.settle();
        assert_eq!(bench.parked("in_2").is_some(), stateful);
        assert_eq!(bench.all("out").len(), if stateful { 2 } else { 3 });
        if stateful {
            assert!(bench.parked("in_2").unwrap().contains("has grown: 'in'"));
        }
    }
}
