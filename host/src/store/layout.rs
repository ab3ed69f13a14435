//! The keys of all kinds of stores, as they stand in the backend and as they stand in changelogs. Nobody else knows their bytes.
//!
//! A plain key-value store keeps its keys as they are. The others begin each key with what it is of: a row, or an entry of an index. Numbers
//! are big endian with the sign turned, so that bytes have their order. A key of the user that something follows is escaped (0 becomes
//! 0 255) and ends with 0 0, so that no key lies among the rows of another.

use std::ops::Bound;

use bytes::{Buf, Bytes};

/// A row; the latest version of a key.
const ROWS: u8 = 0;
/// An index by time; versions that have been replaced.
const BY_TIME: u8 = 1;

/// What tells rows of one key and time from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// Nothing: there is one.
    None,
    /// The order of their writes: a window store that keeps duplicates.
    Sequence,
    /// The session's start; the time is its end.
    Start,
}

/// A row's key in a window or session store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimedKey {
    /// The record's key.
    pub(super) key: Bytes,
    /// The window's start, or the session's end.
    pub(super) time: i64,
    /// See [`Rank`]; a start with its sign turned.
    pub(super) rank: u64,
}

/// A number whose bytes, as unsigned ones, have the order of the signed ones.
pub(super) fn turned(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

/// The number that was turned.
pub(super) fn straight(turned: u64) -> i64 {
    (turned ^ (1 << 63)).cast_signed()
}

fn put_number(number: i64, to: &mut Vec<u8>) {
    to.extend_from_slice(&turned(number).to_be_bytes());
}

/// The key without its end.
fn put_escaped(key: &[u8], to: &mut Vec<u8>) {
    for &byte in key {
        to.push(byte);
        if byte == 0 {
            to.push(u8::MAX);
        }
    }
}

fn put_key(key: &[u8], to: &mut Vec<u8>) {
    put_escaped(key, to);
    to.extend_from_slice(&[0, 0]);
}

/// Takes an escaped key, its end included.
fn take_key(bytes: &mut Bytes) -> Option<Bytes> {
    let end = escaped_length(bytes)?;
    let escaped = bytes.split_to(end);
    bytes.advance(2);
    if !escaped.contains(&0) {
        return Some(escaped);
    }
    let mut key = Vec::with_capacity(escaped.len());
    let mut after_zero = false;
    for &byte in &escaped {
        if !after_zero {
            key.push(byte);
        }
        after_zero = byte == 0 && !after_zero;
    }
    Some(key.into())
}

fn escaped_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0)?;
        match bytes.get(at + 1)? {
            0 => return Some(at),
            _ => at += 2,
        }
    }
}

/// A range of keys of the backend.
pub(super) type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Keys of rows that have a time: in segments of time, in each by key, then time; and an index by time.
///
/// A segment is what expires at once. Within a segment the rows of one key lie together, so that a fetch looks at its own rows alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimedLayout {
    /// Length of a segment in milliseconds, at least 1.
    pub(super) segment_ms: i64,
    /// What follows the time.
    pub(super) rank: Rank,
}

impl TimedLayout {
    /// The segment of a time.
    pub(super) fn segment(&self, time: i64) -> i64 {
        time.div_euclid(self.segment_ms)
    }

    /// The key of a row.
    pub(super) fn row(&self, key: &[u8], time: i64, rank: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(key.len() + 27);
        bytes.push(ROWS);
        put_number(self.segment(time), &mut bytes);
        put_key(key, &mut bytes);
        put_number(time, &mut bytes);
        self.put_rank(rank, &mut bytes);
        bytes
    }

    /// The key of a row's entry in the index: by time, then key; sessions by end, start, key.
    pub(super) fn index(&self, key: &[u8], time: i64, rank: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(key.len() + 19);
        bytes.push(BY_TIME);
        put_number(time, &mut bytes);
        if self.rank == Rank::Start {
            self.put_rank(rank, &mut bytes);
        }
        put_key(key, &mut bytes);
        if self.rank == Rank::Sequence {
            self.put_rank(rank, &mut bytes);
        }
        bytes
    }

    fn put_rank(&self, rank: u64, to: &mut Vec<u8>) {
        if self.rank != Rank::None {
            to.extend_from_slice(&rank.to_be_bytes());
        }
    }

    fn take_rank(&self, bytes: &mut Bytes) -> Option<u64> {
        if self.rank == Rank::None { Some(0) } else { bytes.try_get_u64().ok() }
    }

    /// Reads the key of a row; `None`: it is not one.
    pub(super) fn read_row(&self, mut bytes: Bytes) -> Option<TimedKey> {
        bytes.try_get_u8().ok().filter(|part| *part == ROWS)?;
        bytes.try_get_u64().ok()?;
        let key = take_key(&mut bytes)?;
        let time = straight(bytes.try_get_u64().ok()?);
        let rank = self.take_rank(&mut bytes)?;
        bytes.is_empty().then_some(TimedKey { key, time, rank })
    }

    /// Reads an entry of the index; `None`: it is not one.
    pub(super) fn read_index(&self, mut bytes: Bytes) -> Option<TimedKey> {
        bytes.try_get_u8().ok().filter(|part| *part == BY_TIME)?;
        let time = straight(bytes.try_get_u64().ok()?);
        let first = if self.rank == Rank::Start { self.take_rank(&mut bytes)? } else { 0 };
        let key = take_key(&mut bytes)?;
        let rank = if self.rank == Rank::Sequence { self.take_rank(&mut bytes)? } else { first };
        bytes.is_empty().then_some(TimedKey { key, time, rank })
    }

    /// One key's rows of one segment between two times, both included.
    pub(super) fn rows_of_key(&self, segment: i64, key: &[u8], first: i64, last: i64) -> Range {
        let at = |time: i64, rank: u64| {
            let mut bytes = segment_begin(segment);
            put_key(key, &mut bytes);
            put_number(time, &mut bytes);
            self.put_rank(rank, &mut bytes);
            bytes
        };
        (Bound::Included(at(first, 0)), Bound::Included(at(last, u64::MAX)))
    }

    /// The rows of one segment whose keys lie between two bounds.
    pub(super) fn rows_of_keys(&self, segment: i64, lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> Range {
        let before = |key: &[u8]| {
            let mut bytes = segment_begin(segment);
            put_key(key, &mut bytes);
            bytes
        };
        // What stands behind a 0 byte in a key is 255: 0 1 lies behind all rows of a key, and before the keys that it begins.
        let behind = |key: &[u8]| {
            let mut bytes = segment_begin(segment);
            put_escaped(key, &mut bytes);
            bytes.extend_from_slice(&[0, 1]);
            bytes
        };
        let lower = match lower {
            Bound::Unbounded => segment_begin(segment),
            Bound::Included(key) => before(key),
            Bound::Excluded(key) => behind(key),
        };
        let upper = match upper {
            Bound::Unbounded => segment_begin(segment.saturating_add(1)),
            Bound::Included(key) => behind(key),
            Bound::Excluded(key) => before(key),
        };
        (Bound::Included(lower), Bound::Excluded(upper))
    }

    /// Where a row would stand in a segment, be it its own or not: where to go on there.
    pub(super) fn place_in(&self, segment: i64, at: &TimedKey) -> Vec<u8> {
        let mut bytes = segment_begin(segment);
        put_key(&at.key, &mut bytes);
        put_number(at.time, &mut bytes);
        self.put_rank(at.rank, &mut bytes);
        bytes
    }

    /// The entries of the index between two times, both included.
    pub(super) fn index_between(&self, first: i64, last: i64) -> Range {
        (Bound::Included(index_begin(first)), last.checked_add(1).map_or(Bound::Unbounded, |end| Bound::Excluded(index_begin(end))))
    }

    /// All rows of the segments below this one, and their entries of the index: begins included, ends excluded.
    pub(super) fn below(&self, segment: i64) -> [(Vec<u8>, Vec<u8>); 2] {
        let time = segment.saturating_mul(self.segment_ms);
        [(segment_begin(i64::MIN), segment_begin(segment)), (index_begin(i64::MIN), index_begin(time))]
    }

    /// Puts the key in a changelog in the place of `bytes`. A window's: key, start, sequence number; a session's: key, end, start (Kafka Streams' order).
    pub(super) fn changelog(&self, at: &TimedKey, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend_from_slice(&at.key);
        bytes.extend_from_slice(&at.time.to_be_bytes());
        match self.rank {
            Rank::None => {}
            Rank::Sequence => bytes.extend_from_slice(&at.rank.to_be_bytes()),
            Rank::Start => bytes.extend_from_slice(&straight(at.rank).to_be_bytes()),
        }
    }

    /// Reads a key of the changelog; `None`: it is not one.
    pub(super) fn read_changelog(&self, bytes: &Bytes) -> Option<TimedKey> {
        let ranked = if self.rank == Rank::None { 0 } else { 8 };
        let length = bytes.len().checked_sub(8 + ranked)?;
        let mut numbers = bytes.slice(length..);
        let time = numbers.get_i64();
        let rank = match self.rank {
            Rank::None => 0,
            Rank::Sequence => numbers.get_u64(),
            Rank::Start => turned(numbers.get_i64()),
        };
        Some(TimedKey { key: bytes.slice(..length), time, rank })
    }
}

fn segment_begin(segment: i64) -> Vec<u8> {
    let mut bytes = vec![ROWS];
    put_number(segment, &mut bytes);
    bytes
}

fn index_begin(time: i64) -> Vec<u8> {
    let mut bytes = vec![BY_TIME];
    put_number(time, &mut bytes);
    bytes
}

/// Keys of a versioned store, and of a key-value store whose rows expire.
pub(super) mod plain {
    use super::{BY_TIME, Bound, Buf, Bytes, ROWS, Range, index_begin, put_number, straight};

    /// The row of a key: of a versioned store its latest version.
    pub(in super::super) fn row(key: &[u8]) -> Vec<u8> {
        [&[ROWS], key].concat()
    }

    /// The key of a row; `None`: it is of an index.
    pub(in super::super) fn read_row(bytes: &Bytes) -> Option<Bytes> {
        (bytes.first() == Some(&ROWS)).then(|| bytes.slice(1..))
    }

    /// The rows between two bounds.
    pub(in super::super) fn rows_between(lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> Range {
        let lower = match lower.map(row) {
            Bound::Unbounded => Bound::Included(vec![ROWS]),
            bound => bound,
        };
        let upper = match upper.map(row) {
            Bound::Unbounded => Bound::Excluded(vec![BY_TIME]),
            bound => bound,
        };
        (lower, upper)
    }

    /// What belongs to a key at a time or in a segment: its versions there, or the note that it has a row of that time.
    pub(in super::super) fn timed(number: i64, key: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(key.len() + 9);
        bytes.push(BY_TIME);
        put_number(number, &mut bytes);
        bytes.extend_from_slice(key);
        bytes
    }

    /// Time or segment, and key.
    pub(in super::super) fn read_timed(bytes: &Bytes) -> Option<(i64, Bytes)> {
        let mut rest = bytes.clone();
        rest.try_get_u8().ok().filter(|part| *part == BY_TIME)?;
        let number = straight(rest.try_get_u64().ok()?);
        Some((number, rest))
    }

    /// All of it below a time or segment: begin included, end excluded.
    pub(in super::super) fn timed_below(number: i64) -> (Vec<u8>, Vec<u8>) {
        (index_begin(i64::MIN), index_begin(number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0, 1, b'a', 254, 255]), 0..4)
    }

    fn layout() -> impl Strategy<Value = TimedLayout> {
        let rank = prop::sample::select(vec![Rank::None, Rank::Sequence, Rank::Start]);
        (1..100_i64, rank).prop_map(|(segment_ms, rank)| TimedLayout { segment_ms, rank })
    }

    proptest! {
        #[test]
        fn keys_come_back_and_have_the_order_of_what_they_say(
            layout in layout(),
            (a, b) in (key(), key()),
            (s, t) in (-99..99_i64, prop::sample::select(vec![-99, 0, i64::MAX, i64::MIN])),
            (m, n) in (0..3_u64, any::<u64>()),
        ) {
            let (m, n) = if layout.rank == Rank::None { (0, 0) } else { (m, n) };
            let one = TimedKey { key: a.clone().into(), time: s, rank: m };
            let other = TimedKey { key: b.clone().into(), time: t, rank: n };
            for at in [&one, &other] {
                prop_assert_eq!(layout.read_row(layout.row(&at.key, at.time, at.rank).into()), Some(at.clone()));
                prop_assert_eq!(layout.read_index(layout.index(&at.key, at.time, at.rank).into()), Some(at.clone()));
                let mut bytes = Vec::new();
                layout.changelog(at, &mut bytes);
                prop_assert_eq!(layout.read_changelog(&bytes.into()), Some(at.clone()));
            }
            prop_assert_eq!(layout.place_in(0, &one).cmp(&layout.place_in(0, &other)), one.cmp(&other));
            let by_time = |at: &TimedKey| match layout.rank {
                Rank::Start => (at.time, at.rank, at.key.clone(), 0),
                _ => (at.time, 0, at.key.clone(), at.rank),
            };
            prop_assert_eq!(layout.index(&a, s, m).cmp(&layout.index(&b, t, n)), by_time(&one).cmp(&by_time(&other)));
            let within = |(lower, upper): &Range, key: &[u8]| {
                let above = match lower { Bound::Included(l) => key >= &l[..], Bound::Excluded(l) => key > &l[..], Bound::Unbounded => true };
                above && match upper { Bound::Included(u) => key <= &u[..], Bound::Excluded(u) => key < &u[..], Bound::Unbounded => true }
            };
            let place = layout.place_in(7, &other);
            prop_assert_eq!(within(&layout.rows_of_keys(7, Bound::Included(&a), Bound::Unbounded), &place), b >= a);
            prop_assert_eq!(within(&layout.rows_of_keys(7, Bound::Excluded(&a), Bound::Unbounded), &place), b > a);
            prop_assert_eq!(within(&layout.rows_of_keys(7, Bound::Unbounded, Bound::Included(&a)), &place), b <= a);
            prop_assert_eq!(within(&layout.rows_of_keys(7, Bound::Unbounded, Bound::Excluded(&a)), &place), b < a);
            prop_assert_eq!(within(&layout.rows_of_key(7, &a, s.min(t), s.max(t)), &place), a == b);
        }
    }

    #[test]
    fn what_lies_below_a_segment_is_all_that_is_older() {
        let layout = TimedLayout { segment_ms: 10, rank: Rank::None };
        let [rows, index] = layout.below(layout.segment(20));
        for (time, gone) in [(-1, true), (19, true), (20, false), (21, false)] {
            let (row, entry) = (layout.row(b"\xff", time, 0), layout.index(b"\xff", time, 0));
            assert_eq!((rows.0 <= row && row < rows.1, index.0 <= entry && entry < index.1), (gone, gone), "{time}");
        }
    }
}
