//! Ordered bytes in memory.
//!
//! Rows stand in leaves of some kilobytes, each with its keys and values in one piece of memory; a map has the leaves by their first keys. So
//! a row takes up little beside its bytes, and the allocator sees few sizes, however rows come and go. A restore gathers rows and sorts them
//! before it puts them in: with keys in no order that takes a third of the time, for each leaf is touched once for many rows.

mod leaf;
mod leaves;
#[cfg(test)]
mod tests;

use std::ops::{Bound, ControlFlow};

use bytes::{Bytes, BytesMut};

use self::leaf::Leaf;
use self::leaves::Leaves;
use super::ScanOrder;
use super::ordered_bytes::{OrderedBytes, shared};
use super::run::Run;
use crate::disk::DiskError;
use crate::limits;

/// Ordered bytes in memory.
#[derive(Debug, Default)]
pub(super) struct MemoryBytes {
    leaves: Leaves,
    count: usize,
    /// Rows of a restore that are in no leaf yet.
    run: Option<Run>,
    /// Bytes of the rows that this restore has put into leaves.
    filled: usize,
}

impl MemoryBytes {
    fn leaf(&self, key: &[u8]) -> &Leaf {
        debug_assert!(self.run.is_none(), "a restore is under way");
        self.leaves.get(self.leaves.find(key))
    }

    /// Puts what a restore has gathered into the leaves.
    fn merge(&mut self, run: &mut Run) {
        let rows = run.sorted();
        let mut rows = rows.iter().peekable();
        while let Some(&&(key, _)) = rows.peek() {
            let at = self.leaves.find(key);
            let next: Option<Box<[u8]>> = self.leaves.next(at).map(|next| self.leaves.begin(next).into());
            let is_here = |key: &[u8]| next.as_ref().is_none_or(|next| *key < **next);
            let leaf = self.leaves.get_mut(at);
            while let Some((key, value)) = rows.next_if(|(key, _)| is_here(key)) {
                match value {
                    Some(value) => self.count += usize::from(leaf.put(key, value)),
                    None => self.count -= usize::from(leaf.remove(key)),
                }
            }
            match leaf.is_empty() {
                true => self.leaves.remove(at),
                false => self.leaves.split(at),
            }
        }
    }
}

impl OrderedBytes for MemoryBytes {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        Ok(self.leaf(key).get(key).map(Bytes::copy_from_slice))
    }

    fn show_many(&self, keys: &[&[u8]], show: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), DiskError> {
        keys.iter().for_each(|key| show(self.leaf(key).get(key)));
        Ok(())
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
        let leaf_of = |bound: Bound<&[u8]>| match bound {
            Bound::Included(key) | Bound::Excluded(key) => Some(self.leaves.find(key)),
            Bound::Unbounded => None,
        };
        let from = leaf_of(lower).unwrap_or_else(|| self.leaves.first());
        let to = leaf_of(upper).unwrap_or_else(|| self.leaves.last());
        let mut rows = self.leaves.between(from, to).map(|leaf| leaf.range(lower, upper));
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
        let at = self.leaves.find(key);
        let leaf = self.leaves.get_mut(at);
        match value {
            Some(value) => {
                self.count += usize::from(leaf.put(key, value));
                self.leaves.split(at);
            }
            None => {
                self.count -= usize::from(leaf.remove(key));
                if leaf.is_empty() {
                    self.leaves.remove(at);
                }
            }
        }
        Ok(())
    }

    fn delete_range(&mut self, from: &[u8], to: &[u8]) -> Result<(), DiskError> {
        debug_assert!(self.run.is_none(), "a restore is under way");
        if from >= to {
            return Ok(());
        }
        let first = self.leaves.find(from);
        let mut at = Some(first);
        let mut empty = Vec::new();
        while let Some(here) = at.filter(|here| *here == first || self.leaves.begin(*here) < to) {
            let leaf = self.leaves.get_mut(here);
            self.count -= leaf.remove_range(from, to);
            if leaf.is_empty() {
                empty.push(here);
            }
            at = self.leaves.next(here);
        }
        // From behind, so that those before stay where they are.
        empty.into_iter().rev().for_each(|here| self.leaves.remove(here));
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
