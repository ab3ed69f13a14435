//! Questions about stores from outside: each goes to every stream thread, which answers between two turns for the tasks that it has, from what
//! is committed; the answers are put together here, with those of other hosts where `elsewhere` reaches them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use crate::broker::partitioner::partition_by;
use crate::error::{self, Diagnostic};
use crate::limits;
use crate::record::TopicPartition;
use crate::store::{CommittedRow, CommittedRows, KeyRange, StoreError, StoreRead, merge};
use crate::topology::{NodeKind, Partitioner, StoreKind, TaskId};

use super::caller::Caller;
use super::elsewhere::{Away, Elsewhere, FromOthers, Nobody};
use super::plan::HostPlan;
use super::status::Command;
use super::thread::{Slot, StreamThread};

/// A read of a store, for a stream thread.
#[derive(Clone, Debug)]
pub struct Query {
    /// The store's name.
    store: Arc<str>,
    /// Of these partitions' tasks, in their order.
    partitions: Arc<[u32]>,
    read: Arc<StoreRead>,
    answer: Sender<Told>,
}

/// What a thread says to a query.
#[derive(Debug)]
pub(super) struct Told {
    task: TaskId,
    rows: Result<CommittedRows, NotTold>,
}

/// Why a task does not answer.
#[derive(Debug)]
enum NotTold {
    Restoring,
    Refused(String),
    Failed(StoreError),
}

/// Queries that a thread has heard of, as reads of one task each.
#[derive(Debug, Default)]
pub(super) struct Queries(VecDeque<(Query, TaskId)>);

impl Queries {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tasks have other numbers from now on; of those that are gone nothing is said.
    pub(super) fn renamed(&mut self, id: impl Fn(&TaskId) -> Option<TaskId>) {
        let all = std::mem::take(&mut self.0).into_iter();
        self.0 = all.filter_map(|(query, task)| Some((query, id(&task)?))).collect();
    }
}

impl StreamThread {
    /// Takes a query; tasks that are not here say nothing.
    pub(super) fn ask(&mut self, query: &Query) {
        let Some(spec) = self.host.topology.stores.iter().find(|spec| spec.name == query.store) else { return };
        let asked = |task: &&TaskId| task.sub_topology == spec.sub_topology && query.partitions.binary_search(&task.partition).is_ok();
        let tasks = self.slots.keys().filter(asked).cloned();
        self.queries.0.extend(tasks.map(|task| (query.clone(), task)));
    }

    /// Answers queries, a bounded number of them.
    pub(super) fn answer_some(&mut self) {
        for _ in 0..limits::QUERIES_PER_STEP {
            let Some((query, task)) = self.queries.0.pop_front() else { return };
            let rows = match self.slots.get_mut(&task) {
                Some(Slot::Running(running)) => match running.env() {
                    Some(env) => match self.host.store_in_task(&query.store) {
                        Some(store) => env.stores.committed(store, &query.read).map_err(NotTold::Failed),
                        None => continue,
                    },
                    None => Err(NotTold::Restoring),
                },
                Some(Slot::Refused { why, .. }) => Err(NotTold::Refused(why.brief())),
                Some(Slot::Restoring(_)) => Err(NotTold::Restoring),
                // It has gone to somebody else.
                None => continue,
            };
            // Whoever asked may have lost patience.
            let _ = query.answer.send(Told { task, rows });
        }
    }
}

/// Asks the stores of a host. Clones are the same one.
#[derive(Clone)]
pub struct Inquirer {
    plan: Arc<HostPlan>,
    threads: Vec<Caller>,
}

/// A store of the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: StoreKind,
    /// All tasks that have a part of it.
    pub tasks: Vec<TaskId>,
}

/// Rows of a store, from all tasks that were asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The rows.
    pub rows: Vec<CommittedRow>,
    /// Whether more stand behind the last one.
    pub more: bool,
    /// Tasks of the store that were asked for, and that nobody has told of.
    pub missing: Vec<TaskId>,
    /// What can be done about those, where that is known.
    pub hint: Option<String>,
}

impl Inquirer {
    pub(super) fn new(plan: Arc<HostPlan>, threads: Vec<Caller>) -> Self {
        Self { plan, threads }
    }

    /// The stores of the app, by name.
    pub fn stores(&self) -> Vec<StoreStatus> {
        let stores = self.plan.topology.stores.iter();
        let mut stores: Vec<StoreStatus> = stores
            .map(|spec| StoreStatus { name: spec.name.clone(), kind: spec.shape.kind(), tasks: self.tasks(spec.sub_topology) })
            .collect();
        stores.sort_by(|a, b| a.name.cmp(&b.name));
        stores
    }

    /// The kind of a store.
    pub fn kind(&self, store: &str) -> Result<StoreKind, Diagnostic> {
        self.find(store).map(|at| self.plan.topology.stores[at].shape.kind())
    }

    /// Reads a store: in one task, or in that of the key, or in all. What is not on this host is asked `elsewhere`.
    pub fn read(&self, store: &str, partition: Option<u32>, mut read: StoreRead, elsewhere: &dyn Elsewhere) -> Result<Found, Diagnostic> {
        let at = self.find(store)?;
        let spec = &self.plan.topology.stores[at];
        let tasks = self.tasks(spec.sub_topology);
        if let Some(unknown) = partition.filter(|p| tasks.iter().all(|task| task.partition != *p)) {
            return Err(Diagnostic::usage("R125", format!("store '{store}' has no partition {unknown}"))
                .hint(format!("its partitions are 0 to {}", tasks.len().saturating_sub(1))));
        }
        let of_key = match &read.keys {
            KeyRange::One(key) => self.partition_of(spec.sub_topology, key),
            KeyRange::Between(..) => None,
        };
        let Some(first) = partition.or(of_key) else {
            read.bytes = bytes_of_each(&read, tasks.len());
            return self.ask(at, &tasks, &read, elsewhere);
        };
        let (first, others): (Vec<TaskId>, Vec<TaskId>) = tasks.into_iter().partition(|task| task.partition == first);
        let found = self.ask(at, &first, &read, elsewhere)?;
        // A processor may write keys of its own making, which nobody has spread over the tasks.
        if partition.is_some() || !found.rows.is_empty() || others.is_empty() {
            return Ok(found);
        }
        read.bytes = bytes_of_each(&read, others.len());
        self.ask_some(at, &others, &read, elsewhere)
    }

    /// Reads these partitions' tasks of a store, those of them that are on this host: for another one.
    pub fn read_here(&self, store: &str, partitions: &BTreeSet<u32>, read: &StoreRead) -> Result<Found, Diagnostic> {
        let at = self.find(store)?;
        let mut tasks = self.tasks(self.plan.topology.stores[at].sub_topology);
        tasks.retain(|task| partitions.contains(&task.partition));
        self.ask(at, &tasks, read, &Nobody)
    }

    fn find(&self, store: &str) -> Result<usize, Diagnostic> {
        let stores = &self.plan.topology.stores;
        stores.iter().position(|spec| *spec.name == *store).ok_or_else(|| {
            let names: Vec<&str> = stores.iter().map(|spec| &*spec.name).collect();
            Diagnostic::usage("R120", format!("there is no store '{store}'")).hint(error::suggest(store, "stores", names))
        })
    }

    fn tasks(&self, sub_topology: usize) -> Vec<TaskId> {
        let topics = self.plan.source_topics(sub_topology);
        let count = topics.iter().filter_map(|topic| self.plan.partitions.get(topic)).max().copied().unwrap_or(0);
        (0..count).map(|partition| TaskId::new(&self.plan.topology, sub_topology, partition)).collect()
    }

    /// The partition of a key; `None` where the sources of its sub-topology do not agree on one.
    fn partition_of(&self, sub_topology: usize, key: &[u8]) -> Option<u32> {
        let topology = &self.plan.topology;
        let sources = topology.sub_topologies[sub_topology].sources.iter().filter_map(|ix| match &topology.nodes[ix.0].kind {
            NodeKind::Source(source) => Some(source),
            NodeKind::Processor(_) | NodeKind::Sink(_) => None,
        });
        let mut places = sources.flat_map(|source| &source.topics).map(|topic| {
            let count = *self.plan.partitions.get(topic)?;
            // What is not the manifest's is written by this host.
            let known = topology.topics.iter().find(|known| known.name == *topic);
            partition_by(known.map_or(Partitioner::Murmur2, |known| known.partitioner), key, count)
        });
        let first = places.next()??;
        places.all(|other| other == Some(first)).then_some(first)
    }

    /// Asks every thread. Once all have answered, or have let go of the question, nothing more comes.
    pub(super) fn send(&self, at: usize, partitions: Arc<[u32]>, read: &StoreRead) -> Receiver<Told> {
        let store = self.plan.topology.stores[at].name.clone();
        let (answer, told) = channel();
        let query = Query { store, partitions, read: Arc::new(read.clone()), answer };
        for thread in &self.threads {
            // A thread that has ended has no tasks any more.
            thread.tell(Command::Query(query.clone()));
        }
        told
    }

    /// As `ask_some`; that none of the tasks tells anything is an error.
    fn ask(&self, at: usize, tasks: &[TaskId], read: &StoreRead, elsewhere: &dyn Elsewhere) -> Result<Found, Diagnostic> {
        let found = self.ask_some(at, tasks, read, elsewhere)?;
        if found.missing.len() == tasks.len() {
            return Err(not_here(&self.plan.topology.stores[at].name, &found));
        }
        Ok(found)
    }

    /// Asks the tasks that are here, and for the others elsewhere.
    fn ask_some(&self, at: usize, tasks: &[TaskId], read: &StoreRead, elsewhere: &dyn Elsewhere) -> Result<Found, Diagnostic> {
        let spec = &self.plan.topology.stores[at];
        let told = self.send(at, tasks.iter().map(|task| task.partition).collect(), read);
        let (mut pages, mut away) = (Vec::new(), tasks.iter().collect::<BTreeSet<_>>());
        for Told { task, rows } in in_time(&told, tasks.len())? {
            // Of another plan it may have another number.
            away.retain(|other| other.name != task.name);
            pages.push(rows.map_err(|why| not_told(&spec.name, &task, why))?);
        }
        let others = match self.plan.driver(spec.sub_topology).filter(|_| !away.is_empty()) {
            Some(driver) => {
                let driven = |task: &TaskId| Away { driver: TopicPartition::new(driver.clone(), task.partition), task: task.clone() };
                elsewhere.read(away.into_iter().map(driven).collect(), read)?
            }
            None => FromOthers::default(),
        };
        pages.extend(others.pages);
        let CommittedRows { rows, more } = merge(pages, read, spec.shape.kind());
        Ok(Found { rows, more, missing: others.missing, hint: others.hint })
    }
}

/// What each of many tasks may give to one answer.
fn bytes_of_each(read: &StoreRead, tasks: usize) -> usize {
    (read.bytes / tasks.max(1)).max(limits::QUERY_TASK_BYTES)
}

/// Up to so many answers, until no more come. A thread that is asked for many tasks answers one after the other: each may take as long.
fn in_time(told: &Receiver<Told>, most: usize) -> Result<Vec<Told>, Diagnostic> {
    let mut answers = Vec::new();
    while answers.len() < most {
        match told.recv_timeout(limits::QUERY_PATIENCE) {
            Ok(answer) => answers.push(answer),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let why = format!("no answer from the stream threads within {} s", limits::QUERY_PATIENCE.as_secs());
                return Err(not_now("the store cannot be read now", &why));
            }
        }
    }
    Ok(answers)
}

fn not_told(store: &str, task: &TaskId, why: NotTold) -> Diagnostic {
    let cannot = format!("store '{store}' cannot be read now in task {task}");
    match why {
        NotTold::Restoring => not_now(&cannot, "the task is being restored"),
        NotTold::Refused(why) => not_now(&cannot, &why),
        NotTold::Failed(why @ StoreError::PassedOver { .. }) => {
            Diagnostic::usage("R126", format!("store '{store}' holds too many rows of other times")).because(why).hint(
                "ask for one key, a prefix or a smaller range of keys; or for a while of all keys: then rows are found by their times",
            )
        }
        NotTold::Failed(why) => Diagnostic::run("R124", format!("store '{store}' could not be read in task {task}")).because(why),
    }
}

fn not_now(what: &str, why: &str) -> Diagnostic {
    Diagnostic::run("R123", what).because(why).hint("ask again in a while; `status` tells what the tasks do")
}

fn not_here(store: &str, found: &Found) -> Diagnostic {
    let names: Vec<&str> = found.missing.iter().map(|task| &*task.name).collect();
    let what = match &names[..] {
        [name] => format!("task {name} of store '{store}' is not on this host"),
        names => format!("the tasks of store '{store}' are not on this host: {}", names.join(", ")),
    };
    let usual = "ask the host that has it, as `status` there tells; one that has just started may have none yet";
    Diagnostic::run("R122", what).hint(found.hint.as_deref().unwrap_or(usual))
}
