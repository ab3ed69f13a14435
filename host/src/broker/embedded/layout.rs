//! Which rows the log's database has: families, keys, and the small values. Pure; chunks have a file of their own.

use std::time::Duration;

use crate::broker::port::{Cleanup, Committed, Timestamps, TopicSpec};
use crate::disk::{Access, FamilySpec};
use crate::record::Offset;

/// Key: the topic's name. Value: its id and settings.
pub(super) const TOPICS: &str = "topics";
/// Key: partition and the last offset of a chunk. Value: the chunk. So the first row at or behind an offset is the one that has it.
pub(super) const RECORDS: &str = "records";
/// Key: partition. Value: [`PartitionRow`]; absent until something was deleted or compacted.
pub(super) const PARTITIONS: &str = "partitions";
/// Key: partition and group. Value: what the group has committed.
pub(super) const OFFSETS: &str = "offsets";
/// Key: what was loaded. Value: how many of its records.
pub(super) const LOADS: &str = "loads";

pub(super) const FAMILIES: [FamilySpec<'static>; 5] = [
    FamilySpec { name: TOPICS, access: Access::Points },
    FamilySpec { name: RECORDS, access: Access::Ranges },
    FamilySpec { name: PARTITIONS, access: Access::Points },
    FamilySpec { name: OFFSETS, access: Access::Points },
    FamilySpec { name: LOADS, access: Access::Points },
];

/// Families whose keys begin with a partition.
pub(super) const BY_PARTITION: [&str; 3] = [RECORDS, PARTITIONS, OFFSETS];

/// Version of the values of `topics`, `partitions` and `offsets`.
const VERSION: u8 = 1;

/// A partition as keys name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PartitionId {
    pub(super) topic: u32,
    pub(super) partition: u32,
}

impl PartitionId {
    pub(super) fn key(self) -> [u8; 8] {
        let mut key = [0; 8];
        key[..4].copy_from_slice(&self.topic.to_be_bytes());
        key[4..].copy_from_slice(&self.partition.to_be_bytes());
        key
    }

    pub(super) fn chunk_key(self, last: Offset) -> [u8; 16] {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.key());
        key[8..].copy_from_slice(&last.to_be_bytes());
        key
    }

    pub(super) fn offset_key(self, group: &str) -> Vec<u8> {
        [&self.key(), group.as_bytes()].concat()
    }
}

/// All keys of a topic's partitions: from the first (included) to the last (excluded).
pub(super) fn keys_of_topic(id: u32) -> ([u8; 4], [u8; 4]) {
    (id.to_be_bytes(), id.saturating_add(1).to_be_bytes())
}

/// The topic that a key names which begins with a partition.
pub(super) fn topic_of_key(key: &[u8]) -> Option<u32> {
    key.first_chunk().map(|id| u32::from_be_bytes(*id))
}

/// The last offset that a chunk's key names.
pub(super) fn last_of_chunk_key(key: &[u8]) -> Option<Offset> {
    key.last_chunk().map(|last| u64::from_be_bytes(*last))
}

/// What cleaning has done to a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PartitionRow {
    /// The first offset: everything below was deleted.
    pub(super) first: Offset,
    /// Below this offset no key stands twice.
    pub(super) compacted_to: Offset,
    /// How many records stand below it.
    pub(super) compacted_records: u64,
}

impl PartitionRow {
    pub(super) fn encode(self) -> Vec<u8> {
        let numbers = [self.first, self.compacted_to, self.compacted_records];
        [VERSION].into_iter().chain(numbers.into_iter().flat_map(u64::to_be_bytes)).collect()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = BigEndian(bytes);
        fields.version()?;
        let row = Self { first: fields.u64()?, compacted_to: fields.u64()?, compacted_records: fields.u64()? };
        fields.0.is_empty().then_some(row)
    }
}

pub(super) fn encode_topic(id: u32, spec: &TopicSpec) -> Vec<u8> {
    let cleanup = match spec.cleanup {
        Cleanup::Delete => 0,
        Cleanup::Compact => 1,
        Cleanup::CompactDelete => 2,
    };
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&spec.partitions.to_be_bytes());
    bytes.extend_from_slice(&[cleanup, u8::from(spec.retention.is_some())]);
    bytes.extend_from_slice(&spec.retention.map_or(0, ms).to_be_bytes());
    // Only where they say something: rows of other topics are as they always were.
    if (spec.compaction_lag, spec.timestamps) != (Duration::ZERO, Timestamps::OfTheirOwn) {
        bytes.extend_from_slice(&ms(spec.compaction_lag).to_be_bytes());
        bytes.push(u8::from(spec.timestamps == Timestamps::OfTheAppend));
    }
    bytes
}

pub(super) fn decode_topic(name: &[u8], bytes: &[u8]) -> Option<(u32, TopicSpec)> {
    let mut fields = BigEndian(bytes);
    fields.version()?;
    let (id, partitions) = (fields.u32()?, fields.u32()?);
    let cleanup = match fields.u8()? {
        0 => Cleanup::Delete,
        1 => Cleanup::Compact,
        2 => Cleanup::CompactDelete,
        _ => return None,
    };
    let (has_retention, retention) = (fields.u8()? != 0, Duration::from_millis(fields.u64()?));
    let name = std::str::from_utf8(name).ok()?;
    let mut spec = TopicSpec { cleanup, retention: has_retention.then_some(retention), ..TopicSpec::new(name, partitions) };
    if !fields.0.is_empty() {
        spec.compaction_lag = Duration::from_millis(fields.u64()?);
        spec.timestamps = if fields.u8()? != 0 { Timestamps::OfTheAppend } else { Timestamps::OfTheirOwn };
    }
    fields.0.is_empty().then_some((id, spec))
}

/// A retention in the grain in which it is kept.
pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn encode_committed(committed: &Committed) -> Vec<u8> {
    [&[VERSION], &committed.offset.to_be_bytes()[..], committed.metadata.as_bytes()].concat()
}

pub(super) fn decode_committed(bytes: &[u8]) -> Option<Committed> {
    let mut fields = BigEndian(bytes);
    fields.version()?;
    Some(Committed { offset: fields.u64()?, metadata: std::str::from_utf8(fields.0).ok()?.to_owned() })
}

/// Fixed-length fields, one after another; `None` when the bytes end.
pub(super) struct BigEndian<'a>(pub(super) &'a [u8]);

impl BigEndian<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn version(&mut self) -> Option<()> {
        (self.u8()? == VERSION).then_some(())
    }
}
