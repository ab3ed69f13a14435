//! What an author writes: a TOML file, read into typed parts, every mistake with its place.
//!
//! It knows one part at a time. Whether names lead somewhere, and whether the whole makes a graph, is for `topology` to say. It never touches
//! components, brokers or stores. The command reads a manifest first of all; `topology` and `component` stand on it.

mod admin;
mod capability;
mod edges;
mod host;
mod keys;
mod model;
mod nodes;
mod published;
mod reader;
mod sections;
mod stores;
mod values;
mod words;

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use toml_edit::Document;

pub use admin::{check_address, check_advertised, host_and_port, is_of_the_machine};
pub use capability::{CAPABILITIES, Capability};
pub use host::OfHost;
pub use model::{
    Address, Admin, App, Broker, Config, Edge, Inputs, KafkaBroker, Limits, Manifest, Processor, RoleInput, Runtime, Sink, Source, Store,
    StoreGrant, StoreGrants, Table, Tls, Topic,
};
pub use published::published;
pub use values::{check_app_id, check_name, check_topic, duration_text, parse_duration, parse_size};
pub use words::{
    Backend, Cleanup, ComponentRef, FailurePolicy, Guarantee, Name, OnError, Partitioner, Spanned, Start, StoreAccess, StoreKind,
    StoreShape, TimestampFrom,
};

use crate::error::{Diagnostic, Place};
use crate::limits;
use reader::{Field, Fields, Reader};

/// The JSON Schema (2020-12) of a manifest, for editors.
pub const SCHEMA: &str = include_str!("../schema/manifest.schema.json");

impl Manifest {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::parse(path, &text_of(path, reader::MANIFEST)?)
    }

    /// Reads a text. `path`: the file that it stands in, as the user named it.
    pub fn parse(path: impl Into<PathBuf>, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let path = path.into();
        read(&path, text, reader::MANIFEST, |reader, document| {
            let root = reader.root(document.as_table(), &keys::ROOT, reader::MANIFEST);
            reader.manifest(path.clone(), &root)
        })
    }
}

/// The text of a file. `what`: what messages call it.
fn text_of(path: &Path, what: &str) -> Result<String, Vec<Diagnostic>> {
    let unreadable =
        |why: &dyn std::fmt::Display| vec![Diagnostic::usage("M001", format!("{what} {} cannot be read", path.display())).because(why)];
    let size = std::fs::metadata(path).map_err(|e| unreadable(&e))?.len();
    if size > limits::MANIFEST_BYTES {
        return Err(unreadable(&format_args!("it has {size} bytes; at most {} are allowed", limits::MANIFEST_BYTES)));
    }
    std::fs::read_to_string(path).map_err(|e| unreadable(&e))
}

/// What a text says, or all that is wrong with it, in its order.
fn read<T>(
    path: &Path,
    text: &str,
    what: &str,
    understand: impl for<'a> FnOnce(&mut Reader<'a>, &'a Document<&'a str>) -> Option<T>,
) -> Result<T, Vec<Diagnostic>> {
    let file = path.display().to_string();
    let mut reader = Reader::new(&file, text);
    let document = Document::parse(text).map_err(|e| {
        let message = e.message().lines().collect::<Vec<_>>().join(", ");
        vec![Diagnostic::usage("M001", format!("{what} is not TOML")).because(message).at(Some(reader.place(e.span())))]
    })?;
    match understand(&mut reader, &document) {
        Some(understood) if reader.errors.is_empty() => Ok(understood),
        _ => {
            reader.errors.sort_by_key(|e| e.place.as_ref().map(position));
            Err(reader.errors)
        }
    }
}

impl<'a> Reader<'a> {
    fn manifest(&mut self, path: PathBuf, root: &Fields<'a>) -> Option<Manifest> {
        let app = self.app(root);
        let broker = self.broker(root);
        let runtime = self.runtime(root);
        let admin = self.admin(root);
        let topics = self.named(root, "topics", "topic", Self::topic);
        let sources = self.named(root, "sources", "source", Self::source);
        let tables = self.named(root, "tables", "table", Self::table_node);
        let processors = self.named(root, "processors", "processor", Self::processor);
        let stores = self.named(root, "stores", "store", Self::store);
        let sinks = self.named(root, "sinks", "sink", Self::sink);
        let manifest = Manifest { path, app: app?, broker, runtime, admin, topics, sources, tables, processors, stores, sinks };
        self.unique_names(&manifest);
        Some(manifest)
    }

    /// The entries of `[section.*]`, in the order of the file.
    fn named<T>(
        &mut self,
        root: &Fields<'a>,
        section: &str,
        what: &str,
        read: impl Fn(&mut Self, Name, &Field<'a>) -> Option<T>,
    ) -> Vec<T> {
        let Some(field) = self.field(root, section) else { return Vec::new() };
        let mut found = Vec::new();
        for (name, entry) in self.entries(&field, Some(section)) {
            // The entry is read even when its name is bad: every error of a file is told at once.
            let place = name.place.clone();
            let checked = self.header_name(what, name);
            let fallback = || Spanned { value: "".into(), place };
            found.extend(read(self, checked.unwrap_or_else(fallback), &entry));
        }
        found
    }

    fn unique_names(&mut self, manifest: &Manifest) {
        let nodes = nodes_by_place(manifest);
        self.unique(&nodes, "every source, table, processor and sink has a name of its own");
        let stores = manifest.stores.iter().map(|s| ("store", &s.name));
        let tables = manifest.tables.iter().map(|t| ("table", &t.name));
        let mut all: Vec<_> = stores.chain(tables).collect();
        all.sort_by_key(|(_, name)| position(&name.place));
        self.unique(&all, "a table has a store of its own name already");
    }

    fn unique(&mut self, names: &[(&'static str, &Name)], hint: &str) {
        for (i, (what, name)) in names.iter().enumerate() {
            let earlier = names.iter().take(i).find(|(_, n)| n.value == name.value && !name.value.is_empty());
            if let Some((earlier_what, earlier)) = earlier {
                let message = format!("the {what} '{name}' has the name of the {earlier_what} in line {}", earlier.place.line);
                self.error(Diagnostic::usage("M009", message).hint(hint), &name.place);
            }
        }
    }
}

fn nodes_by_place(manifest: &Manifest) -> Vec<(&'static str, &Name)> {
    let sources = manifest.sources.iter().map(|n| ("source", &n.name));
    let tables = manifest.tables.iter().map(|n| ("table", &n.name));
    let processors = manifest.processors.iter().map(|n| ("processor", &n.name));
    let sinks = manifest.sinks.iter().map(|n| ("sink", &n.name));
    let mut all: Vec<_> = sources.chain(tables).chain(processors).chain(sinks).collect();
    all.sort_by_key(|(_, name)| position(&name.place));
    all
}

/// Where something stands, for sorting.
pub(crate) fn position(place: &Place) -> (u32, u32) {
    (place.line, place.column)
}
