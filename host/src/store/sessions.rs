//! A session store: values by key, start and end, as Kafka Streams' `SessionStore`.

use std::ops::Bound;

use bytes::Bytes;

use super::layout::{TimedKey, straight, turned};
use super::timed::{Chunk, Timed};
use super::windows::Next;
use super::{Row, StoreError};
use crate::record::Timestamp;

/// A session store in the running transaction.
#[derive(Debug)]
pub struct Sessions<'t>(pub(super) Timed<'t>);

/// A key in a session store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKey(pub(super) TimedKey);

impl SessionKey {
    /// The record's key.
    pub fn key(&self) -> &[u8] {
        &self.0.key
    }

    /// Timestamp of the session's first record.
    pub fn start(&self) -> i64 {
        straight(self.0.rank)
    }

    /// Timestamp of the session's last record.
    pub fn end(&self) -> i64 {
        self.0.time
    }
}

/// Sessions that end at `earliest_end` or later and start at `latest_start` or earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touching {
    /// The earliest end.
    pub earliest_end: i64,
    /// The latest start.
    pub latest_start: i64,
}

impl Touching {
    fn keeps(self, at: &TimedKey) -> bool {
        straight(at.rank) <= self.latest_start
    }

    fn ends(self) -> (i64, i64) {
        (self.earliest_end, i64::MAX)
    }
}

impl Sessions<'_> {
    /// The value of exactly this session.
    pub fn get(&mut self, key: &[u8], start: i64, end: i64) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.get(key, end, turned(start))?.map(|row| row.value))
    }

    /// Puts the value of a session; `None` deletes. What has expired is not taken.
    pub fn put(&mut self, key: &[u8], start: i64, end: i64, value: Option<Bytes>) {
        let row = value.map(|value| Row { value, timestamp: Timestamp(end) });
        self.0.put(key, end, turned(start), row);
    }

    /// One key's sessions, by end, then start.
    pub fn find(&mut self, key: &[u8], which: Touching, next: Next<'_, SessionKey>) -> Result<Vec<(SessionKey, Bytes)>, StoreError> {
        Ok(sessions(self.0.of_key(key, which.ends(), chunk(next), |at| which.keeps(at))?))
    }

    /// The sessions of a range of keys, by key, then end, then start.
    pub fn find_range(
        &mut self,
        keys: (Bound<&[u8]>, Bound<&[u8]>),
        which: Touching,
        next: Next<'_, SessionKey>,
    ) -> Result<Vec<(SessionKey, Bytes)>, StoreError> {
        Ok(sessions(self.0.of_keys(keys, which.ends(), chunk(next), |at| which.keeps(at))?))
    }

    /// All sessions that end in `first..=last`, by end, then start, then key.
    pub fn scan(&mut self, ends: (i64, i64), next: Next<'_, SessionKey>) -> Result<Vec<(SessionKey, Bytes)>, StoreError> {
        Ok(sessions(self.0.by_time(ends, chunk(next))?))
    }
}

fn chunk(next: Next<'_, SessionKey>) -> Chunk<'_> {
    Chunk { order: next.order, after: next.after.map(|at| &at.0), max: next.max }
}

fn sessions(rows: Vec<(TimedKey, Row)>) -> Vec<(SessionKey, Bytes)> {
    rows.into_iter().map(|(at, row)| (SessionKey(at), row.value)).collect()
}
