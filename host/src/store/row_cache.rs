//! Rows by hash, some of them newer than what they stand in front of. They are in two generations: what is looked up moves to the young one, and
//! for room the old one goes.

use std::hash::BuildHasher;
use std::mem;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// What a row takes up beside its key and value: its entry and its share of the table's free ones, and what the allocator adds.
const ENTRY_BYTES: usize = 64;

/// A row. Its key and value stand in one piece of memory.
#[derive(Debug)]
struct Cached {
    bytes: Box<[u8]>,
    key_bytes: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As in the backend.
    Clean,
    /// Newer than the backend's.
    Dirty,
    /// Deleted, and the backend does not know of it. There is no value.
    Deleted,
}

impl Cached {
    fn new(key: &[u8], value: Option<&[u8]>, state: State) -> Self {
        let bytes = [key, value.unwrap_or_default()].concat().into();
        Self { bytes, key_bytes: key.len(), state }
    }

    fn key(&self) -> &[u8] {
        &self.bytes[..self.key_bytes]
    }

    fn value(&self) -> Option<&[u8]> {
        (self.state != State::Deleted).then(|| &self.bytes[self.key_bytes..])
    }

    fn size(&self) -> usize {
        ENTRY_BYTES + self.bytes.len()
    }

    fn set(&mut self, value: Option<&[u8]>, state: State) {
        let value_bytes = value.map_or(0, <[u8]>::len);
        self.state = state;
        if self.bytes.len() == self.key_bytes + value_bytes {
            self.bytes[self.key_bytes..].copy_from_slice(value.unwrap_or_default());
        } else {
            *self = Self::new(self.key(), value, state);
        }
    }
}

/// Rows by key. The hash is seeded, since keys come from anybody.
#[derive(Debug, Default)]
pub(super) struct RowCache {
    hasher: RandomState,
    /// No key is in both.
    young: HashTable<Cached>,
    old: HashTable<Cached>,
    bytes: usize,
    /// Rows that the backend does not have as they are.
    dirty: usize,
    /// Writes since the backend had all of them: of keys that were known, and of others.
    known: usize,
    unknown: usize,
}

/// A row on its way into the backend; `None` deletes.
pub(super) type Write<'c> = (&'c [u8], Option<&'c [u8]>);

impl RowCache {
    /// What is known of a key: its value, or `None` where it was deleted.
    pub(super) fn get(&mut self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.find(key).map(|row| row.value())
    }

    /// A write that the backend does not have.
    pub(super) fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        let rows = self.len();
        self.set(key, value, if value.is_some() { State::Dirty } else { State::Deleted });
        let is_known = self.len() == rows;
        self.known += usize::from(is_known);
        self.unknown += usize::from(!is_known);
    }

    /// A row as the backend has it.
    pub(super) fn note(&mut self, key: &[u8], value: &[u8]) {
        self.set(key, Some(value), State::Clean);
    }

    /// A write that the backend has as well: what is known of the key is made the same.
    pub(super) fn follow(&mut self, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(value) if self.find(key).is_some() => self.note(key, value),
            Some(_) => {}
            None => self.forget(key),
        }
    }

    /// Forgets the rows from `from` (included) to `to` (excluded), and their writes with them.
    pub(super) fn forget_range(&mut self, from: &[u8], to: &[u8]) {
        let Self { young, old, bytes, dirty, .. } = self;
        for rows in [young, old] {
            rows.retain(|row| {
                let stays = row.key() < from || row.key() >= to;
                if !stays {
                    *bytes -= row.size();
                    *dirty -= usize::from(row.state != State::Clean);
                }
                stays
            });
        }
    }

    /// Rows of which the backend lacks a write.
    pub(super) fn dirty(&self) -> usize {
        self.dirty
    }

    /// Whether keys are written again while they are known. Else the backend gets as many writes however long they wait.
    pub(super) fn pays(&self) -> bool {
        self.known >= self.unknown
    }

    /// The writes that the backend lacks, in the order of their keys.
    pub(super) fn writes(&self) -> Vec<Write<'_>> {
        sorted(self.young.iter().chain(&self.old))
    }

    /// Those of them that `shrink` would lose.
    pub(super) fn oldest_writes(&self) -> Vec<Write<'_>> {
        sorted(self.oldest().iter())
    }

    /// The backend has all writes now.
    pub(super) fn written(&mut self) {
        let Self { young, old, bytes, dirty, .. } = self;
        for rows in [young, old] {
            rows.retain(|row| {
                let stays = row.state != State::Deleted;
                row.state = State::Clean;
                *bytes -= if stays { 0 } else { row.size() };
                stays
            });
        }
        *dirty = 0;
        (self.known, self.unknown) = (0, 0);
    }

    /// Forgets the rows that were not looked up for the longest time.
    pub(super) fn shrink(&mut self) {
        if self.old.is_empty() {
            mem::swap(&mut self.young, &mut self.old);
        }
        let gone = mem::replace(&mut self.old, mem::take(&mut self.young));
        self.bytes -= gone.iter().map(Cached::size).sum::<usize>();
        self.dirty -= gone.iter().filter(|row| row.state != State::Clean).count();
    }

    /// Rows that there are, as far as this knows.
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// What it takes up.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What `shrink` drops.
    fn oldest(&self) -> &HashTable<Cached> {
        if self.old.is_empty() { &self.young } else { &self.old }
    }

    /// A row, which is young from now on.
    fn find(&mut self, key: &[u8]) -> Option<&mut Cached> {
        let hash = self.hasher.hash_one(key);
        let hasher = |row: &Cached| self.hasher.hash_one(row.key());
        match self.young.entry(hash, |row| row.key() == key, hasher) {
            Entry::Occupied(row) => Some(row.into_mut()),
            Entry::Vacant(_) if self.old.is_empty() => None,
            Entry::Vacant(room) => {
                let (row, _) = self.old.find_entry(hash, |row| row.key() == key).ok()?.remove();
                Some(room.insert(row).into_mut())
            }
        }
    }

    fn set(&mut self, key: &[u8], value: Option<&[u8]>, state: State) {
        let is_dirty = usize::from(state != State::Clean);
        if let Some(row) = self.find(key) {
            let (bytes, was_dirty) = (row.size(), usize::from(row.state != State::Clean));
            row.set(value, state);
            let now = row.size();
            self.bytes = self.bytes + now - bytes;
            self.dirty = self.dirty + is_dirty - was_dirty;
            return;
        }
        let row = Cached::new(key, value, state);
        self.bytes += row.size();
        self.dirty += is_dirty;
        let hash = self.hasher.hash_one(key);
        self.young.insert_unique(hash, row, |row| self.hasher.hash_one(row.key()));
    }

    fn forget(&mut self, key: &[u8]) {
        let hash = self.hasher.hash_one(key);
        for rows in [&mut self.young, &mut self.old] {
            if let Ok(found) = rows.find_entry(hash, |row| row.key() == key) {
                let (row, _) = found.remove();
                self.bytes -= row.size();
                self.dirty -= usize::from(row.state != State::Clean);
            }
        }
    }
}

fn sorted<'c>(rows: impl Iterator<Item = &'c Cached>) -> Vec<Write<'c>> {
    let mut writes: Vec<Write<'c>> = rows.filter(|row| row.state != State::Clean).map(|row| (row.key(), row.value())).collect();
    writes.sort_unstable_by_key(|(key, _)| *key);
    writes
}
