//! The resources `window` and `window-entries`.

use std::ops::Bound as KeyBound;
use std::time::Duration;

use bytes::Bytes;
use wasmtime::component::Resource;

use super::bindings::cofferdam::processor::stores::{
    self, Access, Bound, HostWindow, HostWindowEntries, OpenError, Order, Window, WindowEntries, WindowEntry, WindowKey, WindowWrite,
};
use super::iterators::{AtMost, Place, Progress};
use super::key_value::{bound, new_row, row_to_guest, scan_order};
use super::packed;
use super::state::State;
use crate::limits;
use crate::record::Timestamp;
use crate::store::{self, Next, Row, StoreError, TaskStores};
use crate::topology::{StoreKind, StoreShape};

/// Which windows an iterator shows.
#[derive(Debug)]
enum Which {
    Of(Vec<u8>),
    Between(KeyBound<Vec<u8>>, KeyBound<Vec<u8>>),
    All,
}

/// Where an iterator over a window store stands.
#[derive(Debug)]
pub(super) struct WindowCursor {
    store: usize,
    which: Which,
    starts: (i64, i64),
    progress: Progress<store::WindowKey>,
}

impl WindowCursor {
    fn read(&mut self, stores: &mut TaskStores, at_most: AtMost) -> Result<Vec<(store::WindowKey, Row)>, StoreError> {
        let Self { store, which, starts, progress } = self;
        let order = progress.order;
        progress.read(
            at_most,
            |at, row: &Row| at.key().len() + row.value.len(),
            |after, max| {
                let next = Next { order, after, max };
                let mut windows = stores.windows(*store)?;
                match which {
                    Which::Of(key) => windows.fetch(key, *starts, next),
                    Which::Between(lower, upper) => {
                        windows.fetch_range((lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice)), *starts, next)
                    }
                    Which::All => windows.scan(*starts, next),
                }
            },
        )
    }
}

impl State {
    fn windows(
        &mut self,
        handle: &Resource<Window>,
        which: Which,
        starts: (i64, i64),
        order: Order,
    ) -> wasmtime::Result<Resource<WindowEntries>> {
        let store = self.readable(handle.rep())?;
        let progress = Progress::new(scan_order(order));
        self.iterate(Place::Windows(WindowCursor { store, which, starts, progress })).map(Resource::new_own)
    }

    fn next_windows(&mut self, handle: u32, at_most: AtMost) -> wasmtime::Result<Vec<(store::WindowKey, Row)>> {
        self.chunk(handle, at_most, |place, stores, at_most| match place {
            Place::Windows(cursor) => Some(cursor.read(stores, at_most)),
            _ => None,
        })
    }

    /// Size and retention.
    fn window_shape(&mut self, handle: &Resource<Window>) -> wasmtime::Result<(Duration, Duration)> {
        match self.shape(handle.rep())? {
            StoreShape::Window { size, retention, .. } => Ok((size, retention)),
            _ => Err(self.broken_rule("no such store handle")),
        }
    }

    fn read_windows<'k>(&mut self, store: usize, keys: impl Iterator<Item = (&'k [u8], i64)>) -> wasmtime::Result<Vec<Option<Row>>> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        for (key, start) in keys {
            let row = self.with_stores(|stores, _| stores.windows(store)?.get(key, start))?;
            bytes += row.as_ref().map_or(0, |row| row.value.len());
            self.check_read(bytes)?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// A window is two rows: itself, and its entry in the index by time.
    fn check_window(&mut self, key: usize, value: usize, timestamp: Option<i64>) -> wasmtime::Result<()> {
        self.check_row(key, value, timestamp)?;
        self.count_written(key)
    }
}

impl HostWindow for State {
    fn open(&mut self, name: String, access: Access) -> wasmtime::Result<Result<Resource<Window>, OpenError>> {
        Ok(State::open(self, &name, StoreKind::Window, access)?.map(Resource::new_own))
    }

    fn size_ms(&mut self, handle: Resource<Window>) -> wasmtime::Result<u64> {
        Ok(milliseconds(self.window_shape(&handle)?.0))
    }

    fn retention_ms(&mut self, handle: Resource<Window>) -> wasmtime::Result<u64> {
        Ok(milliseconds(self.window_shape(&handle)?.1))
    }

    fn get(&mut self, handle: Resource<Window>, key: Vec<u8>, start: i64) -> wasmtime::Result<Option<stores::Row>> {
        let store = self.readable(handle.rep())?;
        let row = self.with_stores(|stores, _| stores.windows(store)?.get(&key, start))?;
        Ok(row.map(row_to_guest))
    }

    fn get_many(&mut self, handle: Resource<Window>, keys: Vec<WindowKey>) -> wasmtime::Result<Vec<Option<stores::Row>>> {
        let store = self.readable(handle.rep())?;
        let rows = self.read_windows(store, keys.iter().map(|at| (&at.key[..], at.start)))?;
        Ok(rows.into_iter().map(|row| row.map(row_to_guest)).collect())
    }

    fn get_many_packed(&mut self, handle: Resource<Window>, keys: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        let store = self.readable(handle.rep())?;
        let keys = packed::read_keys(&keys).and_then(|keys| keys.into_iter().map(packed::split_window_key).collect::<Result<Vec<_>, _>>());
        let keys = keys.map_err(|broken| self.broken_rule(broken))?;
        let rows = self.read_windows(store, keys.into_iter())?;
        packed::write_rows(&rows).ok_or_else(|| self.broken_rule(packed::TOO_LARGE))
    }

    fn put(
        &mut self,
        handle: Resource<Window>,
        key: Vec<u8>,
        start: i64,
        value: Option<Vec<u8>>,
        timestamp: Option<i64>,
    ) -> wasmtime::Result<()> {
        let store = self.writable(handle.rep())?;
        self.check_window(key.len(), value.as_ref().map_or(0, Vec::len), timestamp)?;
        self.with_stores(|stores, now| {
            stores.windows(store)?.put(&key, start, value.map(|value| new_row(value, timestamp, now)));
            Ok(())
        })
    }

    fn put_many(&mut self, handle: Resource<Window>, writes: Vec<WindowWrite>) -> wasmtime::Result<()> {
        let store = self.writable(handle.rep())?;
        for write in &writes {
            self.check_window(write.key.key.len(), write.value.as_ref().map_or(0, Vec::len), write.timestamp)?;
        }
        self.with_stores(|stores, now| {
            let mut windows = stores.windows(store)?;
            for write in writes {
                let row = write.value.map(|value| new_row(value, write.timestamp, now));
                windows.put(&write.key.key, write.key.start, row);
            }
            Ok(())
        })
    }

    fn put_many_packed(&mut self, handle: Resource<Window>, writes: Vec<u8>) -> wasmtime::Result<()> {
        let store = self.writable(handle.rep())?;
        let writes = packed::read_writes(&Bytes::from(writes)).map_err(|broken| self.broken_rule(broken))?;
        for write in &writes {
            let (value, timestamp) = write.row.as_ref().map_or((0, None), |row| (row.value.len(), row.timestamp));
            self.check_window(write.key.len(), value, timestamp)?;
            packed::split_window_key(&write.key).map_err(|broken| self.broken_rule(broken))?;
        }
        self.with_stores(|stores, now| {
            let mut windows = stores.windows(store)?;
            for write in writes {
                let Ok((key, start)) = packed::split_window_key(&write.key) else { continue };
                let row = write.row.map(|row| Row { value: row.value, timestamp: row.timestamp.map_or(now, Timestamp) });
                windows.put(key, start, row);
            }
            Ok(())
        })
    }

    fn fetch(
        &mut self,
        handle: Resource<Window>,
        key: Vec<u8>,
        first: i64,
        last: i64,
        order: Order,
    ) -> wasmtime::Result<Resource<WindowEntries>> {
        self.windows(&handle, Which::Of(key), (first, last), order)
    }

    fn fetch_range(
        &mut self,
        handle: Resource<Window>,
        lower: Bound,
        upper: Bound,
        first: i64,
        last: i64,
        order: Order,
    ) -> wasmtime::Result<Resource<WindowEntries>> {
        self.windows(&handle, Which::Between(bound(lower), bound(upper)), (first, last), order)
    }

    fn scan(&mut self, handle: Resource<Window>, first: i64, last: i64, order: Order) -> wasmtime::Result<Resource<WindowEntries>> {
        self.windows(&handle, Which::All, (first, last), order)
    }

    fn drop(&mut self, _handle: Resource<Window>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl HostWindowEntries for State {
    fn next(&mut self, handle: Resource<WindowEntries>, max: u32) -> wasmtime::Result<Vec<WindowEntry>> {
        let rows = self.next_windows(handle.rep(), AtMost::rows(max))?;
        let entry = |(at, row): (store::WindowKey, Row)| WindowEntry {
            key: WindowKey { key: at.key().to_vec(), start: at.start() },
            row: row_to_guest(row),
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    fn next_packed(&mut self, handle: Resource<WindowEntries>, max_bytes: u32) -> wasmtime::Result<Vec<u8>> {
        let rows = self.next_windows(handle.rep(), AtMost::bytes(max_bytes))?;
        let rows: Vec<(Bytes, Row)> =
            rows.into_iter().map(|(at, row)| (packed::join_window_key(at.key(), at.start()).into(), row)).collect();
        packed::write_entries(&rows).ok_or_else(|| self.broken_rule(packed::TOO_LARGE))
    }

    fn drop(&mut self, handle: Resource<WindowEntries>) -> wasmtime::Result<()> {
        self.iterators.drop(handle.rep());
        Ok(())
    }
}

/// Milliseconds of a duration of the manifest.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl State {
    /// A guest may name one large row very often.
    fn check_read(&mut self, bytes: usize) -> wasmtime::Result<()> {
        if bytes > limits::HOST_CALL_BYTES {
            return Err(self.broken_rule(super::key_value::too_many_bytes()));
        }
        Ok(())
    }
}
