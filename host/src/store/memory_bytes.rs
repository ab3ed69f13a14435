//! Ordered bytes in memory.
//!
//! Rows stand in leaves of some kilobytes, each with its keys and values in one piece of memory; a map has the leaves by their first keys. So
//! a row takes up little beside its bytes, and the allocator sees few sizes, however rows come and go. A restore gathers rows and sorts them
//! before it puts them in: with keys in no order that takes a third of the time, for each leaf is touched once for many rows.

mod leaf;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use bytes::{Bytes, BytesMut};

use self::leaf::Leaf;
use super::ScanOrder;
use super::ordered_bytes::OrderedBytes;
use super::run::Run;
use crate::disk::DiskError;
use crate::limits;

/// Ordered bytes in memory.
#[derive(Debug)]
pub(super) struct MemoryBytes {
    /// By the least key that a leaf may hold. The first one may hold any, so that there is a leaf for each key.
    leaves: BTreeMap<Box<[u8]>, Leaf>,
    count: usize,
    /// Rows of a restore that are in no leaf yet.
    run: Option<Run>,
    /// Bytes of the rows that this restore has put into leaves.
    filled: usize,
}

impl Default for MemoryBytes {
    fn default() -> Self {
        Self { leaves: BTreeMap::from([(Box::default(), Leaf::default())]), count: 0, run: None, filled: 0 }
    }
}

impl MemoryBytes {
    fn leaf(&self, key: &[u8]) -> Option<&Leaf> {
        debug_assert!(self.run.is_none(), "a restore is under way");
        self.leaves.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back().map(|(_, leaf)| leaf)
    }

    /// Puts what a restore has gathered into the leaves.
    fn merge(&mut self, run: &mut Run) {
        let rows = run.sorted();
        let mut rows = rows.iter().peekable();
        while let Some(&&(key, _)) = rows.peek() {
            let next = self.leaves.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded)).next().map(|(first, _)| first.clone());
            let is_here = |key: &[u8]| next.as_ref().is_none_or(|next| *key < **next);
            let Some((first, leaf)) = self.leaves.range_mut::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back() else {
                return;
            };
            while let Some((key, value)) = rows.next_if(|(key, _)| is_here(key)) {
                match value {
                    Some(value) => self.count += usize::from(leaf.put(key, value)),
                    None => self.count -= usize::from(leaf.remove(key)),
                }
            }
            if leaf.is_empty() && !first.is_empty() {
                let first = first.clone();
                self.leaves.remove(&first);
                continue;
            }
            let parts = leaf.split();
            self.leaves.extend(parts.into_iter().filter_map(|part| Some((part.first()?.into(), part))));
        }
    }
}

impl OrderedBytes for MemoryBytes {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        Ok(self.leaf(key).and_then(|leaf| leaf.get(key)).map(Bytes::copy_from_slice))
    }

    fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Bytes>>, DiskError> {
        let mut buffer = BytesMut::new();
        let found = keys.iter().map(|key| self.leaf(key).and_then(|leaf| leaf.get(key)).map(|value| shared(&mut buffer, value)));
        Ok(found.collect())
    }

    fn visit(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: ScanOrder,
        visitor: &mut dyn FnMut(Bytes, Bytes) -> ControlFlow<()>,
    ) -> Result<(), DiskError> {
        debug_assert!(self.run.is_none(), "a restore is under way");
        let mut buffer = BytesMut::new();
        let mut visit = |(key, value): (&[u8], &[u8])| {
            let key = shared(&mut buffer, key);
            visitor(key, shared(&mut buffer, value))
        };
        // The leaf that the lower bound lies in begins before it.
        let from = match lower {
            Bound::Included(key) | Bound::Excluded(key) => {
                self.leaves.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back().map(|(first, _)| &**first)
            }
            Bound::Unbounded => None,
        };
        let leaves = self.leaves.range::<[u8], _>((from.map_or(Bound::Unbounded, Bound::Included), upper));
        let mut rows = leaves.map(|(_, leaf)| leaf.range(lower, upper));
        // Breaking off is the visitor's right, not a failure.
        let _ = match order {
            ScanOrder::Ascending => rows.try_for_each(|mut rows| rows.try_for_each(&mut visit)),
            ScanOrder::Descending => rows.rev().try_for_each(|rows| rows.rev().try_for_each(&mut visit)),
        };
        Ok(())
    }

    fn put(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DiskError> {
        if let Some(mut run) = self.run.take() {
            run.push(key, value);
            // The more rows a leaf gets at a time, the less each of them costs.
            let most = (self.filled / 2).clamp(limits::RESTORE_RUN_BYTES, limits::RESTORE_RUN_CEILING_BYTES);
            if run.bytes() >= most {
                self.filled += run.bytes();
                self.merge(&mut run);
                run.clear();
            }
            self.run = Some(run);
            return Ok(());
        }
        let Some((first, leaf)) = self.leaves.range_mut::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back() else {
            return Ok(());
        };
        let Some(value) = value else {
            self.count -= usize::from(leaf.remove(key));
            if leaf.is_empty() && !first.is_empty() {
                let first = first.clone();
                self.leaves.remove(&first);
            }
            return Ok(());
        };
        self.count += usize::from(leaf.put(key, value));
        let parts = leaf.split();
        self.leaves.extend(parts.into_iter().filter_map(|part| Some((part.first()?.into(), part))));
        Ok(())
    }

    fn delete_range(&mut self, from: &[u8], to: &[u8]) -> Result<(), DiskError> {
        debug_assert!(self.run.is_none(), "a restore is under way");
        if from >= to {
            return Ok(());
        }
        let begins = self.leaves.range::<[u8], _>((Bound::Unbounded, Bound::Included(from))).next_back().map(|(first, _)| first.clone());
        let touched = self.leaves.range_mut::<[u8], _>((begins.as_deref().map_or(Bound::Unbounded, Bound::Included), Bound::Excluded(to)));
        let mut empty = Vec::new();
        for (first, leaf) in touched {
            self.count -= leaf.remove_range(from, to);
            if leaf.is_empty() && !first.is_empty() {
                empty.push(first.clone());
            }
        }
        empty.iter().for_each(|first| drop(self.leaves.remove(first)));
        Ok(())
    }

    fn write(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    fn begin_fill(&mut self) -> Result<(), DiskError> {
        self.run.get_or_insert_default();
        self.filled = 0;
        Ok(())
    }

    fn end_fill(&mut self) -> Result<(), DiskError> {
        if let Some(mut run) = self.run.take() {
            self.merge(&mut run);
        }
        Ok(())
    }

    fn is_filled(&self) -> bool {
        self.run.is_some()
    }

    fn approximate_count(&self) -> Result<u64, DiskError> {
        Ok(self.count as u64)
    }
}

/// A copy that shares its memory with those made before.
fn shared(buffer: &mut BytesMut, bytes: &[u8]) -> Bytes {
    buffer.extend_from_slice(bytes);
    buffer.split().freeze()
}
