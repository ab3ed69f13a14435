//! A key-value store: an overlay above ordered bytes.

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use bytes::Bytes;

use super::ordered_bytes::{OrderedBytes, holds_nothing};
use super::overlay::{Before, Keys, Overlay};
use super::{Row, ScanOrder, StoreError, changelog};
use crate::disk::DiskError;
use crate::record::{ConsumedRecord, Record};

/// How much went into a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// Rows and deletes.
    pub(super) records: u64,
    /// Bytes of their keys and values.
    pub(super) bytes: u64,
}

/// A key-value store.
#[derive(Debug)]
pub(super) struct KeyValueStore {
    name: Arc<str>,
    overlay: Overlay,
    bytes: Box<dyn OrderedBytes>,
    /// Holds a row on its way into the backend.
    layout: Vec<u8>,
}

impl KeyValueStore {
    /// A store of that name over a backend.
    pub(super) fn new(name: Arc<str>, bytes: Box<dyn OrderedBytes>) -> Self {
        Self { name, overlay: Overlay::default(), bytes, layout: Vec::new() }
    }

    /// The row of a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Row>, StoreError> {
        if let Some(row) = self.overlay.get(key) {
            return Ok(row.clone());
        }
        self.decoded(self.bytes.get(key).map_err(|why| self.failed(why))?)
    }

    /// The rows of many keys.
    pub(super) fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Row>>, StoreError> {
        let mut rows = Vec::with_capacity(keys.len());
        let mut missed = Vec::new();
        for (ix, key) in keys.iter().enumerate() {
            let write = self.overlay.get(key);
            if write.is_none() {
                missed.push((ix, *key));
            }
            rows.push(write.cloned().flatten());
        }
        let missed_keys: Vec<&[u8]> = missed.iter().map(|(_, key)| *key).collect();
        let found = self.bytes.get_many(&missed_keys).map_err(|why| self.failed(why))?;
        for ((ix, _), found) in missed.into_iter().zip(found) {
            rows[ix] = self.decoded(found)?;
        }
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
        self.overlay.sort();
        let writes = self.overlay.range(lower, upper);
        match order {
            ScanOrder::Ascending => self.merge(writes, lower, upper, order, max),
            ScanOrder::Descending => self.merge(writes.rev(), lower, upper, order, max),
        }
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

    /// What the running transaction has to write into the changelog.
    pub(super) fn changes(&self) -> impl ExactSizeIterator<Item = Record> {
        self.overlay.writes().map(|(key, row)| changelog::encode(key, row))
    }

    /// The overlay goes into the store.
    pub(super) fn apply(&mut self) -> Result<Written, StoreError> {
        let mut written = Written::default();
        if self.overlay.is_empty() {
            return Ok(written);
        }
        let (bytes, layout) = (self.bytes.as_mut(), &mut self.layout);
        let mut writes: Vec<_> = self.overlay.writes().collect();
        // In order they go into either backend in half the time, which is more than the sorting takes.
        writes.sort_unstable_by_key(|(key, _)| *key);
        let put = writes.into_iter().try_for_each(|(key, row)| put(bytes, layout, key, row, &mut written));
        put.and_then(|()| self.bytes.write()).map_err(|why| self.failed(why))?;
        self.overlay.clear();
        Ok(written)
    }

    /// The overlay is dropped.
    pub(super) fn discard(&mut self) {
        self.overlay.clear();
    }

    /// Takes records of the changelog.
    pub(super) fn restore(&mut self, records: &[ConsumedRecord]) -> Result<Written, StoreError> {
        let mut written = Written::default();
        let (bytes, layout) = (self.bytes.as_mut(), &mut self.layout);
        if bytes.is_filled() {
            let mut writes = records.iter().filter_map(|consumed| changelog::decode(&consumed.record));
            let put = writes.try_for_each(|(key, row)| put(bytes, layout, key, row.as_ref(), &mut written));
            put.and_then(|()| bytes.write()).map_err(|why| self.failed(why))?;
            return Ok(written);
        }
        // What one batch overwrites itself is not written, but read again after a crash: it counts as a record.
        let mut writes: Vec<_> = records.iter().filter_map(|consumed| changelog::decode(&consumed.record)).collect();
        // As `apply`; the sort is stable, so the last record of a key stays the last one, and is the only one that counts.
        writes.sort_by_key(|(key, _)| *key);
        let mut last = writes.chunk_by(|(a, _), (b, _)| a == b).filter_map(<[_]>::last);
        let put = last.try_for_each(|(key, row)| put(bytes, layout, key, row.as_ref(), &mut written));
        put.and_then(|()| self.bytes.write()).map_err(|why| self.failed(why))?;
        written.records = records.len() as u64;
        Ok(written)
    }

    /// Its backend, to be filled, and what to call it in errors.
    pub(super) fn backend(&mut self) -> (&Arc<str>, &mut dyn OrderedBytes) {
        (&self.name, self.bytes.as_mut())
    }

    fn decoded(&self, bytes: Option<Bytes>) -> Result<Option<Row>, StoreError> {
        bytes.map(Row::decode).transpose().map_err(|why| self.corrupted(why))
    }

    fn corrupted(&self, why: String) -> StoreError {
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
