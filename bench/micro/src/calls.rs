//! Calls of components: record by record, and packed.

use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use cofferdam::node::{Effort, Frame, Lent, Node, Position, Schedules, SeededRandom, TaskEnv};
use cofferdam::record::Timestamp;
use cofferdam::sandbox::{ComponentNode, Engine, Loaded, NodeLimits, NodeSetup, StoreGrant, load};
use cofferdam::store::{Home, StoreConfig, TaskStores};
use cofferdam::topology::{Backend, StoreAccess, StoreShape};

use crate::Case;
use crate::data::record;
use crate::frames::Run;
use crate::stores::roomy;

/// Records of a packed call.
const FRAMES: [usize; 3] = [1, 8, 256];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![typed()];
    let guests = [("probe.wasm", r#"{"do": "pass"}"#, "pass"), ("probe.wasm", r#"{"do": "count"}"#, "count in a store")];
    for (file, config, what) in guests {
        let loaded = guest(file);
        cases.extend(FRAMES.iter().map(|&count| packed(&loaded, config, format!("call/packed, {what}, {count}"), count)));
    }
    cases
}

/// A component that knows no frames.
fn typed() -> Case {
    let (mut node, mut env) = start(&guest("guest_min.wasm"), "{}");
    let record = record(1);
    let mut outputs = Vec::new();
    Case::new("call/typed, pass", 1, move || {
        outputs.clear();
        node.process(&mut env, 0, black_box(record.clone()), &mut outputs).expect("the guest passes it on");
        assert_eq!(outputs.len(), 1);
    })
}

fn packed(loaded: &Arc<Loaded>, config: &str, name: String, count: usize) -> Case {
    let (mut node, mut env) = start(loaded, config);
    let run = Run::new(count, record);
    let mut outputs = Vec::new();
    Case::new(name, count, move || {
        outputs.clear();
        let lent = env.as_deref_mut().expect("the state came back");
        lent.begin(run.causes[0], run.records[0].output.record.timestamp);
        let begin = lent.stores.savepoint();
        let frame = Frame::given(0, black_box(&run.records), &run.causes);
        node.process_frame(&mut env, frame, &mut outputs).expect("the guest passes them on");
        env.as_deref_mut().expect("the state came back").stores.release(begin);
        assert_eq!(outputs.len(), run.records.len());
    })
}

fn guest(file: &str) -> Arc<Loaded> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/dist").join(file);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}: build the guests first: make guests", path.display()));
    let engine = ENGINE.get_or_init(|| Engine::new(None).expect("the engine starts"));
    load(engine, file, &bytes).unwrap_or_else(|e| panic!("{e}"))
}

fn start(loaded: &Arc<Loaded>, config: &str) -> (ComponentNode, Lent) {
    let store = StoreConfig {
        name: "counts".into(),
        shape: StoreShape::KeyValue { ttl: None },
        backend: Backend::Memory,
        changelog: "counts-changelog".into(),
    };
    // As a host does; the folder of a task without stores on disk is never made.
    let home = Home { folder: Path::new("nowhere"), budget: &roomy() };
    let mut env: Lent = Some(Box::new(TaskEnv {
        stores: TaskStores::open(Some(home), vec![store]).expect("the stores open"),
        schedules: Schedules::default(),
        random: SeededRandom::new(1),
        position: Some(Position { topic: "in".into(), partition: 0, offset: 0 }),
        stream_time: Some(Timestamp(0)),
        now: Timestamp(0),
        row_timestamp: Timestamp(0),
        effort: Effort::default(),
    }));
    let setup = NodeSetup {
        app: "bench".into(),
        name: "node".into(),
        node: 0,
        task: "in_0".into(),
        inputs: vec!["in".into()],
        ports: Vec::new(),
        config: config.into(),
        grants: vec![StoreGrant {
            role: "counts".into(),
            store: "counts".into(),
            index: 0,
            shape: StoreShape::KeyValue { ttl: None },
            access: StoreAccess::ReadWrite,
        }],
        limits: NodeLimits::default(),
        allow: Vec::new(),
        metrics: Arc::default(),
    };
    let node = loaded.instantiate(setup, &mut env).unwrap_or_else(|e| panic!("{e}"));
    (node, env)
}
