//! Rows that have a key and a time, and expire by it: what window and session stores are made of.
//!
//! Visible is what is later than the largest time ever put - retention. What is older is told from what is visible at every read, and leaves
//! the backend a whole segment at a time, by ranges of keys, in the batch of a commit.

use std::cmp::Ordering;
use std::ops::Bound;

use bytes::Bytes;

use super::at_work::{AtWork, behind};
use super::layout::{Range, TimedKey, TimedLayout};
use super::{Row, ScanOrder, StoreError};
use crate::record::Timestamp;

/// How rows with a time are kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimedRules {
    pub(super) layout: TimedLayout,
    pub(super) retention_ms: i64,
}

/// Shortest segment in milliseconds (as Kafka Streams has it).
const SEGMENT_FLOOR_MS: i64 = 60_000;

impl TimedRules {
    /// Length of a segment: about three of them live at a time.
    pub(super) fn segment_ms(retention_ms: i64) -> i64 {
        (retention_ms / 2).max(SEGMENT_FLOOR_MS)
    }

    /// The first segment of which a row may be visible.
    pub(super) fn first_segment(&self, expired: i64) -> i64 {
        self.layout.segment(expired.saturating_add(1))
    }

    /// What a row is in the backend: itself, and its entry in the index.
    pub(super) fn writes(&self, at: &TimedKey, row: Option<Row>) -> [(Vec<u8>, Option<Row>); 2] {
        let entry = row.as_ref().map(|_| Row { value: Bytes::new(), timestamp: Timestamp(0) });
        let TimedKey { key, time, rank } = at;
        [(self.layout.row(key, *time, *rank), row), (self.layout.index(key, *time, *rank), entry)]
    }
}

/// Rows with a time, in the running transaction.
#[derive(Debug)]
pub(super) struct Timed<'t> {
    pub(super) work: AtWork<'t>,
    pub(super) rules: TimedRules,
}

/// A part of a range of rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) order: ScanOrder,
    /// The last row that was handed out.
    pub(super) after: Option<&'a TimedKey>,
    /// Rows to hand out.
    pub(super) max: usize,
}

/// A row with its key.
pub(super) type TimedRow = (TimedKey, Row);

impl Timed<'_> {
    /// The last time that has expired.
    fn expired(&self) -> i64 {
        self.work.clock.expired(self.rules.retention_ms)
    }

    /// What is visible of these times.
    fn visible(&self, first: i64, last: i64) -> (i64, i64) {
        (first.max(self.expired().saturating_add(1)), last.min(self.work.clock.observed))
    }

    /// The row of a key and a time, if it is visible.
    pub(super) fn get(&self, key: &[u8], time: i64, rank: u64) -> Result<Option<Row>, StoreError> {
        if time <= self.expired() { Ok(None) } else { self.work.get(&self.rules.layout.row(key, time, rank)) }
    }

    /// Puts or deletes, unless it has expired.
    pub(super) fn put(&mut self, key: &[u8], time: i64, rank: u64, row: Option<Row>) {
        self.work.observe(time);
        if time <= self.expired() {
            return;
        }
        let at = TimedKey { key: Bytes::copy_from_slice(key), time, rank };
        for (key, row) in self.rules.writes(&at, row) {
            self.work.put(&key, row);
        }
    }

    /// One key's rows between two times (both included), by time and rank. Those that are not kept are passed over.
    pub(super) fn of_key(
        &mut self,
        key: &[u8],
        (first, last): (i64, i64),
        chunk: Chunk<'_>,
        keep: impl Fn(&TimedKey) -> bool,
    ) -> Result<Vec<TimedRow>, StoreError> {
        let layout = self.rules.layout;
        let (mut first, mut last) = self.visible(first, last);
        if let Some(after) = chunk.after {
            match chunk.order {
                ScanOrder::Ascending => first = first.max(after.time),
                ScanOrder::Descending => last = last.min(after.time),
            }
        }
        let mut rows = Vec::new();
        if first > last {
            return Ok(rows);
        }
        // Later segments hold later rows.
        for segment in in_order(layout.segment(first), layout.segment(last), chunk.order) {
            let range = layout.rows_of_key(segment, key, first, last);
            let range = self.rest(segment, range, chunk);
            rows.extend(self.rows(range, chunk.order, chunk.max - rows.len(), &keep)?);
            if rows.len() == chunk.max {
                break;
            }
        }
        Ok(rows)
    }

    /// The rows of a range of keys between two times (both included), by key, time and rank. Those that are not kept are passed over.
    pub(super) fn of_keys(
        &mut self,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        (first, last): (i64, i64),
        chunk: Chunk<'_>,
        keep: impl Fn(&TimedKey) -> bool,
    ) -> Result<Vec<TimedRow>, StoreError> {
        let layout = self.rules.layout;
        let (first, last) = self.visible(first, last);
        let mut rows = Vec::new();
        if first > last {
            return Ok(rows);
        }
        // Every segment may hold rows of every key: the first ones of each are put together.
        for segment in layout.segment(first)..=layout.segment(last) {
            let range = self.rest(segment, layout.rows_of_keys(segment, lower, upper), chunk);
            let in_time = |at: &TimedKey| (first..=last).contains(&at.time) && keep(at);
            rows.extend(self.rows(range, chunk.order, chunk.max, in_time)?);
        }
        let by_key = |a: &TimedRow, b: &TimedRow| a.0.cmp(&b.0);
        rows.sort_by(|a, b| in_direction(chunk.order, by_key(a, b)));
        rows.truncate(chunk.max);
        Ok(rows)
    }

    /// All rows between two times (both included), by time.
    pub(super) fn by_time(&mut self, (first, last): (i64, i64), chunk: Chunk<'_>) -> Result<Vec<TimedRow>, StoreError> {
        let layout = self.rules.layout;
        let (first, last) = self.visible(first, last);
        if first > last {
            return Ok(Vec::new());
        }
        let mut range = layout.index_between(first, last);
        if let Some(after) = chunk.after {
            range = behind(range, chunk.order, layout.index(&after.key, after.time, after.rank));
        }
        let entries = self.work.pick(range, chunk.order, chunk.max, |key, _| layout.read_index(key))?;
        let keys: Vec<Vec<u8>> = entries.iter().map(|at| layout.row(&at.key, at.time, at.rank)).collect();
        let rows = self.work.rows.get_many(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        Ok(entries.into_iter().zip(rows).filter_map(|(at, row)| Some((at, row?))).collect())
    }

    /// What is left of a segment's range.
    fn rest(&self, segment: i64, range: Range, chunk: Chunk<'_>) -> Range {
        let Some(after) = chunk.after else { return range };
        let place = self.rules.layout.place_in(segment, after);
        let is_ahead = match (chunk.order, &range) {
            (ScanOrder::Ascending, (Bound::Included(key) | Bound::Excluded(key), _)) => *key > place,
            (ScanOrder::Descending, (_, Bound::Included(key) | Bound::Excluded(key))) => *key < place,
            (_, _) => false,
        };
        if is_ahead { range } else { behind(range, chunk.order, place) }
    }

    fn rows(&mut self, range: Range, order: ScanOrder, max: usize, keep: impl Fn(&TimedKey) -> bool) -> Result<Vec<TimedRow>, StoreError> {
        let layout = self.rules.layout;
        self.work.pick(range, order, max, |key, row| layout.read_row(key).filter(&keep).map(|at| (at, row)))
    }
}

fn in_order(first: i64, last: i64, order: ScanOrder) -> impl Iterator<Item = i64> {
    (first..=last).map(move |segment| match order {
        ScanOrder::Ascending => segment,
        ScanOrder::Descending => last - (segment - first),
    })
}

fn in_direction(order: ScanOrder, ordering: Ordering) -> Ordering {
    match order {
        ScanOrder::Ascending => ordering,
        ScanOrder::Descending => ordering.reverse(),
    }
}
