//! Brings a task's stores to the last commit, a bounded step at a time, so that other tasks of the thread go on meanwhile.
//!
//! A changelog is read from the stored position to its end. Where a table's own topic is the changelog, the end is the committed offset of
//! that input: what lies behind it has not been processed.

use std::path::PathBuf;
use std::sync::Arc;

use crate::broker::{BrokerError, Committed, Reader};
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
    pub positions: Positions,
    left: Vec<Leg>,
    plan: Arc<TaskPlan>,
    /// Changelog records to read in all, and read so far.
    pub total: u64,
    pub read: u64,
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
        Ok(Self { id, partitions, stores, positions, left, plan, total, read: 0, batch: Vec::new() })
    }

    /// Reads some more.
    pub(super) fn step(&mut self, reader: &mut dyn Reader) -> Result<Progress, ThreadError> {
        while self.left.last().is_some_and(|leg| leg.position >= leg.end) {
            if let Some(done) = self.left.pop() {
                reader.close(&done.at);
            }
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
        if leg.source {
            as_table(&self.plan, &leg.at, &mut self.batch);
        }
        self.stores.restore(leg.changelog, &self.batch).map_err(|e| ThreadError::of_store(&self.id, e))?;
        let next = next.min(end);
        if next == leg.position {
            return Ok(Progress::Waits);
        }
        self.read += next - leg.position;
        leg.position = next;
        Ok(Progress::Read)
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
        let time = extractor.map_or(Ok(consumed.record.timestamp), |e| e.extract(&consumed.record));
        let Ok(time) = time else { return false };
        consumed.record.timestamp = time;
        strip_reserved_headers(&mut consumed.record);
        consumed.record.key.is_some()
    });
}
