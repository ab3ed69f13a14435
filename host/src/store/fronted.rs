//! A backend with rows of it in front: those that were looked up lately, and committed writes that it has not been given yet.
//!
//! What a task writes again and again reaches the backend once for many commits, in the order of the keys; what it reads again is found by hash,
//! which neither a table on disk nor a leaf in memory can match.

use std::cell::{Cell, RefCell};
use std::ops::{Bound, ControlFlow};

use bytes::{Bytes, BytesMut};

use super::ScanOrder;
use super::ordered_bytes::{OrderedBytes, Reader, shared};
use super::row_cache::{RowCache, Write};
use crate::disk::{Budget, DiskError, RowShare};

/// Whether writes may wait in front of the backend, so that some of them reach it without others that are older. A crash leaves a database so,
/// and then the changelog is read again from the last flush on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writes {
    /// They may: what a changelog's record becomes does not depend on the rows that are there.
    Wait,
    /// They reach the backend with the commit.
    Go,
}

/// Commits for which writes go to the backend at once after the last scan: a scan asks the backend, which would have to be given them then.
const SCANNED_COMMITS: u32 = 64;

/// Rows that may wait where waiting does not pay: handing them over takes some milliseconds.
const WAITING_ROWS: usize = 20_000;

/// Ordered bytes with rows in front.
#[derive(Debug)]
pub(super) struct Fronted<B> {
    writes: Writes,
    /// Whoever reads finds rows that are to be kept, and may have to make room for them.
    inner: RefCell<Inner<B>>,
    /// Commits until writes may wait again.
    scanned: Cell<u32>,
    reader: Reader,
}

#[derive(Debug)]
struct Inner<B> {
    cache: RowCache,
    share: RowShare,
    backend: B,
}

impl<B: OrderedBytes> Fronted<B> {
    /// With a share of the budget for its rows.
    pub(super) fn new(backend: B, writes: Writes, budget: &Budget) -> Self {
        let inner = RefCell::new(Inner { cache: RowCache::default(), share: budget.rows(), backend });
        Self { writes, inner, scanned: Cell::new(0), reader: Reader::Task }
    }

    fn keeps_back(&self) -> bool {
        self.writes == Writes::Wait && self.scanned.get() == 0
    }
}

impl<B: OrderedBytes> Inner<B> {
    /// Has no more rows in front than it may have.
    fn make_room(&mut self) -> Result<(), DiskError> {
        while !self.share.use_bytes(self.cache.bytes()) && self.cache.len() > 0 {
            self.cache.age();
            // Forgotten when the backend has them, not before.
            hand_over(&mut self.backend, self.cache.oldest_writes())?;
            self.cache.shrink();
        }
        Ok(())
    }

    /// Shows the values of keys of which some have to be asked for: all of those at once.
    fn show_rest(&mut self, keys: &[&[u8]], show: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), DiskError> {
        let is_missed: Vec<bool> = keys.iter().map(|key| self.cache.get(key).is_none()).collect();
        let missed: Vec<&[u8]> = keys.iter().zip(&is_missed).filter(|(_, missed)| **missed).map(|(key, _)| *key).collect();
        let (mut found, mut buffer) = (Vec::with_capacity(missed.len()), BytesMut::new());
        self.backend.show_many(&missed, &mut |value| found.push(value.map(|value| shared(&mut buffer, value))))?;
        let mut values = found.iter().map(Option::as_deref);
        for (key, is_missed) in keys.iter().zip(is_missed) {
            show(if is_missed { values.next().flatten() } else { self.cache.get(key).flatten() });
        }
        for (key, value) in missed.into_iter().zip(&found) {
            if let Some(value) = value {
                self.cache.note(key, value);
            }
        }
        self.make_room()
    }

    fn hand_over_all(&mut self) -> Result<(), DiskError> {
        if self.cache.dirty() > 0 {
            hand_over(&mut self.backend, self.cache.writes())?;
            self.cache.written();
        }
        Ok(())
    }
}

fn hand_over(backend: &mut impl OrderedBytes, writes: Vec<Write<'_>>) -> Result<(), DiskError> {
    if writes.is_empty() {
        return Ok(());
    }
    writes.into_iter().try_for_each(|(key, value)| backend.put(key, value))?;
    backend.write()
}

impl<B: OrderedBytes> OrderedBytes for Fronted<B> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        let inner = &mut *self.inner.borrow_mut();
        if let Some(known) = inner.cache.get(key) {
            return Ok(known.map(Bytes::copy_from_slice));
        }
        let found = inner.backend.get(key)?;
        if let Some(value) = &found {
            inner.cache.note(key, value);
            inner.make_room()?;
        }
        Ok(found)
    }

    fn show_many(&self, keys: &[&[u8]], show: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), DiskError> {
        let inner = &mut *self.inner.borrow_mut();
        for (ix, key) in keys.iter().enumerate() {
            match inner.cache.get(key) {
                Some(known) => show(known),
                None => return inner.show_rest(&keys[ix..], show),
            }
        }
        Ok(())
    }

    fn visit(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: ScanOrder,
        visitor: &mut dyn FnMut(Bytes, Bytes) -> ControlFlow<()>,
    ) -> Result<(), DiskError> {
        let inner = self.inner.borrow();
        debug_assert!(inner.cache.dirty() == 0, "`settle` comes first");
        if self.reader == Reader::Task {
            self.scanned.set(SCANNED_COMMITS);
        }
        inner.backend.visit(lower, upper, order, visitor)
    }

    fn put(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DiskError> {
        let keeps_back = self.keeps_back();
        let Inner { cache, backend, .. } = self.inner.get_mut();
        if backend.is_filled() {
            return backend.put(key, value);
        }
        if keeps_back {
            cache.put(key, value);
            return Ok(());
        }
        cache.follow(key, value);
        backend.put(key, value)
    }

    fn delete_range(&mut self, from: &[u8], to: &[u8]) -> Result<(), DiskError> {
        let inner = self.inner.get_mut();
        inner.cache.forget_range(from, to);
        inner.backend.delete_range(from, to)
    }

    fn write(&mut self) -> Result<(), DiskError> {
        self.scanned.set(self.scanned.get().saturating_sub(1));
        let inner = self.inner.get_mut();
        inner.backend.write()?;
        if inner.cache.dirty() >= WAITING_ROWS && !inner.cache.pays() {
            inner.hand_over_all()?;
        }
        inner.make_room()
    }

    fn likes_order(&self) -> bool {
        !self.keeps_back()
    }

    fn settle(&mut self) -> Result<(), DiskError> {
        self.inner.get_mut().hand_over_all()
    }

    fn read_by(&mut self, reader: Reader) {
        self.reader = reader;
    }

    fn begin_fill(&mut self) -> Result<(), DiskError> {
        let inner = self.inner.get_mut();
        inner.hand_over_all()?;
        inner.cache = RowCache::default();
        inner.share.use_bytes(0);
        inner.backend.begin_fill()
    }

    fn is_filled(&self) -> bool {
        self.inner.borrow().backend.is_filled()
    }

    fn must_wait(&self) -> bool {
        self.inner.borrow().backend.must_wait()
    }

    fn is_busy(&self) -> bool {
        self.inner.borrow().backend.is_busy()
    }

    fn close_fill(&mut self) -> Result<(), DiskError> {
        self.inner.get_mut().backend.close_fill()
    }

    fn end_fill(&mut self) -> Result<(), DiskError> {
        self.inner.get_mut().backend.end_fill()
    }

    fn approximate_count(&self) -> Result<u64, DiskError> {
        let inner = self.inner.borrow();
        Ok(inner.backend.approximate_count()?.max(inner.cache.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory_bytes::MemoryBytes;

    #[test]
    fn writes_wait_while_keys_come_again_and_not_while_they_are_ever_new() {
        let budget = Budget::new(1 << 20, 1 << 20).with_rows(64 << 20);
        let mut rows = Fronted::new(MemoryBytes::default(), Writes::Wait, &budget);
        let mut most = [0; 2];
        for (phase, keys) in [(0, 200_000), (1, 30_000)] {
            for n in 0..200_000_u32 {
                let key = n % keys;
                rows.put(&key.to_be_bytes(), Some(&n.to_be_bytes())).unwrap();
                if n % 1_000 == 0 {
                    rows.write().unwrap();
                    most[phase] = most[phase].max(rows.inner.borrow().cache.dirty());
                }
            }
        }
        assert!((WAITING_ROWS - 1_000..=WAITING_ROWS).contains(&most[0]), "{most:?}");
        assert_eq!(most[1], 30_000);
        rows.settle().unwrap();
        assert_eq!(rows.inner.borrow().cache.dirty(), 0);
        for (reader, keeps_back) in [(Reader::Outside, true), (Reader::Task, false)] {
            rows.read_by(reader);
            rows.visit(Bound::Unbounded, Bound::Unbounded, ScanOrder::Ascending, &mut |_, _| ControlFlow::Break(())).unwrap();
            assert_eq!(rows.keeps_back(), keeps_back, "{reader:?}");
        }
        assert_eq!(rows.get(&29_999_u32.to_be_bytes()).unwrap().as_deref(), Some(&179_999_u32.to_be_bytes()[..]));
    }
}
