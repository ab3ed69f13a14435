//! The resource `entries`: iterators that seek anew for each chunk, so that nothing of the store is held between two of them.

use std::ops::Bound;

use bytes::Bytes;
use wasmtime::component::Resource;

use super::bindings::cofferdam::processor::stores::{Entries, Entry, HostEntries};
use super::key_value::row_to_guest;
use super::packed;
use super::state::State;
use crate::limits;
use crate::store::{Row, ScanOrder, StoreError, TaskStores};

/// Where an iterator stands.
#[derive(Debug)]
pub(super) struct Cursor {
    store: usize,
    lower: Bound<Vec<u8>>,
    upper: Bound<Vec<u8>>,
    order: ScanOrder,
    at_end: bool,
}

impl Cursor {
    /// Bounds that are the wrong way round give nothing.
    pub(super) fn new(store: usize, lower: Bound<Vec<u8>>, upper: Bound<Vec<u8>>, order: ScanOrder) -> Self {
        let at_end = match (&lower, &upper) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
            (Bound::Included(lower) | Bound::Excluded(lower), Bound::Included(upper) | Bound::Excluded(upper)) => lower >= upper,
        };
        Self { store, lower, upper, order, at_end }
    }

    /// The next rows: up to `max_rows`, and no more once they have `max_bytes`; none at the end.
    fn read(&mut self, stores: &mut TaskStores, max_rows: usize, max_bytes: usize) -> Result<Vec<(Bytes, Row)>, StoreError> {
        let mut rows: Vec<(Bytes, Row)> = Vec::new();
        let mut bytes = 0;
        while !self.at_end && rows.len() < max_rows && bytes < max_bytes {
            let wanted = limits::ROWS_READ_AT_ONCE.min(max_rows - rows.len());
            let part = stores.scan(self.store, as_slice(&self.lower), as_slice(&self.upper), self.order, wanted)?;
            self.at_end = part.is_empty();
            let short = part.len() < wanted;
            for (key, row) in part {
                bytes += key.len() + row.value.len();
                rows.push((key, row));
                if bytes >= max_bytes {
                    break;
                }
            }
            if let Some((last, _)) = rows.last() {
                self.go_on_behind(last);
            }
            if short {
                break;
            }
        }
        Ok(rows)
    }

    fn go_on_behind(&mut self, key: &[u8]) {
        match self.order {
            ScanOrder::Ascending => self.lower = Bound::Excluded(key.to_vec()),
            ScanOrder::Descending => self.upper = Bound::Excluded(key.to_vec()),
        }
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

/// The iterators of one call. A handle tells the call it belongs to, so that one which outlives its call is known for what it is.
#[derive(Debug, Default)]
pub(super) struct Iterators {
    slots: Vec<Option<Cursor>>,
    generation: u32,
}

const SLOTS: u32 = limits::ITERATORS as u32;

impl Iterators {
    /// A handle for a new iterator; none when too many are open.
    pub(super) fn open(&mut self, cursor: Cursor) -> Option<u32> {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if free >= limits::ITERATORS {
            return None;
        }
        self.slots.resize_with(self.slots.len().max(free + 1), || None);
        self.slots[free] = Some(cursor);
        Some(self.generation * SLOTS + u32::try_from(free).ok()?)
    }

    fn slot(&mut self, handle: u32) -> Option<&mut Option<Cursor>> {
        let slot = self.slots.get_mut((handle % SLOTS) as usize);
        slot.filter(|_| handle / SLOTS == self.generation)
    }

    /// The call is over, and every iterator with it.
    pub(super) fn end_all(&mut self) {
        if !self.slots.is_empty() {
            self.slots.clear();
            self.generation = (self.generation + 1) % (u32::MAX / SLOTS);
        }
    }
}

impl HostEntries for State {
    fn next(&mut self, handle: Resource<Entries>, max: u32) -> wasmtime::Result<Vec<Entry>> {
        let max = (max as usize).min(limits::ITERATOR_CHUNK_ROWS);
        let rows = self.chunk(handle.rep(), max, limits::ITERATOR_CHUNK_BYTES)?;
        Ok(rows.into_iter().map(|(key, row)| Entry { key: key.into(), row: row_to_guest(row) }).collect())
    }

    fn next_packed(&mut self, handle: Resource<Entries>, max_bytes: u32) -> wasmtime::Result<Vec<u8>> {
        let max_bytes = (max_bytes as usize).clamp(1, limits::ITERATOR_CHUNK_BYTES);
        let rows = self.chunk(handle.rep(), limits::ITERATOR_CHUNK_ROWS, max_bytes)?;
        packed::write_entries(&rows).ok_or_else(|| self.broken_rule(packed::TOO_LARGE))
    }

    fn drop(&mut self, handle: Resource<Entries>) -> wasmtime::Result<()> {
        if let Some(slot) = self.iterators.slot(handle.rep()) {
            *slot = None;
        }
        Ok(())
    }
}

impl State {
    fn chunk(&mut self, handle: u32, max_rows: usize, max_bytes: usize) -> wasmtime::Result<Vec<(Bytes, Row)>> {
        if max_rows == 0 {
            return Err(self.broken_rule("an iterator was asked for 0 entries; the least is 1"));
        }
        let Some(mut cursor) = self.iterators.slot(handle).and_then(Option::take) else {
            return Err(self.broken_rule("an iterator was used after the call that opened it"));
        };
        let rows = self.with_stores(|stores, _| cursor.read(stores, max_rows, max_bytes))?;
        if let Some(slot) = self.iterators.slot(handle) {
            *slot = Some(cursor);
        }
        Ok(rows)
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

    #[test]
    fn bounds_the_wrong_way_round_are_at_their_end() {
        let (a, b) = (b"a".to_vec(), b"b".to_vec());
        let cases = [
            (Bound::Included(b.clone()), Bound::Included(a.clone()), true),
            (Bound::Included(a.clone()), Bound::Included(a.clone()), false),
            (Bound::Excluded(a.clone()), Bound::Included(a.clone()), true),
            (Bound::Excluded(a.clone()), Bound::Excluded(a.clone()), true),
            (Bound::Included(a), Bound::Excluded(b.clone()), false),
            (Bound::Included(b), Bound::Unbounded, false),
        ];
        for (lower, upper, at_end) in cases {
            let shown = format!("{lower:?} {upper:?}");
            assert_eq!(Cursor::new(0, lower, upper, ScanOrder::Ascending).at_end, at_end, "{shown}");
        }
    }

    #[test]
    fn handle_of_an_earlier_call_opens_nothing() {
        let cursor = || Cursor::new(0, Bound::Unbounded, Bound::Unbounded, ScanOrder::Ascending);
        let mut all = Iterators::default();
        let old = all.open(cursor()).unwrap();
        all.end_all();
        let new = all.open(cursor()).unwrap();
        assert!(all.slot(old).is_none());
        assert!(all.slot(new).is_some_and(|slot| slot.is_some()));
    }

    #[test]
    fn dropped_iterators_make_room() {
        let cursor = || Cursor::new(0, Bound::Unbounded, Bound::Unbounded, ScanOrder::Ascending);
        let mut all = Iterators::default();
        let handles: Vec<u32> = (0..limits::ITERATORS).map(|_| all.open(cursor()).unwrap()).collect();
        assert_eq!(all.open(cursor()), None);
        *all.slot(handles[7]).unwrap() = None;
        assert_eq!(all.open(cursor()), Some(handles[7]));
    }
}
