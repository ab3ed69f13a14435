//! Transactions: when they are committed, and what a void one leaves behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::bench::{Bench, Event, Op, Settings, add_one, count, counting, fails, line, op, pass, record, to};
use crate::broker::{Broker, BrokerError, Retry};
use crate::clock::Clock;
use crate::limits;
use crate::record::{Timestamp, TopicPartition};
use crate::runtime::{Command, Step};

#[test]
fn a_void_transaction_is_done_again_and_its_outputs_are_there_once() {
    let mut bench = Bench::new(&counting(""), &[("count", count())]);
    bench.produce("in", &[record("k", "a", 1), record("l", "b", 2)]);
    bench.settle();
    bench.fail_next_commit();
    bench.fail_next_commit();
    bench.produce("in", &[record("k", "c", 3), record("k", "d", 4)]);
    bench.settle();
    assert_eq!(bench.all("out"), ["k=a#1@1", "l=b#1@2", "k=c#2@3", "k=d#3@4"]);
    assert_eq!(bench.all("app-counts-changelog"), ["k=1@1", "l=1@2", "k=3@4"]);
    assert_eq!(bench.rows("counts"), ["k=3", "l=1"]);
}

/// An error of the log, with what helps against it.
fn failed(retry: Retry) -> BrokerError {
    BrokerError::Failed { what: "commit".into(), why: "as asked".into(), retry }
}

#[test]
fn whatever_a_commit_fails_of_its_outputs_are_there_once() {
    let table = [Retry::Rewind, Retry::Same, Retry::Rejoin, Retry::Recreate, Retry::InDoubt, Retry::FencedInDoubt];
    let stand = [Retry::InDoubt, Retry::FencedInDoubt].map(|retry| (retry, true));
    for (retry, stands) in table.map(|retry| (retry, false)).into_iter().chain(stand) {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { folder: Some(folder.path().to_owned()), ..Settings::default() };
        let mut bench = Bench::with(&counting(""), &[("count", count())], settings);
        bench.start(1);
        bench.produce("in", &[record("k", "a", 1)]);
        bench.settle();
        match stands {
            true => bench.sim.hide_next_commit(failed(retry)),
            false => bench.sim.fail_next_commit(failed(retry)),
        }
        bench.produce("in", &[record("k", "b", 2)]);
        bench.settle();
        bench.produce("in", &[record("k", "c", 3)]);
        bench.advance(1_000);
        assert_eq!(bench.all("out"), ["k=a#1@1", "k=b#2@2", "k=c#3@3"], "{retry:?}, stands: {stands}");
        assert_eq!(bench.rows("counts"), ["k=3"], "{retry:?}, stands: {stands}");
        let closed = bench.members[0].board.told().counters.tasks_closed;
        assert_eq!(closed, u64::from(matches!(retry, Retry::Rejoin | Retry::InDoubt | Retry::FencedInDoubt)), "{retry:?}: tasks made anew");
    }
}

#[test]
fn a_recovery_that_fails_half_way_is_tried_again_and_forgets_no_task() {
    let settings = Settings { partitions: 3, ..Settings::default() };
    let mut bench = Bench::with(&counting(""), &[("count", count())], settings);
    bench.start(1);
    let feed = |bench: &Bench, value: &str| (0..3).for_each(|p| bench.produce_to("in", p, record("k", value, i64::from(p))));
    feed(&bench, "a");
    bench.settle();
    feed(&bench, "b");
    bench.sim.hide_next_commit(failed(Retry::InDoubt));
    bench.sim.fail_next_stop(failed(Retry::Same));
    bench.settle();
    feed(&bench, "c");
    bench.advance(1_000);
    for partition in 0..3 {
        let own = bench.appended("app-counts-changelog").into_iter().filter(|a| a.at.partition == partition);
        assert_eq!(own.map(|a| super::bench::text(&a.record.value)).collect::<Vec<_>>(), ["1", "2", "3"]);
    }
    assert_eq!((bench.all("out").len(), bench.rows("counts")), (9, vec!["k=3".to_owned(); 3]));
}

#[test]
fn a_commit_that_can_never_succeed_ends_the_thread() {
    let mut bench = Bench::new(&counting(""), &[("count", count())]);
    bench.sim.fail_next_commit(failed(Retry::Never));
    bench.produce("in", &[record("k", "a", 1)]);
    let ended = (0..100).find_map(|_| bench.step(0).err());
    assert_eq!(ended.unwrap().to_string(), "commit: as asked");
}

#[test]
fn a_thread_that_is_thrown_out_again_and_again_ends() {
    for retry in [Retry::Rejoin, Retry::Recreate, Retry::FencedInDoubt] {
        let mut bench = Bench::new(&counting(""), &[("count", count())]);
        (0..5).for_each(|_| bench.sim.fail_next_commit(failed(retry)));
        bench.produce("in", &[record("k", "a", 1)]);
        let ended = (0..1_000).find_map(|_| bench.step(0).err());
        let said = "thrown out of the group or of its transactions for the 5th time within a minute: commit: as asked";
        assert_eq!(ended.unwrap().to_string(), said);
    }
}

#[test]
fn a_void_transaction_of_a_parked_task_is_done_again_up_to_the_record_at_which_it_stands() {
    let mut bench = Bench::new(&line("check", ""), &[("check", fails(usize::MAX))]);
    bench.fail_next_commit();
    bench.produce("in", &[record("k", "a", 1), record("k", "bad", 2)]);
    bench.settle();
    assert_eq!((bench.all("out"), bench.committed("in", 0).unwrap().offset), (vec!["k=a@1".to_owned()], 1));
    assert!(bench.parked("in_0").is_some());
}

#[test]
fn under_load_the_interval_decides_and_a_thread_that_is_dry_keeps_to_the_floor() {
    let settings = Settings { commit_floor: Duration::from_millis(5), ..Settings::default() };
    let mut bench = Bench::with(&line("pass", ""), &[("pass", pass())], settings);
    bench.start(1);
    bench.produce("in", &[record("k", "a", 1)]);
    while bench.all("out").is_empty() {
        bench.step(0).unwrap();
    }
    bench.produce("in", &[record("k", "b", 2)]);
    while bench.step(0).unwrap() == Step::Busy {}
    assert_eq!(bench.step(0).unwrap(), Step::Idle { until: Some(Timestamp(5)) }, "the next commit is due then");
    assert_eq!(bench.all("out").len(), 1);
    bench.clock.advance_ms(5);
    assert_eq!(bench.step(0).unwrap(), Step::Busy);
    assert_eq!(bench.all("out").len(), 2);

    // Never dry: more than a turn takes.
    let many: Vec<_> = (0..5_000).map(|i| record("k", "x", i)).collect();
    bench.produce("in", &many);
    bench.clock.advance_ms(99);
    bench.step(0).unwrap();
    assert_eq!(bench.all("out").len(), 2);
    bench.clock.advance_ms(1);
    bench.step(0).unwrap();
    assert!(bench.all("out").len() > 1_000);
}

#[test]
fn a_stop_commits_and_stops_even_when_the_commit_fails_and_its_state_never_leads() {
    let in_doubt = |bench: &Bench| bench.sim.hide_next_commit(failed(Retry::InDoubt));
    for what in ["the commit stands", "it fails", "it stands, and nobody is told"] {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { commit_floor: Duration::from_secs(1), folder: Some(folder.path().to_owned()), ..Settings::default() };
        let mut bench = Bench::with(&counting(""), &[("count", count())], settings);
        bench.start(1);
        bench.restored();
        bench.produce("in", &[record("k", "a", 1)]);
        bench.step(0).unwrap();
        bench.produce("in", &[record("k", "b", 2)]);
        bench.step(0).unwrap();
        match what {
            "it fails" => bench.fail_next_commit(),
            "it stands, and nobody is told" => in_doubt(&bench),
            _ => {}
        }
        bench.stop();
        bench.start(1);
        bench.settle();
        bench.produce("in", &[record("k", "c", 3)]);
        bench.advance(1_000);
        assert_eq!(bench.all("out"), ["k=a#1@1", "k=b#2@2", "k=c#3@3"], "{what}");
        assert_eq!(bench.rows("counts"), ["k=3"], "{what}");
    }
}

#[test]
fn a_stop_is_a_stop_also_while_the_log_does_not_know_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { folder: Some(folder.path().to_owned()), ..Settings::default() };
    let mut bench = Bench::with(&counting(""), &[("count", count())], settings);
    bench.start(1);
    bench.restored();
    bench.produce("in", &[record("k", "a", 1)]);
    bench.settle();
    bench.sim.delete_topics(&["app-counts-changelog".into()]).unwrap();
    bench.stop();
}

#[test]
fn a_thread_whose_owner_is_gone_stops() {
    let mut bench = Bench::new(&line("pass", ""), &[("pass", pass())]);
    bench.produce("in", &[record("k", "a", 1)]);
    bench.settle();
    let (commands, _) = std::sync::mpsc::channel::<Command>();
    bench.members[0].commands = commands;
    assert_eq!(bench.step(0).unwrap(), Step::Stopped);
}

#[test]
fn what_nodes_write_while_they_are_made_survives_a_void_transaction() {
    let op: Op = Arc::new(|place, event, env, outputs| {
        match event {
            Event::Init => _ = add_one(place, env, b"made")?,
            Event::Process { record, .. } => outputs.push(to(0, record)),
            _ => {}
        }
        Ok(())
    });
    let mut bench = Bench::with(&counting(""), &[("count", op)], Settings::default());
    bench.fail_next_commit();
    bench.start(1);
    bench.produce("in", &[record("k", "a", 1)]);
    bench.settle();
    assert_eq!((bench.rows("counts"), bench.all("out")), (vec!["made=1".to_owned()], vec!["k=a@1".to_owned()]));
    assert_eq!(bench.all("app-counts-changelog"), ["made=1@0"]);
}

/// Gives so many outputs for each record.
fn multiply(by: usize) -> Op {
    op(move |_, _, record, _, outputs| {
        outputs.extend((0..by).map(|_| to(0, record.clone())));
        Ok(())
    })
}

#[test]
fn a_task_that_fills_transactions_leaves_turns_to_the_others() {
    let settings = Settings { partitions: 3, ..Settings::default() };
    let mut bench = Bench::with(&line("multiply", ""), &[("multiply", multiply(limits::TRANSACTION_RECORDS))], settings);
    bench.start(1);
    bench.restored();
    for partition in 0..3 {
        for i in 0..3 {
            bench.produce_to("in", partition, record("k", "a", i));
        }
    }
    let mut commits = Vec::new();
    while commits.len() < 3 {
        bench.step(0).unwrap();
        let committed: Vec<u64> = (0..3).map(|p| bench.committed("in", p).map_or(0, |c| c.offset)).collect();
        if committed.iter().sum::<u64>() > 0 && commits.last() != Some(&committed) {
            commits.push(committed);
        }
    }
    assert_eq!(commits, [[1, 0, 0], [1, 1, 0], [1, 1, 1]], "one full transaction each");
}

#[test]
fn a_slow_task_ends_its_turn_when_a_commit_is_due() {
    let processed = Arc::new(AtomicUsize::new(0));
    let counted = processed.clone();
    let mut bench = Bench::with(&line("slow", ""), &[], Settings::default());
    let clock = bench.clock.clone();
    let slow = op(move |_, _, record, _, outputs| {
        clock.advance_ms(10);
        counted.fetch_add(1, Ordering::Relaxed);
        outputs.push(to(0, record));
        Ok(())
    });
    bench.set_ops(&[("slow", slow)]);
    bench.start(1);
    bench.restored();
    bench.produce("in", &(0..900).map(|i| record("k", "x", i)).collect::<Vec<_>>());
    bench.step(0).unwrap();
    assert!(processed.load(Ordering::Relaxed) <= limits::RECORDS_PER_LOOK);
    bench.settle();
    assert_eq!(bench.all("out").len(), 900);
}

#[test]
fn processed_records_of_repartition_topics_are_deleted_behind_the_committed_offset() {
    let toml = line("pass", "").replace("from = [\"in\"]", "from = { from = \"in\", repartition = true }");
    let mut bench = Bench::new(&toml, &[("pass", pass())]);
    let topic = TopicPartition::new("app-pass-in-repartition", 0);
    let bounds = |bench: &Bench| bench.sim.bounds(&topic).unwrap();
    let records: Vec<_> = (0..limits::PURGE_RECORDS as i64 - 1).map(|i| record("k", "x", i)).collect();
    bench.produce("in", &records);
    bench.settle();
    assert_eq!(bounds(&bench), (0, limits::PURGE_RECORDS - 1), "not yet worth while");
    bench.produce("in", &[record("k", "x", 1)]);
    bench.settle();
    assert_eq!(bounds(&bench), (limits::PURGE_RECORDS, limits::PURGE_RECORDS));
    bench.produce("in", &[record("k", "x", 1)]);
    bench.settle();
    assert_eq!(bounds(&bench).0, limits::PURGE_RECORDS);
    bench.clock.advance_ms(i64::try_from(limits::PURGE_INTERVAL.as_millis()).unwrap());
    bench.produce("in", &[record("k", "x", 1)]);
    bench.settle();
    // At the first commit of that time, which is the one that brings the new record.
    assert_eq!(bounds(&bench).0, limits::PURGE_RECORDS + 1, "few, but old");
    assert_eq!(
        (bench.sim.bounds(&TopicPartition::new("in", 0)).unwrap().0, bench.sim.bounds(&TopicPartition::new("out", 0)).unwrap().0),
        (0, 0)
    );
    bench.start(1);
    bench.produce("in", &[record("k", "last", 1)]);
    bench.settle();
    assert_eq!(bench.all("out").len() as u64, limits::PURGE_RECORDS + 3);
    assert!(bench.clock.now().0 > 0);
}

#[test]
fn records_that_were_deleted_before_they_were_read_do_not_stop_the_thread() {
    let mut bench = Bench::new(&line("pass", ""), &[("pass", pass())]);
    bench.settle();
    bench.produce("in", &[record("k", "a", 1), record("k", "b", 2), record("k", "c", 3)]);
    bench.sim.truncate_before(&TopicPartition::new("in", 0), 2).unwrap();
    bench.settle();
    assert_eq!(bench.all("out"), ["k=c@3"]);
    assert_eq!(bench.committed("in", 0).unwrap().offset, 3);
}

#[test]
fn offsets_of_records_that_were_all_deleted_are_committed() {
    let mut bench = Bench::new(&line("pass", ""), &[("pass", pass())]);
    bench.settle();
    bench.produce("in", &[record("k", "a", 1), record("k", "b", 2)]);
    bench.sim.truncate_before(&TopicPartition::new("in", 0), 2).unwrap();
    bench.settle();
    assert_eq!(bench.committed("in", 0).map(|c| c.offset), Some(2));
}

#[test]
fn what_comes_after_a_start_at_the_end_is_not_lost_in_a_crash() {
    let toml = line("pass", "").replacen("topic = \"in\"\n", "topic = \"in\"\nstart = \"latest\"\n", 1);
    let mut bench = Bench::with(&toml, &[("pass", pass())], Settings::default());
    bench.produce("in", &[record("k", "old", 1)]);
    bench.start(1);
    bench.settle();
    bench.members.clear();
    bench.produce("in", &[record("k", "new", 2)]);
    bench.start(1);
    bench.settle();
    assert_eq!(bench.all("out"), ["k=new@2"]);
}

#[test]
fn large_writes_to_stores_make_a_thread_commit_early() {
    // Another key at each record, and one large value that all rows share.
    let large = bytes::Bytes::from(vec![b'x'; 1 << 20]);
    let write: Op = Arc::new(move |place, event, env, outputs| {
        if let Event::Process { record, .. } = event {
            let row = crate::store::Row { value: large.clone(), timestamp: env.row_timestamp };
            env.stores.put(place.store, record.timestamp.0.to_string().as_bytes(), Some(row))?;
            outputs.push(to(0, record));
        }
        Ok(())
    });
    let mebibytes = 8;
    let settings = Settings { commit_floor: Duration::from_secs(1), transaction_bytes: mebibytes << 20, ..Settings::default() };
    let mut bench = Bench::with(&counting(""), &[("count", write)], settings);
    bench.start(1);
    bench.restored();
    let records: Vec<_> = (0..mebibytes + 10).map(|i| record("k", "a", i64::try_from(i).unwrap())).collect();
    bench.produce("in", &[record("k", "first", 0)]);
    bench.step(0).unwrap();
    bench.produce("in", &records);
    bench.step(0).unwrap();
    // The first one's commit was due at once; the time for another one has not come.
    assert_eq!(bench.all("out").len(), 1 + mebibytes);
}
