//! Operators on tables. A table has its store here, whether the vector names one or not.

use serde_json::{Value, json};

use super::{IN, with_input};
use crate::params::{Params, Skip};
use crate::topology::{Access, Guest, Topology, Wiring};
use crate::vector::InputKind::{Stream, Table};
use crate::words;

/// The vectors' name of a table's store.
pub const TABLE: &str = "tbl";
/// The vectors' name of a result's store.
pub const RESULT: &str = "res";

pub fn to_stream(params: &Params<'_>) -> Result<Topology, Skip> {
    params.flag("source_store")?;
    let mut topology = with_input(params, Table)?;
    topology.known_as(TABLE, IN).output(&[IN]);
    Ok(topology)
}

pub fn of_stream(params: &Params<'_>) -> Result<Topology, Skip> {
    params.flag("result_store")?;
    let mut topology = with_input(params, Stream)?;
    let wiring = Wiring::from([IN]).with_stores(&[("table", TABLE, Access::Write)]);
    topology.named_store(TABLE).stock("table", "table", &wiring).output(&["table"]);
    Ok(topology)
}

pub fn filter(params: &Params<'_>, not: bool) -> Result<Topology, Skip> {
    let when = params.function("predicate", words::predicate)?;
    let config = filtering(&when, not, params.flag("source_store")?);
    one(params, &config)
}

/// A row that does not pass is a tombstone always, unless the table before the filter has a store.
fn filtering(when: &Value, not: bool, source_stored: bool) -> Value {
    json!({"op": "table-filter", "when": when, "not": not, "always": !source_stored})
}

pub fn map_values(params: &Params<'_>) -> Result<Topology, Skip> {
    if params.text_if_any("shape")?.is_none() {
        let mapper = params.function("mapper", words::mapper)?;
        params.flag("source_store")?;
        return one(params, &json!({"op": "table-map", "mapper": mapper}));
    }
    let mapper = params.function("shape", |shape| {
        words::mapper(shape.strip_prefix("table.filter(even).mapValues(")?.strip_suffix("), no stores named")?)
    })?;
    let when = params.function("predicate", words::predicate)?;
    let mut topology = with_input(params, Table)?;
    topology
        .operator("filter", IN, &filtering(&when, false, false))
        .operator("map", "filter", &json!({"op": "table-map", "mapper": mapper}))
        .output(&["map"]);
    Ok(topology)
}

/// One operator behind a table, with a store for its result where the vector names one.
fn one(params: &Params<'_>, config: &Value) -> Result<Topology, Skip> {
    let stored = params.flag("result_store")?;
    let mut topology = with_input(params, Table)?;
    topology.known_as(TABLE, IN);
    let wiring = result(&mut topology, Wiring::from([IN]), &[], stored);
    topology.processor("operator", Guest::Operators, &wiring, &storing(config, stored)).output(&["operator"]);
    Ok(topology)
}

/// Adds the store of a result to an operator's others, where it has one.
pub fn result(topology: &mut Topology, wiring: Wiring, others: &[(&str, &str, Access)], stored: bool) -> Wiring {
    if !stored {
        return wiring.with_stores(others);
    }
    topology.named_store(RESULT);
    wiring.with_stores(&[others, &[("result", RESULT, Access::Write)]].concat())
}

/// Tells an operator whether it has a store for its result.
pub fn storing(config: &Value, stored: bool) -> Value {
    let mut config = config.clone();
    config["stored"] = stored.into();
    config
}

/// By the group in a row's value, through a topic, into one aggregate for each group.
pub fn group(params: &Params<'_>) -> Result<Topology, Skip> {
    params.function("group_by", words::groups_by_prefix)?;
    let aggregator = params.function("aggregator", words::table_aggregator)?;
    let mut topology = with_input(params, Table)?;
    let wiring = Wiring::repartitioned("regrouped").with_stores(&[("aggregates", "agg", Access::Write)]);
    topology
        .operator("regrouped", IN, &json!({"op": "regroup"}))
        .named_store("agg")
        .processor("aggregate", Guest::Operators, &wiring, &json!({"op": "table-aggregate", "aggregator": aggregator}))
        .output(&["aggregate"]);
    Ok(topology)
}
