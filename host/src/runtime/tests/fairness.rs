//! Tasks of one thread whose calls take long do not keep the others waiting.

use std::sync::{Arc, Mutex};

use super::bench::{Bench, Event, Op, record};
use crate::clock::VirtualClock;
use crate::limits;
use crate::node::{Failure, Grid, PunctuationClock};

/// Two tasks of one thread: `slow` and `quick`.
const TWO: &str = "
    [sources.a]\ntopic = \"a\"\n[processors.slow]\ncomponent = \"x\"\nfrom = [\"a\"]\non-error = \"skip\"\n[sinks.a-out]\ntopic = \"a-out\"\nfrom = [\"slow\"]
    [sources.b]\ntopic = \"b\"\n[processors.quick]\ncomponent = \"x\"\nfrom = [\"b\"]\n[sinks.b-out]\ntopic = \"b-out\"\nfrom = [\"quick\"]";

type Calls = Arc<Mutex<Vec<&'static str>>>;

fn quick(calls: &Calls) -> Op {
    let calls = calls.clone();
    Arc::new(move |_, event, _, _| {
        if matches!(event, Event::Process { .. }) {
            calls.lock().unwrap().push("quick");
        }
        Ok(())
    })
}

/// Takes a turn's time for each call, and fails. Asks for so many schedules at its start.
fn slow(calls: &Calls, clock: &Arc<VirtualClock>, schedules: u32) -> Op {
    let (calls, clock) = (calls.clone(), clock.clone());
    Arc::new(move |place, event, env, _| {
        match event {
            Event::Init => {
                for name in 0..schedules {
                    let grid = Grid { interval_ms: 1, clock: PunctuationClock::WallClock, start: None };
                    env.schedules.schedule(place.at, &name.to_string(), grid, env.now, env.stream_time);
                }
            }
            Event::Process { .. } | Event::Punctuate { .. } => {
                calls.lock().unwrap().push("slow");
                env.effort.time += limits::TURN_TIME;
                clock.advance_ms(i64::try_from(limits::TURN_TIME.as_millis()).unwrap());
                return Err(Failure::BadRecord("too slow".into()));
            }
            Event::Migrate | Event::AfterCommit | Event::Close => {}
        }
        Ok(())
    })
}

fn two(schedules: u32) -> (Bench, Calls) {
    let calls = Calls::default();
    let mut bench = Bench::with(TWO, &[], super::bench::Settings::default());
    bench.set_ops(&[("slow", slow(&calls, &bench.clock, schedules)), ("quick", quick(&calls))]);
    bench.start(1);
    bench.restored();
    (bench, calls)
}

#[test]
fn task_whose_records_take_long_has_one_record_a_turn() {
    let (mut bench, calls) = two(0);
    let many: Vec<_> = (0..20).map(|time| record("k", "v", time)).collect();
    bench.produce("a", &many);
    bench.produce("b", &many);
    bench.settle();
    let calls = calls.lock().unwrap();
    assert_eq!(calls.len(), 40);
    let waited = calls.iter().position(|call| *call == "quick").unwrap();
    assert!(waited <= 2, "{calls:?}");
}

#[test]
fn task_whose_punctuations_take_long_has_one_of_them_a_turn() {
    let (mut bench, calls) = two(50);
    bench.clock.advance_ms(1);
    bench.produce("b", &[record("k", "v", 1)]);
    for _ in 0..5 {
        bench.step(0).unwrap();
    }
    let calls = calls.lock().unwrap();
    assert!(calls.contains(&"quick"), "{calls:?}");
    assert!(calls.len() < 20, "{calls:?}");
}
