//! Records as the whole host speaks of them. Plain data: this module never does I/O and never knows who carries a record.

mod arrived;
mod headers;
mod pieces;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use arrived::{Arrived, Held, Kept, RecordRef};
pub use headers::{Header, HeaderPacker, Headers, HeadersRef};
pub use pieces::{PIECE_BYTES, Pieces};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Position of a record in a partition; the first record has offset 0.
pub type Offset = u64;

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// Partition, from 0.
    pub partition: u32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    pub fn new(topic: impl Into<Arc<str>>, partition: u32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

/// Written as in every message of the host: `topic/partition`.
impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// The value that a table's update replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The old value; `None` when there was none.
    pub value: Option<Bytes>,
    /// False only for an update of a versioned table that came late and is not the key's newest version.
    pub latest: bool,
}

/// A record without a place: what processors take and give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The key; decides the partition. `None` and empty are different things.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The event time.
    pub timestamp: Timestamp,
    /// The headers, in order.
    pub headers: Headers,
    /// `Some`: an update of a table, with what it replaces. `None`: a record of a stream.
    pub change: Option<Previous>,
}

impl Record {
    /// Bytes of key, value and headers, and what headers take up besides: what the limits count.
    pub fn size(&self) -> usize {
        RecordRef::from(self).size()
    }
}

/// A record as it was read from a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumedRecord {
    /// Its offset.
    pub offset: Offset,
    /// What was written there.
    pub record: Record,
}

/// Names of headers that belong to the host: sources strip them from foreign topics.
pub const RESERVED_HEADER_PREFIX: &str = "cofferdam.";

/// Carries [`Record::change`] over internal topics.
pub const CHANGE_HEADER: &str = "cofferdam.change";

/// Carries the timestamp of a row in changelogs whose records have the time of their append: 8 bytes, big endian.
pub const TIMESTAMP_HEADER: &str = "cofferdam.timestamp";

/// Moves `change` into its reserved header, for a record that goes to an internal topic.
///
/// Layout of the header's value: one byte of flags (1: there was an old value, 2: the latest version), then the old value.
pub fn pack_change(record: &mut Record, packer: &mut HeaderPacker) {
    let Some(previous) = record.change.take() else { return };
    let flags = u8::from(previous.value.is_some()) | (u8::from(previous.latest) << 1);
    record.headers.iter().for_each(|header| packer.add(header));
    packer.add_parts(CHANGE_HEADER, [&[flags], previous.value.as_deref().unwrap_or_default()]);
    record.headers = packer.done();
}

/// Takes `change` back out of its header and strips every reserved header, for a record from an internal topic.
pub fn unpack_change(record: &mut Record) {
    if let Some(packed) = record.headers.value_of(CHANGE_HEADER)
        && let Some(&flags) = packed.first()
    {
        let value = (flags & 1 != 0).then(|| packed.slice(1..));
        record.change = Some(Previous { value, latest: flags & 2 != 0 });
    }
    strip_reserved_headers(record);
}

/// Drops every header whose name is reserved.
pub fn strip_reserved_headers(record: &mut Record) {
    record.headers.retain(|header| !header.name.starts_with(RESERVED_HEADER_PREFIX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_survives_an_internal_topic() {
        let mut packer = HeaderPacker::default();
        let own: Headers = [Header { name: "own", value: None }].into_iter().collect();
        for value in [None, Some(Bytes::from_static(b"")), Some(Bytes::from_static(b"old"))] {
            for latest in [true, false] {
                let change = Some(Previous { value: value.clone(), latest });
                for headers in [Headers::default(), own.clone()] {
                    let before = Record { change: change.clone(), headers, ..Record::default() };
                    let mut record = before.clone();
                    pack_change(&mut record, &mut packer);
                    assert_eq!((&record.change, record.headers.len()), (&None, before.headers.len() + 1));
                    unpack_change(&mut record);
                    assert_eq!(record, before);
                }
            }
        }
    }
}
