//! A chunk: a run of records of one partition, written by one commit. The unit in which the log writes, reads and cleans.
//!
//! Layout: version u8, append time i64, span u64 (last offset less first), count u32, all big endian; then the records, each
//! `offset gap · timestamp · key · value · headers`. Numbers are LEB128; the gap is the count of offsets left out before this record, the
//! timestamp is zigzag and relative to the record before. A byte string is its length and 1, or 0 for "none", then its bytes. A chunk does not
//! say which offset it begins at: its row's key says at which it ends. So it is encoded before its place is known.

use crate::record::{Offset, RecordRef, Timestamp};

pub(super) const VERSION: u8 = 1;
pub(super) const HEAD_BYTES: usize = 1 + 8 + 8 + 4;

/// A chunk that is complete but for its place in the log.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    /// Last offset less first.
    span: u64,
}

impl Chunk {
    pub(super) fn span(&self) -> u64 {
        self.span
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The row's value, stamped with the time of the append.
    pub(super) fn stamp(&mut self, appended_at: Timestamp) -> &[u8] {
        self.bytes[1..9].copy_from_slice(&appended_at.0.to_be_bytes());
        &self.bytes
    }
}

/// Encodes records, whose offsets must grow.
#[derive(Debug)]
pub(super) struct ChunkBuilder {
    bytes: Vec<u8>,
    count: u32,
    first: Offset,
    next: Offset,
    timestamp: i64,
}

impl ChunkBuilder {
    pub(super) fn new(first: Offset) -> Self {
        Self { bytes: vec![0; HEAD_BYTES], count: 0, first, next: first, timestamp: 0 }
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The offset behind the last record.
    pub(super) fn next(&self) -> Offset {
        self.next
    }

    pub(super) fn push(&mut self, offset: Offset, record: RecordRef<'_>) {
        debug_assert!(offset >= self.next, "offsets grow");
        let bytes = &mut self.bytes;
        put_number(bytes, offset - self.next);
        put_number(bytes, zigzag(record.timestamp.0.wrapping_sub(self.timestamp)));
        put_string(bytes, record.key);
        put_string(bytes, record.value);
        put_number(bytes, record.headers.len() as u64);
        for header in record.headers.iter() {
            put_number(bytes, header.name.len() as u64);
            bytes.extend_from_slice(header.name.as_bytes());
            put_string(bytes, header.value);
        }
        self.count += 1;
        self.next = offset + 1;
        self.timestamp = record.timestamp.0;
    }

    /// Ends the chunk at offset `last`, which may lie behind its last record.
    pub(super) fn finish(mut self, last: Offset) -> Chunk {
        let span = last - self.first;
        self.bytes[0] = VERSION;
        self.bytes[9..17].copy_from_slice(&span.to_be_bytes());
        self.bytes[17..21].copy_from_slice(&self.count.to_be_bytes());
        Chunk { bytes: self.bytes, span }
    }
}

fn put_string(bytes: &mut Vec<u8>, string: Option<&[u8]>) {
    match string {
        None => bytes.push(0),
        Some(string) => {
            put_number(bytes, string.len() as u64 + 1);
            bytes.extend_from_slice(string);
        }
    }
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::chunk_reader::{BadChunk, Bodies, ChunkReader};
    use super::*;
    use bytes::Bytes;

    use crate::record::{ConsumedRecord, Header, Headers, Record};

    fn decode(bytes: Vec<u8>, last: Offset, bodies: Bodies) -> Result<Vec<ConsumedRecord>, BadChunk> {
        let mut chunk = ChunkReader::open(bytes.into(), last)?;
        let mut records = Vec::new();
        while let Some(record) = chunk.next(bodies)? {
            records.push(record);
        }
        Ok(records)
    }

    fn string() -> impl Strategy<Value = Option<Bytes>> {
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from))
    }

    fn record() -> impl Strategy<Value = Record> {
        let headers = proptest::collection::vec((".{0,3}", string()), 0..3)
            .prop_map(|headers| -> Headers { headers.iter().map(|(name, value)| Header { name, value: value.as_deref() }).collect() });
        (string(), string(), any::<i64>(), headers).prop_map(|(key, value, timestamp, headers)| Record {
            key,
            value,
            timestamp: Timestamp(timestamp),
            headers,
            change: None,
        })
    }

    /// Records with the gaps before them, and the chunk that they make from offset `first` on, with a gap behind the last of them.
    fn encode(records: &[(u64, Record)], first: Offset, behind: u64) -> (Vec<ConsumedRecord>, Vec<u8>, Offset) {
        let mut builder = ChunkBuilder::new(first);
        let mut expected = Vec::new();
        for (gap, record) in records {
            let offset = builder.next() + gap;
            builder.push(offset, RecordRef::from(record));
            expected.push(ConsumedRecord { offset, record: record.clone() });
        }
        let last = builder.next() + behind;
        (expected, builder.finish(last).stamp(Timestamp(-5)).to_vec(), last)
    }

    proptest! {
        #[test]
        fn what_goes_into_a_chunk_comes_out(
            records in proptest::collection::vec((0..300_u64, record()), 0..20),
            first in 0..u64::MAX / 2,
            behind in 0..300_u64,
        ) {
            let (expected, bytes, last) = encode(&records, first, behind);
            prop_assert_eq!(ChunkReader::peek_appended_at(&bytes), Ok(Timestamp(-5)));
            for bodies in [Bodies::Shared, Bodies::Owned] {
                prop_assert_eq!(decode(bytes.clone(), last, bodies).unwrap(), expected.clone());
            }
            for wanted in expected.iter().map(|r| r.offset) {
                let mut chunk = ChunkReader::open(bytes.clone().into(), last).unwrap();
                chunk.skip_to(wanted).unwrap();
                prop_assert_eq!(chunk.next(Bodies::Shared).unwrap().unwrap().offset, wanted);
            }
        }

        #[test]
        fn hostile_bytes_are_an_error_or_records_but_never_a_panic(
            records in proptest::collection::vec((0..3_u64, record()), 1..4),
            harm in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in any::<prop::sample::Index>(),
            last in any::<u64>(),
        ) {
            let (_, mut bytes, _) = encode(&records, 7, 0);
            for (at, byte) in harm {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let _ = decode(bytes.clone(), last, Bodies::Owned);
            bytes.truncate(cut.index(bytes.len()));
            prop_assert!(decode(bytes, last, Bodies::Shared).is_err(), "a chunk that is cut off is noticed");
        }
    }

    #[test]
    fn broken_chunks_say_why() {
        let (_, good, last) = encode(&[(0, Record { value: Some(Bytes::from_static(b"value")), ..Record::default() })], 3, 0);
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        let cases: [(Vec<u8>, BadChunk); 8] = [
            (with(0, 9), "its version is not known"),
            (good[..HEAD_BYTES - 1].to_vec(), "it is shorter than a chunk's head"),
            (with(16, 200), "the chunk begins below offset 0"),
            (with(20, 0), "bytes are left over behind its last record"),
            (with(20, 2), "a number is cut off"),
            (with(HEAD_BYTES, 2), "a record lies behind its end"),
            (with(HEAD_BYTES + 3, 100), "a byte string is cut off"),
            ([&good[..good.len() - 1], &[0xff, 0x7f]].concat(), "a record has too many headers"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decode(bytes, last, Bodies::Shared), Err(expected));
        }
    }
}
