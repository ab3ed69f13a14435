//! Changelogs: what each kind of store writes there, and reads back.
//!
//! Key-value stores and cells: plain key, plain value, the row's timestamp; a delete is a tombstone; the last write of each key and commit.
//! Window and session stores: the same with keys that carry the times ([`layout`](super::layout)). Versioned stores: every put, in its order;
//! plain key, plain value. The topics of these three are kept by the time of the append, so that the broker deletes nothing that is old only by
//! its own time: the row's timestamp is in a header.

use bytes::Bytes;

use super::Row;
use super::layout::{TimedKey, TimedLayout};
use crate::record::{Header, HeadersRef, Record, RecordRef, TIMESTAMP_HEADER, Timestamp};

/// Which changelog: that of a store (index in the list given to `open`), or that of the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Changelog {
    /// A store's.
    Store(usize),
    /// The cells'.
    Cells,
}

/// The changelog record of a write. Nothing deletes these topics by time, so a tombstone needs no timestamp.
pub(super) fn encode<'a>(key: &'a [u8], row: Option<&'a Row>) -> RecordRef<'a> {
    RecordRef::plain(0, row.map_or(Timestamp(0), |row| row.timestamp), Some(key), row.map(|row| &*row.value))
}

/// The write of a changelog record. `None`: a record without a key, which a table's own topic may hold and which says nothing.
pub(super) fn decode(record: &Record) -> Option<(&Bytes, Option<Row>)> {
    let row = record.value.as_ref().map(|value| Row { value: value.clone(), timestamp: record.timestamp });
    Some((record.key.as_ref()?, row))
}

/// The changelog record of a write to a window or session store; `key`: that of the changelog. `scratch` holds its header.
pub(super) fn encode_timed<'a>(key: &'a [u8], row: Option<&'a Row>, scratch: &'a mut Vec<u8>) -> RecordRef<'a> {
    scratch.clear();
    if let Some(row) = row {
        Header { name: TIMESTAMP_HEADER, value: Some(&row.timestamp.0.to_be_bytes()) }.pack(scratch);
    }
    RecordRef { headers: HeadersRef::of_packed(scratch), ..RecordRef::plain(0, Timestamp(0), Some(key), row.map(|row| &*row.value)) }
}

/// The write of a record of such a changelog. `None`: what stands there is not one of ours.
pub(super) fn decode_timed(layout: TimedLayout, record: &Record) -> Option<(TimedKey, Option<Row>)> {
    let at = layout.read_changelog(record.key.as_ref()?)?;
    let row = record.value.as_ref().map(|value| Row { value: value.clone(), timestamp: Timestamp(time_of(record)) });
    Some((at, row))
}

/// The changelog record of a version.
pub(super) fn version(key: &[u8], value: Option<Bytes>, valid_from: i64) -> Record {
    let headers = [Header { name: TIMESTAMP_HEADER, value: Some(&valid_from.to_be_bytes()) }].into_iter().collect();
    Record { key: Some(Bytes::copy_from_slice(key)), value, headers, ..Record::default() }
}

/// The version of a record: key, value, begin.
pub(super) fn read_version(record: &Record) -> Option<(&Bytes, Option<Bytes>, i64)> {
    Some((record.key.as_ref()?, record.value.clone(), time_of(record)))
}

fn time_of(record: &Record) -> i64 {
    let header = record.headers.iter().find(|header| header.name == TIMESTAMP_HEADER).and_then(|header| header.value);
    header.and_then(|value| value.try_into().ok()).map_or(record.timestamp.0, i64::from_be_bytes)
}
