//! Makes the checked graph's nodes: tables become a source and a processor, repartition edges a sink and a source.

use std::sync::Arc;

use serde_json::{Value, json};

use super::draft::{Draft, DraftNode, Role, What};
use super::graph::{
    Child, Description, Grant, Inputs, NodeIx, NodeKind, OnError, Processor, Repartition, Sink, Source, SourceRole, Start, TopologyNode,
};
use super::wire::DEFAULT_ROLE;
use crate::error::Place;
use crate::limits;
use crate::manifest::{Capability, ComponentRef, position};

/// A node of the topology, by what it is made from: an index of the draft, and of a role.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A source, or the source of a table.
    Source(usize),
    RepartitionSource(usize, usize),
    /// A processor, or that of a table.
    Processor(usize),
    RepartitionSink(usize, usize),
    Sink(usize),
}

/// The nodes, in the order of the manifest, sources first.
pub(super) fn nodes(draft: &Draft<'_>, grants: &[Vec<Grant>]) -> Vec<TopologyNode> {
    let origins = origins(draft);
    let ix = |origin: Origin| origins.iter().position(|o| *o == origin).map(NodeIx);
    let mut nodes: Vec<TopologyNode> = origins.iter().filter_map(|origin| node(draft, grants, *origin, &ix)).collect();
    for (at, draft_node) in draft.nodes.iter().enumerate() {
        let lower = match draft_node.what {
            What::Sink(_) => Origin::Sink(at),
            _ => Origin::Processor(at),
        };
        if matches!(draft_node.what, What::Table(_)) {
            attach(&mut nodes, ix(Origin::Source(at)), 0, ix(lower), 0, false);
        }
        for (role_ix, role) in draft_node.roles.iter().enumerate() {
            let input = u32::try_from(role_ix).unwrap_or(u32::MAX);
            let (sink, source) = (ix(Origin::RepartitionSink(at, role_ix)), ix(Origin::RepartitionSource(at, role_ix)));
            attach(&mut nodes, source, 0, ix(lower), input, role.table);
            for edge in &role.edges {
                let upper = match draft.nodes.get(edge.from).map(|n| n.what) {
                    Some(What::Source(_)) => ix(Origin::Source(edge.from)),
                    _ => ix(Origin::Processor(edge.from)),
                };
                match edge.repartition {
                    true => attach(&mut nodes, upper, edge.slot, sink, 0, role.table),
                    false => attach(&mut nodes, upper, edge.slot, ix(lower), input, role.table),
                }
            }
        }
    }
    nodes
}

fn attach(nodes: &mut [TopologyNode], upper: Option<NodeIx>, slot: usize, lower: Option<NodeIx>, input: u32, table: bool) {
    let (Some(upper), Some(lower)) = (upper, lower) else { return };
    if let Some(children) = nodes.get_mut(upper.0).and_then(|n| n.children.get_mut(slot)) {
        children.push(Child { node: lower, input, table });
    }
}

/// Where a role is fed through a topic: the place of the first such edge.
fn repartitioned(role: &Role) -> Option<&Place> {
    role.edges.iter().find(|e| e.repartition).map(|e| &e.place)
}

fn origins(draft: &Draft<'_>) -> Vec<Origin> {
    // Sources first, repartition edges behind them: where a processor stands in the file decides neither a sub-topology's name nor which
    // of two equal timestamps is taken first.
    let (mut sources, mut edges): (Vec<Origin>, Vec<(&Place, Origin)>) = (Vec::new(), Vec::new());
    let (mut processors, mut repartition_sinks, mut sinks) = (Vec::new(), Vec::new(), Vec::new());
    for (at, node) in draft.nodes.iter().enumerate() {
        match node.what {
            What::Source(_) => sources.push(Origin::Source(at)),
            What::Table(_) => {
                sources.push(Origin::Source(at));
                processors.push(Origin::Processor(at));
            }
            What::Processor(_) => processors.push(Origin::Processor(at)),
            What::Sink(_) => sinks.push(Origin::Sink(at)),
        }
        for (role_ix, role) in node.roles.iter().enumerate() {
            if let Some(place) = repartitioned(role) {
                edges.push((place, Origin::RepartitionSource(at, role_ix)));
                repartition_sinks.push(Origin::RepartitionSink(at, role_ix));
            }
        }
    }
    edges.sort_by_key(|(place, _)| position(place));
    let edges = edges.into_iter().map(|(_, origin)| origin);
    sources.into_iter().chain(edges).chain(processors).chain(repartition_sinks).chain(sinks).collect()
}

/// A role as part of a name: `node.port`, the role of a merged edge, may not bring its dot along.
pub(super) fn role_in_names(role: &str) -> String {
    role.replace('.', "-")
}

/// Topic of a repartition edge.
pub(super) fn repartition_topic(app: &str, node: &str, role: &str) -> Arc<str> {
    format!("{app}-{node}-{}-repartition", role_in_names(role)).into()
}

fn node(draft: &Draft<'_>, grants: &[Vec<Grant>], origin: Origin, ix: &impl Fn(Origin) -> Option<NodeIx>) -> Option<TopologyNode> {
    let (Origin::Source(at) | Origin::RepartitionSource(at, _) | Origin::Processor(at) | Origin::RepartitionSink(at, _) | Origin::Sink(at)) =
        origin;
    let made_from = draft.nodes.get(at)?;
    let own_name = &made_from.name.value;
    let edge = |role_ix: usize| {
        let role = &made_from.roles.get(role_ix)?.name;
        let app = &draft.manifest.app.id;
        Some((format!("{own_name}.{}.repartition", role_in_names(role)), repartition_topic(app, own_name, role)))
    };
    let (name, kind): (Arc<str>, NodeKind) = match origin {
        Origin::Source(_) => match made_from.what {
            What::Table(_) => (format!("{own_name}.source").into(), source(made_from)?),
            _ => (own_name.clone(), source(made_from)?),
        },
        Origin::RepartitionSource(_, role_ix) => {
            let (name, topic) = edge(role_ix)?;
            let role = SourceRole::Repartition;
            let source = Source { topics: vec![topic], role, start: Start::Earliest, timestamp: None };
            (format!("{name}-source").into(), NodeKind::Source(source))
        }
        Origin::Processor(_) => (own_name.clone(), processor(made_from, grants.get(at)?)?),
        Origin::RepartitionSink(_, role_ix) => {
            let (name, topic) = edge(role_ix)?;
            let settings = draft.manifest.topics.iter().find(|t| t.name.value == topic);
            let source = ix(Origin::RepartitionSource(at, role_ix))?;
            let repartition = Some(Repartition { source, partitions: settings.and_then(|t| t.partitions) });
            (name.into(), NodeKind::Sink(Sink { topic, repartition }))
        }
        Origin::Sink(_) => match made_from.what {
            What::Sink(sink) => (own_name.clone(), NodeKind::Sink(Sink { topic: sink.topic.value.clone(), repartition: None })),
            _ => return None,
        },
    };
    let slots = match &kind {
        NodeKind::Source(_) => 1,
        NodeKind::Processor(processor) => 1 + processor.ports.len(),
        NodeKind::Sink(_) => 0,
    };
    let on_error = match (origin, made_from.what) {
        (Origin::RepartitionSource(..) | Origin::RepartitionSink(..), _) => OnError::default(),
        (_, What::Source(n)) => n.on_error.clone(),
        (_, What::Table(n)) => n.on_error.clone(),
        (_, What::Processor(n)) => n.on_error.clone(),
        (_, What::Sink(n)) => n.on_error.clone(),
    };
    Some(TopologyNode { name, kind, children: vec![Vec::new(); slots], sub_topology: 0, on_error })
}

fn source(node: &DraftNode<'_>) -> Option<NodeKind> {
    let source = match node.what {
        What::Source(n) => Source {
            topics: n.topics.iter().map(|t| t.value.clone()).collect(),
            role: SourceRole::Stream,
            start: n.start,
            timestamp: n.timestamp.clone(),
        },
        What::Table(n) => {
            Source { topics: vec![n.topic.value.clone()], role: SourceRole::Table, start: Start::Earliest, timestamp: n.timestamp.clone() }
        }
        What::Processor(_) | What::Sink(_) => return None,
    };
    Some(NodeKind::Source(source))
}

fn processor(node: &DraftNode<'_>, grants: &[Grant]) -> Option<NodeKind> {
    let processor = match node.what {
        What::Processor(n) => Processor {
            component: n.component.to_string(),
            digest: n.digest.as_ref().map(|d| d.to_string()),
            inputs: node.roles.iter().map(|r| r.name.to_string()).collect(),
            ports: node.ports.iter().map(|p| p.to_string()).collect(),
            config: config(&n.component, n.config.value.clone()),
            grants: grants.to_vec(),
            memory_bytes: n.limits.memory_bytes,
            deadline: n.limits.deadline,
            outputs: n.limits.outputs,
            allow: allow(n),
        },
        What::Table(_) => {
            let component = ComponentRef::Stock("table".to_owned());
            let role = node.description.and_then(only_role).unwrap_or_else(|| DEFAULT_ROLE.to_owned());
            Processor {
                component: component.to_string(),
                digest: None,
                inputs: vec![role],
                ports: Vec::new(),
                config: config(&component, json!({})),
                grants: grants.to_vec(),
                memory_bytes: limits::GUEST_MEMORY_BYTES,
                deadline: limits::CALL_DEADLINE,
                outputs: limits::OUTPUTS_FORWARDED,
                allow: Vec::new(),
            }
        }
        What::Source(_) | What::Sink(_) => return None,
    };
    Some(NodeKind::Processor(processor))
}

/// In one order, however the manifest has it.
fn allow(processor: &crate::manifest::Processor) -> Vec<Capability> {
    let mut allow: Vec<Capability> = processor.allow.iter().map(|granted| granted.value.clone()).collect();
    allow.sort();
    allow
}

fn only_role(description: &Description) -> Option<String> {
    match &description.inputs {
        Inputs::Exactly(roles) => roles.first().map(|r| r.name.clone()),
        Inputs::Any(_) => None,
    }
}

/// The config as the component gets it: a stock component is told which of its operators is meant.
pub(super) fn config(component: &ComponentRef, mut config: Value) -> String {
    if let (ComponentRef::Stock(name), Value::Object(keys)) = (component, &mut config) {
        keys.insert("operator".to_owned(), Value::String(name.clone()));
    }
    config.to_string()
}
