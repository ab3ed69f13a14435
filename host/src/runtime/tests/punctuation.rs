//! Calls without a record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::bench::{Bench, Event, Op, line, record, to};
use crate::node::{Failure, Grid, PunctuationClock};
use crate::record::Timestamp;
use crate::runtime::{Command, Step};

/// Passes records on, and gives `schedule@time` for each call; the call of `failing` fails while `broken` says so.
fn ticking(clocks: &'static [(&'static str, PunctuationClock, u64)], broken: Arc<AtomicBool>) -> Op {
    Arc::new(move |place, event, env, outputs| {
        match event {
            Event::Init => {
                for (name, clock, interval) in clocks {
                    env.schedules.schedule(
                        place.at,
                        name,
                        Grid { interval_ms: *interval, clock: *clock, start: None },
                        env.now,
                        env.stream_time,
                    );
                }
            }
            Event::Process { record, .. } => outputs.push(to(0, record)),
            Event::Punctuate { .. } if broken.load(Ordering::Relaxed) => return Err(Failure::BadRecord("broken".into())),
            Event::Punctuate { schedule, time } => {
                assert_eq!((env.position.clone(), env.row_timestamp), (None, time));
                outputs.push(to(0, record("p", schedule, time.0)));
            }
            Event::Migrate | Event::AfterCommit | Event::Close => {}
        }
        Ok(())
    })
}

const BOTH: &[(&str, PunctuationClock, u64)] =
    &[("stream", PunctuationClock::StreamTime, 10), ("wall", PunctuationClock::WallClock, 1_000)];

#[test]
fn both_clocks_fire_on_their_grids() {
    let mut bench = Bench::new(&line("tick", ""), &[("tick", ticking(BOTH, Arc::default()))]);
    bench.settle();
    assert_eq!(bench.step(0).unwrap(), Step::Idle { until: Some(Timestamp(1_000)) });
    bench.produce("in", &[record("k", "a", 3), record("k", "b", 9), record("k", "c", 35)]);
    bench.settle();
    assert_eq!(bench.new_in("out"), ["k=a@3", "p=stream@3", "k=b@9", "k=c@35", "p=stream@35"]);
    bench.advance(3_500);
    assert_eq!(bench.new_in("out"), ["p=wall@3500"], "once, however many intervals have passed");
    bench.advance(499);
    assert!(bench.new_in("out").is_empty());
    bench.advance(1);
    assert_eq!(bench.new_in("out"), ["p=wall@4000"]);
}

#[test]
fn a_failing_punctuation_is_skipped_or_parks_and_is_tried_again() {
    for clock in [PunctuationClock::StreamTime, PunctuationClock::WallClock] {
        let only: &'static [_] = if clock == PunctuationClock::StreamTime { &BOTH[..1] } else { &BOTH[1..] };
        let name = only[0].0;
        let broken = Arc::new(AtomicBool::new(true));
        let mut bench = Bench::new(&line("tick", ""), &[("tick", ticking(only, broken.clone()))]);
        bench.settle();
        bench.clock.advance_ms(1_000);
        bench.produce("in", &[record("k", "a", 3), record("k", "b", 50)]);
        bench.settle();
        let why = format!("bad-record in 'tick' in punctuation '{name}': broken");
        assert_eq!(bench.parked("in_0"), Some(why));
        broken.store(false, Ordering::Relaxed);
        bench.members[0].commands.send(Command::Resume(None)).unwrap();
        bench.settle();
        let expected: &[&str] = match clock {
            PunctuationClock::StreamTime => &["k=a@3", "p=stream@3", "k=b@50", "p=stream@50"],
            PunctuationClock::WallClock => &["k=a@3", "k=b@50", "p=wall@1000"],
        };
        assert_eq!(bench.all("out"), expected);

        let broken = Arc::new(AtomicBool::new(true));
        let mut bench = Bench::new(&line("tick", "on-error = \"skip\""), &[("tick", ticking(only, broken.clone()))]);
        bench.settle();
        bench.clock.advance_ms(1_000);
        bench.produce("in", &[record("k", "a", 3)]);
        bench.settle();
        broken.store(false, Ordering::Relaxed);
        bench.settle();
        assert_eq!((bench.all("out"), bench.parked("in_0")), (vec!["k=a@3".to_owned()], None), "skipped is not tried again");
    }
}

#[test]
fn a_call_that_asks_for_itself_at_once_keeps_nobody_from_working() {
    let op: Op = Arc::new(|place, event, env, outputs| {
        match event {
            Event::Init => env.schedules.schedule(
                place.at,
                "again",
                Grid { interval_ms: 10, clock: PunctuationClock::WallClock, start: Some(env.now) },
                env.now,
                None,
            ),
            Event::Punctuate { .. } => {
                env.schedules.cancel(place.at, "again");
                env.schedules.schedule(
                    place.at,
                    "again",
                    Grid { interval_ms: 10, clock: PunctuationClock::WallClock, start: Some(env.now) },
                    env.now,
                    None,
                );
            }
            Event::Process { record, .. } => outputs.push(to(0, record)),
            Event::Migrate | Event::AfterCommit | Event::Close => {}
        }
        Ok(())
    });
    let mut bench = Bench::new(&line("tick", ""), &[("tick", op)]);
    bench.produce("in", &[record("k", "a", 3)]);
    for _ in 0..10 {
        bench.step(0).unwrap();
    }
    assert_eq!(bench.all("out"), ["k=a@3"]);
}

#[test]
fn a_void_transaction_takes_its_punctuations_along() {
    let mut bench = Bench::new(&line("tick", ""), &[("tick", ticking(BOTH, Arc::default()))]);
    bench.settle();
    bench.fail_next_commit();
    bench.clock.advance_ms(1_000);
    bench.produce("in", &[record("k", "a", 3)]);
    bench.settle();
    assert_eq!(bench.all("out"), ["k=a@3", "p=stream@3", "p=wall@1000"]);
}
