//! Brings a task's stores to the last commit, a bounded step at a time, so that other tasks of the thread go on meanwhile.
//!
//! A changelog is read from the stored position to its end. Where a table's own topic is the changelog, the end is the committed offset of
//! that input: what lies behind it has not been processed.

use std::path::PathBuf;
use std::sync::Arc;

use crate::broker::{BrokerError, Committed, Reader};
use crate::limits;
use crate::record::{ConsumedRecord, Offset, Timestamp, TopicPartition, strip_reserved_headers};
use crate::store::{Changelog, Home, StoreError, TaskStores};
use crate::task::TaskPlan;
use crate::topology::TaskId;

use super::errors::ThreadError;
use super::plan::{HostPlan, Positions};

/// Records read from a changelog in one step.
const RECORDS_PER_STEP: usize = 10_000;

/// A task on its way to its state.
pub(super) struct Restore {
    pub id: TaskId,
    /// Its partitions, with what the group has committed.
    pub partitions: Vec<(TopicPartition, Option<Committed>)>,
    pub stores: TaskStores,
    /// Where each changelog stands when everything is read: what a flush notes down.
    positions: Positions,
    left: Vec<Leg>,
    plan: Arc<TaskPlan>,
    /// Changelog offsets to go through in all, and gone through so far. Not each of them is a record: some were compacted away, some are marks.
    pub total: u64,
    pub read: u64,
    /// Changelog records read.
    pub records: u64,
    /// When the first of them was read, or tried to.
    began: Option<Timestamp>,
    /// When all of them had been read.
    ended: Option<Timestamp>,
    /// When the log told of it last.
    told: Option<Timestamp>,
    /// Since when nothing has come of the changelog that is read.
    waits_since: Option<Timestamp>,
    /// It was said that nothing comes.
    warned: bool,
    /// There is so much to read that the stores are opened for nothing else meanwhile.
    fills: bool,
    /// The stores have been told that they have everything.
    closed: bool,
    batch: Vec<ConsumedRecord>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Something was read, and there is more.
    Read,
    /// There is more, and the log has not delivered it yet.
    Waits,
    /// The stores are at the last commit.
    Done,
}

/// One changelog that is still to be read.
struct Leg {
    changelog: Changelog,
    at: TopicPartition,
    position: Offset,
    end: Offset,
    /// A table's own topic: its records are taken as the table would.
    source: bool,
}

impl Restore {
    /// Opens the task's state and finds out what is missing in it. A corrupted database is wiped: changelogs heal it.
    pub(super) fn begin(host: &HostPlan, id: TaskId, partitions: Vec<(TopicPartition, Option<Committed>)>) -> Result<Self, ThreadError> {
        let plan = host.tasks[id.sub_topology].clone();
        let folder = host.tasks_folder.as_ref().map(|tasks| tasks.join(&*id.name));
        let mut stores = open(host, &id, folder.as_ref())?;
        let mut left = legs(host, &id, &partitions, &stores)?;
        if let Some(leads) = left.iter().find(|leg| leg.position > leg.end) {
            tracing::warn!(task = %id.name, changelog = %leads.at, "the changelog ends before the stored position; state is restored from its beginning");
            drop(stores);
            wipe(&id, folder.as_ref())?;
            stores = open(host, &id, folder.as_ref())?;
            // All of them anew: what the other changelogs had put there is gone, too.
            left = legs(host, &id, &partitions, &stores)?;
        }
        let total = left.iter().map(|leg| leg.end.saturating_sub(leg.position)).sum();
        let positions = left.iter().map(|leg| (leg.changelog, leg.end)).collect();
        let fills = total >= limits::FILL_RECORDS;
        if fills {
            stores.begin_fill().map_err(|e| ThreadError::of_store(&id, e))?;
        }
        if total > 0 {
            tracing::info!(task = %id.name, records = total, "restoring");
        }
        Ok(Self {
            id,
            partitions,
            stores,
            positions,
            left,
            plan,
            total,
            read: 0,
            records: 0,
            began: None,
            ended: None,
            told: None,
            waits_since: None,
            warned: false,
            fills,
            closed: false,
            batch: Vec::new(),
        })
    }

    /// Goes on as a task of another plan, in which its sub-topology is the same.
    pub(super) fn replan(&mut self, id: TaskId, plan: Arc<TaskPlan>) {
        (self.id, self.plan) = (id, plan);
    }

    /// Milliseconds that the rest will take at the speed so far; `None` before anything was read.
    pub(super) fn left_ms(&self, now: Timestamp) -> Option<i64> {
        let took = u64::try_from(now.0 - self.began?.0).ok()?;
        let left = u128::from(took) * u128::from(self.total.saturating_sub(self.read)) / u128::from((self.read > 0).then_some(self.read)?);
        i64::try_from(left).ok()
    }

    /// Reads some more; at the end writes out what was read.
    pub(super) fn step(&mut self, reader: &mut dyn Reader, now: Timestamp) -> Result<Progress, ThreadError> {
        self.began = self.began.or(Some(now));
        self.tell_now_and_then(now);
        while self.left.last().is_some_and(|leg| leg.position >= leg.end) {
            if let Some(done) = self.left.pop() {
                reader.close(&done.at);
            }
        }
        if self.left.is_empty() {
            return self.write_out(now).map_err(|e| ThreadError::of_store(&self.id, e));
        }
        if self.fills && self.stores.must_wait() {
            return Ok(Progress::Waits);
        }
        let Some(leg) = self.left.last_mut() else { return Ok(Progress::Done) };
        self.batch.clear();
        let next = match reader.read(&leg.at, leg.position, RECORDS_PER_STEP, &mut self.batch) {
            // Deleted since the restore began: nobody needs it any more.
            Err(BrokerError::OffsetGone { first, .. }) => first,
            next => next?,
        };
        let end = leg.end;
        self.batch.retain(|r| r.offset < end);
        self.records += self.batch.len() as u64;
        if leg.source {
            as_table(&self.plan, &leg.at, &mut self.batch);
        }
        self.stores.restore(leg.changelog, &self.batch).map_err(|e| ThreadError::of_store(&self.id, e))?;
        let next = next.min(end);
        if next == leg.position {
            self.waits_since = self.waits_since.or(Some(now));
            self.warn_of_standstill(now);
            return Ok(Progress::Waits);
        }
        self.waits_since = None;
        self.read += next - leg.position;
        leg.position = next;
        Ok(Progress::Read)
    }

    /// The changelog of which nothing has come for long, though there is more in the log.
    pub(super) fn stands_at(&self, now: Timestamp) -> Option<&TopicPartition> {
        let waited = u128::try_from(now.0 - self.waits_since?.0).ok()?;
        let leg = self.left.last()?;
        (waited >= limits::RESTORE_STANDSTILL.as_millis()).then_some(&leg.at)
    }

    /// Only what is committed comes, so a transaction that nobody ends holds back all that is behind its begin. Once for each restore.
    fn warn_of_standstill(&mut self, now: Timestamp) {
        let Some(at) = self.stands_at(now).filter(|_| !self.warned) else { return };
        let end = self.left.last().map(|leg| leg.end);
        tracing::warn!(
            task = %self.id.name, changelog = %at, read = self.read, total = self.total, end,
            "the restore stands still: the log holds more of the changelog and delivers nothing. Unless the cluster is away, somebody's transaction \
             is open there: `kafka-transactions.sh --bootstrap-server HOST:PORT find-hanging --topic {} --partition {}` shows it, and `abort` ends it, and \
             drops what it wrote",
            at.topic, at.partition
        );
        self.warned = true;
    }

    /// Gives up: nothing more is fetched for it.
    pub(super) fn close(self, reader: &mut dyn Reader) {
        self.left.iter().for_each(|leg| reader.close(&leg.at));
    }

    /// True until the changelogs have been read to their ends.
    pub(super) fn has_more_to_read(&self) -> bool {
        self.left.iter().any(|leg| leg.position < leg.end)
    }

    /// Makes what was read durable. A fill is written out in the background, so that other tasks do not wait for it.
    fn write_out(&mut self, now: Timestamp) -> Result<Progress, StoreError> {
        if self.total == 0 {
            return Ok(Progress::Done);
        }
        let ended = *self.ended.get_or_insert(now);
        if self.fills {
            if self.stores.is_busy() {
                return Ok(Progress::Waits);
            }
            if !self.closed {
                self.closed = true;
                self.stores.close_fill()?;
                return Ok(Progress::Read);
            }
        }
        match self.fills {
            true => self.stores.end_fill(&self.positions, now)?,
            false => self.stores.flush(&self.positions, now)?,
        }
        let read_ms = self.began.map_or(0, |began| ended.0 - began.0);
        tracing::info!(task = %self.id.name, records = self.records, read_ms, "restored");
        Ok(Progress::Done)
    }

    /// The line of a restore that lasts.
    fn tell_now_and_then(&mut self, now: Timestamp) {
        let told = *self.told.get_or_insert(now);
        if u128::try_from(now.0 - told.0).is_ok_and(|ms| ms >= limits::RESTORE_REMINDER.as_millis()) {
            let (read, total, left_s) = (self.read, self.total, self.left_ms(now).map(|ms| ms / 1_000));
            tracing::info!(task = %self.id.name, read, total, left_s, "still restoring");
            self.told = Some(now);
        }
    }

    /// The stream time that the task had reached.
    pub(super) fn stream_time(&self) -> Option<Timestamp> {
        let noted = self.partitions.iter().filter_map(|(_, c)| c.as_ref()?.metadata.parse().ok());
        noted.max().map(Timestamp)
    }
}

/// What is to be read of each changelog, from the stored position on. A position beyond the end: the state is that of another log.
fn legs(
    host: &HostPlan,
    id: &TaskId,
    partitions: &[(TopicPartition, Option<Committed>)],
    stores: &TaskStores,
) -> Result<Vec<Leg>, ThreadError> {
    let committed_of = |at: &TopicPartition| partitions.iter().find(|(p, _)| p == at).and_then(|(_, c)| Some(c.as_ref()?.offset));
    let mut legs = Vec::new();
    for changelog in host.changelogs(id) {
        let (first, end) = host.broker.bounds(&changelog.at)?;
        let end = if changelog.source { committed_of(&changelog.at).unwrap_or(first).min(end) } else { end };
        let stored = stores.stored_position(changelog.of).map_err(|e| ThreadError::of_store(id, e))?;
        let position = match stored {
            Some(leads) if leads > end => leads,
            // Retention may have passed the committed offset: then there is nothing left to read.
            stored => stored.unwrap_or(first).max(first).min(end),
        };
        legs.push(Leg { changelog: changelog.of, at: changelog.at, position, end, source: changelog.source });
    }
    Ok(legs)
}

fn open(host: &HostPlan, id: &TaskId, folder: Option<&PathBuf>) -> Result<TaskStores, ThreadError> {
    let configs = host.store_configs(id.sub_topology);
    let home = folder.map(|folder| Home { folder, budget: &host.budget });
    match TaskStores::open(home, configs.clone()) {
        Err(StoreError::Corrupted { store, why }) => {
            tracing::warn!(task = %id.name, "{store}: {why}; the task's state is wiped and restored from its changelogs");
            wipe(id, folder)?;
            TaskStores::open(home, configs)
        }
        opened => opened,
    }
    .map_err(|e| ThreadError::of_store(id, e))
}

/// Removes a task's folder.
pub(super) fn wipe(id: &TaskId, folder: Option<&PathBuf>) -> Result<(), ThreadError> {
    let Some(folder) = folder else { return Ok(()) };
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let store = folder.display().to_string().into();
            Err(ThreadError::of_store(id, StoreError::Disk { store, what: "remove the folder", why: error.to_string() }))
        }
        _ => Ok(()),
    }
}

/// Turns records of a table's own topic into those of a changelog: with the event time of the source, without the ones a table drops.
fn as_table(plan: &TaskPlan, at: &TopicPartition, batch: &mut Vec<ConsumedRecord>) {
    let extractor = plan.extractor_of(&at.topic);
    batch.retain_mut(|consumed| {
        let time = extractor.map_or(Ok(consumed.record.timestamp), |e| e.extract((&consumed.record).into()));
        let Ok(time) = time else { return false };
        consumed.record.timestamp = time;
        strip_reserved_headers(&mut consumed.record);
        consumed.record.key.is_some()
    });
}
