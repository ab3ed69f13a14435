//! The graph while it is being checked: the nodes of the manifest, in its order, and the edges between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::graph::{Carries, Description, Inputs, Takes};
use crate::error::{Diagnostic, Place};
use crate::manifest::{self, Manifest, Name, position};

/// What the components of processors say of themselves, by the processor's name. One that is absent says nothing.
pub type Descriptions = BTreeMap<String, Description>;

/// Everything that is known while checking, and what was found to be wrong.
pub(super) struct Draft<'m> {
    pub manifest: &'m Manifest,
    /// In the order of the file.
    pub nodes: Vec<DraftNode<'m>>,
    pub errors: Vec<Diagnostic>,
}

/// A node of the manifest.
pub(super) struct DraftNode<'m> {
    pub name: &'m Name,
    pub what: What<'m>,
    pub description: Option<&'m Description>,
    /// Filled by `wire`.
    pub roles: Vec<Role>,
    /// Names of the ports beside the default one.
    pub ports: Vec<Arc<str>>,
}

/// Which section a node stands in.
#[derive(Clone, Copy)]
pub(super) enum What<'m> {
    Source(&'m manifest::Source),
    Table(&'m manifest::Table),
    Processor(&'m manifest::Processor),
    Sink(&'m manifest::Sink),
}

impl What<'_> {
    /// As messages call it.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Table(_) => "table",
            Self::Processor(_) => "processor",
            Self::Sink(_) => "sink",
        }
    }
}

/// One input of a node.
pub(super) struct Role {
    pub name: Arc<str>,
    pub takes: Takes,
    pub edges: Vec<DraftEdge>,
    /// Whether updates of a table flow in; filled by `carries`.
    pub table: bool,
}

/// An edge, at its lower end.
pub(super) struct DraftEdge {
    /// Index of the node above.
    pub from: usize,
    /// 0: its default port; `i + 1`: `ports[i]`.
    pub slot: usize,
    pub repartition: bool,
    pub place: Place,
}

impl<'m> Draft<'m> {
    /// The nodes, without edges.
    pub fn new(manifest: &'m Manifest, descriptions: &'m Descriptions) -> Self {
        let mut whats: Vec<(&Name, What<'m>)> = Vec::new();
        whats.extend(manifest.sources.iter().map(|n| (&n.name, What::Source(n))));
        whats.extend(manifest.tables.iter().map(|n| (&n.name, What::Table(n))));
        whats.extend(manifest.processors.iter().map(|n| (&n.name, What::Processor(n))));
        whats.extend(manifest.sinks.iter().map(|n| (&n.name, What::Sink(n))));
        whats.sort_by_key(|(name, _)| position(&name.place));
        let node = |(name, what): (&'m Name, What<'m>)| {
            let description = descriptions.get(&*name.value);
            DraftNode { name, what, description, roles: Vec::new(), ports: ports(manifest, name, what, description) }
        };
        Self { manifest, nodes: whats.into_iter().map(node).collect(), errors: Vec::new() }
    }

    /// Index of the node of this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|n| &*n.name.value == name)
    }

    pub fn error(&mut self, error: Diagnostic, place: &Place) {
        self.errors.push(error.at(Some(place.clone())));
    }
}

/// The ports beside the default one: those that the component declares, else those that anybody names.
fn ports(manifest: &Manifest, name: &Name, what: What<'_>, description: Option<&Description>) -> Vec<Arc<str>> {
    if !matches!(what, What::Processor(_)) {
        return Vec::new();
    }
    if let Some(description) = description {
        return description.ports.iter().filter(|p| !p.name.is_empty()).map(|p| p.name.as_str().into()).collect();
    }
    let mut named: Vec<(&Place, &Arc<str>)> = Vec::new();
    let processors = manifest.processors.iter().flat_map(|p| match &p.inputs {
        manifest::Inputs::From(edges) => edges.iter().collect::<Vec<_>>(),
        manifest::Inputs::Roles(roles) => roles.iter().flat_map(|r| &r.edges).collect(),
    });
    for edge in processors.chain(manifest.sinks.iter().flat_map(|s| &s.from)) {
        if edge.node == name.value
            && let Some(port) = &edge.port
        {
            named.push((&edge.place, port));
        }
    }
    named.sort_by_key(|(place, _)| position(place));
    let mut ports: Vec<Arc<str>> = Vec::new();
    for (_, port) in named {
        if !ports.contains(port) {
            ports.push(port.clone());
        }
    }
    ports
}

impl DraftNode<'_> {
    /// What a slot carries, as declared.
    pub fn declared(&self, slot: usize) -> Carries {
        match self.what {
            What::Table(_) => Carries::Updates,
            What::Source(_) | What::Sink(_) => Carries::Records,
            What::Processor(_) => {
                let name = slot.checked_sub(1).and_then(|i| self.ports.get(i)).map_or("", |p| &**p);
                let port = self.description.and_then(|d| d.ports.iter().find(|p| p.name == name));
                port.map_or(Carries::Records, |p| p.carries.clone())
            }
        }
    }

    /// True where the component takes any number of inputs, all alike: topics that meet there need not be co-partitioned.
    pub fn merges(&self) -> bool {
        self.description.is_some_and(|d| matches!(d.inputs, Inputs::Any(_)))
    }
}
