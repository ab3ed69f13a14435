//! A sub-topology made ready for walking: nodes by local index, children by slot. Shared by all tasks of the sub-topology.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::extract::TimestampExtractor;
use crate::limits;
use crate::topology::{NodeIx, NodeKind, OnError, SourceRole, Topology};

/// Index of a node in [`TaskPlan::nodes`].
pub(super) type LocalNode = u32;

/// A plan that cannot be made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PlanError {
    /// The source's `timestamp` cannot be used.
    #[error("source '{source_name}': {why}")]
    Timestamp {
        /// The source.
        source_name: Arc<str>,
        /// What is wrong with it.
        why: String,
    },
}

/// What a sink has to know of its topic, to refuse what the log would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkTopic {
    /// Its number of partitions.
    pub partitions: u32,
    /// Compacted by key: a record has to have one.
    pub compacted: bool,
}

/// One sub-topology, ready to be walked.
#[derive(Debug)]
pub struct TaskPlan {
    /// Name of the sub-topology.
    pub name: Arc<str>,
    /// Index of the sub-topology in the topology.
    pub sub_topology: usize,
    /// Keys of records stay out of logs and errors.
    pub redact_keys: bool,
    /// Bytes of outputs, and of writes to stores, above which they have to be committed before more come.
    pub transaction_bytes: usize,
    /// Records go many at a time where nobody can tell.
    pub frames: bool,
    pub(super) nodes: Vec<PlanNode>,
    /// Source topics, in the order in which equal timestamps are taken.
    pub(super) topics: Vec<SourceTopic>,
}

#[derive(Debug)]
pub(super) struct PlanNode {
    pub ix: NodeIx,
    pub name: Arc<str>,
    pub work: Work,
    /// By slot of the output, in order of delivery.
    pub children: Vec<Vec<PlanChild>>,
    pub on_error: OnError,
    /// The processors below a source whose records may go through all of them many at a time.
    pub in_frames: Option<Vec<LocalNode>>,
}

#[derive(Debug)]
pub(super) enum Work {
    Source { extractor: TimestampExtractor, role: SourceRole },
    Processor,
    Sink(PlanSink),
}

#[derive(Debug)]
pub(super) struct PlanSink {
    pub topic: Arc<str>,
    /// The upper end of a repartition edge.
    pub internal: bool,
    pub target: Option<SinkTopic>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PlanChild {
    pub node: LocalNode,
    pub input: u32,
    pub table: bool,
}

#[derive(Clone, Debug)]
pub(super) struct SourceTopic {
    pub topic: Arc<str>,
    pub source: LocalNode,
}

impl TaskPlan {
    /// The plan of a sub-topology. `target` tells of a sink's topic, where it is known.
    pub fn new(topology: &Topology, sub_topology: usize, target: impl Fn(&str) -> Option<SinkTopic>) -> Result<Self, PlanError> {
        let sub = &topology.sub_topologies[sub_topology];
        let local: FxHashMap<NodeIx, LocalNode> = sub.nodes.iter().zip(0..).map(|(&ix, local)| (ix, local)).collect();
        let mut nodes = Vec::with_capacity(sub.nodes.len());
        for &ix in &sub.nodes {
            nodes.push(plan_node(topology, ix, &local, &target)?);
        }
        let mut topics = Vec::new();
        for source in &sub.sources {
            if let NodeKind::Source(s) = &topology.nodes[source.0].kind {
                topics.extend(s.topics.iter().map(|t| SourceTopic { topic: t.clone(), source: local[source] }));
            }
        }
        Ok(Self {
            name: sub.name.clone(),
            sub_topology,
            redact_keys: false,
            transaction_bytes: limits::TRANSACTION_BYTES,
            frames: true,
            nodes,
            topics,
        })
    }

    /// The topology's index of a node of this plan.
    pub(super) fn node(&self, local: LocalNode) -> &PlanNode {
        &self.nodes[local as usize]
    }

    /// The topics of sinks by local index, empty for other nodes: copies of the texts, not references to these. A task takes one for each record
    /// that it sends, and threads that count references to the same text wait for each other's caches.
    pub(super) fn sink_topics(&self) -> Vec<Arc<str>> {
        let topic = |node: &PlanNode| match &node.work {
            Work::Sink(sink) => Arc::from(&*sink.topic),
            Work::Source { .. } | Work::Processor => Arc::default(),
        };
        self.nodes.iter().map(topic).collect()
    }

    /// True for a source or table of the manifest, not for a repartition edge's lower end.
    pub(super) fn reads_input(&self, local: LocalNode) -> bool {
        matches!(self.node(local).work, Work::Source { role: SourceRole::Stream | SourceRole::Table, .. })
    }

    /// The processors: position in the plan, index in the topology.
    pub fn processors(&self) -> impl Iterator<Item = (usize, NodeIx)> + '_ {
        self.nodes.iter().enumerate().filter(|(_, n)| matches!(n.work, Work::Processor)).map(|(at, n)| (at, n.ix))
    }

    /// How the records of a source topic get their timestamps.
    pub fn extractor_of(&self, topic: &str) -> Option<&TimestampExtractor> {
        let source = self.topics.iter().find(|t| &*t.topic == topic)?.source;
        match &self.node(source).work {
            Work::Source { extractor, .. } => Some(extractor),
            Work::Processor | Work::Sink(_) => None,
        }
    }
}

fn in_frames(topology: &Topology, ix: NodeIx, local: &FxHashMap<NodeIx, LocalNode>) -> Option<Vec<LocalNode>> {
    if topology.one_by_one(ix).is_some() {
        return None;
    }
    let processors = topology.below(ix).ok()?.into_iter().filter(|below| matches!(topology.nodes[below.0].kind, NodeKind::Processor(_)));
    Some(processors.map(|below| local[&below]).collect())
}

fn plan_node(
    topology: &Topology,
    ix: NodeIx,
    local: &FxHashMap<NodeIx, LocalNode>,
    target: &impl Fn(&str) -> Option<SinkTopic>,
) -> Result<PlanNode, PlanError> {
    let node = &topology.nodes[ix.0];
    let work = match &node.kind {
        NodeKind::Source(source) => Work::Source {
            extractor: TimestampExtractor::new(source.timestamp.as_ref())
                .map_err(|why| PlanError::Timestamp { source_name: node.name.clone(), why })?,
            role: source.role,
        },
        NodeKind::Processor(_) => Work::Processor,
        NodeKind::Sink(sink) => {
            Work::Sink(PlanSink { topic: sink.topic.clone(), internal: sink.repartition.is_some(), target: target(&sink.topic) })
        }
    };
    let child = |c: &crate::topology::Child| PlanChild { node: local[&c.node], input: c.input, table: c.table };
    let children = node.children.iter().map(|slot| slot.iter().map(child).collect()).collect();
    Ok(PlanNode { ix, name: node.name.clone(), work, children, on_error: node.on_error.clone(), in_frames: in_frames(topology, ix, local) })
}
