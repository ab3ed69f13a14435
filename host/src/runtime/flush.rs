//! State on disk, with the ends of its changelogs: a restart reads them from there on.

use crate::broker::Client;
use crate::limits;
use crate::record::Timestamp;
use crate::task::Task;
use crate::topology::TaskId;

use super::errors::ThreadError;
use super::plan::{HostPlan, Positions};
use super::thread::{Slot, StreamThread};

impl StreamThread {
    /// A thread that has nothing to do flushes what has waited for long enough, too.
    pub(super) fn flush_when_quiet(&mut self, now: Timestamp) -> Result<(), ThreadError> {
        let dirty = |slot: &Slot| matches!(slot, Slot::Running(task) if task.is_dirty());
        if self.open.records > 0 || self.slots.values().any(dirty) { Ok(()) } else { self.flush_due(now) }
    }

    /// Flushes the stores that have much, or for long, not been flushed. Only between two transactions: then a changelog's end lies behind
    /// everything that was applied, and nothing else.
    pub(super) fn flush_due(&mut self, now: Timestamp) -> Result<(), ThreadError> {
        let (mut due, mut told) = (Vec::new(), Vec::new());
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            let Some(records) = task.env().filter(|env| env.stores.flush_due(now)).map(|env| env.stores.unflushed_records()) else {
                continue;
            };
            if records >= limits::FLUSH_TOLD_RECORDS {
                told.push((task.id.clone(), records));
            }
            due.push(&mut **task);
        }
        if flush(&self.host, &mut *self.client, due, now)? {
            told.into_iter().for_each(|(task, records)| self.tell_of_flush(&task, records));
        }
        Ok(())
    }

    fn tell_of_flush(&self, id: &TaskId, records: u64) {
        if let Some(Slot::Running(task)) = self.slots.get(id) {
            tracing::info!(task = %id.name, records, state_bytes = task.state_bytes(), "flushed");
        }
    }
}

/// Writes the applied state of these tasks to disk, with the positions of its changelogs. False: it cannot be now, and the next start reads more of
/// them. A task whose disk fails keeps no other from it.
///
/// First the ends of the changelogs, then the question whether the tasks are still this member's: what somebody else had written before an end that
/// was noted would never be read.
pub(super) fn flush(host: &HostPlan, client: &mut dyn Client, mut tasks: Vec<&mut Task>, now: Timestamp) -> Result<bool, ThreadError> {
    tasks.retain_mut(|task| task.env().is_some_and(|env| env.stores.is_on_disk()));
    if tasks.is_empty() {
        return Ok(true);
    }
    let all = tasks.iter().map(|task| positions(host, task)).collect::<Result<Vec<_>, _>>()?;
    let offsets: Vec<_> = tasks.iter().flat_map(|task| task.offsets_committed()).collect();
    if !client.confirm(&offsets)? {
        return Ok(false);
    }
    let mut failed = None;
    for (task, positions) in tasks.into_iter().zip(all) {
        let flushed = task.env().map_or(Ok(()), |env| env.stores.flush(&positions, now));
        failed = failed.or(flushed.err().map(|e| ThreadError::of_store(&task.id, e)));
    }
    failed.map_or(Ok(true), Err)
}

/// How far each changelog of a task is contained in its applied state.
fn positions(host: &HostPlan, task: &Task) -> Result<Positions, ThreadError> {
    let mut positions = Positions::new();
    for changelog in host.changelogs(&task.id) {
        let committed = || task.group.queues.iter().find(|q| q.at == changelog.at).map(|q| q.committed());
        let position = if changelog.source { committed() } else { Some(host.broker.bounds(&changelog.at)?.1) };
        positions.extend(position.map(|position| (changelog.of, position)));
    }
    Ok(positions)
}
