//! Decodes a chunk. Whatever the bytes are, the answer is records or an error: never a panic, never memory that the bytes only claim to fill.

use std::ops::Range;

use bytes::Bytes;

use super::chunk::{HEAD_BYTES, VERSION};
use super::layout::BigEndian;
use crate::limits;
use crate::record::{ConsumedRecord, Header, HeaderPacker, Offset, PIECE_BYTES, Pieces, Record, Timestamp};

/// Why bytes are no chunk.
pub(super) type BadChunk = &'static str;

/// How the byte strings of a record are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bodies {
    /// As slices of the chunk, which lives as long as one of them. For records that are soon let go.
    Shared,
    /// As copies. For records that are kept, of which few may be left of a chunk.
    Owned,
}

/// Reads the records of a chunk one after another.
#[derive(Debug)]
pub(super) struct ChunkReader {
    bytes: Bytes,
    last: Offset,
    appended_at: Timestamp,
    cursor: Cursor,
    packer: HeaderPacker,
}

/// Where the next record begins, and what it is relative to.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    at: usize,
    remaining: u32,
    next: Offset,
    timestamp: i64,
}

/// A record's place and the places of its parts.
pub(super) struct RawRecord {
    pub(super) offset: Offset,
    timestamp: i64,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: usize,
    headers_at: usize,
}

impl ChunkReader {
    /// Opens a chunk that ends at offset `last`.
    pub(super) fn open(bytes: Bytes, last: Offset) -> Result<Self, BadChunk> {
        let Head { appended_at, span, count } = parse_head(&bytes)?;
        let next = last.checked_sub(span).ok_or("the chunk begins below offset 0")?;
        let cursor = Cursor { at: HEAD_BYTES, remaining: count, next, timestamp: 0 };
        let packer = HeaderPacker::new(Pieces::of(bytes.len().min(PIECE_BYTES)));
        Ok(Self { bytes, last, appended_at, cursor, packer })
    }

    /// The append time of a chunk, without opening it.
    pub(super) fn peek_appended_at(bytes: &[u8]) -> Result<Timestamp, BadChunk> {
        parse_head(bytes).map(|head| head.appended_at)
    }

    pub(super) fn last(&self) -> Offset {
        self.last
    }

    pub(super) fn appended_at(&self) -> Timestamp {
        self.appended_at
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn remaining(&self) -> u32 {
        self.cursor.remaining
    }

    /// Goes to the first record at or behind `offset`.
    pub(super) fn skip_to(&mut self, offset: Offset) -> Result<(), BadChunk> {
        loop {
            let before = self.cursor;
            match self.next_raw()? {
                Some(raw) if raw.offset < offset => {}
                _ => {
                    self.cursor = before;
                    return Ok(());
                }
            }
        }
    }

    /// The next record; `None` at the end.
    pub(super) fn next(&mut self, bodies: Bodies) -> Result<Option<ConsumedRecord>, BadChunk> {
        let Some(raw) = self.next_raw()? else { return Ok(None) };
        self.record(&raw, bodies).map(Some)
    }

    /// The parts of the next record; `None` at the end.
    pub(super) fn next_raw(&mut self) -> Result<Option<RawRecord>, BadChunk> {
        let Cursor { at, remaining, next, timestamp } = self.cursor;
        let mut fields = Fields { bytes: &self.bytes, at };
        if remaining == 0 {
            return if at == self.bytes.len() { Ok(None) } else { Err("bytes are left over behind its last record") };
        }
        let offset = next.checked_add(fields.number()?).filter(|offset| *offset <= self.last).ok_or("a record lies behind its end")?;
        let timestamp = timestamp.wrapping_add(unzigzag(fields.number()?));
        let key = fields.string()?;
        let value = fields.string()?;
        let headers = usize::try_from(fields.number()?).unwrap_or(usize::MAX);
        if headers > limits::RECORD_HEADERS {
            return Err("a record has too many headers");
        }
        let headers_at = fields.at;
        for _ in 0..headers {
            fields.header()?;
        }
        self.cursor = Cursor { at: fields.at, remaining: remaining - 1, next: offset + 1, timestamp };
        Ok(Some(RawRecord { offset, timestamp, key, value, headers, headers_at }))
    }

    pub(super) fn key(&self, raw: &RawRecord) -> Option<&[u8]> {
        raw.key.clone().map(|key| &self.bytes[key])
    }

    pub(super) fn is_tombstone(raw: &RawRecord) -> bool {
        raw.value.is_none()
    }

    pub(super) fn record(&mut self, raw: &RawRecord, bodies: Bodies) -> Result<ConsumedRecord, BadChunk> {
        let Self { bytes, packer, .. } = self;
        let body = |range: Range<usize>| match bodies {
            Bodies::Shared => bytes.slice(range),
            Bodies::Owned => Bytes::copy_from_slice(&bytes[range]),
        };
        // A record may have been given up in the middle.
        packer.clear();
        let mut fields = Fields { bytes, at: raw.headers_at };
        for _ in 0..raw.headers {
            let (name, value) = fields.header()?;
            let name = std::str::from_utf8(&bytes[name]).map_err(|_| "a header's name is not UTF-8")?;
            packer.add(Header { name, value: value.map(|value| &bytes[value]) });
        }
        let headers = match bodies {
            Bodies::Shared => packer.done(),
            Bodies::Owned => packer.done().as_ref().copied(),
        };
        let (key, value) = (raw.key.clone().map(body), raw.value.clone().map(body));
        let record = Record { key, value, timestamp: Timestamp(raw.timestamp), headers, change: None };
        Ok(ConsumedRecord { offset: raw.offset, record })
    }
}

struct Head {
    appended_at: Timestamp,
    span: u64,
    count: u32,
}

fn parse_head(bytes: &[u8]) -> Result<Head, BadChunk> {
    let mut fields = BigEndian(bytes);
    match (fields.u8(), fields.u64(), fields.u64(), fields.u32()) {
        (Some(VERSION), Some(appended_at), Some(span), Some(count)) => {
            Ok(Head { appended_at: Timestamp(appended_at.cast_signed()), span, count })
        }
        (Some(version), ..) if version != VERSION => Err("its version is not known"),
        _ => Err("it is shorter than a chunk's head"),
    }
}

/// Variable-length fields from `at` on.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Fields<'_> {
    #[inline]
    fn number(&mut self) -> Result<u64, BadChunk> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Result<u64, BadChunk> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or("a number is cut off")?;
            self.at += 1;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                return Err("a number is too long");
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a number is too long")
    }

    #[inline]
    fn string(&mut self) -> Result<Option<Range<usize>>, BadChunk> {
        match self.number()? {
            0 => Ok(None),
            length => self.run(length - 1).map(Some),
        }
    }

    #[inline]
    fn run(&mut self, length: u64) -> Result<Range<usize>, BadChunk> {
        let left = self.bytes.len() - self.at;
        let length = usize::try_from(length).ok().filter(|length| *length <= left).ok_or("a byte string is cut off")?;
        let run = self.at..self.at + length;
        self.at = run.end;
        Ok(run)
    }

    fn header(&mut self) -> Result<(Range<usize>, Option<Range<usize>>), BadChunk> {
        let name = self.number()?;
        Ok((self.run(name)?, self.string()?))
    }
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
