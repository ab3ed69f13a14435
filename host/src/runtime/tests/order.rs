//! Who sees what, and when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::bench::{Bench, Op, Settings, op, pass, record, text, to};
use crate::broker::{Broker, OutgoingRecord};
use crate::clock::Clock;
use crate::record::{CHANGE_HEADER, Header, TopicPartition};
use crate::runtime::Step;

/// An operator that notes its visits and gives `outputs` for each record: slot and suffix of the value.
fn noting(seen: &Arc<Mutex<Vec<String>>>, name: &'static str, outputs: &'static [(u32, &'static str)]) -> Op {
    let seen = seen.clone();
    op(move |_, input, record, _, given| {
        let value = text(&record.value);
        seen.lock().unwrap().push(format!("{name}{input}({value})"));
        given.extend(outputs.iter().map(|(slot, suffix)| {
            let mut record = record.clone();
            record.value = Some(format!("{value}{suffix}").into());
            to(*slot, record)
        }));
        Ok(())
    })
}

#[test]
fn each_output_is_walked_to_the_leaves_before_the_next_and_a_node_is_visited_once_for_each_parent() {
    let seen = Arc::default();
    let toml = r#"
[sources.in]
topic = "in"
[processors.a]
component = "x"
from = ["in"]
[processors.b]
component = "x"
from = ["a"]
[processors.c]
component = "x"
from = ["a", "in"]
[processors.d]
component = "x"
from = ["b", "c", "a.odd"]
[sinks.out]
topic = "out"
from = ["d"]
[sinks.odd]
topic = "odd"
from = ["a.odd"]
"#;
    let ops = [
        ("a", noting(&seen, "a", &[(0, "1"), (1, "!"), (0, "2")])),
        ("b", noting(&seen, "b", &[(0, "b")])),
        ("c", noting(&seen, "c", &[])),
        ("d", noting(&seen, "d", &[(0, "")])),
    ];
    let mut bench = Bench::new(toml, &ops);
    bench.produce("in", &[record("k", "x", 1)]);
    bench.settle();
    let visits = seen.lock().unwrap().join(" ");
    assert_eq!(visits, "a0(x) b0(x1) d0(x1b) c0(x1) d2(x!) b0(x2) d0(x2b) c0(x2) c1(x)");
    assert_eq!(bench.all("out"), ["k=x1b@1", "k=x!@1", "k=x2b@1"]);
    assert_eq!(bench.all("odd"), ["k=x!@1"]);
}

const TWO_SOURCES: &str = r#"
[sources.one]
topic = "one"
[sources.two]
topics = ["two", "three"]
[processors.merge]
component = "x"
from = ["one", "two"]
[sinks.out]
topic = "out"
from = ["merge"]
"#;

#[test]
fn a_task_takes_the_least_timestamp_and_equal_ones_in_the_order_of_sources_and_topics() {
    let mut bench = Bench::new(TWO_SOURCES, &[("merge", pass())]);
    bench.produce("three", &[record("3", "a", 5), record("3", "b", 5)]);
    bench.produce("two", &[record("2", "a", 5), record("2", "b", 9), record("2", "c", 1)]);
    bench.produce("one", &[record("1", "a", 7), record("1", "b", 5), record("1", "c", 10)]);
    bench.settle();
    assert_eq!(bench.all("out"), ["2=a@5", "3=a@5", "3=b@5", "1=a@7", "1=b@5", "2=b@9", "2=c@1", "1=c@10"]);
}

#[test]
fn a_partition_with_records_on_the_way_is_waited_for() {
    let mut bench = Bench::new(TWO_SOURCES, &[("merge", pass())]);
    let late = TopicPartition::new("two", 0);
    bench.sim.hold(&late);
    bench.produce("one", &[record("1", "a", 7)]);
    bench.produce("two", &[record("2", "a", 5)]);
    bench.settle();
    assert!(bench.all("out").is_empty());
    bench.sim.release(&late);
    bench.settle();
    assert_eq!(bench.all("out"), ["2=a@5", "1=a@7"]);
}

#[test]
fn max_task_idle_waits_for_empty_partitions_and_names_the_end_of_the_wait() {
    let settings = Settings { max_task_idle: Duration::from_millis(50), ..Settings::default() };
    let mut bench = Bench::with(TWO_SOURCES, &[("merge", pass())], settings);
    bench.start(1);
    bench.restored();
    bench.produce("one", &[record("1", "a", 7)]);
    bench.clock.advance_ms(49);
    let now = bench.clock.now();
    while bench.step(0).unwrap() == Step::Busy {}
    let idle = bench.step(0).unwrap();
    assert!(matches!(idle, Step::Idle { until: Some(at) } if at.0 > now.0 && at.0 <= now.0 + 50), "{idle:?}");
    assert!(bench.all("out").is_empty());
    bench.advance(50);
    assert_eq!(bench.all("out"), ["1=a@7"]);
}

#[test]
fn change_crosses_a_repartition_edge_and_no_stream_edge_and_foreign_reserved_headers_are_stripped() {
    let toml = r#"
[tables.t]
topic = "t"
[processors.keep]
component = "x"
from = ["t"]
[processors.show]
component = "x"
from = { from = "keep", repartition = true }
[sources.in]
topic = "in"
[processors.plain]
component = "x"
from = ["in"]
[sinks.out]
topic = "out"
from = ["show", "plain"]
"#;
    let show = op(|_, _, mut record, _, outputs| {
        let change = record.change.take().map(|c| text(&c.value));
        record.value = Some(format!("{} was {change:?}, {} headers", text(&record.value), record.headers.len()).into());
        outputs.push(to(0, record));
        Ok(())
    });
    let mut bench = Bench::new(toml, &[("keep", pass()), ("show", show.clone()), ("plain", show)]);
    let mut foreign = record("f", "v", 3);
    foreign.headers.push(Header { name: CHANGE_HEADER, value: Some(&[3, b'x']) });
    foreign.headers.push(Header { name: "own", value: None });
    bench.produce("t", &[record("k", "a", 1), record("k", "b", 2)]);
    bench.sim.produce(vec![OutgoingRecord { topic: "in".into(), partition: None, record: foreign }], None).unwrap();
    bench.settle();
    let mut all = bench.all("out");
    all.sort();
    assert_eq!(all, ["f=v was None, 1 headers@3", "k=a was Some(\"null\"), 0 headers@1", "k=b was Some(\"a\"), 0 headers@2"]);
}
