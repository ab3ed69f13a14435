//! A key-value store whose rows expire: visible is what has a timestamp later than the largest ever put - ttl.
//!
//! Rows that have expired are deleted at the next commit, a bounded number at a time, in their changelog as well: it would grow without end.
//! An index by time finds them; an entry that a later write of its key has made wrong stays there until its time comes.

use std::ops::Bound;

use bytes::Bytes;

use super::at_work::AtWork;
use super::layout::plain;
use super::row::Shown;
use super::{Row, ScanOrder, StoreError};
use crate::limits;
use crate::record::Timestamp;

/// A key-value store whose rows expire, in the running transaction.
#[derive(Debug)]
pub(super) struct Expiring<'t> {
    pub(super) work: AtWork<'t>,
    pub(super) ttl_ms: i64,
}

impl Expiring<'_> {
    fn expired(&self) -> Timestamp {
        Timestamp(self.work.clock.expired(self.ttl_ms))
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let expired = self.expired();
        Ok(self.work.get(&plain::row(key))?.filter(|row| row.timestamp > expired))
    }

    pub(super) fn show_many(&self, keys: &[&[u8]], show: &mut dyn FnMut(Option<Shown<'_>>)) -> Result<(), StoreError> {
        let expired = self.expired();
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| plain::row(key)).collect();
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        self.work.rows.show_many(&keys, &mut |row| show(row.filter(|(timestamp, _)| *timestamp > expired)))
    }

    pub(super) fn put(&mut self, key: &[u8], row: Option<Row>) {
        if let Some(row) = &row {
            self.work.observe(row.timestamp.0);
            self.work.put(&plain::timed(row.timestamp.0, key), Some(entry()));
        }
        self.work.put(&plain::row(key), row);
    }

    pub(super) fn scan(
        &mut self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: ScanOrder,
        max: usize,
    ) -> Result<Vec<(Bytes, Row)>, StoreError> {
        let expired = self.expired();
        self.work.pick(plain::rows_between(lower, upper), order, max, |key, row| {
            (row.timestamp > expired).then_some((plain::read_row(&key)?, row))
        })
    }

    /// Deletes rows that have expired, up to [`limits::EXPIRED_AT_ONCE`].
    pub(super) fn expire(&mut self) -> Result<(), StoreError> {
        let (from, to) = plain::timed_below(self.expired().0.saturating_add(1));
        let range = (Bound::Included(from), Bound::Excluded(to));
        let old = self.work.pick(range, ScanOrder::Ascending, limits::EXPIRED_AT_ONCE, |key, _| plain::read_timed(&key))?;
        for (time, key) in old {
            self.work.put(&plain::timed(time, &key), None);
            let row = plain::row(&key);
            if self.work.get(&row)?.is_some_and(|row| row.timestamp.0 == time) {
                self.work.put(&row, None);
            }
        }
        Ok(())
    }
}

/// The writes that a record of the changelog stands for.
pub(super) fn writes(key: &Bytes, row: Option<Row>) -> impl Iterator<Item = (Bytes, Option<Row>)> {
    let index = row.as_ref().map(|row| (plain::timed(row.timestamp.0, key).into(), Some(entry())));
    [(plain::row(key).into(), row)].into_iter().chain(index)
}

fn entry() -> Row {
    Row { value: Bytes::new(), timestamp: Timestamp(0) }
}
