//! What becomes of a record that fails, and of its task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::bench::{Bench, Event, Op, Settings, add_one, count, fails, header, line, op, record, text, to};
use crate::broker::Committed;
use crate::limits;
use crate::node::{Failure, Grid, PunctuationClock};
use crate::record::Record;
use crate::runtime::{Command, Condition, Step};

#[test]
fn a_failed_record_is_skipped_put_aside_or_parks_its_task_as_the_policy_says() {
    let dead_letter = r#"on-error = { policy = "dead-letter", topic = "letters" }"#;
    let skip = r#"on-error = "skip""#;
    // Policy, value of the failing record, outputs, dead letters, parked.
    let cases: [(&str, &str, &[&str], usize, bool); 9] = [
        ("", "bad", &["k=a@1"], 0, true),
        (skip, "bad", &["k=a@1", "k=b@3"], 0, false),
        (dead_letter, "bad", &["k=a@1", "k=b@3"], 1, false),
        ("", "trap", &["k=a@1"], 0, true),
        (skip, "trap", &["k=a@1", "k=b@3"], 0, false),
        (dead_letter, "trap", &["k=a@1", "k=b@3"], 1, false),
        (skip, "fatal", &["k=a@1"], 0, true),
        (dead_letter, "fatal", &["k=a@1"], 0, true),
        (r#"on-error = { policy = "skip", retry = { max = 0, backoff = "1s" } }"#, "transient", &["k=a@1", "k=b@3"], 0, false),
    ];
    for (policy, value, outputs, letters, parked) in cases {
        let mut bench = Bench::new(&line("check", policy), &[("check", fails(usize::MAX))]);
        bench.produce("in", &[record("k", "a", 1), record("k", value, 2), record("k", "b", 3)]);
        bench.settle();
        let case = format!("{policy} {value}");
        assert_eq!(bench.all("out"), outputs, "{case}");
        assert_eq!(bench.all("letters").len(), letters, "{case}");
        assert_eq!(bench.parked("in_0").is_some(), parked, "{case}");
        let committed = if parked { 1 } else { 3 };
        assert_eq!(bench.committed("in", 0).map(|c| c.offset), Some(committed), "{case}: what came before is committed");
    }
}

#[test]
fn a_dead_letter_is_the_record_as_polled_with_where_and_why() {
    let policy = r#"on-error = { policy = "dead-letter", topic = "letters" }"#;
    let toml = format!(
        "[sources.in]\ntopic = \"in\"\ntimestamp = {{ field = \"/at\" }}\non-error = {{ policy = \"dead-letter\", topic = \"letters\" }}\n\
         [processors.check]\ncomponent = \"x\"\nfrom = [\"in\"]\n{policy}\n[sinks.out]\ntopic = \"out\"\nfrom = [\"check\"]\n"
    );
    let check: Op = op(|_, _, _, _, _| Err(Failure::Trap { reason: "unreachable".into(), frames: vec!["inner".into(), "outer".into()] }));
    let mut bench = Bench::new(&toml, &[("check", check)]);
    bench.produce("in", &[record("k", r#"{"at": 7}"#, 1), record("k", "no json", 2)]);
    bench.settle();
    let letters = bench.appended("letters");
    let told = |at: usize, name: &str| {
        header(&letters[at].record, &format!("__streams.errors.{name}")).map(|h| text(&h.value.map(bytes::Bytes::copy_from_slice)))
    };
    let all = ["exception", "message", "stacktrace", "topic", "partition", "offset", "node"];
    let first: Vec<_> = all.iter().map(|name| told(0, name).unwrap()).collect();
    assert_eq!(first, ["trap", "unreachable", "inner\nouter", "in", "0", "0", "check"]);
    assert_eq!((told(1, "node"), told(1, "offset"), told(1, "stacktrace")), (Some("in".into()), Some("1".into()), None));
    assert_eq!(bench.all("letters"), ["k={\"at\": 7}@1", "k=no json@2"]);
}

#[test]
fn a_parked_task_leaves_the_others_and_the_thread_alone() {
    let mut bench = Bench::with(&line("check", ""), &[("check", fails(1))], Settings { partitions: 2, ..Settings::default() });
    bench.start(1);
    bench.produce_to("in", 0, record("k", "bad", 1));
    bench.settle();
    assert_eq!(bench.step(0).unwrap(), Step::Idle { until: None }, "a task that parked at its first record keeps nobody awake");
    let why = "bad-record in 'check' at in/0/0: bad value";
    assert_eq!(bench.parked("in_0").as_deref(), Some(why));
    bench.produce_to("in", 1, record("k", "a", 2));
    bench.produce_to("in", 0, record("k", "b", 3));
    bench.settle();
    assert_eq!(bench.new_in("out"), ["k=a@2"]);

    bench.members[0].commands.send(Command::Resume(Some("in_1".into()))).unwrap();
    bench.settle();
    assert_eq!((bench.new_in("out").len(), bench.parked("in_0").is_some()), (0, true), "another task was meant");
    bench.members[0].commands.send(Command::Resume(None)).unwrap();
    bench.settle();
    assert_eq!((bench.new_in("out"), bench.parked("in_0")), (vec!["k=bad@1".to_owned(), "k=b@3".into()], None));
}

#[test]
fn a_transient_failure_lets_its_task_sleep_and_is_tried_again_so_many_times() {
    let policy = r#"on-error = { policy = "skip", retry = { max = 2, backoff = "1s" } }"#;
    for (failures, outputs, tries) in
        [(1, vec!["k=transient@1", "k=b@2"], 1), (2, vec!["k=transient@1", "k=b@2"], 2), (3, vec!["k=b@2"], 2)]
    {
        let settings = Settings { partitions: 2, ..Settings::default() };
        let mut bench = Bench::with(&line("check", policy), &[("check", fails(failures))], settings);
        bench.start(1);
        bench.produce_to("in", 0, record("k", "transient", 1));
        bench.produce_to("in", 0, record("k", "b", 2));
        for slept in 0..tries {
            bench.settle();
            let until = 1_000 * (slept + 1);
            assert!(matches!(&bench.status()[0].condition, Condition::Sleeping { until: at, .. } if at.0 == until), "{failures}");
            assert!(matches!(bench.step(0).unwrap(), Step::Idle { until: Some(at) } if at.0 == until));
            assert!(bench.new_in("out").is_empty());
            bench.produce_to("in", 1, record("other", "task", 1));
            bench.settle();
            assert_eq!(bench.new_in("out"), ["other=task@1"], "the thread goes on");
            bench.advance(1_000);
        }
        assert_eq!(bench.new_in("out"), outputs, "{failures} failures");
        assert_eq!(bench.parked("in_0"), None);
    }
}

#[test]
fn a_failing_walk_is_undone_whole() {
    let toml = r#"
[sources.in]
topic = "in"
[processors.count]
component = "x"
from = ["in"]
stores = ["counts"]
[stores.counts]
[sinks.early]
topic = "early"
from = ["count"]
[processors.check]
component = "x"
from = ["count"]
on-error = "skip"
[sinks.out]
topic = "out"
from = ["check"]
"#;
    let counts: Op = Arc::new(|place, event, env, outputs| {
        match event {
            Event::Process { record, .. } => {
                let n = add_one(place, env, b"all")?;
                env.stores.put_cell("count", "last", record.value.clone())?;
                if text(&record.value) == "bad" {
                    env.schedules.schedule(
                        place.at,
                        "undone",
                        Grid { interval_ms: 1, clock: PunctuationClock::StreamTime, start: None },
                        env.now,
                        env.stream_time,
                    );
                    env.schedules.cancel(place.at, "tick");
                }
                let last = text(&env.stores.cell("count", "last")?);
                let mut first = record.clone();
                first.value = Some(format!("{n} {last}").into());
                outputs.push(to(0, first));
                outputs.push(to(0, record));
            }
            Event::Init => {
                env.schedules.schedule(
                    place.at,
                    "tick",
                    Grid { interval_ms: 10, clock: PunctuationClock::StreamTime, start: None },
                    env.now,
                    env.stream_time,
                );
            }
            Event::Punctuate { schedule, time } => {
                outputs.push(to(0, record("p", schedule, time.0)));
            }
            Event::Migrate | Event::AfterCommit | Event::Close => {}
        }
        Ok(())
    });
    let mut bench = Bench::new(toml, &[("count", counts), ("check", fails(usize::MAX))]);
    bench.produce("in", &[record("k", "a", 1), record("k", "bad", 5), record("k", "b", 12)]);
    bench.settle();
    assert_eq!(bench.all("early"), ["k=1 a@1", "k=a@1", "p=tick@1", "k=2 b@12", "k=b@12", "p=tick@12"]);
    assert_eq!(bench.all("out"), bench.all("early"));
    assert_eq!(bench.rows("counts"), ["all=2"]);
}

#[test]
fn the_time_of_a_record_counts_when_its_walk_is_over_not_before() {
    let seen = op(|_, _, mut record, env, outputs| {
        if text(&record.value) == "bad" {
            return Err(Failure::BadRecord("bad".into()));
        }
        record.value = Some(format!("{:?}", env.stream_time.map(|t| t.0)).into());
        outputs.push(to(0, record));
        Ok(())
    });
    let mut bench = Bench::new(&line("check", ""), &[("check", seen.clone())]);
    bench.produce("in", &[record("k", "a", 3), record("k", "bad", 99), record("k", "b", 5)]);
    bench.settle();
    assert_eq!(bench.committed("in", 0), Some(Committed { offset: 1, metadata: "3".into() }), "parked before the record");
    let mut bench = Bench::new(&line("check", "on-error = \"skip\""), &[("check", seen)]);
    bench.produce("in", &[record("k", "a", 3), record("k", "bad", 99), record("k", "b", 5)]);
    bench.settle();
    assert_eq!(bench.all("out"), ["k=Some(3)@3", "k=Some(99)@5"], "a record that is skipped was seen");
}

#[test]
fn a_guest_that_dies_when_it_is_let_go_of_stops_nobody() {
    let op: Op = Arc::new(|_, event, _, outputs| match event {
        Event::Process { record, .. } => {
            outputs.push(to(0, record));
            Ok(())
        }
        Event::AfterCommit => Err(Failure::Trap { reason: "in close".into(), frames: Vec::new() }),
        Event::Init | Event::Migrate | Event::Punctuate { .. } | Event::Close => Ok(()),
    });
    let mut bench = Bench::new(&line("pass", ""), &[("pass", op)]);
    bench.produce("in", &[record("k", "a", 1)]);
    bench.settle();
    bench.produce("in", &[record("k", "b", 2)]);
    bench.settle();
    assert_eq!(bench.all("out"), ["k=a@1", "k=b@2"]);
}

#[test]
fn a_node_that_refuses_to_start_parks_its_task_until_it_is_resumed() {
    let left = AtomicU32::new(1);
    let op: Op = Arc::new(move |_, event, _, outputs| match event {
        Event::Init if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() => {
            Err(Failure::Fatal("no config".into()))
        }
        Event::Process { record, .. } => {
            outputs.push(to(0, record));
            Ok(())
        }
        _ => Ok(()),
    });
    let mut bench = Bench::new(&line("pass", ""), &[("pass", op)]);
    bench.produce("in", &[record("k", "a", 1)]);
    bench.settle();
    assert!(bench.parked("in_0").unwrap().contains("no config"));
    bench.members[0].commands.send(Command::Resume(Some("in_0".into()))).unwrap();
    bench.settle();
    assert_eq!((bench.all("out"), bench.parked("in_0")), (vec!["k=a@1".to_owned()], None));
}

#[test]
fn a_failure_below_does_not_cost_the_records_before_it() {
    let toml = line("count", "stores = [\"counts\"]") + "[stores.counts]\n[processors.check]\ncomponent = \"x\"\nfrom = [\"count\"]\n";
    let late = op(|_, _, record, _, _| match text(&record.value).as_str() {
        "bad#3" => Err(Failure::BadRecord("third".into())),
        _ => Ok(()),
    });
    let mut bench = Bench::new(&toml, &[("count", count()), ("check", late)]);
    bench.produce("in", &[record("k", "a", 1), record("k", "b", 2), record("k", "bad", 3), record("k", "c", 4)]);
    bench.settle();
    assert_eq!((bench.all("out"), bench.rows("counts")), (vec!["k=a#1@1".to_owned(), "k=b#2@2".into()], vec!["k=2".to_owned()]));
    assert_eq!(bench.all("app-counts-changelog"), ["k=2@2"], "the last write of the transaction");
}

#[test]
fn a_record_that_gives_more_than_a_walk_may_hold_is_refused() {
    // One large value that all outputs share.
    let large = bytes::Bytes::from(vec![b'x'; 1 << 20]);
    let flood: Op = op(move |_, _, record, _, outputs| {
        let count = if text(&record.value) == "flood" { limits::WALK_OUTPUT_BYTES >> 20 } else { 1 };
        outputs.extend((0..count).map(|_| to(0, Record { value: Some(large.clone()), ..record.clone() })));
        Ok(())
    });
    let mut bench = Bench::new(&line("flood", ""), &[("flood", flood)]);
    bench.produce("in", &[record("k", "drop", 1), record("k", "flood", 2)]);
    bench.settle();
    assert!(bench.parked("in_0").unwrap().contains("more than 512 MiB of records reach sinks from one record"));
    assert_eq!(bench.all("out").len(), 1, "what came before is there, of the flood nothing");
}
