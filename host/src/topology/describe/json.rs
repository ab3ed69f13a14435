use std::time::Duration;

use serde_json::{Value, json};

use super::{noun, port, role, source_word};
use crate::topology::graph::{FailurePolicy, NodeIx, NodeKind, StoreAccess, StoreShape, SubTopology, Topology};
use crate::topology::partitions::Partitions;
use crate::topology::paths::Paths;

/// The topology as JSON. `partitions`: where they are known.
pub fn describe_json(topology: &Topology, partitions: Option<&Partitions>, paths: &Paths) -> Value {
    let subs = topology.sub_topologies.iter().enumerate();
    let topics = topology.topics.iter().map(|t| {
        let count = partitions.and_then(|p| p.topics.get(&t.name).copied()).or(t.partitions);
        json!({ "name": *t.name, "cleanup": t.cleanup.to_string(), "partitions": count, "partitioner": t.partitioner.to_string() })
    });
    let internal = partitions.map(|p| &p.internal[..]).unwrap_or_default().iter();
    let internal = internal.map(|t| json!({ "name": *t.name, "cleanup": t.cleanup.to_string(), "partitions": t.partitions }));
    json!({
        "app": *topology.app,
        "sub_topologies": subs.map(|(i, sub)| sub_topology(topology, paths, sub, partitions.and_then(|p| p.tasks.get(i)).copied())).collect::<Vec<_>>(),
        "topics": topics.collect::<Vec<_>>(),
        "internal_topics": internal.collect::<Vec<_>>(),
    })
}

fn sub_topology(topology: &Topology, paths: &Paths, sub: &SubTopology, tasks: Option<u32>) -> Value {
    let stores = sub.stores.iter().filter_map(|index| topology.stores.get(*index)).map(|spec| {
        let mut store = json!({
            "name": *spec.name,
            "kind": spec.shape.kind().to_string(),
            "backend": spec.backend.to_string(),
            "changelog": *spec.changelog,
            "source_is_changelog": spec.source_is_changelog,
        });
        if let (Value::Object(store), Value::Object(kept)) = (&mut store, kept(&spec.shape)) {
            store.extend(kept);
        }
        store
    });
    json!({
        "name": *sub.name,
        "tasks": tasks,
        "nodes": sub.nodes.iter().filter_map(|ix| node(topology, paths, *ix)).collect::<Vec<_>>(),
        "stores": stores.collect::<Vec<_>>(),
        "cells_changelog": sub.cells_changelog.as_deref(),
        "co_partitioned": sub.co_partitioned.iter().map(|set| set.iter().map(|t| &**t).collect::<Vec<_>>()).collect::<Vec<_>>(),
    })
}

/// For how long a store keeps what, in milliseconds.
fn kept(shape: &StoreShape) -> Value {
    let ms = |duration: &Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match shape {
        StoreShape::KeyValue { ttl: None } => json!({}),
        StoreShape::KeyValue { ttl: Some(ttl) } => json!({ "ttl_ms": ms(ttl) }),
        StoreShape::Window { size, retention, duplicates } => {
            json!({ "window_ms": ms(size), "retention_ms": ms(retention), "duplicates": duplicates })
        }
        StoreShape::Session { retention } => json!({ "retention_ms": ms(retention) }),
        StoreShape::Versioned { history, segment } => json!({ "history_ms": ms(history), "segment_interval_ms": segment.as_ref().map(ms) }),
    }
}

fn node(topology: &Topology, paths: &Paths, ix: NodeIx) -> Option<Value> {
    let node = topology.nodes.get(ix.0)?;
    let mut children = Vec::new();
    for (slot, child) in node.children.iter().enumerate().flat_map(|(slot, below)| below.iter().map(move |c| (slot, c))) {
        let Some(lower) = topology.nodes.get(child.node.0) else { continue };
        children.push(json!({ "node": *lower.name, "port": port(node, slot), "role": role(topology, child), "table": child.table }));
    }
    let on_error = match &node.on_error.policy {
        FailurePolicy::Fail => json!({ "policy": "fail" }),
        FailurePolicy::Skip => json!({ "policy": "skip" }),
        FailurePolicy::DeadLetter(topic) => json!({ "policy": "dead-letter", "topic": **topic }),
    };
    let mut value = json!({ "name": *node.name, "kind": noun(node), "children": children, "on_error": on_error });
    let own = match &node.kind {
        NodeKind::Source(source) => {
            json!({
                "topics": source.topics.iter().map(|t| &**t).collect::<Vec<_>>(),
                "reads": source_word(source.role),
                "one_by_one": paths.of_source(ix).map(|why| why.text(topology)),
            })
        }
        NodeKind::Sink(sink) => json!({ "topic": *sink.topic, "repartition": sink.repartition.is_some() }),
        NodeKind::Processor(processor) => {
            let grants = processor.grants.iter().map(|g| {
                let store = topology.stores.get(g.store).map_or("", |s| &*s.name);
                json!({ "role": g.role, "store": store, "writes": g.access == StoreAccess::ReadWrite })
            });
            let one_by_one = paths
                .into_node(ix)
                .filter_map(|(source, why)| Some(json!({ "source": *topology.nodes.get(source.0)?.name, "why": why?.text(topology) })));
            json!({
                "component": processor.component,
                "inputs": processor.inputs,
                "ports": processor.ports,
                "stores": grants.collect::<Vec<_>>(),
                "packed": paths.into_node(ix).all(|(_, why)| why.is_none()),
                "one_by_one": one_by_one.collect::<Vec<_>>(),
            })
        }
    };
    if let (Value::Object(value), Value::Object(own)) = (&mut value, own) {
        value.extend(own);
    }
    Some(value)
}
