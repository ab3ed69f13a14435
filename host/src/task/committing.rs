//! What a task has for a commit, and what a commit, or the lack of one, does to it.

use crate::broker::Committed;
use crate::node::Failure;
use crate::record::{Offset, TopicPartition};

use super::partition_group::PartitionQueue;
use super::work::{AtCommit, Task, TaskError, TaskState};

impl Task {
    /// True when there is something to commit: what was processed since the last one, or a position that nobody knows yet.
    pub fn is_dirty(&self) -> bool {
        self.dirty || self.is_untold()
    }

    /// True when nobody else knows a position from which it reads: it depends on when it was looked for.
    pub fn is_untold(&self) -> bool {
        self.group.queues.iter().any(PartitionQueue::is_untold)
    }

    /// True when a position has moved since the last commit, be it past what is no record.
    pub fn has_moved(&self) -> bool {
        self.group.queues.iter().any(PartitionQueue::has_moved)
    }

    /// Offsets to commit: of every partition whose position has moved; of all where something was processed, punctuated or written. The group
    /// looks at who commits only where it is given offsets: without any, one that has lost the task could commit what it made of it. The task's
    /// stream time goes along as metadata.
    pub fn offsets(&self) -> Vec<(TopicPartition, Committed)> {
        self.noted(|q| (self.dirty || q.has_moved()).then(|| q.position()))
    }

    /// Offsets of all its partitions as they were committed last. Between two transactions.
    pub fn offsets_committed(&self) -> Vec<(TopicPartition, Committed)> {
        self.noted(|q| Some(q.committed()))
    }

    /// Offsets as a group keeps them, with the task's stream time.
    fn noted(&self, offset: impl Fn(&PartitionQueue) -> Option<Offset>) -> Vec<(TopicPartition, Committed)> {
        let metadata = self.stream_time().map_or_else(String::new, |t| t.to_string());
        let queues = self.group.queues.iter();
        queues.filter_map(|q| Some((q.at.clone(), Committed { offset: offset(q)?, metadata: metadata.clone() }))).collect()
    }

    /// The transaction was committed: the overlay goes into the stores, and nodes may let go of what has grown.
    pub fn committed(&mut self) -> Result<(), TaskError> {
        // It stands, whatever becomes of the stores: they can be restored, offsets cannot be taken back.
        self.group.queues.iter_mut().for_each(PartitionQueue::mark_committed);
        self.dirty = false;
        self.walker.refusals.clear();
        if let Some(env) = &mut self.walker.env {
            env.position = None;
            self.failure_lines.begin_second(env.now, &self.id.name);
            env.stores.apply()?;
            self.at_commit = AtCommit { stream_time: env.stream_time, schedules: env.schedules.clone(), migrating: self.migrating.clone() };
        }
        for node in self.walker.nodes.iter_mut().flatten() {
            match node.after_commit(&mut self.walker.env) {
                Ok(()) => {}
                Err(Failure::Store(error)) => return Err(error.into()),
                // The instance was on its way out.
                Err(failure) => tracing::warn!(task = %self.id.name, "close: {failure}"),
            }
        }
        Ok(())
    }

    /// The transaction is void: back to the last commit. The partitions have to be started again at their `position`.
    pub fn rewind(&mut self) {
        if let Some(env) = &mut self.walker.env {
            env.stores.discard();
            AtCommit { stream_time: env.stream_time, schedules: env.schedules, migrating: self.migrating } = self.at_commit.clone();
        }
        self.walker.outbox.clear();
        self.group.queues.iter_mut().for_each(PartitionQueue::rewind);
        self.frames.reset();
        self.attempts = 0;
        // A parked task has to do again what came before the record at which it stands.
        if self.dirty || matches!(self.state, TaskState::Sleeping { .. }) {
            self.state = TaskState::Running;
        }
        self.dirty = false;
    }
}
