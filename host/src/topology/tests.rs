//! What is refused, in exact words (snapshots beside this file), and what comes out of what is accepted.

mod accepted;
mod counted;
mod refused;
mod stays;

use super::*;
use crate::manifest::Manifest;

/// What the components of these tests say of themselves, by their node's name; digits at its end do not count.
fn description(node: &str) -> Option<Description> {
    let role = |name: &str, takes| InputRole { name: name.into(), takes, doc: String::new() };
    let port = |name: &str, carries| Port { name: name.into(), carries, doc: String::new() };
    let store = |role: &str, access| StoreRole { role: role.into(), kind: StoreKind::KeyValue, access, doc: String::new() };
    let plain = Description {
        doc: String::new(),
        inputs: Inputs::Exactly(vec![role("records", Takes::Records)]),
        ports: Vec::new(),
        stores: Vec::new(),
        config_schema: None,
        state_version: 1,
    };
    let described = match node.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "filter" => plain,
        "join" => Description {
            inputs: Inputs::Exactly(vec![role("left", Takes::Records), role("right", Takes::Updates)]),
            ports: vec![port("unmatched", Carries::Records)],
            ..plain
        },
        "count" => Description { stores: vec![store("counts", StoreAccess::ReadWrite)], ..plain },
        "two-stores" => Description { stores: vec![store("state", StoreAccess::ReadWrite), store("index", StoreAccess::Read)], ..plain },
        "window" => {
            Description { stores: vec![StoreRole { kind: StoreKind::Window, ..store("windows", StoreAccess::ReadWrite) }], ..plain }
        }
        "lookup" => Description { stores: vec![store("names", StoreAccess::Read)], ..plain },
        "pass" => Description {
            inputs: Inputs::Exactly(vec![role("in", Takes::Either)]),
            ports: vec![port("", Carries::Like("in".into())), port("changes", Carries::Updates)],
            ..plain
        },
        "updates" => Description { inputs: Inputs::Exactly(vec![role("updates", Takes::Updates)]), ..plain },
        "merge" => Description { inputs: Inputs::Any(Takes::Either), ports: vec![port("", Carries::Like(String::new()))], ..plain },
        "broken" => Description { ports: vec![port("odd", Carries::Like("nobody".into()))], ..plain },
        "bad-schema" => Description { config_schema: Some("{\"type\": 5}".into()), ..plain },
        "configured" => Description {
            config_schema: Some(
                r#"{"type": "object", "additionalProperties": false, "required": ["threshold"], "properties": {
                    "threshold": {"type": "integer", "minimum": 1},
                    "window": {"type": "object", "additionalProperties": false, "properties": {"grace": {"type": "string"}}}
                }}"#
                .into(),
            ),
            ..plain
        },
        _ => return None,
    };
    Some(described)
}

fn parsed(text: &str) -> (Manifest, Descriptions) {
    let manifest = Manifest::parse("app.toml", text).unwrap_or_else(|e| panic!("{text}\n{e:?}"));
    let described = manifest.processors.iter().filter_map(|p| Some((p.name.to_string(), description(p.name.as_str())?)));
    let descriptions = described.collect();
    (manifest, descriptions)
}

fn built(text: &str) -> Topology {
    let (manifest, descriptions) = parsed(text);
    build(&manifest, &descriptions).unwrap_or_else(|errors| panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>()))
}

/// A manifest with sources `a` and `b`, a table `t`, and the rest.
fn with_inputs(rest: &str) -> String {
    format!("[app]\nid = \"app\"\n[sources.a]\ntopic = \"a\"\n[sources.b]\ntopic = \"b\"\n[tables.t]\ntopic = \"t\"\n\n{rest}\n")
}
