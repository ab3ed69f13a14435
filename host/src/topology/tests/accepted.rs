use super::{built, with_inputs};
use crate::manifest::Guarantee;
use crate::topology::{
    NodeIx, NodeKind, OneByOne, Paths, SourceRole, Topology, acls, describe_json, describe_mermaid, describe_text, digest, partitions,
};

/// Re-keyed by a repartition edge, joined with a table, counted, and read by somebody else.
const FLIGHTS: &str = r#"
[app]
id = "flight-delays"

[sinks.alerts]
topic = "alerts"
from = ["late"]

[processors.count]
component = "components/stats.wasm"
from = ["join"]
stores = ["delays"]

[processors.late]
component = "components/late.wasm"
from = ["by-origin"]
on-error = "skip"

[processors.join]
component = "components/join.wasm"
inputs = { left = { from = "by-origin", repartition = true }, right = "airports" }
on-error = { policy = "dead-letter", topic = "bad-flights" }

[processors.by-origin]
component = "components/by_origin.wasm"
from = ["flights"]

[processors.lookup]
component = "components/lookup.wasm"
from = ["count"]
stores = ["airports"]

[stores.delays]
backend = "memory"

[sources.flights]
topic = "flights"

[tables.airports]
topic = "airports"

[sinks.stats]
topic = "stats"
from = ["count", "lookup"]

[sinks.unknown]
topic = "unknown"
from = ["join.unmatched"]
"#;

fn known(topics: &[(&str, u32)]) -> std::collections::BTreeMap<std::sync::Arc<str>, u32> {
    topics.iter().map(|(topic, n)| ((*topic).into(), *n)).collect()
}

#[test]
fn rights_are_those_of_each_topic_and_of_the_apps_prefix() {
    let topology = built(FLIGHTS);
    let exactly_once = acls(&topology, Guarantee::ExactlyOnce);
    insta::assert_snapshot!(exactly_once.join("\n"), @r#"
        --add --allow-principal User:NAME --operation Read --operation Describe --operation DescribeConfigs --topic airports
        --add --allow-principal User:NAME --operation Write --operation Describe --operation DescribeConfigs --topic alerts
        --add --allow-principal User:NAME --operation Write --operation Describe --operation DescribeConfigs --topic bad-flights
        --add --allow-principal User:NAME --operation Read --operation Describe --operation DescribeConfigs --topic flights
        --add --allow-principal User:NAME --operation Write --operation Describe --operation DescribeConfigs --topic stats
        --add --allow-principal User:NAME --operation Write --operation Describe --operation DescribeConfigs --topic unknown
        --add --allow-principal User:NAME --operation Read --operation Write --operation Create --operation Delete --operation Describe --operation DescribeConfigs --topic flight-delays- --resource-pattern-type prefixed
        --add --allow-principal User:NAME --operation Read --operation Describe --group flight-delays
        --add --allow-principal User:NAME --operation Write --operation Describe --transactional-id flight-delays- --resource-pattern-type prefixed
    "#);
    let at_least_once = acls(&topology, Guarantee::AtLeastOnce);
    assert_eq!(at_least_once, exactly_once[..exactly_once.len() - 1], "without transactions");
    let passing =
        acls(&built("[app]\nid = \"p\"\n[sources.a]\ntopic = \"t\"\n[sinks.b]\ntopic = \"t2\"\nfrom = \"a\"\n"), Guarantee::AtLeastOnce);
    insta::assert_snapshot!(passing.join("\n"), @r#"
        --add --allow-principal User:NAME --operation Read --operation Describe --operation DescribeConfigs --topic t
        --add --allow-principal User:NAME --operation Write --operation Describe --operation DescribeConfigs --topic t2
        --add --allow-principal User:NAME --operation Read --operation Describe --topic p-deployments
        --add --allow-principal User:NAME --operation Read --operation Describe --group p
    "#);
}

#[test]
fn hosts_agree_on_a_graph_and_not_on_what_its_nodes_are_told() {
    let of = |text: &str| digest(&built(text));
    let (head, source) = ("[app]\nid = \"p\"\n", "[sources.a]\ntopic = \"t\"\n");
    let processor = "[processors.x]\ncomponent = \"x.wasm\"\nfrom = [\"a\"]\n";
    let sinks = ["[sinks.b]\ntopic = \"u\"\nfrom = [\"x\"]\n", "[sinks.c]\ntopic = \"v\"\nfrom = [\"x\"]\n"];
    let whole = |parts: &[&str]| format!("{head}{}", parts.concat());
    let graph = of(&whole(&[source, processor, sinks[0], sinks[1]]));
    assert_eq!(graph.len(), 12);
    let told = processor.replace("x.wasm", "y.wasm") + "config = { a = 1 }\nlimits = { deadline = \"2s\" }\nallow = [\"clock\"]\n";
    let same = [
        whole(&[sinks[1], processor, sinks[0], source]),
        whole(&[source, &told, sinks[0], sinks[1]]),
        whole(&[source, processor, sinks[0], sinks[1], "[topics.t]\npartitions = 7\n"]),
    ];
    same.iter().for_each(|text| assert_eq!(of(text), graph, "{text}"));
    let other = [
        whole(&[source, processor, sinks[0]]),
        whole(&[source, processor, sinks[0], &sinks[1].replace("\"v\"", "\"w\"")]),
        whole(&[source, processor, sinks[0], &sinks[1].replace("\"x\"", "\"a\"")]),
        whole(&[source, processor, sinks[0], sinks[1]]).replace("id = \"p\"", "id = \"q\""),
        whole(&[&source.replace("\"t\"", "\"s\""), processor, sinks[0], sinks[1]]),
        whole(&[source, &processor.replace("from = [\"a\"]", "from = { from = \"a\", repartition = true }"), sinks[0], sinks[1]]),
    ];
    other.iter().for_each(|text| assert_ne!(of(text), graph, "{text}"));
}

#[test]
fn text_shows_the_whole_topology() {
    let topology = built(FLIGHTS);
    let counted = partitions(&topology, &known(&[("flights", 4), ("airports", 4)])).unwrap();
    let paths = Paths::new(&topology, |_| true);
    insta::assert_snapshot!("flights_text", describe_text(&topology, Some(&counted), &paths));
    let plain = describe_text(&topology, None, &paths);
    assert!(plain.contains("\nsub-topology flights\n") && !plain.contains("internal topics"), "{plain}");
}

#[test]
fn json_and_mermaid_show_the_whole_topology() {
    let topology = built(FLIGHTS);
    let counted = partitions(&topology, &known(&[("flights", 4), ("airports", 4)])).unwrap();
    let paths = Paths::new(&topology, |_| true);
    let json = serde_json::to_string_pretty(&describe_json(&topology, Some(&counted), &paths)).unwrap();
    insta::assert_snapshot!("flights_json", json);
    insta::assert_snapshot!("flights_mermaid", describe_mermaid(&topology, &paths));
}

/// `parent[.port] -> child.input`, with `*` on a table's edge, in the order of delivery.
fn edges(topology: &Topology) -> Vec<String> {
    let mut edges = Vec::new();
    for node in &topology.nodes {
        for (slot, children) in node.children.iter().enumerate() {
            for child in children {
                let table = if child.table { "*" } else { "" };
                edges.push(format!("{}:{slot} -> {}:{}{table}", node.name, topology.nodes[child.node.0].name, child.input));
            }
        }
    }
    edges
}

#[test]
fn nodes_stand_sources_first_and_children_in_the_order_of_the_manifest() {
    let topology = built(FLIGHTS);
    let names: Vec<&str> = topology.nodes.iter().map(|n| &*n.name).collect();
    assert_eq!(
        names,
        [
            "flights",
            "airports.source",
            "join.left.repartition-source",
            "count",
            "late",
            "join",
            "by-origin",
            "lookup",
            "airports",
            "join.left.repartition",
            "alerts",
            "stats",
            "unknown"
        ]
    );
    assert_eq!(
        edges(&topology),
        [
            "flights:0 -> by-origin:0",
            "airports.source:0 -> airports:0",
            "join.left.repartition-source:0 -> join:0",
            "count:0 -> lookup:0",
            "count:0 -> stats:0",
            "late:0 -> alerts:0",
            "join:0 -> count:0",
            "join:1 -> unknown:0",
            "by-origin:0 -> late:0",
            "by-origin:0 -> join.left.repartition:0",
            "lookup:0 -> stats:0",
            "airports:0 -> join:1*",
        ]
    );
}

#[test]
fn table_becomes_a_source_and_a_stock_component_with_its_store() {
    let topology = built(FLIGHTS);
    let table = topology.nodes.iter().find(|n| &*n.name == "airports").unwrap();
    let NodeKind::Processor(processor) = &table.kind else { panic!() };
    assert_eq!((processor.component.as_str(), processor.config.as_str()), ("stock:table", r#"{"operator":"table"}"#));
    assert_eq!((processor.grants[0].role.as_str(), &*topology.stores[processor.grants[0].store].name), ("table", "airports"));
    let source = topology.nodes.iter().find(|n| &*n.name == "airports.source").unwrap();
    assert!(matches!(&source.kind, NodeKind::Source(s) if s.role == SourceRole::Table));
    let changelog = |topology: &Topology| {
        let store = topology.stores.iter().find(|s| &*s.name == "airports").unwrap();
        (store.changelog.to_string(), store.source_is_changelog)
    };
    assert_eq!(changelog(&topology), ("flight-delays-airports-changelog".into(), false), "join may undo what the table has written");
    let fails = FLIGHTS.replace("on-error = { policy = \"dead-letter\", topic = \"bad-flights\" }\n", "");
    assert_eq!(changelog(&built(&fails)), ("airports".into(), true));
    let warnings: Vec<&str> = topology.warnings.iter().map(|w| w.code).collect();
    assert_eq!(warnings, ["T019"], "{:?}", topology.warnings);
}

/// Sub-topologies, each with the sets that it must have.
type Parts = &'static [(&'static str, &'static [&'static str])];

/// The names of the sub-topologies and, of each, the sets that must be co-partitioned.
fn cut(rest: &str) -> Vec<(String, Vec<String>)> {
    let topology = built(&with_inputs(rest));
    let sets = |sub: &crate::topology::SubTopology| sub.co_partitioned.iter().map(|set| set.join("+")).collect();
    topology.sub_topologies.iter().map(|sub| (sub.name.to_string(), sets(sub))).collect()
}

#[test]
fn graph_is_cut_at_repartition_edges_and_joined_by_edges_and_stores() {
    let x = |name: &str, rest: &str| format!("[processors.{name}]\ncomponent = \"x\"\n{rest}\n");
    let shared = "stores = [\"s\"]";
    let cases: Vec<(&str, String, Parts)> = vec![
        ("nothing in common", x("filter1", "from = \"a\"") + &x("filter2", "from = \"b\""), &[("a", &[]), ("b", &[]), ("t", &[])]),
        ("merged into one role", x("filter", "from = [\"a\", \"b\"]"), &[("a", &[]), ("t", &[])]),
        ("merged by any", x("merge", "from = [\"a\", \"b\"]"), &[("a", &[]), ("t", &[])]),
        ("two roles", x("y", "inputs = { l = \"a\", r = \"b\" }"), &[("a", &["a+b"]), ("t", &[])]),
        (
            "a shared store",
            x("y", &format!("from = \"a\"\n{shared}")) + &x("z", &format!("from = \"b\"\n{shared}\n[stores.s]")),
            &[("a", &["a+b"]), ("t", &[])],
        ),
        ("merged above a store", x("count", "from = [\"a\", \"b\"]\nstores = [\"s\"]\n[stores.s]"), &[("a", &["a+b"]), ("t", &[])]),
        ("a table's reader", x("lookup", "from = \"b\"\nstores = [\"t\"]"), &[("a", &[]), ("b", &["b+t"])]),
        (
            "overlapping sets are one",
            x("y", "inputs = { l = \"a\", r = \"b\" }") + &x("join", "inputs = { left = \"b\", right = \"t\" }"),
            &[("a", &["a+b+t"])],
        ),
        (
            "a repartition edge",
            x("filter", "from = { from = \"a\", repartition = true }"),
            &[("a", &[]), ("b", &[]), ("t", &[]), ("filter-records", &[])],
        ),
        (
            "two edges of one role, one topic",
            x("filter", "from = { from = [\"a\", \"b\"], repartition = true }"),
            &[("a", &[]), ("t", &[]), ("filter-records", &[])],
        ),
        (
            "both sides of a join",
            x("y", "inputs = { l = { from = \"a\", repartition = true }, r = { from = \"b\", repartition = true } }"),
            &[("a", &[]), ("b", &[]), ("t", &[]), ("y-l", &["app-y-l-repartition+app-y-r-repartition"])],
        ),
        (
            "a port's role loses its dot",
            x("pass", "from = \"a\"") + &x("merge", "from = [{ from = \"pass.changes\", repartition = true }]"),
            &[("a", &[]), ("b", &[]), ("t", &[]), ("merge-pass-changes", &[])],
        ),
        (
            "both ends of an edge in one part",
            x("y", &format!("from = \"a\"\n{shared}"))
                + &x("z", &format!("from = {{ from = \"a\", repartition = true }}\n{shared}\n[stores.s]")),
            &[("a", &["a+app-z-in-repartition"]), ("b", &[]), ("t", &[])],
        ),
    ];
    for (name, rest, wanted) in cases {
        let wanted: Vec<(String, Vec<String>)> =
            wanted.iter().map(|(sub, sets)| ((*sub).to_owned(), sets.iter().map(|s| (*s).to_owned()).collect())).collect();
        assert_eq!(cut(&rest), wanted, "{name}");
    }
}

#[test]
fn updates_flow_only_where_both_ends_are_a_table() {
    let x = |name: &str, rest: &str| format!("[processors.{name}]\ncomponent = \"x\"\n{rest}\n");
    let rest = x("updates", "from = [\"t\", \"pass.changes\"]")
        + &x("pass", "from = \"a\"")
        + &x("pass2", "from = \"t\"")
        + &x("updates2", "from = { from = \"pass2\", repartition = true }")
        + &x("filter", "from = \"pass2\"")
        + &x("merge", "from = [\"t\", \"pass2\"]")
        + &x("undescribed", "from = \"t\"")
        + "[sinks.out]\ntopic = \"out\"\nfrom = [\"t\", \"merge\"]";
    let tables: Vec<String> = edges(&built(&with_inputs(&rest))).into_iter().filter(|e| e.ends_with('*')).collect();
    assert_eq!(
        tables,
        [
            "updates2.updates.repartition-source:0 -> updates2:0*",
            "t:0 -> updates:0*",
            "t:0 -> pass2:0*",
            "t:0 -> merge:0*",
            "pass:1 -> updates:0*",
            "pass2:0 -> updates2.updates.repartition:0*",
            "pass2:0 -> merge:1*",
        ]
    );
}

#[test]
fn probable_mistakes_are_warned_of() {
    let rest = "[processors.filter]\ncomponent = \"x\"\nfrom = \"a\"\n[topics.t]\ncleanup = \"delete\"\n[tables.u]\ntopic = \"u\"\nchangelog = true\n\
                [tables.v]\ntopic = \"v\"\non-error = \"skip\"\n";
    let topology = built(&with_inputs(rest));
    let shown: String = topology.warnings.iter().map(|w| format!("{w}\n")).collect();
    insta::assert_snapshot!(shown, @r#"
        warning[T004]: the records of the source 'b' go nowhere
          --> app.toml:5:10
        hint: name it in 'from' of a sink or a processor: from = ["b"]
        warning[T019]: the table 't' gets a changelog of its own: its topic 't' is not compacted
          --> app.toml:7:9
        hint: compact the topic ([topics.t] cleanup = "compact"), or say changelog = true
        warning[T004]: the records of the processor 'filter' go nowhere
          --> app.toml:10:13
        hint: name it in 'from' of a sink or a processor: from = ["filter"]
        warning[T019]: the table 'v' gets a changelog of its own: the table or a node below it passes over records that fail, and a restore from the topic would not
          --> app.toml:18:9
        hint: say changelog = true
    "#);
    let changelogs: Vec<(&str, bool)> = topology.stores.iter().map(|s| (&*s.changelog, s.source_is_changelog)).collect();
    assert_eq!(changelogs, [("app-t-changelog", false), ("app-u-changelog", false), ("app-v-changelog", false)]);
}

#[test]
fn records_go_one_at_a_time_only_where_somebody_could_tell() {
    let why = |rest: &str| {
        let topology = built(&with_inputs(rest));
        let at = topology.nodes.iter().position(|n| &*n.name == "a").unwrap();
        topology.one_by_one(NodeIx(at))
    };
    let node = |topology: &str, name: &str| NodeIx(built(&with_inputs(topology)).nodes.iter().position(|n| &*n.name == name).unwrap());
    let pair = "[processors.filter]\ncomponent = \"x\"\nfrom = [\"a\"]\n[processors.filter2]\ncomponent = \"x\"\nfrom = [\"a\"]\n";
    let sinks = |one: &str, two: &str, topics: [&str; 2]| {
        format!(
            "{pair}[sinks.o]\ntopic = \"{}\"\nfrom = [{one}]\n[sinks.p]\ntopic = \"{}\"\nfrom = [{two}]\n[sinks.q]\ntopic = \"q\"\nfrom = [\"b\", \"t\"]\n",
            topics[0], topics[1]
        )
    };
    assert_eq!(why(&sinks("\"filter\"", "\"filter2\"", ["o", "p"])), None);
    assert_eq!(why(&sinks("\"filter\", \"b\"", "\"filter2\"", ["o", "p"])), None, "the other way is of another source");
    let both = sinks("\"filter\", \"filter2\"", "\"a\"", ["o", "p"]);
    assert_eq!(why(&both), Some(OneByOne::TwoWays(node(&both, "o"))));
    assert_eq!(why(&sinks("\"filter\"", "\"filter2\"", ["o", "o"])), Some(OneByOne::OneTopic("o".into())));
    let stores = |from: &str| {
        format!(
            "[processors.count]\ncomponent = \"x\"\nfrom = [\"a\"]\nstores = {{ counts = \"s\" }}\n[processors.lookup]\ncomponent = \"x\"\nfrom = [\"{from}\"]\n\
             stores = {{ names = \"s\" }}\n[stores.s]\n[sinks.o]\ntopic = \"o\"\nfrom = [\"lookup\", \"t\"]\n[sinks.p]\ntopic = \"p\"\nfrom = [\"count\", \"b\"]\n"
        )
    };
    assert_eq!(why(&stores("b")), None, "one user each");
    assert_eq!(
        why(&stores("a")),
        Some(OneByOne::SharedStore(built(&with_inputs(&stores("a"))).stores.iter().position(|s| &*s.name == "s").unwrap()))
    );
}
