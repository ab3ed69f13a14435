//! Which tasks a stream thread has: it makes them when partitions come, and lets go of them when they go.

use crate::broker::{BrokerError, Committed, GroupEvent, Retry};
use crate::node::{Effort, Lent, Node, Schedules, SeededRandom, TaskEnv};
use crate::record::{Timestamp, TopicPartition};
use crate::store::StoreError;
use crate::task::{StartAt, Task};
use crate::topology::{NodeKind, Start, TaskId};

use super::assignment::by_task;
use super::errors::ThreadError;
use super::flush::flush;
use super::restore::{Progress, Restore};
use super::thread::{Slot, StreamThread};

/// Between two questions for what is committed of a partition, while a transaction of somebody else keeps the answer back.
const ASK_AGAIN_MS: i64 = 500;

impl StreamThread {
    /// Deals with what the group tells. Says whether there was anything.
    pub(super) fn group_events(&mut self, now: Timestamp) -> Result<bool, ThreadError> {
        if self.events.is_empty() {
            self.events.extend(self.client.poll_group()?);
            self.counters.rebalances += u64::from(!self.events.is_empty());
        }
        let mut any = false;
        // An event is forgotten when it has been dealt with: one that failed half-way comes again after the recovery.
        while let Some(event) = self.events.front().cloned() {
            match event {
                GroupEvent::Assigned(partitions) => {
                    self.owned.extend(partitions.iter().cloned());
                    self.anew.extend(partitions);
                }
                GroupEvent::Revoked(partitions) => {
                    let committed = self.commit(now).map(drop);
                    self.release(&partitions, now, committed.is_ok())?;
                    committed?;
                }
                GroupEvent::Lost(partitions) => {
                    tracing::warn!(
                        thread = self.number,
                        "{} partitions belong to somebody else by now; back to the last commit",
                        partitions.len()
                    );
                    self.counters.rewinds += 1;
                    self.release(&partitions, now, false)?;
                    self.void()?;
                }
            }
            self.events.pop_front();
            any = true;
        }
        if !self.anew.is_empty() && self.ask_again.is_none_or(|at| at <= now) {
            self.ask_again = None;
            let partitions = self.anew.clone();
            if self.assigned(&partitions, now)? {
                self.anew.clear();
                any = true;
            }
        }
        Ok(any)
    }

    /// Begins to restore the tasks of these partitions. False: one of them is not free yet.
    fn assigned(&mut self, partitions: &[TopicPartition], now: Timestamp) -> Result<bool, ThreadError> {
        for ((sub, partition), mine) in by_task(partitions, &self.sub_topology_of) {
            let id = TaskId::new(&self.host.topology, sub, partition);
            // What is on its way out is not begun any more.
            if self.slots.contains_key(&id) || self.passing.as_ref().is_some_and(|passing| passing.ends(sub)) {
                continue;
            }
            if let Some(why) = self.host.make_room(&id)? {
                tracing::error!(task = %id.name, "{}", why.brief());
                self.slots.insert(id, Slot::Refused { partitions: mine, why });
                continue;
            }
            let committed = match self.client.committed(&mine) {
                // Other tasks go on meanwhile.
                Err(BrokerError::Failed { what, why, retry: Retry::Same }) => {
                    tracing::debug!(task = %id.name, "{what}: {why}");
                    self.ask_again = Some(Timestamp(now.0.saturating_add(ASK_AGAIN_MS)));
                    return Ok(false);
                }
                committed => committed?,
            };
            let restore = match Restore::begin(&self.host, id.clone(), mine.into_iter().zip(committed).collect()) {
                // Another thread of this process has lost the task, and has not heard of it yet.
                Err(ThreadError::State { error: StoreError::Locked { .. }, .. }) => return Ok(false),
                restore => restore?,
            };
            self.counters.tasks_created += 1;
            self.slots.insert(id, Slot::Restoring(Box::new(restore)));
        }
        Ok(true)
    }

    /// Lets go of the tasks of these partitions; `flushed` when what was committed may be written out first.
    fn release(&mut self, partitions: &[TopicPartition], now: Timestamp, flushed: bool) -> Result<(), ThreadError> {
        self.anew.retain(|at| !partitions.contains(at));
        self.owned.retain(|at| !partitions.contains(at));
        let mut running = Vec::new();
        for ((sub, partition), _) in by_task(partitions, &self.sub_topology_of) {
            let id = TaskId::new(&self.host.topology, sub, partition);
            let Some(slot) = self.slots.remove(&id) else { continue };
            self.counters.tasks_closed += 1;
            match slot {
                Slot::Running(task) => running.push(task),
                Slot::Restoring(restore) => restore.close(&mut *self.reader),
                Slot::Refused { .. } => {}
            }
        }
        let tasks = if flushed { running.iter_mut().map(|task| &mut **task).collect() } else { Vec::new() };
        let written = flush(&self.host, &mut *self.client, tasks, now).map(drop);
        running.into_iter().for_each(|task| drop(task.close()));
        written
    }

    /// Reads on for one task that is being restored, and starts one that needs no more. Says whether it did anything.
    pub(super) fn restore_some(&mut self, now: Timestamp) -> Result<bool, ThreadError> {
        let (mut read, mut restored) = (false, None);
        for (id, slot) in &mut self.slots {
            let Slot::Restoring(restore) = slot else { continue };
            // The others do not wait for the first one's many records, if they have none to read.
            if read && restore.has_more_to_read() {
                continue;
            }
            match restore.step(&mut *self.reader, now)? {
                Progress::Waits => {}
                Progress::Read => read = true,
                Progress::Done => {
                    restored = Some(id.clone());
                    break;
                }
            }
        }
        let Some(id) = restored else { return Ok(read) };
        let Some(Slot::Restoring(restore)) = self.slots.remove(&id) else { return Ok(false) };
        let partitions: Vec<TopicPartition> = restore.partitions.iter().map(|(at, _)| at.clone()).collect();
        if let Err(error) = self.start_task(*restore, now) {
            // Its nodes may hold what was not committed: they are made again.
            self.slots.remove(&id);
            self.counters.tasks_closed += 1;
            self.anew.extend(partitions);
            return Err(error);
        }
        Ok(true)
    }

    /// Makes a restored task's nodes; what they write while they are made is committed at once, for a rewind would not make them again.
    fn start_task(&mut self, restore: Restore, now: Timestamp) -> Result<(), ThreadError> {
        let id = restore.id.clone();
        let slot = self.started(restore, now)?;
        let writes = matches!(&slot, Slot::Running(task) if task.is_dirty());
        self.slots.insert(id, slot);
        if writes {
            self.commit(now)?;
        }
        Ok(())
    }

    fn started(&self, restore: Restore, now: Timestamp) -> Result<Slot, ThreadError> {
        let host = self.host.clone();
        let stream_time = restore.stream_time();
        let Restore { id, partitions, stores, records, .. } = restore;
        let mut lent: Lent = Some(Box::new(TaskEnv {
            stores,
            schedules: Schedules::restored(stream_time),
            random: SeededRandom::new(host.seed ^ seed_of(&id.name)),
            position: None,
            stream_time,
            now,
            row_timestamp: now,
            effort: Effort::default(),
        }));
        let plan = host.tasks[id.sub_topology].clone();
        let pulse = self.teller.pulse();
        let mut nodes: Vec<Option<Box<dyn Node>>> = Vec::new();
        let mut versions = Vec::new();
        for (at, ix) in plan.processors() {
            nodes.resize_with(at + 1, || None);
            pulse.enter(ix, id.partition);
            let wanted = host.versions.wanted_of(ix);
            let version = wanted.version;
            versions.push((at, wanted));
            let made = host.nodes.make(ix, version, &id, &mut lent);
            pulse.leave();
            match made {
                Ok(node) => nodes[at] = Some(node),
                Err(why) => {
                    tracing::error!(task = %id.name, "{}", why.brief());
                    // One on trial goes, and the task is made again with the version before.
                    host.versions.refuse(ix, version, &why, now);
                    nodes.iter_mut().flatten().for_each(|made| made.close(&mut lent));
                    return Ok(Slot::Refused { partitions: partitions.into_iter().map(|(at, _)| at).collect(), why });
                }
            }
        }
        let mut from = Vec::with_capacity(partitions.len());
        for (at, committed) in partitions {
            let start = self.start_at(&at, committed.as_ref())?;
            from.push((at, start));
        }
        let Some(env) = lent else {
            return Err(ThreadError::Defect { task: id, what: "a node kept the task's state".into() });
        };
        let idle = i64::try_from(host.max_task_idle.as_millis()).unwrap_or(i64::MAX);
        let mut task = Task::new(id, plan, from, nodes, env, idle, pulse);
        task.counters.restored = records;
        versions.iter().for_each(|(at, wanted)| task.set_version(*at, wanted.version));
        task.set_on_trial(versions.iter().filter(|(_, wanted)| wanted.fallback.is_some()).map(|(at, _)| *at));
        Ok(Slot::Running(Box::new(task)))
    }

    fn start_at(&self, at: &TopicPartition, committed: Option<&Committed>) -> Result<StartAt, ThreadError> {
        if let Some(committed) = committed {
            return Ok(StartAt::Known(committed.offset));
        }
        let (first, end) = self.host.broker.bounds(at)?;
        let start = self.host.topology.nodes.iter().find_map(|n| match &n.kind {
            NodeKind::Source(source) if source.topics.contains(&at.topic) => Some(source.start),
            _ => None,
        });
        // The end moves on: a start after a crash would pass over what has come meanwhile.
        Ok(if start == Some(Start::Latest) { StartAt::Untold(end) } else { StartAt::Known(first) })
    }

    /// Parked tasks try again: this one, or all. One whose nodes refused to start is made anew.
    pub(super) fn resume(&mut self, which: Option<&str>) {
        let mut refused = Vec::new();
        for (id, slot) in self.slots.iter_mut().filter(|(id, _)| which.is_none_or(|name| name == &*id.name)) {
            match slot {
                Slot::Running(task) => {
                    if task.resume() {
                        tracing::info!(task = %id.name, "resumed");
                    }
                }
                Slot::Refused { partitions, .. } => {
                    self.anew.append(partitions);
                    refused.push(id.clone());
                }
                Slot::Restoring(_) => {}
            }
        }
        self.counters.tasks_closed += refused.len() as u64;
        self.slots.retain(|id, _| !refused.contains(id));
    }
}

/// A seed of a task's own, so that tasks do not roll the same dice (FNV-1a).
fn seed_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
