//! Nodes of tasks, made of components.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::application::Application;
use super::state_versions::{Keeper, Standing, standing};
use crate::error::Diagnostic;
use crate::node::{Failure, Lent, Node, VersionId};
use crate::runtime::{GuestReadings, NodeFactory};
use crate::sandbox::{GuestMetrics, Loaded, NodeLimits, NodeSetup, StoreGrant};
use crate::topology::{NodeIx, NodeKind, Processor, TaskId, Topology};

/// What every instance of one node has in common, whatever its version.
struct Template {
    setup: NodeSetup,
    kept: Mutex<Kept>,
}

/// What of a node outlives the plan that it was made for.
#[derive(Clone, Default)]
struct Kept {
    /// By number. The first is that of the manifest.
    versions: Numbered,
    metrics: Arc<GuestMetrics>,
}

/// The versions of a node that may work, by number.
#[derive(Clone, Default)]
struct Numbered {
    known: BTreeMap<VersionId, Version>,
    next: u32,
}

/// A component, and the version in which it keeps its state.
#[derive(Clone)]
pub(super) struct Version {
    pub loaded: Arc<Loaded>,
    pub state: u32,
}

/// Makes component nodes for the processors of a topology.
pub struct ComponentNodes {
    templates: FxHashMap<NodeIx, Template>,
}

impl ComponentNodes {
    /// Those of an app, as its manifest says.
    pub fn of(app: &Application) -> Self {
        let version = |node: &str| {
            let state = app.descriptions.get(node).map_or(0, |described| described.state_version);
            Some(Version { loaded: app.components.get(node)?.clone(), state })
        };
        Self::new(&app.topology, version)
    }

    fn new(topology: &Topology, version: impl Fn(&str) -> Option<Version>) -> Self {
        let mut templates = FxHashMap::default();
        for (at, node) in topology.nodes.iter().enumerate() {
            let NodeKind::Processor(processor) = &node.kind else { continue };
            let Some(version) = version(&node.name) else { continue };
            let setup = NodeSetup {
                app: topology.app.clone(),
                name: node.name.clone(),
                node: topology.place(NodeIx(at)),
                task: "".into(),
                inputs: processor.inputs.clone(),
                ports: processor.ports.clone(),
                config: processor.config.clone(),
                grants: grants(topology, node.sub_topology, processor),
                limits: NodeLimits { memory_bytes: processor.memory_bytes, deadline: processor.deadline, outputs: processor.outputs },
                allow: processor.allow.clone(),
                metrics: Arc::new(GuestMetrics::default()),
            };
            let versions = Numbered { known: BTreeMap::from([(VersionId(0), version)]), next: 1 };
            let kept = Mutex::new(Kept { versions, metrics: setup.metrics.clone() });
            templates.insert(NodeIx(at), Template { setup, kept });
        }
        Self { templates }
    }

    /// Takes another version of a node; one that is known already keeps its number.
    pub(super) fn add(&self, node: NodeIx, version: Version) -> Option<VersionId> {
        let versions = &mut self.templates.get(&node)?.kept().versions;
        if let Some((known, _)) = versions.known.iter().find(|(_, known)| known.loaded.digest() == version.loaded.digest()) {
            return Some(*known);
        }
        let number = VersionId(versions.next);
        versions.next += 1;
        versions.known.insert(number, version);
        Some(number)
    }

    /// A version of a node.
    pub(super) fn version(&self, node: NodeIx, version: VersionId) -> Option<Version> {
        self.templates.get(&node)?.kept().versions.known.get(&version).cloned()
    }

    /// Lets go of all versions of a node but these.
    pub fn keep(&self, node: NodeIx, kept: &[VersionId]) {
        if let Some(template) = self.templates.get(&node) {
            template.kept().versions.known.retain(|version, _| kept.contains(version));
        }
    }

    /// Goes on with the versions and the metrics of nodes that another plan had: their index there, and here.
    pub(super) fn carry(&self, other: &Self, nodes: impl IntoIterator<Item = (NodeIx, NodeIx)>) {
        for (there, here) in nodes {
            if let (Some(there), Some(here)) = (other.templates.get(&there), self.templates.get(&here)) {
                let kept = there.kept().clone();
                *here.kept() = kept;
            }
        }
    }
}

impl Template {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node's stores, by their index in a task of its sub-topology.
fn grants(topology: &Topology, sub_topology: usize, processor: &Processor) -> Vec<StoreGrant> {
    let stores = &topology.sub_topologies[sub_topology].stores;
    let grant = |g: &crate::topology::Grant| {
        let index = stores.iter().position(|&s| s == g.store)?;
        let spec = &topology.stores[g.store];
        Some(StoreGrant { role: g.role.clone(), store: spec.name.clone(), index, shape: spec.shape, access: g.access })
    };
    processor.grants.iter().filter_map(grant).collect()
}

impl NodeFactory for ComponentNodes {
    fn make(&self, node: NodeIx, version: VersionId, task: &TaskId, env: &mut Lent) -> Result<Box<dyn Node>, Diagnostic> {
        let missing = || Diagnostic::run("R004", format!("node {} of task {} has no component", node.0, task.name));
        let template = self.templates.get(&node).ok_or_else(missing)?;
        let Version { loaded, state } = self.version(node, version).ok_or_else(missing)?;
        let setup = NodeSetup { task: task.name.clone(), metrics: template.kept().metrics.clone(), ..template.setup.clone() };
        let made = match standing(&setup, Keeper { version: state, migrates: loaded.migrates() }, env)? {
            Standing::Fits => loaded.instantiate(setup, env),
            Standing::Behind => loaded.instantiate_behind(setup, state, env),
        };
        let refused = |why: Failure| {
            let hint = hint(&why.to_string());
            Diagnostic::usage("C020", format!("'{}' refuses to start", template.setup.name)).because(why).hint(hint)
        };
        Ok(Box::new(made.map_err(refused)?))
    }

    fn digest(&self, node: NodeIx, version: VersionId) -> Option<Arc<str>> {
        Some(self.version(node, version)?.loaded.digest().clone())
    }

    fn readings(&self) -> Vec<GuestReadings> {
        let mut all: Vec<(&NodeIx, &Template)> = self.templates.iter().collect();
        all.sort_by_key(|(node, _)| **node);
        all.into_iter().map(|(_, t)| GuestReadings { node: t.setup.name.clone(), metrics: t.kept().metrics.read() }).collect()
    }

    fn guest_memory_bytes(&self) -> usize {
        // One engine runs all components of a host.
        let any = self.templates.values().find_map(|template| template.kept().versions.known.values().next().cloned());
        any.map_or(0, |version| version.loaded.engine().memory_bytes())
    }
}

/// What to do about the words of a component that refuses to start.
fn hint(said: &str) -> &'static str {
    if said.contains("is not given to this node") {
        "declare the store in `describe` of the component, and list it in `stores` of this processor"
    } else {
        "see `config` of this processor in the manifest"
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn store_that_is_not_given_is_no_matter_of_the_config() {
        assert!(super::hint("init: store `counts` is not given to this node").contains("`stores`"));
        assert!(super::hint("init: the threshold is negative").contains("`config`"));
    }
}
