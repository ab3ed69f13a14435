//! How records reach each node: many a call, or one; and why.

use std::collections::BTreeMap;

use super::frames::OneByOne;
use super::graph::{NodeIx, NodeKind, Topology, TopologyNode};

/// Why records of a source come to a node one a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody could tell many at a time from one after another.
    Graph(OneByOne),
    /// The component of the node does not export `batch`.
    NoBatch(NodeIx),
    /// Rows of a store of the node expire, an index in [`Topology::stores`].
    Expires(NodeIx, usize),
}

/// How the records of each source go, and so how each node gets them.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    sources: BTreeMap<NodeIx, Option<Reason>>,
    /// The sources above each node.
    above: BTreeMap<NodeIx, Vec<NodeIx>>,
    /// Nodes that take one record a call, whatever comes. Others around them do not suffer from it.
    singly: BTreeMap<NodeIx, Reason>,
}

impl Paths {
    /// `has_batch`: whether the component of a processor exports `batch`.
    pub fn new(topology: &Topology, has_batch: impl Fn(&TopologyNode) -> bool) -> Self {
        let mut paths = Self::default();
        for source in topology.sub_topologies.iter().flat_map(|sub| &sub.sources).copied() {
            paths.sources.insert(source, topology.one_by_one(source).map(Reason::Graph));
            all_below(topology, source).into_iter().for_each(|node| paths.above.entry(node).or_default().push(source));
        }
        let limited = paths.above.keys().filter_map(|at| Some((*at, limit(topology, *at, &has_batch)?)));
        paths.singly = limited.collect();
        paths
    }

    /// Why the records of a source come one a call to all that is below it; `None` for other nodes, and where they come many a call.
    pub fn of_source(&self, source: NodeIx) -> Option<&Reason> {
        self.sources.get(&source)?.as_ref()
    }

    /// The sources above a node, each with why its records come to the node one a call: because of the node, or of the graph.
    pub fn into_node(&self, node: NodeIx) -> impl Iterator<Item = (NodeIx, Option<&Reason>)> {
        let (above, own) = (self.above.get(&node).map(Vec::as_slice).unwrap_or_default(), self.singly.get(&node));
        above.iter().map(move |source| (*source, own.or_else(|| self.of_source(*source))))
    }
}

impl Reason {
    /// In words.
    pub fn text(&self, topology: &Topology) -> String {
        let node = |ix: &NodeIx| topology.nodes.get(ix.0).map_or("", |node| &*node.name);
        let store = |ix: &usize| topology.stores.get(*ix).map_or("", |store| &*store.name);
        match self {
            Self::Graph(OneByOne::TwoWays(at)) => format!("two ways lead to '{}'", node(at)),
            Self::Graph(OneByOne::SharedStore(shared)) => format!("several nodes use the store '{}'", store(shared)),
            Self::Graph(OneByOne::OneTopic(topic)) => format!("several nodes write '{topic}'"),
            Self::NoBatch(at) => format!("the component of '{}' does not export `batch`", node(at)),
            Self::Expires(at, expiring) => format!("rows of the store '{}' of '{}' expire", store(expiring), node(at)),
        }
    }
}

/// Why a node takes one record a call, whatever comes.
fn limit(topology: &Topology, at: NodeIx, has_batch: &impl Fn(&TopologyNode) -> bool) -> Option<Reason> {
    let node = topology.nodes.get(at.0)?;
    let NodeKind::Processor(processor) = &node.kind else { return None };
    if !has_batch(node) {
        return Some(Reason::NoBatch(at));
    }
    // The SDK would keep writes back for the length of a frame, while their time passes.
    let mut stores = processor.grants.iter().map(|grant| grant.store);
    stores.find(|store| topology.stores.get(*store).is_some_and(|spec| spec.shape.expires())).map(|store| Reason::Expires(at, store))
}

/// The nodes below a source, each once, however many ways lead there.
fn all_below(topology: &Topology, source: NodeIx) -> Vec<NodeIx> {
    let mut reached = vec![source];
    let mut next = 0;
    while let Some(at) = reached.get(next).copied() {
        next += 1;
        for child in topology.nodes.get(at.0).into_iter().flat_map(|node| node.children.iter().flatten()) {
            if !reached.contains(&child.node) {
                reached.push(child.node);
            }
        }
    }
    reached.split_off(1)
}
