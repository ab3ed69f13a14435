//! Processors of their own: the order of what they forward, and their schedules.

use std::collections::BTreeSet;

use serde_json::json;

use super::{IN, with_input};
use crate::params::{Params, Skip};
use crate::topology::{Access, Guest, Topology, Wiring};
use crate::vector::InputKind::Stream;

/// `A (named) after in,B`.
struct Node<'w> {
    name: &'w str,
    mode: &'w str,
    parents: Vec<&'w str>,
}

fn node(words: &str) -> Option<Node<'_>> {
    let (name, rest) = words.split_once(" (")?;
    let (mode, parents) = rest.split_once(") after ")?;
    let known = ["all", "twice", "named", "leaf"].contains(&mode);
    known.then(|| Node { name, mode, parents: parents.split(',').map(str::trim).collect() })
}

/// A tree, or a graph, of nodes that tell when they are entered and left.
pub fn forward_order(params: &Params<'_>) -> Result<Topology, Skip> {
    params.explained("modes");
    let nodes = params.texts("nodes")?.into_iter().map(|words| node(words).ok_or_else(|| params.unknown("nodes", words)));
    let nodes = nodes.collect::<Result<Vec<_>, Skip>>()?;
    let mut topology = with_input(params, Stream)?;
    let known: BTreeSet<&str> = nodes.iter().map(|node| node.name).collect();
    let in_manifest = |name: &str| nodes.iter().position(|node| node.name == name).map(|at| format!("node-{at}"));
    for (at, node) in nodes.iter().enumerate() {
        let mut from = Vec::new();
        for parent in &node.parents {
            if !known.contains(parent) && *parent != IN {
                return Err(params.skip(format!("the node '{}' stands after '{parent}', which is not there", node.name)));
            }
            let name = in_manifest(parent).unwrap_or_else(|| IN.to_owned());
            // What node `named` forwards to B and C alone goes by ports of these names.
            let by_name = nodes.iter().any(|other| other.name == *parent && other.mode == "named") && ["B", "C"].contains(&node.name);
            let port = by_name.then(|| format!("{name}.{}", node.name.to_lowercase()));
            from.extend([name].into_iter().chain(port));
        }
        let name = format!("node-{at}");
        let config = json!({"op": "visit", "name": node.name, "mode": node.mode});
        topology.processor(&name, Guest::Operators, &Wiring::from(from.iter().map(String::as_str)), &config);
        for event in ["enter", "exit"] {
            topology.labelled(&format!("{name}-{event}"), &format!("{name}.{event}"), &format!("{}:{event}", node.name));
        }
    }
    Ok(topology)
}

/// What the vectors say of the processor that they schedule.
const COUNTS: &str = "process: counts[key]++ (null key ignored). On punctuation at time T: first forward ('#', TYPE + ' stream=' + stream \
                      time + ' system=' + wall clock, ts T), then each (key, count) of the store in key order with ts T, deleting it; then, \
                      if cancel_after punctuations were seen, cancel that schedule";

/// Counts by key, which a schedule forwards and forgets.
pub fn punctuate(params: &Params<'_>) -> Result<Topology, Skip> {
    params.function("processor", |words| (words == COUNTS).then_some(()))?;
    let config = json!({
        "do": "punctuate",
        "stream-time-interval-ms": params.number_if_any("stream_time_interval_ms")?,
        "wall-clock-interval-ms": params.number_if_any("wall_clock_interval_ms")?,
        "anchor-start-time-ms": params.number_if_any("anchor_start_time_ms")?,
        "cancel-after": params.number_if_any("cancel_after")?,
    });
    let starts_at = params.number_if_any("initial_wall_clock_ms")?.unwrap_or(0);
    let mut topology = with_input(params, Stream)?;
    topology.starts_at = starts_at;
    let wiring = Wiring::from([IN]).with_stores(&[("counts", "counts", Access::Write)]);
    topology.named_store("counts").processor("counter", Guest::Probe, &wiring, &config).output(&["counter"]);
    Ok(topology)
}
