//! What a host and its stream threads tell about themselves, and what they can be told.

use std::sync::Arc;
use std::time::Duration;

use crate::node::VersionId;
use crate::record::{Offset, Timestamp, TopicPartition};
use crate::sandbox::MetricValue;
use crate::task::Counters;
use crate::topology::{NodeIx, TaskId};

use super::counters::ThreadCounters;
use super::passage::Passage;
use super::query::Query;
use super::versions::VersionStatus;

/// What an operator asks of a stream thread.
#[derive(Clone, Debug)]
pub enum Command {
    /// Parked tasks try their record again: this one, or all.
    Resume(Option<Arc<str>>),
    /// Try whether this version of a node can be made in every task, and vote on it.
    Rehearse(NodeIx, VersionId),
    /// Read a store of the tasks that are here.
    Query(Query),
    /// Give back what is not in the next plan, too.
    Retire(Arc<Passage>),
    /// Every thread has done that: take the next plan.
    Replan(Arc<Passage>),
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
        /// Milliseconds that the rest will take at the speed so far; `None` before anything was read.
        left_ms: Option<i64>,
        /// The changelog of which nothing comes, for longer than `limits::RESTORE_STANDSTILL`.
        stands_at: Option<TopicPartition>,
    },
    /// It may take no record, or has none, before those of this partition arrive; shown after `limits::DELAY_SHOWN`.
    Waiting {
        /// The partition.
        at: TopicPartition,
    },
    /// It takes over the state of an older version.
    Migrating {
        /// Steps so far, since the task was made.
        steps: u64,
    },
    /// Its thread's transaction is full: the commit comes first.
    Full,
    /// It waits until a transient failure is tried again.
    Sleeping {
        /// Until then.
        until: Timestamp,
        /// What failed, and where, without the guest's words.
        what: String,
        /// All of it.
        why: String,
    },
    /// It waits for an operator.
    Parked {
        /// What failed, and where, without the guest's words.
        what: String,
        /// All of it, or why it could not start.
        why: String,
    },
}

/// One partition of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Which.
    pub at: TopicPartition,
    /// What the group has committed.
    pub committed: Offset,
    /// The next offset to process.
    pub position: Offset,
    /// The end last heard of.
    pub end: Option<Offset>,
    /// The timestamp of the next record to process, as it stands in the log, once that has arrived.
    pub next: Option<Timestamp>,
}

impl PartitionStatus {
    /// Records between the committed offset and the end.
    pub fn lag(&self) -> u64 {
        self.end.map_or(0, |end| end.saturating_sub(self.committed))
    }

    /// How old the next record to process is, in milliseconds; `None` where it is not known.
    pub fn lag_ms(&self, now: Timestamp) -> Option<i64> {
        match self.next {
            Some(next) => Some(now.0.saturating_sub(next.0).max(0)),
            None => self.end.is_some_and(|end| self.position >= end).then_some(0),
        }
    }
}

/// A call that has lasted for longer than `limits::DELAY_SHOWN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InCall {
    /// The node.
    pub node: Arc<str>,
    /// The task.
    pub task: TaskId,
    /// How long at least, in milliseconds.
    pub for_ms: i64,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    /// Which.
    pub id: TaskId,
    /// The stream thread that has it.
    pub thread: u32,
    /// Whether it works, and why not.
    pub condition: Condition,
    /// Its partitions.
    pub partitions: Vec<PartitionStatus>,
    /// The task's stream time.
    pub stream_time: Option<Timestamp>,
    /// When its thread committed last.
    pub last_commit: Option<Timestamp>,
    /// Totals since it was made.
    pub counters: Counters,
    /// Bytes of its state on disk, as of the last flush.
    pub state_bytes: u64,
    /// The call that it is in, seen from outside.
    pub in_call: Option<InCall>,
}

impl TaskStatus {
    /// Records between the committed offsets and the ends last heard of.
    pub fn lag(&self) -> u64 {
        self.partitions.iter().map(PartitionStatus::lag).sum()
    }

    /// The age of the oldest of its next records, in milliseconds; `None` where none is known.
    pub fn lag_ms(&self, now: Timestamp) -> Option<i64> {
        self.partitions.iter().filter_map(|p| p.lag_ms(now)).max()
    }
}

/// One stream thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadStatus {
    /// Its number, from 0.
    pub number: u32,
    /// False once it has ended, whatever the reason.
    pub alive: bool,
    /// Its last sign of life: a step, or the beginning or end of a call.
    pub moved: Timestamp,
    /// How long it may go without one: `limits::STEP_OVERDUE`, and the deadline of the call that it is in.
    pub patience: Duration,
    /// When it committed last; before that, when the host was started.
    pub last_commit: Timestamp,
    /// Tasks that it has.
    pub assigned: usize,
    /// Totals since it was started.
    pub counters: ThreadCounters,
    /// The call that it is in, if that lasts.
    pub in_call: Option<InCall>,
}

impl ThreadStatus {
    /// True while it runs and gives signs of life.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let silent = u128::try_from(now.0.saturating_sub(self.moved.0)).unwrap_or(0);
        self.alive && silent < self.patience.as_millis()
    }
}

/// The metrics of one node's guests, all tasks together.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestReadings {
    /// The node.
    pub node: Arc<str>,
    /// By the guest's own names.
    pub metrics: Vec<(String, MetricValue)>,
}

/// The version of one processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeVersion {
    /// The processor.
    pub node: Arc<str>,
    /// The digest of its component.
    pub digest: Option<Arc<str>>,
    /// The digest of the version before, where that can come back.
    pub before: Option<Arc<str>>,
    /// All else that is known of it.
    pub status: VersionStatus,
}

/// A whole host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostStatus {
    /// Its tasks, by sub-topology, then partition.
    pub tasks: Vec<TaskStatus>,
    /// Its stream threads, by number.
    pub threads: Vec<ThreadStatus>,
    /// What its guests measure.
    pub guests: Vec<GuestReadings>,
    /// Which version each processor runs.
    pub versions: Vec<NodeVersion>,
    /// What its memory is used for.
    pub memory: MemoryStatus,
}

/// Memory of a host by what it is used for, in bytes; what librdkafka, compiled code, stores in memory and the rest take is not among it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStatus {
    /// Writes to stores of the running transactions, or of the last ones where these were larger: their room is kept.
    pub overlays: usize,
    /// Of the databases of all tasks: cached blocks and unflushed writes.
    pub cache: usize,
    /// Memories of guests.
    pub guests: usize,
}
