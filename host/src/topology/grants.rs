//! Who may open which store, by which role.

use super::draft::{Draft, What};
use super::graph::{Description, Grant, StoreAccess, StoreKind, StoreRole, StoreShape};
use crate::error::{Diagnostic, Place, nearest, suggest};
use crate::manifest::{Name, StoreGrant, StoreGrants, position};

/// The role under which `stock:table` opens a table's store.
pub(super) const TABLE_ROLE: &str = "table";

/// How a store of this kind is written.
fn example(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::KeyValue => "kind = \"key-value\"",
        StoreKind::Window => "kind = \"window\", window = \"1h\", retention = \"24h\"",
        StoreKind::Session => "kind = \"session\", retention = \"24h\"",
        StoreKind::Versioned => "kind = \"versioned\", history = \"1h\"",
    }
}

/// A store of the manifest, or a table's.
pub(super) struct DraftStore<'m> {
    pub name: &'m Name,
    pub shape: StoreShape,
    pub is_table: bool,
}

impl<'m> Draft<'m> {
    /// All stores, in the order of the file.
    pub fn stores(&self) -> Vec<DraftStore<'m>> {
        let own = self.manifest.stores.iter().map(|s| DraftStore { name: &s.name, shape: s.shape, is_table: false });
        let shape = StoreShape::KeyValue { ttl: None };
        let tables = self.manifest.tables.iter().map(|t| DraftStore { name: &t.name, shape, is_table: true });
        let mut stores: Vec<_> = own.chain(tables).collect();
        stores.sort_by_key(|s| position(&s.name.place));
        stores
    }

    /// The grants of every node, by its index.
    pub fn grant(&mut self, stores: &[DraftStore<'m>]) -> Vec<Vec<Grant>> {
        let mut all = Vec::new();
        for at in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(at) else { continue };
            let (name, what, description) = (node.name, node.what, node.description);
            all.push(match what {
                What::Source(_) | What::Sink(_) => Vec::new(),
                What::Table(_) => {
                    let own = stores.iter().position(|s| s.name.value == name.value);
                    own.map(|store| Grant { role: TABLE_ROLE.to_owned(), store, access: StoreAccess::ReadWrite }).into_iter().collect()
                }
                What::Processor(processor) => self.processor_grants(name, &processor.stores, description, stores),
            });
        }
        for (index, store) in stores.iter().enumerate() {
            if !store.is_table && !all.iter().flatten().any(|g| g.store == index) && !self.is_listed(store.name) {
                let error = Diagnostic::usage("T009", format!("no processor opens the store '{}'", store.name));
                let hint = format!("add stores = [\"{}\"] to the processor that keeps its state there, or remove the store", store.name);
                self.error(error.hint(hint), &store.name.place);
            }
        }
        all
    }

    /// True when a processor names this store, or mistypes it: then there is an error already.
    fn is_listed(&self, store: &str) -> bool {
        let all = || self.manifest.stores.iter().map(|s| s.name.as_str());
        let means = |grant: &StoreGrant| {
            let given = grant.store.as_str();
            given == store || (!all().any(|name| name == given) && nearest(given, all()) == Some(store))
        };
        self.manifest.processors.iter().any(|p| match &p.stores {
            StoreGrants::Listed(grants) => grants.iter().any(means),
            StoreGrants::Roles(grants) => grants.iter().any(|(_, g)| means(g)),
        })
    }

    fn processor_grants(
        &mut self,
        node: &Name,
        written: &StoreGrants,
        description: Option<&Description>,
        stores: &[DraftStore<'m>],
    ) -> Vec<Grant> {
        let pairs = match (written, description) {
            (StoreGrants::Listed(list), None) => list.iter().map(|g| (g.store.value.to_string(), None, g)).collect(),
            (StoreGrants::Roles(roles), None) => roles.iter().map(|(role, g)| (role.to_string(), None, g)).collect(),
            (StoreGrants::Listed(list), Some(description)) => self.listed(node, list, &description.stores),
            (StoreGrants::Roles(roles), Some(description)) => self.by_role(node, roles, &description.stores),
        };
        pairs.into_iter().filter_map(|(role, declared, grant)| self.check_grant(node, &role, declared, grant, stores)).collect()
    }

    fn listed<'g>(&mut self, node: &Name, list: &'g [StoreGrant], roles: &'g [StoreRole]) -> Vec<Pair<'g>> {
        match (roles, list) {
            ([], []) => Vec::new(),
            ([], [first, ..]) => {
                let error = Diagnostic::usage("T010", format!("the component of '{node}' opens no store"));
                self.error(error.hint("remove 'stores'"), &first.store.place);
                Vec::new()
            }
            ([role], [grant]) => vec![(role.role.clone(), Some(role), grant)],
            (roles, []) => {
                for role in roles {
                    self.missing_role(node, role, "stores");
                }
                Vec::new()
            }
            (roles, [first, ..]) => {
                let named = roles.iter().map(|r| format!("'{}'", r.role)).collect::<Vec<_>>().join(", ");
                let mut names = list.iter().map(|g| g.store.to_string());
                let pairs = roles.iter().map(|r| format!("{} = \"{}\"", r.role, names.next().unwrap_or("...".to_owned())));
                let example = format!("stores = {{ {} }}", pairs.collect::<Vec<_>>().join(", "));
                let message = match roles {
                    [_] => format!("the component of '{node}' opens one store, as {named}, but {} are listed", list.len()),
                    _ => format!("'stores' does not say which store '{node}' opens as what: its roles are {named}"),
                };
                self.error(Diagnostic::usage("T010", message).hint(format!("write {example}")), &first.store.place);
                Vec::new()
            }
        }
    }

    fn by_role<'g>(&mut self, node: &Name, given: &'g [(Name, StoreGrant)], roles: &'g [StoreRole]) -> Vec<Pair<'g>> {
        for (role, _) in given {
            if !roles.iter().any(|r| r.role == *role.value) {
                let error = Diagnostic::usage("T010", format!("the component of '{node}' opens no store as '{role}'"));
                let hint = suggest(role, &format!("store roles of '{node}'"), roles.iter().map(|r| r.role.as_str()));
                self.error(error.hint(hint), &role.place);
            }
        }
        let mut pairs = Vec::new();
        // A role that is there under a mistyped name has been told of.
        let names = || roles.iter().map(|r| r.role.as_str());
        let mistyped: Vec<&str> = given.iter().filter_map(|(name, _)| nearest(name.as_str(), names())).collect();
        for role in roles {
            match given.iter().find(|(name, _)| *name.value == *role.role) {
                Some((_, grant)) => pairs.push((role.role.clone(), Some(role), grant)),
                None if mistyped.contains(&role.role.as_str()) => {}
                None => self.missing_role(node, role, "role"),
            }
        }
        pairs
    }

    fn missing_role(&mut self, node: &Name, role: &StoreRole, form: &str) {
        let error = Diagnostic::usage("T010", format!("'{node}' opens a {} store as '{}', but is given none", role.kind, role.role));
        let section = format!("a section [stores.NAME] with {}", example(role.kind));
        let hint = match form {
            "stores" => format!("add stores = {{ {} = \"NAME\" }} and {section}", role.role),
            _ => format!("add {} = \"NAME\" to 'stores', and {section}", role.role),
        };
        self.error(error.hint(hint), &node.place);
    }

    fn check_grant(
        &mut self,
        node: &Name,
        role: &str,
        declared: Option<&StoreRole>,
        grant: &StoreGrant,
        stores: &[DraftStore<'m>],
    ) -> Option<Grant> {
        let place = &grant.store.place;
        let Some((index, store)) = stores.iter().enumerate().find(|(_, s)| s.name.value == grant.store.value) else {
            let error = Diagnostic::usage("T008", format!("'{node}' opens the store '{}', but there is no such store", grant.store));
            self.error(error.hint(suggest(&grant.store, "stores", stores.iter().map(|s| s.name.as_str()))), place);
            return None;
        };
        let declared_access = declared.map(|d| d.access);
        let access = grant.access.or(declared_access).unwrap_or(StoreAccess::ReadWrite);
        if let Some(declared) = declared.filter(|d| d.kind != store.shape.kind()) {
            let (wanted, found) = (declared.kind, store.shape.kind());
            let message = format!("'{node}' opens a {wanted} store as '{role}', but '{}' is a {found} store", store.name);
            let hint = format!("give it a store with {}", example(wanted));
            self.error(Diagnostic::usage("T010", message).hint(hint), place);
        } else if access == StoreAccess::Read && declared_access == Some(StoreAccess::ReadWrite) {
            let message = format!("'{node}' writes the store that it opens as '{role}', but is allowed to read it only");
            self.error(Diagnostic::usage("T010", message).hint("leave access = \"read\" out, or give it a store of its own"), place);
        } else if store.is_table && access == StoreAccess::ReadWrite {
            self.second_writer(node, &grant.store, declared_access, place);
        } else {
            return Some(Grant { role: role.to_owned(), store: index, access });
        }
        None
    }

    fn second_writer(&mut self, node: &Name, store: &str, declared: Option<StoreAccess>, place: &Place) {
        let error =
            Diagnostic::usage("T011", format!("'{node}' would write the store of the table '{store}', which the table alone writes"));
        let hint = match declared {
            Some(StoreAccess::ReadWrite) => "its component writes there: give it a store of its own".to_owned(),
            _ => format!("to read it write {{ store = \"{store}\", access = \"read\" }}"),
        };
        self.error(error.hint(hint), place);
    }
}

/// A role, what the component declares of it, and what the manifest gives.
type Pair<'g> = (String, Option<&'g StoreRole>, &'g StoreGrant);
