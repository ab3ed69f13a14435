//! Bytes that somebody calls a component: whatever they are, loading them is an error or a component, and running that one an error or not.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cofferdam::node::{Effort, Lent, Node, Schedules, SeededRandom, TaskEnv};
use cofferdam::record::{Record, Timestamp};
use cofferdam::sandbox::{Engine, Loaded, NodeLimits, NodeSetup, describe, load};
use cofferdam::store::TaskStores;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::guest::{Guest, PASS};

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).unwrap())
}

/// A small whole component.
fn whole() -> &'static [u8] {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    WHOLE.get_or_init(|| Guest { process: PASS, ..Guest::default() }.component())
}

fn env() -> Lent {
    Some(Box::new(TaskEnv {
        stores: TaskStores::open(None, Vec::new()).unwrap(),
        schedules: Schedules::default(),
        random: SeededRandom::new(1),
        position: None,
        stream_time: None,
        now: Timestamp(0),
        row_timestamp: Timestamp(0),
        effort: Effort::default(),
    }))
}

fn setup() -> NodeSetup {
    NodeSetup {
        app: "app".into(),
        name: "node".into(),
        node: 0,
        task: "task_0".into(),
        inputs: vec!["in".into()],
        ports: Vec::new(),
        config: "{}".into(),
        grants: Vec::new(),
        limits: NodeLimits { deadline: Duration::from_millis(20), ..NodeLimits::default() },
        allow: Vec::new(),
        metrics: Arc::default(),
    }
}

/// What is loaded is also asked, started, given records and closed.
fn live(loaded: &Arc<Loaded>) {
    let mut env = env();
    let _ = describe(loaded, None);
    let Ok(mut node) = loaded.instantiate(setup(), &mut env) else { return };
    for _ in 0..2 {
        let _ = node.process(&mut env, 0, Record::default(), &mut Vec::new());
        assert!(env.is_some(), "what was lent came back");
    }
    node.close(&mut env);
}

/// An error says what, and has a code that `explain` knows.
fn try_out(bytes: &[u8]) {
    match load(engine(), "fuzzed.wasm", bytes) {
        Ok(loaded) => live(&loaded),
        Err(refusal) => assert!(cofferdam::error::explain(refusal.code).is_some(), "{refusal}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_component(bytes in prop::collection::vec(any::<u8>(), 0..600), header in any::<bool>()) {
        let head: &[u8] = if header { b"\0asm\x0d\0\x01\0" } else { b"" };
        try_out(&[head, &bytes].concat());
    }

    #[test]
    fn damaged_component_is_refused_or_held(
        harm in prop::collection::vec((any::<Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<Index>()),
        doubled in prop::option::weighted(0.2, (any::<Index>(), any::<Index>())),
    ) {
        let mut bytes = whole().to_vec();
        for (at, byte) in harm {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some((from, to)) = doubled {
            let part = bytes[from.index(bytes.len())..].to_vec();
            let at = to.index(bytes.len());
            bytes.splice(at..at, part);
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        try_out(&bytes);
    }
}
