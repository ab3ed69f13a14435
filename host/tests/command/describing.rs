//! Which path the records take to each node, and why it is not the packed one.

use serde_json::{Value, json};

use crate::place::Place;

/// What a manifest has behind its source, and what is told of its nodes: in text, and in JSON as far as they are processors.
struct Case {
    rest: &'static str,
    text: &'static [(&'static str, &'static str)],
    json: fn() -> Value,
}

const CASES: &[Case] = &[
    Case {
        rest: "[processors.a]\ncomponent = 'probe.wasm'\nfrom = ['in']\nconfig = { do = 'pass' }\n[sinks.out]\ntopic = 'out'\nfrom = ['a']\n",
        text: &[("in", ""), ("a", "packed")],
        json: || json!({ "a": [true, []] }),
    },
    Case {
        rest: "[processors.a]\ncomponent = 'probe.wasm'\nfrom = ['in']\nconfig = { do = 'pass' }\n\
               [processors.b]\ncomponent = 'probe.wasm'\nfrom = ['in', 'a']\nconfig = { do = 'pass' }\n[sinks.out]\ntopic = 'out'\nfrom = ['b']\n",
        text: &[
            ("in", "one record a call: two ways lead to 'b'"),
            ("a", "one record a call: two ways lead to 'b'"),
            ("b", "one record a call: two ways lead to 'b'"),
        ],
        json: || {
            let why = json!([{ "source": "in", "why": "two ways lead to 'b'" }]);
            json!({ "a": [false, why], "b": [false, why] })
        },
    },
    Case {
        rest: "[processors.a]\ncomponent = 'probe.wasm'\nfrom = ['in']\nconfig = { do = 'put' }\nstores = { rows = 's' }\n\
               [processors.b]\ncomponent = 'probe.wasm'\nfrom = ['a']\nconfig = { do = 'read' }\nstores = { rows = { store = 's', access = 'read' } }\n\
               [stores.s]\n[sinks.out]\ntopic = 'out'\nfrom = ['b']\n",
        text: &[
            ("in", "one record a call: several nodes use the store 's'"),
            ("a", "one record a call: several nodes use the store 's'"),
            ("b", "one record a call: several nodes use the store 's'"),
        ],
        json: || {
            let why = json!([{ "source": "in", "why": "several nodes use the store 's'" }]);
            json!({ "a": [false, why], "b": [false, why] })
        },
    },
    Case {
        rest: "[processors.a]\ncomponent = 'probe.wasm'\nfrom = ['in']\nconfig = { do = 'pass' }\n\
               [sinks.one]\ntopic = 'out'\nfrom = ['a']\n[sinks.two]\ntopic = 'out'\nfrom = ['in']\n",
        text: &[("in", "one record a call: several nodes write 'out'"), ("a", "one record a call: several nodes write 'out'")],
        json: || json!({ "a": [false, [{ "source": "in", "why": "several nodes write 'out'" }]] }),
    },
    Case {
        rest: "[processors.a]\ncomponent = 'probe.wasm'\nfrom = ['in']\nconfig = { do = 'pass' }\n\
               [processors.b]\ncomponent = 'guest_min.wasm'\nfrom = ['in']\n[sinks.out]\ntopic = 'out'\nfrom = ['a']\n\
               [sinks.other]\ntopic = 'other'\nfrom = ['b']\n",
        text: &[("in", ""), ("a", "packed"), ("b", "one record a call: the component of 'b' does not export `batch`")],
        json: || json!({ "a": [true, []], "b": [false, [{ "source": "in", "why": "the component of 'b' does not export `batch`" }]] }),
    },
    Case {
        rest: "[processors.a]\ncomponent = 'probe.wasm'\nfrom = ['in']\nconfig = { do = 'put' }\nstores = { rows = 's' }\n\
               [stores.s]\nttl = '1h'\n[sinks.out]\ntopic = 'out'\nfrom = ['a']\n",
        text: &[("in", ""), ("a", "one record a call: rows of the store 's' of 'a' expire")],
        json: || json!({ "a": [false, [{ "source": "in", "why": "rows of the store 's' of 'a' expire" }]] }),
    },
    // The records of one source packed, those of another not.
    Case {
        rest: "[sources.rare]\ntopic = 'rare'\n[processors.a]\ncomponent = 'probe.wasm'\nfrom = ['in', 'rare']\nconfig = { do = 'pass' }\n\
               [sinks.out]\ntopic = 'out'\nfrom = ['a', 'rare']\n",
        text: &[
            ("in", ""),
            ("rare", "one record a call: two ways lead to 'out'"),
            ("a", "packed, from 'rare' one record a call: two ways lead to 'out'"),
        ],
        json: || json!({ "a": [false, [{ "source": "rare", "why": "two ways lead to 'out'" }]] }),
    },
];

#[test]
fn each_node_tells_its_path_and_why_it_is_not_the_packed_one() {
    let place = Place::with_probe("");
    place.copy("tests/guests/dist/guest_min.wasm", "guest_min.wasm");
    for Case { rest, text, json } in CASES {
        place.write("app.toml", format!("[app]\nid = 'app'\n[sources.in]\ntopic = 'in'\n{rest}"));
        let told = place.session(&["describe app.toml"]);
        for (node, path) in *text {
            assert_eq!(path_in(&told, node), *path, "{node}: {told}");
        }
        let told: Value = serde_json::from_slice(&place.output("describe app.toml --json").stdout).unwrap();
        assert_eq!(paths_in(&told), json(), "{told:#}");
        let singly = json().as_object().unwrap().values().filter(|path| path[0] == false).count();
        let told = place.session(&["describe app.toml --mermaid"]);
        assert_eq!(told.matches("<br/>one record a call\"]").count(), singly, "{told}");
    }
}

/// What stands behind the first semicolon of a node's line.
fn path_in<'t>(told: &'t str, node: &str) -> &'t str {
    let is_of = |line: &&str| {
        line.split_whitespace().nth(1) == Some(node) && ["source", "processor"].contains(&line.split_whitespace().next().unwrap())
    };
    told.lines().find(is_of).unwrap().split_once("; ").map_or("", |(_, path)| path)
}

/// Of each processor, whether it gets all its records packed, and which not.
fn paths_in(told: &Value) -> Value {
    let nodes = told["sub_topologies"].as_array().unwrap().iter().flat_map(|sub| sub["nodes"].as_array().unwrap());
    let processors = nodes.filter(|node| node["kind"] == "processor");
    processors.map(|node| (node["name"].as_str().unwrap().to_owned(), json!([node["packed"], node["one_by_one"]]))).collect()
}
