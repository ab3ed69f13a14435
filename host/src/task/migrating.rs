//! State of an older version, on its way to that of the node that works on it now. Until it has arrived the task takes no record; each step is
//! committed as records are, together with what is left to do, so a crash costs no more than what was not committed.

use crate::error::Diagnostic;
use crate::node::{Failure, Migration, Node};
use crate::record::Timestamp;

use super::plan::LocalNode;
use super::work::{Task, TaskError};

/// Nodes whose state is of an older version: positions in the plan.
pub(super) fn behind(nodes: &[Option<Box<dyn Node>>]) -> Vec<LocalNode> {
    let nodes = nodes.iter().zip(0..);
    nodes.filter(|(node, _)| node.as_ref().is_some_and(|node| node.is_behind())).map(|(_, at)| at).collect()
}

impl Task {
    /// Whether records wait for state that is being taken over.
    pub fn is_migrating(&self) -> bool {
        !self.migrating.is_empty()
    }

    /// Does one step of taking state over. Says whether there was one to do.
    pub fn migrate(&mut self, now: Timestamp) -> Result<bool, TaskError> {
        let Some(&at) = self.migrating.first() else { return Ok(false) };
        if let Some(env) = &mut self.walker.env {
            env.position = None;
            env.now = now;
            env.row_timestamp = now;
        }
        let point = self.walker.undo_point().map_err(TaskError::Broken)?;
        let plan = self.plan.clone();
        match self.walker.migrate(&plan, at) {
            Ok(came_to) => {
                self.walker.keep(point);
                self.dirty = true;
                self.counters.migrated += 1;
                if came_to == Migration::Done {
                    self.migrating.remove(0);
                    tracing::info!(node = %plan.node(at).name, task = %self.id.name, "all state is taken over");
                }
                Ok(true)
            }
            Err(Failure::Store(error)) => Err(error.into()),
            Err(failure) => {
                self.walker.undo(point);
                Err(TaskError::Migration(Box::new(not_taken_over(&plan.node(at).name, &failure))))
            }
        }
    }
}

/// Why a version cannot take over the state of the one before.
pub fn not_taken_over(node: &str, failure: &Failure) -> Diagnostic {
    let problem = Diagnostic::run("C033", format!("'{node}' cannot take over the state of the version before")).because(failure);
    problem.hint("offer a component of the same state version that can (`swap`): it goes on where this one has stopped")
}
