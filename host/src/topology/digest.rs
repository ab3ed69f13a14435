//! One name for a graph: hosts of one group have to agree on it, for it says which tasks there are and what they keep.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::graph::{NodeIx, NodeKind, Sink, Source, SourceRole, StoreAccess, Topology, TopologyNode};

/// Hex digits of it.
const DIGITS: usize = 12;

/// A digest of nodes, edges, sub-topologies and stores. Two apps that differ in components or their config alone have the same. So have two that
/// see other numbers of partitions: a topic may grow while its hosts run.
pub fn digest(topology: &Topology) -> String {
    let mut hash = Sha256::digest(text(topology).as_bytes()).iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    });
    hash.truncate(DIGITS);
    hash
}

/// Everything that counts, a line each, in the order of names: a manifest may be written in any.
fn text(topology: &Topology) -> String {
    let mut lines: Vec<String> = topology.nodes.iter().map(|node| self::node(topology, node)).collect();
    lines.extend(topology.stores.iter().map(|store| {
        format!("store {} {:?} {:?} {} {}", store.name, store.shape, store.backend, store.changelog, store.source_is_changelog)
    }));
    lines.sort();
    format!("{}\n{}", topology.app, lines.join("\n"))
}

fn node(topology: &Topology, node: &TopologyNode) -> String {
    let name = |at: NodeIx| topology.nodes.get(at.0).map_or("", |node| &*node.name);
    let sub_topology = topology.sub_topologies.get(node.sub_topology).map_or("", |sub| &*sub.name);
    let slot = |children: &Vec<super::Child>| {
        let mut to: Vec<String> = children.iter().map(|child| format!("{}/{}/{}", name(child.node), child.input, child.table)).collect();
        to.sort();
        to.join(",")
    };
    let edges: Vec<String> = node.children.iter().map(slot).collect();
    let what = match &node.kind {
        NodeKind::Source(source) => self::source(source),
        NodeKind::Sink(Sink { topic, repartition }) => {
            let repartition = repartition.as_ref().map(|edge| (name(edge.source), edge.partitions));
            format!("sink {topic} {repartition:?}")
        }
        NodeKind::Processor(processor) => {
            let mut stores: Vec<String> = processor
                .grants
                .iter()
                .map(|grant| {
                    let store = topology.stores.get(grant.store).map_or("", |store| &*store.name);
                    format!("{}={store}/{}", grant.role, grant.access == StoreAccess::ReadWrite)
                })
                .collect();
            stores.sort();
            format!("processor {} | {} | {}", processor.inputs.join(","), processor.ports.join(","), stores.join(","))
        }
    };
    format!("node {} {what} in {sub_topology} to {}", node.name, edges.join(";"))
}

fn source(source: &Source) -> String {
    let mut topics: Vec<&str> = source.topics.iter().map(|topic| &**topic).collect();
    topics.sort_unstable();
    let role = match source.role {
        SourceRole::Stream => "stream",
        SourceRole::Table => "table",
        SourceRole::Repartition => "repartition",
    };
    format!("source {role} {}", topics.join(","))
}
