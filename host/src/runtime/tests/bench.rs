//! What the tests stand on: a topology from TOML, operators as closures, a log, a clock, and threads that are stepped by hand.

mod described;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::broker::sim::{Appended, SimBroker};
use crate::broker::{self, Broker, BrokerError, OutgoingRecord, Retry, TopicSpec};
use crate::clock::{Clock, VirtualClock};
use crate::disk::Budget;
use crate::error::Diagnostic;
use crate::limits;
use crate::manifest::Manifest;
use crate::node::{Failure, Lent, Migration, Node, Output, TaskEnv, VersionId};
use crate::record::{Header, Record, Timestamp, TopicPartition};
use crate::runtime::{Command, Condition, HostPlan, NodeFactory, Step, StreamThread, TaskStatus, ThreadBoard, ThreadError, Versions};
use crate::task::{SinkTopic, TaskPlan};
use crate::topology::{self, Cleanup, NodeIx, NodeKind, TaskId};
use described::description;

/// What happens to a node.
pub(super) enum Event<'a> {
    Init,
    Process { input: u32, record: Record },
    Punctuate { schedule: &'a str, time: Timestamp },
    Migrate,
    AfterCommit,
    Close,
}

/// Where a node is.
pub(super) struct Place {
    /// Among the nodes of its task.
    pub at: u32,
    /// Index of its only store in the task's.
    pub store: usize,
}

pub(super) type Op = Arc<dyn Fn(&Place, Event<'_>, &mut TaskEnv, &mut Vec<Output>) -> Result<(), Failure> + Send + Sync>;

/// The cell in which an operator says how many steps are left of taking state over.
pub(super) const STEPS_LEFT: (&str, &str) = ("count", "left");

fn steps_left(env: &mut Lent) -> Result<Option<Bytes>, Failure> {
    Ok(env.as_deref_mut().unwrap().stores.cell(STEPS_LEFT.0, STEPS_LEFT.1)?)
}

struct NativeNode {
    op: Op,
    behind: bool,
    place: Place,
    frame_records: usize,
}

impl NativeNode {
    fn call(&self, event: Event<'_>, env: &mut Lent, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        (self.op)(&self.place, event, env.as_deref_mut().unwrap(), outputs)
    }
}

impl Node for NativeNode {
    fn process(&mut self, env: &mut Lent, input: u32, record: Record, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        self.call(Event::Process { input, record }, env, outputs)
    }

    fn frame_records(&self) -> usize {
        self.frame_records
    }

    fn punctuate(&mut self, env: &mut Lent, schedule: &str, time: Timestamp, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        self.call(Event::Punctuate { schedule, time }, env, outputs)
    }

    fn is_behind(&self) -> bool {
        self.behind
    }

    fn migrate(&mut self, env: &mut Lent) -> Result<Migration, Failure> {
        self.call(Event::Migrate, env, &mut Vec::new())?;
        Ok(if steps_left(env)?.is_some() { Migration::More } else { Migration::Done })
    }

    fn after_commit(&mut self, env: &mut Lent) -> Result<(), Failure> {
        self.call(Event::AfterCommit, env, &mut Vec::new())
    }

    fn close(&mut self, env: &mut Lent) {
        let _ = self.call(Event::Close, env, &mut Vec::new());
    }
}

/// Operators by the names of their nodes.
type OpTable = Arc<Mutex<BTreeMap<String, Op>>>;

struct Ops {
    topology: topology::Topology,
    ops: OpTable,
    frame_records: usize,
}

impl NodeFactory for Ops {
    fn make(&self, ix: NodeIx, version: VersionId, _: &TaskId, env: &mut Lent) -> Result<Box<dyn Node>, Diagnostic> {
        let node = &self.topology.nodes[ix.0];
        let NodeKind::Processor(processor) = &node.kind else { panic!("{} is no processor", node.name) };
        // Later versions of `count` are `count@1`, `count@2`.
        let name = if version == VersionId(0) { node.name.to_string() } else { format!("{}@{}", node.name, version.0) };
        let op = match processor.component.as_str() {
            "stock:table" => table(),
            _ => self.ops.lock().unwrap().get(&name).unwrap_or_else(|| panic!("no op for {name}")).clone(),
        };
        let granted = processor.grants.first().map(|g| g.store);
        let stores = &self.topology.sub_topologies[node.sub_topology].stores;
        let store = granted.and_then(|g| stores.iter().position(|&s| s == g)).unwrap_or(0);
        let mut made =
            NativeNode { op, behind: false, place: Place { at: self.topology.place(ix), store }, frame_records: self.frame_records };
        let refused = |why: Failure| Diagnostic::usage("C020", why.to_string());
        made.call(Event::Init, env, &mut Vec::new()).map_err(refused)?;
        made.behind = steps_left(env).map_err(refused)?.is_some();
        Ok(Box::new(made))
    }
}

/// An operator that only knows records.
pub(super) fn op(
    process: impl Fn(&Place, u32, Record, &mut TaskEnv, &mut Vec<Output>) -> Result<(), Failure> + Send + Sync + 'static,
) -> Op {
    Arc::new(move |place, event, env, outputs| match event {
        Event::Process { input, record } => process(place, input, record, env, outputs),
        _ => Ok(()),
    })
}

/// Passes everything on.
pub(super) fn pass() -> Op {
    op(|_, _, record, _, outputs| {
        outputs.push(to(0, record));
        Ok(())
    })
}

/// As `stock:table`.
fn table() -> Op {
    op(|place, _, mut record, env, outputs| {
        let Some(key) = record.key.clone() else { return Ok(()) };
        let before = env.stores.get(place.store, &key)?;
        let row = record.value.clone().map(|value| crate::store::Row { value, timestamp: env.row_timestamp });
        env.stores.put(place.store, &key, row)?;
        record.change = Some(crate::record::Previous { value: before.map(|row| row.value), latest: true });
        outputs.push(to(0, record));
        Ok(())
    })
}

/// Counts records by key, and gives `value#count`.
pub(super) fn count() -> Op {
    op(|place, _, record, env, outputs| {
        let key = record.key.clone().unwrap_or_default();
        let n = add_one(place, env, &key)?;
        let value = format!("{}#{n}", text(&record.value));
        outputs.push(to(0, Record { value: Some(value.into()), ..record }));
        Ok(())
    })
}

/// One more under this key in the node's store.
pub(super) fn add_one(place: &Place, env: &mut TaskEnv, key: &[u8]) -> Result<u64, Failure> {
    let seen = env.stores.get(place.store, key)?.map_or(0, |row| text(&Some(row.value)).parse().unwrap());
    let n: u64 = seen + 1;
    let row = crate::store::Row { value: n.to_string().into(), timestamp: env.row_timestamp };
    env.stores.put(place.store, key, Some(row))?;
    Ok(n)
}

/// Fails as the record's value says, as often as `times` allows; else passes on.
pub(super) fn fails(times: usize) -> Op {
    let left = Mutex::new(times);
    op(move |_, _, record, _, outputs| {
        let value = text(&record.value);
        let failure = match value.as_str() {
            "bad" => Some(Failure::BadRecord("bad value".into())),
            "transient" => Some(Failure::Transient("not now".into())),
            "fatal" => Some(Failure::Fatal("no more".into())),
            "trap" => Some(Failure::Trap { reason: "unreachable".into(), frames: vec!["inner".into(), "outer".into()] }),
            _ => None,
        };
        let mut left = left.lock().unwrap();
        if let Some(failure) = failure
            && *left > 0
        {
            *left -= 1;
            // What a failing call has appended is undone, too.
            outputs.push(to(0, record));
            return Err(failure);
        }
        outputs.push(to(0, record));
        Ok(())
    })
}

pub(super) fn to(slot: u32, record: Record) -> Output {
    Output { slot, partition: None, record }
}

pub(super) fn text(bytes: &Option<Bytes>) -> String {
    bytes.as_ref().map_or_else(|| "null".to_owned(), |b| String::from_utf8(b.to_vec()).unwrap())
}

/// `key`, `value`, time.
pub(super) fn record(key: &str, value: &str, time: i64) -> Record {
    let part = |s: &str| (s != "null").then(|| Bytes::copy_from_slice(s.as_bytes()));
    Record { key: part(key), value: part(value), timestamp: Timestamp(time), ..Record::default() }
}

pub(super) fn header<'r>(record: &'r Record, name: &str) -> Option<Header<'r>> {
    record.headers.iter().find(|h| h.name == name)
}

/// A stream thread, and who speaks to it.
pub(super) struct Member {
    pub thread: StreamThread,
    pub commands: Sender<Command>,
    pub board: ThreadBoard,
}

/// An app on a simulated log.
pub(super) struct Bench {
    pub sim: SimBroker,
    pub clock: Arc<VirtualClock>,
    pub plan: Arc<HostPlan>,
    pub members: Vec<Member>,
    ops: OpTable,
    seen: usize,
}

/// How an app is bound.
pub(super) struct Settings {
    pub partitions: u32,
    pub folder: Option<PathBuf>,
    pub commit_floor: Duration,
    pub max_task_idle: Duration,
    /// A thread's share of the host's memory for running transactions.
    pub transaction_bytes: usize,
    /// Records may go many at a time.
    pub frames: bool,
    /// Most records that a node takes at a time.
    pub frame_records: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            partitions: 1,
            folder: None,
            commit_floor: Duration::ZERO,
            max_task_idle: Duration::ZERO,
            transaction_bytes: limits::TRANSACTION_BYTES,
            frames: true,
            frame_records: 1,
        }
    }
}

/// Makes the topics of an app that are missing, and its plan.
fn bound(toml: &str, settings: &Settings, sim: &SimBroker, clock: &Arc<VirtualClock>, table: &OpTable) -> HostPlan {
    let text = format!("[app]\nid = \"app\"\n{toml}");
    let manifest = Manifest::parse("app.toml", &text).unwrap_or_else(|e| panic!("{text}\n{e:?}"));
    let described = manifest.processors.iter().map(|p| (p.name.to_string(), description(p.name.as_str()))).collect();
    let topology = topology::build(&manifest, &described).unwrap_or_else(|e| panic!("{e:?}"));
    let external = topology.topics.iter().map(|t| (t.name.clone(), t.partitions.unwrap_or(settings.partitions), t.cleanup));
    let external: Vec<_> = external.collect();
    let known = external.iter().map(|(name, n, _)| (name.clone(), *n)).collect();
    let counted = topology::partitions(&topology, &known).unwrap_or_else(|e| panic!("{e:?}"));
    let internal = counted.internal.iter().map(|t| (t.name.clone(), t.partitions, t.cleanup));
    let all: Vec<_> = external.iter().cloned().chain(internal).collect();
    for (name, partitions, cleanup) in &all {
        let cleanup = match cleanup {
            Cleanup::Delete => broker::Cleanup::Delete,
            Cleanup::Compact => broker::Cleanup::Compact,
            Cleanup::CompactDelete => broker::Cleanup::CompactDelete,
        };
        let spec = TopicSpec { cleanup, ..TopicSpec::new(name.clone(), *partitions) };
        if sim.topics(std::slice::from_ref(name)).unwrap()[0].is_none() {
            sim.create_topics(&[spec]).unwrap();
        }
    }
    let target = |topic: &str| {
        let (_, partitions, cleanup) = all.iter().find(|(name, ..)| &**name == topic)?;
        Some(SinkTopic { partitions: *partitions, compacted: *cleanup != Cleanup::Delete })
    };
    HostPlan {
        tasks: (0..topology.sub_topologies.len())
            .map(|sub| {
                let mut plan = TaskPlan::new(&topology, sub, target).unwrap();
                plan.frames = settings.frames;
                plan.transaction_bytes = settings.transaction_bytes;
                Arc::new(plan)
            })
            .collect(),
        partitions: all.iter().map(|(name, n, _)| (name.clone(), *n)).collect::<FxHashMap<_, _>>(),
        nodes: Arc::new(Ops { topology: topology.clone(), ops: table.clone(), frame_records: settings.frame_records }),
        topology,
        versions: Versions::default(),
        broker: Arc::new(sim.clone()),
        alone: true,
        clock: clock.clone(),
        tasks_folder: settings.folder.clone(),
        budget: Budget::new(2 << 20, 1 << 20),
        transaction_bytes: settings.transaction_bytes,
        commit_interval: Duration::from_millis(100),
        commit_floor: settings.commit_floor,
        max_task_idle: settings.max_task_idle,
        seed: 7,
    }
}

impl Bench {
    /// One thread, one partition, everything in memory.
    pub fn new(toml: &str, ops: &[(&str, Op)]) -> Self {
        let mut bench = Self::with(toml, ops, Settings::default());
        bench.start(1);
        bench
    }

    pub fn with(toml: &str, ops: &[(&str, Op)], settings: Settings) -> Self {
        let clock = Arc::new(VirtualClock::default());
        let sim = SimBroker::new(clock.clone());
        let table = OpTable::default();
        let plan = Arc::new(bound(toml, &settings, &sim, &clock, &table));
        let bench = Self { sim, clock, plan, members: Vec::new(), ops: table, seen: 0 };
        bench.set_ops(ops);
        bench
    }

    /// The plan of another app text on the same log.
    pub fn another(&self, toml: &str, settings: &Settings) -> HostPlan {
        bound(toml, settings, &self.sim, &self.clock, &self.ops)
    }

    /// For operators that need the log or the clock: before the start.
    pub fn set_ops(&self, ops: &[(&str, Op)]) {
        self.ops.lock().unwrap().extend(ops.iter().map(|(name, op)| ((*name).to_owned(), op.clone())));
    }

    /// Starts so many threads; those that were there are gone without a word, as in a crash.
    pub fn start(&mut self, threads: u32) {
        self.members.clear();
        for number in 0..threads {
            let (commands, heard) = channel();
            let board = ThreadBoard::default();
            let thread = StreamThread::new(self.plan.clone(), number, threads, heard, board.clone()).unwrap();
            self.members.push(Member { thread, commands, board });
        }
    }

    /// Stops all threads in order.
    pub fn stop(&mut self) {
        let now = self.clock.now();
        for member in &mut self.members {
            member.commands.send(Command::Stop { leave: false }).unwrap();
            assert_eq!(member.thread.step(now).unwrap(), Step::Stopped);
        }
        self.members.clear();
    }

    pub fn produce(&self, topic: &str, records: &[Record]) {
        let records = records.iter().map(|r| OutgoingRecord { topic: topic.into(), partition: None, record: r.clone() });
        self.sim.produce(records.collect(), None).unwrap();
    }

    pub fn produce_to(&self, topic: &str, partition: u32, record: Record) {
        self.produce_all_to(topic, partition, vec![record]);
    }

    pub fn produce_all_to(&self, topic: &str, partition: u32, records: Vec<Record>) {
        let topic: Arc<str> = topic.into();
        let records = records.into_iter().map(|record| OutgoingRecord { topic: topic.clone(), partition: Some(partition), record });
        self.sim.produce(records.collect(), None).unwrap();
    }

    pub fn step(&mut self, member: usize) -> Result<Step, ThreadError> {
        let now = self.clock.now();
        self.members[member].thread.step(now)
    }

    /// Steps all threads until none has anything to do at this time. A handover takes a round in which nobody seems to be busy.
    pub fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..10_000 {
            let now = self.clock.now();
            let steps: Vec<Step> = (0..self.members.len()).map(|m| self.step(m).unwrap()).collect();
            let idle = |step: &Step| matches!(step, Step::Idle { until } if until.is_none_or(|at| at > now));
            quiet = if steps.iter().all(idle) { quiet + 1 } else { 0 };
            if quiet == 2 {
                return;
            }
        }
        panic!("the threads never come to rest: {:?}", self.status());
    }

    /// Steps until a task is not restoring any more.
    pub fn restored(&mut self) {
        for _ in 0..1_000 {
            (0..self.members.len()).for_each(|m| _ = self.step(m).unwrap());
            if self.status().iter().all(|t| !matches!(t.condition, Condition::Restoring { .. })) {
                return;
            }
        }
    }

    pub fn advance(&mut self, ms: i64) {
        self.clock.advance_ms(ms);
        self.settle();
    }

    pub fn status(&self) -> Vec<TaskStatus> {
        let mut all: Vec<TaskStatus> = self.members.iter().flat_map(|m| m.board.read()).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Why the task is parked; `None`: it is not.
    pub fn parked(&self, task: &str) -> Option<String> {
        let status = self.status();
        let task = status.iter().find(|t| &*t.id.name == task).unwrap_or_else(|| panic!("no task {task}: {status:?}"));
        match &task.condition {
            Condition::Parked { why, .. } => Some(why.clone()),
            _ => None,
        }
    }

    /// Everything in a topic, in the order of the appends.
    pub fn appended(&self, topic: &str) -> Vec<Appended> {
        self.sim.appended_since(0).into_iter().filter(|a| &*a.at.topic == topic).collect()
    }

    /// `key=value@time` of everything in a topic.
    pub fn all(&self, topic: &str) -> Vec<String> {
        self.appended(topic).iter().map(|a| shown(&a.record)).collect()
    }

    /// As `all`, of what came since the last call.
    pub fn new_in(&mut self, topic: &str) -> Vec<String> {
        let appended = self.sim.appended_since(self.seen);
        self.seen += appended.len();
        appended.iter().filter(|a| &*a.at.topic == topic).map(|a| shown(&a.record)).collect()
    }

    /// `key=value` of all rows of a store, over all threads.
    pub fn rows(&mut self, store: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for member in &mut self.members {
            rows.extend(member.thread.rows(store).unwrap().unwrap_or_default());
        }
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.into_iter().map(|(key, row)| format!("{}={}", text(&Some(key)), text(&Some(row.value)))).collect()
    }

    pub fn committed(&self, topic: &str, partition: u32) -> Option<broker::Committed> {
        self.sim.committed("app", &TopicPartition::new(topic, partition)).unwrap()
    }

    pub fn fail_next_commit(&self) {
        self.sim.fail_next_commit(BrokerError::Failed { what: "commit".into(), why: "as asked".into(), retry: Retry::Rewind });
    }
}

fn shown(record: &Record) -> String {
    format!("{}={}@{}", text(&record.key), text(&record.value), record.timestamp)
}

/// Source `in` to processor `name` to sink `out`; `rest` belongs to the processor.
pub(super) fn line(name: &str, rest: &str) -> String {
    format!(
        "[sources.in]\ntopic = \"in\"\n[processors.{name}]\ncomponent = \"x\"\nfrom = [\"in\"]\n{rest}\n[sinks.out]\ntopic = \"out\"\nfrom = [\"{name}\"]\n"
    )
}

/// As `line`, with a count and its store.
pub(super) fn counting(rest: &str) -> String {
    line("count", "stores = [\"counts\"]\n") + "[stores.counts]\n" + rest
}
