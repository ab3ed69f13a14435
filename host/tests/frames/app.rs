//! Apps made up: a tree of components with stores, policies and sinks, records of which some are bad, and what happens between them.

use std::fmt::Write as _;

use bytes::Bytes;
use cofferdam::record::{Header, Record, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;

/// Stores that nodes may share; behind them the table's.
const STORES: usize = 3;
/// Topics that sinks may share.
const TOPICS: usize = 5;
/// What can be read: two sources and a table, which are also topics.
const INPUTS: [&str; 3] = ["in", "other", "rows"];
/// The topics that they read: the first source has two.
pub(super) const INPUT_TOPICS: [&str; 4] = ["in", "other", "rows", "more"];
/// Partitions of each topic, at most.
const PARTITIONS: u32 = 2;

/// What a processor does: a behaviour of the component `probe`, an operator of the component `operators`, or what a component does that has no
/// packed path.
#[derive(Clone, Copy, Debug)]
struct Kind {
    component: &'static str,
    config: &'static str,
    /// The role of its store.
    store: Option<&'static str>,
    /// Of which kind that is.
    shape: &'static Shape,
    /// One of its ports besides the one that all have.
    port: Option<&'static str>,
}

/// A kind of stores: what the names of those begin with, and what a manifest says of them.
#[derive(Debug)]
struct Shape {
    prefix: &'static str,
    keys: &'static str,
}

const KEY_VALUE: &Shape = &Shape { prefix: "s", keys: "" };
const WINDOWS: &Shape = &Shape { prefix: "w", keys: "kind = \"window\"\nwindow = \"10ms\"\nretention = \"60ms\"\n" };
const SESSIONS: &Shape = &Shape { prefix: "e", keys: "kind = \"session\"\nretention = \"60ms\"\n" };
const VERSIONS: &Shape = &Shape { prefix: "v", keys: "kind = \"versioned\"\nhistory = \"40ms\"\n" };
const SHAPES: [&Shape; 4] = [KEY_VALUE, WINDOWS, SESSIONS, VERSIONS];

const fn probe(config: &'static str) -> Kind {
    Kind { component: "probe", config, store: None, shape: KEY_VALUE, port: None }
}

const fn stored(config: &'static str, role: &'static str) -> Kind {
    Kind { store: Some(role), ..probe(config) }
}

const fn timed(config: &'static str, role: &'static str, shape: &'static Shape) -> Kind {
    Kind { shape, ..stored(config, role) }
}

/// Deletes its row now and then.
const FOLD: &str = "op = 'aggregate', aggregator = { by = 'fold', initial = '', between = ' ', null-at = '3' }";

/// Each as often as it shall come.
const KINDS: &[(u32, Kind)] = &[
    (3, probe("do = 'pass'")),
    (2, Kind { component: "guest_min", ..probe("") }),
    (3, probe("do = 'filter'")),
    (2, Kind { component: "operators", ..probe("op = 'words', key = true") }),
    (3, Kind { port: Some("odd"), ..probe("do = 'route'") }),
    (2, probe("do = 'early'")),
    (6, probe("do = 'place'")),
    (3, probe("do = 'chance'")),
    (2, probe("do = 'stamp', add = -7")),
    (1, probe("do = 'stamp', add = 0, reserved = true")),
    (2, probe("do = 'partition', partition = 1")),
    (1, probe("do = 'changes'")),
    (1, probe("do = 'cell'")),
    (3, probe("do = 'trap'")),
    (2, probe("do = 'busy', span-ms = 40")),
    (4, stored("do = 'count'", "counts")),
    (3, stored("do = 'write-then-fail'", "rows")),
    (2, stored("do = 'put'", "rows")),
    (2, stored("do = 'read'", "rows")),
    (2, Kind { port: Some("unmatched"), ..stored("do = 'join'", "table") }),
    (2, Kind { component: "operators", ..stored("op = 'aggregate', aggregator = { by = 'reduce', between = ' ' }", "aggregates") }),
    (2, Kind { component: "operators", ..stored(FOLD, "aggregates") }),
    (2, timed("do = 'windows'", "windows", WINDOWS)),
    (2, timed("do = 'sessions'", "sessions", SESSIONS)),
    (2, timed("do = 'versions'", "versions", VERSIONS)),
    (2, stored("do = 'punctuate', stream-time-interval-ms = 20", "counts")),
    (1, stored("do = 'punctuate', wall-clock-interval-ms = 30, stream-time-interval-ms = 50, cancel-after = 2", "counts")),
];

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    policy: &'static str,
    /// Among the inputs and the nodes before it.
    parents: Vec<Index>,
    by_port: bool,
    repartition: bool,
    store: usize,
    sinks: Vec<usize>,
}

/// A record on its way to an input.
#[derive(Clone, Debug)]
struct Arrival {
    input: usize,
    key: Option<&'static [u8]>,
    value: Option<&'static [u8]>,
    header: Option<&'static str>,
    /// Milliseconds since the one before.
    step: i64,
}

/// What comes after some records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// The threads work until nothing is left to do: the commit.
    Settle,
    /// As `Settle`; the commit fails once, and everything since the last one comes again.
    FailingCommit,
    /// As `Settle`, then the process ends without a word and another one begins.
    Restart,
    /// The wall clock moves on.
    Wait,
}

/// An app, its records, and what happens meanwhile.
#[derive(Clone, Debug)]
pub(super) struct App {
    nodes: Vec<Node>,
    pub(super) partitions: u32,
    on_disk: [bool; STORES + 1],
    /// Whose rows expire, where they are by key.
    expiring: [bool; STORES],
    arrivals: Vec<Arrival>,
    /// How many records come before each.
    rests: Vec<(usize, Rest)>,
    /// Topics that refuse their first record.
    refusing: Vec<usize>,
}

pub(super) fn app() -> impl Strategy<Value = App> {
    let nodes = prop::collection::vec(node(), 1..6);
    let arrivals = prop::collection::vec(arrival(), 1..150);
    let rest = prop_oneof![4 => Just(Rest::Settle), 1 => Just(Rest::FailingCommit), 1 => Just(Rest::Restart), 2 => Just(Rest::Wait)];
    let rests = prop::collection::vec((1..60_usize, rest), 1..6);
    let expiring = prop::array::uniform(prop::bool::weighted(0.1));
    let refusing = prop_oneof![2 => Just(vec![]), 1 => prop::collection::vec(0..TOPICS, 1..3)];
    (nodes, 1..=PARTITIONS, any::<[bool; STORES + 1]>(), expiring, arrivals, rests, refusing).prop_map(
        |(nodes, partitions, on_disk, expiring, arrivals, rests, refusing)| App {
            nodes,
            partitions,
            on_disk,
            expiring,
            arrivals,
            rests,
            refusing,
        },
    )
}

fn node() -> impl Strategy<Value = Node> {
    let kind = prop::strategy::Union::new_weighted(KINDS.iter().map(|(often, kind)| (*often, Just(*kind))).collect());
    let policy = prop_oneof![
        1 => Just(""),
        3 => Just("on-error = \"skip\"\n"),
        3 => Just("on-error = { policy = \"dead-letter\", topic = \"letters\" }\n"),
        1 => Just("on-error = { policy = \"dead-letter\", topic = \"letters\", retry = { max = 1, backoff = \"40ms\" } }\n"),
        1 => Just("on-error = { policy = \"skip\", retry = { max = 2, backoff = \"30ms\" } }\n"),
    ];
    let parents = prop_oneof![8 => prop::collection::vec(any::<Index>(), 1), 1 => prop::collection::vec(any::<Index>(), 2)];
    let sinks = prop_oneof![2 => Just(vec![]), 4 => prop::collection::vec(0..TOPICS, 1), 1 => prop::collection::vec(0..TOPICS, 2)];
    let repartition = prop::bool::weighted(0.1);
    (kind, policy, parents, any::<bool>(), repartition, 0..STORES, sinks).prop_map(
        |(kind, policy, parents, by_port, repartition, store, sinks)| Node { kind, policy, parents, by_port, repartition, store, sinks },
    )
}

fn arrival() -> impl Strategy<Value = Arrival> {
    const KEYS: &[Option<&[u8]>] = &[Some(b"a"), Some(b"b"), Some(b"c"), Some(b"dd"), Some(b""), None, Some(b"\xff")];
    const GOOD: &[Option<&[u8]>] = &[Some(b"1"), Some(b"2"), Some(b"3"), Some(b"44"), Some(b"1005")];
    const OTHERS: &[Option<&[u8]>] = &[Some(b"to be"), Some(b"bad"), Some(b"boom"), None, Some(b""), Some(b"\xff\xfe")];
    let input = prop_oneof![6 => Just(0_usize), 1 => Just(1_usize), 1 => Just(2_usize), 1 => Just(3_usize)];
    let value = prop_oneof![9 => prop::sample::select(GOOD), 1 => prop::sample::select(OTHERS)];
    let header = prop_oneof![18 => Just(None), 1 => Just(Some("h")), 1 => Just(Some("cofferdam.h"))];
    (input, prop::sample::select(KEYS), value, header, -3..10_i64).prop_map(|(input, key, value, header, step)| Arrival {
        input,
        key,
        value,
        header,
        step,
    })
}

impl App {
    pub(super) fn manifest(&self) -> String {
        let mut toml = "[app]\nid = \"app\"\n[sources.in]\ntopics = [\"in\", \"more\"]\n[sources.other]\ntopic = \"other\"\n".to_owned();
        _ = writeln!(toml, "[tables.rows]\ntopic = \"rows\"\nbackend = \"{}\"", self.backend(STORES));
        for (number, node) in self.nodes.iter().enumerate() {
            self.write_node(number, node, &mut toml);
        }
        for (shape, store) in self.used() {
            let expires = if shape.prefix == KEY_VALUE.prefix && self.expiring[store] { "ttl = \"30ms\"\n" } else { "" };
            let Shape { prefix, keys } = shape;
            _ = writeln!(toml, "[stores.{prefix}{store}]\n{keys}{expires}backend = \"{}\"", self.backend(store));
        }
        // Whatever else has a child: an input has to be read by somebody.
        _ = writeln!(toml, "[sinks.rest]\ntopic = \"rest\"\nfrom = [\"in\", \"other\", \"rows\"]");
        toml
    }

    fn backend(&self, store: usize) -> &'static str {
        if self.on_disk[store] { "rocksdb" } else { "memory" }
    }

    fn write_node(&self, number: usize, node: &Node, toml: &mut String) {
        let Kind { component, config, store, shape, .. } = node.kind;
        let mut from: Vec<String> = node.parents.iter().map(|parent| self.parent(number, node, *parent)).collect();
        from.sort();
        from.dedup();
        let from = format!("[{}]", from.join(", "));
        let from = if node.repartition { format!("{{ from = {from}, repartition = true }}") } else { from };
        _ = writeln!(
            toml,
            "[processors.n{number}]\ncomponent = \"{component}.wasm\"\nconfig = {{ {config} }}\nfrom = {from}\n{}",
            node.policy
        );
        match store {
            Some("table") if !self.uses_rows(node) => {
                _ = writeln!(toml, "stores = {{ table = {{ store = \"s{}\", access = \"read\" }} }}", node.store)
            }
            Some("table") => toml.push_str("stores = { table = { store = \"rows\", access = \"read\" } }\n"),
            Some(role) => _ = writeln!(toml, "stores = {{ {role} = \"{}{}\" }}", shape.prefix, node.store),
            None => {}
        }
        for (at, topic) in node.sinks.iter().enumerate() {
            _ = writeln!(toml, "[sinks.k{number}-{at}]\ntopic = \"out{topic}\"\nfrom = [\"n{number}\"]");
        }
    }

    /// A join reads the table, or a store that others may write.
    fn uses_rows(&self, node: &Node) -> bool {
        node.kind.store == Some("table") && node.by_port
    }

    fn uses(&self, shape: &Shape, store: usize) -> bool {
        let uses = |node: &Node| node.kind.store.is_some() && node.kind.shape.prefix == shape.prefix && node.store == store;
        self.nodes.iter().any(|node| uses(node) && !self.uses_rows(node))
    }

    fn used(&self) -> impl Iterator<Item = (&'static Shape, usize)> {
        let all = SHAPES.into_iter().flat_map(|shape| (0..STORES).map(move |store| (shape, store)));
        all.filter(move |(shape, store)| self.uses(shape, *store))
    }

    fn parent(&self, number: usize, node: &Node, parent: Index) -> String {
        let at = parent.index(INPUTS.len() + number);
        let Some(before) = at.checked_sub(INPUTS.len()) else { return format!("\"{}\"", INPUTS[at]) };
        match self.nodes[before].kind.port {
            Some(port) if node.by_port => format!("\"n{before}.{port}\""),
            _ => format!("\"n{before}\""),
        }
    }

    /// Topics and records up to each rest, then the rest.
    pub(super) fn parts(&self) -> Vec<(Vec<(&'static str, Record)>, Rest)> {
        let mut time = 0;
        let mut records: Vec<(&str, Record)> = self
            .arrivals
            .iter()
            .map(|arrival| {
                time = (time + arrival.step).max(0);
                (INPUT_TOPICS[arrival.input], arrival.record(time))
            })
            .collect();
        let mut parts = Vec::new();
        for (many, rest) in self.rests.iter().cycle() {
            let behind = records.split_off(records.len().min(*many));
            parts.push((std::mem::replace(&mut records, behind), *rest));
            if records.is_empty() {
                return parts;
            }
        }
        parts
    }

    /// Topics that refuse the first record that they are sent. Only where there is one task: else it depends on how its records and those of
    /// others lie, which is first.
    pub(super) fn refusing(&self) -> impl Iterator<Item = String> {
        let alone = self.partitions == 1 && !self.nodes.iter().any(|node| node.repartition);
        self.refusing.iter().filter(move |_| alone).map(|topic| format!("out{topic}"))
    }

    /// Its stores by key, the table's included. What is in others stands in their changelogs.
    pub(super) fn stores(&self) -> Vec<String> {
        let by_key = self.used().filter(|(shape, _)| shape.prefix == KEY_VALUE.prefix);
        by_key.map(|(_, store)| format!("s{store}")).chain(["rows".to_owned()]).collect()
    }
}

impl Arrival {
    fn record(&self, time: i64) -> Record {
        let header = |name| Header { name, value: Some(b"\0x") };
        Record {
            // A table's topic takes no record without a key.
            key: self.key.or((self.input == 2).then_some(&b"none"[..])).map(Bytes::from_static),
            value: self.value.map(Bytes::from_static),
            timestamp: Timestamp(time),
            headers: self.header.map(header).into_iter().collect(),
            change: None,
        }
    }
}
