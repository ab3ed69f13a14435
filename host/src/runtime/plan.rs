//! What all stream threads of a host share: the topology made ready, and where nodes come from.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::broker::{Broker, BrokerError, Subscription};
use crate::clock::Clock;
use crate::disk::Budget;
use crate::error::Diagnostic;
use crate::node::{Lent, Node, VersionId};
use crate::record::{Offset, TopicPartition};
use crate::store::{Changelog, StoreConfig};
use crate::task::{PlanError, SinkTopic, TaskPlan};
use crate::topology::{NodeIx, NodeKind, TaskId, Topology, TopologyNode};

use super::status::{GuestReadings, NodeVersion};
use super::versions::Versions;

/// Makes the nodes of tasks. Real ones are components; tests bring their own.
pub trait NodeFactory: Send + Sync {
    /// A version of a node for a task, whose stores are restored; `init` has been called when it returns.
    fn make(&self, node: NodeIx, version: VersionId, task: &TaskId, env: &mut Lent) -> Result<Box<dyn Node>, Diagnostic>;

    /// The digest of a version's component, where there is one.
    fn digest(&self, _node: NodeIx, _version: VersionId) -> Option<Arc<str>> {
        None
    }

    /// What the nodes' guests measure; nodes without guests measure nothing.
    fn readings(&self) -> Vec<GuestReadings> {
        Vec::new()
    }

    /// Bytes of the memories of all their guests.
    fn guest_memory_bytes(&self) -> usize {
        0
    }
}

/// A topology bound to a broker and to the settings of a host.
pub struct HostPlan {
    /// The graph.
    pub topology: Topology,
    /// One a sub-topology.
    pub tasks: Vec<Arc<TaskPlan>>,
    /// Number of partitions of every topic of the app.
    pub partitions: FxHashMap<Arc<str>, u32>,
    /// Where nodes come from.
    pub nodes: Arc<dyn NodeFactory>,
    /// Which version of each is to work.
    pub versions: Versions,
    /// The log.
    pub broker: Arc<dyn Broker>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// True when no other host can have tasks of this app.
    pub alone: bool,
    /// Folder of the tasks' state; `None`: everything in memory.
    pub tasks_folder: Option<PathBuf>,
    /// Memory that the databases of all tasks share.
    pub budget: Budget,
    /// Bytes of a thread's running transaction, outputs and writes to stores, above which it commits.
    pub transaction_bytes: usize,
    /// Longest time between two commits under load.
    pub commit_interval: Duration,
    /// Shortest time between two commits.
    pub commit_floor: Duration,
    /// `max-task-idle`.
    pub max_task_idle: Duration,
    /// Seed of the guests' random bits.
    pub seed: u64,
}

impl HostPlan {
    /// The plans of all sub-topologies of a topology. `target` tells of the topics that its sinks write, where they are known.
    pub fn task_plans(topology: &Topology, target: impl Fn(&str) -> Option<SinkTopic>) -> Result<Vec<Arc<TaskPlan>>, PlanError> {
        (0..topology.sub_topologies.len()).map(|sub| TaskPlan::new(topology, sub, &target).map(Arc::new)).collect()
    }

    /// Source topics of a sub-topology.
    pub fn source_topics(&self, sub_topology: usize) -> Vec<Arc<str>> {
        let sources = self.topology.sub_topologies[sub_topology].sources.iter();
        let topics = sources.filter_map(|s| match &self.topology.nodes[s.0].kind {
            NodeKind::Source(source) => Some(source.topics.clone()),
            NodeKind::Processor(_) | NodeKind::Sink(_) => None,
        });
        topics.flatten().collect()
    }

    /// Which version each processor runs.
    pub fn versions(&self) -> Vec<NodeVersion> {
        let processors = self.topology.nodes.iter().zip(0..).filter(|(node, _)| matches!(node.kind, NodeKind::Processor(_)));
        let version = |(node, at): (&TopologyNode, usize)| {
            let status = self.versions.status(NodeIx(at));
            let digest = |version| self.nodes.digest(NodeIx(at), version);
            let before = status.before.and_then(|(version, _)| digest(version));
            NodeVersion { node: node.name.clone(), digest: digest(status.version), before, status }
        };
        processors.map(version).collect()
    }

    /// Tells of a processor that a version of it was rolled back before this host was started.
    pub fn remember(&self, processor: &str, why: &str) {
        if let Some(at) = self.topology.nodes.iter().position(|node| &*node.name == processor) {
            self.versions.remember(NodeIx(at), why);
        }
    }

    /// How many tasks there are: in each sub-topology as many as the largest of its source topics has partitions.
    pub fn task_count(&self) -> usize {
        let tasks_of = |sub| self.source_topics(sub).iter().filter_map(|topic| self.partitions.get(topic)).max().copied().unwrap_or(0);
        (0..self.topology.sub_topologies.len()).map(|sub| tasks_of(sub) as usize).sum()
    }

    /// What a thread subscribes to: for each sub-topology the topic with the most partitions (ties by name), and its companions.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.subscriptions_by_sub().into_iter().map(|(_, subscription)| subscription).collect()
    }

    /// The same, each with the index of its sub-topology.
    pub(super) fn subscriptions_by_sub(&self) -> Vec<(usize, Subscription)> {
        (0..self.topology.sub_topologies.len()).filter_map(|sub| Some((sub, self.subscription(sub)?))).collect()
    }

    /// The topic by whose partitions the tasks of a sub-topology are dealt out.
    pub fn driver(&self, sub_topology: usize) -> Option<Arc<str>> {
        self.subscription(sub_topology).map(|subscription| subscription.driver)
    }

    fn subscription(&self, sub_topology: usize) -> Option<Subscription> {
        let mut topics = self.source_topics(sub_topology);
        topics.sort_by_key(|t| (std::cmp::Reverse(self.partitions.get(t).copied().unwrap_or(0)), t.clone()));
        let mut topics = topics.into_iter();
        topics.next().map(|driver| Subscription { driver, companions: topics.collect() })
    }

    /// How many partitions the topics have that a sub-topology's tasks read, and those that they are restored from.
    pub(super) fn counts(&self, sub_topology: usize) -> Vec<(Arc<str>, Option<u32>)> {
        let sub = &self.topology.sub_topologies[sub_topology];
        let changelogs = sub.stores.iter().map(|&store| self.topology.stores[store].changelog.clone()).chain(sub.cells_changelog.clone());
        let topics = self.source_topics(sub_topology).into_iter().chain(changelogs);
        topics.map(|topic| (topic.clone(), self.partitions.get(&topic).copied())).collect()
    }

    /// The index of a store among those of its task.
    pub(super) fn store_in_task(&self, name: &str) -> Option<usize> {
        let at = self.topology.stores.iter().position(|spec| *spec.name == *name)?;
        let sub = &self.topology.sub_topologies[self.topology.stores[at].sub_topology];
        sub.stores.iter().position(|store| *store == at)
    }

    /// The stores of a sub-topology's tasks, as they are opened.
    pub fn store_configs(&self, sub_topology: usize) -> Vec<StoreConfig> {
        let stores = self.topology.sub_topologies[sub_topology].stores.iter().map(|&s| &self.topology.stores[s]);
        stores.map(|s| StoreConfig { name: s.name.clone(), shape: s.shape, backend: s.backend, changelog: s.changelog.clone() }).collect()
    }

    /// Sees to it that a task has its changelogs. Its source may have grown since the app's topics were made: then keys lie in other
    /// partitions than their state, and the task is refused; one without stores goes on, only its cells need a place.
    pub fn make_room(&self, task: &TaskId) -> Result<Option<Diagnostic>, BrokerError> {
        for changelog in self.changelogs(task).iter().filter(|c| !c.source) {
            let topic = &changelog.at.topic;
            let has = self.partitions.get(topic).copied().unwrap_or(u32::MAX);
            if task.partition < has {
                continue;
            }
            if changelog.of != Changelog::Cells {
                let grown = self.source_topics(task.sub_topology).join("', '");
                let message = format!("a source of the sub-topology has grown: '{grown}'. State is kept of its first {has} partitions");
                return Ok(Some(Diagnostic::run("R007", message).hint(
                    "keys are in other partitions now than their state: write the records anew into a topic with as many partitions as you \
                     need, and begin there under another app.id; the other tasks go on meanwhile",
                )));
            }
            self.broker.grow_topic(topic, task.partition + 1)?;
        }
        Ok(None)
    }

    /// Every changelog of a task.
    pub fn changelogs(&self, task: &TaskId) -> Vec<TaskChangelog> {
        let sub = &self.topology.sub_topologies[task.sub_topology];
        let stores = sub.stores.iter().enumerate().map(|(local, &s)| {
            let spec = &self.topology.stores[s];
            (Changelog::Store(local), spec.changelog.clone(), spec.source_is_changelog)
        });
        let cells = sub.cells_changelog.iter().map(|t| (Changelog::Cells, t.clone(), false));
        let all =
            stores.chain(cells).map(|(of, topic, source)| TaskChangelog { of, at: TopicPartition::new(topic, task.partition), source });
        // A table's topic may have fewer partitions than the sub-topology has tasks.
        all.filter(|c| !c.source || self.partitions.get(&c.at.topic).is_none_or(|count| task.partition < *count)).collect()
    }
}

/// A changelog of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskChangelog {
    /// Whose.
    pub of: Changelog,
    /// Where it is.
    pub at: TopicPartition,
    /// True for a table's own topic: nothing is written to it, and what lies behind the committed offset is not in the store yet.
    pub source: bool,
}

/// How far changelogs are contained in stores.
pub(super) type Positions = Vec<(Changelog, Offset)>;
