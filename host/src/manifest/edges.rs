//! What flows where: `from`, `inputs` and `stores` of a node.

use super::keys;
use super::model::{Edge, Inputs, RoleInput, StoreGrant, StoreGrants};
use super::reader::{Field, Fields, Reader};
use super::values::check_name;
use super::words::{Name, Spanned, StoreAccess};
use crate::error::Diagnostic;

const EDGE: &str = "a node's name, or a list of them";
const EDGE_FORMS: &str = "write \"node\", \"node.port\", { from = \"node\", repartition = true }, or a list of these in [ ]";
const GRANT_FORMS: &str = "write stores = [\"a\"], or for a component with several roles stores = { role = \"a\", other = \"b\" }";

impl<'a> Reader<'a> {
    /// `from` or `inputs` of a processor.
    pub fn inputs(&mut self, node: &Fields<'a>) -> Inputs {
        match (self.field(node, "from"), self.field(node, "inputs")) {
            (Some(_), Some(inputs)) => {
                let message = format!("{} has both 'from' and 'inputs'", node.label);
                let hint = "'from' is for a component with one input role, 'inputs' for one with several: keep one of them";
                self.error(Diagnostic::usage("M008", message).hint(hint), &inputs.place);
                Inputs::From(Vec::new())
            }
            (Some(from), None) => Inputs::From(self.edges(&from)),
            (None, Some(inputs)) if !inputs.is_table() => {
                self.wrong_form(
                    &inputs,
                    "a table of roles",
                    "write inputs = { role = \"node\", ... }; a component with one role takes from = [...]",
                );
                Inputs::From(Vec::new())
            }
            (None, Some(inputs)) => {
                let mut roles = Vec::new();
                for (role, entry) in self.entries(&inputs, None) {
                    let role = Spanned { value: role.value.into(), place: role.place };
                    roles.push(RoleInput { role, edges: self.edges(&entry) });
                }
                Inputs::Roles(roles)
            }
            (None, None) => Inputs::From(Vec::new()),
        }
    }

    /// One edge or several, in any of their forms.
    pub fn edges(&mut self, field: &Field<'a>) -> Vec<Edge> {
        let mut edges = Vec::new();
        self.collect_edges(field, None, &mut edges);
        edges
    }

    /// `repartition`: that of the table around it; `None` at the top, where an entry may be a table itself.
    fn collect_edges(&mut self, field: &Field<'a>, repartition: Option<bool>, edges: &mut Vec<Edge>) {
        if field.is_text() {
            let Some(mut edge) = self.edge(field) else { return };
            edge.repartition = repartition.unwrap_or(false);
            if edges.iter().any(|e| e.node == edge.node && e.port == edge.port) {
                let named = edge.port.as_ref().map_or(edge.node.to_string(), |p| format!("{}.{p}", edge.node));
                self.repeated(field, &named);
            }
            edges.push(edge);
        } else if let Some(entries) = self.array(field) {
            if entries.is_empty() {
                self.refuse(field, "is empty", "name at least one node");
            }
            for entry in &entries {
                match entry.is_text() || (entry.is_table() && repartition.is_none()) {
                    true => self.collect_edges(entry, repartition, edges),
                    false => self.wrong_form(entry, "a node's name", EDGE_FORMS),
                }
            }
        } else if field.is_table() && repartition.is_none() {
            let Some(fields) = self.table(field, &keys::EDGE) else { return };
            let through_topic = self.read(&fields, "repartition", Self::boolean).unwrap_or(false);
            self.require(&fields, "from", "from = \"...\"", |r, f| {
                r.collect_edges(f, Some(through_topic), edges);
                Some(())
            });
        } else {
            self.wrong_form(field, EDGE, EDGE_FORMS);
        }
    }

    fn edge(&mut self, field: &Field<'a>) -> Option<Edge> {
        let text = self.text(field)?;
        let (node, port) = match text.split_once('.') {
            Some((node, port)) => (node, Some(port)),
            None => (text.as_str(), None),
        };
        let bad_port = port.is_some_and(|p| p.is_empty() || p.contains('.'));
        if bad_port || check_name(node).is_err() {
            let message = format!("{} is '{}', which names no node", field.label, text.value);
            let hint = "a node is named as \"node\", one of its ports as \"node.port\"";
            self.error(Diagnostic::usage("M006", message).hint(hint), &text.place);
            return None;
        }
        Some(Edge { node: node.into(), port: port.map(Into::into), repartition: false, place: text.place.clone() })
    }

    /// `stores` of a processor.
    pub fn store_grants(&mut self, node: &Fields<'a>) -> StoreGrants {
        let Some(field) = self.field(node, "stores") else { return StoreGrants::Listed(Vec::new()) };
        if let Some(entries) = self.array(&field) {
            let mut grants: Vec<StoreGrant> = Vec::new();
            for entry in &entries {
                let Some(grant) = self.grant(entry) else { continue };
                if grants.iter().any(|g| g.store.value == grant.store.value) {
                    self.repeated(entry, &grant.store);
                }
                grants.push(grant);
            }
            return StoreGrants::Listed(grants);
        }
        if !field.is_table() {
            self.wrong_form(&field, "a list of stores, or a table of roles", GRANT_FORMS);
            return StoreGrants::Listed(Vec::new());
        }
        let mut roles: Vec<(Name, StoreGrant)> = Vec::new();
        for (role, entry) in self.entries(&field, None) {
            let Some(grant) = self.grant(&entry) else { continue };
            roles.push((Spanned { value: role.value.into(), place: role.place }, grant));
        }
        StoreGrants::Roles(roles)
    }

    fn grant(&mut self, field: &Field<'a>) -> Option<StoreGrant> {
        if field.is_text() {
            return Some(StoreGrant { store: self.store_name(field)?, access: None });
        }
        if !field.is_table() {
            self.wrong_form(
                field,
                "a store's name or a table",
                "write \"store\", or { store = \"store\", access = \"read\" } to read only",
            );
            return None;
        }
        let fields = self.table(field, &keys::GRANT)?;
        let words = [("read", StoreAccess::Read), ("read-write", StoreAccess::ReadWrite)];
        let access = self.read(&fields, "access", |r, f| r.word(f, &words));
        let store = self.require(&fields, "store", "store = \"...\"", Self::store_name)?;
        Some(StoreGrant { store, access })
    }

    fn store_name(&mut self, field: &Field<'a>) -> Option<Name> {
        let text = self.text(field)?;
        Some(Spanned { value: text.value.into(), place: text.place })
    }
}
