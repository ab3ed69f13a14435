//! What happens to a record that failed: the policy of the node at which it did.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::limits;
use crate::node::{Failure, Position};
use crate::record::Timestamp;
use crate::store::StoreError;
use crate::topology::{FailurePolicy, OnError};

/// The kind of a failure that the guest did not choose.
const TRAP: &str = "trap";

/// All that is known about a failure, for logs, dead letters and `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFailure {
    /// The node that failed.
    pub node: Arc<str>,
    /// The task.
    pub task: Arc<str>,
    /// `bad-record`, `transient`, `fatal` or `trap`.
    pub kind: &'static str,
    /// Why, in one line.
    pub reason: String,
    /// The guest's own frames, innermost first.
    pub frames: Vec<String>,
    /// The source record.
    pub position: Position,
    /// Its key.
    pub key: Option<Bytes>,
    /// The key is not for logs.
    pub redact_key: bool,
    /// The schedule, where it was a punctuation that failed and there is no source record.
    pub schedule: Option<Arc<str>>,
}

impl RecordFailure {
    /// The key's first bytes as text, for messages.
    pub fn key_shown(&self) -> String {
        if self.redact_key {
            return "<redacted>".into();
        }
        let Some(key) = &self.key else { return "null".into() };
        let shown = &key[..key.len().min(limits::KEY_BYTES_SHOWN)];
        let more = if shown.len() < key.len() { "..." } else { "" };
        format!("{:?}{more}", String::from_utf8_lossy(shown))
    }
}

impl RecordFailure {
    /// True for a trap, a missed deadline and memory over the limit; not for what the guest said itself.
    pub fn is_trap(&self) -> bool {
        self.kind == TRAP
    }

    /// `trap in 'by-origin' at flights/2/1234`: without the guest's words, which may tell of what a record holds.
    pub fn what(&self) -> String {
        let place = match &self.schedule {
            Some(schedule) => format!("in punctuation '{}'", schedule.escape_debug()),
            None => format!("at {}/{}/{}", self.position.topic, self.position.partition, self.position.offset),
        };
        format!("{} in '{}' {place}", self.kind, self.node)
    }
}

/// `trap in 'by-origin' at flights/2/1234: unreachable`: for `status`.
impl fmt::Display for RecordFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what(), self.reason)
    }
}

/// What is to be done about a failed record.
#[derive(Debug)]
pub enum Verdict {
    /// Pass over it.
    Skip,
    /// Write it to this topic and go on.
    DeadLetter(Arc<str>),
    /// Try it again after this time, in the host's clock.
    Sleep(Timestamp),
    /// Stop the task at this record.
    Park,
    /// Not the record's matter: the task's state failed.
    State(StoreError),
}

/// The kind of a failure, in the contract's words.
pub(super) fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::BadRecord(_) => "bad-record",
        Failure::Transient(_) => "transient",
        Failure::Fatal(_) => "fatal",
        Failure::Trap { .. } => TRAP,
        Failure::Store(_) => "store",
    }
}

/// Decides by the failing node's policy. `attempt`: how often this record was tried before.
pub(super) fn verdict(failure: &Failure, on_error: &OnError, attempt: u32, now: Timestamp, punctuation: bool) -> Verdict {
    match failure {
        Failure::Store(error) => Verdict::State(error.clone()),
        Failure::Fatal(_) => Verdict::Park,
        Failure::Transient(_) if attempt < on_error.retries && !punctuation => {
            let backoff = i64::try_from(on_error.backoff.as_millis()).unwrap_or(i64::MAX);
            Verdict::Sleep(Timestamp(now.0.saturating_add(backoff)))
        }
        Failure::Transient(_) | Failure::BadRecord(_) | Failure::Trap { .. } => match &on_error.policy {
            FailurePolicy::Fail => Verdict::Park,
            FailurePolicy::Skip => Verdict::Skip,
            // A punctuation has no source record that could be put aside.
            FailurePolicy::DeadLetter(_) if punctuation => Verdict::Park,
            FailurePolicy::DeadLetter(topic) => Verdict::DeadLetter(topic.clone()),
        },
    }
}
