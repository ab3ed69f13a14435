//! Outputs: what can be forwarded, and how it is written into the frame that the call gives back.

use crate::Timestamp;
use crate::codec::{CodecError, Encode};
use crate::copy;
use crate::failure::Failure;
use crate::frame::{Cursor, Entry, Frame, FrameWriter, LATE, NO_CHANGE, NONE};
use crate::headers::Headers;
use crate::record::{RawRecord, Record, Update};

/// What can be forwarded: a pair `(key, value)`, which inherits time and headers of the input; a [`Record`]; an [`Update`]; a
/// [`RawRecord`]; and each of them with a partition ([`to_partition`](Outgoing::to_partition)).
///
/// ```
/// # use cofferdam_guest::{testing::in_context, Outgoing, Record, Text, Update};
/// let outputs = in_context(|ctx| {
///     ctx.forward(("SFO", "12"))?;
///     ctx.forward(Record::new("SFO", Text(12), 1_000))?;
///     ctx.forward(Update::new("SFO", Some("12"), None, 1_000))?;
///     ctx.forward(("SFO", "12").to_partition(3))
/// })?;
/// assert_eq!(outputs.len(), 4);
/// assert_eq!(outputs[3].partition, Some(3));
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
pub trait Outgoing: Sized {
    /// Writes it. A type of one's own makes one of those above of itself and lets that write.
    ///
    /// ```
    /// # use cofferdam_guest::{testing::in_context, CodecError, Draft, Outgoing, Text};
    /// struct Delay {
    ///     airport: String,
    ///     minutes: i64,
    /// }
    ///
    /// impl Outgoing for Delay {
    ///     fn write(self, draft: &mut Draft<'_>) -> Result<(), CodecError> {
    ///         (self.airport, Text(self.minutes)).write(draft)
    ///     }
    /// }
    ///
    /// let outputs = in_context(|ctx| ctx.forward(Delay { airport: "SFO".into(), minutes: 12 }))?;
    /// assert_eq!(outputs[0].record.value.as_deref(), Some(&b"12"[..]));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    ///
    /// # Errors
    /// Key or value have no bytes; the error tells which.
    fn write(self, draft: &mut Draft<'_>) -> Result<(), CodecError>;

    /// The same, written to this partition of sinks and repartition topics instead of that of its key.
    fn to_partition(self, partition: u32) -> Routed<Self> {
        Routed { outgoing: self, partition }
    }
}

/// A record with its partition: see [`Outgoing::to_partition`].
///
/// ```
/// # use cofferdam_guest::{Outgoing, Routed};
/// let routed: Routed<(&str, &str)> = ("SFO", "12").to_partition(3);
/// # let _ = routed;
/// ```
#[derive(Clone, Debug)]
pub struct Routed<T> {
    outgoing: T,
    partition: u32,
}

/// What outputs inherit from the record that is being processed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Current<'c> {
    /// The event time; in `punctuate` the time of the call.
    pub(crate) timestamp: Timestamp,
    /// Which record of which frame it is. No frame, or one without records: there is none.
    pub(crate) cursor: Cursor,
    pub(crate) frame: Option<&'c Frame>,
}

/// An output that is being written: see [`Outgoing::write`].
///
/// ```
/// # use cofferdam_guest::{CodecError, Draft, Outgoing};
/// fn write_first(pairs: &[(String, String)], draft: &mut Draft<'_>) -> Result<(), CodecError> {
///     pairs.first().map_or(Ok(()), |(key, value)| (key, value).write(draft))
/// }
/// # let _ = write_first;
/// ```
#[derive(Debug)]
pub struct Draft<'c> {
    frame: &'c mut FrameWriter,
    current: Current<'c>,
    /// Where its bytes begin.
    begin: usize,
    entry: Entry,
    /// None: those of the current record.
    headers: Option<Headers>,
}

impl<'c> Draft<'c> {
    /// An output with neither key nor value, and the time of the current record.
    #[inline(always)]
    pub(crate) fn begin(frame: &'c mut FrameWriter, current: Current<'c>, slot: u32) -> Self {
        let begin = frame.begin().len();
        let entry = Entry {
            timestamp: current.timestamp,
            stream_time: 0,
            origin: current.cursor.index as u64,
            slot,
            key: NONE,
            value: NONE,
            previous: NO_CHANGE,
            headers: 0,
            route: 0,
        };
        Self { frame, current, begin, entry, headers: None }
    }

    /// What stands in the table so far: a test makes a record of it.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn entry(&mut self) -> &mut Entry {
        &mut self.entry
    }

    #[inline(always)]
    fn key_and_value(&mut self, key: &impl Encode, value: &impl Encode) -> Result<(), CodecError> {
        self.frame.bytes().truncate(self.begin);
        self.entry.key = append(self.frame.bytes(), key).map_err(|error| error.of("key of an output"))?;
        self.entry.value = append(self.frame.bytes(), value).map_err(|error| error.of("value of an output"))?;
        self.entry.previous = NO_CHANGE;
        self.entry.route &= !LATE;
        Ok(())
    }

    /// The value that an update replaces; comes behind key and value.
    fn previous(&mut self, previous: &impl Encode, latest: bool) -> Result<(), CodecError> {
        self.entry.previous = append(self.frame.bytes(), previous).map_err(|error| error.of("value of an output"))?;
        self.entry.route |= if latest { 0 } else { LATE };
        Ok(())
    }

    fn own(&mut self, timestamp: Timestamp, headers: Headers) {
        self.entry.timestamp = timestamp;
        self.headers = Some(headers);
    }

    #[inline(always)]
    pub(crate) fn end(mut self) {
        let begin = self.frame.bytes().len();
        match &self.headers {
            Some(headers) if headers.is_none() => {}
            Some(headers) => {
                self.frame.expect(headers.packed_bytes());
                headers.pack(self.frame.bytes());
            }
            None => {
                let headers = self.current.frame.map_or(&[][..], |frame| frame.headers(self.current.cursor));
                if !headers.is_empty() {
                    self.frame.expect(headers.len());
                    self.frame.bytes().extend_from_slice(headers);
                }
            }
        }
        self.entry.headers = (self.frame.bytes().len() - begin) as u32;
        self.frame.end(&self.entry);
    }

    pub(crate) fn discard(self) {
        self.frame.bytes().truncate(self.begin);
    }
}

/// A frame of this record alone, as an input.
///
/// # Errors
/// It is larger than a frame can be.
pub(crate) fn frame_of(input: u32, record: RawRecord) -> Result<Frame, Failure> {
    let mut writer = FrameWriter::default();
    let mut draft = Draft::begin(&mut writer, Current::default(), input);
    record.write(&mut draft)?;
    draft.end();
    Frame::read(writer.take().into()).map_err(Failure::fatal)
}

/// Appends a key or a value and gives its length.
#[inline(always)]
fn append(bytes: &mut Vec<u8>, value: &impl Encode) -> Result<u32, CodecError> {
    if value.is_null() {
        return Ok(NONE);
    }
    let length = if let Some(plain) = value.as_encoded() {
        copy::append(bytes, plain);
        Some(plain.len())
    } else {
        let begin = bytes.len();
        value.encode(bytes)?;
        bytes.len().checked_sub(begin)
    };
    match length {
        Some(length) if length < NO_CHANGE as usize => Ok(length as u32),
        length => Err(no_length(length)),
    }
}

#[cold]
#[inline(never)]
fn no_length(length: Option<usize>) -> CodecError {
    CodecError::new(if length.is_some() { "4 GiB or more" } else { "its `encode` took bytes away instead of appending some" })
}

impl<K: Encode, V: Encode> Outgoing for (K, V) {
    #[inline(always)]
    fn write(self, draft: &mut Draft<'_>) -> Result<(), CodecError> {
        draft.key_and_value(&self.0, &self.1)
    }
}

impl<K: Encode, V: Encode> Outgoing for Record<K, V> {
    #[inline(always)]
    fn write(self, draft: &mut Draft<'_>) -> Result<(), CodecError> {
        draft.key_and_value(&self.key, &self.value)?;
        draft.own(self.timestamp, self.headers);
        Ok(())
    }
}

impl<K: Encode, V: Encode> Outgoing for Update<K, V> {
    fn write(self, draft: &mut Draft<'_>) -> Result<(), CodecError> {
        draft.key_and_value(&self.key, &self.value)?;
        draft.previous(&self.previous, self.latest)?;
        draft.own(self.timestamp, self.headers);
        Ok(())
    }
}

impl Outgoing for RawRecord {
    fn write(self, draft: &mut Draft<'_>) -> Result<(), CodecError> {
        draft.key_and_value(&self.key, &self.value)?;
        if let Some(change) = &self.change {
            draft.previous(&change.value, change.latest)?;
        }
        draft.own(self.timestamp, self.headers);
        Ok(())
    }
}

impl<T: Outgoing> Outgoing for Routed<T> {
    fn write(self, draft: &mut Draft<'_>) -> Result<(), CodecError> {
        // The outer partition holds, so it is written last.
        self.outgoing.write(draft)?;
        if self.partition >= LATE - 1 {
            return Err(CodecError::new(format!("partition {} of an output: the largest is {}", self.partition, LATE - 2)));
        }
        draft.entry.route = draft.entry.route & LATE | (self.partition + 1);
        Ok(())
    }
}
