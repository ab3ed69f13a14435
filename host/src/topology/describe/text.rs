use std::fmt::Write as _;

use super::{noun, port, role, users};
use crate::manifest::duration_text;
use crate::topology::graph::{FailurePolicy, NodeIx, NodeKind, StoreAccess, StoreShape, StoreSpec, SubTopology, Topology, TopologyNode};
use crate::topology::partitions::Partitions;
use crate::topology::paths::Paths;

/// A readable picture. `partitions`: where they are known.
pub fn describe_text(topology: &Topology, partitions: Option<&Partitions>, paths: &Paths) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    _ = writeln!(out, "app {}", topology.app);
    for (number, sub) in topology.sub_topologies.iter().enumerate() {
        let tasks = partitions.and_then(|p| p.tasks.get(number));
        sub_topology(&mut out, topology, paths, sub, tasks.copied());
    }
    let internal = partitions.map(|p| &p.internal[..]).unwrap_or_default();
    if !internal.is_empty() {
        _ = writeln!(out, "\ninternal topics");
        for topic in internal {
            _ = writeln!(out, "  {}  {} x {}", topic.name, topic.partitions, topic.cleanup);
        }
    }
    out
}

fn sub_topology(out: &mut String, topology: &Topology, paths: &Paths, sub: &SubTopology, tasks: Option<u32>) {
    _ = match tasks {
        Some(1) => writeln!(out, "\nsub-topology {}  (1 task)", sub.name),
        Some(tasks) => writeln!(out, "\nsub-topology {}  ({tasks} tasks)", sub.name),
        None => writeln!(out, "\nsub-topology {}", sub.name),
    };
    let nodes: Vec<(NodeIx, &TopologyNode)> = sub.nodes.iter().filter_map(|ix| Some((*ix, topology.nodes.get(ix.0)?))).collect();
    let width = nodes.iter().map(|(_, n)| n.name.chars().count()).max().unwrap_or(0);
    for (ix, node) in nodes {
        let name = &*node.name;
        _ = writeln!(out, "  {:<9}  {name:<width$}  {}{}{}", noun(node), what(node), policy(node), path(topology, paths, ix));
        for (slot, children) in node.children.iter().enumerate() {
            let port = port(node, slot).map_or(String::new(), |p| format!(".{p} "));
            for child in children {
                let Some(lower) = topology.nodes.get(child.node.0) else { continue };
                let role = role(topology, child).map_or(String::new(), |r| format!(" as {r}"));
                let table = if child.table { " (table)" } else { "" };
                _ = writeln!(out, "               {port}-> {}{role}{table}", lower.name);
            }
        }
    }
    for index in &sub.stores {
        let Some(spec) = topology.stores.get(*index) else { continue };
        store(out, topology, *index, spec);
    }
    if let Some(cells) = &sub.cells_changelog {
        _ = writeln!(out, "  cells      changelog {cells}");
    }
    for set in &sub.co_partitioned {
        _ = writeln!(out, "  co-partitioned: {}", set.iter().map(|t| &**t).collect::<Vec<_>>().join(", "));
    }
}

fn what(node: &TopologyNode) -> String {
    match &node.kind {
        NodeKind::Source(source) => format!("<- {}", source.topics.iter().map(|t| &**t).collect::<Vec<_>>().join(", ")),
        NodeKind::Processor(processor) => processor.component.clone(),
        NodeKind::Sink(sink) => format!("-> {}", sink.topic),
    }
}

/// How records come to a processor, and why those of a source do not come many a call.
fn path(topology: &Topology, paths: &Paths, ix: NodeIx) -> String {
    match topology.nodes.get(ix.0).map(|node| &node.kind) {
        Some(NodeKind::Source(_)) => {
            paths.of_source(ix).map_or_else(String::new, |why| format!("; one record a call: {}", why.text(topology)))
        }
        Some(NodeKind::Processor(_)) => format!("; {}", super::path(topology, paths, ix)),
        Some(NodeKind::Sink(_)) | None => String::new(),
    }
}

fn policy(node: &TopologyNode) -> String {
    match &node.on_error.policy {
        FailurePolicy::Fail => String::new(),
        FailurePolicy::Skip => "; on error: skip".to_owned(),
        FailurePolicy::DeadLetter(topic) => format!("; on error: dead-letter to {topic}"),
    }
}

/// The kind of a store, and for how long it keeps what.
fn kept(shape: &StoreShape) -> String {
    let kind = shape.kind();
    match shape {
        StoreShape::KeyValue { ttl: None } => kind.to_string(),
        StoreShape::KeyValue { ttl: Some(ttl) } => format!("{kind} for {}", duration_text(*ttl)),
        StoreShape::Window { size, retention, duplicates } => {
            let duplicates = if *duplicates { ", duplicates" } else { "" };
            format!("{kind} of {} for {}{duplicates}", duration_text(*size), duration_text(*retention))
        }
        StoreShape::Session { retention } => format!("{kind} for {}", duration_text(*retention)),
        StoreShape::Versioned { history, .. } => format!("{kind} for {}", duration_text(*history)),
    }
}

fn store(out: &mut String, topology: &Topology, index: usize, spec: &StoreSpec) {
    let users = users(topology, index).into_iter().map(|(node, access)| match access {
        StoreAccess::ReadWrite => node.name.to_string(),
        StoreAccess::Read => format!("{} (reads)", node.name),
    });
    let users = users.collect::<Vec<_>>().join(", ");
    let changelog = if spec.source_is_changelog { "restored from" } else { "changelog" };
    _ = writeln!(
        out,
        "  store      {}: {}, {}; {changelog} {}; used by {users}",
        spec.name,
        kept(&spec.shape),
        spec.backend,
        spec.changelog
    );
}
