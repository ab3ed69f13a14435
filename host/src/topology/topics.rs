//! The topics of an application: those of the manifest, and the names of those that it makes for itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::draft::{Draft, What};
use super::emit;
use super::grants::DraftStore;
use super::graph::{
    Backend, Cleanup, ExternalTopic, FailurePolicy, NodeKind, Partitioner, StoreSpec, SubTopology, TopicUse, Topology, TopologyNode,
};
use crate::error::{Diagnostic, Place, suggest};
use crate::manifest::{OnError, check_topic, position};

impl<'m> Draft<'m> {
    /// Every topic that the manifest names in a node.
    pub fn external_topics(&self) -> Vec<ExternalTopic> {
        let mut topics: Vec<ExternalTopic> = Vec::new();
        let table_topics: Vec<&str> = self.manifest.tables.iter().map(|t| &**t.topic).collect();
        let mut uses: Vec<(&Arc<str>, TopicUse, &Place)> = Vec::new();
        for node in &self.nodes {
            match node.what {
                What::Source(n) => uses.extend(n.topics.iter().map(|t| (&t.value, TopicUse::Input, &t.place))),
                What::Table(n) => uses.push((&n.topic.value, TopicUse::Input, &n.topic.place)),
                What::Processor(_) | What::Sink(_) => {}
            }
        }
        uses.extend(self.manifest.sinks.iter().map(|n| (&n.topic.value, TopicUse::Output, &n.topic.place)));
        uses.extend(self.nodes.iter().filter_map(|n| match on_error(n.what) {
            OnError { policy: FailurePolicy::DeadLetter(topic), place, .. } => {
                Some((topic, TopicUse::DeadLetter, place.as_ref().unwrap_or(&n.name.place)))
            }
            _ => None,
        }));
        for (name, used_by, place) in uses {
            if topics.iter().any(|t| t.name == *name) {
                continue;
            }
            let settings = self.manifest.topics.iter().find(|t| t.name.value == *name);
            let by_default = if table_topics.contains(&&**name) { Cleanup::Compact } else { Cleanup::Delete };
            topics.push(ExternalTopic {
                name: name.clone(),
                used_by,
                place: settings.map_or(place, |t| &t.name.place).clone(),
                partitions: settings.and_then(|t| t.partitions),
                cleanup: settings.and_then(|t| t.cleanup).unwrap_or(by_default),
                retention: settings.and_then(|t| t.retention),
                replication: settings.and_then(|t| t.replication),
                partitioner: settings.map_or(Partitioner::Murmur2, |t| t.partitioner),
            });
        }
        topics
    }

    /// A topic feeds at most one source: its records have one way through the graph.
    pub fn one_source_each(&mut self) {
        let mut seen: Vec<(&str, &str, u32)> = Vec::new();
        let mut errors = Vec::new();
        for node in &self.nodes {
            let topics: Vec<_> = match node.what {
                What::Source(n) => n.topics.iter().collect(),
                What::Table(n) => vec![&n.topic],
                What::Processor(_) | What::Sink(_) => continue,
            };
            for topic in topics {
                if let Some((_, first, line)) = seen.iter().find(|(name, owner, _)| *name == topic.as_str() && *owner != node.name.as_str())
                {
                    let message = format!("the topic '{topic}' is read twice: by '{first}' (line {line}) and by '{}'", node.name);
                    let hint = format!("read it once and let both ways begin at '{first}'");
                    errors.push(Diagnostic::usage("T013", message).hint(hint).at(Some(topic.place.clone())));
                }
                seen.push((topic.as_str(), node.name.as_str(), node.name.place.line));
            }
        }
        self.errors.append(&mut errors);
    }

    /// A `[topics.*]` that is used by nobody is a mistake in its name.
    pub fn unused_topics(&mut self, external: &[ExternalTopic], nodes: &[TopologyNode], internal: &[Arc<str>]) {
        let repartitions: Vec<&Arc<str>> = nodes.iter().filter_map(|n| repartition_topic(&n.kind)).collect();
        let mut errors = Vec::new();
        for topic in &self.manifest.topics {
            if external.iter().any(|t| t.name == topic.name.value) {
                continue;
            }
            let only_partitions = topic.cleanup.is_none()
                && topic.retention.is_none()
                && topic.replication.is_none()
                && topic.partitioner == Partitioner::Murmur2;
            let error = if !internal.contains(&topic.name.value) {
                let hint = suggest(&topic.name, "topics in use", external.iter().map(|t| &*t.name));
                Diagnostic::usage("T017", format!("no node uses the topic '{}'", topic.name)).hint(hint)
            } else if repartitions.contains(&&topic.name.value) && only_partitions {
                continue;
            } else {
                let message = format!("'{}' is an internal topic, whose settings are fixed", topic.name);
                Diagnostic::usage("T017", message).hint("only 'partitions', and only of a repartition topic, can be set")
            };
            errors.push(error.at(Some(topic.name.place.clone())));
        }
        self.errors.append(&mut errors);
    }

    /// Internal names are made by joining: two of them may come out alike, or like a topic of the manifest, or too long.
    pub fn clashes(&mut self, external: &[ExternalTopic], internal: &[Arc<str>], subs: &[SubTopology]) {
        let mut errors = Vec::new();
        let mut clash =
            |message: String, hint: &str, place: Place| errors.push(Diagnostic::usage("T018", message).hint(hint).at(Some(place)));
        let hint = "rename one of the nodes, roles or stores that it is made of";
        for (i, topic) in internal.iter().enumerate() {
            if let Err(why) = check_topic(topic) {
                clash(format!("the name of the internal topic '{topic}' {why}"), hint, self.maker_of_topic(topic));
            }
            if internal.iter().take(i).any(|other| other == topic) {
                clash(format!("two internal topics would be named '{topic}'"), hint, self.maker_of_topic(topic));
            }
            if let Some(other) = external.iter().find(|other| other.name == *topic) {
                let message = format!("the manifest uses the topic '{topic}', which is the name of an internal topic of this application");
                clash(message, "use another topic", other.place.clone());
            }
        }
        for (i, sub) in subs.iter().enumerate() {
            if subs.iter().take(i).any(|other| other.name == sub.name) {
                let place = self.last(self.makers_of_sub(&sub.name));
                clash(format!("two sub-topologies would be named '{}'", sub.name), hint, place);
            }
        }
        self.errors.append(&mut errors);
    }

    /// Where the part stands that an internal topic is named after; of two the second.
    fn maker_of_topic(&self, topic: &str) -> Place {
        let app = &self.manifest.app.id;
        let mut makers = self.repartitioned(|node, role| *emit::repartition_topic(app, node, role) == *topic);
        let stores = self.manifest.stores.iter().map(|s| &s.name).chain(self.manifest.tables.iter().map(|t| &t.name));
        makers.extend(stores.filter(|name| *own_changelog(app, name.as_str()) == *topic).map(|name| &name.place));
        let sub = topic.strip_prefix(&format!("{app}-")).and_then(|rest| rest.strip_suffix("-cells-changelog"));
        makers.extend(sub.into_iter().flat_map(|sub| self.makers_of_sub(sub)));
        self.last(makers)
    }

    /// Where the nodes and edges stand that would give a sub-topology this name.
    fn makers_of_sub(&self, name: &str) -> Vec<&Place> {
        let mut makers = self.repartitioned(|node, role| format!("{node}-{}", emit::role_in_names(role)) == name);
        let begins = self.nodes.iter().filter(|n| matches!(n.what, What::Source(_) | What::Table(_)) && n.name.as_str() == name);
        makers.extend(begins.map(|n| &n.name.place));
        makers
    }

    /// The repartition edges into such a node and role.
    fn repartitioned(&self, wanted: impl Fn(&str, &str) -> bool) -> Vec<&Place> {
        let roles = self.nodes.iter().flat_map(|n| n.roles.iter().map(move |r| (n, r)));
        let found = roles.filter(|(node, role)| wanted(node.name.as_str(), &role.name));
        found.filter_map(|(_, role)| role.edges.iter().find(|e| e.repartition)).map(|e| &e.place).collect()
    }

    fn last(&self, places: Vec<&Place>) -> Place {
        places.into_iter().max_by_key(|place| position(place)).unwrap_or(&self.manifest.app.id.place).clone()
    }

    /// The stores with their changelogs. A table that has to have its own is warned of.
    pub fn store_specs(
        &self,
        stores: &[DraftStore<'m>],
        nodes: &[TopologyNode],
        external: &[ExternalTopic],
        warnings: &mut Vec<Diagnostic>,
    ) -> Vec<StoreSpec> {
        let app = &self.manifest.app.id;
        let mut specs = Vec::new();
        for store in stores {
            let table = self.manifest.tables.iter().find(|t| t.name.value == store.name.value);
            let own = self.manifest.stores.iter().find(|s| s.name.value == store.name.value);
            let backend = table.map(|t| t.backend).or(own.map(|s| s.backend)).unwrap_or(Backend::RocksDb);
            let is_compacted = |topic: &str| external.iter().any(|t| &*t.name == topic && t.cleanup == Cleanup::Compact);
            // Why the table cannot be restored from its own topic, and what else could be done about it.
            let obstacle = table.and_then(|table| {
                if !is_compacted(&table.topic) {
                    let hint = format!("compact the topic ([topics.{}] cleanup = \"compact\"), or say changelog = true", table.topic);
                    Some((format!("its topic '{}' is not compacted", table.topic), hint))
                } else if may_pass_over(nodes, &table.name) {
                    let why = "the table or a node below it passes over records that fail, and a restore from the topic would not";
                    Some((why.to_owned(), "say changelog = true".to_owned()))
                } else {
                    None
                }
            });
            let source = table.filter(|t| !t.changelog && obstacle.is_none());
            if let (Some(table), Some((why, hint))) = (table.filter(|t| !t.changelog), obstacle) {
                let message = format!("the table '{}' gets a changelog of its own: {why}", table.name);
                warnings.push(Diagnostic::warning("T019", message).hint(hint).at(Some(table.name.place.clone())));
            }
            specs.push(StoreSpec {
                name: store.name.value.clone(),
                shape: store.shape,
                backend,
                changelog: source.map_or_else(|| own_changelog(app, store.name), |t| t.topic.value.clone()),
                source_is_changelog: source.is_some(),
                sub_topology: 0,
            });
        }
        specs
    }
}

/// What happens when the node fails.
pub(super) fn on_error<'m>(what: What<'m>) -> &'m OnError {
    match what {
        What::Source(n) => &n.on_error,
        What::Table(n) => &n.on_error,
        What::Processor(n) => &n.on_error,
        What::Sink(n) => &n.on_error,
    }
}

/// True when the table's processor or a node below it passes over records that fail. The table's row is taken back then, but the record is
/// still in the table's topic, from which a restore would bring the row back.
fn may_pass_over(nodes: &[TopologyNode], table: &str) -> bool {
    let at = |name: &str| nodes.iter().position(|n| &*n.name == name);
    let mut seen = BTreeSet::new();
    let mut ahead: Vec<usize> = at(table).into_iter().collect();
    // A repartition edge ends at its sink: what fails behind it takes nothing back here.
    while let Some(at) = ahead.pop() {
        let Some(node) = nodes.get(at).filter(|_| seen.insert(at)) else { continue };
        if node.on_error.policy != FailurePolicy::Fail {
            return true;
        }
        ahead.extend(node.children.iter().flatten().map(|child| child.node.0));
    }
    false
}

/// The name of the changelog of a store that has its own.
pub fn own_changelog(app: &str, store: &str) -> Arc<str> {
    format!("{app}-{store}-changelog").into()
}

/// The name of the topic that notes which dead letters of an app were retried.
pub fn retried_letters(app: &str) -> Arc<str> {
    format!("{app}-dead-letters-retried").into()
}

/// The topic of a repartition edge's upper end.
pub(super) fn repartition_topic(kind: &NodeKind) -> Option<&Arc<str>> {
    match kind {
        NodeKind::Sink(sink) if sink.repartition.is_some() => Some(&sink.topic),
        _ => None,
    }
}

fn internal_topics(nodes: &[TopologyNode], stores: &[StoreSpec], subs: &[SubTopology]) -> Vec<Arc<str>> {
    let repartitions = nodes.iter().filter_map(|n| repartition_topic(&n.kind));
    let changelogs = stores.iter().filter(|s| !s.source_is_changelog).map(|s| &s.changelog);
    let cells = subs.iter().filter_map(|s| s.cells_changelog.as_ref());
    repartitions.chain(changelogs).chain(cells).cloned().collect()
}

impl Topology {
    /// The topics that the application makes for itself: repartition topics, changelogs of stores and of cells.
    pub fn internal_topics(&self) -> Vec<Arc<str>> {
        internal_topics(&self.nodes, &self.stores, &self.sub_topologies)
    }

    /// The topics to which failed records go.
    pub fn letter_topics(&self) -> Vec<Arc<str>> {
        letter_topics(&self.nodes)
    }
}

fn letter_topics(nodes: &[TopologyNode]) -> Vec<Arc<str>> {
    let mut topics: Vec<Arc<str>> = Vec::new();
    for node in nodes {
        if let FailurePolicy::DeadLetter(topic) = &node.on_error.policy
            && !topics.contains(topic)
        {
            topics.push(topic.clone());
        }
    }
    topics
}

/// Names that no topic of the manifest may have: of the internal topics, and of the one that is made when a dead letter is retried.
pub(super) fn reserved_topics(app: &str, nodes: &[TopologyNode], stores: &[StoreSpec], subs: &[SubTopology]) -> Vec<Arc<str>> {
    let marks = (!letter_topics(nodes).is_empty()).then(|| retried_letters(app));
    internal_topics(nodes, stores, subs).into_iter().chain(marks).collect()
}
