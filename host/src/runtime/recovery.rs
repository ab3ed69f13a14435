//! What a stream thread does after an error, and when it is told to stop: in both cases the last commit is what counts.

use std::time::Duration;

use crate::broker::{BrokerError, Retry};
use crate::record::{Timestamp, TopicPartition};
use crate::topology::TaskId;

use super::commit::{Transaction, flush};
use super::errors::{Action, ThreadError, action};
use super::restore::wipe;
use super::thread::{Slot, StreamThread};

/// After an error that time may heal, before the next try.
const RECOVERY_PAUSE: Duration = Duration::from_millis(200);

impl StreamThread {
    /// Does what the table says about an error; gives it back when nothing helps.
    pub(super) fn recover(&mut self, error: ThreadError) -> Result<(), ThreadError> {
        let wiped = match action(&error) {
            Action::Stop => return Err(error),
            Action::Rewind => None,
            Action::WipeAndRestore(id) => Some(id),
        };
        tracing::warn!(thread = self.number, "{error}; back to the last commit");
        self.void()?;
        if matches!(error, ThreadError::Broker(BrokerError::Failed { retry: Retry::Same, .. })) {
            self.client.wait(RECOVERY_PAUSE);
        }
        wiped.map_or(Ok(()), |id| self.make_anew(&id))
    }

    /// The transaction is void: every task goes back to the last commit. Their partitions are started again when their turn comes, after the
    /// group was heard: some of them may belong to somebody else by now.
    pub(super) fn void(&mut self) -> Result<(), ThreadError> {
        self.client.abort()?;
        self.open = Transaction { last_commit: self.open.last_commit, ..Transaction::default() };
        for slot in self.slots.values_mut() {
            if let Slot::Running(task) = slot {
                task.rewind();
            }
        }
        Ok(())
    }

    /// Wipes a task's state; it is restored and begins at its committed offsets. Nothing of it may be in the open transaction.
    pub(super) fn make_anew(&mut self, id: &TaskId) -> Result<(), ThreadError> {
        let partitions: Vec<TopicPartition> = match self.slots.remove(id) {
            Some(Slot::Running(task)) => {
                let partitions = task.group.queues.iter().map(|q| q.at.clone()).collect();
                drop(task.close());
                partitions
            }
            Some(Slot::Restoring(restore)) => restore.partitions.iter().map(|(at, _)| at.clone()).collect(),
            Some(Slot::Refused { partitions, .. }) => partitions,
            None => Vec::new(),
        };
        for at in &partitions {
            self.client.stop(at)?;
        }
        wipe(id, self.host.tasks_folder.as_ref().map(|f| f.join(&*id.name)).as_ref())?;
        self.anew.extend(partitions);
        Ok(())
    }

    /// Commits, writes everything out, and goes. What cannot be committed is processed again after the next start.
    pub(super) fn stop(&mut self, leave: bool, now: Timestamp) -> Result<(), ThreadError> {
        if let Err(error) = self.commit(now) {
            if action(&error) == Action::Stop {
                return Err(error);
            }
            tracing::warn!(thread = self.number, "{error}; what came after the last commit is left to the next start");
            self.void()?;
        }
        let mut failed = None;
        for (_, slot) in std::mem::take(&mut self.slots) {
            if let Slot::Running(mut task) = slot {
                failed = flush(&self.host, &mut task, now).err().or(failed);
                task.close();
            }
        }
        self.client.leave(leave)?;
        failed.map_or(Ok(()), Err)
    }
}
