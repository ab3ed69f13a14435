//! One store in the running transaction: its rows, its clock and what it has for its changelog, with what it takes to undo all of it.

use std::ops::Bound;

use bytes::Bytes;

use super::clock::StoreClock;
use super::layout::Range;
use super::overlaid::Overlaid;
use super::overlay::Keys;
use super::undo_log::{Done, UndoLog};
use super::{Changelog, Row, ScanOrder, StoreError};
use crate::record::Record;

/// One store in the running transaction. Keys are those of the store's layout.
#[derive(Debug)]
pub(super) struct AtWork<'t> {
    pub(super) of: Changelog,
    pub(super) rows: &'t mut Overlaid,
    pub(super) clock: &'t mut StoreClock,
    pub(super) noted: &'t mut Noted,
    pub(super) keys: &'t mut Keys,
    pub(super) undo: &'t mut UndoLog,
}

/// Records for a changelog that takes every write, not the last one of each key.
#[derive(Debug, Default)]
pub(super) struct Noted {
    records: Vec<Record>,
    bytes: usize,
}

impl Noted {
    fn push(&mut self, record: Record) {
        self.bytes += record.size();
        self.records.push(record);
    }

    /// Takes the last one back.
    pub(super) fn pop(&mut self) {
        self.bytes -= self.records.pop().map_or(0, |record| record.size());
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Bytes of their keys, values and headers.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl AtWork<'_> {
    /// The row of a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Row>, StoreError> {
        self.rows.get(key)
    }

    /// Puts a row, or deletes.
    pub(super) fn put(&mut self, key: &[u8], row: Option<Row>) {
        let (place, before) = self.rows.put(key, row, self.keys);
        self.undo.keep(self.of, Done::Write { place, before });
    }

    /// See [`Overlaid::pick`].
    pub(super) fn pick<T>(
        &mut self,
        range: Range,
        order: ScanOrder,
        max: usize,
        take: impl FnMut(Bytes, Row) -> Option<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.rows.pick(range, order, max, take)
    }

    /// The store has seen this timestamp.
    pub(super) fn observe(&mut self, time: i64) {
        if time > self.clock.observed {
            self.set_clock(StoreClock { observed: time, ..*self.clock });
        }
    }

    /// A number that no row of the store has.
    pub(super) fn next_sequence(&mut self) -> u64 {
        let number = self.clock.sequence;
        self.set_clock(StoreClock { sequence: number + 1, ..*self.clock });
        number
    }

    fn set_clock(&mut self, clock: StoreClock) {
        self.undo.keep(self.of, Done::Clock(*self.clock));
        *self.clock = clock;
    }

    /// A record for the changelog.
    pub(super) fn note(&mut self, record: Record) {
        self.noted.push(record);
        self.undo.keep(self.of, Done::Noted);
    }
}

/// The range that is left behind a key.
pub(super) fn behind(range: Range, order: ScanOrder, key: Vec<u8>) -> Range {
    match order {
        ScanOrder::Ascending => (Bound::Excluded(key), range.1),
        ScanOrder::Descending => (range.0, Bound::Excluded(key)),
    }
}
