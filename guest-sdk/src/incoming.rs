//! A record of a frame on its way into a processor: nothing is made of it before somebody asks.

use crate::Timestamp;
use crate::bytes::Bytes;
use crate::codec::{CodecError, Decode};
use crate::frame::{Entry, LATE, NO_CHANGE, NONE, Row, length};
use crate::headers::Headers;
use crate::record::{Previous, RawRecord};

/// A record as it comes in: its key and its value are read as what is asked for. What an input's type is made of: see
/// [`Payload`](crate::Payload).
///
/// ```
/// use cofferdam_guest::testing::TestContext;
/// # use cofferdam_guest::{Context, Failure, Incoming, Inputs, NoConfig, Processor, Roles, Setup, Takes};
///
/// /// Only the key; the value is never looked at.
/// struct Airport(String);
///
/// impl Inputs for Airport {
///     fn roles() -> Roles {
///         Roles::Any(Takes::Either)
///     }
///
///     fn decode(_input: u32, record: Incoming<'_>) -> Result<Self, Failure> {
///         Ok(Self(record.key()?))
///     }
/// }
/// # struct Names;
/// # impl Processor for Names {
/// #     type Config = NoConfig;
/// #     type Input = Airport;
/// #     fn init(_: NoConfig, _: &mut Setup) -> Result<Self, String> { Ok(Self) }
/// #     fn process(&mut self, airport: Airport, ctx: &mut Context) -> Result<(), Failure> { ctx.forward((airport.0, ())) }
/// # }
/// # let mut test = TestContext::<Names>::new()?;
/// # test.process(("SFO", 7u64))?;
/// # assert_eq!(test.outputs::<String, ()>()?[0].key, "SFO");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'f> {
    whole: &'f Bytes,
    row: &'f Row,
    /// Where its bytes begin: key, value, previous value, headers.
    at: usize,
    /// Where those of the value begin.
    value_at: usize,
}

impl<'f> Incoming<'f> {
    /// The record of a row whose bytes are there.
    #[inline(always)]
    pub(crate) fn new(whole: &'f Bytes, row: &'f Row, at: usize) -> Self {
        Self { whole, row, at, value_at: at + length(Entry::read(row).key) }
    }

    #[inline(always)]
    pub(crate) fn entry(&self) -> Entry {
        Entry::read(self.row)
    }

    /// The event time.
    #[inline(always)]
    pub fn timestamp(&self) -> Timestamp {
        self.entry().timestamp
    }

    /// The headers.
    #[inline(always)]
    pub fn headers(&self) -> Headers {
        let Entry { value, previous, headers, .. } = self.entry();
        if headers == 0 {
            return Headers::default();
        }
        let begin = self.value_at + length(value) + length(previous);
        cut_headers(self.whole, begin, begin + length(headers))
    }

    /// The key.
    ///
    /// # Errors
    /// It is not what the type says.
    #[inline(always)]
    pub fn key<K: Decode>(&self) -> Result<K, CodecError> {
        self.decode(self.at, self.entry().key, "key")
    }

    /// The value.
    ///
    /// # Errors
    /// It is not what the type says.
    #[inline(always)]
    pub fn value<V: Decode>(&self) -> Result<V, CodecError> {
        self.decode(self.value_at, self.entry().value, "value")
    }

    /// Reads a part that may be null. In one with its caller: what goes through memory in halves is waited for.
    #[inline(always)]
    fn decode<T: Decode>(&self, begin: usize, length: u32, what: &str) -> Result<T, CodecError> {
        let end = begin + self::length(length);
        let decoded = if length == NONE {
            T::decode_null()
        } else if T::KEEPS_BYTES {
            T::decode_shared(self.whole.part(begin, end))
        } else {
            T::decode(&self.whole[begin..end])
        };
        match decoded {
            Ok(decoded) => Ok(decoded),
            Err(error) => Err(error.of(what)),
        }
    }

    /// As bytes.
    #[inline]
    pub fn into_raw(self) -> RawRecord {
        let Entry { timestamp, key, value, previous, route, .. } = self.entry();
        let mut begin = self.at;
        let mut take = |length: u32| {
            (length != NONE).then(|| {
                let part = self.whole.part(begin, begin + self::length(length));
                begin += self::length(length);
                part
            })
        };
        let (key, value) = (take(key), take(value));
        let change = (previous != NO_CHANGE).then(|| Previous { value: take(previous), latest: route & LATE == 0 });
        RawRecord { key, value, timestamp, headers: self.headers(), change }
    }
}

/// Takes no record: one that is looked at from afar would have to lie in memory for it.
#[cold]
fn cut_headers(whole: &Bytes, begin: usize, end: usize) -> Headers {
    Headers::packed(whole.part(begin, end))
}
