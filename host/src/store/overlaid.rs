//! Rows by key: an overlay above ordered bytes. Every kind of store keeps its rows so; what a key means is its kind's layout.

use std::mem;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use bytes::Bytes;

use super::layout::Range;
use super::ordered_bytes::{OrderedBytes, Reader, holds_nothing};
use super::overlay::{Before, Keys, Overlay};
use super::row::Shown;
use super::{Row, ScanOrder, StoreError};
use crate::disk::DiskError;
use crate::limits;

/// Rows that are read at least where some of them may be passed over.
const LEAST_READ: usize = 64;

/// How much went into a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Rows and deletes.
    pub(super) records: u64,
    /// Bytes of their keys and values.
    pub(super) bytes: u64,
}

/// Rows by key, with the writes of the running transaction above those of the store.
#[derive(Debug)]
pub(super) struct Overlaid {
    name: Arc<str>,
    overlay: Overlay,
    bytes: Box<dyn OrderedBytes>,
    /// Holds a row on its way into the backend.
    layout: Vec<u8>,
    /// Rows that `pick` may still look at; `None`: as many as there are.
    patience: Option<usize>,
}

impl Overlaid {
    /// The rows of the store of that name, over a backend.
    pub(super) fn new(name: Arc<str>, bytes: Box<dyn OrderedBytes>) -> Self {
        Self { name, overlay: Overlay::default(), bytes, layout: Vec::new(), patience: None }
    }

    /// The row of a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Row>, StoreError> {
        if let Some(row) = self.overlay.get(key) {
            return Ok(row.clone());
        }
        self.decoded(self.bytes.get(key).map_err(|why| self.failed(why))?)
    }

    /// Shows the rows of many keys, in their order.
    pub(super) fn show_many(&self, keys: &[&[u8]], show: &mut dyn FnMut(Option<Shown<'_>>)) -> Result<(), StoreError> {
        let writes: Vec<Option<&Option<Row>>> = keys.iter().map(|key| self.overlay.get(key)).collect();
        let missed: Vec<&[u8]> = keys.iter().zip(&writes).filter(|(_, write)| write.is_none()).map(|(key, _)| *key).collect();
        let (mut writes, mut broken) = (writes.into_iter(), None);
        let shown = self.bytes.show_many(&missed, &mut |bytes| {
            // Those that stand before this one.
            writes.by_ref().map_while(|write| write).for_each(|row| show(row.as_ref().map(Row::shown)));
            show(bytes.map(Row::split).transpose().unwrap_or_else(|why| {
                broken = Some(why);
                None
            }));
        });
        shown.map_err(|why| self.failed(why))?;
        writes.flatten().for_each(|row| show(row.as_ref().map(Row::shown)));
        broken.map_or(Ok(()), |why| Err(self.corrupted(why)))
    }

    /// The rows of many keys.
    pub(super) fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Row>>, StoreError> {
        let mut rows = Vec::with_capacity(keys.len());
        self.show_many(keys, &mut |row| rows.push(row.map(Row::copied)))?;
        Ok(rows)
    }

    /// Writes into the overlay; tells what to undo.
    pub(super) fn put(&mut self, key: &[u8], row: Option<Row>, keys: &mut Keys) -> (usize, Before) {
        self.overlay.put(key, row, keys)
    }

    /// Undoes a write.
    pub(super) fn put_back(&mut self, place: usize, before: Before) {
        self.overlay.put_back(place, before);
    }

    /// Up to `max` rows between two bounds: those of the store, with the writes of the overlay among and instead of them.
    pub(super) fn scan(
        &mut self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: ScanOrder,
        max: usize,
    ) -> Result<Vec<(Bytes, Row)>, StoreError> {
        if max == 0 || holds_nothing(lower, upper) {
            return Ok(Vec::new());
        }
        self.bytes.settle().map_err(|why| StoreError::of(&self.name, why))?;
        self.overlay.sort();
        let writes = self.overlay.range(lower, upper);
        match order {
            ScanOrder::Ascending => self.merge(writes, lower, upper, order, max),
            ScanOrder::Descending => self.merge(writes.rev(), lower, upper, order, max),
        }
    }

    /// Up to `max` of what `take` makes of the rows of a range; those of which it makes nothing are passed over.
    pub(super) fn pick<T>(
        &mut self,
        range: Range,
        order: ScanOrder,
        max: usize,
        mut take: impl FnMut(Bytes, Row) -> Option<T>,
    ) -> Result<Vec<T>, StoreError> {
        let (mut lower, mut upper) = range;
        let mut taken = Vec::new();
        while taken.len() < max {
            let wanted = (max - taken.len()).max(LEAST_READ);
            let rows = self.scan(as_slice(&lower), as_slice(&upper), order, wanted)?;
            let (read, last) = (rows.len(), rows.last().map(|(key, _)| key.to_vec()));
            self.lose_patience(read)?;
            let left = max - taken.len();
            taken.extend(rows.into_iter().filter_map(|(key, row)| take(key, row)).take(left));
            let Some(last) = last.filter(|_| read == wanted) else { break };
            match order {
                ScanOrder::Ascending => lower = Bound::Excluded(last),
                ScanOrder::Descending => upper = Bound::Excluded(last),
            }
        }
        Ok(taken)
    }

    fn lose_patience(&mut self, rows: usize) -> Result<(), StoreError> {
        let Some(left) = &mut self.patience else { return Ok(()) };
        *left = left.checked_sub(rows).ok_or_else(|| StoreError::PassedOver { store: Arc::clone(&self.name) })?;
        Ok(())
    }

    fn merge<'o>(
        &self,
        writes: impl Iterator<Item = (&'o Bytes, Option<&'o Row>)>,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: ScanOrder,
        max: usize,
    ) -> Result<Vec<(Bytes, Row)>, StoreError> {
        let mut writes = writes.peekable();
        let mut rows: Vec<(Bytes, Row)> = Vec::new();
        let mut broken = None;
        let is_before = |a: &Bytes, b: &Bytes| match order {
            ScanOrder::Ascending => a < b,
            ScanOrder::Descending => a > b,
        };
        let visited = self.bytes.visit(lower, upper, order, &mut |key, bytes| {
            while let Some((own, row)) = writes.next_if(|(own, _)| is_before(own, &key)) {
                rows.extend(row.map(|row| (own.clone(), row.clone())));
                if rows.len() == max {
                    return ControlFlow::Break(());
                }
            }
            match writes.next_if(|(own, _)| **own == key) {
                Some((_, row)) => rows.extend(row.map(|row| (key, row.clone()))),
                None => match Row::decode(bytes) {
                    Ok(row) => rows.push((key, row)),
                    Err(why) => broken = Some(why),
                },
            }
            if rows.len() == max || broken.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        visited.map_err(|why| self.failed(why))?;
        if let Some(why) = broken {
            return Err(self.corrupted(why));
        }
        let left = max - rows.len();
        rows.extend(writes.filter_map(|(key, row)| Some((key.clone(), row?.clone()))).take(left));
        Ok(rows)
    }

    /// About how many rows: the store's count, which knows nothing of the overlay, or the overlay's where that is more.
    pub(super) fn approximate_count(&self) -> Result<u64, StoreError> {
        let stored = self.bytes.approximate_count().map_err(|why| self.failed(why))?;
        Ok(stored.max(self.overlay.writes().len() as u64))
    }

    /// True when the running transaction has written nothing here.
    pub(super) fn is_clean(&self) -> bool {
        self.overlay.is_empty()
    }

    /// Bytes that the running transaction has written here and holds in memory.
    pub(super) fn bytes_written(&self) -> usize {
        self.overlay.bytes()
    }

    /// The writes of the running transaction, in the order in which their keys were first written; no row is a delete.
    pub(super) fn writes(&self) -> impl ExactSizeIterator<Item = (&Bytes, Option<&Row>)> {
        self.overlay.writes()
    }

    /// The overlay goes into the store, and what lies between these keys (begin included, end excluded) leaves it: in one batch.
    pub(super) fn apply(&mut self, cuts: &[(Vec<u8>, Vec<u8>)]) -> Result<Written, StoreError> {
        let mut written = Written::default();
        if self.overlay.is_empty() && cuts.is_empty() {
            return Ok(written);
        }
        let (bytes, layout) = (self.bytes.as_mut(), &mut self.layout);
        let mut writes: Vec<_> = self.overlay.writes().collect();
        // In order they go into tables and leaves in half the time, which is more than the sorting takes.
        if bytes.likes_order() {
            writes.sort_unstable_by_key(|(key, _)| *key);
        }
        let put = writes.into_iter().try_for_each(|(key, row)| put(bytes, layout, key, row, &mut written));
        // Behind the writes: what was written and has expired in the same transaction goes, too.
        let cut = put.and_then(|()| cuts.iter().try_for_each(|(from, to)| bytes.delete_range(from, to)));
        cut.and_then(|()| self.bytes.write()).map_err(|why| self.failed(why))?;
        self.overlay.clear();
        Ok(written)
    }

    /// The overlay is dropped.
    pub(super) fn discard(&mut self) {
        self.overlay.clear();
    }

    /// Takes writes past the overlay: those that so many records of a changelog stand for, in their order.
    pub(super) fn restore<K: AsRef<[u8]> + Ord>(
        &mut self,
        mut writes: Vec<(K, Option<Row>)>,
        records: usize,
    ) -> Result<Written, StoreError> {
        let mut written = Written::default();
        let (bytes, layout) = (self.bytes.as_mut(), &mut self.layout);
        if bytes.is_filled() {
            let put = writes.iter().try_for_each(|(key, row)| put(bytes, layout, key.as_ref(), row.as_ref(), &mut written));
            put.and_then(|()| bytes.write()).map_err(|why| self.failed(why))?;
            return Ok(written);
        }
        // As `apply`; the sort is stable, so the last write of a key stays the last one, and is the only one that counts.
        writes.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut last = writes.chunk_by(|(a, _), (b, _)| a == b).filter_map(<[_]>::last);
        let put = last.try_for_each(|(key, row)| put(bytes, layout, key.as_ref(), row.as_ref(), &mut written));
        put.and_then(|()| self.bytes.write()).map_err(|why| self.failed(why))?;
        // What one batch overwrites itself is not written, but read again after a crash: it counts as a record.
        written.records = records as u64;
        Ok(written)
    }

    /// Its backend, to be filled, and what to call it in errors.
    pub(super) fn backend(&mut self) -> (&Arc<str>, &mut dyn OrderedBytes) {
        (&self.name, self.bytes.as_mut())
    }

    /// Works as in a transaction of its own that is applied at its end; the running one is left as it is.
    pub(super) fn aside(&mut self, work: impl FnOnce(&mut Self) -> Result<(), StoreError>) -> Result<Written, StoreError> {
        let running = mem::take(&mut self.overlay);
        let done = work(self).and_then(|()| self.apply(&[]));
        self.overlay = running;
        done
    }

    /// Reads what the last commit has left, with [`limits::QUERY_ROWS_PASSED`] of patience; the running transaction is as it was when it is over.
    pub(super) fn committed<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let running = mem::take(&mut self.overlay);
        self.bytes.read_by(Reader::Outside);
        self.patience = Some(limits::QUERY_ROWS_PASSED);
        let done = read(self);
        self.patience = None;
        self.bytes.read_by(Reader::Task);
        self.overlay = running;
        done
    }

    fn decoded(&self, bytes: Option<Bytes>) -> Result<Option<Row>, StoreError> {
        bytes.map(Row::decode).transpose().map_err(|why| self.corrupted(why))
    }

    /// A row that cannot be understood.
    pub(super) fn corrupted(&self, why: String) -> StoreError {
        StoreError::Corrupted { store: Arc::clone(&self.name), why }
    }

    fn failed(&self, why: DiskError) -> StoreError {
        StoreError::of(&self.name, why)
    }
}

fn put(bytes: &mut dyn OrderedBytes, layout: &mut Vec<u8>, key: &[u8], row: Option<&Row>, written: &mut Written) -> Result<(), DiskError> {
    if let Some(row) = row {
        row.encode(layout);
    }
    written.records += 1;
    written.bytes += (key.len() + row.map_or(0, |row| row.value.len())) as u64;
    bytes.put(key, row.map(|_| layout.as_slice()))
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}
