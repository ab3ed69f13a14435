//! What a stream thread tells about its tasks, and what it can be told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::record::{Offset, Timestamp};
use crate::task::Counters;
use crate::topology::TaskId;

/// What an operator asks of a stream thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Parked tasks try their record again: this one, or all.
    Resume(Option<Arc<str>>),
    /// Commit, close and end; with `leave` the group is left for good.
    Stop {
        /// Whether the partitions go to somebody else at once.
        leave: bool,
    },
}

/// Why a task does or does not take records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It does.
    Running,
    /// It reads its changelogs.
    Restoring {
        /// Records read.
        read: u64,
        /// Records to read in all.
        total: u64,
    },
    /// It waits until a transient failure is tried again.
    Sleeping {
        /// Until then.
        until: Timestamp,
        /// What failed.
        why: String,
    },
    /// It waits for an operator.
    Parked {
        /// What failed, or why it could not start.
        why: String,
    },
}

/// One task, for `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    /// Which.
    pub id: TaskId,
    /// The stream thread that has it.
    pub thread: u32,
    /// Whether it works, and why not.
    pub condition: Condition,
    /// Records between the committed offsets and the ends last heard of.
    pub lag: u64,
    /// The task's stream time.
    pub stream_time: Option<Timestamp>,
    /// Committed offsets: `topic/partition`, offset.
    pub committed: Vec<(String, Offset)>,
    /// When its thread committed last.
    pub last_commit: Option<Timestamp>,
    /// Totals since it was made.
    pub counters: Counters,
}

/// Where a stream thread writes its tasks' status, for others to read.
#[derive(Clone, Debug, Default)]
pub struct ThreadBoard(Arc<Mutex<Vec<TaskStatus>>>);

impl ThreadBoard {
    /// What the thread wrote last.
    pub fn read(&self) -> Vec<TaskStatus> {
        self.lock().clone()
    }

    pub(super) fn write(&self, tasks: Vec<TaskStatus>) {
        *self.lock() = tasks;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<TaskStatus>> {
        // What a panicking writer leaves behind is still whole: the vector is replaced at once.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
