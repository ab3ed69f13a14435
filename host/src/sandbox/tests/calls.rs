//! Ordinary calls: what goes in comes out, and nothing else.

use super::*;
use crate::record::{Header, Previous};

fn pass() -> Guest<'static> {
    Guest { process: guest::PASS, ..Guest::default() }
}

#[test]
fn record_goes_through_a_guest_unchanged() {
    let change = |value: Option<&'static [u8]>, latest| Some(Previous { value: value.map(Bytes::from_static), latest });
    let headers = [("a", None), ("a", Some(&b""[..])), ("b", Some(b"x"))].map(|(name, value)| Header { name, value });
    let cases = [
        Record::default(),
        record(),
        Record { key: Some(Bytes::new()), value: None, ..record() },
        Record { headers: headers.into_iter().collect(), ..record() },
        Record { change: change(None, true), ..record() },
        Record { change: change(Some(b"old"), false), ..record() },
    ];
    let mut running = running(&pass());
    for case in cases {
        running.outputs.clear();
        running.node.process(&mut running.env, 0, case.clone(), &mut running.outputs).unwrap();
        assert_eq!(running.outputs, [Output { slot: 0, partition: None, record: case }]);
    }
}

#[test]
fn outputs_are_appended_to_those_that_are_there() {
    let mut running = running(&pass());
    running.process(0).unwrap();
    running.process(0).unwrap();
    assert_eq!(running.outputs.len(), 2);
}

#[test]
fn named_port_is_its_slot() {
    // The port's text is `left`, at 600; the partition is 4.
    let named = format!(
        "(i32.store (i32.const 2048) (i32.const 1)) (i32.store (i32.const 2052) (i32.const 600)) (i32.store (i32.const 2056) (i32.const 4))
         (i32.store (i32.const 2060) (i32.const 1)) (i32.store (i32.const 2064) (i32.const 4)) {}",
        guest::PASS
    );
    let mut running = running(&Guest { process: &named, items: r#"(data (i32.const 600) "left")"#, ..Guest::default() });
    running.process(0).unwrap();
    assert_eq!(running.outputs, [Output { slot: 1, partition: Some(4), record: record() }]);
}

#[test]
fn forwarded_outputs_come_before_returned_ones() {
    let imports = r#"(import "cofferdam:processor/context@0.1.0" "forward" (func $forward (param i32 i32)))"#;
    // The record is forwarded as it is, then returned with the time 99.
    let process = format!(
        "(drop (block (result i32) {pass})) (call $forward (i32.const 2048) (i32.const 1)) (i64.store (i32.const 2096) (i64.const 99)) (i32.const 1024)",
        pass = guest::PASS
    );
    let mut running = running(&Guest { imports, process: &process, ..Guest::default() });
    running.process(0).unwrap();
    let times: Vec<i64> = running.outputs.iter().map(|output| output.record.timestamp.0).collect();
    assert_eq!(times, [5, 99]);
}

#[test]
fn failure_of_a_guest_keeps_its_kind_and_text() {
    for (kind, text) in [(0, "BadRecord(\"why\")"), (1, "Transient(\"why\")"), (2, "Fatal(\"why\")")] {
        let process = format!(
            "(i32.store (i32.const 1024) (i32.const 1)) (i32.store (i32.const 1028) (i32.const {kind}))
             (i32.store (i32.const 1032) (i32.const 600)) (i32.store (i32.const 1036) (i32.const 3)) (i32.const 1024)"
        );
        let mut running = running(&Guest { process: &process, items: r#"(data (i32.const 600) "why")"#, ..Guest::default() });
        assert_eq!(format!("{:?}", running.process(0).unwrap_err()), text);
    }
}

#[test]
fn init_that_refuses_says_why() {
    let init = "(i32.store (i32.const 1024) (i32.const 1)) (i32.store (i32.const 1028) (i32.const 600)) (i32.store (i32.const 1032) (i32.const 3)) (i32.const 1024)";
    let refused = start(&Guest { init, items: r#"(data (i32.const 600) "why")"#, ..Guest::default() }, setup());
    assert_eq!(refused.err().map(|failure| failure.to_string()).as_deref(), Some("init: why"));
}

#[test]
fn schedule_lives_in_the_task() {
    let imports = r#"(import "cofferdam:processor/context@0.1.0" "schedule" (func $schedule (param i32 i32 i64 i32 i32 i64)))"#;
    let schedule =
        "(call $schedule (i32.const 600) (i32.const 4) (i64.const 100) (i32.const 1) (i32.const 0) (i64.const 0)) (i32.const 1024)";
    let mut running = running(&Guest { imports, init: schedule, items: r#"(data (i32.const 600) "tick")"#, ..Guest::default() });
    let env = running.env.as_deref_mut().unwrap();
    let due = env.schedules.take_due(crate::node::PunctuationClock::WallClock, Timestamp(1_100)).unwrap();
    assert_eq!((due.node, &*due.name), (3, "tick"));
    running.node.punctuate(&mut running.env, "tick", Timestamp(1_100), &mut running.outputs).unwrap();
}

#[test]
fn counters_are_kept_for_the_node() {
    let imports = r#"(import "cofferdam:processor/context@0.1.0" "count" (func $count (param i32 i32 i64)))"#;
    let process = "(call $count (i32.const 600) (i32.const 4) (i64.const 2)) (i32.const 1024)";
    let setup = setup();
    let metrics = setup.metrics.clone();
    let mut running = start(&Guest { imports, process, items: r#"(data (i32.const 600) "seen")"#, ..Guest::default() }, setup).unwrap();
    running.process(0).unwrap();
    running.process(0).unwrap();
    assert_eq!(metrics.read(), [("seen".to_owned(), super::super::MetricValue::Counter(4))]);
}
