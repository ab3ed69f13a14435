//! Dead letters: where they are written, no way leads back to the node that could not take them.

use super::draft::{Draft, DraftNode, What};
use super::graph::FailurePolicy;
use super::topics::on_error;
use crate::error::Diagnostic;

impl Draft<'_> {
    /// A letter that comes back fails again and is written again: the topic would grow for ever.
    pub fn letters_come_back(&mut self) {
        let mut errors = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let on_error = on_error(node.what);
            let FailurePolicy::DeadLetter(topic) = &on_error.policy else { continue };
            let Some(reader) = self.above(at).into_iter().filter_map(|n| self.nodes.get(n)).find(|n| reads(n, topic)) else { continue };
            let (name, noun) = (&node.name, node.what.noun());
            let message = if reader.name.value == name.value {
                format!("the dead-letter topic '{topic}' of the {noun} '{name}' is the topic that it reads")
            } else {
                format!("the dead-letter topic '{topic}' of the {noun} '{name}' is its own input, by way of '{}'", reader.name)
            };
            let place = on_error.place.as_ref().unwrap_or(&name.place);
            errors.push(Diagnostic::usage("T022", message).hint("take another topic; a letter would come back").at(Some(place.clone())));
        }
        self.errors.append(&mut errors);
    }

    /// The node and all from which records reach it, through repartition edges too.
    fn above(&self, at: usize) -> Vec<usize> {
        let mut reached = vec![at];
        let mut seen = 0;
        while let Some(node) = reached.get(seen).and_then(|n| self.nodes.get(*n)) {
            for edge in node.roles.iter().flat_map(|r| &r.edges) {
                if !reached.contains(&edge.from) {
                    reached.push(edge.from);
                }
            }
            seen += 1;
        }
        reached
    }
}

fn reads(node: &DraftNode<'_>, topic: &str) -> bool {
    match node.what {
        What::Source(source) => source.topics.iter().any(|t| *t.value == *topic),
        What::Table(table) => *table.topic.value == *topic,
        What::Processor(_) | What::Sink(_) => false,
    }
}
