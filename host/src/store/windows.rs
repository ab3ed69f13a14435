//! A window store: values by key and window start, as Kafka Streams' `WindowStore`.

use std::ops::Bound;

use super::layout::{Rank, TimedKey};
use super::timed::{Chunk, Timed};
use super::{Row, ScanOrder, StoreError};

/// A window store in the running transaction.
#[derive(Debug)]
pub struct Windows<'t>(pub(super) Timed<'t>);

/// A key in a window store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowKey(pub(super) TimedKey);

impl WindowKey {
    /// The record's key.
    pub fn key(&self) -> &[u8] {
        &self.0.key
    }

    /// Start of the window.
    pub fn start(&self) -> i64 {
        self.0.time
    }
}

/// Which part of a range comes next.
#[derive(Clone, Copy, Debug)]
pub struct Next<'a, K> {
    /// The direction.
    pub order: ScanOrder,
    /// The last row that was handed out; `None` at the beginning.
    pub after: Option<&'a K>,
    /// Most rows to hand out now.
    pub max: usize,
}

impl Windows<'_> {
    fn keeps_duplicates(&self) -> bool {
        self.0.rules.layout.rank == Rank::Sequence
    }

    /// The row of a key and a start; of several the first.
    pub fn get(&mut self, key: &[u8], start: i64) -> Result<Option<Row>, StoreError> {
        if !self.keeps_duplicates() {
            return self.0.get(key, start, 0);
        }
        let chunk = Chunk { order: ScanOrder::Ascending, after: None, max: 1 };
        Ok(self.0.of_key(key, (start, start), chunk, |_| true)?.pop().map(|(_, row)| row))
    }

    /// Puts a row; `None` deletes, and does nothing where duplicates are kept. What has expired is not taken.
    pub fn put(&mut self, key: &[u8], start: i64, row: Option<Row>) {
        if !self.keeps_duplicates() {
            return self.0.put(key, start, 0, row);
        }
        if row.is_some() {
            let rank = self.0.work.next_sequence();
            self.0.put(key, start, rank, row);
        }
    }

    /// One key's rows that start in `first..=last`, by start.
    pub fn fetch(&mut self, key: &[u8], starts: (i64, i64), next: Next<'_, WindowKey>) -> Result<Vec<(WindowKey, Row)>, StoreError> {
        Ok(windows(self.0.of_key(key, starts, chunk(next), |_| true)?))
    }

    /// The rows of a range of keys that start in `first..=last`, by key, then start.
    pub fn fetch_range(
        &mut self,
        keys: (Bound<&[u8]>, Bound<&[u8]>),
        starts: (i64, i64),
        next: Next<'_, WindowKey>,
    ) -> Result<Vec<(WindowKey, Row)>, StoreError> {
        Ok(windows(self.0.of_keys(keys, starts, chunk(next), |_| true)?))
    }

    /// All rows that start in `first..=last`, by start, then key.
    pub fn scan(&mut self, starts: (i64, i64), next: Next<'_, WindowKey>) -> Result<Vec<(WindowKey, Row)>, StoreError> {
        Ok(windows(self.0.by_time(starts, chunk(next))?))
    }
}

fn chunk(next: Next<'_, WindowKey>) -> Chunk<'_> {
    Chunk { order: next.order, after: next.after.map(|at| &at.0), max: next.max }
}

fn windows(rows: Vec<(TimedKey, Row)>) -> Vec<(WindowKey, Row)> {
    rows.into_iter().map(|(at, row)| (WindowKey(at), row)).collect()
}
