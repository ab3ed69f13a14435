//! Changelogs: what each kind of store writes there, and reads back.
//!
//! Key-value stores and cells: plain key, plain value, the row's timestamp; a delete is a tombstone; the last write of each key and commit.
//! Window and session stores: the same with keys that carry the times ([`layout`](super::layout)). Versioned stores: every put, in its order;
//! plain key, plain value. The topics of these three are kept by the time of the append, so that the broker deletes nothing that is old only by
//! its own time: the row's timestamp is in a header.

use bytes::Bytes;

use super::Row;
use super::layout::{TimedKey, TimedLayout};
use crate::record::{Header, Record, TIMESTAMP_HEADER, Timestamp};

/// Which changelog: that of a store (index in the list given to `open`), or that of the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Changelog {
    /// A store's.
    Store(usize),
    /// The cells'.
    Cells,
}

/// One record for a changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where to.
    pub changelog: Changelog,
    /// Key, value and timestamp as they stand in the changelog.
    pub record: Record,
}

/// The changelog record of a write. Nothing deletes these topics by time, so a tombstone needs no timestamp.
pub(super) fn encode(key: &Bytes, row: Option<&Row>) -> Record {
    Record {
        key: Some(key.clone()),
        value: row.map(|row| row.value.clone()),
        timestamp: row.map_or(Timestamp(0), |row| row.timestamp),
        ..Record::default()
    }
}

/// The write of a changelog record. `None`: a record without a key, which a table's own topic may hold and which says nothing.
pub(super) fn decode(record: &Record) -> Option<(&Bytes, Option<Row>)> {
    let row = record.value.as_ref().map(|value| Row { value: value.clone(), timestamp: record.timestamp });
    Some((record.key.as_ref()?, row))
}

/// The changelog record of a write to a window or session store; `None` for an entry of its index, which is made anew.
pub(super) fn encode_timed(layout: TimedLayout, key: &Bytes, row: Option<&Row>) -> Option<Record> {
    let at = layout.read_row(key.clone())?;
    Some(Record {
        key: Some(layout.changelog(&at)),
        value: row.map(|row| row.value.clone()),
        headers: row.map(|row| time_header(row.timestamp.0)).into_iter().collect(),
        ..Record::default()
    })
}

/// The write of a record of such a changelog. `None`: what stands there is not one of ours.
pub(super) fn decode_timed(layout: TimedLayout, record: &Record) -> Option<(TimedKey, Option<Row>)> {
    let at = layout.read_changelog(record.key.as_ref()?)?;
    let row = record.value.as_ref().map(|value| Row { value: value.clone(), timestamp: Timestamp(time_of(record)) });
    Some((at, row))
}

/// The changelog record of a version.
pub(super) fn version(key: &[u8], value: Option<Bytes>, valid_from: i64) -> Record {
    Record { key: Some(Bytes::copy_from_slice(key)), value, headers: vec![time_header(valid_from)].into(), ..Record::default() }
}

/// The version of a record: key, value, begin.
pub(super) fn read_version(record: &Record) -> Option<(&Bytes, Option<Bytes>, i64)> {
    Some((record.key.as_ref()?, record.value.clone(), time_of(record)))
}

fn time_header(time: i64) -> Header {
    Header { name: TIMESTAMP_HEADER.into(), value: Some(Bytes::copy_from_slice(&time.to_be_bytes())) }
}

fn time_of(record: &Record) -> i64 {
    let header = record.headers.iter().find(|header| &*header.name == TIMESTAMP_HEADER).and_then(|header| header.value.as_deref());
    header.and_then(|value| value.try_into().ok()).map_or(record.timestamp.0, i64::from_be_bytes)
}
