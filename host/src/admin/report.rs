//! `status` as an answer: what each task does and why, in words and in fields.

use serde::{Deserialize, Serialize};

use super::resident;
use super::swap::VersionReport;
use crate::record::{Offset, Timestamp};
use crate::runtime::{Condition, MemoryStatus, TaskStatus};

/// `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// `app.id`.
    pub app: String,
    /// Whether a host works on it.
    pub running: bool,
    /// Its tasks; empty without a host.
    pub tasks: Vec<TaskReport>,
    /// The version of each processor; empty without a host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<VersionReport>,
    /// What the host's memory is used for; none without a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryReport>,
    /// Every partition of the app's sources.
    pub partitions: Vec<PartitionReport>,
}

/// Memory of a host, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryReport {
    /// What of the process is in the machine's memory; null where the system does not say. The others are parts of it.
    pub resident: Option<usize>,
    /// Writes to stores that the running transactions hold.
    pub overlay: usize,
    /// Blocks and unflushed writes of stores on disk.
    pub cache: usize,
    /// Memories of guests.
    pub guests: usize,
}

impl MemoryReport {
    pub(super) fn new(memory: &MemoryStatus) -> Self {
        Self { resident: resident::bytes(), overlay: memory.overlays, cache: memory.cache, guests: memory.guests }
    }
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReport {
    /// `<sub-topology>_<partition>`.
    pub task: String,
    /// The stream thread that has it.
    pub thread: u32,
    /// `running`, `restoring`, `migrating`, `waiting`, `full`, `sleeping` or `parked`.
    pub state: String,
    /// Why, in a sentence; empty when it simply works.
    pub why: String,
    /// Records between the committed offsets and the ends last heard of.
    pub lag: u64,
    /// How old the next record to process is, in milliseconds; null where it is not known.
    pub lag_ms: Option<i64>,
    /// The partition whose records it waits for: `topic/partition`.
    pub waits_for: Option<String>,
    /// How long it still sleeps, in milliseconds.
    pub sleeps_ms: Option<i64>,
    /// Changelog records that its state was restored from, or has been so far.
    pub restored: u64,
    /// Changelog records still to be read.
    pub restore_remaining: u64,
    /// How long that will take at the speed so far, in milliseconds.
    pub restore_left_ms: Option<i64>,
    /// The call that it is in, when that lasts.
    pub in_call: Option<CallReport>,
    /// Stream time in milliseconds.
    pub stream_time: Option<i64>,
    /// Time of the last commit in milliseconds.
    pub last_commit: Option<i64>,
    /// How long ago that was, in milliseconds.
    pub last_commit_ago_ms: Option<i64>,
    /// Source records processed since the task was made.
    pub processed: u64,
    /// Source records passed over by policy.
    pub skipped: u64,
    /// Source records put aside as dead letters.
    pub dead_lettered: u64,
    /// Punctuations since the task was made.
    pub punctuated: u64,
    /// Bytes of its state on disk, as of the last flush.
    pub state_bytes: u64,
}

/// A call that lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReport {
    /// The node that is called.
    pub node: String,
    /// How long it has lasted at least, in milliseconds.
    pub for_ms: i64,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionReport {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The next offset to process.
    pub committed: Offset,
    /// One behind the last record.
    pub end: Offset,
}

impl TaskReport {
    /// What a task's status says at `now`.
    pub(super) fn new(task: &TaskStatus, now: Timestamp) -> Self {
        let sleeps_ms = match &task.condition {
            Condition::Sleeping { until, .. } => Some((until.0 - now.0).max(0)),
            _ => None,
        };
        let waits_for = match &task.condition {
            Condition::Waiting { at } => Some(at.to_string()),
            _ => None,
        };
        let (restore_remaining, restore_left_ms) = match task.condition {
            Condition::Restoring { read, total, left_ms, .. } => (total.saturating_sub(read), left_ms),
            _ => (0, None),
        };
        Self {
            task: task.id.name.to_string(),
            thread: task.thread,
            state: state(&task.condition).to_owned(),
            why: why(task, now),
            lag: task.lag(),
            lag_ms: task.lag_ms(now),
            waits_for,
            sleeps_ms,
            restored: task.counters.restored,
            restore_remaining,
            restore_left_ms,
            in_call: task.in_call.as_ref().map(|call| CallReport { node: call.node.to_string(), for_ms: call.for_ms }),
            stream_time: task.stream_time.map(|t| t.0),
            last_commit: task.last_commit.map(|t| t.0),
            last_commit_ago_ms: task.last_commit.map(|t| (now.0 - t.0).max(0)),
            processed: task.counters.processed,
            skipped: task.counters.skipped,
            dead_lettered: task.counters.dead_lettered,
            punctuated: task.counters.punctuated,
            state_bytes: task.state_bytes,
        }
    }
}

/// The word for a condition, in `status` and in metrics.
pub(super) fn state(condition: &Condition) -> &'static str {
    match condition {
        Condition::Running => "running",
        Condition::Restoring { .. } => "restoring",
        Condition::Migrating { .. } => "migrating",
        Condition::Waiting { .. } => "waiting",
        Condition::Full => "full",
        Condition::Sleeping { .. } => "sleeping",
        Condition::Parked { .. } => "parked",
    }
}

/// Why a task does not take records, or what it is busy with; empty when it simply works.
fn why(task: &TaskStatus, now: Timestamp) -> String {
    if let Some(call) = &task.in_call {
        return format!("has been in a call of '{}' for {}", call.node, span(call.for_ms));
    }
    match &task.condition {
        Condition::Sleeping { until, why, .. } => sleeping(*until, why, now),
        Condition::Parked { why, .. } => why.clone(),
        condition => said_in_public(condition, now),
    }
}

/// As `why`, without the words of guests: what a record holds may stand in them.
pub(super) fn said_in_public(condition: &Condition, now: Timestamp) -> String {
    match condition {
        Condition::Running => String::new(),
        Condition::Restoring { read, total, stands_at: Some(at), .. } => {
            format!(
                "{}, and nothing more comes of topic {} partition {}: unless the cluster is away, a transaction is open there",
                restoring(*read, *total, None),
                at.topic,
                at.partition
            )
        }
        Condition::Restoring { read, total, left_ms, stands_at: None } => restoring(*read, *total, *left_ms),
        Condition::Migrating { steps } => format!("takes over the state of an older version, {steps} steps so far"),
        Condition::Waiting { at } => format!("waits for records of topic {} partition {}", at.topic, at.partition),
        Condition::Full => "waits for the commit of a full transaction".to_owned(),
        Condition::Sleeping { until, what, .. } => sleeping(*until, what, now),
        Condition::Parked { what, .. } => what.clone(),
    }
}

fn sleeping(until: Timestamp, what: &str, now: Timestamp) -> String {
    format!("sleeps {}: {what}", span((until.0 - now.0).max(0)))
}

fn restoring(read: u64, total: u64, left_ms: Option<i64>) -> String {
    let percent = (u128::from(read) * 100).checked_div(u128::from(total)).unwrap_or(100);
    let left = left_ms.map_or_else(String::new, |ms| format!(", {} left", span(ms)));
    format!("{percent} % of {total} changelog records{left}")
}

/// A length of time for a person: its largest unit that is not too coarse.
pub fn span(ms: i64) -> String {
    const UNITS: [(&str, i64); 4] = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)];
    // Two of a unit before it is used: 90 s tell more than 1 min. The second alone begins at one.
    let unit = UNITS.iter().find(|(name, unit)| ms >= if *name == "s" { *unit } else { 2 * unit });
    match unit {
        Some((name, unit)) => format!("{} {name}", ms / unit),
        None if ms > 0 => format!("{ms} ms"),
        None => "0 s".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::samples::task as status;
    use crate::record::TopicPartition;
    use crate::runtime::InCall;

    fn restoring(read: u64, left_ms: Option<i64>, stands_at: Option<TopicPartition>) -> Condition {
        Condition::Restoring { read, total: 100, left_ms, stands_at }
    }

    #[test]
    fn every_condition_says_why() {
        let (what, why) = ("trap in 'p' at in/3/12".to_owned(), "trap in 'p' at in/3/12: unreachable".to_owned());
        let cases = [
            (Condition::Running, "running", ""),
            (restoring(40, Some(12_900), None), "restoring", "40 % of 100 changelog records, 12 s left"),
            (restoring(0, None, None), "restoring", "0 % of 100 changelog records"),
            (
                restoring(40, Some(12_900), Some(TopicPartition::new("c", 3))),
                "restoring",
                "40 % of 100 changelog records, and nothing more comes of topic c partition 3: unless the cluster is away, a transaction is open there",
            ),
            (Condition::Migrating { steps: 7 }, "migrating", "takes over the state of an older version, 7 steps so far"),
            (Condition::Waiting { at: TopicPartition::new("x", 3) }, "waiting", "waits for records of topic x partition 3"),
            (Condition::Full, "full", "waits for the commit of a full transaction"),
            (
                Condition::Sleeping { until: Timestamp(13_100), what: what.clone(), why: why.clone() },
                "sleeping",
                "sleeps 3 s: trap in 'p' at in/3/12: unreachable",
            ),
            (Condition::Parked { what: what.clone(), why: why.clone() }, "parked", "trap in 'p' at in/3/12: unreachable"),
        ];
        for (condition, state, why) in cases {
            let public = said_in_public(&condition, Timestamp(10_000));
            assert_eq!(public, why.trim_end_matches(": unreachable"), "in public");
            let report = TaskReport::new(&status(condition), Timestamp(10_000));
            assert_eq!((&*report.state, &*report.why), (state, why));
        }
    }

    #[test]
    fn a_report_has_the_numbers_behind_the_words() {
        let condition = restoring(40, Some(12_900), None);
        let call = InCall { node: "p".into(), task: status(Condition::Running).id, for_ms: 3_500 };
        let report = TaskReport::new(&TaskStatus { in_call: Some(call), ..status(condition) }, Timestamp(10_000));
        assert_eq!(report.why, "has been in a call of 'p' for 3 s");
        assert_eq!((report.lag, report.lag_ms, report.last_commit_ago_ms), (30, Some(6_000), Some(1_000)));
        assert_eq!((report.restored, report.restore_remaining, report.restore_left_ms), (40, 60, Some(12_900)));
        assert_eq!(report.in_call, Some(CallReport { node: "p".into(), for_ms: 3_500 }));
    }

    #[test]
    fn spans_have_one_unit() {
        let cases = [
            (0, "0 s"),
            (1, "1 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (119_999, "119 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 d"),
        ];
        for (ms, text) in cases {
            assert_eq!(span(ms), text);
        }
    }
}
