//! Follows every edge to the node that it names, and finds the role that it plays.

use super::draft::{Draft, DraftEdge, Role, What};
use super::graph::{Description, InputRole, Inputs, Takes};
use crate::error::{Diagnostic, nearest, suggest};
use crate::manifest::{self, Edge};

/// Role of the one input of a component that does not describe itself.
pub(super) const DEFAULT_ROLE: &str = "in";

/// Role of what flows into a sink; never seen from outside.
const SINK_ROLE: &str = "sink";

impl Draft<'_> {
    /// Fills the roles of every node.
    pub fn wire(&mut self) {
        for at in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(at) else { continue };
            let (what, description) = (node.what, node.description);
            let roles = match what {
                What::Source(_) | What::Table(_) => Vec::new(),
                What::Sink(sink) => {
                    if sink.from.is_empty() {
                        self.unreachable(at, "from = [\"...\"]");
                    }
                    vec![self.role(at, SINK_ROLE, Takes::Either, &sink.from)]
                }
                What::Processor(processor) => self.processor_roles(at, &processor.inputs, description),
            };
            if let Some(node) = self.nodes.get_mut(at) {
                node.roles = roles;
            }
        }
    }

    fn unreachable(&mut self, at: usize, write: &str) {
        let Some(node) = self.nodes.get(at) else { return };
        let (name, noun) = (node.name, node.what.noun());
        let error = Diagnostic::usage("T003", format!("nothing reaches the {noun} '{name}': it names no node that feeds it"));
        self.error(error.hint(format!("write {write}")), &name.place);
    }

    fn processor_roles(&mut self, at: usize, inputs: &manifest::Inputs, description: Option<&Description>) -> Vec<Role> {
        let declared = description.map(|d| &d.inputs);
        match (inputs, declared) {
            (manifest::Inputs::From(edges), _) if edges.is_empty() => {
                match declared {
                    Some(Inputs::Exactly(roles)) if roles.len() > 1 => self.unreachable(at, &inputs_example(roles, &[])),
                    _ => self.unreachable(at, "from = [\"...\"]"),
                }
                Vec::new()
            }
            (manifest::Inputs::From(edges), None) => vec![self.role(at, DEFAULT_ROLE, Takes::Records, edges)],
            (manifest::Inputs::From(edges), Some(Inputs::Any(takes))) => {
                edges.iter().map(|edge| self.role(at, &written(edge), *takes, std::slice::from_ref(edge))).collect()
            }
            (manifest::Inputs::From(edges), Some(Inputs::Exactly(roles))) => match &roles[..] {
                [one] => vec![self.role(at, &one.name, one.takes, edges)],
                _ => {
                    self.several_roles(at, roles, edges);
                    Vec::new()
                }
            },
            (manifest::Inputs::Roles(given), None) => {
                given.iter().map(|role| self.role(at, &role.role, Takes::Records, &role.edges)).collect()
            }
            (manifest::Inputs::Roles(given), Some(Inputs::Any(takes))) => {
                given.iter().map(|role| self.role(at, &role.role, *takes, &role.edges)).collect()
            }
            (manifest::Inputs::Roles(given), Some(Inputs::Exactly(roles))) => self.exact_roles(at, given, roles),
        }
    }

    fn several_roles(&mut self, at: usize, roles: &[InputRole], edges: &[Edge]) {
        let (Some(node), Some(edge)) = (self.nodes.get(at), edges.first()) else { return };
        let error = match roles {
            [] => Diagnostic::usage("T005", format!("the component of '{}' takes no input", node.name)).hint("leave 'from' out"),
            roles => {
                let message = format!("'from' does not say which role of '{}' is meant: {}", node.name, names(roles));
                Diagnostic::usage("T006", message).hint(format!("write {}", inputs_example(roles, edges)))
            }
        };
        self.error(error, &edge.place);
    }

    fn exact_roles(&mut self, at: usize, given: &[manifest::RoleInput], roles: &[InputRole]) -> Vec<Role> {
        let Some(name) = self.nodes.get(at).map(|n| n.name) else { return Vec::new() };
        for role in given {
            if !roles.iter().any(|r| r.name == *role.role.value) {
                let what = format!("roles of '{name}'");
                let hint = suggest(&role.role, &what, roles.iter().map(|r| r.name.as_str()));
                let error = Diagnostic::usage("T005", format!("the component of '{name}' has no input role '{}'", role.role));
                self.error(error.hint(hint), &role.role.place);
            }
        }
        let mut found = Vec::new();
        // A role that is there under a mistyped name has been told of.
        let names = || roles.iter().map(|r| r.name.as_str());
        let mistyped: Vec<&str> = given.iter().filter_map(|g| nearest(g.role.as_str(), names())).collect();
        for role in roles {
            match given.iter().find(|g| *g.role.value == *role.name) {
                Some(given) => found.push(self.role(at, &role.name, role.takes, &given.edges)),
                None if mistyped.contains(&role.name.as_str()) => {}
                None => {
                    let error = Diagnostic::usage("T006", format!("nothing flows into the role '{}' of '{name}'", role.name));
                    let doc = if role.doc.is_empty() { String::new() } else { format!(" ({})", role.doc) };
                    self.error(error.hint(format!("add {} = \"...\" to 'inputs'{doc}", role.name)), &name.place);
                }
            }
        }
        found
    }

    fn role(&mut self, at: usize, name: &str, takes: Takes, edges: &[Edge]) -> Role {
        let edges = edges.iter().filter_map(|edge| self.edge(at, edge)).collect();
        Role { name: name.into(), takes, edges, table: false }
    }

    fn edge(&mut self, at: usize, edge: &Edge) -> Option<DraftEdge> {
        let Some(from) = self.find(&edge.node) else {
            self.dangling(at, edge);
            return None;
        };
        let upper = self.nodes.get(from)?;
        if matches!(upper.what, What::Sink(_)) {
            let error = Diagnostic::usage("T001", format!("'{}' is a sink: nothing flows out of it", edge.node));
            let hint = "name the node that feeds the sink, or read the sink's topic with a source";
            self.error(error.hint(hint), &edge.place);
            return None;
        }
        let slot = match &edge.port {
            None => 0,
            Some(port) => match upper.ports.iter().position(|p| p == port) {
                Some(i) => i + 1,
                None => {
                    let error = Diagnostic::usage("T007", format!("the {} '{}' has no port '{port}'", upper.what.noun(), edge.node));
                    let what = format!("ports of '{}' beside its own name", edge.node);
                    let hint = suggest(port, &what, upper.ports.iter().map(|p| &**p));
                    self.error(error.hint(hint), &edge.place);
                    return None;
                }
            },
        };
        Some(DraftEdge { from, slot, repartition: edge.repartition, place: edge.place.clone() })
    }

    fn dangling(&mut self, at: usize, edge: &Edge) {
        let own = self.nodes.get(at).map_or("", |n| n.name.as_str());
        let error = Diagnostic::usage("T001", format!("'{own}' takes from '{}', but there is no such node", edge.node));
        let is_store = self.manifest.stores.iter().any(|s| s.name.value == edge.node);
        let hint = if is_store {
            format!("'{}' is a store: a processor opens it when 'stores' names it", edge.node)
        } else {
            let givers = self.nodes.iter().filter(|n| !matches!(n.what, What::Sink(_)) && n.name.as_str() != own);
            suggest(&edge.node, "nodes that give records", givers.map(|n| n.name.as_str()))
        };
        self.error(error.hint(hint), &edge.place);
    }
}

/// An edge's upper end as the manifest writes it.
fn written(edge: &Edge) -> String {
    match &edge.port {
        Some(port) => format!("{}.{port}", edge.node),
        None => edge.node.to_string(),
    }
}

fn names(roles: &[InputRole]) -> String {
    roles.iter().map(|r| format!("'{}'", r.name)).collect::<Vec<_>>().join(", ")
}

fn inputs_example(roles: &[InputRole], edges: &[Edge]) -> String {
    let mut edges = edges.iter();
    let pairs = roles.iter().map(|r| format!("{} = \"{}\"", r.name, edges.next().map_or("...".to_owned(), written)));
    format!("inputs = {{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}
