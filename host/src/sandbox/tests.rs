//! What a guest may do, and what becomes of one that does more.

mod calls;
mod compiled;
mod granted;
mod guest;
mod hostile;
mod loading;
mod state;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use super::{ComponentNode, Engine, Loaded, NodeLimits, NodeSetup, StoreGrant, load};
use crate::node::{Effort, Failure, Lent, Node, Output, Schedules, SeededRandom, TaskEnv};
use crate::record::{Record, Timestamp};
use crate::store::{StoreConfig, TaskStores};
use crate::topology::{Backend, StoreAccess, StoreShape};
use guest::Guest;

/// One for all tests: each has a pool and a thread.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(None).unwrap())
}

fn env() -> Lent {
    let stores = vec![StoreConfig {
        name: "counts".into(),
        shape: StoreShape::KeyValue { ttl: None },
        backend: Backend::Memory,
        changelog: "counts".into(),
    }];
    Some(Box::new(TaskEnv {
        stores: TaskStores::open(None, stores).unwrap(),
        schedules: Schedules::default(),
        random: SeededRandom::new(1),
        position: None,
        stream_time: None,
        now: Timestamp(1_000),
        row_timestamp: Timestamp(7),
        effort: Effort::default(),
    }))
}

fn setup() -> NodeSetup {
    NodeSetup {
        app: "app".into(),
        name: "node".into(),
        node: 3,
        task: "sub_0".into(),
        inputs: vec!["in".into()],
        ports: vec!["left".into()],
        config: "{}".into(),
        grants: Vec::new(),
        limits: NodeLimits { deadline: Duration::from_millis(100), ..NodeLimits::default() },
        allow: Vec::new(),
        metrics: Arc::default(),
    }
}

fn with_store(access: StoreAccess) -> NodeSetup {
    let grant = StoreGrant { role: "s".into(), store: "counts".into(), index: 0, shape: StoreShape::KeyValue { ttl: None }, access };
    NodeSetup { grants: vec![grant], ..setup() }
}

fn loaded(guest: &Guest<'_>) -> Arc<Loaded> {
    load(engine(), "guest", &guest.component()).unwrap()
}

/// A guest at work, with the task around it.
struct Running {
    node: ComponentNode,
    env: Lent,
    outputs: Vec<Output>,
}

fn start(guest: &Guest<'_>, setup: NodeSetup) -> Result<Running, Failure> {
    let mut env = env();
    let node = loaded(guest).instantiate(setup, &mut env)?;
    assert!(env.is_some(), "what was lent came back");
    Ok(Running { node, env, outputs: Vec::new() })
}

fn running(guest: &Guest<'_>) -> Running {
    start(guest, setup()).unwrap()
}

fn record() -> Record {
    Record { key: Some(Bytes::from_static(b"k")), value: Some(Bytes::from_static(b"v")), timestamp: Timestamp(5), ..Record::default() }
}

impl Running {
    /// One record on this input, and what came of it.
    fn process(&mut self, input: u32) -> Result<(), Failure> {
        let outcome = self.node.process(&mut self.env, input, record(), &mut self.outputs);
        assert!(self.env.is_some(), "what was lent came back");
        outcome
    }

    /// The reason of the trap that this input brings about.
    fn trap(&mut self, input: u32) -> String {
        match self.process(input) {
            Err(Failure::Trap { reason, .. }) => reason,
            other => panic!("a trap was expected: {other:?}"),
        }
    }
}
