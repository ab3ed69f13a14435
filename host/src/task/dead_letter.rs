//! The record that tells of a record that failed: the source record as polled, with the headers of KIP-1034 and the failing node. Written
//! here, and read back for those who look after dead letters.

use std::sync::Arc;

use crate::broker::OutgoingRecord;
use crate::record::{Header, Offset, Record, TopicPartition};

use super::failure::RecordFailure;

/// Prefix of the headers (KIP-1034).
const PREFIX: &str = "__streams.errors.";

/// The dead letter of `source` for `topic`.
pub(super) fn dead_letter(topic: &Arc<str>, source: &Record, failure: &RecordFailure) -> OutgoingRecord {
    let mut record = source.clone();
    record.change = None;
    let mut add = |name: &str, value: String| {
        record.headers.push(Header { name: &format!("{PREFIX}{name}"), value: Some(value.as_bytes()) });
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

/// What the headers of a dead letter tell. Other streams applications write such letters, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterHeaders {
    /// The partition of the record that failed.
    pub from: TopicPartition,
    /// Its offset there.
    pub offset: Offset,
    /// The node that failed; empty in a letter of another kind of application.
    pub node: String,
    /// What kind of failure.
    pub exception: String,
    /// Why, for a person.
    pub message: String,
    /// The guest's own frames, one a line; mostly empty.
    pub stacktrace: String,
}

impl LetterHeaders {
    /// Reads the headers of a record; `None` where they do not name the record that failed: it is no dead letter.
    pub fn read(record: &Record) -> Option<Self> {
        // The last: whoever wrote the letter put his own behind those that the source record may have had.
        let text = |name: &str| {
            let named = |header: &Header<'_>| header.name.strip_prefix(PREFIX) == Some(name);
            let value = record.headers.iter().filter(named).last()?.value?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        Some(Self {
            from: TopicPartition::new(text("topic")?, text("partition")?.parse().ok()?),
            offset: text("offset")?.parse().ok()?,
            node: text("node").unwrap_or_default(),
            exception: text("exception").unwrap_or_default(),
            message: text("message").unwrap_or_default(),
            stacktrace: text("stacktrace").unwrap_or_default(),
        })
    }
}

/// The record that failed, as it was polled: the letter without the headers that make it one.
pub fn without_letter_headers(mut letter: Record) -> Record {
    letter.headers.retain(|header| !header.name.starts_with(PREFIX));
    letter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Position;
    use crate::record::Timestamp;

    fn failure(offset: Offset) -> RecordFailure {
        RecordFailure {
            node: "parse".into(),
            task: "in_2".into(),
            kind: "trap",
            reason: "it broke".into(),
            frames: vec!["inner".into(), "outer".into()],
            position: Position { topic: "in".into(), partition: 2, offset },
            key: None,
            redact_key: false,
            schedule: None,
        }
    }

    #[test]
    fn what_is_written_into_a_letter_is_read_out_of_it() {
        let headers = [Header { name: "own", value: None }].into_iter().collect();
        let source = Record { key: Some("k".into()), value: None, timestamp: Timestamp(5), headers, change: None };
        let letter = dead_letter(&"bad".into(), &source, &failure(7)).record;
        let expected = LetterHeaders {
            from: TopicPartition::new("in", 2),
            offset: 7,
            node: "parse".into(),
            exception: "trap".into(),
            message: "it broke".into(),
            stacktrace: "inner\nouter".into(),
        };
        assert_eq!(LetterHeaders::read(&letter), Some(expected));
        assert_eq!(without_letter_headers(letter.clone()), source);
        // A letter that failed again at an application that reads the dead-letter topic.
        let of_a_letter = dead_letter(&"worse".into(), &letter, &failure(9)).record;
        assert_eq!(LetterHeaders::read(&of_a_letter).unwrap().offset, 9);
    }

    #[test]
    fn a_record_that_does_not_say_where_it_was_is_no_letter() {
        let letter = dead_letter(&"bad".into(), &Record::default(), &failure(7)).record;
        for name in ["topic", "partition", "offset"] {
            let mut broken = letter.clone();
            broken.headers.retain(|h| h.name != format!("{PREFIX}{name}"));
            assert_eq!(LetterHeaders::read(&broken), None, "{name}");
            broken.headers.push(Header { name: &format!("{PREFIX}{name}"), value: None });
            assert_eq!(LetterHeaders::read(&broken), None, "{name}");
        }
        assert_eq!(LetterHeaders::read(&Record::default()), None);
    }
}
