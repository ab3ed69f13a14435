//! Blobs, the layout of the packed store calls (interface `batch` of the contract tells it). What comes in is hostile and checked once, whole.

use bytes::Bytes;

use crate::limits;
use crate::store::{Row, Shown};

/// Length of an absent blob.
const NONE: u32 = u32::MAX;
/// Timestamp of a row in a write that stands for the current record's.
const CURRENT: i64 = i64::MIN;
/// Why an answer could not be packed.
pub(super) const TOO_LARGE: &str = "more than 4 GiB in one packed answer";

/// A row of a packed write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PackedRow {
    /// None: the current record's.
    pub(super) timestamp: Option<i64>,
    pub(super) value: Bytes,
}

/// One packed write; no row deletes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PackedWrite {
    pub(super) key: Bytes,
    pub(super) row: Option<PackedRow>,
}

/// Lengths of the blobs, and where their bytes begin. They add up to the whole, exactly.
fn lengths(packed: &[u8]) -> Result<(Vec<Option<usize>>, usize), &'static str> {
    const SHORT: &str = "packed blobs end before their table does";
    let (count, rest) = packed.split_first_chunk::<4>().ok_or(SHORT)?;
    let count = u32::from_le_bytes(*count) as usize;
    if count > limits::PACKED_BLOBS {
        return Err("too many packed blobs in one call");
    }
    let table_bytes = count * 4;
    if table_bytes > rest.len() {
        return Err(SHORT);
    }
    let (table, _) = rest[..table_bytes].as_chunks::<4>();
    let lengths: Vec<Option<usize>> =
        table.iter().map(|length| u32::from_le_bytes(*length)).map(|length| (length != NONE).then_some(length as usize)).collect();
    let sum: usize = lengths.iter().flatten().sum();
    if sum != rest.len() - table_bytes {
        return Err("the lengths of packed blobs do not add up to their bytes");
    }
    Ok((lengths, 4 + table_bytes))
}

/// Blobs of keys.
pub(super) fn read_keys(packed: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    let (lengths, mut at) = lengths(packed)?;
    let keys = lengths.into_iter().map(|length| {
        let length = length.ok_or("a packed key is absent")?;
        at += length;
        Ok(&packed[at - length..at])
    });
    keys.collect()
}

/// A packed window key: the key, then the start.
pub(super) fn split_window_key(packed: &[u8]) -> Result<(&[u8], i64), &'static str> {
    let (key, start) = packed.split_last_chunk::<8>().ok_or("a packed window key is shorter than its start")?;
    Ok((key, i64::from_le_bytes(*start)))
}

/// The other way.
pub(super) fn join_window_key(key: &[u8], start: i64) -> Vec<u8> {
    [key, &start.to_le_bytes()].concat()
}

/// Blobs key, row, key, row.
pub(super) fn read_writes(packed: &Bytes) -> Result<Vec<PackedWrite>, &'static str> {
    let (lengths, mut at) = lengths(packed)?;
    let (pairs, odd) = lengths.as_chunks::<2>();
    if !odd.is_empty() {
        return Err("the last packed key has no row");
    }
    let mut take = |length: usize| {
        at += length;
        packed.slice(at - length..at)
    };
    let writes = pairs.iter().map(|[key, row]| {
        let key = take(key.ok_or("a packed key is absent")?);
        let row = row.map(&mut take).map(read_row).transpose()?;
        Ok(PackedWrite { key, row })
    });
    writes.collect()
}

fn read_row(blob: Bytes) -> Result<PackedRow, &'static str> {
    let timestamp = blob.first_chunk::<8>().copied().map(i64::from_le_bytes).ok_or("a packed row is shorter than its timestamp")?;
    Ok(PackedRow { timestamp: (timestamp != CURRENT).then_some(timestamp), value: blob.slice(8..) })
}

/// Blobs of rows, one after the other.
pub(super) struct Rows {
    /// None: it became too large.
    blobs: Option<Writer>,
}

impl Rows {
    /// So many will come.
    pub(super) fn new(count: usize) -> Self {
        Self { blobs: Writer::new(count) }
    }

    /// The next one.
    pub(super) fn push(&mut self, row: Option<Shown<'_>>) {
        let Some(blobs) = &mut self.blobs else { return };
        let written = match row {
            Some((timestamp, value)) => blobs.blob(&[&timestamp.0.to_le_bytes(), value]),
            None => {
                blobs.lengths.extend(NONE.to_le_bytes());
                Some(())
            }
        };
        if written.is_none() {
            self.blobs = None;
        }
    }

    /// All of them; nothing when it would be too large.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        self.blobs.map(Writer::finish)
    }
}

/// Blobs of rows; nothing when it would be too large.
pub(super) fn write_rows(rows: &[Option<Row>]) -> Option<Vec<u8>> {
    let mut blobs = Rows::new(rows.len());
    rows.iter().for_each(|row| blobs.push(row.as_ref().map(|row| (row.timestamp, &*row.value))));
    blobs.finish()
}

/// Blobs key, row, key, row; nothing when it would be too large.
pub(super) fn write_entries(entries: &[(Bytes, Row)]) -> Option<Vec<u8>> {
    let mut blobs = Writer::new(entries.len() * 2)?;
    for (key, row) in entries {
        blobs.blob(&[key])?;
        blobs.row(row)?;
    }
    Some(blobs.finish())
}

struct Writer {
    lengths: Vec<u8>,
    bytes: Vec<u8>,
}

impl Writer {
    fn new(count: usize) -> Option<Self> {
        let mut lengths = Vec::with_capacity(4 + count * 4);
        lengths.extend(u32::try_from(count).ok()?.to_le_bytes());
        Some(Self { lengths, bytes: Vec::new() })
    }

    fn blob(&mut self, parts: &[&[u8]]) -> Option<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.lengths.extend(u32::try_from(length).ok().filter(|&length| length != NONE)?.to_le_bytes());
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        Some(())
    }

    fn row(&mut self, row: &Row) -> Option<()> {
        self.blob(&[&row.timestamp.0.to_le_bytes(), &row.value])
    }

    fn finish(mut self) -> Vec<u8> {
        self.lengths.append(&mut self.bytes);
        self.lengths
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Timestamp;

    /// Blobs that are nearly right: a table, bytes that are mostly as many as it says, and perhaps a byte that is wrong.
    fn nearly_packed() -> impl Strategy<Value = Vec<u8>> {
        let length = prop_oneof![8 => 0..20_u32, 1 => Just(NONE), 1 => any::<u32>()];
        let more = prop_oneof![4 => Just(0), 1 => 1..3_usize];
        let wrong = prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>()));
        (prop::collection::vec(length, 0..8), more, wrong).prop_map(|(lengths, more, wrong)| {
            let sum: u32 = lengths.iter().filter(|length| **length < 20).sum();
            let mut packed = u32::try_from(lengths.len()).unwrap().to_le_bytes().to_vec();
            lengths.iter().for_each(|length| packed.extend(length.to_le_bytes()));
            packed.extend((0..sum as usize + more).map(|at| at as u8));
            if let Some((at, byte)) = wrong {
                let at = at.index(packed.len());
                packed[at] = byte;
            }
            packed
        })
    }

    proptest! {
        #[test]
        fn hostile_blobs_are_an_error_or_hold_each_byte_once(packed in nearly_packed()) {
            if let Ok(keys) = read_keys(&packed) {
                prop_assert_eq!(&keys.concat()[..], &packed[4 + 4 * keys.len()..]);
            }
            let packed = Bytes::from(packed);
            if let Ok(writes) = read_writes(&packed) {
                let bytes = |write: &PackedWrite| write.key.len() + write.row.as_ref().map_or(0, |row| 8 + row.value.len());
                prop_assert_eq!(writes.iter().map(bytes).sum::<usize>(), packed.len() - 4 - 8 * writes.len());
            }
        }
    }

    fn row(value: &'static [u8], timestamp: i64) -> Row {
        Row { value: Bytes::from_static(value), timestamp: Timestamp(timestamp) }
    }

    #[test]
    fn what_was_packed_comes_out_again() {
        let entries = [(Bytes::from_static(b""), row(b"one", 1)), (Bytes::from_static(b"k"), row(b"", 2))];
        let packed = Bytes::from(write_entries(&entries).unwrap());
        let read = read_writes(&packed).unwrap();
        let expected: Vec<PackedWrite> = entries
            .into_iter()
            .map(|(key, row)| PackedWrite { key, row: Some(PackedRow { timestamp: Some(row.timestamp.0), value: row.value }) })
            .collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn absent_rows_are_told_from_empty_ones() {
        let packed = write_rows(&[None, Some(row(b"", 7))]).unwrap();
        let mut expected = vec![2, 0, 0, 0, 255, 255, 255, 255, 8, 0, 0, 0];
        expected.extend(7i64.to_le_bytes());
        assert_eq!(packed, expected);
    }

    #[test]
    fn broken_blobs_are_refused() {
        let cases: [(&[u8], &str); 5] = [
            (b"", "packed blobs end before their table does"),
            (b"\x02\0\0\0\x01\0\0\0", "packed blobs end before their table does"),
            (b"\xff\xff\xff\xff", "too many packed blobs in one call"),
            (b"\x01\0\0\0\x02\0\0\0a", "the lengths of packed blobs do not add up to their bytes"),
            (b"\x01\0\0\0\xff\xff\xff\xff", "a packed key is absent"),
        ];
        for (packed, reason) in cases {
            assert_eq!(read_keys(packed), Err(reason), "{packed:?}");
        }
        let short_row = Bytes::from_static(b"\x02\0\0\0\x01\0\0\0\x01\0\0\0ab");
        assert_eq!(read_writes(&short_row), Err("a packed row is shorter than its timestamp"));
        let odd = Bytes::from_static(b"\x01\0\0\0\x01\0\0\0a");
        assert_eq!(read_writes(&odd), Err("the last packed key has no row"));
    }
}
