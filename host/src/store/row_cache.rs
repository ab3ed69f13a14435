//! Rows by hash, some of them newer than what they stand in front of. They are in two generations: what is looked up moves to the young one, and
//! for room the old one goes. Then the young one is the old one.

use std::hash::BuildHasher;
use std::mem;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// What a row takes up beside its key and value: its entry and its share of the table's free ones, and what the allocator adds.
const ENTRY_BYTES: usize = 64;
/// What a small row takes up: its entry and its share of the free ones.
const SMALL_ENTRY_BYTES: usize = 56;
/// Key and value of a small row: as many as an entry has room for anyway.
const SMALL_BYTES: usize = 28;

/// A row. Its key and value stand one behind the other: in the table itself where they are small, since a look at memory elsewhere costs as much
/// as all the rest of a look-up.
#[derive(Debug)]
enum Cached {
    Small { state: State, key_bytes: u8, all_bytes: u8, bytes: [u8; SMALL_BYTES] },
    Large { state: State, key_bytes: usize, bytes: Box<[u8]> },
}

const _: () = assert!(size_of::<Cached>() == 32);

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
        let value = value.unwrap_or_default();
        let (key_bytes, all_bytes) = (key.len(), key.len() + value.len());
        if all_bytes > SMALL_BYTES {
            return Self::Large { state, key_bytes, bytes: [key, value].concat().into() };
        }
        let mut bytes = [0; SMALL_BYTES];
        bytes[..key_bytes].copy_from_slice(key);
        bytes[key_bytes..all_bytes].copy_from_slice(value);
        Self::Small { state, key_bytes: key_bytes as u8, all_bytes: all_bytes as u8, bytes }
    }

    /// Key and value, whatever the state is.
    fn parts(&self) -> (&[u8], &[u8]) {
        match self {
            Self::Small { key_bytes, all_bytes, bytes, .. } => bytes[..*all_bytes as usize].split_at(*key_bytes as usize),
            Self::Large { key_bytes, bytes, .. } => bytes.split_at(*key_bytes),
        }
    }

    fn key(&self) -> &[u8] {
        self.parts().0
    }

    fn value(&self) -> Option<&[u8]> {
        (self.state() != State::Deleted).then(|| self.parts().1)
    }

    fn state(&self) -> State {
        let (Self::Small { state, .. } | Self::Large { state, .. }) = self;
        *state
    }

    fn set_state(&mut self, to: State) {
        let (Self::Small { state, .. } | Self::Large { state, .. }) = self;
        *state = to;
    }

    fn size(&self) -> usize {
        match self {
            Self::Small { .. } => SMALL_ENTRY_BYTES,
            Self::Large { bytes, .. } => ENTRY_BYTES + bytes.len(),
        }
    }

    fn set(&mut self, value: Option<&[u8]>, to: State) {
        let new = value.unwrap_or_default();
        match self {
            Self::Small { state, key_bytes, all_bytes, bytes } if *key_bytes as usize + new.len() <= SMALL_BYTES => {
                let (begin, end) = (*key_bytes as usize, *key_bytes as usize + new.len());
                bytes[begin..end].copy_from_slice(new);
                (*state, *all_bytes) = (to, end as u8);
            }
            Self::Large { state, key_bytes, bytes } if *key_bytes + new.len() == bytes.len() => {
                bytes[*key_bytes..].copy_from_slice(new);
                *state = to;
            }
            _ => *self = Self::new(self.key(), value, to),
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
                    *dirty -= usize::from(row.state() != State::Clean);
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
        sorted(self.old.iter())
    }

    /// The backend has all writes now.
    pub(super) fn written(&mut self) {
        let Self { young, old, bytes, dirty, .. } = self;
        for rows in [young, old] {
            rows.retain(|row| {
                let stays = row.state() != State::Deleted;
                row.set_state(State::Clean);
                *bytes -= if stays { 0 } else { row.size() };
                stays
            });
        }
        *dirty = 0;
        (self.known, self.unknown) = (0, 0);
    }

    /// Makes some rows old where none is: half of them, since nothing tells which are looked up.
    pub(super) fn age(&mut self) {
        if !self.old.is_empty() {
            return;
        }
        let half = self.young.len().div_ceil(2);
        for row in self.young.extract_if(|_| true).take(half) {
            let hash = self.hasher.hash_one(row.key());
            self.old.insert_unique(hash, row, |row| self.hasher.hash_one(row.key()));
        }
    }

    /// Forgets the old rows, those that were not looked up for the longest time. The others are old now.
    pub(super) fn shrink(&mut self) {
        let gone = mem::replace(&mut self.old, mem::take(&mut self.young));
        self.bytes -= gone.iter().map(Cached::size).sum::<usize>();
        self.dirty -= gone.iter().filter(|row| row.state() != State::Clean).count();
    }

    /// Rows that there are, as far as this knows.
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// What it takes up.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
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
            let (bytes, was_dirty) = (row.size(), usize::from(row.state() != State::Clean));
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
                self.dirty -= usize::from(row.state() != State::Clean);
            }
        }
    }
}

fn sorted<'c>(rows: impl Iterator<Item = &'c Cached>) -> Vec<Write<'c>> {
    let mut writes: Vec<Write<'c>> = rows.filter(|row| row.state() != State::Clean).map(|row| (row.key(), row.value())).collect();
    writes.sort_unstable_by_key(|(key, _)| *key);
    writes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> [u8; 4] {
        number.to_be_bytes()
    }

    fn known(cache: &mut RowCache, numbers: std::ops::Range<u32>) -> usize {
        numbers.filter(|&number| cache.get(&key(number)).is_some()).count()
    }

    #[test]
    fn small_rows_and_large_ones_become_each_other() {
        let mut cache = RowCache::default();
        let long = vec![7; SMALL_BYTES];
        for value in [&b""[..], &long[..SMALL_BYTES - 4], &long[..SMALL_BYTES - 3], &long, b"v", &long[1..], &long[2..], b""] {
            cache.put(&key(1), Some(value));
            assert_eq!(cache.get(&key(1)), Some(Some(value)));
            assert_eq!(cache.bytes(), Cached::new(&key(1), Some(value), State::Dirty).size());
        }
        cache.put(&key(1), None);
        assert_eq!(cache.get(&key(1)), Some(None));
        cache.put(&long, None);
        assert_eq!(cache.get(&long), Some(None));
        assert_eq!(cache.writes(), [(&key(1)[..], None), (&long, None)]);
    }

    #[test]
    fn for_room_go_half_the_rows_and_then_those_that_were_not_looked_up() {
        let mut cache = RowCache::default();
        (0..100).for_each(|number| cache.note(&key(number), b"v"));
        let bytes = cache.bytes();
        cache.age();
        cache.shrink();
        assert_eq!((cache.len(), cache.bytes()), (50, bytes / 2));
        // Of those that are left none is young but what is looked up.
        let left: Vec<u32> = (0..100).filter(|&number| cache.old.iter().any(|row| row.key() == key(number))).collect();
        left[..10].iter().for_each(|&number| assert!(cache.get(&key(number)).is_some()));
        (100..120).for_each(|number| cache.put(&key(number), Some(b"w")));
        cache.age();
        assert!(cache.oldest_writes().is_empty());
        cache.shrink();
        assert_eq!((cache.len(), known(&mut cache, 100..120), cache.dirty()), (30, 20, 20));
        assert!(left[..10].iter().all(|&number| cache.get(&key(number)).is_some()));
    }

    #[test]
    fn to_the_last_row_something_goes_and_its_write_is_told_before() {
        let mut cache = RowCache::default();
        (0..3).for_each(|number| cache.put(&key(number), Some(b"v")));
        let mut told = 0;
        while cache.len() > 0 {
            cache.age();
            told += cache.oldest_writes().len();
            cache.shrink();
        }
        assert_eq!((told, cache.bytes(), cache.dirty()), (3, 0, 0));
    }
}
