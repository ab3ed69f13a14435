//! Operators on streams that keep nothing.

use serde_json::json;

use super::{IN, with_input, with_sides};
use crate::params::{Params, Skip};
use crate::topology::{Guest, Out, OutForm, Topology, Wiring};
use crate::vector::InputKind::Stream;
use crate::words;

pub fn filter(params: &Params<'_>, not: bool) -> Result<Topology, Skip> {
    let when = params.function("predicate", words::predicate)?;
    numbers(params)?;
    let mut topology = with_input(params, Stream)?;
    topology.operator("filter", IN, &json!({"op": "filter", "when": when, "not": not})).output(&["filter"]);
    Ok(topology)
}

/// The explanation of `num`, which some vectors give beside their predicates.
fn numbers(params: &Params<'_>) -> Result<(), Skip> {
    match params.text_if_any("num")? {
        Some(words) if !words::explains_numbers(words) => Err(params.unknown("num", words)),
        _ => Ok(()),
    }
}

pub fn map(params: &Params<'_>) -> Result<Topology, Skip> {
    let mapper = params.function("mapper", words::mapper)?;
    let mut topology = with_input(params, Stream)?;
    topology.operator("map", IN, &json!({"op": "map", "mapper": mapper})).output(&["map"]);
    Ok(topology)
}

pub fn flat_map(params: &Params<'_>, as_key: bool) -> Result<Topology, Skip> {
    let key = params.function("mapper", |words| words::flat_mapper(words).filter(|key| *key == as_key))?;
    let mut topology = with_input(params, Stream)?;
    topology.operator("words", IN, &json!({"op": "words", "key": key})).output(&["words"]);
    Ok(topology)
}

/// Two streams, the right one mapped before; or one stream that comes by two ways.
pub fn merge(params: &Params<'_>) -> Result<Topology, Skip> {
    let mapped = |mapper| json!({"op": "map", "mapper": mapper});
    if params.text_if_any("shape")?.is_some() {
        let (first, second) = params.function("shape", |shape| {
            let ways = shape.split_once(" merged with ")?;
            let prefixed = |way: &str| words::prefixed(way.strip_prefix("in.mapValues(")?.strip_suffix(')')?);
            Some((prefixed(ways.0)?, prefixed(ways.1)?))
        })?;
        let mut topology = with_input(params, Stream)?;
        topology.operator("first", IN, &mapped(first)).operator("second", IN, &mapped(second)).output(&["first", "second"]);
        return Ok(topology);
    }
    let right = params.function("right_mapper", |words| words::mapper(words.strip_suffix(" before the merge")?))?;
    let mut topology = with_sides(params, Stream, Stream)?;
    topology.operator("mapped", "right", &mapped(right)).output(&["left", "mapped"]);
    Ok(topology)
}

pub fn peek(params: &Params<'_>) -> Result<Topology, Skip> {
    params
        .function("shape", |shape| (shape == "peek logs to output 'peek' (ts -1: not a record), then passes on to 'next'").then_some(()))?;
    let mut topology = with_input(params, Stream)?;
    let log = Out { label: Some("peek".to_owned()), form: OutForm::Line };
    topology.operator("peek", IN, &json!({"op": "peek"})).sink("log", &["peek.log"], log).labelled("next", "peek", "next");
    Ok(topology)
}

pub fn split(params: &Params<'_>) -> Result<Topology, Skip> {
    numbers(params)?;
    let branches = params.texts("branches")?.into_iter().map(|words| words::branch(words).ok_or_else(|| params.unknown("branches", words)));
    let branches = branches.collect::<Result<Vec<_>, Skip>>()?;
    let rest = params.text_if_any("default")?;
    let predicates: Vec<_> = branches.iter().map(|(_, when)| when).collect();
    let mut topology = with_input(params, Stream)?;
    topology.operator("split", IN, &json!({"op": "split", "branches": predicates, "rest": rest.is_some()}));
    for (at, (name, _)) in branches.iter().enumerate() {
        topology.labelled(&format!("branch-{at}"), &format!("split.branch-{at}"), name);
    }
    if let Some(rest) = rest {
        topology.labelled("rest", "split.rest", rest);
    }
    Ok(topology)
}

/// Through a topic. Records without a key do not get there: Kafka Streams drops them on its way in.
pub fn repartition(params: &Params<'_>) -> Result<Topology, Skip> {
    let rekeyed = params.function("shape", |shape| match shape {
        "in.repartition() to the output" => Some(false),
        "in.flatMapValues(words).selectKey(first letter) goes to 'direct', and through a repartition topic with 1 partition to \
         'repartitioned'" => Some(true),
        _ => None,
    })?;
    let mut topology = with_input(params, Stream)?;
    if rekeyed {
        topology
            .operator("words", IN, &json!({"op": "words"}))
            .operator("letter", "words", &json!({"op": "map", "mapper": {"to": "first-letter"}}))
            .labelled("direct", "letter", "direct");
    }
    let keyed = json!({"op": "filter", "when": [{"is": "key"}]});
    topology.operator("keyed", if rekeyed { "letter" } else { IN }, &keyed).processor(
        "next",
        Guest::Operators,
        &Wiring::repartitioned("keyed"),
        &json!({"op": "pass"}),
    );
    if rekeyed {
        topology.labelled("repartitioned", "next", "repartitioned");
    } else {
        topology.output(&["next"]);
    }
    Ok(topology)
}
