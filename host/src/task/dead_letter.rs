//! The record that tells of a record that failed: the source record as polled, with the headers of KIP-1034 and the failing node.

use std::sync::Arc;

use bytes::Bytes;

use crate::broker::OutgoingRecord;
use crate::record::{Header, Record};

use super::failure::RecordFailure;

/// Prefix of the headers (KIP-1034).
const PREFIX: &str = "__streams.errors.";

/// The dead letter of `source` for `topic`.
pub(super) fn dead_letter(topic: &Arc<str>, source: &Record, failure: &RecordFailure) -> OutgoingRecord {
    let mut record = source.clone();
    record.change = None;
    let mut add = |name: &str, value: String| {
        record.headers.push(Header { name: format!("{PREFIX}{name}").into(), value: Some(Bytes::from(value)) });
    };
    add("exception", failure.kind.to_owned());
    add("message", failure.reason.clone());
    if !failure.frames.is_empty() {
        add("stacktrace", failure.frames.join("\n"));
    }
    add("topic", failure.position.topic.to_string());
    add("partition", failure.position.partition.to_string());
    add("offset", failure.position.offset.to_string());
    add("node", failure.node.to_string());
    OutgoingRecord { topic: topic.clone(), partition: None, record }
}
