//! The resource `key-value`.

use bytes::Bytes;
use wasmtime::component::Resource;

use super::bindings::cofferdam::processor::stores::{self, Access, Bound, Entries, HostKeyValue, KeyValue, OpenError, Order, Write};
use super::entries::{Cursor, prefix_bounds};
use super::failing::size;
use super::iterators::Place;
use super::packed;
use super::state::State;
use crate::limits;
use crate::record::Timestamp;
use crate::store::{Row, ScanOrder, Shown};
use crate::topology::StoreKind;

impl HostKeyValue for State {
    fn open(&mut self, name: String, access: Access) -> wasmtime::Result<Result<Resource<KeyValue>, OpenError>> {
        Ok(State::open(self, &name, StoreKind::KeyValue, access)?.map(Resource::new_own))
    }

    fn get(&mut self, handle: Resource<KeyValue>, key: Vec<u8>) -> wasmtime::Result<Option<stores::Row>> {
        let store = self.readable(handle.rep())?;
        let row = self.with_stores(|stores, _| stores.get(store, &key))?;
        Ok(row.map(row_to_guest))
    }

    fn get_many(&mut self, handle: Resource<KeyValue>, keys: Vec<Vec<u8>>) -> wasmtime::Result<Vec<Option<stores::Row>>> {
        let store = self.readable(handle.rep())?;
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let mut rows = Vec::with_capacity(keys.len());
        self.show_many(store, &keys, |row| rows.push(row.map(shown_to_guest)))?;
        Ok(rows)
    }

    fn get_many_packed(&mut self, handle: Resource<KeyValue>, keys: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        let store = self.readable(handle.rep())?;
        let keys = packed::read_keys(&keys).map_err(|broken| self.broken_rule(broken))?;
        let mut rows = packed::Rows::new(keys.len());
        self.show_many(store, &keys, |row| rows.push(row))?;
        rows.finish().ok_or_else(|| self.broken_rule(packed::TOO_LARGE))
    }

    fn put(&mut self, handle: Resource<KeyValue>, key: Vec<u8>, value: Vec<u8>, timestamp: Option<i64>) -> wasmtime::Result<()> {
        let store = self.writable(handle.rep())?;
        self.check_row(key.len(), value.len(), timestamp)?;
        self.with_stores(|stores, now| stores.put(store, &key, Some(new_row(value, timestamp, now))))
    }

    fn delete(&mut self, handle: Resource<KeyValue>, key: Vec<u8>) -> wasmtime::Result<()> {
        let store = self.writable(handle.rep())?;
        self.count_written(key.len())?;
        self.with_stores(|stores, _| stores.put(store, &key, None))
    }

    fn put_many(&mut self, handle: Resource<KeyValue>, writes: Vec<Write>) -> wasmtime::Result<()> {
        let store = self.writable(handle.rep())?;
        for write in &writes {
            self.check_row(write.key.len(), write.value.as_ref().map_or(0, Vec::len), write.timestamp)?;
        }
        self.with_stores(|stores, now| {
            writes.into_iter().try_for_each(|write| {
                let row = write.value.map(|value| new_row(value, write.timestamp, now));
                stores.put(store, &write.key, row)
            })
        })
    }

    fn put_many_packed(&mut self, handle: Resource<KeyValue>, writes: Vec<u8>) -> wasmtime::Result<()> {
        let store = self.writable(handle.rep())?;
        // Values become slices of the one buffer, so nothing is copied again.
        let writes = packed::read_writes(&Bytes::from(writes)).map_err(|broken| self.broken_rule(broken))?;
        for write in &writes {
            let (value, timestamp) = write.row.as_ref().map_or((0, None), |row| (row.value.len(), row.timestamp));
            self.check_row(write.key.len(), value, timestamp)?;
        }
        self.with_stores(|stores, now| {
            writes.into_iter().try_for_each(|write| {
                let row = write.row.map(|row| Row { value: row.value, timestamp: row.timestamp.map_or(now, Timestamp) });
                stores.put(store, &write.key, row)
            })
        })
    }

    fn put_if_absent(
        &mut self,
        handle: Resource<KeyValue>,
        key: Vec<u8>,
        value: Vec<u8>,
        timestamp: Option<i64>,
    ) -> wasmtime::Result<Option<stores::Row>> {
        let store = self.writable(handle.rep())?;
        self.check_row(key.len(), value.len(), timestamp)?;
        let present = self.with_stores(|stores, now| {
            let present = stores.get(store, &key)?;
            if present.is_none() {
                stores.put(store, &key, Some(new_row(value, timestamp, now)))?;
            }
            Ok(present)
        })?;
        Ok(present.map(row_to_guest))
    }

    fn range(&mut self, handle: Resource<KeyValue>, lower: Bound, upper: Bound, order: Order) -> wasmtime::Result<Resource<Entries>> {
        let store = self.readable(handle.rep())?;
        let cursor = Cursor::new(store, bound(lower), bound(upper), scan_order(order));
        self.iterate(Place::Entries(cursor)).map(Resource::new_own)
    }

    fn prefix(&mut self, handle: Resource<KeyValue>, prefix: Vec<u8>, order: Order) -> wasmtime::Result<Resource<Entries>> {
        let store = self.readable(handle.rep())?;
        let (lower, upper) = prefix_bounds(prefix);
        let cursor = Cursor::new(store, lower, upper, scan_order(order));
        self.iterate(Place::Entries(cursor)).map(Resource::new_own)
    }

    fn approximate_count(&mut self, handle: Resource<KeyValue>) -> wasmtime::Result<u64> {
        let store = self.readable(handle.rep())?;
        self.with_stores(|stores, _| stores.approximate_count(store))
    }

    fn drop(&mut self, _handle: Resource<KeyValue>) -> wasmtime::Result<()> {
        // Handles are indexes into a list that holds each store once, so there is nothing to free.
        Ok(())
    }
}

impl State {
    /// Shows many rows, never more bytes of them than a call may carry: the guest may name one large row very often.
    fn show_many(&mut self, store: usize, keys: &[&[u8]], mut show: impl FnMut(Option<Shown<'_>>)) -> wasmtime::Result<()> {
        let mut bytes = 0;
        for keys in keys.chunks(limits::ROWS_READ_AT_ONCE) {
            let mut count = |row: Option<Shown<'_>>| {
                bytes += row.map_or(0, |(_, value)| value.len());
                show(row);
            };
            self.with_stores(|stores, _| stores.show_many(store, keys, &mut count))?;
            if bytes > limits::HOST_CALL_BYTES {
                return Err(self.broken_rule(too_many_bytes()));
            }
        }
        Ok(())
    }

    pub(super) fn check_row(&mut self, key: usize, value: usize, timestamp: Option<i64>) -> wasmtime::Result<()> {
        let bytes = key.saturating_add(value);
        if bytes > limits::RECORD_BYTES {
            let (bytes, most) = (size(bytes), size(limits::RECORD_BYTES));
            return Err(self.broken_rule(format!("a row of a store has {bytes}; the limit is {most}")));
        }
        if let Some(timestamp) = timestamp.filter(|&timestamp| timestamp < 0) {
            return Err(self.broken_rule(format!("a row of a store has the timestamp {timestamp}; it may not be negative")));
        }
        self.count_written(bytes)
    }

    /// Counts what is kept in memory until the commit. `bytes`: of the row's key and value.
    pub(super) fn count_written(&mut self, bytes: usize) -> wasmtime::Result<()> {
        let effort = &mut self.env("stores")?.effort;
        effort.written = effort.written.saturating_add(bytes.saturating_add(limits::ROW_BYTES));
        if effort.written > limits::WRITTEN_BYTES {
            return Err(self.broken_rule(format!("more than {} written to stores for one record", size(limits::WRITTEN_BYTES))));
        }
        Ok(())
    }
}

/// What is said of a call that reads too much.
pub(super) fn too_many_bytes() -> String {
    format!("more than {} of rows in one call", size(limits::HOST_CALL_BYTES))
}

/// A row that a guest puts; without a timestamp of its own it has `now`.
pub(super) fn new_row(value: Vec<u8>, timestamp: Option<i64>, now: Timestamp) -> Row {
    Row { value: value.into(), timestamp: timestamp.map_or(now, Timestamp) }
}

/// A row in the contract's words.
pub(super) fn row_to_guest(row: Row) -> stores::Row {
    stores::Row { value: row.value.into(), timestamp: row.timestamp.0 }
}

fn shown_to_guest((timestamp, value): Shown<'_>) -> stores::Row {
    stores::Row { value: value.into(), timestamp: timestamp.0 }
}

/// A bound in the host's words.
pub(super) fn bound(bound: Bound) -> std::ops::Bound<Vec<u8>> {
    match bound {
        Bound::Unbounded => std::ops::Bound::Unbounded,
        Bound::Included(key) => std::ops::Bound::Included(key),
        Bound::Excluded(key) => std::ops::Bound::Excluded(key),
    }
}

/// A direction in the host's words.
pub(super) fn scan_order(order: Order) -> ScanOrder {
    match order {
        Order::Ascending => ScanOrder::Ascending,
        Order::Descending => ScanOrder::Descending,
    }
}
