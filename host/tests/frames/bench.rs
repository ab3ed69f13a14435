//! Runs an app on the simulated log and a virtual clock, and tells everything that it has given and kept.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use cofferdam::broker::sim::SimBroker;
use cofferdam::broker::{Broker, BrokerError, OutgoingRecord, Retry};
use cofferdam::clock::VirtualClock;
use cofferdam::component::{self, Component};
use cofferdam::deploy::{Application, BindSettings, ExternalTopics, bind};
use cofferdam::error::Diagnostic;
use cofferdam::manifest::Manifest;
use cofferdam::record::TopicPartition;
use cofferdam::runtime::{Command, Condition, HostPlan, Step, StreamThread, ThreadBoard};
use cofferdam::sandbox::{self, Engine, Loaded};
use cofferdam::topology;
use tempfile::TempDir;

use crate::app::{App, INPUT_TOPICS, Rest};
use crate::counted::Counted;

/// Milliseconds by which the wall clock moves.
const WAIT_MS: i64 = 40;
/// How often it moves at the end, so that what sleeps comes to its end.
const LAST_WAITS: usize = 6;
/// Steps of the thread until it rests, at most.
const STEPS: usize = 10_000;

/// Each component is compiled once, for all apps.
fn loaded(component: &Component) -> Arc<Loaded> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    static LOADED: Mutex<BTreeMap<String, Arc<Loaded>>> = Mutex::new(BTreeMap::new());
    let engine = ENGINE.get_or_init(|| Engine::new(None).unwrap());
    let load = || sandbox::load(engine, &component.name, &component.bytes).unwrap_or_else(|e| panic!("{e}"));
    LOADED.lock().unwrap().entry(component.digest.clone()).or_insert_with(load).clone()
}

/// The app of a manifest whose components are those made for tests.
pub(super) fn make(manifest: &str) -> Application {
    let told = |problems: Vec<Diagnostic>| -> ! {
        panic!("{manifest}\n{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests/dist");
    let parsed = Manifest::parse(guests.join("app.toml"), manifest).unwrap_or_else(|e| told(e));
    let found = component::load(&parsed).unwrap_or_else(|e| told(e));
    let components: BTreeMap<String, Arc<Loaded>> = found.iter().map(|(node, component)| (node.clone(), loaded(component))).collect();
    let mut descriptions = topology::Descriptions::default();
    for (node, component) in &components {
        let processor = parsed.processors.iter().find(|processor| *processor.name.value == **node);
        let config = processor.map_or_else(|| "{}".to_owned(), |processor| processor.config.json());
        let description = sandbox::describe(component, Some(&config)).unwrap_or_else(|e| told(vec![e]));
        descriptions.extend(description.map(|description| (node.clone(), description)));
    }
    let topology = topology::build(&parsed, &descriptions).unwrap_or_else(|e| told(e));
    Application { manifest: parsed, topology, components, found, descriptions, state_dir: guests }
}

/// A host with one thread.
struct Host {
    plan: Arc<HostPlan>,
    thread: StreamThread,
    board: ThreadBoard,
    _commands: Sender<Command>,
}

impl Host {
    fn start(plan: Arc<HostPlan>) -> Self {
        let (commands, heard) = channel();
        let board = ThreadBoard::default();
        let thread = StreamThread::new(plan.clone(), 0, 1, heard, board.clone()).unwrap();
        Self { plan, thread, board, _commands: commands }
    }

    /// The process ends without a word, and another one begins.
    fn restart(self) -> Self {
        let plan = self.plan.clone();
        drop(self);
        Self::start(plan)
    }

    /// Steps until there is nothing to do at this time.
    fn settle(&mut self) {
        let now = self.plan.clock.now();
        for _ in 0..STEPS {
            if matches!(self.thread.step(now).unwrap(), Step::Idle { until } if until.is_none_or(|at| at > now)) {
                return;
            }
        }
        panic!("the thread never comes to rest: {:?}", self.board.read());
    }
}

/// In memory where the system has such a place: a database syncs as it opens.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// What became of a run.
pub(super) struct Ran {
    /// Everything that the app has given and kept, of all topics that are not its inputs.
    pub told: Vec<String>,
    /// Calls that have got more than one record.
    pub frames: u64,
}

pub(super) fn run(app: &Application, random: &App, frames: bool) -> Ran {
    let folder = folder();
    let clock = Arc::new(VirtualClock::default());
    let sim = SimBroker::new(clock.clone());
    let settings = BindSettings {
        tasks_folder: Some(folder.path().to_owned()),
        commit_floor: Duration::ZERO,
        topics: ExternalTopics::Own { partitions: Some(random.partitions) },
        seed: 1,
        redact_keys: false,
    };
    let mut plan = bind(app, Arc::new(sim.clone()), clock.clone(), &settings).unwrap();
    plan.tasks.iter_mut().filter_map(Arc::get_mut).for_each(|task| task.frames = frames);
    let counted = Counted::new(plan.nodes.clone());
    plan.nodes = counted.clone();
    let mut host = Host::start(Arc::new(plan));
    random.refusing().for_each(|topic| sim.refuse_next(&topic, "as asked"));
    for (records, rest) in random.parts() {
        let outgoing = |(topic, record): (&str, _)| OutgoingRecord { topic: topic.into(), partition: None, record };
        sim.produce(records.into_iter().map(outgoing).collect(), None).unwrap();
        if rest == Rest::FailingCommit {
            sim.fail_next_commit(BrokerError::Failed { what: "commit".into(), why: "as asked".into(), retry: Retry::Rewind });
        }
        host.settle();
        match rest {
            Rest::Settle | Rest::FailingCommit => {}
            Rest::Restart => host = host.restart(),
            Rest::Wait => clock.advance_ms(WAIT_MS),
        }
    }
    for _ in 0..LAST_WAITS {
        host.settle();
        clock.advance_ms(WAIT_MS);
    }
    host.settle();
    let mut told = given(&sim);
    told.extend(kept(&mut host, &sim, random));
    // The databases close before their folder goes.
    drop(host);
    Ran { told, frames: counted.frames() }
}

fn given(sim: &SimBroker) -> Vec<String> {
    let mut by_topic: BTreeMap<TopicPartition, Vec<String>> = BTreeMap::new();
    for appended in sim.appended_since(0).into_iter().filter(|appended| !INPUT_TOPICS.contains(&&*appended.at.topic)) {
        let line = format!("{}@{} {:?}", appended.at, appended.offset, appended.record);
        by_topic.entry(appended.at).or_default().push(line);
    }
    by_topic.into_values().flatten().collect()
}

fn kept(host: &mut Host, sim: &SimBroker, random: &App) -> Vec<String> {
    let mut kept = Vec::new();
    for store in random.stores() {
        let rows = host.thread.rows(&store).unwrap().unwrap_or_default();
        kept.extend(rows.into_iter().map(|(key, row)| format!("{store}: {key:?} {row:?}")));
    }
    let partitions =
        INPUT_TOPICS.into_iter().flat_map(|topic| (0..random.partitions).map(move |partition| TopicPartition::new(topic, partition)));
    kept.extend(partitions.map(|at| format!("{at}: {:?}", sim.committed("app", &at).unwrap())));
    for task in host.board.read() {
        let parked = match task.condition {
            Condition::Parked { why, .. } => why,
            _ => String::new(),
        };
        kept.push(format!("{}: {parked}", task.id.name));
    }
    kept
}
