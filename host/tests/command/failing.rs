//! Records, tasks and components that fail.

use insta::assert_snapshot;

use crate::place::{Place, one_probe};

#[test]
fn parked_task_is_told_and_resumed() {
    let config = "{ do = \"fail\" }";
    let manifest = one_probe(config, "") + "\n[topics.in]\npartitions = 2\n\n[topics.out]\npartitions = 2\n";
    let place = Place::with_probe(&manifest);
    let mut host = place.start("run app.toml");
    host.until("in_1 0 running");
    // Of these keys the first goes to one partition, the second to the other.
    let lines = "{\"key\":\"a\",\"value\":\"bad\",\"timestamp\":7}\n{\"key\":\"d\",\"value\":\"good\",\"timestamp\":8}\n";
    place.typed("produce app.toml in", lines);
    let status = host.until("in_1 0 running 0 1");
    assert_snapshot!(status, @r#"
        probed: running, 1 of 2 tasks parked

        task thread state lag processed skipped dead letters behind stream time last commit
        in_0 0 parked 1 0 0 0 N d - N UNIT ago
        bad-record in 'probe' at in/0/0: the value says so
        in_1 0 running 0 1 0 0 0 s TIME N UNIT ago

        processor version since trial records traps failures
        probe DIGEST the start - 2 0 1

        memory: N MiB resident, of it overlays N MiB, cache N MiB, guests N MiB

        topic partition committed end lag
        in 0 0 1 1
        in 1 1 1 0
    "#);
    assert_snapshot!(place.session(&["resume app.toml"]), @r#"
        $ cofferdam resume app.toml
        in_0 tries its record again
    "#);
    host.logged("task parked", 2);
    assert_eq!(host.signal("TERM"), "exit status: 0");
    assert_snapshot!(place.plain(&place.read("log")), @r#"
        TIME  INFO running app=probed threads=1 state=.cofferdam
        TIME ERROR bad-record in 'probe' at in/0/0: the value says so; task parked node=probe task=in_0 key="a"
        TIME  INFO resumed task=in_0
        TIME ERROR bad-record in 'probe' at in/0/0: the value says so; task parked node=probe task=in_0 key="a"
        TIME  INFO stopping
    "#);
}

#[test]
fn panic_at_the_thousandth_record_is_dealt_with_by_policy() {
    let records: String = (1..=1_500).map(|n| format!("{{\"key\":\"key {n}\",\"value\":\"value {n}\",\"timestamp\":{n}}}\n")).collect();
    let mut told = String::new();
    for (policy, passed) in
        [("", 999), ("on-error = \"skip\"", 1_499), ("on-error = { policy = \"dead-letter\", topic = \"broken\" }", 1_499)]
    {
        let place = Place::with_probe(&one_probe("{ do = \"panic-at\", offset = 999 }", policy));
        place.write("in.jsonl", &records);
        told += &place.session(&["run app.toml --input in=in.jsonl --output out=out.jsonl --until-idle"]);
        assert_eq!(place.read("out.jsonl").lines().count(), passed, "{policy}");
        if policy.contains("broken") {
            told += &place.session(&["consume app.toml broken"]);
        }
        told += "\n";
    }
    assert_snapshot!(told, @r#"
        $ cofferdam run app.toml --input in=in.jsonl --output out=out.jsonl --until-idle
        TIME  INFO 1500 records produced file=in.jsonl topic=in
        TIME  INFO running app=probed threads=1 state=.cofferdam
        TIME ERROR trap in 'probe' at in/0/999: panicked at 'tests/guests/probe/src/hostile.rs:21:92': offset 999, as configured; task parked node=probe task=in_0 key="key 1000" frames=<probe::Probe>::run
        error[R006]: every task is parked
        Caused by: task in_0: trap in 'probe' at in/0/999: panicked at 'tests/guests/probe/src/hostile.rs:21:92': offset 999, as configured
        hint: nothing is lost: after a repair the same command goes on at these records; `on-error` of a node can skip such records or put them aside
        [exit status: 1]

        $ cofferdam run app.toml --input in=in.jsonl --output out=out.jsonl --until-idle
        TIME  INFO 1500 records produced file=in.jsonl topic=in
        TIME  INFO running app=probed threads=1 state=.cofferdam
        TIME ERROR trap in 'probe' at in/0/999: panicked at 'tests/guests/probe/src/hostile.rs:21:92': offset 999, as configured; skipped node=probe task=in_0 key="key 1000" frames=<probe::Probe>::run
        TIME  INFO everything is processed: 1499 records in this run
        TIME  INFO 1499 records written file=out.jsonl

        $ cofferdam run app.toml --input in=in.jsonl --output out=out.jsonl --until-idle
        TIME  INFO 1500 records produced file=in.jsonl topic=in
        TIME  INFO running app=probed threads=1 state=.cofferdam
        TIME ERROR trap in 'probe' at in/0/999: panicked at 'tests/guests/probe/src/hostile.rs:21:92': offset 999, as configured; put aside as a dead letter node=probe task=in_0 key="key 1000" frames=<probe::Probe>::run
        TIME  INFO everything is processed: 1499 records in this run
        TIME  INFO 1499 records written file=out.jsonl
        $ cofferdam consume app.toml broken
        {"key":"key 1000","value":"value 1000","timestamp":1000,"headers":[["__streams.errors.exception","trap"],["__streams.errors.message","panicked at 'tests/guests/probe/src/hostile.rs:21:92': offset 999, as configured"],["__streams.errors.stacktrace","<probe::Probe>::run"],["__streams.errors.topic","in"],["__streams.errors.partition","0"],["__streams.errors.offset","999"],["__streams.errors.node","probe"]]}
    "#);
}

#[test]
fn redacted_keys_are_in_no_line() {
    let place = Place::with_probe(&one_probe("{ do = \"trap\" }", ""));
    place.write("in.jsonl", "{\"key\":\"secret\",\"value\":\"boom\",\"timestamp\":1}\n");
    let line = "run app.toml --input in=in.jsonl --until-idle";
    assert!(place.session(&[line]).contains("secret"));
    let told = place.session(&[&format!("{line} --redact")]);
    assert!(told.contains("key=<redacted>") && !told.contains("secret"), "{told}");
}

#[test]
fn component_that_refuses_to_start_is_told_once_a_task() {
    let place = Place::with_probe(&one_probe("{ do = \"init-error\", message = \"the threshold is negative\" }", ""));
    assert_snapshot!(place.session(&["run app.toml --until-idle"]), @r#"
        $ cofferdam run app.toml --until-idle
        TIME  INFO running app=probed threads=1 state=.cofferdam
        TIME ERROR 'probe' refuses to start: init: the threshold is negative task=in_0
        error[R006]: every task is parked
        Caused by: task in_0: 'probe' refuses to start: init: the threshold is negative
        hint: nothing is lost: after a repair the same command goes on at these records; `on-error` of a node can skip such records or put them aside
        [exit status: 1]
    "#);
}
