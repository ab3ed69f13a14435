//! Blobs, the layout of the packed store calls: a table of lengths, then the bytes. The contract's interface `batch` tells it.

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::copy::append;

/// The length of what is absent.
const NONE: u32 = u32::MAX;
/// As timestamp of a row that is written: the current record's.
pub(crate) const CURRENT: Timestamp = Timestamp::MIN;
/// Bytes of a row's timestamp, which stands before its value.
const TIME: usize = 8;

/// Blobs under construction. Its buffers are kept from one use to the next.
#[derive(Debug, Default)]
pub(crate) struct BlobWriter {
    count: u32,
    lengths: Vec<u8>,
    bytes: Vec<u8>,
}

impl BlobWriter {
    pub(crate) fn begin(&mut self) {
        self.count = 0;
        self.bytes.clear();
        self.lengths.clear();
        self.lengths.extend_from_slice(&[0; 4]);
    }

    pub(crate) fn blob(&mut self, bytes: &[u8]) {
        self.length(bytes.len() as u32);
        append(&mut self.bytes, bytes);
    }

    pub(crate) fn absent(&mut self) {
        self.length(NONE);
    }

    pub(crate) fn row(&mut self, timestamp: Timestamp, value: &[u8]) {
        self.length((TIME + value.len()) as u32);
        self.bytes.extend_from_slice(&timestamp.to_le_bytes());
        append(&mut self.bytes, value);
    }

    fn length(&mut self, length: u32) {
        self.count += 1;
        self.lengths.extend_from_slice(&length.to_le_bytes());
    }

    /// The whole.
    pub(crate) fn packed(&mut self) -> &[u8] {
        self.lengths[..4].copy_from_slice(&self.count.to_le_bytes());
        self.lengths.append(&mut self.bytes);
        &self.lengths
    }

    /// Lets go of buffers that have become larger than so many bytes.
    pub(crate) fn shrink(&mut self, most: usize) {
        self.begin();
        self.lengths.shrink_to(most);
        self.bytes.shrink_to(most);
    }
}

/// A part of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) begin: usize,
    pub(crate) end: usize,
}

impl Place {
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.begin..self.end]
    }

    pub(crate) fn len(self) -> usize {
        self.end - self.begin
    }
}

/// Blobs as they came: gives one after the other, none for one that is absent.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    packed: Bytes,
    /// Where the next length stands, and where the table ends.
    table: (usize, usize),
    /// Where the next blob's bytes begin.
    at: usize,
}

impl Blobs {
    pub(crate) fn read(packed: Bytes) -> Self {
        let count = packed.first_chunk::<4>().map_or(0, |count| u32::from_le_bytes(*count) as usize);
        let end = 4 + count * 4;
        Self { packed, table: (4, end), at: end }
    }

    fn next_length(&mut self) -> Option<u32> {
        let (next, end) = self.table;
        let length = self.packed.get(next..end)?.first_chunk::<4>()?;
        self.table.0 += 4;
        Some(u32::from_le_bytes(*length))
    }

    /// Where the next blob stands, as `next`.
    pub(crate) fn next_place(&mut self) -> Option<Option<Place>> {
        let length = self.next_length()?;
        if length == NONE {
            return Some(None);
        }
        let begin = self.at;
        self.at += length as usize;
        assert!(self.at <= self.packed.len(), "the host's answer is shorter than it says");
        Some(Some(Place { begin, end: self.at }))
    }

    /// What all of them stand in.
    pub(crate) fn whole(&self) -> &Bytes {
        &self.packed
    }
}

impl Iterator for Blobs {
    type Item = Option<Bytes>;

    fn next(&mut self) -> Option<Option<Bytes>> {
        let place = self.next_place()?;
        Some(place.map(|place| self.packed.slice(place.begin..place.end)))
    }
}

/// A window's key and its start.
pub(crate) fn split_window_key(packed: &Bytes) -> (Bytes, Timestamp) {
    let Some(start) = packed.last_chunk::<TIME>() else { panic!("a window's key of the host is shorter than its start") };
    (packed.slice(..packed.len() - TIME), Timestamp::from_le_bytes(*start))
}

/// A row's timestamp, and where its value stands.
pub(crate) fn split_row_at(bytes: &[u8], row: Place) -> (Timestamp, Place) {
    let Some(timestamp) = row.of(bytes).first_chunk::<TIME>() else { panic!("a row of the host is shorter than its timestamp") };
    (Timestamp::from_le_bytes(*timestamp), Place { begin: row.begin + TIME, ..row })
}

/// A row's timestamp and its value.
pub(crate) fn split_row(row: &Bytes) -> (Timestamp, Bytes) {
    let Some(timestamp) = row.first_chunk::<TIME>() else { panic!("a row of the host is shorter than its timestamp") };
    (Timestamp::from_le_bytes(*timestamp), row.slice(TIME..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_again() {
        let mut writer = BlobWriter::default();
        for round in 0..2 {
            writer.begin();
            writer.blob(b"key");
            writer.row(7, b"value");
            writer.blob(b"");
            writer.absent();
            writer.row(CURRENT, b"");
            let mut read = Blobs::read(Bytes::copy_from_slice(writer.packed()));
            assert_eq!(read.next(), Some(Some(Bytes::from(b"key"))), "round {round}");
            assert_eq!(read.next().flatten().map(|row| split_row(&row)), Some((7, Bytes::from(b"value"))));
            assert_eq!(read.next(), Some(Some(Bytes::new())));
            assert_eq!(read.next(), Some(None));
            assert_eq!(read.next().flatten().map(|row| split_row(&row)), Some((CURRENT, Bytes::new())));
            assert_eq!(read.next(), None);
        }
    }

    #[test]
    fn an_empty_answer_has_no_blobs() {
        assert_eq!(Blobs::default().next(), None);
        assert_eq!(Blobs::read(Bytes::from(&[0; 4])).next(), None);
    }

    #[test]
    #[should_panic = "the host's answer is shorter than it says"]
    fn a_cut_answer_is_told() {
        Blobs::read(Bytes::from(b"\x01\0\0\0\x02\0\0\0a")).next();
    }
}
