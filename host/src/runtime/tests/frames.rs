//! Frames: records that go many at a time give, byte for byte, what they give one after another.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::bench::{Bench, Event, Op, Settings, add_one, count, fails, op, pass, record, text, to};
use crate::limits;
use crate::node::{Grid, PunctuationClock};
use crate::record::Record;

/// What a node does.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Pass,
    /// Two outputs, one of them by the port.
    Split,
    /// Fails on the value `bad`.
    Check,
    Count,
    /// Tells the time of its task now and then.
    Tick,
    /// Says the position and the stream time of each record.
    Place,
    /// Draws a random number for each record.
    Dice,
}

#[derive(Clone, Copy, Debug)]
enum Policy {
    Fail,
    Skip,
    DeadLetter,
}

#[derive(Clone, Debug)]
struct NodeSpec {
    kind: Kind,
    policy: Policy,
    /// Its parents among the nodes before it, sources first; mostly one.
    parents: Vec<prop::sample::Index>,
    by_port: bool,
    /// The store of a count.
    store: usize,
    /// The topic of a sink below it.
    sink: Option<usize>,
}

#[derive(Clone, Debug)]
struct App {
    nodes: Vec<NodeSpec>,
    /// Source, key, bad, time since the one before.
    records: Vec<(bool, u8, bool, i64)>,
    /// After how many records the threads come to rest, and whether the next commit fails.
    rests: Vec<(usize, bool)>,
    frame_records: usize,
}

fn app() -> impl Strategy<Value = App> {
    let kind = prop_oneof![
        3 => Just(Kind::Pass),
        2 => Just(Kind::Split),
        3 => Just(Kind::Check),
        3 => Just(Kind::Count),
        1 => Just(Kind::Tick),
        1 => Just(Kind::Place),
        1 => Just(Kind::Dice),
    ];
    let policy = prop_oneof![1 => Just(Policy::Fail), 3 => Just(Policy::Skip), 3 => Just(Policy::DeadLetter)];
    let parents = prop_oneof![
        5 => prop::collection::vec(any::<prop::sample::Index>(), 1),
        1 => prop::collection::vec(any::<prop::sample::Index>(), 2),
    ];
    let sink = prop::option::weighted(0.6, 0..6_usize);
    let node = (kind, policy, parents, any::<bool>(), 0..3_usize, sink);
    let node = node.prop_map(|(kind, policy, parents, by_port, store, sink)| NodeSpec { kind, policy, parents, by_port, store, sink });
    let records = prop::collection::vec((prop::bool::weighted(0.2), 0..5_u8, prop::bool::weighted(0.05), -3..10_i64), 1..120);
    let rests = prop::collection::vec((1..50_usize, prop::bool::weighted(0.2)), 1..6);
    let frame_records = prop_oneof![2..5_usize, Just(usize::MAX)];
    (prop::collection::vec(node, 1..6), records, rests, frame_records).prop_map(|(nodes, records, rests, frame_records)| App {
        nodes,
        records,
        rests,
        frame_records,
    })
}

impl App {
    fn manifest(&self) -> String {
        let mut toml = "[sources.in]\ntopic = \"in\"\n[sources.other]\ntopic = \"other\"\n".to_owned();
        let mut names = vec![("in".to_owned(), false), ("other".to_owned(), false)];
        let mut stores = [false; 3];
        for (number, node) in self.nodes.iter().enumerate() {
            let name = self.name(number);
            let mut from: Vec<String> = node
                .parents
                .iter()
                .map(|parent| match parent.get(&names) {
                    (parent, true) if node.by_port => format!("\"{parent}.odd\""),
                    (parent, _) => format!("\"{parent}\""),
                })
                .collect();
            from.sort();
            from.dedup();
            _ = writeln!(toml, "[processors.{name}]\ncomponent = \"x\"\nfrom = [{}]", from.join(", "));
            toml += match node.policy {
                Policy::Fail => "",
                Policy::Skip => "on-error = \"skip\"\n",
                Policy::DeadLetter => "on-error = { policy = \"dead-letter\", topic = \"letters\" }\n",
            };
            if matches!(node.kind, Kind::Count) {
                _ = writeln!(toml, "stores = [\"s{}\"]", node.store);
                stores[node.store] = true;
            }
            if let Some(topic) = node.sink {
                _ = writeln!(toml, "[sinks.sink{number}]\ntopic = \"out{topic}\"\nfrom = [\"{name}\"]");
            }
            names.push((name, matches!(node.kind, Kind::Split)));
        }
        for store in (0..3).filter(|store| stores[*store]) {
            _ = writeln!(toml, "[stores.s{store}]\nbackend = \"memory\"");
        }
        // Whatever has no child: a source has to be read by somebody.
        _ = writeln!(
            toml,
            "[processors.last]\ncomponent = \"x\"\nfrom = [\"in\"]\n[sinks.rest]\ntopic = \"rest\"\nfrom = [\"last\", \"other\"]"
        );
        toml
    }

    fn name(&self, number: usize) -> String {
        match self.nodes[number].kind {
            Kind::Count => format!("count{number}"),
            _ => format!("n{number}"),
        }
    }

    /// Everything that the app has given and kept.
    fn run(&self, frames: bool) -> Vec<String> {
        let names: Vec<String> = (0..self.nodes.len()).map(|number| self.name(number)).collect();
        let mut ops: Vec<(&str, Op)> = names.iter().zip(&self.nodes).map(|(name, node)| (name.as_str(), operator(node.kind))).collect();
        ops.push(("last", pass()));
        let settings = Settings { frames, frame_records: self.frame_records, ..Settings::default() };
        let mut bench = Bench::with(&self.manifest(), &ops, settings);
        bench.start(1);
        let (mut time, mut records) = (0, self.records.iter().enumerate());
        for (many, fails) in self.rests.iter().cycle() {
            let mut any = false;
            for (number, (other, key, bad, step)) in records.by_ref().take(*many) {
                any = true;
                time = (time + step).max(0);
                let value = if *bad { "bad".to_owned() } else { format!("v{number}") };
                bench.produce(if *other { "other" } else { "in" }, &[record(&format!("k{key}"), &value, time)]);
            }
            if *fails {
                bench.fail_next_commit();
            }
            bench.settle();
            if !any {
                break;
            }
        }
        let mut given: Vec<String> = Vec::new();
        let topics = (0..6).map(|n| format!("out{n}")).chain(["letters".to_owned(), "rest".to_owned()]);
        for topic in topics {
            given.extend(bench.all(&topic).into_iter().map(|record| format!("{topic}: {record}")));
        }
        for store in ["s0", "s1", "s2"] {
            given.extend(bench.rows(store).into_iter().map(|row| format!("{store}: {row}")));
        }
        given.extend(bench.status().iter().map(|task| format!("{}: {:?}", task.id.name, bench.parked(&task.id.name))));
        given
    }
}

fn operator(kind: Kind) -> Op {
    match kind {
        Kind::Pass => pass(),
        Kind::Check => fails(usize::MAX),
        Kind::Count => count(),
        Kind::Split => op(|_, _, record, _, outputs| {
            let second = Record { value: Some(format!("{}'", text(&record.value)).into()), ..record.clone() };
            outputs.extend([to(1, record), to(0, second)]);
            Ok(())
        }),
        Kind::Tick => std::sync::Arc::new(|place, event, env, outputs| {
            match event {
                Event::Init => {
                    let grid = Grid { interval_ms: 20, clock: PunctuationClock::StreamTime, start: None };
                    env.schedules.schedule(place.at, "tick", grid, env.now, env.stream_time);
                }
                Event::Punctuate { time, .. } => outputs.push(to(0, record("tick", &time.to_string(), time.0))),
                Event::Process { record, .. } => outputs.push(to(0, record)),
                Event::Migrate | Event::AfterCommit | Event::Close => {}
            }
            Ok(())
        }),
        Kind::Place => op(|_, _, record, env, outputs| {
            let at = env.position.as_ref().map(|at| (at.topic.clone(), at.partition, at.offset));
            let value = format!("{} at {at:?} of {:?}, row {}", text(&record.value), env.stream_time, env.row_timestamp);
            outputs.push(to(0, Record { value: Some(value.into()), ..record }));
            Ok(())
        }),
        Kind::Dice => op(|_, _, record, env, outputs| {
            let value = format!("{}~{}", text(&record.value), env.random.next_u64() % 100);
            outputs.push(to(0, Record { value: Some(value.into()), ..record }));
            Ok(())
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn many_at_a_time_give_what_one_after_another_gives(app in app()) {
        prop_assert_eq!(app.run(true), app.run(false), "{}", app.manifest());
    }
}

#[test]
fn a_node_is_given_a_run_of_records_and_each_has_its_own_place() {
    let toml = "[sources.in]\ntopic = \"in\"\n[processors.count]\ncomponent = \"x\"\nfrom = [\"in\"]\nstores = [\"s\"]\n[stores.s]\nbackend = \"memory\"\n\
                [sinks.out]\ntopic = \"out\"\nfrom = [\"count\"]\n";
    let settings = Settings { frame_records: 3, ..Settings::default() };
    let mut bench = Bench::with(
        toml,
        &[(
            "count",
            op(|place, _, record, env, outputs| {
                let n = add_one(place, env, b"all")?;
                let at = env.position.as_ref().unwrap().offset;
                outputs.push(to(0, Record { value: Some(format!("{n} at {at}").into()), ..record }));
                Ok(())
            }),
        )],
        settings,
    );
    bench.start(1);
    let records: Vec<Record> = (0..5).map(|n| record("k", "x", n)).collect();
    bench.produce("in", &records);
    bench.settle();
    assert_eq!(bench.all("out"), ["k=1 at 0@0", "k=2 at 1@1", "k=3 at 2@2", "k=4 at 3@3", "k=5 at 4@4"]);
}

/// How often a node was called that draws a random number at each record where the text says `d`, and is given two records at a time.
fn calls(records: &str) -> usize {
    let toml = "[sources.in]\ntopic = \"in\"\n[processors.dice]\ncomponent = \"x\"\nfrom = [\"in\"]\n\
                [sinks.out]\ntopic = \"out\"\nfrom = [\"dice\"]\n";
    let calls = Arc::<AtomicUsize>::default();
    let counted = calls.clone();
    let dice = op(move |_, _, record, env, outputs| {
        counted.fetch_add(1, Ordering::Relaxed);
        if text(&record.value) == "d" {
            env.random.next_u64();
        }
        outputs.push(to(0, record));
        Ok(())
    });
    let mut bench = Bench::with(toml, &[("dice", dice)], Settings { frame_records: 2, ..Settings::default() });
    bench.start(1);
    let records: Vec<Record> = (0..).zip(records.chars()).map(|(n, what)| record("k", &what.to_string(), n)).collect();
    bench.produce("in", &records);
    bench.settle();
    assert_eq!(bench.all("out").len(), records.len());
    calls.load(Ordering::Relaxed)
}

#[test]
fn where_frame_after_frame_is_undone_records_go_one_at_a_time_for_a_while() {
    let dice = |records: usize| "d".repeat(records);
    // Each frame that differs costs a call for each of its records.
    assert_eq!(calls(&dice(14)), 14 + 14);
    assert_eq!(calls(&dice(30)), 30 + 16);
    // In a row: one that does not differ lets the count begin anew.
    assert_eq!(calls(&format!("{}..{}", dice(14), dice(14))), 30 + 28);
    // Behind the rest, one is enough for the next.
    let long = dice(14 + limits::SINGLE_RECORDS + 10);
    assert_eq!(calls(&long), long.len() + 16 + 2);
}
