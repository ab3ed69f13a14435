//! One stream thread: `step(now)` is the only loop body there is. It hears of assignments, restores, processes, punctuates and commits.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::broker::{Client, Committed, GroupEvent, Reader};
use crate::error::Diagnostic;
use crate::limits;
use crate::node::{SeededRandom, TaskEnv};
use crate::record::{ConsumedRecord, Offset, Timestamp, TopicPartition};
use crate::store::{Row, ScanOrder};
use crate::task::{Task, TaskId, TaskState};
use crate::topology::{NodeKind, Start};

use super::assignment::by_task;
use super::commit::{Transaction, flush};
use super::errors::{Action, ThreadError, action};
use super::plan::HostPlan;
use super::restore::{Restore, committed_of, wipe};
use super::status::{Command, Condition, TaskStatus, ThreadBoard};

/// How often the status is written anew under load.
const STATUS_INTERVAL_MS: i64 = 200;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was done: call again at once.
    Busy,
    /// Nothing to do before this time, or before something arrives.
    Idle {
        /// A schedule, a sleeping task or a commit is due then.
        until: Option<Timestamp>,
    },
    /// The thread was told to stop, and has.
    Stopped,
}

/// What the thread has of a task.
pub(super) enum Slot {
    /// Its state is being restored.
    Restoring(Box<Restore>),
    /// It works.
    Running(Box<Task>),
    /// A node refused to start: parked until a restart.
    Refused { partitions: Vec<TopicPartition>, why: Diagnostic },
}

/// A stream thread, without the operating system's.
pub struct StreamThread {
    pub(super) host: Arc<HostPlan>,
    pub(super) client: Box<dyn Client>,
    pub(super) slots: BTreeMap<TaskId, Slot>,
    pub(super) open: Transaction,
    reader: Box<dyn Reader>,
    number: u32,
    sub_topology_of: FxHashMap<Arc<str>, usize>,
    commands: Receiver<Command>,
    board: ThreadBoard,
    status_at: Option<Timestamp>,
    reminded_at: Timestamp,
    scratch: Vec<ConsumedRecord>,
}

impl StreamThread {
    /// Thread `number` of `threads`: joins the group.
    pub fn new(
        host: Arc<HostPlan>,
        number: u32,
        threads: u32,
        commands: Receiver<Command>,
        board: ThreadBoard,
    ) -> Result<Self, ThreadError> {
        let mut client = host.broker.client(&host.topology.app, number, threads)?;
        client.subscribe(host.subscriptions())?;
        let reader = host.broker.reader()?;
        let mut sub_topology_of = FxHashMap::default();
        for sub in 0..host.topology.sub_topologies.len() {
            sub_topology_of.extend(host.source_topics(sub).into_iter().map(|topic| (topic, sub)));
        }
        Ok(Self {
            host,
            client,
            slots: BTreeMap::new(),
            open: Transaction::default(),
            reader,
            number,
            sub_topology_of,
            commands,
            board,
            status_at: None,
            reminded_at: Timestamp(0),
            scratch: Vec::new(),
        })
    }

    /// Does what there is to do at `now`, a bounded amount of it.
    pub fn step(&mut self, now: Timestamp) -> Result<Step, ThreadError> {
        match self.try_step(now) {
            Err(error) => {
                self.recover(error)?;
                Ok(Step::Busy)
            }
            step => step,
        }
    }

    /// All rows of a store, over this thread's tasks, by key; `None` when none of them has it. For tests: it reads the whole store.
    pub fn rows(&mut self, store: &str) -> Result<Option<Vec<(Bytes, Row)>>, ThreadError> {
        let mut rows = Vec::new();
        let mut found = false;
        for (id, slot) in &mut self.slots {
            let Slot::Running(task) = slot else { continue };
            let configs = self.host.store_configs(id.sub_topology);
            let Some(local) = configs.iter().position(|c| &*c.name == store) else { continue };
            found = true;
            if let Some(env) = task.env() {
                let all = env.stores.scan(local, Bound::Unbounded, Bound::Unbounded, ScanOrder::Ascending, usize::MAX);
                rows.extend(all.map_err(|e| ThreadError::of_store(id, e))?);
            }
        }
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found.then_some(rows))
    }

    /// Blocks until something may have arrived, or `at_most` is over.
    pub fn wait(&mut self, at_most: Duration) {
        self.client.wait(at_most);
    }

    fn try_step(&mut self, now: Timestamp) -> Result<Step, ThreadError> {
        if let Some(leave) = self.hear_commands() {
            self.stop(leave, now)?;
            return Ok(Step::Stopped);
        }
        let mut busy = self.group_events(now)?;
        busy |= self.restore_some(now)?;
        let worked = self.work(now)?;
        let due = self.open.is_due(&self.host, !worked, now);
        let committed = due && self.commit(now)?;
        self.tell(now);
        if busy || worked || committed {
            return Ok(Step::Busy);
        }
        Ok(Step::Idle { until: self.wakes_at(now) })
    }

    fn hear_commands(&mut self) -> Option<bool> {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Stop { leave }) => return Some(leave),
                Ok(Command::Resume(which)) => self.resume(which.as_deref()),
                Err(TryRecvError::Empty) => return None,
                // Whoever started the thread is gone.
                Err(TryRecvError::Disconnected) => return Some(false),
            }
        }
    }

    fn resume(&mut self, which: Option<&str>) {
        for (id, slot) in &mut self.slots {
            if let Slot::Running(task) = slot
                && which.is_none_or(|name| name == &*id.name)
                && task.resume()
            {
                tracing::info!(task = %id.name, "resumed");
            }
        }
    }

    fn group_events(&mut self, now: Timestamp) -> Result<bool, ThreadError> {
        let events = self.client.poll_group()?;
        let any = !events.is_empty();
        for event in events {
            match event {
                GroupEvent::Assigned(partitions) => self.assigned(&partitions)?,
                GroupEvent::Revoked(partitions) => {
                    self.commit(now)?;
                    self.release(&partitions, now, true)?;
                }
                GroupEvent::Lost(partitions) => {
                    self.client.abort()?;
                    self.open = Transaction { last_commit: self.open.last_commit, ..Transaction::default() };
                    self.release(&partitions, now, false)?;
                    self.rewind_all()?;
                }
            }
        }
        Ok(any)
    }

    fn assigned(&mut self, partitions: &[TopicPartition]) -> Result<(), ThreadError> {
        for ((sub, partition), mine) in by_task(partitions, &self.sub_topology_of) {
            let id = self.host.task_id(sub, partition);
            let committed = self.client.committed(&mine)?;
            let restore = Restore::begin(&self.host, id.clone(), mine.into_iter().zip(committed).collect())?;
            if restore.total > 0 {
                tracing::info!(task = %id.name, thread = self.number, records = restore.total, "restoring");
            }
            self.slots.insert(id, Slot::Restoring(Box::new(restore)));
        }
        Ok(())
    }

    /// Lets go of the tasks of these partitions; `flushed` when what was committed may be written out first.
    fn release(&mut self, partitions: &[TopicPartition], now: Timestamp, flushed: bool) -> Result<(), ThreadError> {
        for ((sub, partition), _) in by_task(partitions, &self.sub_topology_of) {
            let id = self.host.task_id(sub, partition);
            if let Some(Slot::Running(mut task)) = self.slots.remove(&id) {
                if flushed {
                    flush(&self.host, &mut task, now)?;
                }
                task.close();
            }
        }
        Ok(())
    }

    fn restore_some(&mut self, now: Timestamp) -> Result<bool, ThreadError> {
        let restoring = self.slots.iter_mut().find_map(|(id, slot)| match slot {
            Slot::Restoring(restore) => Some((id.clone(), restore)),
            Slot::Running(_) | Slot::Refused { .. } => None,
        });
        let Some((id, restore)) = restoring else { return Ok(false) };
        if !restore.step(&mut *self.reader)? {
            return Ok(true);
        }
        if let Some(Slot::Restoring(restore)) = self.slots.remove(&id) {
            let slot = self.start(*restore, now)?;
            self.slots.insert(id, slot);
        }
        Ok(true)
    }

    /// Makes a restored task's nodes and lets its records come.
    fn start(&mut self, restore: Restore, now: Timestamp) -> Result<Slot, ThreadError> {
        let host = self.host.clone();
        let stream_time = restore.stream_time();
        let Restore { id, partitions, mut stores, total, .. } = restore;
        if total > 0 {
            let ends = Restore::ends(&host, &id, |at| committed_of(&partitions, at))?;
            stores.flush(&ends, now).map_err(|e| ThreadError::of_store(&id, e))?;
            tracing::info!(task = %id.name, records = total, "restored");
        }
        let mut lent = Some(Box::new(TaskEnv {
            stores,
            schedules: crate::node::Schedules::default(),
            random: SeededRandom::new(host.seed ^ seed_of(&id.name)),
            position: None,
            stream_time,
            now,
            row_timestamp: now,
        }));
        let plan = host.tasks[id.sub_topology].clone();
        let mut nodes: Vec<Option<Box<dyn crate::node::Node>>> = Vec::new();
        for (at, ix) in plan.processors() {
            nodes.resize_with(at + 1, || None);
            match host.nodes.make(ix, &id, &mut lent) {
                Ok(node) => nodes[at] = Some(node),
                Err(why) => {
                    tracing::error!(task = %id.name, "{}", why.brief());
                    return Ok(Slot::Refused { partitions: partitions.into_iter().map(|(at, _)| at).collect(), why });
                }
            }
        }
        let mut from = Vec::with_capacity(partitions.len());
        for (at, committed) in partitions {
            let offset = self.start_offset(&at, committed.as_ref())?;
            self.client.start(&at, offset)?;
            from.push((at, offset));
        }
        let Some(env) = lent else {
            return Err(ThreadError::Defect { task: id, what: "a node kept the task's state".into() });
        };
        let idle = i64::try_from(host.max_task_idle.as_millis()).unwrap_or(i64::MAX);
        Ok(Slot::Running(Box::new(Task::new(id, plan, from, nodes, env, idle))))
    }

    fn start_offset(&self, at: &TopicPartition, committed: Option<&Committed>) -> Result<Offset, ThreadError> {
        let (first, end) = self.host.broker.bounds(at)?;
        if let Some(committed) = committed {
            if committed.offset < first {
                tracing::warn!(partition = %at, committed = committed.offset, first, "records were deleted before they were processed");
            }
            return Ok(committed.offset.max(first));
        }
        let start = self.host.topology.nodes.iter().find_map(|n| match &n.kind {
            NodeKind::Source(source) if source.topics.contains(&at.topic) => Some(source.start),
            _ => None,
        });
        Ok(if start == Some(Start::Latest) { end } else { first })
    }

    /// Fills queues and gives each task its turn. Says whether any record was processed or punctuation fired.
    fn work(&mut self, now: Timestamp) -> Result<bool, ThreadError> {
        let mut worked = false;
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            if task.state == TaskState::Running {
                for queue in &mut task.group.queues {
                    if queue.buffered() <= limits::RECORDS_BUFFERED_PER_PARTITION / 2 {
                        let room = limits::RECORDS_BUFFERED_PER_PARTITION - queue.buffered();
                        self.scratch.clear();
                        self.client.take(&queue.at, room, &mut self.scratch)?;
                        queue.extend(self.scratch.drain(..));
                    }
                    if queue.buffered() == 0 {
                        let end = self.client.end_seen(&queue.at)?;
                        queue.set_caught_up(end.is_some_and(|end| queue.fetch_position() >= end), now);
                    }
                }
            }
            let turn = task.turn(now, limits::RECORDS_PER_TURN).map_err(|e| ThreadError::of_task(&task.id, e))?;
            worked |= turn.records > 0;
            worked |= task.punctuate_wall_clock(now).map_err(|e| ThreadError::of_task(&task.id, e))?;
            Self::send_outbox(&mut *self.client, &mut self.open, task)?;
        }
        Ok(worked)
    }

    fn wakes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let tasks = self.slots.values().filter_map(|slot| match slot {
            Slot::Running(task) => task.wakes_at(),
            Slot::Restoring(_) | Slot::Refused { .. } => None,
        });
        let dirty = self.slots.values().any(|slot| matches!(slot, Slot::Running(task) if task.is_dirty()));
        let floor = i64::try_from(self.host.commit_floor.as_millis()).unwrap_or(i64::MAX);
        let commit = dirty.then(|| Timestamp(self.open.last_commit.map_or(now.0, |last| last.0 + floor)));
        tasks.chain(commit).min()
    }

    fn recover(&mut self, error: ThreadError) -> Result<(), ThreadError> {
        let wiped = match action(&error) {
            Action::Stop => return Err(error),
            Action::Rewind => None,
            Action::WipeAndRestore(id) => Some(id),
        };
        tracing::warn!(thread = self.number, "{error}; back to the last commit");
        self.client.abort()?;
        self.open = Transaction { last_commit: self.open.last_commit, ..Transaction::default() };
        if let Some(id) = wiped
            && let Some(Slot::Running(task)) = self.slots.remove(&id)
        {
            let partitions: Vec<TopicPartition> = task.group.queues.iter().map(|q| q.at.clone()).collect();
            for at in &partitions {
                self.client.stop(at)?;
            }
            drop(task.close());
            wipe(&id, self.host.tasks_folder.as_ref().map(|f| f.join(&*id.name)).as_ref())?;
            self.assigned(&partitions)?;
        }
        self.rewind_all()
    }

    /// Every task goes back to the last commit, and its partitions are delivered from there again.
    fn rewind_all(&mut self) -> Result<(), ThreadError> {
        for slot in self.slots.values_mut() {
            let Slot::Running(task) = slot else { continue };
            task.rewind();
            for queue in &task.group.queues {
                self.client.start(&queue.at, queue.position())?;
            }
        }
        Ok(())
    }

    fn stop(&mut self, leave: bool, now: Timestamp) -> Result<(), ThreadError> {
        self.commit(now)?;
        for (_, slot) in std::mem::take(&mut self.slots) {
            if let Slot::Running(mut task) = slot {
                flush(&self.host, &mut task, now)?;
                task.close();
            }
        }
        self.client.leave(leave)?;
        Ok(())
    }

    /// Writes the status, and reminds of parked tasks.
    fn tell(&mut self, now: Timestamp) {
        let old = self.status_at.is_none_or(|at| now.0 - at.0 >= STATUS_INTERVAL_MS || now < at);
        // Without a floor the clock is virtual, and whoever holds it looks after each step.
        if !old && !self.host.commit_floor.is_zero() {
            return;
        }
        self.status_at = Some(now);
        let remind = |reminded_at: Timestamp| now.0 - reminded_at.0 >= i64::try_from(limits::PARKED_REMINDER.as_millis()).unwrap_or(i64::MAX);
        let status: Vec<TaskStatus> = self.slots.iter().map(|(id, slot)| self.status_of(id, slot)).collect();
        if !status.iter().any(|task| matches!(task.condition, Condition::Parked { .. })) {
            // The parking itself is told at once; the first reminder comes an interval later.
            self.reminded_at = now;
        }
        if remind(self.reminded_at) {
            self.reminded_at = now;
            for task in &status {
                if let Condition::Parked { why } = &task.condition {
                    tracing::error!(task = %task.id.name, "still parked: {why}");
                }
            }
        }
        self.board.write(status);
    }

    fn status_of(&self, id: &TaskId, slot: &Slot) -> TaskStatus {
        let mut status = TaskStatus {
            id: id.clone(),
            thread: self.number,
            condition: Condition::Running,
            lag: 0,
            stream_time: None,
            committed: Vec::new(),
            last_commit: self.open.last_commit,
            counters: crate::task::Counters::default(),
        };
        match slot {
            Slot::Restoring(restore) => status.condition = Condition::Restoring { read: restore.read, total: restore.total },
            Slot::Refused { why, partitions } => {
                status.condition = Condition::Parked { why: why.brief() };
                status.committed = partitions.iter().map(|at| (at.to_string(), 0)).collect();
            }
            Slot::Running(task) => {
                status.stream_time = task.stream_time();
                status.counters = task.counters;
                status.committed = task.group.queues.iter().map(|q| (q.at.to_string(), q.committed())).collect();
                let ends = task.group.queues.iter().filter_map(|q| Some(self.host.broker.bounds(&q.at).ok()?.1.saturating_sub(q.committed())));
                status.lag = ends.sum();
                status.condition = match &task.state {
                    TaskState::Running => Condition::Running,
                    TaskState::Sleeping { until, failure, .. } => Condition::Sleeping { until: *until, why: failure.to_string() },
                    TaskState::Parked { failure } => Condition::Parked { why: failure.to_string() },
                };
            }
        }
        status
    }
}

/// A seed of a task's own, so that tasks do not roll the same dice (FNV-1a).
fn seed_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
