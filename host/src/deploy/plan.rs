//! What a deployment would change: an app as it is published beside the same app as it would be. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::application::Application;
use super::state_versions::{cannot_migrate, older};
use crate::component::short;
use crate::error::Diagnostic;
use crate::topology::{NodeKind, StoreAccess, StoreSpec, TopologyNode};

/// What is different, in the order in which it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Differences.
    pub changes: Vec<Change>,
    /// Stores whose state stays as it is, by name.
    pub kept: Vec<String>,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Of what kind of thing.
    pub of: Thing,
    /// Its name.
    pub name: String,
    /// How.
    pub how: How,
}

/// What can be different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// The app as a whole.
    App,
    /// A source, processor or sink.
    Node,
    /// A store.
    Store,
    /// The state of a processor or store.
    State,
    /// A topic that the app reads, writes or makes.
    Topic,
    /// An interface that a component reaches beyond the contract.
    Capability,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::App => "app",
            Self::Node => "node",
            Self::Store => "store",
            Self::State => "state",
            Self::Topic => "topic",
            Self::Capability => "capability",
        })
    }
}

/// How something is different.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It is new.
    Added,
    /// These parts of it.
    Changed(Vec<String>),
    /// It is not there any more.
    Removed,
}

impl Plan {
    /// What would change; `old` is `None` where nothing is published yet. An error: the state that is there does not allow it.
    pub fn between(old: Option<&Application>, new: &Application) -> Result<Self, Vec<Diagnostic>> {
        let (before, after) = (old.map(things).unwrap_or_default(), things(new));
        let mut changes = Vec::new();
        for (key, was) in &before {
            match after.get(key) {
                None => changes.push(change(key, How::Removed)),
                Some(is) => {
                    let differs = |part: &&String| was.get(*part) != is.get(*part);
                    let parts: BTreeSet<&String> = was.keys().chain(is.keys()).filter(differs).collect();
                    if !parts.is_empty() {
                        changes.push(change(
                            key,
                            How::Changed(parts.into_iter().map(|part| told(part, was.get(part), is.get(part))).collect()),
                        ));
                    }
                }
            }
        }
        // That there is an app is no news.
        let added = after.keys().filter(|key| key.0 != Thing::App && !before.contains_key(*key));
        changes.extend(added.map(|key| change(key, How::Added)));
        let mut kept = Vec::new();
        if let Some(old) = old {
            changes.extend(state(old, new)?);
            kept = keeps(old, new, &changes);
        }
        changes.sort();
        Ok(Self { changes, kept })
    }

    /// Whether nothing but components would change: they take over in place.
    pub fn is_in_place(&self) -> bool {
        self.changes.iter().all(|change| match (&change.of, &change.how) {
            (Thing::Node, How::Changed(parts)) => parts.iter().all(|part| part.starts_with(COMPONENT)),
            (Thing::State, How::Changed(_)) | (Thing::Capability, _) => true,
            _ => false,
        })
    }

    /// Whether hosts of the one and hosts of the other app would not agree which tasks and topics there are.
    pub fn changes_the_graph(&self) -> bool {
        self.changes.iter().any(|change| match (&change.of, &change.how) {
            (Thing::Node, How::Changed(parts)) => parts.iter().any(|part| GRAPH.contains(&part.as_str())),
            (Thing::Node | Thing::Store, _) => true,
            (Thing::App | Thing::State | Thing::Topic | Thing::Capability, _) => false,
        })
    }

    /// The nodes that change.
    pub fn changed_nodes(&self) -> impl Iterator<Item = &str> {
        let nodes = self.changes.iter().filter(|change| change.of == Thing::Node && matches!(change.how, How::Changed(_)));
        nodes.map(|change| change.name.as_str())
    }
}

const COMPONENT: &str = "component";
/// Parts of a node that decide which tasks there are, and what goes where.
const GRAPH: [&str; 7] = ["edges", "inputs", "ports", "sink", "source", "stores", "sub-topology"];

type Key = (Thing, String);
type Parts = BTreeMap<String, String>;

fn change((of, name): &Key, how: How) -> Change {
    Change { of: *of, name: name.clone(), how }
}

/// A part that a person can compare is shown; of the rest it is said that it changes.
fn told(part: &str, was: Option<&String>, is: Option<&String>) -> String {
    match (was, is) {
        (Some(was), Some(is)) if part == COMPONENT => format!("{part} {} -> {}", short(was), short(is)),
        _ => part.to_owned(),
    }
}

/// Everything that can be different, with its parts.
fn things(app: &Application) -> BTreeMap<Key, Parts> {
    let topology = &app.topology;
    let guarantee = Parts::from([("guarantee".to_owned(), format!("{:?}", app.manifest.app.guarantee))]);
    let mut things = BTreeMap::from([((Thing::App, topology.app.to_string()), guarantee)]);
    for node in &topology.nodes {
        things.insert((Thing::Node, node.name.to_string()), node_parts(app, node));
    }
    for store in &topology.stores {
        let parts = [
            ("kind", format!("{:?}", store.shape)),
            ("backend", format!("{:?}", store.backend)),
            ("changelog", store.changelog.to_string()),
        ];
        things.insert((Thing::Store, store.name.to_string()), parts.map(|(part, is)| (part.to_owned(), is)).into());
    }
    let settings =
        |t: &crate::topology::ExternalTopic| format!("{:?}", (t.partitions, t.cleanup, t.retention, t.replication, t.partitioner));
    things
        .extend(topology.topics.iter().map(|t| ((Thing::Topic, t.name.to_string()), Parts::from([("settings".to_owned(), settings(t))]))));
    things.extend(topology.internal_topics().into_iter().map(|name| ((Thing::Topic, name.to_string()), Parts::new())));
    for (node, loaded) in &app.components {
        let beyond = loaded.imports().iter().filter(|import| !import.name.starts_with("cofferdam:"));
        things.extend(beyond.map(|import| ((Thing::Capability, format!("{node}: {} ({})", import.name, import.given)), Parts::new())));
    }
    for node in &topology.nodes {
        let NodeKind::Processor(processor) = &node.kind else { continue };
        things.extend(
            processor.allow.iter().map(|granted| ((Thing::Capability, format!("{}: {granted} (granted)", node.name)), Parts::new())),
        );
    }
    things
}

fn node_parts(app: &Application, node: &TopologyNode) -> Parts {
    let topology = &app.topology;
    let name = |at: usize| topology.nodes.get(at).map_or("", |node| &*node.name);
    let edges: Vec<Vec<_>> = node.children.iter().map(|slot| slot.iter().map(|c| (name(c.node.0), c.input, c.table)).collect()).collect();
    let mut parts = Parts::from([
        ("edges".to_owned(), format!("{edges:?}")),
        ("on-error".to_owned(), format!("{:?}", node.on_error)),
        ("sub-topology".to_owned(), topology.sub_topologies.get(node.sub_topology).map_or_else(String::new, |sub| sub.name.to_string())),
    ]);
    match &node.kind {
        NodeKind::Source(source) => _ = parts.insert("source".to_owned(), format!("{source:?}")),
        NodeKind::Sink(sink) => {
            _ = parts.insert("sink".to_owned(), format!("{} {:?}", sink.topic, sink.repartition.as_ref().map(|r| r.partitions)))
        }
        NodeKind::Processor(processor) => {
            let digest = app.components.get(&*node.name).map_or_else(String::new, |loaded| loaded.digest().to_string());
            let store = |at: usize| topology.stores.get(at).map(|store| store.name.to_string());
            let stores: Vec<_> = processor.grants.iter().map(|g| (g.role.clone(), store(g.store), g.access)).collect();
            parts.insert(COMPONENT.to_owned(), digest);
            parts.insert("config".to_owned(), processor.config.clone());
            parts.insert("inputs".to_owned(), format!("{:?}", processor.inputs));
            parts.insert("ports".to_owned(), format!("{:?}", processor.ports));
            parts.insert("stores".to_owned(), format!("{stores:?}"));
            parts.insert("limits".to_owned(), format!("{:?}", (processor.memory_bytes, processor.deadline, processor.outputs)));
            parts.insert("allow".to_owned(), format!("{:?}", processor.allow));
        }
    }
    parts
}

/// What becomes of the state that is there.
fn state(old: &Application, new: &Application) -> Result<Vec<Change>, Vec<Diagnostic>> {
    let version = |app: &Application, node: &str| app.descriptions.get(node).map_or(0, |described| described.state_version);
    let (mut changes, mut problems) = (Vec::new(), Vec::new());
    for (node, loaded) in new.components.iter().filter(|(node, _)| old.components.contains_key(*node)) {
        let (was, is) = (version(old, node), version(new, node));
        match is.cmp(&was) {
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Less => problems.push(older(node, was, is)),
            std::cmp::Ordering::Greater if !loaded.migrates() => problems.push(cannot_migrate(node, was, is)),
            std::cmp::Ordering::Greater => {
                let how = How::Changed(vec![format!("taken over from version {was} to {is}")]);
                changes.push(Change { of: Thing::State, name: node.clone(), how });
            }
        }
    }
    let stays = |name: &str| new.topology.stores.iter().any(|store| *store.name == *name);
    let dropped = old.topology.stores.iter().filter(|store| !stays(&store.name));
    changes.extend(dropped.map(|store| Change { of: Thing::State, name: store.name.to_string(), how: How::Removed }));
    if problems.is_empty() { Ok(changes) } else { Err(problems) }
}

/// Stores of which the new app finds all that the old one leaves, by their changelogs, and that no processor takes over from another version.
fn keeps(old: &Application, new: &Application, changes: &[Change]) -> Vec<String> {
    let migrates = |node: &str| changes.iter().any(|change| change.of == Thing::State && change.how != How::Removed && change.name == node);
    let topology = &new.topology;
    let rewritten = |store: usize| {
        topology.nodes.iter().any(|node| match &node.kind {
            NodeKind::Processor(processor) => {
                processor.grants.iter().any(|grant| grant.store == store && grant.access == StoreAccess::ReadWrite) && migrates(&node.name)
            }
            NodeKind::Source(_) | NodeKind::Sink(_) => false,
        })
    };
    let same = |is: &StoreSpec| {
        old.topology.stores.iter().any(|was| was.name == is.name && was.shape == is.shape && was.changelog == is.changelog)
    };
    let stores = topology.stores.iter().enumerate();
    let mut kept: Vec<String> = stores.filter(|(at, is)| same(is) && !rewritten(*at)).map(|(_, is)| is.name.to_string()).collect();
    kept.sort();
    kept
}
