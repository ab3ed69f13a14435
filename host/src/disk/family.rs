//! Reading a family: by key and by range.

use std::fmt;
use std::ops::{Bound, ControlFlow};

use rocksdb::{ColumnFamily, DBPinnableSlice, ReadOptions, properties};

use super::{Database, DiskError};

/// Direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// A key and its value.
pub type Entry = (Box<[u8]>, Box<[u8]>);

/// A family of an open database.
#[derive(Clone, Copy)]
pub struct Family<'d> {
    database: &'d Database,
    handle: &'d ColumnFamily,
}

impl<'d> Family<'d> {
    pub(super) fn new(database: &'d Database, handle: &'d ColumnFamily) -> Self {
        Self { database, handle }
    }

    pub(super) fn handle(&self) -> &'d ColumnFamily {
        self.handle
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DiskError> {
        self.read(key, <[u8]>::to_vec)
    }

    /// What `take` makes of the value of a key, without a copy.
    pub fn read<T>(&self, key: &[u8], take: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, DiskError> {
        let found = self.database.db.get_pinned_cf_opt(self.handle, key, &self.database.reads);
        Ok(found.map_err(|why| self.failed("reading", why))?.map(|value| take(&value)))
    }

    /// The values of many keys, in their order; faster than asking one by one.
    pub fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        self.read_many(keys, <[u8]>::to_vec)
    }

    /// What `take` makes of the values of many keys, in their order.
    pub fn read_many<T>(&self, keys: &[&[u8]], mut take: impl FnMut(&[u8]) -> T) -> Result<Vec<Option<T>>, DiskError> {
        let found = self.database.db.batched_multi_get_cf_opt(self.handle, keys.iter().copied(), false, &self.database.reads);
        let mut take = |value: Option<DBPinnableSlice<'_>>| value.map(|value| take(&value));
        found.into_iter().map(|value| value.map(&mut take).map_err(|why| self.failed("reading", why))).collect()
    }

    /// Up to `max` rows between two bounds.
    pub fn scan(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>, direction: Direction, max: usize) -> Result<Vec<Entry>, DiskError> {
        let mut rows = Vec::new();
        if max == 0 {
            return Ok(rows);
        }
        self.visit(lower, upper, direction, |key, value| {
            rows.push((key.into(), value.into()));
            if rows.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(rows)
    }

    /// Shows `visitor` the rows between two bounds until it breaks off. The rows are those of the moment of the call. Bounds that are the
    /// wrong way round hold nothing.
    pub fn visit(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        direction: Direction,
        mut visitor: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), DiskError> {
        // Half open, as RocksDB has it. The smallest key above a key is that key and a 0 byte.
        let from = cut(lower, Bound::Excluded(())).unwrap_or_default();
        let to = cut(upper, Bound::Included(()));
        if to.as_ref().is_some_and(|to| from >= *to) {
            return Ok(());
        }
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from);
        if let Some(to) = to {
            options.set_iterate_upper_bound(to);
        }
        let mut rows = self.database.db.raw_iterator_cf_opt(self.handle, options);
        match direction {
            Direction::Ascending => rows.seek_to_first(),
            Direction::Descending => rows.seek_to_last(),
        }
        while let Some((key, value)) = rows.item() {
            if visitor(key, value).is_break() {
                return Ok(());
            }
            match direction {
                Direction::Ascending => rows.next(),
                Direction::Descending => rows.prev(),
            }
        }
        rows.status().map_err(|why| self.failed("scanning", why))
    }

    /// About how many rows; overwritten and deleted ones may count until they are compacted.
    pub fn approximate_count(&self) -> Result<u64, DiskError> {
        let count = self.database.db.property_int_value_cf(self.handle, properties::ESTIMATE_NUM_KEYS);
        Ok(count.map_err(|why| self.failed("counting", why))?.unwrap_or(0))
    }

    fn failed(&self, what: &'static str, why: rocksdb::Error) -> DiskError {
        self.database.failed(what, why)
    }
}

/// The bound as a cut between keys: just before the returned key. `after`: the kind of bound whose cut lies behind its key.
fn cut(bound: Bound<&[u8]>, after: Bound<()>) -> Option<Vec<u8>> {
    let (key, behind) = match bound {
        Bound::Unbounded => return None,
        Bound::Included(key) => (key, after == Bound::Included(())),
        Bound::Excluded(key) => (key, after == Bound::Excluded(())),
    };
    let mut cut = Vec::with_capacity(key.len() + 1);
    cut.extend_from_slice(key);
    if behind {
        cut.push(0);
    }
    Some(cut)
}

impl fmt::Debug for Family<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family").field("database", self.database).finish_non_exhaustive()
    }
}
