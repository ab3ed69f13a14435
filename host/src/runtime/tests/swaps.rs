//! Versions of nodes: how they take over, how they are tried, and how the one before comes back.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, Event, Op, Settings, add_one, counting, line, record, text, to};
use crate::clock::Clock;
use crate::limits;
use crate::node::{Failure, Grid, PunctuationClock, VersionId};
use crate::record::{Record, Timestamp};
use crate::runtime::{Command, Terms, Vote};
use crate::topology::NodeIx;

const FIRST: VersionId = VersionId(0);
const SECOND: VersionId = VersionId(1);

/// Counts by key and gives `NAME:VALUE#COUNT`; a value that begins as one of `fails` does fails in this way.
fn named(name: &'static str, fails: &'static [(&'static str, &'static str)]) -> Op {
    Arc::new(move |place, event, env, outputs| {
        let Event::Process { record, .. } = event else { return Ok(()) };
        let n = add_one(place, env, &record.key.clone().unwrap_or_default())?;
        let value = text(&record.value);
        match fails.iter().find(|(begins, _)| value.starts_with(begins)) {
            Some((_, "trap")) => return Err(Failure::Trap { reason: "unreachable".into(), frames: Vec::new() }),
            Some((_, "fatal")) => return Err(Failure::Fatal("no more".into())),
            Some(_) => return Err(Failure::BadRecord("bad value".into())),
            None => {}
        }
        outputs.push(to(0, Record { value: Some(format!("{name}:{value}#{n}").into()), ..record }));
        Ok(())
    })
}

/// An operator whose `init` is this; it passes records on under its name.
fn made(
    name: &'static str,
    init: impl Fn(&super::bench::Place, &mut crate::node::TaskEnv) -> Result<(), Failure> + Send + Sync + 'static,
) -> Op {
    Arc::new(move |place, event, env, outputs| {
        match event {
            Event::Init => init(place, env)?,
            Event::Process { record, .. } => {
                let value = format!("{name}:{}", text(&record.value));
                outputs.push(to(0, Record { value: Some(value.into()), ..record }));
            }
            Event::Punctuate { schedule, time } => outputs.push(to(0, record(name, schedule, time.0))),
            Event::Migrate | Event::AfterCommit | Event::Close => {}
        }
        Ok(())
    })
}

pub(super) fn node(bench: &Bench, name: &str) -> NodeIx {
    NodeIx(bench.plan.topology.nodes.iter().position(|n| &*n.name == name).unwrap())
}

/// Lets a version take over, and all threads follow.
fn take_over(bench: &mut Bench, name: &str, version: VersionId) {
    bench.plan.versions.take_over(node(bench, name), version, Terms::Trial { max_slowdown: None }, bench.clock.now());
    bench.settle();
}

/// The vote of all threads on a version.
pub(super) fn rehearsed(bench: &mut Bench, name: &str, version: VersionId) -> Result<Vote, String> {
    bench.plan.versions.begin_votes(node(bench, name), version);
    for member in &bench.members {
        member.commands.send(Command::Rehearse(node(bench, name), version)).unwrap();
    }
    bench.settle();
    bench.plan.versions.votes(bench.members.len(), Duration::ZERO).unwrap().map_err(|why| why.message)
}

pub(super) fn values(from: usize, to: usize) -> Vec<Record> {
    (from..to).map(|i| record("k", &i.to_string(), i as i64)).collect()
}

#[test]
fn a_version_takes_over_between_two_transactions_and_goes_on_with_the_state() {
    for frame_records in [1, 64] {
        let settings = Settings { frame_records, commit_floor: Duration::from_secs(1), ..Settings::default() };
        let mut bench = Bench::with(&counting(""), &[("count", named("a", &[])), ("count@1", named("b", &[]))], settings);
        bench.start(1);
        bench.restored();
        for range in [0..1, 1..3] {
            bench.produce("in", &values(range.start, range.end));
            bench.step(0).unwrap();
        }
        assert_eq!(bench.committed("in", 0).unwrap().offset, 1);
        bench.plan.versions.take_over(node(&bench, "count"), SECOND, Terms::Trial { max_slowdown: None }, Timestamp(0));
        // Nothing is committed for its sake: what is open is when its time has come, and then the new one takes records.
        bench.step(0).unwrap();
        assert_eq!(bench.committed("in", 0).unwrap().offset, 1);
        bench.clock.advance_ms(100);
        bench.step(0).unwrap();
        let first = ["k=a:0#1@0", "k=a:1#2@1", "k=a:2#3@2"];
        assert_eq!((bench.all("out"), bench.committed("in", 0).unwrap().offset), (first.map(str::to_owned).to_vec(), 3));
        bench.produce("in", &values(3, 5));
        bench.step(0).unwrap();
        bench.advance(1_000);
        assert_eq!(bench.all("out")[3..], ["k=b:3#4@3", "k=b:4#5@4"]);
        assert_eq!(bench.rows("counts"), ["k=5"]);
        let status = bench.plan.versions.status(node(&bench, "count"));
        assert_eq!((status.version, status.on_trial, status.account.node.records), (SECOND, true, 2));
        assert_eq!(status.before.unwrap().1.node.records, 3);
    }
}

#[test]
fn every_task_of_every_thread_changes_and_so_do_those_that_come_later() {
    let settings = Settings { partitions: 3, ..Settings::default() };
    let mut bench = Bench::with(&counting(""), &[("count", named("a", &[])), ("count@1", named("b", &[]))], settings);
    bench.start(2);
    bench.sim.rebalance("app", 1);
    bench.settle();
    assert_eq!(rehearsed(&mut bench, "count", SECOND).unwrap().tasks, 3);
    take_over(&mut bench, "count", SECOND);
    bench.sim.rebalance("app", 2);
    bench.settle();
    for partition in 0..3 {
        bench.produce_to("in", partition, record(&format!("k{partition}"), "x", 1));
    }
    bench.settle();
    let mut all = bench.all("out");
    all.sort();
    assert_eq!(all, ["k0=b:x#1@1", "k1=b:x#1@1", "k2=b:x#1@1"]);
}

#[test]
fn a_version_that_cannot_be_made_leaves_no_trace() {
    let grid = Grid { interval_ms: 100, clock: PunctuationClock::WallClock, start: None };
    let refuses = made("b", move |place, env| {
        add_one(place, env, b"made")?;
        env.schedules.schedule(place.at, "t", grid, env.now, env.stream_time);
        env.schedules.cancel(place.at, "s");
        env.random.next_u64();
        Err(Failure::Fatal("not today".into()))
    });
    let asks = made("a", move |place, env| {
        env.schedules.schedule(place.at, "s", grid, env.now, env.stream_time);
        Ok(())
    });
    let mut bench = Bench::new(&counting(""), &[("count", asks), ("count@1", refuses)]);
    bench.settle();
    assert_eq!(rehearsed(&mut bench, "count", SECOND), Err("not today".into()));
    // As if the rehearsal had gone well: the state may have changed in between.
    take_over(&mut bench, "count", SECOND);
    let status = bench.plan.versions.status(node(&bench, "count"));
    assert_eq!((status.version, status.on_trial, status.rolled_back.as_deref()), (FIRST, false, Some("not today")));
    bench.produce("in", &values(0, 1));
    bench.settle();
    bench.advance(100);
    assert_eq!(bench.all("out"), ["k=a:0@0", "a=s@100"]);
    assert!(bench.rows("counts").is_empty() && bench.all("app-counts-changelog").is_empty());
}

#[test]
fn a_rehearsal_that_goes_well_leaves_no_trace_either() {
    let writes = made("b", |place, env| add_one(place, env, b"made").map(drop));
    let mut bench = Bench::new(&counting(""), &[("count", made("a", |_, _| Ok(()))), ("count@1", writes)]);
    bench.settle();
    for _ in 0..2 {
        assert_eq!(rehearsed(&mut bench, "count", SECOND).unwrap().tasks, 1);
    }
    assert!(bench.rows("counts").is_empty());
    take_over(&mut bench, "count", SECOND);
    assert_eq!(bench.rows("counts"), ["made=1"]);
}

#[test]
fn what_a_version_writes_while_it_is_made_survives_a_void_transaction() {
    let writes = made("b", |place, env| add_one(place, env, b"made").map(drop));
    let mut bench = Bench::new(&counting(""), &[("count", made("a", |_, _| Ok(()))), ("count@1", writes)]);
    bench.produce("in", &values(0, 1));
    bench.settle();
    bench.plan.versions.take_over(node(&bench, "count"), SECOND, Terms::Trial { max_slowdown: None }, Timestamp(0));
    bench.fail_next_commit();
    bench.settle();
    assert_eq!((bench.rows("counts"), bench.all("app-counts-changelog")), (vec!["made=1".to_owned()], vec!["made=1@0".to_owned()]));
    bench.produce("in", &values(1, 2));
    bench.settle();
    assert_eq!(bench.all("out"), ["k=a:0@0", "k=b:1@1"]);
}

#[test]
fn schedules_that_the_new_version_does_not_ask_for_end() {
    let asking = |name: &'static str, schedules: &'static [&'static str]| {
        made(name, move |place, env| {
            for schedule in schedules {
                let grid = Grid { interval_ms: 100, clock: PunctuationClock::WallClock, start: None };
                env.schedules.schedule(place.at, schedule, grid, env.now, env.stream_time);
            }
            Ok(())
        })
    };
    let mut bench = Bench::new(&line("tick", ""), &[("tick", asking("a", &["s", "t"])), ("tick@1", asking("b", &["t", "u"]))]);
    bench.settle();
    bench.advance(150);
    take_over(&mut bench, "tick", SECOND);
    bench.advance(100);
    assert_eq!(bench.all("out"), ["a=s@150", "a=t@150", "b=t@250", "b=u@250"], "'t' keeps its grid");
}

#[test]
fn a_record_that_fails_on_trial_is_taken_by_the_version_before_and_so_is_all_since_the_commit() {
    let dead_letter = "on-error = { policy = \"dead-letter\", topic = \"letters\" }\n";
    for frame_records in [1, 64] {
        let settings = Settings { frame_records, commit_floor: Duration::from_secs(1), ..Settings::default() };
        let toml = counting("").replace("stores =", &format!("{dead_letter}stores ="));
        let ops = [("count", named("a", &[("both", "bad")])), ("count@1", named("b", &[("both", "bad"), ("new", "trap")]))];
        let mut bench = Bench::with(&toml, &ops, settings);
        bench.start(1);
        bench.settle();
        take_over(&mut bench, "count", SECOND);
        bench.produce("in", &[record("k", "0", 0), record("k", "new", 1), record("k", "2", 2)]);
        bench.advance(1_000);
        bench.advance(1_000);
        assert_eq!(bench.all("out"), ["k=a:0#1@0", "k=a:new#2@1", "k=a:2#3@2"], "frames of {frame_records}");
        bench.produce("in", &[record("k", "3", 3)]);
        bench.advance(1_000);
        assert_eq!(bench.all("out")[3..], ["k=b:3#4@3"], "the version on trial goes on behind it");
        bench.produce("in", &[record("k", "both", 4), record("k", "5", 5)]);
        bench.advance(1_000);
        bench.advance(1_000);
        assert_eq!(bench.all("out")[4..], ["k=a:5#5@5"]);
        let status = bench.plan.versions.status(node(&bench, "count"));
        assert_eq!((status.version, status.on_trial), (SECOND, true), "too few records to be judged");
        assert_eq!((status.account.node.traps, status.account.node.bad), (1, 0), "what fails with both is nobody's fault");
        assert_eq!(bench.rows("counts"), ["k=5"]);
    }
}

#[test]
fn a_version_that_traps_more_often_is_rolled_back_after_a_hundred_records() {
    let ops = [("count", named("a", &[])), ("count@1", named("b", &[("7", "trap")]))];
    let mut bench = Bench::new(&counting(""), &ops);
    bench.settle();
    take_over(&mut bench, "count", SECOND);
    for from in (0..300).step_by(10) {
        bench.produce("in", &values(from, from + 10));
        bench.settle();
    }
    let status = bench.plan.versions.status(node(&bench, "count"));
    assert_eq!((status.version, status.on_trial), (FIRST, false));
    let why = status.rolled_back.unwrap();
    assert!(why.contains("records trapped or missed their deadline, 0 of"), "{why}");
    let all = bench.all("out");
    assert_eq!(all.len(), 300);
    for (at, told) in all.iter().enumerate() {
        assert!(told.starts_with(&format!("k=a:{at}#{}@", at + 1)) || told.starts_with(&format!("k=b:{at}#{}@", at + 1)), "{told}");
    }
    assert!(all[..100].iter().any(|told| told.contains("=b:")) && all[200..].iter().all(|told| told.contains("=a:")));
}

#[test]
fn a_version_whose_records_fail_below_it_or_at_its_sink_is_held_to_account() {
    let policy = "on-error = \"skip\"\n";
    let toml = format!(
        "[sources.in]\ntopic = \"in\"\n[processors.up]\ncomponent = \"x\"\nfrom = [\"in\"]\n[processors.down]\ncomponent = \"x\"\nfrom = [\"up\"]\n\
         {policy}[sinks.out]\ntopic = \"out\"\nfrom = [\"down\"]\n"
    );
    let rename = |name: &'static str| made(name, |_, _| Ok(()));
    let down = super::bench::op(|_, _, record, _, outputs| {
        if text(&record.value).starts_with("b:") {
            return Err(Failure::BadRecord("not from b".into()));
        }
        outputs.push(to(0, record));
        Ok(())
    });
    let mut bench = Bench::new(&toml, &[("up", rename("a")), ("up@1", rename("b")), ("down", down)]);
    bench.settle();
    take_over(&mut bench, "up", SECOND);
    bench.produce("in", &values(0, 3));
    bench.settle();
    assert_eq!(bench.all("out"), ["k=a:0@0", "k=a:1@1", "k=a:2@2"]);
    assert!(bench.plan.versions.status(node(&bench, "up")).account.node.bad > 0);
}

#[test]
fn a_version_that_gives_up_goes_at_once() {
    let ops = [("count", named("a", &[])), ("count@1", named("b", &[("1", "fatal")]))];
    let mut bench = Bench::new(&counting(""), &ops);
    bench.settle();
    take_over(&mut bench, "count", SECOND);
    bench.produce("in", &values(0, 3));
    bench.settle();
    assert_eq!(bench.all("out"), ["k=a:0#1@0", "k=a:1#2@1", "k=a:2#3@2"]);
    let status = bench.plan.versions.status(node(&bench, "count"));
    assert_eq!((status.version, status.rolled_back.as_deref()), (FIRST, Some("fatal in 'count' at in/0/1: no more")));
}

#[test]
fn a_version_that_has_shown_itself_is_under_the_policy_like_any_other() {
    let ops = [("count", named("a", &[])), ("count@1", named("b", &[("bad", "bad")]))];
    let toml = counting("").replace("stores =", "on-error = \"skip\"\nstores =");
    let mut bench = Bench::new(&toml, &ops);
    bench.settle();
    take_over(&mut bench, "count", SECOND);
    let enough = usize::try_from(limits::TRIAL_RECORDS).unwrap();
    bench.produce("in", &values(0, enough));
    bench.settle();
    bench.produce("in", &[record("k", "bad", 1), record("k", "x", 2)]);
    bench.settle();
    let status = bench.plan.versions.status(node(&bench, "count"));
    assert_eq!((status.version, status.on_trial, bench.status()[0].counters.skipped), (SECOND, false, 1));
    assert_eq!(bench.all("out")[enough..], [format!("k=b:x#{}@2", enough + 1)]);
}

#[test]
fn a_parked_task_tries_its_record_again_with_the_new_version() {
    let ops = [("count", named("a", &[("1", "bad")])), ("count@1", named("b", &[]))];
    let mut bench = Bench::new(&counting(""), &ops);
    bench.produce("in", &values(0, 2));
    bench.settle();
    assert!(bench.parked("in_0").is_some());
    take_over(&mut bench, "count", SECOND);
    assert_eq!((bench.parked("in_0"), bench.all("out")), (None, vec!["k=a:0#1@0".to_owned(), "k=b:1#2@1".to_owned()]));
}

#[test]
fn a_task_that_was_refused_by_the_old_version_is_made_with_the_new_one() {
    let refuses = made("a", |_, _| Err(Failure::Fatal("never".into())));
    let mut bench = Bench::new(&counting(""), &[("count", refuses), ("count@1", made("b", |_, _| Ok(())))]);
    bench.produce("in", &values(0, 1));
    bench.settle();
    assert!(bench.parked("in_0").is_some());
    take_over(&mut bench, "count", SECOND);
    assert_eq!((bench.parked("in_0"), bench.all("out")), (None, vec!["k=b:0@0".to_owned()]));
}

#[test]
fn the_version_before_comes_back_by_hand_and_with_the_state() {
    let ops = [("count", named("a", &[])), ("count@1", named("b", &[])), ("count@2", named("c", &[]))];
    let mut bench = Bench::new(&counting(""), &ops);
    let count = node(&bench, "count");
    assert_eq!(bench.plan.versions.roll_back(count, "by hand", Timestamp(0)), None);
    for (at, version) in [(0, SECOND), (1, VersionId(2))] {
        bench.produce("in", &values(at, at + 1));
        bench.settle();
        take_over(&mut bench, "count", version);
    }
    bench.produce("in", &values(2, 3));
    bench.settle();
    assert!(bench.plan.versions.roll_back(count, "by hand", Timestamp(0)).is_some());
    bench.produce("in", &values(3, 4));
    bench.settle();
    // The second was still on trial when the third took over: the first is the one that is known to be good.
    assert_eq!(bench.all("out"), ["k=a:0#1@0", "k=b:1#2@1", "k=c:2#3@2", "k=a:3#4@3"]);
    assert_eq!(bench.plan.versions.roll_back(count, "by hand", Timestamp(0)), None);
}

#[test]
fn what_one_version_wrote_is_gone_with_the_task_that_another_one_parks() {
    let folder = tempfile::tempdir().unwrap();
    let more = "[processors.count2]\ncomponent = \"x\"\nfrom = [\"count\"]\nstores = [\"more\"]\n[stores.more]\n";
    let toml = counting("").replace("from = [\"count\"]", "from = [\"count2\"]") + more;
    let writes = made("b", |place, env| add_one(place, env, b"made").map(drop));
    let refuses = made("c", |_, _| Err(Failure::Fatal("never".into())));
    let ops = [
        ("count", named("a", &[])),
        ("count2", named("a", &[])),
        ("count@1", writes),
        ("count2@1", refuses),
        ("count2@2", named("c", &[])),
    ];
    let mut bench = Bench::with(&toml, &ops, Settings { folder: Some(folder.path().to_owned()), ..Settings::default() });
    bench.start(1);
    bench.produce("in", &values(0, 1));
    bench.settle();
    for name in ["count", "count2"] {
        bench.plan.versions.take_over(node(&bench, name), SECOND, Terms::ForGood, bench.clock.now());
    }
    bench.settle();
    assert!(bench.parked("in_0").is_some());
    bench.plan.versions.take_over(node(&bench, "count2"), VersionId(2), Terms::ForGood, bench.clock.now());
    bench.settle();
    assert_eq!((bench.rows("counts"), bench.rows("more")), (vec!["k=1".to_owned(), "made=1".to_owned()], vec!["k=1".to_owned()]));
    assert_eq!(bench.all("app-counts-changelog"), ["k=1@0", "made=1@0"]);
}
