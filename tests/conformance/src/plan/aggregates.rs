//! Aggregations of streams, without windows.

use serde_json::{Value, json};

use super::{IN, with_input, with_sides};
use crate::params::{Params, Skip};
use crate::topology::{Access, Guest, Topology, Wiring};
use crate::vector::InputKind::Stream;
use crate::words;

/// The vectors' name of the aggregates' store.
const AGGREGATES: &str = "agg";

/// One aggregate for each key of the stream.
pub fn by_key(params: &Params<'_>) -> Result<Topology, Skip> {
    let aggregator = aggregator(params)?;
    let mut topology = with_input(params, Stream)?;
    aggregate(&mut topology, Wiring::from([IN]), &json!({"op": "aggregate", "aggregator": aggregator}));
    Ok(topology)
}

/// One aggregate for each new key: where it is null, the record does not go through the topic.
pub fn by_new_key(params: &Params<'_>) -> Result<Topology, Skip> {
    let selector = params.function("selector", words::mapper)?;
    let aggregator = aggregator(params)?;
    let mut topology = with_input(params, Stream)?;
    topology.operator("selected", IN, &json!({"op": "map", "mapper": selector})).operator(
        "keyed",
        "selected",
        &json!({"op": "filter", "when": [{"is": "key"}]}),
    );
    aggregate(&mut topology, Wiring::repartitioned("keyed"), &json!({"op": "aggregate", "aggregator": aggregator}));
    Ok(topology)
}

/// One aggregate of two streams.
pub fn cogroup(params: &Params<'_>) -> Result<Topology, Skip> {
    if params.text_if_any("window")?.is_some() {
        return Err(params.not_yet("one with windows"));
    }
    let roles = params.function("aggregator", words::cogroup)?;
    if roles.iter().map(|(role, _)| role.as_str()).ne(["left", "right"]) {
        return Err(params.skip("one of other streams than 'left' and 'right'"));
    }
    let mut topology = with_sides(params, Stream, Stream)?;
    aggregate(&mut topology, Wiring::sides("left", "right"), &json!({"op": "cogroup", "roles": roles}));
    Ok(topology)
}

fn aggregate(topology: &mut Topology, wiring: Wiring, config: &Value) {
    let wiring = wiring.with_stores(&[("aggregates", AGGREGATES, Access::Write)]);
    topology.named_store(AGGREGATES).processor("aggregate", Guest::Operators, &wiring, config).output(&["aggregate"]);
}

/// A count where no function is given.
fn aggregator(params: &Params<'_>) -> Result<Value, Skip> {
    if params.text_if_any("aggregator")?.is_some() {
        params.function("aggregator", words::aggregator)
    } else if params.text_if_any("reducer")?.is_some() {
        params.function("reducer", words::reducer)
    } else {
        Ok(json!({"by": "count"}))
    }
}
