//! Components as they are built from Rust and JavaScript, in the sandbox: what works, and what becomes of those that misbehave.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use cofferdam::node::{Effort, Failure, Lent, Node, Output, Position, PunctuationClock, Schedules, SeededRandom, TaskEnv};
use cofferdam::record::{Record, Timestamp};
use cofferdam::sandbox::{ComponentNode, Engine, Loaded, MetricValue, NodeLimits, NodeSetup, StoreGrant, describe, load};
use cofferdam::store::{StoreConfig, TaskStores};
use cofferdam::topology::{Backend, StoreAccess, StoreShape};

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).unwrap())
}

fn guest(file: &str) -> Arc<Loaded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests/dist").join(file);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}: build the guests first: make guests", path.display()));
    load(engine(), file, &bytes).unwrap()
}

fn probe() -> Arc<Loaded> {
    static PROBE: OnceLock<Arc<Loaded>> = OnceLock::new();
    PROBE.get_or_init(|| guest("probe.wasm")).clone()
}

fn env(shape: StoreShape) -> Lent {
    let stores = vec![StoreConfig { name: "data".into(), shape, backend: Backend::Memory, changelog: "data-changelog".into() }];
    Some(Box::new(TaskEnv {
        stores: TaskStores::open(None, stores).unwrap(),
        schedules: Schedules::default(),
        random: SeededRandom::new(1),
        position: Some(Position { topic: "words".into(), partition: 2, offset: 40 }),
        stream_time: Some(Timestamp(9)),
        now: Timestamp(1_000),
        row_timestamp: Timestamp(9),
        effort: Effort::default(),
    }))
}

fn setup(config: &str, ports: &[&str]) -> NodeSetup {
    // The one store plays every role that the guests know.
    let grant = |role: &str| StoreGrant {
        role: role.into(),
        store: "data".into(),
        index: 0,
        shape: StoreShape::KeyValue { ttl: None },
        access: StoreAccess::ReadWrite,
    };
    NodeSetup {
        app: "app".into(),
        name: "node".into(),
        node: 0,
        task: "words_2".into(),
        inputs: vec!["in".into()],
        ports: ports.iter().map(|&port| port.to_owned()).collect(),
        config: config.into(),
        grants: ["rows", "counts", "table"].map(grant).into(),
        limits: NodeLimits { deadline: Duration::from_millis(300), ..NodeLimits::default() },
        allow: Vec::new(),
        metrics: Arc::default(),
    }
}

struct Running {
    node: ComponentNode,
    env: Lent,
}

impl Running {
    fn start(loaded: &Arc<Loaded>, setup: NodeSetup) -> Result<Self, Failure> {
        let mut env = env(setup.grants.first().map_or(StoreShape::KeyValue { ttl: None }, |grant| grant.shape));
        let node = loaded.instantiate(setup, &mut env)?;
        Ok(Self { node, env })
    }

    fn probe(config: &str) -> Self {
        Self::start(&probe(), setup(config, &["even", "odd", "unmatched"])).unwrap()
    }

    /// A guest that does to its store what the records say.
    fn script() -> Self {
        Self::start(&guest("store_script.wasm"), setup(r#"{"kind": "key-value"}"#, &[])).unwrap()
    }

    fn process(&mut self, key: &str, value: &str) -> Result<Vec<Output>, Failure> {
        let text = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
        let record = Record { key: text(key), value: text(value), timestamp: Timestamp(9), ..Record::default() };
        let mut outputs = Vec::new();
        self.node.process(&mut self.env, 0, record, &mut outputs).map(|()| outputs)
    }

    /// The values of the outputs.
    fn values(&mut self, key: &str, value: &str) -> Vec<String> {
        let text = |output: &Output| String::from_utf8_lossy(output.record.value.as_deref().unwrap()).into_owned();
        self.process(key, value).unwrap().iter().map(text).collect()
    }

    /// The outputs as `slot key value`.
    fn shown(&mut self, key: &str, value: &str) -> Vec<String> {
        self.process(key, value).unwrap().iter().map(show).collect()
    }
}

fn key_of_row(output: &Output) -> String {
    let row: serde_json::Value = serde_json::from_slice(output.record.value.as_deref().unwrap()).unwrap();
    row["key"].as_str().unwrap().to_owned()
}

fn show(output: &Output) -> String {
    let text = |bytes: &Option<Bytes>| bytes.as_deref().map_or("-".into(), |bytes| String::from_utf8_lossy(bytes).into_owned());
    format!("{} {} {}", output.slot, text(&output.record.key), text(&output.record.value))
}

#[test]
fn guests_do_what_they_are_told() {
    let cases: [(&str, &[&str], &[&str]); 10] = [
        (r#"{"do": "pass"}"#, &["x"], &["0 k x"]),
        (r#"{"do": "words"}"#, &["to be"], &["0 to to", "0 be be"]),
        (r#"{"do": "route"}"#, &["1", "2"], &["2 k 1", "1 k 2"]),
        (r#"{"do": "place"}"#, &["x"], &["0 k words/2@40 stream=9 task=words_2"]),
        (r#"{"do": "count"}"#, &["x", "x", "x"], &["0 k 1", "0 k 2", "0 k 3"]),
        (r#"{"do": "cell"}"#, &["x", "x"], &["0 k 1", "0 k 2"]),
        (r#"{"do": "early"}"#, &["x"], &["0 k x/1", "0 k x/2"]),
        (r#"{"do": "outputs", "count": 20000, "bytes": 0, "early": true}"#, &["x"], &["0 k x"]),
        (r#"{"do": "panic", "nth": 2}"#, &["x"], &["0 k x"]),
        (r#"{"do": "join"}"#, &["x"], &["3 k x"]),
    ];
    for (config, values, expected) in cases {
        let mut running = Running::probe(config);
        let outputs: Vec<String> = values.iter().flat_map(|value| running.shown("k", value)).collect();
        assert_eq!(outputs, expected, "{config}");
    }
}

#[test]
fn a_write_that_lets_a_row_expire_is_seen_by_the_next_look_at_it() {
    for (by, row) in [(99, "there"), (100, "gone")] {
        let mut setup = setup(&format!(r#"{{"do": "outlive", "by": {by}}}"#), &["even", "odd", "unmatched"]);
        setup.grants.iter_mut().for_each(|grant| grant.shape = StoreShape::KeyValue { ttl: Some(Duration::from_millis(100)) });
        assert_eq!(Running::start(&probe(), setup).unwrap().values("k", "x"), [row], "newer by {by} ms");
    }
}

#[test]
fn store_operations_reach_the_store() {
    let mut running = Running::script();
    let row = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":"{value}"}}"#);
    let old = |value: &str| vec![format!(r#"{{"value":"{value}"}}"#)];
    let steps = [
        (r#"{"op":"put","key":"b","value":"1"}"#, vec![]),
        (r#"{"op":"put_many","writes":[["a","2"],["c","3"],["ab","4"],["c",null]]}"#, vec![]),
        (r#"{"op":"put_if_absent","key":"a","value":"9"}"#, old("2")),
        (r#"{"op":"all"}"#, vec![row("a", "2"), row("ab", "4"), row("b", "1")]),
        (r#"{"op":"reverse_range","from":null,"to":"ab"}"#, vec![row("ab", "4"), row("a", "2")]),
        (r#"{"op":"range","from":"b","to":"a"}"#, vec![]),
        (r#"{"op":"prefix_scan","prefix":"a"}"#, vec![row("a", "2"), row("ab", "4")]),
        (r#"{"op":"delete","key":"b"}"#, old("1")),
        (r#"{"op":"get_many","keys":["b","a"]}"#, old("2")),
    ];
    for (step, expected) in steps {
        assert_eq!(running.values("", step), expected, "{step}");
    }
}

#[test]
fn long_range_comes_whole_and_in_order() {
    let mut running = Running::script();
    let stores = &mut running.env.as_deref_mut().unwrap().stores;
    for at in 0..5_000 {
        let row = cofferdam::store::Row { value: Bytes::from(vec![b'x'; 600]), timestamp: Timestamp(1) };
        stores.put(0, format!("{at:05}").as_bytes(), Some(row)).unwrap();
    }
    for (op, reversed) in [("all", false), ("reverse_all", true)] {
        let outputs = running.process("", &format!(r#"{{"op":"{op}"}}"#)).unwrap();
        let mut keys: Vec<String> = outputs.iter().map(key_of_row).collect();
        if reversed {
            keys.reverse();
        }
        assert!(keys.iter().map(|key| key.parse::<usize>().unwrap()).eq(0..5_000), "{op}");
    }
}

#[test]
fn misbehaving_guest_is_told_by_name_and_the_next_record_goes_on() {
    let cases = [
        (r#"{"do": "trap"}"#, "boom", "unreachable"),
        (r#"{"do": "loop"}"#, "loop", "deadline of 300 ms missed"),
        (r#"{"do": "memory"}"#, "grow", "memory over the limit of 64 MiB"),
        (r#"{"do": "recursion"}"#, "deep", "stack overflow: the guest used up the stack in its memory"),
        (r#"{"do": "iterators", "count": 65}"#, "flood", "more than 64 iterators are open in one call"),
        (
            r#"{"do": "outputs", "count": 20000, "bytes": 0}"#,
            "flood",
            "20000 outputs returned by one call; the limit is 10000 (`forward` takes more)",
        ),
        (
            r#"{"do": "outputs", "count": 1100000, "bytes": 0, "early": true}"#,
            "flood",
            "more than 1000000 outputs of one call (`limits.outputs`)",
        ),
        (r#"{"do": "headers", "count": 1001}"#, "flood", "an output has 1001 headers; the limit is 1000"),
        (
            r#"{"do": "no-such-port"}"#,
            "lost",
            "output to the port 'nowhere', which this node does not declare; it has even, odd, unmatched",
        ),
    ];
    for (config, value, reason) in cases {
        let mut running = Running::probe(config);
        // Pathological work takes its time on a slow machine; the deadline has its own case.
        if !config.contains("loop") {
            let mut setup = setup(config, &["even", "odd", "unmatched"]);
            setup.limits.deadline = Duration::from_secs(60);
            running = Running::start(&probe(), setup).unwrap();
        }
        let failure = running.process("k", value).unwrap_err();
        assert_eq!(failure.to_string(), reason, "{config}");
        if matches!(config, r#"{"do": "trap"}"# | r#"{"do": "loop"}"# | r#"{"do": "memory"}"#) {
            assert_eq!(running.shown("k", "fine"), ["0 k fine"], "{config}");
        }
    }
}

#[test]
fn panic_tells_message_place_and_frames() {
    let mut running = Running::probe(r#"{"do": "panic", "nth": 1}"#);
    let Err(Failure::Trap { reason, frames }) = running.process("k", "x") else { panic!("a trap was expected") };
    assert!(reason.starts_with("panicked at ") && reason.contains("hostile.rs"), "{reason}");
    assert_eq!(frames, ["<probe::Probe>::run"]);
}

#[test]
fn failures_keep_their_class() {
    let mut running = Running::probe(r#"{"do": "fail"}"#);
    assert!(matches!(running.process("k", "bad"), Err(Failure::BadRecord(_))));
    assert!(matches!(running.process("k", "transient"), Err(Failure::Transient(_))));
    assert!(matches!(running.process("k", "fatal"), Err(Failure::Fatal(_))));
    assert_eq!(running.shown("k", "fine"), ["0 k fine"]);
}

#[test]
fn init_that_fails_in_any_way_is_fatal() {
    let cases = [
        (r#"{"do": "init-error", "message": "no tea"}"#, "init: no tea"),
        (r#"{"do": "init-panic"}"#, "init: panicked at "),
        (r#"{"do": "open", "role": "nothing"}"#, "init: "),
        (r#"{"do": "nonsense"}"#, "init: "),
    ];
    for (config, beginning) in cases {
        match Running::start(&probe(), setup(config, &[])) {
            Err(Failure::Fatal(reason)) => assert!(reason.starts_with(beginning), "{config}: {reason}"),
            other => panic!("{config}: {:?}", other.map(|running| running.node)),
        }
    }
}

#[test]
fn schedules_fire_after_the_instance_was_replaced() {
    let mut running = Running::probe(r#"{"do": "punctuate", "wall-clock-interval-ms": 100}"#);
    running.shown("k", "x");
    let due = running.env.as_deref_mut().unwrap().schedules.take_due(PunctuationClock::WallClock, Timestamp(1_100)).unwrap();
    let mut outputs = Vec::new();
    running.node.punctuate(&mut running.env, &due.name, Timestamp(1_100), &mut outputs).unwrap();
    assert_eq!(outputs.iter().map(show).collect::<Vec<_>>(), ["0 # wall stream=9 system=1000", "0 k 1"]);
}

#[test]
fn metrics_of_a_guest_are_read_by_name() {
    let setup = setup(r#"{"do": "tell"}"#, &[]);
    let metrics = setup.metrics.clone();
    let mut running = Running::start(&probe(), setup).unwrap();
    running.shown("k", "four");
    let read = metrics.read();
    assert_eq!(read[1], ("seen".to_owned(), MetricValue::Counter(1)));
    assert!(matches!(&read[0], (name, MetricValue::Histogram { sum, .. }) if name == "length" && *sum == 4.0), "{read:?}");
}

#[test]
fn component_describes_itself_for_its_config() {
    let told = describe(&probe(), Some(r#"{"do": "route"}"#)).unwrap().unwrap();
    let ports: Vec<&str> = told.ports.iter().map(|port| port.name.as_str()).collect();
    assert!(ports.contains(&"even") && ports.contains(&"odd"), "{ports:?}");
    let refused = describe(&probe(), Some(r#"{"do": "nonsense"}"#)).unwrap_err();
    assert_eq!(refused.code, "C110", "{refused}");
    assert_eq!(describe(&guest("guest_min.wasm"), None), Ok(None));
}

#[test]
fn plain_bindings_are_enough() {
    let min = guest("guest_min.wasm");
    assert!(min.imports().iter().all(|import| import.name.starts_with("cofferdam:processor/")), "{:?}", min.imports());
    assert_eq!(Running::start(&min, setup("{}", &[])).unwrap().shown("k", "x"), ["0 k x"]);
}

#[test]
fn javascript_counts_words_and_its_exceptions_are_told() {
    let js = guest("js_word_count.wasm");
    let mut running = Running::start(&js, setup("{}", &[])).unwrap();
    assert_eq!(running.shown("k", "to be or not to be"), ["0 to 1", "0 be 1", "0 or 1", "0 not 1", "0 to 2", "0 be 2"]);
    let failure = running.node.process(&mut running.env, 0, Record::default(), &mut Vec::new()).unwrap_err();
    assert!(matches!(&failure, Failure::BadRecord(text) if text == "value is null"), "{failure:?}");

    // The runtime wants a text from a failing `init` and panics over an exception: that, too, is told from its stderr.
    let without_stores = NodeSetup { grants: Vec::new(), ..setup("{}", &[]) };
    let refused = Running::start(&js, without_stores).err().unwrap().to_string();
    assert!(refused.starts_with("init: panicked at ") && refused.contains("FromJs"), "{refused}");
}
