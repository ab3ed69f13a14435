//! Records of a partition as whoever brought them holds them.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;

use super::{ConsumedRecord, Headers, HeadersRef, Offset, PIECE_BYTES, Previous, Record, Timestamp};

/// Records that stay in the memory of their client until they are let go of.
pub trait Held: fmt::Debug + Send {
    /// How many there are.
    fn len(&self) -> usize;

    /// True without any.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them, below `len`; 0 is the first.
    fn get(&self, at: usize) -> RecordRef<'_>;

    /// Lets go of so many of the first, of all at most.
    fn let_go(&mut self, count: usize);
}

/// A record, wherever it stands.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    /// Its offset; 0 where it has none.
    pub offset: Offset,
    /// See [`Record::timestamp`].
    pub timestamp: Timestamp,
    /// See [`Record::key`].
    pub key: Option<&'a [u8]>,
    /// See [`Record::value`].
    pub value: Option<&'a [u8]>,
    /// See [`Record::headers`].
    pub headers: HeadersRef<'a>,
    /// See [`Record::change`].
    pub change: Option<&'a Previous>,
}

impl<'a> RecordRef<'a> {
    /// One without headers.
    pub fn plain(offset: Offset, timestamp: Timestamp, key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Self {
        Self { offset, timestamp, key, value, headers: HeadersRef::default(), change: None }
    }

    /// With memory of its own.
    pub fn copied(&self) -> Record {
        let Self { timestamp, key, value, headers, change, .. } = *self;
        let part = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
        Record { key: part(key), value: part(value), timestamp, headers: headers.copied(), change: change.cloned() }
    }

    /// As [`Record::size`].
    pub fn size(&self) -> usize {
        let part = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let previous = self.change.map_or(0, |change| part(change.value.as_deref()));
        part(self.key) + part(self.value) + previous + self.headers.size()
    }
}

impl<'a> From<&'a Record> for RecordRef<'a> {
    fn from(Record { key, value, timestamp, headers, change }: &'a Record) -> Self {
        Self {
            offset: 0,
            timestamp: *timestamp,
            key: key.as_deref(),
            value: value.as_deref(),
            headers: headers.as_ref(),
            change: change.as_ref(),
        }
    }
}

impl<'a> From<&'a ConsumedRecord> for RecordRef<'a> {
    fn from(consumed: &'a ConsumedRecord) -> Self {
        Self { offset: consumed.offset, ..Self::from(&consumed.record) }
    }
}

/// Records of one partition, in order.
#[derive(Debug)]
pub enum Arrived {
    /// Each with memory of its own, or in pieces that it shares.
    Owned(VecDeque<ConsumedRecord>),
    /// In their client's.
    Held(Box<dyn Held>),
}

impl Default for Arrived {
    fn default() -> Self {
        Self::Owned(VecDeque::new())
    }
}

impl Arrived {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Owned(records) => records.len(),
            Self::Held(records) => records.len(),
        }
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them; 0 is the first.
    pub fn get(&self, at: usize) -> Option<RecordRef<'_>> {
        match self {
            Self::Owned(records) => records.get(at).map(RecordRef::from),
            Self::Held(records) => (at < records.len()).then(|| records.get(at)),
        }
    }

    /// All of them, as they are.
    pub fn iter(&self) -> impl Iterator<Item = RecordRef<'_>> {
        let (owned, held) = match self {
            Self::Owned(records) => (Some(records.iter().map(RecordRef::from)), None),
            Self::Held(records) => (None, Some((0..records.len()).map(|at| records.get(at)))),
        };
        owned.into_iter().flatten().chain(held.into_iter().flatten())
    }

    /// So many from `first` on, each with memory of its own or in shared pieces: of those that are held, copies.
    pub fn owned(&self, first: usize, count: usize) -> Vec<ConsumedRecord> {
        match self {
            Self::Owned(records) => records.iter().skip(first).take(count).cloned().collect(),
            Self::Held(records) => copied(&**records, first, count),
        }
    }

    /// All of them, each with memory of its own or in shared pieces.
    pub fn into_owned(self) -> Self {
        match self {
            owned @ Self::Owned(_) => owned,
            Self::Held(records) => Self::Owned(copied(&*records, 0, records.len()).into()),
        }
    }

    /// Lets go of so many of the first.
    pub fn let_go(&mut self, count: usize) {
        match self {
            Self::Owned(records) => drop(records.drain(..count.min(records.len()))),
            Self::Held(records) => records.let_go(count),
        }
    }
}

fn copied(held: &dyn Held, first: usize, count: usize) -> Vec<ConsumedRecord> {
    let end = first.saturating_add(count).min(held.len());
    let mut records = Vec::with_capacity(end.saturating_sub(first));
    let mut at = first;
    while at < end {
        let (mut next, mut length) = (at, 0);
        while next < end && (next == at || length < PIECE_BYTES) {
            length += held.get(next).size();
            next += 1;
        }
        let mut piece = Vec::with_capacity(length);
        for RecordRef { key, value, headers, .. } in (at..next).map(|at| held.get(at)) {
            [key, value, Some(headers.packed())].into_iter().flatten().for_each(|part| piece.extend_from_slice(part));
        }
        let (piece, mut begin) = (Bytes::from(piece), 0);
        let mut cut = |part: Option<&[u8]>| {
            part.map(|part| {
                let from = begin;
                begin += part.len();
                piece.slice(from..begin)
            })
        };
        records.extend((at..next).map(|at| {
            let RecordRef { offset, timestamp, key, value, headers, .. } = held.get(at);
            let (key, value) = (cut(key), cut(value));
            let headers = cut(Some(headers.packed())).map(Headers::of_packed).unwrap_or_default();
            ConsumedRecord { offset, record: Record { key, value, timestamp, headers, change: None } }
        }));
        at = next;
    }
    records
}

/// Records as if they lay in the memory of a client.
#[derive(Debug)]
pub struct Kept(pub VecDeque<ConsumedRecord>);

impl Held for Kept {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, at: usize) -> RecordRef<'_> {
        RecordRef::from(&self.0[at])
    }

    fn let_go(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Header;

    #[test]
    fn copies_are_what_is_held_over_several_pieces() {
        let part = |length| Some(Bytes::from(vec![length as u8; length]));
        let bodies = [(None, None), (part(0), part(3)), (part(2), None), (part(7), part(PIECE_BYTES)), (part(1), part(5)), (None, part(0))];
        let record = |((key, value), offset): ((Option<Bytes>, Option<Bytes>), u64)| {
            let timestamp = Timestamp(offset.cast_signed() * 10);
            let headers = (offset % 3 == 2).then_some(Header { name: "h", value: Some(b"w") }).into_iter().collect();
            ConsumedRecord { offset, record: Record { key, value, timestamp, headers, change: None } }
        };
        let records: VecDeque<_> = bodies.into_iter().zip(0..).map(record).collect();
        let mut arrived = Arrived::Held(Box::new(Kept(records.clone())));
        arrived.let_go(1);
        let copies = arrived.owned(1, 9);
        assert_eq!(copies, records.range(2..).cloned().collect::<Vec<_>>());
        let again = Arrived::Owned(copies.into());
        let header = crate::limits::HEADER_BYTES + 2;
        assert_eq!(again.iter().map(|r| r.size()).sum::<usize>(), 2 + 7 + PIECE_BYTES + 6 + 2 * header);
        assert_eq!(again.owned(1, 2).len(), 2);
    }
}
