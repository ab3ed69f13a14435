use std::fmt::Write as _;

use super::{port, role, users};
use crate::topology::graph::{NodeKind, StoreAccess, Topology};
use crate::topology::paths::Paths;

/// The topology as a Mermaid flowchart: topics are rounded, stores are cylinders, tables' edges are thick. Processors
/// that do not get all their records packed say so.
pub fn describe_mermaid(topology: &Topology, paths: &Paths) -> String {
    let mut out = String::from("flowchart LR\n");
    let mut topics: Vec<&str> = Vec::new();
    let mut edges = String::new();
    for (number, sub) in topology.sub_topologies.iter().enumerate() {
        // Writing to a String cannot fail.
        _ = writeln!(out, "  subgraph s{number}[\"{}\"]", sub.name);
        for ix in &sub.nodes {
            let Some(node) = topology.nodes.get(ix.0) else { continue };
            _ = match node.kind {
                NodeKind::Processor(_) => {
                    let singly = if paths.into_node(*ix).any(|(_, why)| why.is_some()) { "<br/>one record a call" } else { "" };
                    writeln!(out, "    n{}[\"{}{singly}\"]", ix.0, node.name)
                }
                NodeKind::Source(_) | NodeKind::Sink(_) => writeln!(out, "    n{}[/\"{}\"/]", ix.0, node.name),
            };
            for (topic, is_input) in topics_of(&node.kind) {
                let at = topics.iter().position(|t| *t == topic).unwrap_or_else(|| {
                    topics.push(topic);
                    topics.len() - 1
                });
                _ = if is_input { writeln!(edges, "  t{at} --> n{}", ix.0) } else { writeln!(edges, "  n{} --> t{at}", ix.0) };
            }
            for (slot, child) in node.children.iter().enumerate().flat_map(|(slot, below)| below.iter().map(move |c| (slot, c))) {
                let label: Vec<&str> = [port(node, slot), role(topology, child)].into_iter().flatten().collect();
                let label = if label.is_empty() { String::new() } else { format!("|\"{}\"|", label.join(" to ")) };
                let arrow = if child.table { "==>" } else { "-->" };
                _ = writeln!(edges, "  n{} {arrow}{label} n{}", ix.0, child.node.0);
            }
        }
        for index in &sub.stores {
            let Some(store) = topology.stores.get(*index) else { continue };
            _ = writeln!(out, "    d{index}[(\"{}\")]", store.name);
            for (user, access) in users(topology, *index) {
                let Some(at) = topology.nodes.iter().position(|n| n.name == user.name) else { continue };
                _ = match access {
                    StoreAccess::Read => writeln!(edges, "  d{index} -.-> n{at}"),
                    StoreAccess::ReadWrite => writeln!(edges, "  n{at} <-.-> d{index}"),
                };
            }
        }
        _ = writeln!(out, "  end");
    }
    for (at, topic) in topics.iter().enumerate() {
        _ = writeln!(out, "  t{at}([\"{topic}\"])");
    }
    out + &edges
}

/// The topics of a node, and whether it reads them.
fn topics_of(kind: &NodeKind) -> Vec<(&str, bool)> {
    match kind {
        NodeKind::Source(source) => source.topics.iter().map(|t| (&**t, true)).collect(),
        NodeKind::Sink(sink) => vec![(&sink.topic, false)],
        NodeKind::Processor(_) => Vec::new(),
    }
}
