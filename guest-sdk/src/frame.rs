//! Frames: many records in one buffer, a table and then the bytes. The layout is that of the contract's interface `batch`.
//!
//! It never looks into keys and values. What is read shares the frame's buffer; what is written goes straight into the next one.

mod writer;

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::incoming::Incoming;
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

/// A row of the table, as it lies there.
pub(crate) type Row = [u8; ENTRY];

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
    #[inline(always)]
    pub(crate) fn read(row: &Row) -> Self {
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

    #[inline(always)]
    fn bytes(&self) -> u64 {
        let bytes = |length: u32| self::length(length) as u64;
        bytes(self.key) + bytes(self.value) + bytes(self.previous) + bytes(self.headers)
    }
}

/// A length as a number of bytes: what is null has none.
#[inline(always)]
pub(crate) fn length(length: u32) -> usize {
    if length >= NO_CHANGE { 0 } else { length as usize }
}

/// A frame whose table has been checked against its size; its bytes are checked on the way through [`Records`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    bytes: Bytes,
    count: usize,
}

/// An entry of a frame, by its index and the place of its bytes.
#[derive(Clone, Copy, Debug, Default)]
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
        behind.ok_or("it ends in its table")?;
        Ok(Self { bytes, count })
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the whole.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    fn first(&self) -> Cursor {
        Cursor { index: 0, at: behind_table(self.count) }
    }

    fn rows(&self) -> &[Row] {
        let table = self.bytes.get(HEAD..behind_table(self.count)).unwrap_or_default();
        table.as_chunks().0
    }

    /// The entry at the cursor; none where there is no record.
    pub(crate) fn entry(&self, cursor: Cursor) -> Option<Entry> {
        let behind = self.bytes.get(behind_table(cursor.index)..).filter(|_| cursor.index < self.count)?;
        behind.first_chunk::<ENTRY>().map(Entry::read)
    }

    /// The headers of the record at the cursor, as they are packed.
    pub(crate) fn headers(&self, cursor: Cursor) -> &[u8] {
        let Some(entry) = self.entry(cursor).filter(|entry| entry.headers != 0) else { return &[] };
        let Some(end) = self.end(cursor, &entry) else { return &[] };
        &self.bytes[end - length(entry.headers)..end]
    }

    /// Its records, in order.
    pub(crate) fn records(&self) -> Records<'_> {
        Records { frame: self, rows: self.rows().iter(), next: self.first() }
    }

    /// Where the bytes of the entry at the cursor end; none where they are not there.
    #[inline(always)]
    fn end(&self, cursor: Cursor, entry: &Entry) -> Option<usize> {
        let end = cursor.at as u64 + entry.bytes();
        (end <= self.bytes.len() as u64).then_some(end as usize)
    }

    /// The key of the entry at the cursor, and moves on. None at the end, and where bytes are missing; an inner none is null.
    pub(crate) fn next_key(&self, cursor: &mut Cursor) -> Option<Option<&[u8]>> {
        let (entry, at) = (self.entry(*cursor)?, cursor.at);
        *cursor = Cursor { index: cursor.index + 1, at: self.end(*cursor, &entry)? };
        Some((entry.key != NONE).then(|| &self.bytes[at..at + length(entry.key)]))
    }

    /// The entries as outputs by name: for those who do not take frames.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn outputs(&self, ports: &[String]) -> Result<Vec<RawOutput>, &'static str> {
        let mut records = self.records();
        let output = |(_, record): (Cursor, Incoming<'_>)| {
            let entry = record.entry();
            let port = (entry.slot as usize).checked_sub(1).and_then(|port| ports.get(port).cloned());
            RawOutput { port, partition: (entry.route & !LATE).checked_sub(1), record: record.into_raw() }
        };
        let outputs = records.by_ref().map(output).collect();
        records.end().map(|()| outputs)
    }
}

/// The records of a frame, up to one whose bytes are not there: after the last one, [`end`](Records::end) tells.
#[derive(Debug)]
pub(crate) struct Records<'f> {
    frame: &'f Frame,
    rows: std::slice::Iter<'f, Row>,
    next: Cursor,
}

impl<'f> Iterator for Records<'f> {
    type Item = (Cursor, Incoming<'f>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.as_slice().first()?;
        let here = self.next;
        let at = self.frame.end(here, &Entry::read(row))?;
        self.rows.next();
        self.next = Cursor { index: here.index + 1, at };
        Some((here, Incoming::new(&self.frame.bytes, row, here.at)))
    }
}

impl Records<'_> {
    /// # Errors
    /// The lengths are not those of the bytes.
    pub(crate) fn end(self) -> Result<(), &'static str> {
        let all = self.rows.len() == 0 && self.next.at == self.frame.bytes.len();
        all.then_some(()).ok_or("its lengths do not add up to its size")
    }
}

#[cfg(test)]
mod tests;
