//! Where records of a source may go through its sub-topology many at a time: where nobody can tell that from one after another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::graph::{NodeIx, NodeKind, StoreAccess, Topology};

/// Why the records of a source go one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OneByOne {
    /// The node is reached by two ways, and hears of each record by both before the next.
    TwoWays(NodeIx),
    /// One of several nodes that use the store, an index in [`Topology::stores`], writes it.
    SharedStore(usize),
    /// Two sinks or repartition edges write the topic.
    OneTopic(Arc<str>),
}

impl Topology {
    /// Why the records of a source go one at a time; `None`: they need not.
    pub fn one_by_one(&self, source: NodeIx) -> Option<OneByOne> {
        let reached = match self.below(source) {
            Ok(reached) => reached,
            Err(twice) => return Some(OneByOne::TwoWays(twice)),
        };
        let mut users: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
        let mut topics: Vec<&Arc<str>> = Vec::new();
        for node in reached {
            match &self.nodes[node.0].kind {
                NodeKind::Source(_) => {}
                NodeKind::Processor(processor) => {
                    for grant in &processor.grants {
                        let (count, written) = users.entry(grant.store).or_default();
                        *count += 1;
                        *written |= grant.access == StoreAccess::ReadWrite;
                    }
                }
                NodeKind::Sink(sink) if topics.contains(&&sink.topic) => return Some(OneByOne::OneTopic(sink.topic.clone())),
                NodeKind::Sink(sink) => topics.push(&sink.topic),
            }
        }
        let shared = users.into_iter().find(|(_, (count, written))| *count > 1 && *written);
        shared.map(|(store, _)| OneByOne::SharedStore(store))
    }

    /// A source and the nodes below it, up to sinks and repartition edges; `Err`: one that is reached by two ways.
    pub fn below(&self, source: NodeIx) -> Result<Vec<NodeIx>, NodeIx> {
        let mut reached = vec![source];
        let mut next = 0;
        while let Some(&node) = reached.get(next) {
            next += 1;
            for child in self.nodes[node.0].children.iter().flatten() {
                if reached.contains(&child.node) {
                    return Err(child.node);
                }
                reached.push(child.node);
            }
        }
        Ok(reached)
    }
}
