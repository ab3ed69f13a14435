//! From a manifest to a checked topology, step by step; every error of a step is told at once.

use std::collections::BTreeSet;

use super::draft::{Descriptions, Draft, What};
use super::graph::{NodeKind, Topology, TopologyNode};
use super::topics::reserved_topics;
use super::{cut, emit};
use crate::error::Diagnostic;
use crate::manifest::{Manifest, position};

/// Checks a manifest as a whole and makes its topology. `descriptions`: what the components say of themselves, by the name of the processor
/// or table; one that is absent takes streams, gives streams, and names its roles and ports as the manifest does.
pub fn build(manifest: &Manifest, descriptions: &Descriptions) -> Result<Topology, Vec<Diagnostic>> {
    let mut draft = Draft::new(manifest, descriptions);
    draft.wire();
    let wired = draft.errors.is_empty();
    let order = draft.order();
    let stores = draft.stores();
    let grants = draft.grant(&stores);
    draft.check_configs();
    draft.one_source_each();
    draft.letters_come_back();
    draft.reads_something();
    // What flows through an edge is not asked where edges are missing: the answers would be about the gap.
    if wired {
        draft.carry(&order);
    }
    let draft = checked(draft)?;
    let mut warnings = draft.dead_ends();
    let topics = draft.external_topics();
    let mut nodes = emit::nodes(&draft, &grants);
    let mut specs = draft.store_specs(&stores, &nodes, &topics, &mut warnings);
    let apart = roles_apart(&draft, &nodes);
    let sub_topologies = cut::cut(&manifest.app.id, &mut nodes, specs.len(), &apart);
    for (number, sub) in sub_topologies.iter().enumerate() {
        for store in &sub.stores {
            if let Some(spec) = specs.get_mut(*store) {
                spec.sub_topology = number;
            }
        }
    }
    let internal = reserved_topics(&manifest.app.id, &nodes, &specs, &sub_topologies);
    let mut draft = draft;
    draft.unused_topics(&topics, &nodes, &internal);
    draft.clashes(&topics, &internal, &sub_topologies);
    checked(draft)?;
    warnings.sort_by_key(|w| w.place.as_ref().map(position));
    Ok(Topology { app: manifest.app.id.value.clone(), nodes, stores: specs, sub_topologies, topics, warnings })
}

fn checked(draft: Draft<'_>) -> Result<Draft<'_>, Vec<Diagnostic>> {
    if draft.errors.is_empty() {
        return Ok(draft);
    }
    let mut errors = draft.errors;
    errors.sort_by_key(|e| e.place.as_ref().map(position));
    Err(errors)
}

/// The processors with several roles: what meets there must have been partitioned alike.
fn roles_apart(draft: &Draft<'_>, nodes: &[TopologyNode]) -> BTreeSet<usize> {
    let apart = |node: &TopologyNode| match &node.kind {
        NodeKind::Processor(processor) if processor.inputs.len() > 1 => {
            draft.find(&node.name).and_then(|at| draft.nodes.get(at)).is_some_and(|n| !n.merges())
        }
        _ => false,
    };
    nodes.iter().enumerate().filter(|(_, node)| apart(node)).map(|(at, _)| at).collect()
}

impl Draft<'_> {
    /// Without a source or table no record ever comes, and a run would wait for ever.
    fn reads_something(&mut self) {
        if self.manifest.sources.is_empty() && self.manifest.tables.is_empty() {
            let error = Diagnostic::usage("T023", "the application reads nothing: it has no source and no table");
            self.error(error.hint("write [sources.NAME] with topic = \"...\""), &self.manifest.app.id.place);
        }
    }

    /// Nodes whose records go nowhere and leave no trace.
    fn dead_ends(&self) -> Vec<Diagnostic> {
        let fed: BTreeSet<usize> = self.nodes.iter().flat_map(|n| &n.roles).flat_map(|r| &r.edges).map(|e| e.from).collect();
        let mut warnings = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let leaves_traces = match node.what {
                What::Table(_) | What::Sink(_) => true,
                What::Source(_) => false,
                What::Processor(p) => match &p.stores {
                    crate::manifest::StoreGrants::Listed(list) => !list.is_empty(),
                    crate::manifest::StoreGrants::Roles(roles) => !roles.is_empty(),
                },
            };
            if leaves_traces || fed.contains(&at) {
                continue;
            }
            let message = format!("the records of the {} '{}' go nowhere", node.what.noun(), node.name);
            let hint = format!("name it in 'from' of a sink or a processor: from = [\"{}\"]", node.name);
            warnings.push(Diagnostic::warning("T004", message).hint(hint).at(Some(node.name.place.clone())));
        }
        warnings
    }
}
