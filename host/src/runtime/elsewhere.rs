//! Tasks of a query that are on other hosts: what is asked of those who can reach them, and what they tell.

use crate::error::Diagnostic;
use crate::record::TopicPartition;
use crate::store::{CommittedRows, StoreRead};
use crate::topology::TaskId;

/// Reads the parts of a store that this host does not have.
pub trait Elsewhere {
    /// Asks for these tasks' parts, each once.
    fn read(&self, away: Vec<Away>, read: &StoreRead) -> Result<FromOthers, Diagnostic>;
}

/// A task that is not on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// The task.
    pub task: TaskId,
    /// Whoever owns this partition has it.
    pub driver: TopicPartition,
}

/// What other hosts have told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FromOthers {
    /// Pages of theirs.
    pub pages: Vec<CommittedRows>,
    /// Tasks of which nobody has told anything.
    pub missing: Vec<TaskId>,
    /// What can be done about those.
    pub hint: Option<String>,
}

/// There are no other hosts, or none that can be asked.
pub struct Nobody;

impl Elsewhere for Nobody {
    fn read(&self, away: Vec<Away>, _: &StoreRead) -> Result<FromOthers, Diagnostic> {
        Ok(FromOthers { missing: away.into_iter().map(|away| away.task).collect(), ..FromOthers::default() })
    }
}
