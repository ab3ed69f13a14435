//! The writes of the running transaction to one store, in the order of their keys.

use std::collections::BTreeMap;
use std::collections::btree_map::{Entry, Range};
use std::ops::Bound;

use bytes::{Bytes, BytesMut};

use super::Row;

/// What an overlay held for a key before a write.
#[derive(Debug)]
pub(super) enum Before {
    /// Nothing: the store's row was seen.
    Nothing,
    /// A write of the same transaction; `None` is a delete.
    Write(Option<Row>),
}

/// The writes of the running transaction to one store.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    writes: BTreeMap<Bytes, Option<Row>>,
}

impl Overlay {
    /// The write to a key, if there is one; its row is `None` where it is a delete.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Option<Row>> {
        self.writes.get(key)
    }

    /// Writes, and tells the key as it is kept and what was there before.
    pub(super) fn put(&mut self, key: Bytes, row: Option<Row>) -> (Bytes, Before) {
        match self.writes.entry(key) {
            Entry::Occupied(mut write) => {
                let before = write.insert(row);
                (write.key().clone(), Before::Write(before))
            }
            Entry::Vacant(write) => {
                let key = write.key().clone();
                write.insert(row);
                (key, Before::Nothing)
            }
        }
    }

    /// Undoes a write.
    pub(super) fn put_back(&mut self, key: Bytes, before: Before) {
        match before {
            Before::Nothing => self.writes.remove(&key),
            Before::Write(row) => self.writes.insert(key, row),
        };
    }

    /// The writes between two bounds that are the right way round.
    pub(super) fn range(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> Range<'_, Bytes, Option<Row>> {
        self.writes.range::<[u8], _>((lower, upper))
    }

    /// All writes, in the order of their keys.
    pub(super) fn writes(&self) -> impl ExactSizeIterator<Item = (&Bytes, Option<&Row>)> {
        self.writes.iter().map(|(key, row)| (key, row.as_ref()))
    }

    /// True without writes.
    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Forgets all writes.
    pub(super) fn clear(&mut self) {
        self.writes.clear();
    }
}

/// Makes keys for overlays. They share large buffers, so that a key costs no allocation of its own; all of a buffer lives as long as one of
/// its keys, which is why nothing keeps them beyond the transaction.
#[derive(Debug, Default)]
pub(super) struct Keys {
    buffer: BytesMut,
}

/// Size of a buffer of keys.
const BUFFER_BYTES: usize = 64 << 10;

impl Keys {
    /// A copy of the key.
    pub(super) fn make(&mut self, key: &[u8]) -> Bytes {
        if self.buffer.capacity() - self.buffer.len() < key.len() {
            self.buffer = BytesMut::with_capacity(BUFFER_BYTES.max(key.len()));
        }
        self.buffer.extend_from_slice(key);
        self.buffer.split().freeze()
    }
}
