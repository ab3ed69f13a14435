//! Frames in one piece, in the layout of the packed calls (interface `batch` of the contract tells it): as guests take and give them, and as they
//! go from one guest to the next.

use bytes::Bytes;

use super::{Caused, Frame, Incoming, Output, SourceRecord};
use crate::record::{Headers, HeadersRef, Previous, Record, RecordRef, Timestamp};

/// "CDF1".
const MAGIC: u32 = 0x3146_4443;
/// Length of what is absent.
const NONE: u32 = u32::MAX;
/// In the place of a previous value's length: no change.
const NO_CHANGE: u32 = u32::MAX - 1;
/// In `route`: the change came late.
pub(crate) const LATE: u32 = 1 << 31;
/// Bytes before the table.
pub(crate) const HEAD_BYTES: usize = 8;
/// Bytes of a row of the table.
pub(crate) const ENTRY_BYTES: usize = 48;
/// Offsets in a row.
const STREAM_TIME: usize = 8;
const ORIGIN: usize = 16;
const SLOT: usize = 24;
const ROUTE: usize = 44;

/// A frame that a guest has given, checked, or that the host has made.
#[derive(Debug)]
pub struct PackedFrame {
    bytes: Vec<u8>,
    causes: Vec<u32>,
    /// The port by which all of it goes.
    slot: Option<u32>,
    /// There are updates of a table among the records.
    has_changes: bool,
}

impl PackedFrame {
    /// `bytes` are as long as the table says, and have sound headers; `causes` are the source records of its entries, `slot` is where all of them go.
    pub(crate) fn new(bytes: Vec<u8>, causes: Vec<u32>, slot: Option<u32>, has_changes: bool) -> Self {
        Self { bytes, causes, slot, has_changes }
    }

    /// Records as they were consumed, all by port 0. `bytes`: those of their parts, about.
    pub fn consumed(frame: Frame<'_>, bytes: usize) -> Self {
        let causes: Vec<u32> = frame.causes().collect();
        let mut packed = Vec::with_capacity(HEAD_BYTES + causes.len() * ENTRY_BYTES + bytes);
        write(frame, &mut packed);
        Self { bytes: packed, causes, slot: Some(0), has_changes: false }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.causes.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.causes.is_empty()
    }

    /// The causes of the records, in their order.
    pub fn causes(&self) -> &[u32] {
        &self.causes
    }

    /// As a guest takes it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Cause and event time of the first record.
    pub fn first(&self) -> Option<(u32, Timestamp)> {
        let (rows, _) = self.bytes.get(HEAD_BYTES..)?.as_chunks::<ENTRY_BYTES>();
        Some((*self.causes.first()?, Timestamp(Entry::of(rows.first()?).timestamp)))
    }

    /// Whether all of it goes by one port, as it is. `changes`: there may be updates of a table among the records.
    pub fn goes_by(&self, slot: u32, changes: bool) -> bool {
        self.slot == Some(slot) && (changes || !self.has_changes)
    }

    /// The records with the partitions that they are for, without changes; their offsets are what stands as their origin.
    pub fn records(&self) -> impl Iterator<Item = (Option<u32>, RecordRef<'_>)> {
        let (rows, mut rest) = match table(&self.bytes) {
            Ok((rows, at)) => (rows, &self.bytes[at..]),
            // It was checked.
            Err(_) => (&[][..], &[][..]),
        };
        rows.iter().map(move |row| {
            let entry = Entry::of(row);
            let Parts { key, value, headers, .. } = entry.cut(|length| {
                let (part, behind) = rest.split_at(length);
                rest = behind;
                part
            });
            let headers = headers.map(HeadersRef::of_packed).unwrap_or_default();
            let record = RecordRef { headers, ..RecordRef::plain(entry.origin, Timestamp(entry.timestamp), key, value) };
            (entry.partition(), record)
        })
    }

    /// Makes inputs of a node of the outputs. `causes`: the source records that they name.
    pub fn address(&mut self, input: u32, causes: &[SourceRecord]) {
        let Some(behind) = self.bytes.get_mut(HEAD_BYTES..) else { return };
        let (rows, _) = behind.as_chunks_mut::<ENTRY_BYTES>();
        for (row, cause) in rows.iter_mut().zip(&self.causes) {
            let source = causes[*cause as usize];
            row[STREAM_TIME..ORIGIN].copy_from_slice(&source.stream_time.0.to_le_bytes());
            row[ORIGIN..SLOT].copy_from_slice(&source.offset.to_le_bytes());
            row[SLOT..SLOT + 4].copy_from_slice(&input.to_le_bytes());
            // The partition goes, the mark of a late change stays.
            row[ROUTE..ROUTE + 3].fill(0);
            row[ROUTE + 3] &= LATE.to_le_bytes()[3];
        }
    }

    /// Puts the offsets of their causes in the place of the origins of the outputs.
    pub fn tell_causes(&mut self, causes: &[SourceRecord]) {
        let Some(behind) = self.bytes.get_mut(HEAD_BYTES..) else { return };
        let (rows, _) = behind.as_chunks_mut::<ENTRY_BYTES>();
        for (row, cause) in rows.iter_mut().zip(&self.causes) {
            row[ORIGIN..SLOT].copy_from_slice(&causes[*cause as usize].offset.to_le_bytes());
        }
    }

    /// The outputs one by one.
    pub fn unpack(self, into: &mut Vec<Caused>) {
        let Self { bytes, causes, .. } = self;
        let frame = Bytes::from(bytes);
        // A clone knows already that its memory is shared: parts of it are cut sooner.
        let shared = frame.clone();
        let Ok((rows, mut at)) = table(&frame) else { return };
        into.reserve(rows.len());
        let outputs = rows.iter().map(|row| Entry::of(row).output(&shared, &mut at));
        into.extend(outputs.zip(causes).map(|(output, cause)| Caused { cause, output }));
    }
}

/// The parts of an entry.
struct Parts<T> {
    key: Option<T>,
    value: Option<T>,
    previous: Option<T>,
    /// `None` without any.
    headers: Option<T>,
}

/// One row of the table.
pub(crate) struct Entry {
    pub(crate) timestamp: i64,
    /// Index of the entry that it comes from.
    pub(crate) origin: u64,
    pub(crate) slot: u32,
    key: u32,
    value: u32,
    previous: u32,
    pub(crate) headers: u32,
    route: u32,
}

impl Entry {
    #[inline]
    pub(crate) fn of(row: &[u8; ENTRY_BYTES]) -> Self {
        let word = |at: usize| row[at..].first_chunk::<4>().copied().map_or(0, u32::from_le_bytes);
        let long = |at: usize| row[at..].first_chunk::<8>().copied().map_or(0, u64::from_le_bytes);
        Self {
            timestamp: long(0).cast_signed(),
            origin: long(ORIGIN),
            slot: word(SLOT),
            key: word(28),
            value: word(32),
            previous: word(36),
            headers: word(40),
            route: word(ROUTE),
        }
    }

    /// An update of a table.
    pub(crate) fn is_change(&self) -> bool {
        self.previous != NO_CHANGE
    }

    /// Bytes of its parts but for the headers, which come last.
    pub(crate) fn parts(&self) -> usize {
        let part = |length: u32| if length == NONE { 0 } else { length as usize };
        let previous = if self.is_change() { part(self.previous) } else { 0 };
        part(self.key) + part(self.value) + previous
    }

    /// The record, whose bytes begin at `at`; they are there, as was checked.
    fn output(&self, frame: &Bytes, at: &mut usize) -> Output {
        let Parts { key, value, previous, headers } = self.cut(|length| {
            let begin = *at;
            *at += length;
            frame.slice(begin..*at)
        });
        let change = self.is_change().then(|| Previous { value: previous, latest: self.route & LATE == 0 });
        let headers = headers.map(Headers::of_packed).unwrap_or_default();
        let record = Record { key, value, timestamp: Timestamp(self.timestamp), headers, change };
        Output { slot: self.slot, partition: self.partition(), record }
    }

    /// Its parts, which stand one behind the other: `next` cuts off as many bytes as it is told.
    #[inline]
    fn cut<T>(&self, mut next: impl FnMut(usize) -> T) -> Parts<T> {
        let mut part = |length: u32| (length != NONE).then(|| next(length as usize));
        let (key, value) = (part(self.key), part(self.value));
        let previous = if self.is_change() { part(self.previous) } else { None };
        let headers = if self.headers > 0 { part(self.headers) } else { None };
        Parts { key, value, previous, headers }
    }

    /// The partition that it is for.
    fn partition(&self) -> Option<u32> {
        (self.route & !LATE).checked_sub(1)
    }
}

/// The table of a frame, and where the bytes of its entries begin.
pub(crate) fn table(frame: &[u8]) -> Result<(&[[u8; ENTRY_BYTES]], usize), &'static str> {
    const SHORT: &str = "a frame ends before its table does";
    let (magic, rest) = frame.split_first_chunk::<4>().ok_or(SHORT)?;
    let (count, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    if u32::from_le_bytes(*magic) != MAGIC {
        return Err("a frame does not begin as frames do");
    }
    let bytes = (u32::from_le_bytes(*count) as usize).checked_mul(ENTRY_BYTES).filter(|bytes| *bytes <= rest.len()).ok_or(SHORT)?;
    let (entries, _) = rest[..bytes].as_chunks::<ENTRY_BYTES>();
    Ok((entries, HEAD_BYTES + bytes))
}

/// Writes a frame into an empty buffer.
pub(crate) fn write(frame: Frame<'_>, into: &mut Vec<u8>) {
    into.resize(HEAD_BYTES + frame.len() * ENTRY_BYTES, 0);
    into[..4].copy_from_slice(&MAGIC.to_le_bytes());
    into[4..HEAD_BYTES].copy_from_slice(&length(frame.len()).to_le_bytes());
    for (incoming, row) in frame.iter().zip((HEAD_BYTES..).step_by(ENTRY_BYTES)) {
        let record = incoming.record;
        let previous = record.change.and_then(|change| change.value.as_deref());
        let parts = [record.key, record.value, previous, Some(record.headers.packed())];
        parts.into_iter().flatten().for_each(|part| into.extend_from_slice(part));
        into[row..row + ENTRY_BYTES].copy_from_slice(&entry(&frame, &incoming));
    }
}

fn entry(frame: &Frame<'_>, Incoming { cause, record }: &Incoming<'_>) -> [u8; ENTRY_BYTES] {
    let source = frame.source(*cause);
    let mut entry = [0; ENTRY_BYTES];
    let mut put = |at: usize, bytes: &[u8]| entry[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &record.timestamp.0.to_le_bytes());
    put(STREAM_TIME, &source.stream_time.0.to_le_bytes());
    put(ORIGIN, &source.offset.to_le_bytes());
    let (previous, route) = match record.change {
        None => (NO_CHANGE, 0),
        Some(Previous { value, latest }) => (length_of(value.as_deref()), if *latest { 0 } else { LATE }),
    };
    let headers = length(record.headers.packed().len());
    let words = [frame.input, length_of(record.key), length_of(record.value), previous, headers, route];
    words.into_iter().zip((SLOT..).step_by(4)).for_each(|(word, at)| put(at, &word.to_le_bytes()));
    entry
}

/// Records are far smaller.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NO_CHANGE - 1)
}

fn length_of(part: Option<&[u8]>) -> u32 {
    part.map_or(NONE, |bytes| length(bytes.len()))
}
