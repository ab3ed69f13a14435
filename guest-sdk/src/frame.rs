//! Frames: many records in one buffer, a table and then the bytes. The layout is that of the contract's interface `batch`.
//!
//! It never looks into keys and values. What is read shares the frame's buffer; what is written goes straight into the next one.

mod writer;

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::headers::Headers;
use crate::incoming::{Incoming, Part};
use crate::record::RawOutput;

pub(crate) use writer::FrameWriter;

/// The length of what is null.
pub(crate) const NONE: u32 = u32::MAX;
/// As length of the previous value: a record of a stream.
pub(crate) const NO_CHANGE: u32 = NONE - 1;
/// In `route`: the change came late.
pub(crate) const LATE: u32 = 1 << 31;

const MAGIC: u32 = 0x3146_4443;
/// Bytes before the table: magic and count.
const HEAD: usize = 8;
/// Bytes of an entry.
const ENTRY: usize = 48;

/// Where the bytes begin behind a table of so many entries.
const fn behind_table(entries: usize) -> usize {
    HEAD + entries * ENTRY
}

/// One row of the table. Lengths are in bytes; some numbers mean one thing on the way in and another on the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) timestamp: Timestamp,
    /// In: as of this record; negative before there is one.
    pub(crate) stream_time: Timestamp,
    /// In: offset in the source. Out: index of the entry that this comes from.
    pub(crate) origin: u64,
    /// In: index of the input. Out: index of the port plus 1, or 0.
    pub(crate) slot: u32,
    pub(crate) key: u32,
    pub(crate) value: u32,
    pub(crate) previous: u32,
    pub(crate) headers: u32,
    /// Out: partition plus 1, or 0; both ways with [`LATE`].
    pub(crate) route: u32,
}

impl Entry {
    #[inline]
    fn read(row: &[u8; ENTRY]) -> Self {
        let (words, _) = row.as_chunks::<4>();
        let word = |at: usize| u32::from_le_bytes(words[at]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 1)) << 32;
        Self {
            timestamp: long(0).cast_signed(),
            stream_time: long(2).cast_signed(),
            origin: long(4),
            slot: word(6),
            key: word(7),
            value: word(8),
            previous: word(9),
            headers: word(10),
            route: word(11),
        }
    }

    fn write(&self, row: &mut [u8]) {
        row[0..8].copy_from_slice(&self.timestamp.to_le_bytes());
        row[8..16].copy_from_slice(&self.stream_time.to_le_bytes());
        row[16..24].copy_from_slice(&self.origin.to_le_bytes());
        let words = [self.slot, self.key, self.value, self.previous, self.headers, self.route];
        for (place, word) in row[24..ENTRY].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }

    fn bytes(&self) -> usize {
        length(self.key) + length(self.value) + length(self.previous) + length(self.headers)
    }
}

/// A length as a number of bytes: what is null has none.
fn length(length: u32) -> usize {
    if length >= NO_CHANGE { 0 } else { length as usize }
}

/// A frame whose table has been checked against its size.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    bytes: Bytes,
    count: usize,
}

/// An entry of a frame, by its index and the place of its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    pub(crate) index: usize,
    at: usize,
}

impl Frame {
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(bytes: Bytes) -> Result<Self, &'static str> {
        let (head, _) = bytes.split_first_chunk::<HEAD>().ok_or("it ends in its head")?;
        let count = u64::from_le_bytes(*head);
        if count as u32 != MAGIC {
            return Err("it begins with another magic number");
        }
        let count = (count >> 32) as usize;
        let behind = count.checked_mul(ENTRY).and_then(|table| table.checked_add(HEAD)).filter(|behind| *behind <= bytes.len());
        let left = bytes.len() - behind.ok_or("it ends in its table")?;
        // A clone, for it knows already that its memory is shared: parts of it are cut sooner.
        let frame = Self { bytes: bytes.clone(), count };
        let (rows, _) = frame.bytes[HEAD..behind_table(count)].as_chunks::<ENTRY>();
        if rows.iter().map(|row| Entry::read(row).bytes() as u64).sum::<u64>() != left as u64 {
            return Err("its lengths do not add up to its size");
        }
        Ok(frame)
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the whole.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn first(&self) -> Cursor {
        Cursor { index: 0, at: behind_table(self.count) }
    }

    #[inline]
    fn entry(&self, index: usize) -> Option<Entry> {
        self.bytes.get(behind_table(index)..)?.first_chunk::<ENTRY>().map(Entry::read)
    }

    /// The entry at the cursor with its record, and moves on.
    #[inline(always)]
    pub(crate) fn next(&self, cursor: &mut Cursor) -> Option<(Entry, Incoming<'_>)> {
        let (entry, mut at) = self.step(cursor)?;
        let mut take = |length: u32| {
            let begin = at;
            at += self::length(length);
            Part::new(&self.bytes, begin..at)
        };
        let mut nullable = |length: u32| (length != NONE).then(|| take(length));
        let (key, value) = (nullable(entry.key), nullable(entry.value));
        let change = (entry.previous != NO_CHANGE).then(|| (nullable(entry.previous), entry.route & LATE == 0));
        let headers = if entry.headers == 0 { Headers::default() } else { Headers::packed(take(entry.headers).shared()) };
        Some((entry, Incoming { timestamp: entry.timestamp, headers, key, value, change }))
    }

    /// The key of the entry at the cursor, and moves on. None at the end; an inner none is null.
    pub(crate) fn next_key(&self, cursor: &mut Cursor) -> Option<Option<&[u8]>> {
        let (entry, at) = self.step(cursor)?;
        Some((entry.key != NONE).then(|| &self.bytes[at..at + length(entry.key)]))
    }

    #[inline]
    fn step(&self, cursor: &mut Cursor) -> Option<(Entry, usize)> {
        if cursor.index == self.count {
            return None;
        }
        let (entry, at) = (self.entry(cursor.index)?, cursor.at);
        *cursor = Cursor { index: cursor.index + 1, at: at + entry.bytes() };
        Some((entry, at))
    }

    /// The entries as outputs by name: for those who do not take frames.
    pub(crate) fn outputs(&self, ports: &[String]) -> Vec<RawOutput> {
        let mut cursor = self.first();
        let next = || {
            let (entry, record) = self.next(&mut cursor)?;
            let port = (entry.slot as usize).checked_sub(1).and_then(|port| ports.get(port).cloned());
            Some(RawOutput { port, partition: (entry.route & !LATE).checked_sub(1), record: record.into_raw() })
        };
        std::iter::from_fn(next).collect()
    }
}

#[cfg(test)]
mod tests;
