//! From a vector to the topology that it runs on: one function for each operator.

mod aggregates;
mod joins;
mod processors;
mod stores;
mod streams;
mod tables;

use crate::params::{Params, Skip};
use crate::topology::Topology;
use crate::vector::{InputKind, Vector};

/// The topology of a vector, or why there is none.
pub fn plan(vector: &Vector) -> Result<Topology, Skip> {
    let params = Params::new(vector);
    let operator = match vector.operator.as_str() {
        "filter" => streams::filter(&params, false),
        "filter-not" => streams::filter(&params, true),
        "map" | "map-values" | "select-key" => streams::map(&params),
        "flat-map" => streams::flat_map(&params, true),
        "flat-map-values" => streams::flat_map(&params, false),
        "merge" => streams::merge(&params),
        "peek" => streams::peek(&params),
        "split" => streams::split(&params),
        "repartition" => streams::repartition(&params),
        "forward-order" => processors::forward_order(&params),
        "punctuate" => processors::punctuate(&params),
        "group-by-count" | "group-by-aggregate" | "group-by-reduce" => aggregates::by_new_key(&params),
        "group-by-key-count" | "group-by-key-aggregate" | "group-by-key-reduce" => aggregates::by_key(&params),
        "cogroup" => aggregates::cogroup(&params),
        "stream-table-join" => joins::stream_table(&params),
        "table-table-join" => joins::table_table(&params),
        "stream-globaltable-join" => Err(params.not_yet("a global table")),
        "stream-to-table" => tables::of_stream(&params),
        "table-to-stream" => tables::to_stream(&params),
        "table-filter" => tables::filter(&params, false),
        "table-filter-not" => tables::filter(&params, true),
        "table-map-values" => tables::map_values(&params),
        "table-group-count" | "table-group-aggregate" | "table-group-reduce" => tables::group(&params),
        "store/key-value" => stores::key_value(&params),
        "store/window" => stores::window(&params),
        "store/session" => stores::session(&params),
        "store/versioned" => stores::versioned(&params),
        _ => Err(params.skip("there is no such operator yet")),
    };
    let topology = operator?;
    params.all_read()?;
    Ok(topology)
}

/// The input of an operator that has one.
const IN: &str = "in";

/// A topology with one input.
fn with_input(params: &Params<'_>, kind: InputKind) -> Result<Topology, Skip> {
    params.inputs(&[(IN, kind)])?;
    let mut topology = Topology::new();
    topology.input(IN, kind);
    Ok(topology)
}

/// A topology with two inputs.
fn with_sides(params: &Params<'_>, left: InputKind, right: InputKind) -> Result<Topology, Skip> {
    params.inputs(&[("left", left), ("right", right)])?;
    let mut topology = Topology::new();
    topology.input("left", left).input("right", right);
    Ok(topology)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn planned(operator: &str, inputs: &Value, params: &Value) -> Result<Topology, String> {
        let vector = json!({"name": "n", "operator": operator, "params": params, "inputs": inputs, "steps": [], "expect": []}).to_string();
        plan(&Vector::parse(&vector).unwrap()).map_err(|skip| skip.to_string())
    }

    #[test]
    fn numbers_and_texts_of_parameters_reach_the_components_whatever_they_are() {
        let one = json!({"in": {"kind": "stream"}});
        for (operator, params, config) in [
            ("filter", json!({"predicate": "num(v) % 7 < 3"}), r#""modulo" = 7, "relation" = "<", "to" = 3"#),
            ("map-values", json!({"mapper": "v -> 'a\"b' + v"}), r#""text" = "a\"b""#),
            (
                "split",
                json!({"branches": ["x: k != null"], "default": "y"}),
                r#""branches" = [[{ "is" = "key" }]], "op" = "split", "rest" = true"#,
            ),
            ("forward-order", json!({"nodes": ["R (leaf) after in"], "modes": "as ever"}), r#""mode" = "leaf", "name" = "R""#),
        ] {
            let manifest = planned(operator, &one, &params).unwrap().manifest().to_owned();
            assert!(manifest.contains(config), "{manifest}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let (stream, table) = (json!({"in": {"kind": "stream"}}), json!({"in": {"kind": "table"}}));
        for (operator, inputs, params, why) in [
            ("filter", &stream, json!({"predicate": "v is long"}), "filter: unknown function: predicate \"v is long\""),
            ("filter", &stream, json!({}), "filter: the parameter 'predicate' is missing"),
            ("filter", &stream, json!({"predicate": 1}), "filter: the parameter 'predicate' is not a text: 1"),
            ("filter", &stream, json!({"predicate": "k != null", "late_ms": 5}), "filter: unknown parameter: late_ms 5"),
            (
                "filter",
                &table,
                json!({"predicate": "k != null"}),
                "filter: unknown inputs: [(\"in\", Table)] in place of [(\"in\", Stream)]",
            ),
            ("punctuate", &stream, json!({"processor": "sums"}), "punctuate: unknown function: processor \"sums\""),
            (
                "forward-order",
                &stream,
                json!({"nodes": ["A (some) after in"]}),
                "forward-order: unknown function: nodes \"A (some) after in\"",
            ),
        ] {
            assert_eq!(planned(operator, inputs, &params).err().as_deref(), Some(why));
        }
    }
}
