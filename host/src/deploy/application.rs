//! An app as its manifest tells it: components read, compiled and asked what they are, topology built and checked. Nothing runs yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bundle::Bundle;
use super::kafka::Cluster;
use super::{compiled, config};
use crate::component::{self, Component};
use crate::error::Diagnostic;
use crate::manifest::{Capability, Manifest, OfHost};
use crate::sandbox::{self, Engine, Loaded};
use crate::topology::{self, Descriptions, NodeKind, Sink, TopicUse, Topology};

/// What flags of the command line put in place of the manifest's keys.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `runtime.threads`.
    pub threads: Option<u32>,
    /// `runtime.state-dir`, relative to where the command was started.
    pub state_dir: Option<PathBuf>,
    /// Of a Kafka cluster.
    pub cluster: Cluster,
    /// What this host gives to components that are granted it; `None`: nothing is run, and nobody asks.
    pub ceiling: Option<Vec<Capability>>,
    /// `perf` is to know the guests' functions by name; nothing in a manifest says that.
    pub perf_map: bool,
}

/// A checked app.
pub struct Application {
    /// What the author wrote.
    pub manifest: Manifest,
    /// What it means.
    pub topology: Topology,
    /// Compiled components, by the name of their node.
    pub components: BTreeMap<String, Arc<Loaded>>,
    /// The bytes that they were compiled from, by the name of their node.
    pub found: BTreeMap<String, Component>,
    /// What each component says of itself, by the name of its node.
    pub descriptions: Descriptions,
    /// Folder of the log and of the state.
    pub state_dir: PathBuf,
}

impl Application {
    /// Reads a manifest and everything that it names.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, Vec<Diagnostic>> {
        let manifest = Manifest::load(path)?;
        let start = if overrides.perf_map { Engine::with_perf_map } else { Engine::new };
        Self::of(&start(compiled::folder()).map_err(|e| vec![e])?, manifest, overrides)
    }

    /// Reads everything that a manifest names. Apps of one engine share its pool of instances.
    pub fn of(engine: &Engine, manifest: Manifest, overrides: &Overrides) -> Result<Self, Vec<Diagnostic>> {
        let found = component::load(&manifest)?;
        Self::with_components(engine, manifest, found, overrides)
    }

    /// A deployed app. `name`: what messages call the deployment's manifest; `host`: what a deployment says nothing of.
    pub fn deployed(engine: &Engine, bundle: &Bundle, name: &str, host: OfHost, overrides: &Overrides) -> Result<Self, Vec<Diagnostic>> {
        Self::deployed_but(engine, bundle, name, host, overrides, |_| {})
    }

    /// As `deployed`, where somebody changes which component each node has.
    pub fn deployed_but(
        engine: &Engine,
        bundle: &Bundle,
        name: &str,
        host: OfHost,
        overrides: &Overrides,
        change: impl FnOnce(&mut BTreeMap<String, Component>),
    ) -> Result<Self, Vec<Diagnostic>> {
        let manifest = Manifest::parse(name, &bundle.manifest)?.on(host);
        let mut found = component::load_from(&manifest, |reference| bundle.component(reference))?;
        change(&mut found);
        Self::with_components(engine, manifest, found, overrides)
    }

    /// `found`: the component of each node.
    fn with_components(
        engine: &Engine,
        mut manifest: Manifest,
        found: BTreeMap<String, Component>,
        overrides: &Overrides,
    ) -> Result<Self, Vec<Diagnostic>> {
        if let Some(threads) = overrides.threads {
            manifest.runtime.threads = threads;
        }
        if let Some(ceiling) = &overrides.ceiling {
            below(&manifest, ceiling)?;
        }
        let state_dir = overrides.state_dir.clone().unwrap_or_else(|| manifest.state_dir());
        let components = compile(engine, &manifest, &found)?;
        let descriptions = describe(&manifest, &components)?;
        let topology = topology::build(&manifest, &descriptions)?;
        Ok(Self { manifest, topology, components, found, descriptions, state_dir })
    }

    /// The topic of a source or table, and whether it is a table.
    pub fn input_topic(&self, name: &str) -> Option<(Arc<str>, bool)> {
        let source = self.manifest.sources.iter().find(|s| *s.name.value == *name);
        let source = source.and_then(|s| Some((s.topics.first()?.value.clone(), false)));
        let table = self.manifest.tables.iter().find(|t| *t.name.value == *name);
        source.or_else(|| table.map(|t| (t.topic.value.clone(), true)))
    }

    /// Names of all sources and tables.
    pub fn input_names(&self) -> Vec<&str> {
        let sources = self.manifest.sources.iter().map(|s| &*s.name.value);
        sources.chain(self.manifest.tables.iter().map(|t| &*t.name.value)).collect()
    }

    /// The topic of a sink.
    pub fn output_topic(&self, name: &str) -> Option<Arc<str>> {
        self.sinks().find(|(sink, _)| *sink == name).map(|(_, sink)| sink.topic.clone())
    }

    /// Names of all sinks.
    pub fn output_names(&self) -> Vec<&str> {
        self.sinks().map(|(name, _)| name).collect()
    }

    /// Topics whose records an observer sees, and what they are called: sinks by their name, dead-letter topics by the topic's.
    pub fn observed_topics(&self) -> Vec<(Arc<str>, String)> {
        let sinks = self.sinks().map(|(name, sink)| (sink.topic.clone(), name.to_owned()));
        let letters = self.topology.topics.iter().filter(|t| t.used_by == TopicUse::DeadLetter);
        sinks.chain(letters.map(|t| (t.name.clone(), t.name.to_string()))).collect()
    }

    fn sinks(&self) -> impl Iterator<Item = (&str, &Sink)> {
        self.topology.nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Sink(sink) if sink.repartition.is_none() => Some((&*node.name, sink)),
            _ => None,
        })
    }
}

/// Refuses grants of what this host does not give.
fn below(manifest: &Manifest, ceiling: &[Capability]) -> Result<(), Vec<Diagnostic>> {
    let granted = manifest.processors.iter().flat_map(|processor| processor.allow.iter().map(move |granted| (processor, granted)));
    let refused = granted.filter(|(_, granted)| !ceiling.contains(granted)).map(|(processor, granted)| {
        Diagnostic::usage("C111", format!("'{}' is granted {granted}, which this host does not give", processor.name))
            .hint(format!("start the host with --allow {granted}, where it is to give that; or take it out of `allow` of the processor"))
            .at(Some(granted.place.clone()))
    });
    let refused: Vec<Diagnostic> = refused.collect();
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// An engine that keeps compiled code for the next start.
pub fn engine() -> Result<Engine, Diagnostic> {
    Engine::new(compiled::folder())
}

/// Compiles each component once, whoever uses it.
fn compile(
    engine: &Engine,
    manifest: &Manifest,
    found: &BTreeMap<String, Component>,
) -> Result<BTreeMap<String, Arc<Loaded>>, Vec<Diagnostic>> {
    let mut distinct: Vec<&Component> = Vec::new();
    for component in found.values() {
        if !distinct.iter().any(|c| c.digest == component.digest) {
            distinct.push(component);
        }
    }
    let compiled = sandbox::load_all(engine, &distinct);
    let mut loaded = BTreeMap::new();
    let mut problems = Vec::new();
    for (component, result) in distinct.iter().zip(compiled) {
        let users: Vec<&String> = found.iter().filter(|(_, c)| c.digest == component.digest).map(|(node, _)| node).collect();
        match result {
            Ok(one) => loaded.extend(users.into_iter().map(|node| (node.clone(), one.clone()))),
            Err(problem) => {
                let place = users.first().and_then(|node| place_of(manifest, node));
                problems.push(problem.at(place));
            }
        }
    }
    if problems.is_empty() { Ok(loaded) } else { Err(problems) }
}

/// Asks each component what it is, with the config that it will get.
fn describe(manifest: &Manifest, components: &BTreeMap<String, Arc<Loaded>>) -> Result<Descriptions, Vec<Diagnostic>> {
    let mut descriptions = Descriptions::default();
    let mut problems = Vec::new();
    for (node, loaded) in components {
        let processor = manifest.processors.iter().find(|p| *p.name.value == **node);
        let config = processor.map_or_else(|| "{}".to_owned(), |p| p.config.json());
        match sandbox::describe(loaded, Some(&config)) {
            Ok(Some(description)) => _ = descriptions.insert(node.clone(), description),
            Ok(None) => {}
            Err(problem) => match processor.filter(|_| problem.code == "C110") {
                Some(processor) => problems.extend(config::refused(processor, loaded, problem)),
                None => problems.push(problem.at(place_of(manifest, node))),
            },
        }
    }
    if problems.is_empty() { Ok(descriptions) } else { Err(problems) }
}

fn place_of(manifest: &Manifest, node: &str) -> Option<crate::error::Place> {
    let processor = manifest.processors.iter().find(|p| *p.name.value == *node);
    let table = || manifest.tables.iter().find(|t| *t.name.value == *node).map(|t| t.name.place.clone());
    processor.map(|p| p.component.place.clone()).or_else(table)
}
