//! Streams and tables: which edges carry updates, and whether every role gets what it takes.

use super::draft::{Draft, Role, What};
use super::graph::{Carries, Inputs, Takes};
use crate::error::Diagnostic;

impl Draft<'_> {
    /// Settles `Role::table` of every node. `order`: ancestors first.
    pub fn carry(&mut self, order: &[usize]) {
        for &at in order {
            for role_ix in 0..self.nodes.get(at).map_or(0, |n| n.roles.len()) {
                let Some(table) = self.settle(at, role_ix) else { continue };
                if let Some(role) = self.nodes.get_mut(at).and_then(|n| n.roles.get_mut(role_ix)) {
                    role.table = table;
                }
            }
        }
        self.check_descriptions();
    }

    /// Whether updates flow into this role.
    fn settle(&mut self, at: usize, role_ix: usize) -> Option<bool> {
        let node = self.nodes.get(at)?;
        let role = node.roles.get(role_ix)?;
        // A sink's topic is somebody else's: what is written there are records.
        if matches!(node.what, What::Sink(_)) {
            return Some(false);
        }
        let stream = role.edges.iter().find(|e| !self.carries_updates(e.from, e.slot));
        let table = role.edges.iter().find(|e| self.carries_updates(e.from, e.slot));
        let name = |from: usize| self.nodes.get(from).map_or("", |n| n.name.as_str());
        let error = match (role.takes, stream, table) {
            (Takes::Records, ..) | (Takes::Either, _, None) => return Some(false),
            (_, None, _) => return Some(true),
            (Takes::Updates, Some(stream), _) => {
                let message =
                    format!("the role '{}' of '{}' takes a table's updates, but '{}' is a stream", role.name, node.name, name(stream.from));
                let hint = "read the topic with [tables.*], or put a processor with component = \"stock:table\" between them";
                Diagnostic::usage("T012", message).hint(hint).at(Some(stream.place.clone()))
            }
            (Takes::Either, Some(stream), Some(table)) => {
                let (stream_name, table_name) = (name(stream.from), name(table.from));
                let message = format!(
                    "the role '{}' of '{}' cannot take both: '{stream_name}' is a stream, '{table_name}' a table",
                    role.name, node.name
                );
                Diagnostic::usage("T012", message).hint("feed it streams alone, or tables alone").at(Some(table.place.clone()))
            }
        };
        self.errors.push(error);
        None
    }

    /// Whether updates leave a node by this slot. Its own roles must be settled.
    fn carries_updates(&self, at: usize, slot: usize) -> bool {
        let Some(node) = self.nodes.get(at) else { return false };
        match node.declared(slot) {
            Carries::Records => false,
            Carries::Updates => true,
            Carries::Like(role) => {
                let is_any = |d: &super::graph::Description| matches!(d.inputs, Inputs::Any(_));
                let alike = |r: &&Role| node.description.is_some_and(is_any) || *r.name == *role;
                let mut inputs = node.roles.iter().filter(alike).peekable();
                inputs.peek().is_some() && inputs.all(|r| r.table)
            }
        }
    }

    /// What a component says of itself may not hang together; that is its author's fault.
    fn check_descriptions(&mut self) {
        let mut errors = Vec::new();
        for node in &self.nodes {
            let Some(description) = node.description else { continue };
            for port in &description.ports {
                let Carries::Like(role) = &port.carries else { continue };
                let known = match &description.inputs {
                    Inputs::Any(_) => true,
                    Inputs::Exactly(roles) => roles.iter().any(|r| r.name == *role),
                };
                if !known {
                    let message = format!("the component of '{}' describes itself wrongly", node.name);
                    let cause = format!("its port '{}' carries what the role '{role}' carries, but it has no such role", port.name);
                    errors.push(Diagnostic::usage("T020", message).because(cause).at(Some(node.name.place.clone())));
                }
            }
        }
        self.errors.append(&mut errors);
    }
}
