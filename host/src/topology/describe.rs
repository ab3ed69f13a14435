//! A topology for people and for other programs: as text, as JSON, as a Mermaid flowchart. Always the same for the same topology.

mod json;
mod mermaid;
mod text;

pub use json::describe_json;
pub use mermaid::describe_mermaid;
pub use text::describe_text;

use std::collections::BTreeSet;

use super::graph::{Child, NodeIx, NodeKind, SourceRole, Topology, TopologyNode};
use super::paths::{Paths, Reason};

/// What a node is, in one word.
fn noun(node: &TopologyNode) -> &'static str {
    match &node.kind {
        NodeKind::Source(_) => "source",
        NodeKind::Processor(_) => "processor",
        NodeKind::Sink(_) => "sink",
    }
}

/// The role that an edge feeds, where the node has several.
fn role<'t>(topology: &'t Topology, child: &Child) -> Option<&'t str> {
    let inputs = match &topology.nodes.get(child.node.0)?.kind {
        NodeKind::Processor(processor) if processor.inputs.len() > 1 => &processor.inputs,
        _ => return None,
    };
    inputs.get(usize::try_from(child.input).ok()?).map(String::as_str)
}

/// A slot's port; `None` for the default one.
fn port(node: &TopologyNode, slot: usize) -> Option<&str> {
    match &node.kind {
        NodeKind::Processor(processor) => processor.ports.get(slot.checked_sub(1)?).map(String::as_str),
        NodeKind::Source(_) | NodeKind::Sink(_) => None,
    }
}

/// The nodes that open a store, and whether they write it.
fn users(topology: &Topology, store: usize) -> Vec<(&TopologyNode, super::graph::StoreAccess)> {
    let processors = topology.nodes.iter().filter_map(|n| if let NodeKind::Processor(p) = &n.kind { Some((n, p)) } else { None });
    processors.flat_map(|(n, p)| p.grants.iter().filter(|g| g.store == store).map(move |g| (n, g.access))).collect()
}

/// How a processor gets its records, in words.
fn path(topology: &Topology, paths: &Paths, node: NodeIx) -> String {
    let (singly, packed): (Vec<_>, Vec<_>) = paths.into_node(node).partition(|(_, why)| why.is_some());
    if singly.is_empty() {
        return "packed".to_owned();
    }
    if packed.is_empty() {
        let reasons: BTreeSet<String> = singly.iter().filter_map(|(_, why)| Some(why.as_ref()?.text(topology))).collect();
        return format!("one record a call: {}", reasons.into_iter().collect::<Vec<_>>().join(", "));
    }
    let from = |(source, why): &(NodeIx, Option<&Reason>)| {
        Some(format!(", from '{}' one record a call: {}", topology.nodes.get(source.0)?.name, why.as_ref()?.text(topology)))
    };
    format!("packed{}", singly.iter().filter_map(from).collect::<String>())
}

/// Whose topics a source reads, in one word.
fn source_word(role: SourceRole) -> &'static str {
    match role {
        SourceRole::Stream => "stream",
        SourceRole::Table => "table",
        SourceRole::Repartition => "repartition",
    }
}
