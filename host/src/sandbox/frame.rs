//! Frames, the layout of the packed calls of records (interface `batch` of the contract tells it). What a guest gives is hostile and checked
//! once, whole.

use bytes::Bytes;

use super::outputs::{self, Totals};
use super::setup::NodeSetup;
use crate::limits;
use crate::node::{Caused, Failure, Frame, Incoming, Output};
use crate::record::{Header, Headers, Previous, Record, Timestamp};

/// "CDF1".
const MAGIC: u32 = 0x3146_4443;
/// Length of what is absent.
const NONE: u32 = u32::MAX;
/// In the place of a previous value's length: no change.
const NO_CHANGE: u32 = u32::MAX - 1;
/// In `route`: the change came late.
const LATE: u32 = 1 << 31;
const HEAD_BYTES: usize = 8;
const ENTRY_BYTES: usize = 48;

/// Writes a frame into an empty buffer.
pub(super) fn write(frame: Frame<'_>, into: &mut Vec<u8>) {
    into.resize(HEAD_BYTES + frame.len() * ENTRY_BYTES, 0);
    into[..4].copy_from_slice(&MAGIC.to_le_bytes());
    into[4..HEAD_BYTES].copy_from_slice(&length(frame.len()).to_le_bytes());
    for (incoming, row) in frame.iter().zip((HEAD_BYTES..).step_by(ENTRY_BYTES)) {
        let record = incoming.record;
        let previous = record.change.and_then(|change| change.value.as_deref());
        [record.key, record.value, previous].into_iter().flatten().for_each(|part| into.extend_from_slice(part));
        record.headers.iter().for_each(|header| write_header(header, into));
        into[row..row + ENTRY_BYTES].copy_from_slice(&entry(&frame, &incoming));
    }
}

fn entry(frame: &Frame<'_>, Incoming { cause, record }: &Incoming<'_>) -> [u8; ENTRY_BYTES] {
    let source = frame.source(*cause);
    let mut entry = [0; ENTRY_BYTES];
    let mut put = |at: usize, bytes: &[u8]| entry[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &record.timestamp.0.to_le_bytes());
    put(8, &source.stream_time.0.to_le_bytes());
    put(16, &source.offset.to_le_bytes());
    let (previous, route) = match record.change {
        None => (NO_CHANGE, 0),
        Some(Previous { value, latest }) => (length_of(value.as_deref()), if *latest { 0 } else { LATE }),
    };
    let headers = record.headers.iter().map(header_bytes).sum();
    let words = [frame.input, length_of(record.key), length_of(record.value), previous, length(headers), route];
    words.into_iter().zip((24..).step_by(4)).for_each(|(word, at)| put(at, &word.to_le_bytes()));
    entry
}

fn write_header(header: &Header, into: &mut Vec<u8>) {
    into.extend(length(header.name.len()).to_le_bytes());
    into.extend_from_slice(header.name.as_bytes());
    into.extend(length_of(header.value.as_deref()).to_le_bytes());
    into.extend_from_slice(header.value.as_deref().unwrap_or_default());
}

fn header_bytes(header: &Header) -> usize {
    8 + header.name.len() + header.value.as_deref().unwrap_or_default().len()
}

/// Records are far smaller.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NO_CHANGE - 1)
}

fn length_of(part: Option<&[u8]>) -> u32 {
    part.map_or(NONE, |bytes| length(bytes.len()))
}

/// Takes the outputs of frames that a guest gives in one call.
#[derive(Debug, Default)]
pub(super) struct Taken {
    totals: Totals,
    /// Origin of the last output, and how many and how large its outputs were.
    last: u32,
    of_last: (usize, usize),
}

impl Taken {
    /// Reads a frame of outputs. `causes`: those of the entries that the guest was given. `returned`: not handed over early.
    pub(super) fn read(
        &mut self,
        setup: &NodeSetup,
        causes: &[u32],
        frame: &Bytes,
        returned: bool,
        into: &mut Vec<Caused>,
    ) -> Result<(), Failure> {
        let (entries, mut at) = table(frame).map_err(malformed)?;
        // A clone knows already that its memory is shared: parts of it are cut sooner.
        let shared = frame.clone();
        into.reserve(entries.len());
        if returned && causes.len() == 1 {
            // All of them: so the message says how many there are.
            outputs::check_returned(entries.len(), 0)?;
        }
        self.totals.add_count(entries.len(), setup)?;
        for entry in entries {
            let entry = Entry::of(entry);
            let cause = usize::try_from(entry.origin).ok().and_then(|origin| causes.get(origin));
            let Some(&cause) = cause.filter(|_| entry.origin >= u64::from(self.last)) else {
                return Err(malformed("an output of a frame has an origin that is not there, or not in order"));
            };
            let output = entry.output(&shared, &mut at, setup)?;
            let bytes = output.record.size();
            self.totals.add_bytes(bytes)?;
            self.count(entry.origin, bytes, returned)?;
            into.push(Caused { cause, output });
        }
        Ok(())
    }

    /// What the outputs of one record may come to.
    fn count(&mut self, origin: u64, bytes: usize, returned: bool) -> Result<(), Failure> {
        if origin != u64::from(self.last) {
            self.last = u32::try_from(origin).unwrap_or(u32::MAX);
            self.of_last = (0, 0);
        }
        if !returned {
            return Ok(());
        }
        self.of_last = (self.of_last.0 + 1, self.of_last.1 + bytes);
        outputs::check_returned(self.of_last.0, self.of_last.1)
    }
}

/// One row of the table.
struct Entry {
    timestamp: i64,
    origin: u64,
    slot: u32,
    key: u32,
    value: u32,
    previous: u32,
    headers: u32,
    route: u32,
}

impl Entry {
    fn of(row: &[u8; ENTRY_BYTES]) -> Self {
        let word = |at: usize| row[at..].first_chunk::<4>().copied().map_or(0, u32::from_le_bytes);
        let long = |at: usize| row[at..].first_chunk::<8>().copied().map_or(0, u64::from_le_bytes);
        Self {
            timestamp: long(0).cast_signed(),
            origin: long(16),
            slot: word(24),
            key: word(28),
            value: word(32),
            previous: word(36),
            headers: word(40),
            route: word(44),
        }
    }

    /// Bytes of its parts.
    fn data(&self) -> u64 {
        let part = |length: u32| if length == NONE { 0 } else { u64::from(length) };
        let previous = if self.previous == NO_CHANGE { 0 } else { part(self.previous) };
        part(self.key) + part(self.value) + previous + u64::from(self.headers)
    }

    /// The record, whose bytes begin at `at`; they are there, as `table` has seen.
    fn output(&self, frame: &Bytes, at: &mut usize, setup: &NodeSetup) -> Result<Output, Failure> {
        let mut part = |length: u32| {
            (length != NONE).then(|| {
                let begin = *at;
                *at += length as usize;
                frame.slice(begin..*at)
            })
        };
        let (key, value) = (part(self.key), part(self.value));
        let change =
            (self.previous != NO_CHANGE).then(|| Box::new(Previous { value: part(self.previous), latest: self.route & LATE == 0 }));
        let headers = match self.headers {
            0 => Headers::default(),
            length => part(length).map_or(Ok(Vec::new()), |headers| read_headers(&headers)).map_err(malformed)?.into(),
        };
        let record = Record { key, value, timestamp: Timestamp(self.timestamp), headers, change };
        outputs::check(&record)?;
        let slots = u32::try_from(setup.ports.len()).unwrap_or(u32::MAX);
        if self.slot > slots {
            return Err(Failure::Fatal(format!("output to port number {}, but this node declares {slots}", self.slot)));
        }
        Ok(Output { slot: self.slot, partition: (self.route & !LATE).checked_sub(1), record })
    }
}

/// The table of a frame, and where the bytes of its entries begin. The lengths add up to the whole, exactly.
fn table(frame: &[u8]) -> Result<(&[[u8; ENTRY_BYTES]], usize), &'static str> {
    const SHORT: &str = "a frame ends before its table does";
    let (magic, rest) = frame.split_first_chunk::<4>().ok_or(SHORT)?;
    let (count, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    if u32::from_le_bytes(*magic) != MAGIC {
        return Err("a frame does not begin as frames do");
    }
    let bytes = (u32::from_le_bytes(*count) as usize).checked_mul(ENTRY_BYTES).filter(|bytes| *bytes <= rest.len()).ok_or(SHORT)?;
    let (entries, data) = rest.split_at(bytes);
    let (entries, _) = entries.as_chunks::<ENTRY_BYTES>();
    let mut sum = 0;
    for entry in entries {
        sum += Entry::of(entry).data();
    }
    if sum != data.len() as u64 {
        return Err("the lengths of a frame do not add up to its bytes");
    }
    Ok((entries, HEAD_BYTES + bytes))
}

fn read_headers(bytes: &Bytes) -> Result<Vec<Header>, &'static str> {
    let mut rest = Cursor { bytes, at: 0 };
    let mut headers = Vec::new();
    // One more than may be there: the record is refused for it.
    while rest.at < bytes.len() && headers.len() <= limits::RECORD_HEADERS {
        let name = rest.word()?;
        let name = rest.take(name)?;
        let name = std::str::from_utf8(&name).map_err(|_| "the name of a header is not UTF-8")?.into();
        let value = match rest.word()? {
            NONE => None,
            length => Some(rest.take(length)?),
        };
        headers.push(Header { name, value });
    }
    Ok(headers)
}

struct Cursor<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Cursor<'_> {
    fn take(&mut self, length: u32) -> Result<Bytes, &'static str> {
        let begin = self.at;
        self.at = begin.checked_add(length as usize).filter(|end| *end <= self.bytes.len()).ok_or("headers end in the middle")?;
        Ok(self.bytes.slice(begin..self.at))
    }

    fn word(&mut self) -> Result<u32, &'static str> {
        Ok(self.take(4)?.first_chunk::<4>().copied().map_or(0, u32::from_le_bytes))
    }
}

/// Reads what may be the answer of a guest that was given two records, alone, and behind the same as a frame that it hands over early. For
/// fuzzing: whatever the bytes are, it returns.
pub fn read_any(bytes: &[u8]) {
    let setup = NodeSetup { ports: vec!["left".into(), "right".into()], ..NodeSetup::nobodys() };
    let frame = Bytes::copy_from_slice(bytes);
    for frames in [&[true][..], &[false, true]] {
        let mut taken = Taken::default();
        for &returned in frames {
            // An error is as good as outputs.
            _ = taken.read(&setup, &[0, 1], &frame, returned, &mut Vec::new());
        }
    }
}

fn malformed(why: &'static str) -> Failure {
    Failure::Trap { reason: why.to_owned(), frames: Vec::new() }
}

#[cfg(test)]
mod tests;
