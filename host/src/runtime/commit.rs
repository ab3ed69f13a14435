//! The commit protocol of a stream thread: changelog records and offsets join the outputs in one transaction; only when it stands do the
//! overlays go into the stores.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::{BrokerError, Client, OutgoingRef, Retry};
use crate::limits;
use crate::record::Timestamp;
use crate::store::Changelog;
use crate::task::Task;

use super::counters::nanoseconds;
use super::errors::{Action, ThreadError, action};
use super::plan::{HostPlan, TaskChangelog};
use super::thread::{Slot, StreamThread};

/// Parts of the time after which the log gives up a transaction; after the first of them it is committed.
const PARTS_OF_TIMEOUT: u32 = 3;

/// How much the open transaction holds, and when the last one ended.
#[derive(Debug)]
pub(super) struct Transaction {
    pub records: usize,
    pub bytes: usize,
    /// Bytes that its tasks have written to stores.
    pub written: usize,
    /// As many as that were in the last one that had any.
    pub written_last: usize,
    pub last_commit: Option<Timestamp>,
    /// Bytes of outputs and of writes to stores with which it is full.
    most_bytes: usize,
    /// Longest time between two commits, in milliseconds.
    pub interval_ms: i64,
    /// Shortest time between two commits, in milliseconds.
    floor_ms: i64,
}

impl Transaction {
    /// Nothing yet. A transaction ends long before the log would give it up.
    pub(super) fn new(host: &HostPlan, client: &dyn Client) -> Self {
        let ms = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        let interval =
            client.transaction_timeout().map_or(host.commit_interval, |timeout| host.commit_interval.min(timeout / PARTS_OF_TIMEOUT));
        Self {
            records: 0,
            bytes: 0,
            written: 0,
            written_last: 0,
            last_commit: None,
            most_bytes: host.transaction_bytes,
            interval_ms: ms(interval),
            floor_ms: ms(host.commit_floor),
        }
    }

    fn add(&mut self, record: OutgoingRef<'_>) {
        self.records += 1;
        self.bytes += record.record.size();
    }

    /// Holds nothing any more.
    pub(super) fn clear(&mut self) {
        (self.records, self.bytes) = (0, 0);
        self.forget_written();
    }

    fn forget_written(&mut self) {
        if self.written > 0 {
            self.written_last = std::mem::take(&mut self.written);
        }
    }

    /// True when it is time: the thread has run dry (not oftener than the floor), the interval is over, or the transaction is large.
    pub(super) fn is_due(&self, dry: bool, now: Timestamp) -> bool {
        let Some(last) = self.last_commit else { return true };
        let waited = now.0 - last.0;
        // A wall clock that was set back must not hold commits up.
        waited < 0 || (dry && waited >= self.floor_ms) || waited >= self.interval_ms || self.is_full()
    }

    /// When the next commit of something processed is due in a thread that is dry; `urgent` false: of something passed by alone.
    pub(super) fn due_at(&self, urgent: bool, now: Timestamp) -> Timestamp {
        let wait = if urgent { self.floor_ms } else { self.interval_ms };
        self.last_commit.map_or(now, |last| Timestamp(last.0.saturating_add(wait)))
    }

    /// Bytes of memory that its writes to stores take, or that those of the last one have left.
    pub(super) fn overlay_bytes(&self) -> usize {
        self.written.max(self.written_last)
    }

    /// True when nothing more should go into it.
    pub(super) fn is_full(&self) -> bool {
        self.records >= limits::TRANSACTION_RECORDS || self.bytes + self.written >= self.most_bytes
    }
}

impl StreamThread {
    /// Hands a task's outputs to the open transaction.
    pub(super) fn send_outbox(client: &mut dyn Client, open: &mut Transaction, task: &mut Task) -> Result<(), ThreadError> {
        let mut send = |record: OutgoingRef<'_>| {
            open.add(record);
            client.send(record)
        };
        let sent = task.take_outbox().try_for_each(|parcel| parcel.send(&mut send));
        match sent {
            Err((origin, BrokerError::Refused { topic, reason })) => {
                task.refused(origin, reason.clone());
                Err(ThreadError::Refused { task: task.id.clone(), topic, reason })
            }
            sent => Ok(sent.map_err(|(_, error)| error)?),
        }
    }

    /// Commits what has been processed since the last commit. Says whether there was anything.
    pub(super) fn commit(&mut self, now: Timestamp) -> Result<bool, ThreadError> {
        let began = self.host.clock.monotonic();
        let (mut offsets, mut moved) = (Vec::new(), false);
        // Positions that passed by what is no record go along with others, or by themselves when nothing else was committed for long.
        let all =
            self.open.due_at(false, now) <= now || self.slots.values().any(|slot| matches!(slot, Slot::Running(task) if task.is_dirty()));
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            if !(task.is_dirty() || (all && task.has_moved())) {
                continue;
            }
            Self::send_outbox(&mut *self.client, &mut self.open, task)?;
            send_changes(&self.host, &mut *self.client, &mut self.open, task)?;
            offsets.extend(task.offsets());
            moved |= task.has_moved();
        }
        let note = self.notes.due(now).cloned();
        // A task that has parked at its first record, say, has nothing to tell.
        let anything = moved || self.open.records > 0 || note.is_some();
        if anything {
            offsets.extend(note);
            let first = self.slots.values().any(|slot| matches!(slot, Slot::Running(task) if task.is_untold()));
            self.client.commit(&offsets)?;
            // Whoever came after this thread would begin elsewhere.
            if first && !self.client.confirm(&[])? {
                let (what, why) = ("commit where reading begins".to_owned(), "the group takes no offsets at the moment".to_owned());
                return Err(BrokerError::Failed { what, why, retry: Retry::Same }.into());
            }
            self.notes.told(now);
            self.open.clear();
            self.open.last_commit = Some(now);
            self.twins.committed();
            self.missing.committed();
        }
        self.apply(all)?;
        self.count_versions(now);
        // Also when there was nothing to send.
        self.open.forget_written();
        if anything {
            self.counters.commit.add(nanoseconds(self.host.clock.monotonic().saturating_sub(began)));
            self.flush_due(now)?;
            self.purge(now);
        }
        Ok(anything)
    }

    /// The transaction stands: every overlay goes into its stores. A task whose stores fail keeps no other from it.
    fn apply(&mut self, moved: bool) -> Result<(), ThreadError> {
        let mut broken = Vec::new();
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            if (task.is_dirty() || (moved && task.has_moved()))
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
                _ => stops = Some(error),
            }
        }
        stops.map_or(Ok(()), Err)
    }
}

fn send_changes(host: &HostPlan, client: &mut dyn Client, open: &mut Transaction, task: &mut Task) -> Result<(), ThreadError> {
    let id = task.id.clone();
    let Some(env) = task.env() else { return Ok(()) };
    if env.stores.is_clean() {
        return Ok(());
    }
    // Texts of this thread's own: see `TaskPlan::sink_topics`.
    let own = |changelog: &TaskChangelog| (changelog.of, Arc::from(&*changelog.at.topic));
    let changelogs: Vec<(Changelog, Arc<str>)> = host.changelogs(&id).iter().filter(|changelog| !changelog.source).map(own).collect();
    let mut sent = Ok(());
    let shown = env.stores.show_changes(|changelog, record| {
        let Some((_, topic)) = changelogs.iter().find(|(of, _)| *of == changelog) else { return ControlFlow::Continue(()) };
        let change = OutgoingRef { topic, partition: Some(id.partition), record };
        open.add(change);
        sent = client.send(change);
        if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    shown.map_err(|e| ThreadError::of_store(&id, e))?;
    Ok(sent?)
}
