//! What of a graph stays as it is in the next one: sub-topologies whose tasks need not notice that the rest has changed.

use super::graph::{NodeIx, NodeKind, StoreSpec, SubTopology, Topology, TopologyNode};

/// The sub-topologies of `old` that are in `new` as they were: index there, index here. They have the same nodes in the same order, with the same
/// config, limits and policies, the same edges, stores and topics. Components are no part of it, for they are changed in place.
pub fn stays(old: &Topology, new: &Topology) -> Vec<(usize, usize)> {
    let parts: Vec<Part> = (0..new.sub_topologies.len()).map(|sub| part(new, sub)).collect();
    let same = |before: usize| {
        let part = part(old, before);
        parts.iter().position(|other| *other == part).map(|now| (before, now))
    };
    (0..old.sub_topologies.len()).filter_map(same).collect()
}

/// A sub-topology by itself: every index is one within it.
#[derive(PartialEq, Eq)]
struct Part {
    sub: SubTopology,
    nodes: Vec<TopologyNode>,
    stores: Vec<StoreSpec>,
}

fn part(topology: &Topology, at: usize) -> Part {
    let sub = &topology.sub_topologies[at];
    let place = |node: NodeIx| NodeIx(sub.nodes.iter().position(|there| *there == node).unwrap_or(usize::MAX));
    let store = |store: usize| sub.stores.iter().position(|there| *there == store).unwrap_or(usize::MAX);
    let node = |ix: &NodeIx| {
        let mut node = TopologyNode { sub_topology: 0, ..topology.nodes[ix.0].clone() };
        node.children.iter_mut().flatten().for_each(|child| child.node = place(child.node));
        match &mut node.kind {
            NodeKind::Source(_) => {}
            // Whoever reads it is found by its topic.
            NodeKind::Sink(sink) => sink.repartition.iter_mut().for_each(|edge| edge.source = NodeIx(0)),
            NodeKind::Processor(processor) => {
                processor.component.clear();
                processor.digest = None;
                processor.grants.iter_mut().for_each(|grant| grant.store = store(grant.store));
            }
        }
        node
    };
    Part {
        nodes: sub.nodes.iter().map(node).collect(),
        stores: sub.stores.iter().map(|at| StoreSpec { sub_topology: 0, ..topology.stores[*at].clone() }).collect(),
        sub: SubTopology {
            nodes: Vec::new(),
            sources: sub.sources.iter().map(|source| place(*source)).collect(),
            stores: Vec::new(),
            ..sub.clone()
        },
    }
}
