//! Records as they come in and go out: typed, with their time and headers; and raw, as the host hands them over.

use std::ops::Deref;
use std::rc::Rc;

use crate::Timestamp;
use crate::codec::{CodecError, Decode, Encode, decode_nullable};

/// One header. Names may repeat; a value of none is Kafka's null.
///
/// ```
/// # use cofferdam_guest::Header;
/// let header = Header { name: "trace".into(), value: Some(b"7f".to_vec()) };
/// # assert_eq!(header.name, "trace");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name. Those that begin with `cofferdam.` are the host's.
    pub name: String,
    /// The value.
    pub value: Option<Vec<u8>>,
}

/// The headers of a record, in order. Cheap to clone: outputs share the input's until one is changed.
///
/// ```
/// # use cofferdam_guest::Headers;
/// let mut headers = Headers::default();
/// headers.push("trace", b"7f");
/// let shared = headers.clone();
/// headers.push("trace", b"80");
/// assert_eq!(headers.last_value("trace"), Some(&b"80"[..]));
/// assert_eq!(shared.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Option<Rc<Vec<Header>>>);

impl Headers {
    /// Adds a header at the end.
    ///
    /// ```
    /// # let mut headers = cofferdam_guest::Headers::default();
    /// headers.push("source", b"import");
    /// assert_eq!(headers.len(), 1);
    /// ```
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        let header = Header { name: name.into(), value: Some(value.into()) };
        Rc::make_mut(self.0.get_or_insert_default()).push(header);
    }

    /// Removes every header of a name.
    ///
    /// ```
    /// # let mut headers = cofferdam_guest::Headers::default();
    /// headers.push("source", b"import");
    /// headers.remove("source");
    /// assert!(headers.is_empty());
    /// ```
    pub fn remove(&mut self, name: &str) {
        if self.iter().any(|header| header.name == name) {
            Rc::make_mut(self.0.get_or_insert_default()).retain(|header| header.name != name);
        }
    }

    /// The value of the last header of a name; none when there is none, or its value is null.
    ///
    /// ```
    /// # let headers = cofferdam_guest::Headers::default();
    /// assert_eq!(headers.last_value("trace"), None);
    /// ```
    pub fn last_value(&self, name: &str) -> Option<&[u8]> {
        self.iter().rev().find(|header| header.name == name)?.value.as_deref()
    }

    #[cfg(target_arch = "wasm32")]
    pub(crate) fn into_vec(self) -> Vec<Header> {
        self.0.map_or_else(Vec::new, Rc::unwrap_or_clone)
    }
}

impl From<Vec<Header>> for Headers {
    fn from(headers: Vec<Header>) -> Self {
        Self((!headers.is_empty()).then(|| Rc::new(headers)))
    }
}

impl Deref for Headers {
    type Target = [Header];

    fn deref(&self) -> &[Header] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

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
    pub value: Option<Vec<u8>>,
    /// See [`Update::latest`].
    pub latest: bool,
}

/// A record as bytes, stream record or update alike: for processors that do not look into keys and values.
///
/// ```
/// # use cofferdam_guest::RawRecord;
/// let record = RawRecord { key: Some(b"SFO".to_vec()), timestamp: 1_000, ..RawRecord::default() };
/// assert_eq!(record.value, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRecord {
    /// The key; none is null.
    pub key: Option<Vec<u8>>,
    /// The value; none is a tombstone.
    pub value: Option<Vec<u8>>,
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
    /// let record = RawRecord { key: Some(b"SFO".to_vec()), value: Some(b"12".to_vec()), ..RawRecord::default() };
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

/// Time and headers of the record that is being processed: what outputs inherit.
///
/// ```
/// # use cofferdam_guest::Current;
/// let current = Current { timestamp: 1_000, ..Current::default() };
/// # assert!(current.headers.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// The event time; in `punctuate` the time of the call.
    pub timestamp: Timestamp,
    /// The headers; none in `punctuate`.
    pub headers: Headers,
}

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
    /// As bytes, on the default port.
    ///
    /// # Errors
    /// Key or value have no bytes; the error tells which.
    fn into_output(self, current: &Current) -> Result<RawOutput, CodecError>;

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

impl<T: Outgoing> Outgoing for Routed<T> {
    fn into_output(self, current: &Current) -> Result<RawOutput, CodecError> {
        Ok(RawOutput { partition: Some(self.partition), ..self.outgoing.into_output(current)? })
    }
}

fn key_bytes(key: impl Encode) -> Result<Option<Vec<u8>>, CodecError> {
    key.into_bytes().map_err(|error| error.of("key of an output"))
}

fn value_bytes(value: impl Encode) -> Result<Option<Vec<u8>>, CodecError> {
    value.into_bytes().map_err(|error| error.of("value of an output"))
}

impl<K: Encode, V: Encode> Outgoing for (K, V) {
    fn into_output(self, current: &Current) -> Result<RawOutput, CodecError> {
        Record { key: self.0, value: self.1, timestamp: current.timestamp, headers: current.headers.clone() }.into_output(current)
    }
}

impl<K: Encode, V: Encode> Outgoing for Record<K, V> {
    fn into_output(self, _: &Current) -> Result<RawOutput, CodecError> {
        let record = RawRecord {
            key: key_bytes(self.key)?,
            value: value_bytes(self.value)?,
            timestamp: self.timestamp,
            headers: self.headers,
            change: None,
        };
        Ok(RawOutput { port: None, partition: None, record })
    }
}

impl<K: Encode, V: Encode> Outgoing for Update<K, V> {
    fn into_output(self, _: &Current) -> Result<RawOutput, CodecError> {
        let record = RawRecord {
            key: key_bytes(self.key)?,
            value: value_bytes(self.value)?,
            timestamp: self.timestamp,
            headers: self.headers,
            change: Some(Previous { value: value_bytes(self.previous)?, latest: self.latest }),
        };
        Ok(RawOutput { port: None, partition: None, record })
    }
}

impl Outgoing for RawRecord {
    fn into_output(self, _: &Current) -> Result<RawOutput, CodecError> {
        Ok(RawOutput { port: None, partition: None, record: self })
    }
}
