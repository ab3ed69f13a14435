//! Whatever happens, each record counts once: random topologies, records, failing commits, rebalances, losses and crashes against a model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::bench::{Bench, Settings, count, counting, record};

const PARTITIONS: u32 = 3;
const THREADS: u32 = 3;

#[derive(Clone, Debug)]
enum Happening {
    /// Records with these keys, to these partitions.
    Produce(Vec<(u32, u8)>),
    /// A thread makes some steps.
    Steps(usize, usize),
    FailCommit,
    Refuse,
    Rebalance(u32),
    Lose(u32),
    /// As `Lose`, but the thread does not hear of it before it wakes.
    Sleep(u32),
    Wake(u32),
    /// All threads are gone, with whatever they had in hand.
    Crash,
    Stop,
    /// Time passes, in milliseconds.
    Wait(i64),
}

fn happening() -> impl Strategy<Value = Happening> {
    let produced = (0..PARTITIONS, 0..5_u8);
    prop_oneof![
        4 => prop::collection::vec(produced, 1..12).prop_map(Happening::Produce),
        6 => (0..THREADS as usize, 1..5_usize).prop_map(|(thread, steps)| Happening::Steps(thread, steps)),
        1 => Just(Happening::FailCommit),
        1 => Just(Happening::Refuse),
        1 => (1..=THREADS).prop_map(Happening::Rebalance),
        1 => (0..THREADS).prop_map(Happening::Lose),
        1 => (0..THREADS).prop_map(Happening::Sleep),
        1 => (0..THREADS).prop_map(Happening::Wake),
        1 => Just(Happening::Crash),
        1 => Just(Happening::Stop),
        1 => prop_oneof![Just(1), Just(40_000)].prop_map(Happening::Wait),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Counted where they were produced.
    Straight,
    /// By key, over an internal topic.
    Repartitioned,
    /// Counted twice, one behind the other, over an internal topic.
    Chained,
}

fn topology(shape: Shape) -> String {
    let over = "from = { from = \"in\", repartition = true }";
    match shape {
        Shape::Straight => counting(""),
        Shape::Repartitioned => counting("").replace("from = [\"in\"]", over),
        Shape::Chained => {
            counting("").replace("from = [\"count\"]", "from = [\"count2\"]")
                + "[processors.count2]\ncomponent = \"x\"\nfrom = { from = \"count\", repartition = true }\nstores = [\"more\"]\n[stores.more]\n"
        }
    }
}

fn check(shape: Shape, happenings: &[Happening], disk: bool) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        partitions: PARTITIONS,
        folder: disk.then(|| folder.path().to_owned()),
        commit_floor: std::time::Duration::from_millis(1),
        ..Settings::default()
    };
    let mut bench = Bench::with(&topology(shape), &[("count", count()), ("count2", count())], settings);
    bench.start(THREADS);
    // By where it is counted and key: the records, by their number.
    let mut produced: BTreeMap<(u32, String), Vec<String>> = BTreeMap::new();
    let mut number = 0;
    for happening in happenings {
        match happening {
            Happening::Produce(records) => {
                for (partition, key) in records {
                    let key = format!("k{key}");
                    bench.produce_to("in", *partition, record(&key, &number.to_string(), number));
                    let at = if matches!(shape, Shape::Straight) { *partition } else { 0 };
                    produced.entry((at, key)).or_default().push(number.to_string());
                    number += 1;
                }
            }
            Happening::Steps(thread, steps) => (0..*steps).for_each(|_| _ = bench.step(*thread).unwrap()),
            Happening::FailCommit => bench.fail_next_commit(),
            // The sink's policy would be to park: another try finds nothing to refuse.
            Happening::Refuse => bench.sim.refuse_next("out", "as asked"),
            Happening::Rebalance(members) => bench.sim.rebalance("app", *members),
            Happening::Lose(member) => bench.sim.lose("app", *member),
            Happening::Sleep(member) => {
                bench.sim.deafen("app", *member);
                bench.sim.lose("app", *member);
            }
            Happening::Wake(member) => bench.sim.hear("app", *member),
            Happening::Crash => bench.start(THREADS),
            Happening::Stop => {
                bench.stop();
                bench.start(THREADS);
            }
            Happening::Wait(ms) => bench.clock.advance_ms(*ms),
        }
    }
    (0..THREADS).for_each(|member| bench.sim.hear("app", member));
    for _ in 0..4 {
        bench.advance(1_000);
        bench.members.iter().for_each(|m| m.commands.send(crate::runtime::Command::Resume(None)).unwrap());
        bench.settle();
    }
    compare(&mut bench, shape, &produced);
}

fn compare(bench: &mut Bench, shape: Shape, produced: &BTreeMap<(u32, String), Vec<String>>) {
    let mut outputs: BTreeMap<(u32, String), Vec<(String, u64)>> = BTreeMap::new();
    for appended in bench.appended("out") {
        let value = super::bench::text(&appended.record.value);
        let mut parts = value.split('#');
        let (id, n) = (parts.next().unwrap().to_owned(), parts.next().unwrap().parse().unwrap());
        let partition = if matches!(shape, Shape::Straight) { origin(produced, &id) } else { 0 };
        outputs.entry((partition, super::bench::text(&appended.record.key))).or_default().push((id, n));
    }
    for (at, ids) in produced {
        let mut given = outputs.remove(at).unwrap_or_default();
        match shape {
            Shape::Straight => {
                let expected: Vec<(String, u64)> = ids.iter().cloned().zip(1..).collect();
                assert_eq!(given, expected, "{at:?}: order and count");
            }
            Shape::Repartitioned => {
                let counts: Vec<u64> = given.iter().map(|(_, n)| *n).collect();
                assert_eq!(counts, (1..=ids.len() as u64).collect::<Vec<_>>(), "{at:?}: counts");
            }
            Shape::Chained => {}
        }
        given.sort_by_key(|(id, _)| id.parse::<u64>().unwrap());
        let given: Vec<String> = given.into_iter().map(|(id, _)| id).collect();
        assert_eq!(&given, ids, "{at:?}: each once");
    }
    assert!(outputs.is_empty(), "{outputs:?}");
    let mut expected: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    produced.iter().for_each(|((_, key), ids)| expected.entry(key.clone()).or_default().push(ids.len()));
    let last = if matches!(shape, Shape::Chained) { "more" } else { "counts" };
    let mut rows: Vec<String> = bench.rows(last);
    rows.sort();
    let mut wanted: Vec<String> = expected.iter().flat_map(|(key, ns)| ns.iter().map(move |n| format!("{key}={n}"))).collect();
    wanted.sort();
    assert_eq!(rows, wanted, "the store");
}

/// Where a record was produced.
fn origin(produced: &BTreeMap<(u32, String), Vec<String>>, id: &str) -> u32 {
    produced.iter().find(|(_, ids)| ids.iter().any(|i| i == id)).map_or(u32::MAX, |((partition, _), _)| *partition)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_record_counts_once_whatever_happens(
        shape in prop_oneof![Just(Shape::Straight), Just(Shape::Repartitioned), Just(Shape::Chained)],
        happenings in prop::collection::vec(happening(), 1..50),
    ) {
        check(shape, &happenings, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, max_shrink_iters: 30, ..ProptestConfig::default() })]

    #[test]
    fn each_record_counts_once_with_state_on_disk(
        shape in prop_oneof![Just(Shape::Straight), Just(Shape::Repartitioned)],
        happenings in prop::collection::vec(happening(), 1..30),
    ) {
        check(shape, &happenings, true);
    }
}
