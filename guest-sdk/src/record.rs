//! Records as they come in and go out: typed, with their time and headers; and raw, as the host hands them over.

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::codec::{CodecError, Decode, decode_nullable};
use crate::failure::Failure;
use crate::headers::Headers;

/// A record of a stream. As an output it carries its own timestamp and headers; a pair `(key, value)` inherits those of the input.
///
/// ```
/// # use cofferdam_guest::Record;
/// let record = Record::new("SFO".to_owned(), 12i64, 1_000);
/// let doubled = record.clone().with_value(record.value * 2);
/// assert_eq!((doubled.key.as_str(), doubled.value, doubled.timestamp), ("SFO", 24, 1_000));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Record<K, V> {
    /// The key. `Option<..>` where it may be null, `()` where it does not matter.
    pub key: K,
    /// The value; the same.
    pub value: V,
    /// The event time.
    pub timestamp: Timestamp,
    /// The headers.
    pub headers: Headers,
}

impl<K, V> Record<K, V> {
    /// A record without headers.
    ///
    /// ```
    /// # use cofferdam_guest::Record;
    /// assert!(Record::new("key", "value", 0).headers.is_empty());
    /// ```
    pub fn new(key: K, value: V, timestamp: Timestamp) -> Self {
        Self { key, value, timestamp, headers: Headers::default() }
    }

    /// The same record with another key.
    ///
    /// ```
    /// # use cofferdam_guest::Record;
    /// assert_eq!(Record::new((), "value", 5).with_key("key"), Record::new("key", "value", 5));
    /// ```
    pub fn with_key<L>(self, key: L) -> Record<L, V> {
        Record { key, value: self.value, timestamp: self.timestamp, headers: self.headers }
    }

    /// The same record with another value.
    ///
    /// ```
    /// # use cofferdam_guest::Record;
    /// assert_eq!(Record::new("key", "7", 5).with_value(7), Record::new("key", 7, 5));
    /// ```
    pub fn with_value<W>(self, value: W) -> Record<K, W> {
        Record { key: self.key, value, timestamp: self.timestamp, headers: self.headers }
    }
}

/// An update of a table: what a key's value is now, and what it was.
///
/// ```
/// # use cofferdam_guest::Update;
/// let update = Update::new("SFO", Some(3), Some(2), 1_000);
/// assert_eq!(update.value.unwrap_or(0) - update.previous.unwrap_or(0), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Update<K, V> {
    /// The key.
    pub key: K,
    /// The value now; none: the key was deleted.
    pub value: Option<V>,
    /// The value that this replaces; none: there was none.
    pub previous: Option<V>,
    /// False only for an update of a versioned table that came late and is not the key's newest version.
    pub latest: bool,
    /// The event time.
    pub timestamp: Timestamp,
    /// The headers.
    pub headers: Headers,
}

impl<K, V> Update<K, V> {
    /// An update without headers, the newest of its key.
    ///
    /// ```
    /// # use cofferdam_guest::Update;
    /// assert!(Update::<_, i64>::new("SFO", None, Some(2), 0).latest);
    /// ```
    pub fn new(key: K, value: Option<V>, previous: Option<V>, timestamp: Timestamp) -> Self {
        Self { key, value, previous, latest: true, timestamp, headers: Headers::default() }
    }
}

/// The value that an update of a table replaces, as bytes.
///
/// ```
/// # use cofferdam_guest::Previous;
/// let first = Previous { value: None, latest: true };
/// # assert!(first.latest);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The old value; none: there was none.
    pub value: Option<Bytes>,
    /// See [`Update::latest`].
    pub latest: bool,
}

/// A record as bytes, stream record or update alike: for processors that do not look into keys and values. [`Bytes`] are shared with the
/// frame in which the record came, so a clone copies none.
///
/// ```
/// # use cofferdam_guest::RawRecord;
/// let record = RawRecord { key: Some("SFO".into()), timestamp: 1_000, ..RawRecord::default() };
/// assert_eq!(record.value, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRecord {
    /// The key; none is null.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone.
    pub value: Option<Bytes>,
    /// The event time.
    pub timestamp: Timestamp,
    /// The headers.
    pub headers: Headers,
    /// Some: an update of a table.
    pub change: Option<Previous>,
}

impl RawRecord {
    /// Key and value, typed. `change` is not looked at.
    ///
    /// ```
    /// # use cofferdam_guest::RawRecord;
    /// let record = RawRecord { key: Some("SFO".into()), value: Some("12".into()), ..RawRecord::default() };
    /// let typed = record.decode::<String, cofferdam_guest::Text<i64>>()?;
    /// assert_eq!((typed.key.as_str(), *typed.value), ("SFO", 12));
    /// # Ok::<(), cofferdam_guest::CodecError>(())
    /// ```
    ///
    /// # Errors
    /// Key or value are not what the types say; the error tells which.
    pub fn decode<K: Decode, V: Decode>(self) -> Result<Record<K, V>, CodecError> {
        Ok(Record {
            key: decode_nullable(self.key).map_err(|error| error.of("key"))?,
            value: decode_nullable(self.value).map_err(|error| error.of("value"))?,
            timestamp: self.timestamp,
            headers: self.headers,
        })
    }

    /// The update that it is, typed.
    ///
    /// ```
    /// # use cofferdam_guest::{Failure, Previous, RawRecord};
    /// let change = Some(Previous { value: Some("2".into()), latest: true });
    /// let record = RawRecord { key: Some("SFO".into()), change, ..RawRecord::default() };
    /// let update = record.decode_update::<String, String>()?;
    /// assert_eq!((update.value, update.previous.as_deref()), (None, Some("2")));
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// Key or values are not what the types say: [`Failure::BadRecord`]. It is a record of a stream: [`Failure::Fatal`].
    pub fn decode_update<K: Decode, V: Decode>(self) -> Result<Update<K, V>, Failure> {
        let Some(Previous { value: previous, latest }) = self.change else {
            return Err(Failure::fatal("the record is not an update of a table"));
        };
        Ok(Update {
            key: decode_nullable(self.key).map_err(|error| error.of("key"))?,
            value: decode_nullable(self.value).map_err(|error| error.of("value"))?,
            previous: decode_nullable(previous).map_err(|error| error.of("previous value"))?,
            latest,
            timestamp: self.timestamp,
            headers: self.headers,
        })
    }
}

/// A record on its way out, and by which door: what a [`TestContext`](crate::testing::TestContext) collects.
///
/// ```
/// # use cofferdam_guest::testing::in_context;
/// let outputs = in_context(|ctx| ctx.forward_to("late", ("SFO", "90")))?;
/// assert_eq!(outputs[0].port.as_deref(), Some("late"));
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawOutput {
    /// The port; none is the default port.
    pub port: Option<String>,
    /// The partition; none: by the key.
    pub partition: Option<u32>,
    /// The record.
    pub record: RawRecord,
}
