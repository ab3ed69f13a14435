//! State of an older version, on its way to that of a newer one.

use std::sync::Arc;

use super::bench::{Bench, Event, Op, STEPS_LEFT, add_one, count, counting, record, text, to};
use super::swaps::{node, rehearsed, values};
use crate::clock::Clock;
use crate::node::{Failure, TaskEnv, VersionId};
use crate::record::{Record, Timestamp};
use crate::runtime::{Condition, Terms};

const SECOND: VersionId = VersionId(1);
const THIRD: VersionId = VersionId(2);
const NEVER: usize = 0;

fn steps_left(env: &mut TaskEnv) -> Result<Option<usize>, Failure> {
    Ok(env.stores.cell(STEPS_LEFT.0, STEPS_LEFT.1)?.map(|left| text(&Some(left)).parse().unwrap()))
}

fn put_steps_left(env: &mut TaskEnv, left: usize) -> Result<(), Failure> {
    let left = (left > 0).then(|| left.to_string().into());
    Ok(env.stores.put_cell(STEPS_LEFT.0, STEPS_LEFT.1, left)?)
}

/// A version that takes over the state of `count` in so many steps, and fails when as many as `fails_at` are left. Each step counts under the key
/// `steps`. Records come out under the name `b`.
fn newer(steps: usize, fails_at: usize) -> Op {
    Arc::new(move |place, event, env, outputs| {
        match event {
            Event::Init => {
                if env.stores.cell("count", "begun")?.is_none() {
                    env.stores.put_cell("count", "begun", Some("".into()))?;
                    put_steps_left(env, steps)?;
                }
            }
            Event::Migrate => {
                let left = steps_left(env)?.unwrap_or(0);
                add_one(place, env, b"steps")?;
                if left == fails_at {
                    return Err(Failure::Fatal("not this one".into()));
                }
                put_steps_left(env, left - 1)?;
            }
            Event::Process { record, .. } => {
                let value = format!("b:{}", text(&record.value));
                outputs.push(to(0, Record { value: Some(value.into()), ..record }));
            }
            Event::Punctuate { .. } | Event::AfterCommit | Event::Close => {}
        }
        Ok(())
    })
}

/// Where one record was counted, and a newer version is to take over; the next record waits.
fn taking_over(version: Op) -> Bench {
    let mut bench = Bench::new(&counting(""), &[("count", count()), ("count@1", version), ("count@2", newer(NEVER, NEVER))]);
    bench.settle();
    bench.produce("in", &values(0, 1));
    bench.settle();
    bench.plan.versions.take_over(node(&bench, "count"), SECOND, Terms::ForGood, bench.clock.now());
    bench.produce("in", &values(1, 2));
    bench
}

/// So many steps of the thread, each followed by the time after which it commits under load.
fn step_and_commit(bench: &mut Bench, times: usize) {
    for _ in 0..times {
        bench.step(0).unwrap();
        bench.clock.advance_ms(100);
    }
}

fn in_the_middle(bench: &mut Bench) -> bool {
    let done = bench.rows("counts").iter().any(|row| row.starts_with("steps="));
    done && matches!(bench.status()[0].condition, Condition::Migrating { .. })
}

#[test]
fn no_step_is_lost_or_done_twice_by_a_crash_and_the_next_record_waits_for_the_last() {
    let mut bench = taking_over(newer(10, NEVER));
    step_and_commit(&mut bench, 5);
    assert!(in_the_middle(&mut bench), "{:?}", bench.status());
    // Nothing of this step is committed.
    bench.step(0).unwrap();
    bench.start(1);
    bench.settle();
    assert_eq!(bench.rows("counts"), ["k=1", "steps=10"]);
    assert_eq!(bench.all("out"), ["k=0#1@0", "k=b:1@1"]);
    // Each that was committed says what is left.
    assert!(bench.all("app-in-cells-changelog").len() > 3, "{:?}", bench.all("app-in-cells-changelog"));
}

#[test]
fn no_step_is_lost_or_done_twice_by_an_abort() {
    let mut bench = taking_over(newer(10, NEVER));
    step_and_commit(&mut bench, 4);
    assert!(in_the_middle(&mut bench), "{:?}", bench.status());
    bench.fail_next_commit();
    step_and_commit(&mut bench, 2);
    // And by one that undoes the last step of all.
    while in_the_middle(&mut bench) {
        bench.step(0).unwrap();
    }
    assert_eq!(bench.rows("counts"), ["k=1", "steps=10"]);
    bench.fail_next_commit();
    bench.settle();
    assert_eq!(bench.rows("counts"), ["k=1", "steps=10"]);
    assert_eq!(bench.all("out"), ["k=0#1@0", "k=b:1@1"]);
}

#[test]
fn a_step_that_fails_parks_the_task_and_another_version_goes_on_from_there() {
    let mut bench = taking_over(newer(5, 3));
    bench.settle();
    let why = bench.parked("in_0").unwrap();
    assert!(why.contains("'count' cannot take over the state of the version before: not this one"), "{why}");
    assert_eq!(bench.plan.versions.roll_back(node(&bench, "count"), "", Timestamp(0)), None, "there is no way back");
    bench.plan.versions.take_over(node(&bench, "count"), THIRD, Terms::ForGood, bench.clock.now());
    bench.settle();
    assert_eq!(bench.rows("counts"), ["k=1", "steps=5"]);
    assert_eq!(bench.all("out"), ["k=0#1@0", "k=b:1@1"]);
}

#[test]
fn a_version_that_fails_in_its_first_step_is_not_taken() {
    let mut bench = Bench::new(&counting(""), &[("count", count()), ("count@1", newer(5, 5))]);
    bench.settle();
    bench.produce("in", &[record("k", "0", 0)]);
    bench.settle();
    let why = rehearsed(&mut bench, "count", SECOND).unwrap_err();
    assert_eq!(why, "'count' cannot take over the state of the version before");
    assert_eq!((bench.rows("counts"), bench.all("app-in-cells-changelog").len()), (vec!["k=1".to_owned()], 0));
}
