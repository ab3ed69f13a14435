//! What a stream thread tells of its tasks: the status on its board, and the line about those that are parked.

use std::collections::BTreeMap;

use crate::limits;
use crate::record::Timestamp;
use crate::task::{Counters, TaskState};
use crate::topology::TaskId;

use super::status::{Condition, TaskStatus, ThreadBoard};
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

    /// The parking itself is told when it happens; the first reminder comes an interval later.
    fn remind(&mut self, status: &[TaskStatus], now: Timestamp) {
        let interval = i64::try_from(limits::PARKED_REMINDER.as_millis()).unwrap_or(i64::MAX);
        let mut reminded = BTreeMap::new();
        for task in status {
            let Condition::Parked { why } = &task.condition else { continue };
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
        let status: Vec<TaskStatus> = self.slots.iter().map(|(id, slot)| self.status_of(id, slot)).collect();
        self.teller.remind(&status, now);
        self.teller.board.write(status);
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
            counters: Counters::default(),
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
                let ends =
                    task.group.queues.iter().filter_map(|q| Some(self.host.broker.bounds(&q.at).ok()?.1.saturating_sub(q.committed())));
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
