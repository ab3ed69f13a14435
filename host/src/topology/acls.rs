//! The rights that a topology needs on a Kafka cluster which asks for them (ACLs). Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{FailurePolicy, NodeKind, SourceRole, Topology};
use crate::manifest::Guarantee;

/// An operation, in the order in which lines name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    Read,
    Write,
    Create,
    /// Of records, too: a repartition topic is emptied behind what was processed.
    Delete,
    Describe,
    DescribeConfigs,
}

/// What `run` needs on Kafka, each a line of arguments for kafka-acls.sh. The principal is to be put in for `NAME`.
///
/// Topics of the manifest are named one by one. Internal topics and transactional ids are named by their prefix, `<app>-`; so they also cover
/// another app whose id begins like that.
pub fn acls(topology: &Topology, guarantee: Guarantee) -> Vec<String> {
    use Operation::{Create, Delete, Describe, DescribeConfigs, Read, Write};
    let mut lines: Vec<String> = Vec::new();
    for (topic, mut operations) in external(topology) {
        operations.extend([Describe, DescribeConfigs]);
        lines.push(line(operations, &format!("--topic {topic}")));
    }
    let prefix = format!("{}- --resource-pattern-type prefixed", topology.app);
    if !topology.internal_topics().is_empty() {
        lines.push(line([Read, Write, Create, Delete, Describe, DescribeConfigs], &format!("--topic {prefix}")));
    } else {
        // A host looks whether another graph is deployed.
        lines.push(line([Read, Describe], &format!("--topic {}-deployments", topology.app)));
    }
    lines.push(line([Read, Describe], &format!("--group {}", topology.app)));
    match guarantee {
        Guarantee::ExactlyOnce => lines.push(line([Write, Describe], &format!("--transactional-id {prefix}"))),
        Guarantee::AtLeastOnce => {}
    }
    lines
}

/// What is done with the records of each topic of the manifest.
fn external(topology: &Topology) -> BTreeMap<&str, BTreeSet<Operation>> {
    let mut topics: BTreeMap<&str, BTreeSet<Operation>> = BTreeMap::new();
    for node in &topology.nodes {
        match &node.kind {
            NodeKind::Source(source) if source.role != SourceRole::Repartition => {
                source.topics.iter().for_each(|topic| _ = topics.entry(topic).or_default().insert(Operation::Read));
            }
            NodeKind::Sink(sink) if sink.repartition.is_none() => {
                topics.entry(&sink.topic).or_default().insert(Operation::Write);
            }
            NodeKind::Source(_) | NodeKind::Processor(_) | NodeKind::Sink(_) => {}
        }
        if let FailurePolicy::DeadLetter(topic) = &node.on_error.policy {
            topics.entry(topic).or_default().insert(Operation::Write);
        }
    }
    topics
}

fn line(operations: impl IntoIterator<Item = Operation>, resource: &str) -> String {
    let operations: String = operations.into_iter().map(|operation| format!(" --operation {operation:?}")).collect();
    format!("--add --allow-principal User:NAME{operations} {resource}")
}
