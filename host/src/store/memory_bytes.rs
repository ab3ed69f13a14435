//! Ordered bytes in memory.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use bytes::Bytes;

use super::ScanOrder;
use super::ordered_bytes::OrderedBytes;
use crate::disk::DiskError;

/// Ordered bytes in memory. Its keys and values are copies of their own: a slice of a larger buffer would keep all of that alive.
#[derive(Debug, Default)]
pub(super) struct MemoryBytes {
    rows: BTreeMap<Bytes, Bytes>,
}

impl OrderedBytes for MemoryBytes {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        Ok(self.rows.get(key).cloned())
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, DiskError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    fn visit(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: ScanOrder,
        visitor: &mut dyn FnMut(Bytes, Bytes) -> ControlFlow<()>,
    ) -> Result<(), DiskError> {
        let rows = self.rows.range::<[u8], _>((lower, upper));
        let mut visit = |(key, value): (&Bytes, &Bytes)| visitor(key.clone(), value.clone());
        // Breaking off is the visitor's right, not a failure.
        let _ = match order {
            ScanOrder::Ascending => rows.into_iter().try_for_each(&mut visit),
            ScanOrder::Descending => rows.rev().try_for_each(&mut visit),
        };
        Ok(())
    }

    fn put(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DiskError> {
        let Some(value) = value else {
            self.rows.remove(key);
            return Ok(());
        };
        let value = Bytes::copy_from_slice(value);
        match self.rows.get_mut(key) {
            Some(old) => *old = value,
            None => {
                self.rows.insert(Bytes::copy_from_slice(key), value);
            }
        }
        Ok(())
    }

    fn delete_range(&mut self, from: &[u8], to: &[u8]) -> Result<(), DiskError> {
        let mut behind = self.rows.split_off(from);
        self.rows.append(&mut behind.split_off(to));
        Ok(())
    }

    fn write(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    fn approximate_count(&self) -> Result<u64, DiskError> {
        Ok(self.rows.len() as u64)
    }
}
