//! Threads that go over to another plan: what is in both goes on, the rest ends or is made.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::bench::{Bench, Event, Op, Settings, add_one, count, pass, record, text, to};
use super::swaps::{node, rehearsed};
use crate::clock::Clock;
use crate::node::{Grid, PunctuationClock, VersionId};
use crate::record::Record;
use crate::runtime::{Command, Passage, Terms, ThreadCounters};

/// The way to another app text; every thread has made its first step.
fn retire(bench: &mut Bench, toml: &str, settings: &Settings) -> Arc<Passage> {
    let passage = Arc::new(Passage::between(bench.plan.clone(), bench.another(toml, settings), None).expect("something stays"));
    tell(bench, &Command::Retire(passage.clone()));
    assert!(passage.is_retired(bench.members.len(), Duration::ZERO));
    passage
}

/// Makes the second one.
fn replan(bench: &mut Bench, passage: &Arc<Passage>) {
    passage.carry_versions();
    tell(bench, &Command::Replan(passage.clone()));
    assert!(passage.is_over(bench.members.len(), Duration::ZERO));
    bench.plan = passage.plan().clone();
}

fn tell(bench: &mut Bench, command: &Command) {
    bench.members.iter().for_each(|member| member.commands.send(command.clone()).unwrap());
    bench.settle();
}

/// What a processor reads, where it writes, and what else is said of it.
fn part(source: &str, name: &str, rest: &str) -> String {
    format!(
        "[sources.{source}]\ntopic = \"{source}\"\n[processors.{name}]\ncomponent = \"x\"\nfrom = [\"{source}\"]\n{rest}\n[sinks.out-{source}]\n\
         topic = \"out-{source}\"\nfrom = [\"{name}\"]\n"
    )
}

fn counting(source: &str) -> String {
    part(source, "count", "stores = [\"counts\"]") + "[stores.counts]\nbackend = \"memory\"\n"
}

/// Numbers its calls and says so in its outputs; a schedule of the wall clock counts, too. `made`: how often it was made.
fn remembering(made: Arc<AtomicU64>) -> Op {
    Arc::new(move |place, event, env, outputs| {
        match event {
            Event::Init => {
                made.fetch_add(1, Ordering::Relaxed);
                let grid = Grid { interval_ms: 1_000, clock: PunctuationClock::WallClock, start: None };
                env.schedules.schedule(place.at, "tick", grid, env.now, env.stream_time);
            }
            Event::Process { record, .. } => {
                let n = add_one(place, env, &record.key.clone().unwrap_or_default())?;
                outputs.push(to(0, Record { value: Some(format!("{}#{n}", text(&record.value)).into()), ..record }));
            }
            Event::Punctuate { time, .. } => outputs.push(to(0, record("tick", "tick", time.0))),
            _ => {}
        }
        Ok(())
    })
}

fn counters(bench: &Bench) -> Vec<ThreadCounters> {
    bench.members.iter().map(|member| member.board.told().counters).collect()
}

fn of(partitions: u32) -> Settings {
    Settings { partitions, commit_floor: Duration::from_millis(50), ..Settings::default() }
}

#[test]
fn tasks_of_what_stays_go_on_and_the_rest_is_made_anew() {
    let made = Arc::new(AtomicU64::new(0));
    let ops = [("count", remembering(made.clone())), ("pass", pass()), ("other", pass()), ("first", pass())];
    let mut bench = Bench::with(&(part("b", "pass", "") + &counting("in")), &ops, of(3));
    bench.start(2);
    bench.settle();
    for partition in 0..3 {
        bench.produce_to("in", partition, record("k", "x", 1));
        bench.produce_to("b", partition, record("k", "x", 1));
    }
    bench.advance(100);
    let before = bench.status();
    assert_eq!(made.load(Ordering::Relaxed), 3);
    // In front stands another source, and what is read from `b` goes through another processor.
    let passage = retire(&mut bench, &(part("a", "first", "") + &part("b", "other", "") + &counting("in")), &of(3));
    assert_eq!(passage.stays(), ["in".into()]);
    let names = |bench: &Bench| bench.status().iter().map(|task| task.id.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&bench), ["in_0", "in_1", "in_2"]);
    // What stays works between the two steps.
    for partition in 0..3 {
        bench.produce_to("in", partition, record("k", "y", 2));
        bench.produce_to("b", partition, record("k", "y", 2));
        bench.produce_to("a", partition, record("k", "y", 2));
    }
    bench.advance(100);
    assert_eq!((bench.all("out-in").len(), bench.all("out-b").len()), (6, 3));
    replan(&mut bench, &passage);
    bench.advance(100);
    assert_eq!(names(&bench), ["a_0", "a_1", "a_2", "b_0", "b_1", "b_2", "in_0", "in_1", "in_2"]);
    let mut ticks = 0;
    for _ in 0..2 {
        bench.advance(1_000);
        ticks = bench.all("out-in").iter().filter(|line| line.starts_with("tick")).count();
    }
    assert_eq!(ticks, 6, "schedules go on");
    let after = bench.status();
    for task in before.iter().filter(|task| task.id.name.starts_with("in")) {
        let same = after.iter().find(|other| other.id.name == task.id.name).unwrap();
        assert_eq!((same.thread, same.counters.restored, same.counters.processed), (task.thread, 0, 2), "{}", task.id);
        assert_ne!(same.id.sub_topology, task.id.sub_topology, "another source stands in front");
    }
    assert_eq!(made.load(Ordering::Relaxed), 3, "no node of them was made again");
    assert_eq!(bench.rows("counts"), ["k=2", "k=2", "k=2"]);
    assert_eq!(["a", "b"].map(|topic| bench.all(&format!("out-{topic}")).len()), [3, 6]);
    assert!(counters(&bench).iter().all(|thread| thread.rewinds == 0));
}

#[test]
fn a_thread_that_has_not_given_back_what_ends_keeps_all_others_from_going_on() {
    let app = |limits: &str| part("b", "pass", limits) + &counting("in");
    let mut bench = Bench::with(&app(""), &[("count", count()), ("pass", pass())], of(2));
    bench.start(2);
    bench.settle();
    bench.sim.deafen("app", 1);
    let new = bench.another(&app("limits = { outputs = 7 }"), &of(2));
    let passage = Arc::new(Passage::between(bench.plan.clone(), new, None).unwrap());
    tell(&mut bench, &Command::Retire(passage.clone()));
    assert!(passage.is_retired(1, Duration::ZERO) && !passage.is_retired(2, Duration::ZERO));
    assert_eq!(bench.status().iter().map(|task| &*task.id.name).collect::<Vec<_>>(), ["b_1", "in_0", "in_1"]);
    bench.sim.hear("app", 1);
    bench.settle();
    assert!(passage.is_retired(2, Duration::ZERO));
}

#[test]
fn nothing_is_lost_or_doubled_where_a_commit_fails_on_the_way() {
    // Of the first step, of the second, of neither.
    for fails in [Some(0), Some(1), None] {
        for stateful in ["in", "b"] {
            let ops = [("count", count()), ("pass", pass())];
            let other = if stateful == "in" { "b" } else { "in" };
            let app = counting(stateful) + &part(other, "pass", "");
            let settings = || Settings { commit_floor: Duration::from_secs(1), ..of(2) };
            let mut bench = Bench::with(&app, &ops, settings());
            bench.start(2);
            bench.settle();
            let (mut sent, mut step) = (0, 0);
            let mut send = |bench: &mut Bench| {
                for partition in 0..2 {
                    for topic in ["in", "b"] {
                        bench.produce_to(topic, partition, record(&format!("k{partition}"), &sent.to_string(), sent));
                    }
                }
                sent += 1;
                // Processed, and not committed.
                (0..2).for_each(|member| _ = bench.step(member).unwrap());
            };
            let mut fail = |bench: &Bench| {
                if fails == Some(step) {
                    bench.fail_next_commit();
                }
                step += 1;
            };
            send(&mut bench);
            bench.advance(1_000);
            send(&mut bench);
            fail(&bench);
            // What counts begins anew in one round, and what passes on in the other.
            let more = if stateful == "in" { "count" } else { "pass" };
            let passage = retire(&mut bench, &format!("{app}[sinks.more]\ntopic = \"more\"\nfrom = [\"{more}\"]\n"), &settings());
            send(&mut bench);
            fail(&bench);
            replan(&mut bench, &passage);
            send(&mut bench);
            bench.advance(1_000);
            bench.advance(1_000);
            let mut counted = bench.all(&format!("out-{stateful}"));
            counted.sort();
            let expected: Vec<String> =
                (0..2).flat_map(|partition| (0..4).map(move |n| format!("k{partition}={n}#{}@{n}", n + 1))).collect();
            assert_eq!(counted, expected, "{fails:?} {stateful}");
            assert_eq!(bench.all(&format!("out-{other}")).len(), 8, "{fails:?} {stateful}");
            let rewinds: u64 = counters(&bench).iter().map(|thread| thread.rewinds).sum();
            assert_eq!(rewinds, u64::from(fails.is_some()), "{fails:?} {stateful}");
        }
    }
}

#[test]
fn what_lies_in_a_repartition_topic_is_taken_by_whoever_reads_it_then() {
    let app = "[sources.in]\ntopic = \"in\"\n[processors.pass]\ncomponent = \"x\"\nfrom = [\"in\"]\n[processors.count]\ncomponent = \"x\"\n\
               from = { from = \"pass\", repartition = true }\nstores = [\"counts\"]\n[stores.counts]\n[sinks.out]\ntopic = \"out\"\nfrom = [\"count\"]\n";
    let upper = app.replace("from = [\"in\"]", "from = [\"in\"]\nlimits = { outputs = 7 }");
    let lower = format!("{app}[sinks.more]\ntopic = \"more\"\nfrom = [\"count\"]\n");
    for (changed, stays) in [(upper, "count-pass"), (lower, "in")] {
        let mut bench = Bench::with(app, &[("count", count()), ("pass", pass())], of(2));
        bench.start(2);
        bench.settle();
        let keys = ["a", "b", "c", "d"];
        let mut sent = 0;
        let mut send = |bench: &mut Bench| {
            bench.produce("in", &keys.map(|key| record(key, "x", sent)));
            sent += 1;
            (0..2).for_each(|member| _ = bench.step(member).unwrap());
        };
        send(&mut bench);
        bench.advance(100);
        send(&mut bench);
        let passage = retire(&mut bench, &changed, &of(2));
        assert_eq!(passage.stays(), [stays.into()]);
        send(&mut bench);
        bench.advance(100);
        replan(&mut bench, &passage);
        send(&mut bench);
        bench.advance(100);
        bench.advance(100);
        let mut counted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in bench.all("out") {
            counted.entry(line[..1].to_owned()).or_default().push(line);
        }
        for key in keys {
            let expected: Vec<String> = (0..4).map(|n| format!("{key}=x#{}@{n}", n + 1)).collect();
            assert_eq!(counted[key], expected, "{stays} stays");
        }
    }
}

#[test]
fn versions_of_what_stays_are_those_that_were_swapped_in_and_are_swapped_on() {
    let made = Arc::new(Mutex::new(Vec::new()));
    let op = |name: &'static str| -> Op {
        let made = made.clone();
        Arc::new(move |_, event, _, outputs| {
            match event {
                Event::Init => made.lock().unwrap().push(name),
                Event::Process { record, .. } => outputs.push(to(0, Record { value: Some(name.into()), ..record })),
                _ => {}
            }
            Ok(())
        })
    };
    let ops = [("p", op("0")), ("p@1", op("1")), ("p@2", op("2")), ("first", pass()), ("pass", pass())];
    let mut bench = Bench::with(&(part("b", "pass", "") + &part("in", "p", "")), &ops, of(1));
    bench.start(1);
    bench.settle();
    let swap = |bench: &mut Bench, version: VersionId| {
        bench.plan.versions.take_over(node(bench, "p"), version, Terms::Trial { max_slowdown: None }, bench.clock.now());
        bench.advance(100);
    };
    swap(&mut bench, VersionId(1));
    let passage =
        retire(&mut bench, &(part("a", "first", "") + &part("b", "pass", "limits = { outputs = 7 }") + &part("in", "p", "")), &of(1));
    replan(&mut bench, &passage);
    bench.produce("in", &[record("k", "x", 1)]);
    bench.advance(100);
    let status = bench.plan.versions.status(node(&bench, "p"));
    assert_eq!((status.version, status.on_trial, status.before.unwrap().0), (VersionId(1), true, VersionId(0)));
    assert_eq!(*made.lock().unwrap(), ["0", "1"], "none of them was made again");
    assert_eq!(rehearsed(&mut bench, "p", VersionId(2)).unwrap().tasks, 1);
    swap(&mut bench, VersionId(2));
    bench.produce("in", &[record("k", "x", 2)]);
    bench.advance(100);
    assert_eq!(bench.all("out-in"), ["k=1@1", "k=2@2"]);
}
