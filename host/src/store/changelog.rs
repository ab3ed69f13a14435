//! Changelogs of key-value stores and of cells: plain key, plain value, the row's timestamp; a delete is a tombstone.

use bytes::Bytes;

use super::Row;
use crate::record::{Record, Timestamp};

/// Which changelog: that of a store (index in the list given to `open`), or that of the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Changelog {
    /// A store's.
    Store(usize),
    /// The cells'.
    Cells,
}

/// One record for a changelog: the last write to a key in this transaction.
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
