//! A host's status for the tests of this room.

use std::time::Duration;

use crate::record::{Timestamp, TopicPartition};
use crate::runtime::{Condition, HostStatus, MemoryStatus, PartitionStatus, TaskStatus, ThreadCounters, ThreadStatus};
use crate::task::Counters;
use crate::topology::TaskId;

/// A thread that has been given a task, with a sign of life at `moved`.
pub(super) fn thread(moved: Timestamp) -> ThreadStatus {
    let counters = ThreadCounters { tasks_created: 1, ..ThreadCounters::default() };
    let (patience, last_commit) = (Duration::from_secs(60), Timestamp(9_000));
    ThreadStatus { number: 0, alive: true, moved, patience, last_commit, assigned: 1, counters, in_call: None }
}

/// The task `in_3`.
pub(super) fn task(condition: Condition) -> TaskStatus {
    let at = TopicPartition::new("in", 3);
    TaskStatus {
        id: TaskId { sub_topology: 0, partition: 3, name: "in_3".into() },
        thread: 1,
        condition,
        partitions: vec![PartitionStatus { at, committed: 10, position: 12, end: Some(40), next: Some(Timestamp(4_000)) }],
        stream_time: Some(Timestamp(3_000)),
        last_commit: Some(Timestamp(9_000)),
        counters: Counters { processed: 12, skipped: 1, restored: 40, ..Counters::default() },
        state_bytes: 4_096,
        in_call: None,
    }
}

/// A host with these.
pub(super) fn host(threads: Vec<ThreadStatus>, tasks: Vec<TaskStatus>) -> HostStatus {
    let memory = MemoryStatus { overlays: 2_048, cache: 1_024, guests: 65_536 };
    HostStatus { tasks, threads, guests: Vec::new(), versions: Vec::new(), memory }
}
