//! Cuts the graph at repartition edges: what hangs together by edges or by a store is one sub-topology.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::emit::role_in_names;
use super::graph::{NodeIx, NodeKind, SourceRole, SubTopology, TopologyNode};
use super::order::ancestors_first;

/// Sets of things that belong together, things named by their index.
pub(super) struct Groups(Vec<usize>);

impl Groups {
    pub fn new(len: usize) -> Self {
        Self((0..len).collect())
    }

    /// The set of a thing, named by its smallest member.
    pub fn of(&self, mut at: usize) -> usize {
        while let Some(&up) = self.0.get(at).filter(|up| **up != at) {
            at = up;
        }
        at
    }

    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        if let Some(larger) = self.0.get_mut(a.max(b)) {
            *larger = a.min(b);
        }
    }
}

/// Sets `sub_topology` of every node and gives the sub-topologies, in the order of their first sources. `roles_apart`: nodes whose inputs
/// have to meet partition by partition.
pub(super) fn cut(app: &str, nodes: &mut [TopologyNode], stores: usize, roles_apart: &BTreeSet<usize>) -> Vec<SubTopology> {
    let users = store_users(nodes, stores);
    let mut groups = Groups::new(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        for child in node.children.iter().flatten() {
            groups.join(at, child.node.0);
        }
    }
    for pair in users.iter().flat_map(|users| users.windows(2)) {
        if let [a, b] = pair {
            groups.join(*a, *b);
        }
    }
    let parents = parents(nodes);
    let mut order = Vec::new();
    ancestors_first(&parents, &mut order);
    let sources_of = sources_above(nodes, &parents, &order);
    // Sources stand first and in order, so the smallest member of each set is its first source.
    let firsts: BTreeSet<usize> = (0..nodes.len()).map(|at| groups.of(at)).collect();
    let mut subs = Vec::new();
    for (number, &first) in firsts.iter().enumerate() {
        let members: Vec<usize> = order.iter().copied().filter(|at| groups.of(*at) == first).collect();
        let own_stores: Vec<usize> =
            (0..stores).filter(|s| users.get(*s).is_some_and(|u| u.iter().any(|at| groups.of(*at) == first))).collect();
        let own_users: Vec<&Vec<usize>> = own_stores.iter().filter_map(|s| users.get(*s)).collect();
        let name = nodes.get(first).map_or_else(|| "".into(), sub_topology_name);
        let is_source = |at: &usize| nodes.get(*at).is_some_and(|n| matches!(n.kind, NodeKind::Source(_)));
        let is_processor = |at: &usize| nodes.get(*at).is_some_and(|n| matches!(n.kind, NodeKind::Processor(_)));
        let mut sources: Vec<usize> = members.iter().copied().filter(is_source).collect();
        sources.sort_unstable();
        subs.push(SubTopology {
            // Cells need no declaration, so whatever calls components may have some.
            cells_changelog: members.iter().any(is_processor).then(|| format!("{app}-{name}-cells-changelog").into()),
            name,
            co_partitioned: co_partitioned(nodes, &members, &own_users, &sources_of, roles_apart),
            sources: sources.into_iter().map(NodeIx).collect(),
            stores: own_stores,
            nodes: members.iter().copied().map(NodeIx).collect(),
        });
        for at in members {
            if let Some(node) = nodes.get_mut(at) {
                node.sub_topology = number;
            }
        }
    }
    subs
}

/// Which nodes open each store.
fn store_users(nodes: &[TopologyNode], stores: usize) -> Vec<Vec<usize>> {
    let mut users = vec![Vec::new(); stores];
    for (at, node) in nodes.iter().enumerate() {
        let NodeKind::Processor(processor) = &node.kind else { continue };
        for grant in &processor.grants {
            if let Some(users) = users.get_mut(grant.store).filter(|u: &&mut Vec<usize>| u.last() != Some(&at)) {
                users.push(at);
            }
        }
    }
    users
}

fn parents(nodes: &[TopologyNode]) -> Vec<Vec<usize>> {
    let mut parents = vec![Vec::new(); nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        for child in node.children.iter().flatten() {
            if let Some(above) = parents.get_mut(child.node.0) {
                above.push(at);
            }
        }
    }
    parents
}

/// The sources of its own sub-topology from which records reach each node.
fn sources_above(nodes: &[TopologyNode], parents: &[Vec<usize>], order: &[usize]) -> Vec<BTreeSet<usize>> {
    let mut above: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); nodes.len()];
    for &at in order {
        let mut sources: BTreeSet<usize> = parents.get(at).into_iter().flatten().filter_map(|p| above.get(*p)).flatten().copied().collect();
        if nodes.get(at).is_some_and(|n| matches!(n.kind, NodeKind::Source(_))) {
            sources.insert(at);
        }
        if let Some(slot) = above.get_mut(at) {
            *slot = sources;
        }
    }
    above
}

fn sub_topology_name(first: &TopologyNode) -> Arc<str> {
    let name = &*first.name;
    match &first.kind {
        NodeKind::Source(source) if source.role == SourceRole::Table => name.strip_suffix(".source").unwrap_or(name).into(),
        NodeKind::Source(source) if source.role == SourceRole::Repartition => {
            role_in_names(name.strip_suffix(".repartition-source").unwrap_or(name)).into()
        }
        _ => first.name.clone(),
    }
}

/// Topics that reach one node by different roles, or users of one store; sets that overlap are one.
fn co_partitioned(
    nodes: &[TopologyNode],
    members: &[usize],
    store_users: &[&Vec<usize>],
    sources_above: &[BTreeSet<usize>],
    roles_apart: &BTreeSet<usize>,
) -> Vec<Vec<Arc<str>>> {
    let meeting = members.iter().filter(|at| roles_apart.contains(at)).map(std::slice::from_ref);
    let sharing = store_users.iter().map(|users| &users[..]);
    let mut topics: Vec<Arc<str>> = Vec::new();
    let mut groups = Groups::new(0);
    for set in meeting.chain(sharing) {
        let sources: BTreeSet<usize> = set.iter().filter_map(|at| sources_above.get(*at)).flatten().copied().collect();
        let mut first = None;
        for topic in sources.iter().filter_map(|at| nodes.get(*at)).flat_map(topics_of) {
            let at = topics.iter().position(|t| *t == topic).unwrap_or_else(|| {
                topics.push(topic);
                groups.0.push(groups.0.len());
                topics.len() - 1
            });
            groups.join(*first.get_or_insert(at), at);
        }
    }
    let mut sets: BTreeMap<usize, Vec<Arc<str>>> = BTreeMap::new();
    for (at, topic) in topics.into_iter().enumerate() {
        sets.entry(groups.of(at)).or_default().push(topic);
    }
    sets.into_values().filter(|set| set.len() > 1).collect()
}

fn topics_of(node: &TopologyNode) -> Vec<Arc<str>> {
    match &node.kind {
        NodeKind::Source(source) => source.topics.clone(),
        NodeKind::Processor(_) | NodeKind::Sink(_) => Vec::new(),
    }
}
