//! Joins.

use serde_json::json;

use super::tables::{TABLE, result, storing};
use super::with_sides;
use crate::params::{Params, Skip};
use crate::topology::{Access, Guest, Topology, Wiring};
use crate::vector::InputKind::{Stream, Table};
use crate::words;

/// A stream with the row of a table; the stream may get its keys on the way.
pub fn stream_table(params: &Params<'_>) -> Result<Topology, Skip> {
    if params.flag("versioned_table")? {
        return Err(params.not_yet("a versioned table"));
    }
    params.number_if_any("history_retention_ms")?;
    params.number_if_any("join_grace_ms")?;
    let left = params.function("type", |words| ["inner", "left"].contains(&words).then_some(words == "left"))?;
    let between = params.function("joiner", |words| words::joiner(words).map(str::to_owned))?;
    let rekeyed = params.text_if_any("shape")?.is_some();
    let mut topology = with_sides(params, Stream, Table)?;
    topology.known_as(TABLE, "right");
    let wiring = if rekeyed {
        let mapper = params.function("shape", |shape| {
            words::mapper(shape.strip_prefix("left.selectKey(")?.strip_suffix("), then joined with the table")?)
        })?;
        topology.operator("selected", "left", &json!({"op": "map", "mapper": mapper}));
        Wiring::repartitioned("selected")
    } else {
        Wiring::from(["left"])
    };
    let wiring = wiring.with_stores(&[("table", "right", Access::Read)]);
    let config = json!({"op": "join", "left": left, "between": between});
    topology.processor("join", Guest::Operators, &wiring, &config).output(&["join"]);
    Ok(topology)
}

/// Two tables, row by row.
pub fn table_table(params: &Params<'_>) -> Result<Topology, Skip> {
    if params.flag("versioned_tables")? {
        return Err(params.not_yet("a versioned table"));
    }
    params.number_if_any("history_retention_ms")?;
    let sides = params.function("type", |words| ["inner", "left", "outer"].contains(&words).then(|| words.to_owned()))?;
    let between = params.function("joiner", |words| words::joiner(words).map(str::to_owned))?;
    let stored = params.flag("result_store")?;
    let mut topology = with_sides(params, Table, Table)?;
    let stores = [("left", "left", Access::Read), ("right", "right", Access::Read)];
    let wiring = result(&mut topology, Wiring::sides("left", "right"), &stores, stored);
    let config = storing(&json!({"op": "table-join", "sides": sides, "between": between}), stored);
    topology.processor("join", Guest::Operators, &wiring, &config).output(&["join"]);
    Ok(topology)
}
