//! The topology on which a vector runs: a manifest that is written node by node, and what its names mean to the vector.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::vector::InputKind;

/// A component of `tests/guests`.
#[derive(Clone, Copy, Debug)]
pub enum Guest {
    Operators,
    Probe,
    StoreScript,
}

impl Guest {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Operators, Self::Probe, Self::StoreScript];

    /// Its file, from this crate's folder.
    pub fn path(self) -> &'static str {
        match self {
            Self::Operators => "../guests/dist/operators.wasm",
            Self::Probe => "../guests/dist/probe.wasm",
            Self::StoreScript => "../guests/dist/store_script.wasm",
        }
    }
}

/// What the vector calls an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Out {
    /// As in `out`; `None` where there is one output.
    pub label: Option<String>,
    pub form: OutForm,
}

/// What the records of an output stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutForm {
    /// For themselves.
    Record,
    /// For a line of a log: they have no time.
    Line,
    /// For a row that a store operation gave: their value is JSON.
    Row,
}

/// Where the backend of the stores lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Memory,
    RocksDb,
}

/// A topology.
#[derive(Debug, Default)]
pub struct Topology {
    manifest: String,
    /// What the vector calls each sink.
    pub outs: BTreeMap<String, Out>,
    /// The manifest's name of each store of the vector.
    pub stores: BTreeMap<String, String>,
    /// The wall clock at the beginning, in milliseconds.
    pub starts_at: i64,
    has_state: bool,
}

/// The source of store operations.
pub const OPERATIONS: &str = "operations";

impl Topology {
    /// An app without nodes.
    pub fn new() -> Self {
        Self { manifest: "[app]\nid = \"conformance\"\n".to_owned(), ..Self::default() }
    }

    /// As the host reads it.
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// Where its stores are to be put to the test.
    pub fn backends(&self) -> &'static [Backend] {
        if self.has_state { &[Backend::Memory, Backend::RocksDb] } else { &[Backend::Memory] }
    }

    fn section(&mut self, section: &str, name: &str, keys: &[(&str, Value)]) -> &mut Self {
        self.manifest += &format!("\n[{section}.{}]\n", text(name));
        for (key, value) in keys {
            self.manifest += &format!("{key} = {}\n", toml(value));
        }
        self
    }

    /// An input of the vector. A table's topic takes records without a key, which a compacted one would refuse.
    pub fn input(&mut self, name: &str, kind: InputKind) -> &mut Self {
        let topic = ("topic", name.into());
        if kind == InputKind::Stream {
            return self.section("sources", name, &[topic]);
        }
        self.has_state = true;
        self.section("tables", name, &[topic, ("changelog", true.into())]).section("topics", name, &[("cleanup", "delete".into())])
    }

    /// A store of this kind; `keys`: what it needs beside.
    pub fn store(&mut self, name: &str, kind: &str, keys: &[(&str, Value)]) -> &mut Self {
        self.has_state = true;
        self.section("stores", name, &[&[("kind", kind.into())], keys].concat())
    }

    /// A key-value store that the vector names as well.
    pub fn named_store(&mut self, name: &str) -> &mut Self {
        self.known_as(name, name).store(name, "key-value", &[])
    }

    /// Says that the vector calls a store or table by this name.
    pub fn known_as(&mut self, in_vector: &str, in_manifest: &str) -> &mut Self {
        self.stores.insert(in_vector.to_owned(), in_manifest.to_owned());
        self
    }

    /// A processor.
    pub fn processor(&mut self, name: &str, guest: Guest, wiring: &Wiring, config: &Value) -> &mut Self {
        let component = ("component", guest.path().into());
        let keys = [&[component], wiring.0.as_slice(), &[("config", config.clone())]].concat();
        self.section("processors", name, &keys)
    }

    /// One of the operators, behind one node.
    pub fn operator(&mut self, name: &str, from: &str, config: &Value) -> &mut Self {
        self.processor(name, Guest::Operators, &Wiring::from([from]), config)
    }

    /// A stock component that takes no configuration.
    pub fn stock(&mut self, name: &str, stock: &str, wiring: &Wiring) -> &mut Self {
        self.section("processors", name, &[&[("component", format!("stock:{stock}").into())], wiring.0.as_slice()].concat())
    }

    /// The only output.
    pub fn output(&mut self, from: &[&str]) -> &mut Self {
        self.sink("out", from, Out { label: None, form: OutForm::Record })
    }

    /// One of several outputs, as the vector calls it. `sink`: the manifest's name.
    pub fn labelled(&mut self, sink: &str, from: &str, label: &str) -> &mut Self {
        self.sink(sink, &[from], Out { label: Some(label.to_owned()), form: OutForm::Record })
    }

    pub fn sink(&mut self, name: &str, from: &[&str], out: Out) -> &mut Self {
        self.outs.insert(name.to_owned(), out);
        self.section("sinks", name, &[("topic", format!("{name}-topic").into()), ("from", from.into())])
    }
}

/// Where a processor gets its records, and which stores it has.
#[derive(Clone, Debug)]
pub struct Wiring(Vec<(&'static str, Value)>);

impl Wiring {
    /// Behind these nodes or ports.
    pub fn from<'n>(nodes: impl IntoIterator<Item = &'n str>) -> Self {
        Self(vec![("from", nodes.into_iter().map(Value::from).collect())])
    }

    /// Behind a repartition topic.
    pub fn repartitioned(node: &str) -> Self {
        Self(vec![("from", serde_json::json!({"from": node, "repartition": true}))])
    }

    /// Two roles, named as the nodes are.
    pub fn sides(left: &str, right: &str) -> Self {
        Self(vec![("inputs", serde_json::json!({"left": left, "right": right}))])
    }

    /// With a store for each role: written, or only read.
    pub fn with_stores(mut self, stores: &[(&str, &str, Access)]) -> Self {
        let grant = |store: &str, access: Access| match access {
            Access::Write => store.into(),
            Access::Read => serde_json::json!({"store": store, "access": "read"}),
        };
        self.0.push(("stores", stores.iter().map(|(role, store, access)| ((*role).to_owned(), grant(store, *access))).collect()));
        self
    }
}

/// What a processor does with a store.
#[derive(Clone, Copy, Debug)]
pub enum Access {
    Read,
    Write,
}

/// A text as JSON and TOML alike write it.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// A value as TOML; null stands for nothing there, so its key is left out.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries = entries.iter().filter(|(_, value)| !value.is_null());
            let entries: Vec<String> = entries.map(|(key, value)| format!("{} = {}", text(key), toml(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        scalar => scalar.to_string(),
    }
}
