//! What a stream thread tells of its tasks: the status on its board, and the line about those that are parked.

use std::collections::BTreeMap;

use crate::broker::{Client, Committed};
use crate::limits;
use crate::record::{Timestamp, TopicPartition};
use crate::task::{Counters, PartitionQueue, Pulse, Task, TaskState};
use crate::topology::TaskId;

use super::board::{ThreadBoard, Told};
use super::restore::Restore;
use super::status::{Condition, PartitionStatus, TaskStatus};
use super::thread::{Slot, StreamThread};

/// How often the status is written anew under load.
const STATUS_INTERVAL_MS: i64 = 200;

/// Where and when a thread tells.
pub(super) struct Teller {
    board: ThreadBoard,
    told_at: Option<Timestamp>,
    /// When each parked task was spoken of last.
    reminded: BTreeMap<TaskId, Timestamp>,
}

impl Teller {
    pub(super) fn new(board: ThreadBoard) -> Self {
        Self { board, told_at: None, reminded: BTreeMap::new() }
    }

    /// A sign of life.
    pub(super) fn step(&self, now: Timestamp) {
        self.board.step(now);
    }

    /// What tells of calls while they run.
    pub(super) fn pulse(&self) -> Pulse {
        self.board.pulse()
    }

    /// The parking itself is told when it happens; the first reminder comes an interval later.
    fn remind(&mut self, status: &[TaskStatus], now: Timestamp) {
        let interval = i64::try_from(limits::PARKED_REMINDER.as_millis()).unwrap_or(i64::MAX);
        let mut reminded = BTreeMap::new();
        for task in status {
            let Condition::Parked { why, .. } = &task.condition else { continue };
            let mut last = self.reminded.get(&task.id).copied().unwrap_or(now);
            if now.0 - last.0 >= interval {
                tracing::error!(task = %task.id.name, "still parked: {why}");
                last = now;
            }
            reminded.insert(task.id.clone(), last);
        }
        self.reminded = reminded;
    }
}

impl StreamThread {
    /// As `tell`, but under load, when that is not worth it each time.
    pub(super) fn tell_now_and_then(&mut self, now: Timestamp) {
        let old = self.teller.told_at.is_none_or(|at| now.0 - at.0 >= STATUS_INTERVAL_MS || now < at);
        // Without a floor the clock is virtual, and whoever holds it looks after each step.
        if old || self.host.commit_floor.is_zero() {
            self.tell(now);
        }
    }

    /// Writes the status, and reminds of parked tasks.
    pub(super) fn tell(&mut self, now: Timestamp) {
        self.teller.told_at = Some(now);
        let (thread, last_commit, full) = (self.number, self.open.last_commit, self.open.is_full());
        let client = &mut *self.client;
        let status = |(id, slot): (&TaskId, &Slot)| {
            let told = match slot {
                Slot::Restoring(restore) => of_restore(client, restore, now),
                Slot::Refused { why, partitions } => Part {
                    partitions: partitions.iter().map(|at| partition(client, at, 0, None)).collect(),
                    ..Part::new(Condition::Parked { what: why.message.clone(), why: why.brief() })
                },
                Slot::Running(task) => of_task(client, task, full, now),
            };
            let Part { condition, partitions, stream_time, counters, state_bytes } = told;
            let id = id.clone();
            TaskStatus { id, thread, condition, partitions, stream_time, last_commit, counters, state_bytes, in_call: None }
        };
        let tasks: Vec<TaskStatus> = self.slots.iter().map(status).collect();
        self.teller.remind(&tasks, now);
        self.teller.board.write(Told { tasks, counters: self.counters, last_commit, overlay_bytes: self.open.overlay_bytes() });
    }
}

/// What a slot tells of its task.
struct Part {
    condition: Condition,
    partitions: Vec<PartitionStatus>,
    stream_time: Option<Timestamp>,
    counters: Counters,
    state_bytes: u64,
}

impl Part {
    fn new(condition: Condition) -> Self {
        Self { condition, partitions: Vec::new(), stream_time: None, counters: Counters::default(), state_bytes: 0 }
    }
}

fn of_restore(client: &mut dyn Client, restore: &Restore, now: Timestamp) -> Part {
    let (read, total) = (restore.read, restore.total);
    let committed =
        |(at, committed): &(TopicPartition, Option<Committed>)| partition(client, at, committed.as_ref().map_or(0, |c| c.offset), None);
    let partitions = restore.partitions.iter().map(committed).collect();
    let counters = Counters { restored: restore.records, ..Counters::default() };
    let condition = Condition::Restoring { read, total, left_ms: restore.left_ms(now), stands_at: restore.stands_at(now).cloned() };
    Part { partitions, counters, ..Part::new(condition) }
}

fn of_task(client: &mut dyn Client, task: &Task, full: bool, now: Timestamp) -> Part {
    let queues = &task.group.queues;
    let partitions = queues.iter().map(|queue| partition(client, &queue.at, queue.committed(), Some(queue))).collect();
    let lost = queues.iter().map(PartitionQueue::lost).sum();
    let counters = Counters { lost, ..task.counters };
    let condition = condition(task, full, now);
    Part { condition, partitions, stream_time: task.stream_time(), counters, state_bytes: task.state_bytes() }
}

fn condition(task: &Task, full: bool, now: Timestamp) -> Condition {
    let shown = i64::try_from(limits::DELAY_SHOWN.as_millis()).unwrap_or(i64::MAX);
    match &task.state {
        TaskState::Sleeping { until, failure, .. } => Condition::Sleeping { until: *until, what: failure.what(), why: failure.to_string() },
        TaskState::Parked { failure } => Condition::Parked { what: failure.what(), why: failure.to_string() },
        TaskState::Running if task.is_migrating() => Condition::Migrating { steps: task.counters.migrated },
        TaskState::Running if full => Condition::Full,
        TaskState::Running => match task.waits_for(now) {
            Some((at, since)) if now.0 - since.0 >= shown => Condition::Waiting { at: at.clone() },
            _ => Condition::Running,
        },
    }
}

fn partition(client: &mut dyn Client, at: &TopicPartition, committed: u64, queue: Option<&PartitionQueue>) -> PartitionStatus {
    PartitionStatus {
        at: at.clone(),
        committed,
        position: queue.map_or(committed, PartitionQueue::position),
        end: client.end_seen(at).ok().flatten(),
        next: queue.and_then(PartitionQueue::next_timestamp),
    }
}
