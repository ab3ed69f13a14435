//! The resource `entries`: iterators over key-value stores.

use std::ops::Bound;

use bytes::Bytes;
use wasmtime::component::Resource;

use super::bindings::cofferdam::processor::stores::{Entries, Entry, HostEntries};
use super::iterators::{AtMost, Place, Progress};
use super::key_value::row_to_guest;
use super::packed;
use super::state::State;
use crate::store::{Row, ScanOrder, StoreError, TaskStores};

/// Where an iterator stands.
#[derive(Debug)]
pub(super) struct Cursor {
    store: usize,
    lower: Bound<Vec<u8>>,
    upper: Bound<Vec<u8>>,
    progress: Progress<Bytes>,
}

impl Cursor {
    /// Bounds that are the wrong way round give nothing.
    pub(super) fn new(store: usize, lower: Bound<Vec<u8>>, upper: Bound<Vec<u8>>, order: ScanOrder) -> Self {
        Self { store, lower, upper, progress: Progress::new(order) }
    }

    /// The next rows; none at the end.
    fn read(&mut self, stores: &mut TaskStores, at_most: AtMost) -> Result<Vec<(Bytes, Row)>, StoreError> {
        let Self { store, lower, upper, progress } = self;
        let order = progress.order;
        progress.read(
            at_most,
            |key, row: &Row| key.len() + row.value.len(),
            |after, max| {
                let after = after.map(|key| Bound::Excluded(&key[..]));
                let (lower, upper) = match order {
                    ScanOrder::Ascending => (after.unwrap_or(as_slice(lower)), as_slice(upper)),
                    ScanOrder::Descending => (as_slice(lower), after.unwrap_or(as_slice(upper))),
                };
                stores.scan(*store, lower, upper, order, max)
            },
        )
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Unbounded => Bound::Unbounded,
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
    }
}

/// The range of all keys with this prefix.
pub(super) fn prefix_bounds(prefix: Vec<u8>) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let mut above = prefix.clone();
    while above.pop_if(|last| *last == u8::MAX).is_some() {}
    let upper = match above.last_mut() {
        Some(last) => {
            *last += 1;
            Bound::Excluded(above)
        }
        None => Bound::Unbounded,
    };
    (Bound::Included(prefix), upper)
}

impl HostEntries for State {
    fn next(&mut self, handle: Resource<Entries>, max: u32) -> wasmtime::Result<Vec<Entry>> {
        let rows = self.entries(handle.rep(), AtMost::rows(max))?;
        Ok(rows.into_iter().map(|(key, row)| Entry { key: key.into(), row: row_to_guest(row) }).collect())
    }

    fn next_packed(&mut self, handle: Resource<Entries>, max_bytes: u32) -> wasmtime::Result<Vec<u8>> {
        let rows = self.entries(handle.rep(), AtMost::bytes(max_bytes))?;
        packed::write_entries(&rows).ok_or_else(|| self.broken_rule(packed::TOO_LARGE))
    }

    fn drop(&mut self, handle: Resource<Entries>) -> wasmtime::Result<()> {
        self.iterators.drop(handle.rep());
        Ok(())
    }
}

impl State {
    fn entries(&mut self, handle: u32, at_most: AtMost) -> wasmtime::Result<Vec<(Bytes, Row)>> {
        self.chunk(handle, at_most, |place, stores, at_most| match place {
            Place::Entries(cursor) => Some(cursor.read(stores, at_most)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_ends_before_the_next_prefix() {
        let cases: [(&[u8], Bound<Vec<u8>>); 4] = [
            (b"ab", Bound::Excluded(b"ac".to_vec())),
            (b"a\xff\xff", Bound::Excluded(b"b".to_vec())),
            (b"\xff", Bound::Unbounded),
            (b"", Bound::Unbounded),
        ];
        for (prefix, upper) in cases {
            assert_eq!(prefix_bounds(prefix.to_vec()), (Bound::Included(prefix.to_vec()), upper));
        }
    }
}
