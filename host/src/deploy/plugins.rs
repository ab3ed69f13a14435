//! Components that are to take the place of others while the app runs: what has to hold before a stream thread hears of one.
//!
//! The same is asked of it as at a start: that it can be compiled, fits the contract, imports nothing that it is not given, and describes
//! itself for its config. Besides, the topology must stay as it is, and its state must be of the layout that is there, or be taken over.

use std::sync::Arc;

use super::application::Application;
use super::config;
use super::nodes::{ComponentNodes, Version};
use super::state_versions::{cannot_migrate, older};
use crate::component::Component;
use crate::error::{Diagnostic, suggest};
use crate::manifest::Processor;
use crate::node::VersionId;
use crate::runtime::{Conductor, TakenOver, Terms};
use crate::sandbox::{self, Loaded};
use crate::topology::{self, Description, NodeIx, NodeKind, Topology};

/// The components of a running app.
pub struct Plugins {
    app: Arc<Application>,
    nodes: Arc<ComponentNodes>,
}

/// A component that is offered.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    /// The processor whose place it is to take.
    pub processor: &'a str,
    /// The component.
    pub component: &'a Component,
    /// How many times as long a record may take with it; `None`: nobody minds.
    pub max_slowdown: Option<f64>,
}

/// A component has taken the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swapped {
    /// Digest of the one that worked before.
    pub from: Arc<str>,
    /// Digest of the one that works now.
    pub to: Arc<str>,
    /// How it went.
    pub taken_over: TakenOver,
    /// Whether it is on trial.
    pub on_trial: bool,
    /// The versions from which and to which it takes over the state, where it does.
    pub state: Option<(u32, u32)>,
}

impl Plugins {
    /// Those of an app that is bound with these nodes.
    pub fn new(app: Arc<Application>, nodes: Arc<ComponentNodes>) -> Self {
        Self { app, nodes }
    }

    /// Goes on where those of another plan stand: nodes by their index there, and here.
    pub fn carry(&self, other: &Self, nodes: impl IntoIterator<Item = (NodeIx, NodeIx)>) {
        self.nodes.carry(&other.nodes, nodes);
    }

    /// Lets a component take the place of a processor's, in all tasks of a running host. An error: nothing has changed. One call at a time, of this
    /// and of `roll_back`.
    pub fn swap(&self, host: &Conductor, offer: &Offer<'_>) -> Result<Swapped, Vec<Diagnostic>> {
        let one = |problem| vec![problem];
        let node = self.node(offer.processor).map_err(one)?;
        let (version, terms) = self.check(offer, node, host.status(node).version)?;
        let swapped = host.swap(node, version, terms).map(|taken_over| self.swapped(host, node, taken_over));
        let left = host.status(node);
        let kept: Vec<VersionId> = left.before.into_iter().map(|(version, _)| version).chain([left.version]).collect();
        self.nodes.keep(node, &kept);
        swapped.map_err(one)
    }

    /// Lets the component before come back.
    pub fn roll_back(&self, host: &Conductor, processor: &str) -> Result<Swapped, Diagnostic> {
        let node = self.node(processor)?;
        host.roll_back(node).map(|taken_over| self.swapped(host, node, taken_over))
    }

    fn swapped(&self, host: &Conductor, node: NodeIx, taken_over: TakenOver) -> Swapped {
        let told = |version| {
            let known = self.nodes.version(node, version);
            known.map_or_else(|| ("".into(), 0), |known| (known.loaded.digest().clone(), known.state))
        };
        let ((from, state_from), (to, state_to)) = (told(taken_over.from), told(taken_over.to));
        let state = (state_to > state_from).then_some((state_from, state_to));
        Swapped { from, to, taken_over, on_trial: host.status(node).on_trial, state }
    }

    /// The node of a processor of the manifest.
    fn node(&self, processor: &str) -> Result<NodeIx, Diagnostic> {
        let found = self.app.topology.nodes.iter().position(|n| &*n.name == processor && matches!(n.kind, NodeKind::Processor(_)));
        found.filter(|_| self.processor(processor).is_some()).map(NodeIx).ok_or_else(|| {
            let names: Vec<&str> = self.app.manifest.processors.iter().map(|p| p.name.as_str()).collect();
            Diagnostic::usage("R090", format!("there is no processor '{processor}'")).hint(suggest(processor, "processors", names))
        })
    }

    /// Compiles and checks a component that is to take the place of the version `running`: its number, and how it may take over.
    fn check(&self, offer: &Offer<'_>, node: NodeIx, running: VersionId) -> Result<(VersionId, Terms), Vec<Diagnostic>> {
        let one = |problem| vec![problem];
        let processor = offer.processor;
        let (Some(section), Some(running)) = (self.processor(processor), self.nodes.version(node, running)) else {
            return Err(one(Diagnostic::run("R004", format!("'{processor}' has no component"))));
        };
        let loaded = sandbox::load_all(running.loaded.engine(), &[offer.component]).into_iter().next();
        let loaded = loaded.unwrap_or_else(|| Err(Diagnostic::run("R004", format!("'{processor}' has no component")))).map_err(one)?;
        let description = described(section, &loaded)?;
        self.same_topology(section, description.as_ref())?;
        let state = state_version(description.as_ref());
        let terms = terms(offer, &loaded, running.state, state).map_err(one)?;
        Ok((self.nodes.add(node, Version { loaded, state }).unwrap_or_default(), terms))
    }

    fn processor(&self, name: &str) -> Option<&Processor> {
        self.app.manifest.processors.iter().find(|p| *p.name.value == *name)
    }

    /// With the new description the manifest must mean what it means now: records are on their way through the nodes that there are.
    fn same_topology(&self, section: &Processor, description: Option<&Description>) -> Result<(), Vec<Diagnostic>> {
        let mut descriptions = self.app.descriptions.clone();
        match description {
            Some(description) => _ = descriptions.insert(section.name.to_string(), description.clone()),
            None => _ = descriptions.remove(section.name.as_str()),
        }
        let topology = topology::build(&self.app.manifest, &descriptions)?;
        let same = |a: &Topology, b: &Topology| a.nodes == b.nodes && a.stores == b.stores && a.sub_topologies == b.sub_topologies;
        if same(&topology, &self.app.topology) {
            return Ok(());
        }
        let mut problem = Diagnostic::usage("T040", format!("the new component of '{}' would change the topology", section.name));
        if let (Some(new), Some(old)) = (shape(&topology, &section.name), shape(&self.app.topology, &section.name)) {
            problem = problem.because(format!("it has {new}; the one at work has {old}"));
        }
        Err(vec![problem.hint("stop the app, build and check it, and run it again: a swap keeps inputs, ports and stores as they are")])
    }
}

/// What a component says of itself for this processor's config.
fn described(section: &Processor, loaded: &Loaded) -> Result<Option<Description>, Vec<Diagnostic>> {
    let described = sandbox::describe(loaded, Some(&section.config.json())).map_err(|problem| match problem.code {
        "C110" => config::refused(section, loaded, problem),
        _ => vec![problem],
    })?;
    let errors = described.as_ref().map_or_else(Vec::new, |d| topology::check_config(&section.name, &section.config, d));
    if errors.is_empty() { Ok(described) } else { Err(errors) }
}

/// A component that does not describe itself has the first layout.
fn state_version(description: Option<&Description>) -> u32 {
    description.map_or(0, |d| d.state_version)
}

/// How a version takes over that keeps state of the version `new` from one of the version `at_work`.
fn terms(offer: &Offer<'_>, loaded: &Loaded, at_work: u32, new: u32) -> Result<Terms, Diagnostic> {
    match new.cmp(&at_work) {
        std::cmp::Ordering::Equal => Ok(Terms::Trial { max_slowdown: offer.max_slowdown }),
        std::cmp::Ordering::Less => Err(older(offer.processor, at_work, new)),
        std::cmp::Ordering::Greater if !loaded.migrates() => Err(cannot_migrate(offer.processor, at_work, new)),
        std::cmp::Ordering::Greater => Ok(Terms::ForGood),
    }
}

/// Inputs, ports and stores of a node, in words.
fn shape(topology: &Topology, name: &str) -> Option<String> {
    let node = topology.nodes.iter().find(|n| *n.name == *name)?;
    let NodeKind::Processor(processor) = &node.kind else { return None };
    let list = |what: &str, names: &[String]| match names {
        [] => format!("no {what}s"),
        names => format!("the {what}s {}", names.join(", ")),
    };
    let stores: Vec<String> = processor.grants.iter().map(|g| g.role.clone()).collect();
    Some([list("input", &processor.inputs), list("port", &processor.ports), list("store", &stores)].join(", "))
}
