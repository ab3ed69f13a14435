//! What a stream thread does after an error, and when it is told to stop: in both cases the last commit is what counts.

use std::time::Duration;

use crate::record::{Timestamp, TopicPartition};
use crate::topology::TaskId;

use super::errors::{Action, ThreadError, action, is_missing, is_thrown_out};
use super::flush::flush;
use super::restore::wipe;
use super::thread::{Slot, StreamThread};

/// After an error that time may heal, before the next try.
const RECOVERY_PAUSE: Duration = Duration::from_millis(200);

impl StreamThread {
    /// Does what the table says about an error; gives it back when nothing helps.
    pub(super) fn recover(&mut self, error: ThreadError, now: Timestamp) -> Result<(), ThreadError> {
        if action(&error) == Action::Stop && !self.missing.may_come(&error, now) {
            return Err(error);
        }
        if is_thrown_out(&error)
            && let Some(times) = self.twins.thrown_out(now)
        {
            return Err(ThreadError::Twin { times, error: Box::new(error) });
        }
        tracing::warn!(thread = self.number, "{error}; back to the last commit");
        self.counters.rewinds += 1;
        self.heal(error, now)
    }

    /// Does it. What fails meanwhile, and time may heal, is left to the next step: before the whole is done nothing else is.
    pub(super) fn heal(&mut self, error: ThreadError, now: Timestamp) -> Result<(), ThreadError> {
        match self.try_to_heal(&error, now) {
            Err(failed) if action(&failed) != Action::Stop || self.missing.may_come(&failed, now) => {
                tracing::warn!(thread = self.number, "{failed}; it is tried again");
                self.unhealed = Some(error);
                self.client.wait(RECOVERY_PAUSE);
                Ok(())
            }
            healed => healed,
        }
    }

    fn try_to_heal(&mut self, error: &ThreadError, now: Timestamp) -> Result<(), ThreadError> {
        self.void()?;
        match action(error) {
            Action::Rewind | Action::Recreate => {}
            // One that ends the thread does not come here, but for a topic that may come.
            Action::RewindLater | Action::Stop => self.client.wait(RECOVERY_PAUSE),
            Action::Rejoin => {
                self.client.rejoin()?;
                self.notes.tell_again();
            }
            Action::AskTheLog => self.ask_the_log()?,
            Action::WipeAndRestore(id) => self.make_anew(&id)?,
        }
        match error {
            ThreadError::Trial { task, failed } => self.stand_in(task.clone(), failed, now),
            ThreadError::Migration { task, why } => self.park_refused(task.clone(), (**why).clone())?,
            _ => {}
        }
        Ok(())
    }

    /// The transaction is void: every task goes back to the last commit. Their partitions are started again when their turn comes, after the
    /// group was heard: some of them may belong to somebody else by now.
    pub(super) fn void(&mut self) -> Result<(), ThreadError> {
        self.client.abort()?;
        self.open.clear();
        for slot in self.slots.values_mut() {
            if let Slot::Running(task) = slot {
                task.rewind();
            }
        }
        Ok(())
    }

    /// Every task begins again where the log says that it stands: what a thread believes to be committed may lag behind it.
    fn ask_the_log(&mut self) -> Result<(), ThreadError> {
        let tasks: Vec<TaskId> =
            self.slots.iter().filter(|(_, slot)| !matches!(slot, Slot::Refused { .. })).map(|(id, _)| id.clone()).collect();
        // Each of them: one that went on from where it believes to be would do again what may stand.
        tasks.iter().map(|id| self.close(id)).fold(Ok(()), Result::and)
    }

    /// Wipes a task's state; it is restored and begins at its committed offsets. Nothing of it may be in the open transaction.
    pub(super) fn make_anew(&mut self, id: &TaskId) -> Result<(), ThreadError> {
        self.close(id)?;
        wipe(id, self.host.tasks_folder.as_ref().map(|f| f.join(&*id.name)).as_ref())
    }

    /// Closes a task that is made again from its state and its changelogs.
    fn close(&mut self, id: &TaskId) -> Result<(), ThreadError> {
        self.counters.tasks_closed += 1;
        let partitions: Vec<TopicPartition> = match self.slots.remove(id) {
            Some(Slot::Running(task)) => {
                let partitions = task.group.queues.iter().map(|q| q.at.clone()).collect();
                drop(task.close());
                partitions
            }
            Some(Slot::Restoring(restore)) => {
                let partitions = restore.partitions.iter().map(|(at, _)| at.clone()).collect();
                restore.close(&mut *self.reader);
                partitions
            }
            Some(Slot::Refused { partitions, .. }) => partitions,
            None => Vec::new(),
        };
        let stopped = partitions.iter().map(|at| self.client.stop(at)).fold(Ok(()), Result::and);
        // Whatever came of that, the task is made again.
        self.anew.extend(partitions);
        Ok(stopped?)
    }

    /// Commits, writes everything out, and goes. What cannot be committed is processed again after the next start.
    pub(super) fn stop(&mut self, leave: bool, now: Timestamp) -> Result<(), ThreadError> {
        let committed = match self.unhealed.take() {
            Some(error) => Err(error),
            None => self.commit(now).map(drop),
        };
        if let Err(error) = committed {
            if cannot_end_well(&error) {
                return Err(error);
            }
            tracing::warn!(thread = self.number, "{error}; what came after the last commit is left to the next start");
            self.void()?;
            // Nothing is written out: if that transaction stands, the changelogs' ends lie behind what the stores never got.
            for (_, slot) in std::mem::take(&mut self.slots) {
                if let Slot::Running(task) = slot {
                    task.close();
                }
            }
        }
        let flushed = self.flush_and_close(now);
        // Whatever the group says now, the thread ends.
        if let Err(error) = self.client.leave(leave) {
            tracing::warn!(thread = self.number, "{error}; the group misses this member after its session time-out");
        }
        flushed
    }

    /// Writes the state of every task out, and lets go of them.
    fn flush_and_close(&mut self, now: Timestamp) -> Result<(), ThreadError> {
        let slots = std::mem::take(&mut self.slots).into_values();
        let mut running: Vec<_> = slots.filter_map(|slot| if let Slot::Running(task) = slot { Some(task) } else { None }).collect();
        let tasks = running.iter_mut().map(|task| &mut **task).collect();
        let flushed = match flush(&self.host, &mut *self.client, tasks, now) {
            Err(error) if cannot_end_well(&error) => Err(error),
            Err(error) => {
                tracing::warn!(thread = self.number, "{error}; the next start reads more of the changelogs");
                Ok(())
            }
            Ok(_) => Ok(()),
        };
        running.into_iter().for_each(|task| drop(task.close()));
        flushed
    }
}

/// True for what keeps a thread from ending in order. A cluster that does not know at the moment what it has is no such thing.
fn cannot_end_well(error: &ThreadError) -> bool {
    action(error) == Action::Stop && !is_missing(error)
}
