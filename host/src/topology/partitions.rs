//! How many: partitions of internal topics, tasks of sub-topologies; and whether what must be co-partitioned is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::graph::{Cleanup, NodeKind, Partitioner, SourceRole, StoreShape, SubTopology, Topology};
use super::topics::repartition_topic;
use crate::error::{Diagnostic, Place};

/// Counts of partitions, by topic.
type Counts = BTreeMap<Arc<str>, u32>;

/// What follows from the numbers of partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partitions {
    /// Partitions of every topic that a source reads, and of every changelog.
    pub topics: BTreeMap<Arc<str>, u32>,
    /// Tasks of each sub-topology, by its index.
    pub tasks: Vec<u32>,
    /// The internal topics to create.
    pub internal: Vec<InternalTopic>,
}

/// A topic that the application makes for itself. All of its settings are said, none is left to the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternalTopic {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions.
    pub partitions: u32,
    /// What becomes of old records.
    pub cleanup: Cleanup,
    /// How long a record is left alone by compaction.
    pub compaction_lag: Duration,
    /// True: its records have the time of their append, and nothing is deleted because it is old by its own time.
    pub append_time: bool,
    /// How long records are kept; `None`: for ever.
    pub retention: Option<Duration>,
}

impl InternalTopic {
    fn compacted(name: Arc<str>, partitions: u32) -> Self {
        Self { name, partitions, cleanup: Cleanup::Compact, compaction_lag: Duration::ZERO, append_time: false, retention: None }
    }
}

/// A task: one sub-topology on one partition. Ordered by sub-topology, then partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// Index of the sub-topology in the topology.
    pub sub_topology: usize,
    /// The partition.
    pub partition: u32,
    /// `<sub-topology>_<partition>`: as it stands in folders, metrics and logs.
    pub name: Arc<str>,
}

impl TaskId {
    /// The task of a sub-topology for a partition.
    pub fn new(topology: &Topology, sub_topology: usize, partition: u32) -> Self {
        let name = format!("{}_{partition}", topology.sub_topologies[sub_topology].name).into();
        Self { sub_topology, partition, name }
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Partitions {
    /// Every task, by sub-topology, then partition.
    pub fn all_tasks<'a>(&'a self, topology: &'a Topology) -> impl Iterator<Item = TaskId> + 'a {
        let subs = self.tasks.iter().enumerate();
        subs.flat_map(move |(sub, tasks)| (0..*tasks).map(move |partition| TaskId::new(topology, sub, partition)))
    }
}

/// Counts partitions and tasks. `known`: how many partitions the topics of the manifest have that are read, and repartition topics that exist.
pub fn partitions(topology: &Topology, known: &BTreeMap<Arc<str>, u32>) -> Result<Partitions, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut counts = Counts::new();
    for topic in external_inputs(topology) {
        match known.get(&topic).filter(|n| **n > 0) {
            Some(n) => _ = counts.insert(topic, *n),
            None => errors.push(Diagnostic::usage("T021", format!("it is not known how many partitions the topic '{topic}' has"))),
        }
    }
    let edges = repartition_edges(topology);
    for edge in &edges {
        // What exists keeps its count, though the topics above it may have grown.
        if let Some(n) = edge.asked.or_else(|| known.get(&edge.topic).copied()) {
            counts.insert(edge.topic.clone(), n);
        }
    }
    let given = counts.clone();
    settle(topology, &edges, &given, &mut counts);
    for sub in &topology.sub_topologies {
        for set in &sub.co_partitioned {
            errors.extend(check_counts(&sub.name, set, &counts, topology));
            errors.extend(check_partitioners(&sub.name, set, topology));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let tasks: Vec<u32> = topology
        .sub_topologies
        .iter()
        .map(|sub| source_topics(topology, sub).filter_map(|t| counts.get(t)).max().copied().unwrap_or(0))
        .collect();
    let mut internal: Vec<InternalTopic> = Vec::new();
    for edge in &edges {
        let partitions = counts.get(&edge.topic).copied().unwrap_or(1);
        internal.push(InternalTopic { cleanup: Cleanup::Delete, ..InternalTopic::compacted(edge.topic.clone(), partitions) });
    }
    let changelogs = topology.stores.iter().filter(|s| !s.source_is_changelog).map(|s| (&s.changelog, s.sub_topology, Some(s.shape)));
    let cells = topology.sub_topologies.iter().enumerate().filter_map(|(i, s)| Some((s.cells_changelog.as_ref()?, i, None)));
    for (name, sub, shape) in changelogs.chain(cells) {
        let partitions = tasks.get(sub).copied().unwrap_or(1);
        counts.insert(name.clone(), partitions);
        internal.push(changelog(InternalTopic::compacted(name.clone(), partitions), shape));
    }
    Ok(Partitions { topics: counts, tasks, internal })
}

/// What a changelog keeps beyond what its store needs: a restore may come that much late.
const CHANGELOG_MARGIN: Duration = Duration::from_secs(86_400);

/// The settings of a store's changelog; `None`: of cells.
fn changelog(plain: InternalTopic, shape: Option<StoreShape>) -> InternalTopic {
    match shape {
        None | Some(StoreShape::KeyValue { .. }) => plain,
        Some(StoreShape::Window { retention, .. } | StoreShape::Session { retention }) => {
            let retention = Some(retention.saturating_add(CHANGELOG_MARGIN));
            InternalTopic { cleanup: Cleanup::CompactDelete, retention, append_time: true, ..plain }
        }
        Some(StoreShape::Versioned { history, .. }) => {
            InternalTopic { compaction_lag: history.saturating_add(CHANGELOG_MARGIN), append_time: true, ..plain }
        }
    }
}

/// A repartition topic, and the topics whose records come to it.
struct RepartitionEdge {
    topic: Arc<str>,
    asked: Option<u32>,
    above: Vec<Arc<str>>,
}

fn repartition_edges(topology: &Topology) -> Vec<RepartitionEdge> {
    let mut edges = Vec::new();
    for (at, node) in topology.nodes.iter().enumerate() {
        let (Some(topic), NodeKind::Sink(sink)) = (repartition_topic(&node.kind), &node.kind) else { continue };
        let asked = sink.repartition.as_ref().and_then(|r| r.partitions);
        edges.push(RepartitionEdge { topic: topic.clone(), asked, above: topics_above(topology, at) });
    }
    edges
}

/// The topics of the sources from which records reach a node.
fn topics_above(topology: &Topology, target: usize) -> Vec<Arc<str>> {
    let mut reached = vec![false; topology.nodes.len()];
    let mut next = vec![target];
    let mut topics = Vec::new();
    while let Some(at) = next.pop() {
        if reached.get_mut(at).is_none_or(|reached| std::mem::replace(reached, true)) {
            continue;
        }
        if let Some(NodeKind::Source(source)) = topology.nodes.get(at).map(|n| &n.kind) {
            topics.extend(source.topics.iter().cloned());
        }
        let feeds = |node: &super::graph::TopologyNode| node.children.iter().flatten().any(|c| c.node.0 == at);
        next.extend(topology.nodes.iter().enumerate().filter(|(_, node)| feeds(node)).map(|(i, _)| i));
    }
    topics
}

/// Gives every repartition topic its count: that of the topics that it must match, else the largest above it. Topics may wait for each other
/// in a circle of sets, so the counts grow until none changes; they cannot grow beyond the largest given one.
fn settle(topology: &Topology, edges: &[RepartitionEdge], given: &Counts, counts: &mut Counts) {
    loop {
        let mut wanted: Vec<(Arc<str>, u32)> = Vec::new();
        for edge in edges.iter().filter(|e| !given.contains_key(&e.topic)) {
            let mut sets = topology.sub_topologies.iter().flat_map(|s| &s.co_partitioned);
            let set: Vec<Arc<str>> = sets.find(|set| set.contains(&edge.topic)).cloned().unwrap_or_else(|| vec![edge.topic.clone()]);
            let fixed = set.iter().filter_map(|t| given.get(t)).max().copied();
            let members = edges.iter().filter(|e| set.contains(&e.topic));
            let above = members.flat_map(|e| &e.above).filter_map(|t| counts.get(t)).max().copied();
            if let Some(n) = fixed.or(above) {
                wanted.push((edge.topic.clone(), n));
            }
        }
        let before = counts.clone();
        counts.extend(wanted);
        if *counts == before {
            return;
        }
    }
}

fn external_inputs(topology: &Topology) -> Vec<Arc<str>> {
    let sources = topology.nodes.iter().filter_map(|n| match &n.kind {
        NodeKind::Source(source) if source.role != SourceRole::Repartition => Some(source),
        _ => None,
    });
    sources.flat_map(|s| s.topics.iter().cloned()).collect()
}

fn source_topics<'a>(topology: &'a Topology, sub: &'a SubTopology) -> impl Iterator<Item = &'a Arc<str>> {
    let kinds = sub.sources.iter().filter_map(|ix| topology.nodes.get(ix.0)).map(|n| &n.kind);
    kinds.filter_map(|kind| if let NodeKind::Source(source) = kind { Some(&source.topics) } else { None }).flatten()
}

fn check_counts(sub: &str, set: &[Arc<str>], counts: &Counts, topology: &Topology) -> Option<Diagnostic> {
    let known: Vec<(&Arc<str>, u32)> = set.iter().filter_map(|t| Some((t, *counts.get(t)?))).collect();
    let first = known.first()?.1;
    if known.iter().all(|(_, n)| *n == first) {
        return None;
    }
    let listed: Vec<String> = known.iter().map(|(topic, n)| format!("'{topic}' has {n}")).collect();
    let message = format!("topics that meet in sub-topology '{sub}' must have the same number of partitions, but {}", listed.join(", "));
    let hint = "make them with the same number ([topics.NAME] partitions = N), or bring one of them over with repartition = true";
    let others = known.iter().filter(|(_, n)| *n != first).map(|(topic, _)| *topic);
    Some(Diagnostic::usage("T015", message).hint(hint).at(place_of(topology, others, set)))
}

fn check_partitioners(sub: &str, set: &[Arc<str>], topology: &Topology) -> Option<Diagnostic> {
    // What is not of the manifest is written by ourselves, with murmur2.
    let of = |name: &Arc<str>| topology.topics.iter().find(|t| t.name == *name).map_or(Partitioner::Murmur2, |t| t.partitioner);
    let all: Vec<(&Arc<str>, Partitioner)> = set.iter().map(|name| (name, of(name))).collect();
    let first = all.first()?.1;
    if first != Partitioner::None && all.iter().all(|(_, p)| *p == first) {
        return None;
    }
    let listed: Vec<String> = all.iter().map(|(topic, p)| format!("'{topic}': {p}")).collect();
    let message = format!("topics that meet in sub-topology '{sub}' must be spread by key in the same way: {}", listed.join(", "));
    let hint = "bring those that are not murmur2 over with repartition = true: that topic is written anew, by key";
    let others = all.iter().filter(|(_, p)| *p != Partitioner::Murmur2).map(|(topic, _)| *topic);
    Some(Diagnostic::usage("T016", message).hint(hint).at(place_of(topology, others, set)))
}

/// Where the first of these topics stands in the manifest; internal ones have no place of their own. Else that of any in the set.
fn place_of<'a>(topology: &Topology, others: impl Iterator<Item = &'a Arc<str>>, set: &'a [Arc<str>]) -> Option<Place> {
    let found = |name: &Arc<str>| topology.topics.iter().find(|t| t.name == *name).map(|t| t.place.clone());
    others.chain(set).find_map(found)
}
