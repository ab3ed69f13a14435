//! Writes that happen together.

use std::fmt;

use rocksdb::WriteBatch;

use super::Family;

/// Writes that happen together, in the order in which they were put in. Its families must be of the database that it is written to.
#[derive(Default)]
pub struct Batch {
    writes: WriteBatch,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch with room for so many bytes of keys and values.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { writes: WriteBatch::with_capacity_bytes(bytes) }
    }

    /// Puts a row.
    pub fn put(&mut self, family: Family<'_>, key: &[u8], value: &[u8]) {
        self.writes.put_cf(family.handle(), key, value);
    }

    /// Deletes a row; one that is not there may be deleted.
    pub fn delete(&mut self, family: Family<'_>, key: &[u8]) {
        self.writes.delete_cf(family.handle(), key);
    }

    /// Deletes all rows from `from` (included) to `to` (excluded).
    pub fn delete_range(&mut self, family: Family<'_>, from: &[u8], to: &[u8]) {
        self.writes.delete_range_cf(family.handle(), from, to);
    }

    /// How many writes.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// True without writes.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Bytes of all writes.
    pub fn size(&self) -> usize {
        self.writes.size_in_bytes()
    }

    pub(super) fn into_inner(self) -> WriteBatch {
        self.writes
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("len", &self.len()).field("size", &self.size()).finish()
    }
}
