//! The commit protocol of a stream thread: changelog records and offsets join the outputs in one transaction; only when it stands do the
//! overlays go into the stores.

use crate::broker::{BrokerError, Client, OutgoingRecord};
use crate::limits;
use crate::record::Timestamp;
use crate::task::Task;

use super::counters::nanoseconds;
use super::errors::{Action, ThreadError, action};
use super::plan::{HostPlan, Positions};
use super::thread::{Slot, StreamThread};

/// How much the open transaction holds, and when the last one ended.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub records: usize,
    pub bytes: usize,
    /// Bytes that its tasks have written to stores.
    pub written: usize,
    pub last_commit: Option<Timestamp>,
}

impl Transaction {
    /// True when it is time: the thread has run dry (not oftener than the floor), the interval is over, or the transaction is large.
    pub(super) fn is_due(&self, host: &HostPlan, dry: bool, now: Timestamp) -> bool {
        let Some(last) = self.last_commit else { return true };
        let waited = now.0 - last.0;
        let ms = |d: std::time::Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        // A wall clock that was set back must not hold commits up.
        waited < 0 || (dry && waited >= ms(host.commit_floor)) || waited >= ms(host.commit_interval) || self.is_full()
    }

    /// True when nothing more should go into it.
    pub(super) fn is_full(&self) -> bool {
        self.records >= limits::TRANSACTION_RECORDS || self.bytes + self.written >= limits::TRANSACTION_BYTES
    }
}

impl StreamThread {
    /// Hands a task's outputs to the open transaction.
    pub(super) fn send_outbox(client: &mut dyn Client, open: &mut Transaction, task: &mut Task) -> Result<(), ThreadError> {
        let mut refused = None;
        for outbound in task.take_outbox() {
            open.records += 1;
            open.bytes += outbound.record.record.size();
            match client.send(outbound.record) {
                Err(BrokerError::Refused { topic, reason }) => {
                    refused = Some((outbound.origin, topic, reason));
                    break;
                }
                sent => sent?,
            }
        }
        let Some((origin, topic, reason)) = refused else { return Ok(()) };
        task.refused(origin, reason.clone());
        Err(ThreadError::Refused { task: task.id.clone(), topic, reason })
    }

    /// Commits what has been processed since the last commit. Says whether there was anything.
    pub(super) fn commit(&mut self, now: Timestamp) -> Result<bool, ThreadError> {
        let began = self.host.clock.monotonic();
        let mut offsets = Vec::new();
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            if !task.is_dirty() {
                continue;
            }
            Self::send_outbox(&mut *self.client, &mut self.open, task)?;
            send_changes(&self.host, &mut *self.client, &mut self.open, task)?;
            offsets.extend(task.offsets());
        }
        // A task that has parked at its first record, say, has nothing to tell.
        let anything = !offsets.is_empty() || self.open.records > 0;
        if anything {
            self.client.commit(&offsets)?;
            self.open = Transaction { last_commit: Some(now), ..Transaction::default() };
        }
        self.apply()?;
        // Also when there was nothing to send.
        self.open.written = 0;
        if anything {
            self.counters.commit.add(nanoseconds(self.host.clock.monotonic().saturating_sub(began)));
            self.flush_due(now)?;
            self.purge(now);
        }
        Ok(anything)
    }

    /// The transaction stands: every overlay goes into its stores. A task whose stores fail keeps no other from it.
    fn apply(&mut self) -> Result<(), ThreadError> {
        let mut broken = Vec::new();
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            if task.is_dirty()
                && let Err(error) = task.committed()
            {
                broken.push(ThreadError::of_task(&task.id, error));
            }
        }
        let mut stops = None;
        for error in broken {
            match action(&error) {
                Action::WipeAndRestore(id) => {
                    tracing::warn!(thread = self.number, "{error}; the state is restored from its changelogs");
                    self.make_anew(&id)?;
                }
                Action::Stop | Action::Rewind => stops = Some(error),
            }
        }
        stops.map_or(Ok(()), Err)
    }

    /// Flushes the stores that have much, or for long, not been flushed. Only between two transactions: then a changelog's end lies behind
    /// everything that was applied, and nothing else.
    fn flush_due(&mut self, now: Timestamp) -> Result<(), ThreadError> {
        let host = self.host.clone();
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            if task.env().is_some_and(|env| env.stores.flush_due(now)) {
                flush(&host, task, now)?;
            }
        }
        Ok(())
    }
}

/// Writes a task's applied state to disk, with the positions of its changelogs.
pub(super) fn flush(host: &HostPlan, task: &mut Task, now: Timestamp) -> Result<(), ThreadError> {
    let id = task.id.clone();
    let mut positions = Positions::new();
    for changelog in host.changelogs(&id) {
        let committed = || task.group.queues.iter().find(|q| q.at == changelog.at).map(|q| q.committed());
        let position = if changelog.source { committed() } else { Some(host.broker.bounds(&changelog.at)?.1) };
        positions.extend(position.map(|position| (changelog.of, position)));
    }
    match task.env() {
        Some(env) => env.stores.flush(&positions, now).map_err(|e| ThreadError::of_store(&id, e)),
        None => Ok(()),
    }
}

fn send_changes(host: &HostPlan, client: &mut dyn Client, open: &mut Transaction, task: &mut Task) -> Result<(), ThreadError> {
    let id = task.id.clone();
    let Some(env) = task.env() else { return Ok(()) };
    if env.stores.is_clean() {
        return Ok(());
    }
    let changelogs = host.changelogs(&id);
    for change in env.stores.changes().map_err(|e| ThreadError::of_store(&id, e))? {
        let Some(changelog) = changelogs.iter().find(|c| c.of == change.changelog && !c.source) else { continue };
        open.records += 1;
        open.bytes += change.record.size();
        client.send(OutgoingRecord { topic: changelog.at.topic.clone(), partition: Some(id.partition), record: change.record })?;
    }
    Ok(())
}
