//! Rows by key, in memory: a list of rows, and an index into it by open addressing.
//!
//! Keys and written values lie one behind the other in buffers of the table, so that a row allocates nothing.

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::blobs::Place;
use crate::copy::{append, overwrite, same};

/// What is known of a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// There is no row.
    Absent,
    /// As the store has it, in one of its answers.
    Fetched { answer: usize, place: Place },
    /// As it was written, in the table's buffer.
    Written(Place),
}

#[derive(Debug)]
pub(super) struct Row {
    key: Place,
    hash: u64,
    /// Its place in the index.
    place: usize,
    pub(super) value: Value,
    pub(super) timestamp: Timestamp,
    /// The store does not have it yet.
    dirty: bool,
    /// It was fetched ahead, and nobody has read it yet.
    pub(super) ahead: bool,
}

/// Rows after which it counts as full. Bounds what a search can cost, too: keys may be chosen so that they collide.
const MOST_ROWS: usize = 8_192;
/// Bytes after which it counts as full.
const MOST_BYTES: usize = 4 << 20;
/// Buffers that have become larger are not kept.
const KEPT_BYTES: usize = 256 << 10;
/// The same for the rows.
const KEPT_ROWS: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
    /// Number of a row plus 1, or 0. Its length is a power of two, at least twice the number of rows.
    index: Vec<u32>,
    keys: Vec<u8>,
    written: Vec<u8>,
    /// What the store has answered.
    answers: Vec<Bytes>,
    fetched_bytes: usize,
    /// The row that was looked up last: what was read is mostly written next.
    last: usize,
    /// Numbers of the rows that the store does not have yet, each once.
    dirty: Vec<usize>,
}

impl Table {
    /// Whether it should be written back and cleared before more comes in.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= MOST_ROWS || self.keys.len() + self.written.len() + self.fetched_bytes >= MOST_BYTES
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn row(&mut self, number: usize) -> &mut Row {
        &mut self.rows[number]
    }

    pub(super) fn key(&self, number: usize) -> &[u8] {
        self.rows[number].key.of(&self.keys)
    }

    /// The bytes of a written value.
    pub(super) fn written(&self, place: Place) -> &[u8] {
        place.of(&self.written)
    }

    /// One of the store's answers.
    pub(super) fn answer(&self, answer: usize) -> &Bytes {
        &self.answers[answer]
    }

    pub(super) fn find(&mut self, key: &[u8]) -> Option<usize> {
        let last = self.last;
        // Rows that were fetched ahead stand in the order in which they are asked for.
        self.last = match () {
            () if self.is_of(last, key) => last,
            () if self.is_of(last + 1, key) => last + 1,
            () => self.search(key, hash(key)).ok()?,
        };
        Some(self.last)
    }

    fn is_of(&self, number: usize, key: &[u8]) -> bool {
        self.rows.get(number).is_some_and(|row| same(row.key.of(&self.keys), key))
    }

    /// The number of the key's row, or the place in the index where it would stand.
    fn search(&self, key: &[u8], hash: u64) -> Result<usize, usize> {
        if self.index.is_empty() {
            return Err(0);
        }
        let mut place = self.first_place(hash);
        loop {
            let Some(number) = (self.index[place] as usize).checked_sub(1) else { return Err(place) };
            if self.rows[number].hash == hash && same(self.key(number), key) {
                return Ok(number);
            }
            place = (place + 1) & (self.index.len() - 1);
        }
    }

    /// By the top bits of the hash: a multiplication mixes them best.
    fn first_place(&self, hash: u64) -> usize {
        (hash >> (u64::BITS - self.index.len().trailing_zeros())) as usize
    }

    /// The number of the key's row, which may be the one that was looked up last; a new one says that there is none.
    pub(super) fn find_or_insert(&mut self, key: &[u8]) -> usize {
        if self.is_of(self.last, key) { self.last } else { self.insert(key) }
    }

    /// The same, of a key that was not looked up just now.
    pub(super) fn insert(&mut self, key: &[u8]) -> usize {
        if self.index.len() < (self.rows.len() + 1) * 2 {
            self.grow();
        }
        let hash = hash(key);
        let place = match self.search(key, hash) {
            Ok(number) => return number,
            Err(place) => place,
        };
        let begin = self.keys.len();
        append(&mut self.keys, key);
        let key = Place { begin, end: self.keys.len() };
        self.rows.push(Row { key, hash, place, value: Value::Absent, timestamp: 0, dirty: false, ahead: false });
        self.index[place] = self.rows.len() as u32;
        self.rows.len() - 1
    }

    fn grow(&mut self) {
        let length = (self.index.len() * 2).max(16);
        self.index.clear();
        self.index.resize(length, 0);
        for number in 0..self.rows.len() {
            let mut place = self.first_place(self.rows[number].hash);
            while self.index[place] != 0 {
                place = (place + 1) & (length - 1);
            }
            self.index[place] = number as u32 + 1;
            self.rows[number].place = place;
        }
    }

    /// Keeps what the store has answered; gives its number.
    pub(super) fn keep(&mut self, answer: Bytes) -> usize {
        self.fetched_bytes += answer.len();
        self.answers.push(answer);
        self.answers.len() - 1
    }

    /// Puts in what the store has: a part of one of its answers.
    pub(super) fn fill(&mut self, number: usize, timestamp: Timestamp, answer: usize, place: Place) {
        let row = &mut self.rows[number];
        (row.timestamp, row.value) = (timestamp, Value::Fetched { answer, place });
    }

    /// Writes a row; no value deletes.
    pub(super) fn write(&mut self, number: usize, timestamp: Timestamp, value: Option<&[u8]>) {
        let row = &mut self.rows[number];
        row.timestamp = timestamp;
        if !row.dirty {
            row.dirty = true;
            self.dirty.push(number);
        }
        row.value = match (value, &row.value) {
            (None, _) => Value::Absent,
            // Counters and sums keep their length.
            (Some(value), Value::Written(old)) if old.len() == value.len() => {
                overwrite(&mut self.written[old.begin..old.end], value);
                return;
            }
            (Some(value), _) => {
                let begin = self.written.len();
                append(&mut self.written, value);
                Value::Written(Place { begin, end: self.written.len() })
            }
        };
    }

    /// Takes the numbers of the rows that the store does not have yet: it has them now.
    pub(super) fn take_dirty(&mut self) -> Vec<usize> {
        for number in &self.dirty {
            self.rows[*number].dirty = false;
        }
        std::mem::take(&mut self.dirty)
    }

    /// Gives the list back to be used again.
    pub(super) fn reuse(&mut self, mut dirty: Vec<usize>) {
        dirty.clear();
        self.dirty = dirty;
    }

    pub(super) fn clear(&mut self) {
        for row in self.rows.drain(..) {
            self.index[row.place] = 0;
        }
        self.rows.shrink_to(KEPT_ROWS);
        if self.index.len() > KEPT_ROWS * 2 {
            self.index = Vec::new();
        }
        self.dirty.clear();
        self.answers.clear();
        self.fetched_bytes = 0;
        for buffer in [&mut self.keys, &mut self.written] {
            buffer.clear();
            buffer.shrink_to(KEPT_BYTES);
        }
    }
}

/// Eight bytes a step; only its top bits are good.
fn hash(key: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    // What differs in the top bits alone stays there in a product, so they are folded down for the next one.
    let mix = |hash: u64, word: u64| ((hash ^ hash >> 32) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = key.as_chunks::<8>();
    let hash = words.iter().fold(key.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    mix(hash, rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_found_again_however_many_there_are() {
        let mut table = Table::default();
        for round in 0..3 {
            let keys: Vec<Vec<u8>> = (0..5_000u64).map(|key| key.to_be_bytes()[..(key % 9) as usize].to_vec()).collect();
            let numbers: Vec<usize> = keys.iter().map(|key| table.find_or_insert(key)).collect();
            for (key, number) in keys.iter().zip(numbers) {
                assert_eq!((table.find(key), table.key(number)), (Some(number), &key[..]), "round {round}");
            }
            assert_eq!(table.find(b"other"), None);
            table.clear();
            assert_eq!((table.find(&keys[7]), table.len()), (None, 0));
        }
    }

    #[test]
    fn keys_that_count_up_spread_over_the_index() {
        let layouts: [fn(u64) -> Vec<u8>; 4] = [
            |key| key.to_be_bytes().to_vec(),
            |key| key.to_le_bytes().to_vec(),
            |key| format!("key-{key}").into_bytes(),
            |key| format!("a much longer key with a number {key:08} inside").into_bytes(),
        ];
        for layout in layouts {
            let mut table = Table::default();
            for key in 0..4_000 {
                table.find_or_insert(&layout(key));
            }
            let far = |row: &Row| row.place.wrapping_sub(table.first_place(row.hash)) & (table.index.len() - 1);
            let steps: usize = table.rows.iter().map(far).sum();
            assert!(steps < 4_000, "{steps} steps for {:?}", String::from_utf8_lossy(&layout(1)));
        }
    }

    #[test]
    fn the_last_write_of_a_key_holds() {
        let mut table = Table::default();
        let number = table.find_or_insert(b"a");
        for value in [Some(&b"one"[..]), Some(b"two"), None, Some(b"three"), Some(b"3"), Some(b"4")] {
            table.write(number, 1, value);
        }
        let Value::Written(place) = table.row(number).value else { panic!("not written") };
        assert_eq!(table.written(place), b"4");
        assert_eq!(table.take_dirty(), [number]);
        assert!(table.take_dirty().is_empty());
    }
}
