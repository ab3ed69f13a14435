//! What benchmarks reach of the rows in front of a backend. Nothing else calls it, and none of it is an API.

use bytes::Bytes;

use super::fronted::{Fronted, Writes};
use super::memory_bytes::MemoryBytes;
use super::ordered_bytes::OrderedBytes as _;
use crate::disk::{Budget, DiskError};

/// Behind the last key that a benchmark uses.
const BEHIND: &[u8] = &[0xff];

/// Rows in front of a backend in memory.
#[derive(Debug)]
pub struct FrontedRows(Fronted<MemoryBytes>);

impl FrontedRows {
    /// With a share of the budget.
    pub fn new(budget: &Budget) -> Self {
        Self(Fronted::new(MemoryBytes::default(), Writes::Wait, budget))
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        self.0.get(key)
    }

    /// A committed write.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), DiskError> {
        self.0.put(key, Some(value))
    }

    /// The end of a commit's writes.
    pub fn end_commit(&mut self) -> Result<(), DiskError> {
        self.0.write()
    }

    /// The backend is given what waits.
    pub fn hand_over(&mut self) -> Result<(), DiskError> {
        self.0.settle()
    }

    /// Nothing is there any more, in front and behind.
    pub fn clear(&mut self) -> Result<(), DiskError> {
        self.0.delete_range(&[], BEHIND)
    }
}
