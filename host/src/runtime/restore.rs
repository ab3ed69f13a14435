//! Brings a task's stores to the last commit, a bounded step at a time, so that other tasks of the thread go on meanwhile.
//!
//! A changelog is read from the stored position to its end. Where a table's own topic is the changelog, the end is the committed offset of
//! that input: what lies behind it has not been processed.

use std::path::PathBuf;
use std::sync::Arc;

use crate::broker::{Committed, Reader};
use crate::record::{ConsumedRecord, Offset, Timestamp, TopicPartition, strip_reserved_headers};
use crate::store::{Changelog, Home, StoreError, TaskStores};
use crate::task::{TaskId, TaskPlan};

use super::errors::ThreadError;
use super::plan::HostPlan;

/// Records read from a changelog in one step.
const RECORDS_PER_STEP: usize = 10_000;

/// A task on its way to its state.
pub(super) struct Restore {
    pub id: TaskId,
    /// Its partitions, with what the group has committed.
    pub partitions: Vec<(TopicPartition, Option<Committed>)>,
    pub stores: TaskStores,
    left: Vec<Leg>,
    plan: Arc<TaskPlan>,
    /// Changelog records to read in all, and read so far.
    pub total: u64,
    pub read: u64,
    batch: Vec<ConsumedRecord>,
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
    pub(super) fn begin(
        host: &HostPlan,
        id: TaskId,
        partitions: Vec<(TopicPartition, Option<Committed>)>,
    ) -> Result<Self, ThreadError> {
        let plan = host.tasks[id.sub_topology].clone();
        let folder = host.tasks_folder.as_ref().map(|tasks| tasks.join(&*id.name));
        let mut stores = open(host, &id, folder.as_ref())?;
        let mut left = Vec::new();
        for (changelog, topic, source) in host.changelogs(id.sub_topology) {
            let at = TopicPartition::new(topic, id.partition);
            let (first, end) = host.broker.bounds(&at)?;
            let end = if source { committed_of(&partitions, &at).unwrap_or(first).min(end) } else { end };
            let mut stored = stores.stored_position(changelog).map_err(|e| ThreadError::of_store(&id, e))?;
            if stored.is_some_and(|position| position > end) {
                tracing::warn!(task = %id.name, changelog = %at, "the changelog ends before the stored position; state is restored from its beginning");
                stored = None;
                drop(stores);
                wipe(&id, folder.as_ref())?;
                stores = open(host, &id, folder.as_ref())?;
            }
            let position = stored.unwrap_or(first).max(first);
            left.push(Leg { changelog, at, position, end, source });
        }
        let total = left.iter().map(|leg| leg.end.saturating_sub(leg.position)).sum();
        Ok(Self { id, partitions, stores, left, plan, total, read: 0, batch: Vec::new() })
    }

    /// Reads some more. True when the stores are at the last commit.
    pub(super) fn step(&mut self, reader: &mut dyn Reader) -> Result<bool, ThreadError> {
        while let Some(leg) = self.left.last_mut() {
            if leg.position >= leg.end {
                self.left.pop();
                continue;
            }
            self.batch.clear();
            let next = reader.read(&leg.at, leg.position, RECORDS_PER_STEP, &mut self.batch)?;
            let end = leg.end;
            self.batch.retain(|r| r.offset < end);
            if leg.source {
                as_table(&self.plan, &leg.at, &mut self.batch);
            }
            self.stores.restore(leg.changelog, &self.batch).map_err(|e| ThreadError::of_store(&self.id, e))?;
            let next = next.min(end);
            self.read += next - leg.position;
            if next == leg.position {
                // Nothing came although the end lies further: the log has not delivered yet.
                return Ok(false);
            }
            leg.position = next;
            return Ok(self.left.iter().all(|leg| leg.position >= leg.end));
        }
        Ok(true)
    }

    /// Where each changelog stands now that everything is read: what a flush notes down.
    pub(super) fn ends(host: &HostPlan, id: &TaskId, committed: impl Fn(&TopicPartition) -> Option<Offset>) -> Result<Vec<(Changelog, Offset)>, ThreadError> {
        let mut ends = Vec::new();
        for (changelog, topic, source) in host.changelogs(id.sub_topology) {
            let at = TopicPartition::new(topic, id.partition);
            let end = if source { committed(&at) } else { Some(host.broker.bounds(&at)?.1) };
            ends.extend(end.map(|end| (changelog, end)));
        }
        Ok(ends)
    }

    /// The stream time that the task had reached.
    pub(super) fn stream_time(&self) -> Option<Timestamp> {
        let noted = self.partitions.iter().filter_map(|(_, c)| c.as_ref()?.metadata.parse().ok());
        noted.max().map(Timestamp)
    }
}

/// The committed offset of a partition.
pub(super) fn committed_of(partitions: &[(TopicPartition, Option<Committed>)], at: &TopicPartition) -> Option<Offset> {
    partitions.iter().find(|(p, _)| p == at).and_then(|(_, c)| Some(c.as_ref()?.offset))
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
