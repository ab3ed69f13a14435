//! The iterators of one call. Each seeks anew for each chunk, so that nothing of a store is held between two of them.

use super::entries::Cursor;
use super::session::SessionCursor;
use super::state::State;
use super::versioned::VersionCursor;
use super::window::WindowCursor;
use crate::limits;
use crate::store::{ScanOrder, StoreError, TaskStores};

/// Where an iterator stands, in a store of its kind.
#[derive(Debug)]
pub(super) enum Place {
    Entries(Cursor),
    Windows(WindowCursor),
    Sessions(SessionCursor),
    Versions(VersionCursor),
}

/// The iterators of one call. A handle tells the call it belongs to, so that one which outlives its call is known for what it is.
#[derive(Debug, Default)]
pub(super) struct Iterators {
    slots: Vec<Option<Place>>,
    generation: u32,
}

const SLOTS: u32 = limits::ITERATORS as u32;

impl Iterators {
    /// A handle for a new iterator; none when too many are open.
    pub(super) fn open(&mut self, place: Place) -> Option<u32> {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if free >= limits::ITERATORS {
            return None;
        }
        self.slots.resize_with(self.slots.len().max(free + 1), || None);
        self.slots[free] = Some(place);
        Some(self.generation * SLOTS + u32::try_from(free).ok()?)
    }

    fn slot(&mut self, handle: u32) -> Option<&mut Option<Place>> {
        let slot = self.slots.get_mut((handle % SLOTS) as usize);
        slot.filter(|_| handle / SLOTS == self.generation)
    }

    /// The guest lets go of an iterator.
    pub(super) fn drop(&mut self, handle: u32) {
        if let Some(slot) = self.slot(handle) {
            *slot = None;
        }
    }

    /// The call is over, and every iterator with it.
    pub(super) fn end_all(&mut self) {
        if !self.slots.is_empty() {
            self.slots.clear();
            self.generation = (self.generation + 1) % (u32::MAX / SLOTS);
        }
    }
}

impl State {
    /// Opens an iterator; gives its handle.
    pub(super) fn iterate(&mut self, place: Place) -> wasmtime::Result<u32> {
        self.env("stores")?;
        match self.iterators.open(place) {
            Some(handle) => Ok(handle),
            None => Err(self.broken_rule(format!("more than {} iterators are open in one call", limits::ITERATORS))),
        }
    }

    /// What an iterator gives next. `read`: nothing, where the iterator is of another kind.
    pub(super) fn chunk<T>(
        &mut self,
        handle: u32,
        at_most: AtMost,
        read: impl FnOnce(&mut Place, &mut TaskStores, AtMost) -> Option<Result<Vec<T>, StoreError>>,
    ) -> wasmtime::Result<Vec<T>> {
        if at_most.rows == 0 {
            return Err(self.broken_rule("an iterator was asked for 0 entries; the least is 1"));
        }
        let Some(mut place) = self.iterators.slot(handle).and_then(Option::take) else {
            return Err(self.broken_rule("an iterator was used after the call that opened it"));
        };
        let read = self.with_stores(|stores, _| read(&mut place, stores, at_most).transpose())?;
        if let Some(slot) = self.iterators.slot(handle) {
            *slot = Some(place);
        }
        read.ok_or_else(|| self.broken_rule("an iterator was used as one of another kind"))
    }
}

/// The size of a chunk: so many rows, and no more once they have so many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtMost {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

impl AtMost {
    /// As many rows as the guest asks for, and as it may have.
    pub(super) fn rows(asked: u32) -> Self {
        Self { rows: (asked as usize).min(limits::ITERATOR_CHUNK_ROWS), bytes: limits::ITERATOR_CHUNK_BYTES }
    }

    /// About as many bytes as the guest asks for, and as it may have.
    pub(super) fn bytes(asked: u32) -> Self {
        Self { rows: limits::ITERATOR_CHUNK_ROWS, bytes: (asked as usize).clamp(1, limits::ITERATOR_CHUNK_BYTES) }
    }
}

/// How far an iterator has come.
#[derive(Debug)]
pub(super) struct Progress<K> {
    pub(super) order: ScanOrder,
    /// The last key that was handed out.
    after: Option<K>,
    at_end: bool,
}

impl<K: Clone> Progress<K> {
    pub(super) fn new(order: ScanOrder) -> Self {
        Self { order, after: None, at_end: false }
    }

    /// The next rows, a few at a time, so that large ones are not read in vain. `read`: up to so many rows behind a key.
    pub(super) fn read<V>(
        &mut self,
        at_most: AtMost,
        size: impl Fn(&K, &V) -> usize,
        mut read: impl FnMut(Option<&K>, usize) -> Result<Vec<(K, V)>, StoreError>,
    ) -> Result<Vec<(K, V)>, StoreError> {
        let mut rows: Vec<(K, V)> = Vec::new();
        let mut bytes = 0;
        while !self.at_end && rows.len() < at_most.rows && bytes < at_most.bytes {
            let wanted = limits::ROWS_READ_AT_ONCE.min(at_most.rows - rows.len());
            let part = read(self.after.as_ref(), wanted)?;
            self.at_end = part.is_empty();
            let short = part.len() < wanted;
            for (key, value) in part {
                bytes += size(&key, &value);
                rows.push((key, value));
                if bytes >= at_most.bytes {
                    break;
                }
            }
            if let Some((last, _)) = rows.last() {
                self.after = Some(last.clone());
            }
            if short {
                break;
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use super::*;

    fn place() -> Place {
        Place::Entries(Cursor::new(0, Bound::Unbounded, Bound::Unbounded, ScanOrder::Ascending))
    }

    #[test]
    fn handle_of_an_earlier_call_opens_nothing() {
        let mut all = Iterators::default();
        let old = all.open(place()).unwrap();
        all.end_all();
        let new = all.open(place()).unwrap();
        assert!(all.slot(old).is_none());
        assert!(all.slot(new).is_some_and(|slot| slot.is_some()));
    }

    #[test]
    fn dropped_iterators_make_room() {
        let mut all = Iterators::default();
        let handles: Vec<u32> = (0..limits::ITERATORS).map(|_| all.open(place()).unwrap()).collect();
        assert!(all.open(place()).is_none());
        all.drop(handles[7]);
        assert_eq!(all.open(place()), Some(handles[7]));
    }

    #[test]
    fn chunk_ends_with_its_rows_or_its_bytes_and_goes_on_behind_its_last_row() {
        let mut progress = Progress::new(ScanOrder::Ascending);
        let read = |after: Option<&u32>, max| Ok((after.map_or(0, |after| after + 1)..200).take(max).map(|key| (key, 10)).collect());
        let mut chunk = |rows, bytes| {
            let rows = progress.read(AtMost { rows, bytes }, |_, bytes: &usize| *bytes, read).unwrap();
            (rows.len(), rows.last().map(|(key, _)| *key))
        };
        assert_eq!(chunk(3, 1_000), (3, Some(2)));
        assert_eq!(chunk(100, 25), (3, Some(5)));
        assert_eq!(chunk(100, 10_000), (100, Some(105)));
        assert_eq!(chunk(1_000, 100_000), (94, Some(199)));
        assert_eq!(chunk(1_000, 100_000), (0, None));
    }
}
