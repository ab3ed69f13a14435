//! The words: what a topology is made of, once everything has been checked.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Diagnostic, Place};
use crate::manifest::Capability;
pub use crate::manifest::{
    Backend, Cleanup, FailurePolicy, OnError, Partitioner, Start, StoreAccess, StoreKind, StoreShape, TimestampFrom,
};

/// Index of a node in [`Topology::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeIx(pub usize);

/// A checked graph. Nodes stand in the order of the manifest, sources first.
#[derive(Clone, Debug)]
pub struct Topology {
    /// `app.id`: consumer group and prefix of internal topics.
    pub app: Arc<str>,
    /// All nodes.
    pub nodes: Vec<TopologyNode>,
    /// All stores.
    pub stores: Vec<StoreSpec>,
    /// The parts between repartition edges.
    pub sub_topologies: Vec<SubTopology>,
    /// Every topic that it reads or writes and that is not internal.
    pub topics: Vec<ExternalTopic>,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
}

impl Topology {
    /// The place of a node among those of its sub-topology's tasks.
    pub fn place(&self, node: NodeIx) -> u32 {
        let sub_topology = self.nodes.get(node.0).and_then(|node| self.sub_topologies.get(node.sub_topology));
        let nodes = sub_topology.into_iter().flat_map(|sub| &sub.nodes);
        nodes.zip(0..).find(|(there, _)| **there == node).map_or(0, |(_, place)| place)
    }
}

/// A topic of the manifest: somebody else's, or one that is made for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalTopic {
    /// Its name.
    pub name: Arc<str>,
    /// What for.
    pub used_by: TopicUse,
    /// Where its settings stand, else where a node names it.
    pub place: Place,
    /// How many partitions when we make it; `None`: not said.
    pub partitions: Option<u32>,
    /// What becomes of old records when we make it: `compact` for a table's topic, unless said.
    pub cleanup: Cleanup,
    /// How long records are kept when we make it; `None`: for ever on the embedded log, the broker's default on Kafka.
    pub retention: Option<Duration>,
    /// Copies of each partition when we make it; `None`: the broker's default.
    pub replication: Option<u16>,
    /// Who wrote the keys.
    pub partitioner: Partitioner,
}

/// What a topic is used for; the first that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicUse {
    /// A source or a table reads it.
    Input,
    /// A sink writes it.
    Output,
    /// Failed records go there.
    DeadLetter,
}

/// One node of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyNode {
    /// The author's name. The source of a table is `<table>.source`, both ends of a repartition edge are `<node>.<role>.repartition`
    /// (the sink) and the same with `-source`.
    pub name: Arc<str>,
    /// What it is.
    pub kind: NodeKind,
    /// Children by slot: 0 is the default port, `i + 1` is `ports[i]` of a processor. In order of delivery: that of the manifest.
    pub children: Vec<Vec<Child>>,
    /// Index in [`Topology::sub_topologies`].
    pub sub_topology: usize,
    /// What happens when it fails.
    pub on_error: OnError,
}

/// An edge, seen from its upper end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// The lower end.
    pub node: NodeIx,
    /// Which of its inputs: index of the role.
    pub input: u32,
    /// A table's edge keeps `change`; on a stream's it is cleared.
    pub table: bool,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Reads topics.
    Source(Source),
    /// Calls a component.
    Processor(Processor),
    /// Writes a topic.
    Sink(Sink),
}

/// Reads one or more topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its topics.
    pub topics: Vec<Arc<str>>,
    /// Whose it is.
    pub role: SourceRole,
    /// Where a group without a committed offset begins.
    pub start: Start,
    /// Where the event time comes from; `None`: the record's own.
    pub timestamp: Option<TimestampFrom>,
}

/// Whose topics a source reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceRole {
    /// A foreign topic's records.
    Stream,
    /// A table's own topic.
    Table,
    /// The lower end of a repartition edge: an internal topic, whose reserved headers are honoured.
    Repartition,
}

/// Calls a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    /// `component` of the manifest, as written.
    pub component: String,
    /// `digest` of the manifest, `sha256:<hex>`.
    pub digest: Option<String>,
    /// Roles of its inputs, in order; a [`Child::input`] is an index here.
    pub inputs: Vec<String>,
    /// Its output ports; slot `i + 1` of [`TopologyNode::children`] is `ports[i]`.
    pub ports: Vec<String>,
    /// `config` as JSON text; `{}` without one.
    pub config: String,
    /// The stores that it may open.
    pub grants: Vec<Grant>,
    /// `limits.memory` in bytes.
    pub memory_bytes: usize,
    /// `limits.deadline`.
    pub deadline: Duration,
    /// `limits.outputs`: most outputs of one call, `forward` included.
    pub outputs: usize,
    /// What of the host the manifest grants, in order.
    pub allow: Vec<Capability>,
}

/// A store that a node may open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What the component calls it.
    pub role: String,
    /// Index in [`Topology::stores`].
    pub store: usize,
    /// What it may do there.
    pub access: StoreAccess,
}

/// Writes one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// The topic.
    pub topic: Arc<str>,
    /// The upper end of a repartition edge; `None`: a sink of the manifest.
    pub repartition: Option<Repartition>,
}

/// What a repartition edge needs besides its topic's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repartition {
    /// The source node at its lower end.
    pub source: NodeIx,
    /// `[topics.*] partitions` of its topic; `None`: as many as co-partitioning asks for.
    pub partitions: Option<u32>,
}

/// A store of the manifest, or a table's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSpec {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind, and for how long it keeps what.
    pub shape: StoreShape,
    /// Where it lives.
    pub backend: Backend,
    /// The topic that it is restored from.
    pub changelog: Arc<str>,
    /// True where `changelog` is a table's own compacted topic: nothing is written to it.
    pub source_is_changelog: bool,
    /// Index in [`Topology::sub_topologies`].
    pub sub_topology: usize,
}

/// A part of the topology whose records need no repartitioning. Tasks are its copies, one for each partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubTopology {
    /// Named after its first source or table; one without after its first repartition edge, `<node>-<role>`.
    pub name: Arc<str>,
    /// Its nodes, ancestors first.
    pub nodes: Vec<NodeIx>,
    /// Its sources, in the order in which equal timestamps are taken.
    pub sources: Vec<NodeIx>,
    /// Its stores: indexes in [`Topology::stores`].
    pub stores: Vec<usize>,
    /// The topic of its cells' changelog; `None` for one without processors.
    pub cells_changelog: Option<Arc<str>>,
    /// Sets of topics that must have one and the same number of partitions and the same partitioner.
    pub co_partitioned: Vec<Vec<Arc<str>>>,
}

/// What a component says of itself (`describe` of the contract).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// One paragraph about the component.
    pub doc: String,
    /// Its inputs.
    pub inputs: Inputs,
    /// Its output ports; the default one has an empty name.
    pub ports: Vec<Port>,
    /// The stores that it needs.
    pub stores: Vec<StoreRole>,
    /// JSON Schema of its config; `None`: it takes none.
    pub config_schema: Option<String>,
    /// Version of the layout of its state.
    pub state_version: u32,
}

/// How many inputs a component takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// Any number, all alike.
    Any(Takes),
    /// Exactly these.
    Exactly(Vec<InputRole>),
}

/// An input of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputRole {
    /// The role.
    pub name: String,
    /// What it takes.
    pub takes: Takes,
    /// One line about it.
    pub doc: String,
}

/// What an input takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Records of a stream.
    Records,
    /// Updates of a table.
    Updates,
    /// Either.
    Either,
}

/// An output port of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name; empty for the default one.
    pub name: String,
    /// What it carries.
    pub carries: Carries,
    /// One line about it.
    pub doc: String,
}

/// What a port carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carries {
    /// Records of a stream.
    Records,
    /// Updates of a table.
    Updates,
    /// What the input of this role carries.
    Like(String),
}

/// A store that a component opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreRole {
    /// What `open` is called with.
    pub role: String,
    /// The kind that it needs.
    pub kind: StoreKind,
    /// Whether it writes.
    pub access: StoreAccess,
    /// One line about it.
    pub doc: String,
}
