//! A record of a frame on its way into a processor: nothing is made of it before somebody asks.

use std::ops::Range;

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::codec::{CodecError, Decode};
use crate::headers::Headers;
use crate::record::{Previous, RawRecord};

/// Bytes that are a part of others.
#[derive(Clone, Debug)]
pub(crate) struct Part<'f> {
    whole: &'f Bytes,
    range: Range<usize>,
}

impl<'f> Part<'f> {
    #[inline]
    pub(crate) fn new(whole: &'f Bytes, range: Range<usize>) -> Self {
        Self { whole, range }
    }

    fn of(whole: &'f Bytes) -> Self {
        Self { whole, range: 0..whole.len() }
    }

    #[inline(always)]
    fn decode<T: Decode>(self) -> Result<T, CodecError> {
        if T::KEEPS_BYTES { T::decode_shared(self.shared()) } else { T::decode(&self.whole[self.range]) }
    }

    #[inline(always)]
    pub(crate) fn shared(self) -> Bytes {
        self.whole.slice(self.range)
    }
}

/// Reads a key or a value that may be null. In one with its caller: what goes through memory in halves is waited for.
#[inline(always)]
fn decode<T: Decode>(part: Option<Part<'_>>, what: &str) -> Result<T, CodecError> {
    let decoded = match part {
        Some(part) => part.decode(),
        None => T::decode_null(),
    };
    match decoded {
        Ok(decoded) => Ok(decoded),
        Err(error) => Err(error.of(what)),
    }
}

/// A record as it comes in: its key and its value are read as what is asked for. What an input's type is made of: see
/// [`Payload`](crate::Payload).
///
/// ```
/// # use cofferdam_guest::{Incoming, RawRecord};
/// let raw = RawRecord { key: Some("SFO".into()), timestamp: 1_000, ..RawRecord::default() };
/// let incoming = Incoming::from(&raw);
/// assert_eq!((incoming.key::<String>()?.as_str(), incoming.value::<Option<u64>>()?), ("SFO", None));
/// assert_eq!(incoming.into_raw(), raw);
/// # Ok::<(), cofferdam_guest::CodecError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Incoming<'f> {
    /// The event time.
    pub timestamp: Timestamp,
    /// The headers.
    pub headers: Headers,
    pub(crate) key: Option<Part<'f>>,
    pub(crate) value: Option<Part<'f>>,
    /// What an update replaces, and whether it is the latest of its key.
    pub(crate) change: Option<(Option<Part<'f>>, bool)>,
}

impl Incoming<'_> {
    /// The key.
    ///
    /// # Errors
    /// It is not what the type says.
    #[inline(always)]
    pub fn key<K: Decode>(&self) -> Result<K, CodecError> {
        decode(self.key.clone(), "key")
    }

    /// The value.
    ///
    /// # Errors
    /// It is not what the type says.
    #[inline(always)]
    pub fn value<V: Decode>(&self) -> Result<V, CodecError> {
        decode(self.value.clone(), "value")
    }

    /// The value that an update replaces, and [`Update::latest`](crate::Update::latest). None: it is no update.
    ///
    /// # Errors
    /// The old value is not what the type says.
    pub fn change<V: Decode>(&self) -> Result<Option<(Option<V>, bool)>, CodecError> {
        let Some((previous, latest)) = self.change.clone() else { return Ok(None) };
        let previous = previous.map(Part::decode).transpose().map_err(|error| error.of("previous value"))?;
        Ok(Some((previous, latest)))
    }

    /// As bytes.
    #[inline]
    pub fn into_raw(self) -> RawRecord {
        RawRecord {
            key: self.key.map(Part::shared),
            value: self.value.map(Part::shared),
            timestamp: self.timestamp,
            headers: self.headers,
            change: self.change.map(|(previous, latest)| Previous { value: previous.map(Part::shared), latest }),
        }
    }
}

impl<'f> From<&'f RawRecord> for Incoming<'f> {
    fn from(record: &'f RawRecord) -> Self {
        Self {
            timestamp: record.timestamp,
            headers: record.headers.clone(),
            key: record.key.as_ref().map(Part::of),
            value: record.value.as_ref().map(Part::of),
            change: record.change.as_ref().map(|change| (change.value.as_ref().map(Part::of), change.latest)),
        }
    }
}
