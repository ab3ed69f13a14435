//! The words of a manifest, typed. Plain data; a topology is told in the same words.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Place;
use crate::limits;

/// A value and where it stands in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// A name and where it was given.
pub type Name = Spanned<Arc<str>>;

impl Name {
    /// The name alone.
    pub fn as_str(&self) -> &str {
        &self.value
    }
}

/// What a record's effects are worth when the host dies in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// As if nothing had happened.
    ExactlyOnce,
    /// Nothing is lost; outputs may come twice.
    AtLeastOnce,
}

/// What becomes of old records of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// Deleted after the retention.
    Delete,
    /// The last record of each key is kept.
    Compact,
    /// Both.
    CompactDelete,
}

impl fmt::Display for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
            Self::CompactDelete => "compact,delete",
        })
    }
}

/// How the keys of a topic were spread over its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioner {
    /// Kafka's default, and ours.
    Murmur2,
    /// librdkafka's default.
    Crc32,
    /// Not by the key.
    None,
}

impl fmt::Display for Partitioner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Murmur2 => "murmur2",
            Self::Crc32 => "crc32",
            Self::None => "none",
        })
    }
}

/// Where a group without a committed offset begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first record that is there.
    Earliest,
    /// Behind the last one.
    Latest,
}

/// How the event time is taken out of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampFrom {
    /// JSON pointer (RFC 6901) of the field.
    pub field: String,
    /// Format of its text, in strftime's letters; `None`: a number of milliseconds since 1970, or an RFC 3339 text.
    pub format: Option<String>,
    /// IANA name of the time zone for a format without an offset; `UTC` unless said.
    pub zone: String,
}

/// What happens when a node fails at a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnError {
    /// After the retries.
    pub policy: FailurePolicy,
    /// How often a `transient` failure is tried again before the policy holds.
    pub retries: u32,
    /// How long the task sleeps before each of them.
    pub backoff: Duration,
    /// Where the dead-letter topic is named.
    pub place: Option<Place>,
}

impl Default for OnError {
    fn default() -> Self {
        Self { policy: FailurePolicy::Fail, retries: limits::RETRIES, backoff: limits::RETRY_BACKOFF, place: None }
    }
}

/// What becomes of a record that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// The task is parked.
    Fail,
    /// The record is passed over.
    Skip,
    /// The source record goes to this topic.
    DeadLetter(Arc<str>),
}

/// Kind of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Values by key.
    KeyValue,
    /// Values by key and window.
    Window,
    /// Values by key and session.
    Session,
    /// Histories of values by key.
    Versioned,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyValue => "key-value",
            Self::Window => "window",
            Self::Session => "session",
            Self::Versioned => "versioned",
        })
    }
}

/// What a store keeps, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreShape {
    /// Values by key.
    KeyValue {
        /// How long a row is visible: by its timestamp against the largest one of the store; `None`: until it is deleted.
        ttl: Option<Duration>,
    },
    /// Values by key and window.
    Window {
        /// Length of the windows.
        size: Duration,
        /// How long a window is visible: by its start against the largest one of the store.
        retention: Duration,
        /// True: a key and window holds every value that was put.
        duplicates: bool,
    },
    /// Values by key and session.
    Session {
        /// How long a session is visible: by its end against the largest one of the store.
        retention: Duration,
    },
    /// Histories of values by key.
    Versioned {
        /// How far back they go: by the begin of a version against the largest one of the store.
        history: Duration,
        /// What expires at once; `None`: by the history.
        segment: Option<Duration>,
    },
}

impl StoreShape {
    /// The kind of such a store.
    pub fn kind(&self) -> StoreKind {
        match self {
            Self::KeyValue { .. } => StoreKind::KeyValue,
            Self::Window { .. } => StoreKind::Window,
            Self::Session { .. } => StoreKind::Session,
            Self::Versioned { .. } => StoreKind::Versioned,
        }
    }

    /// Whether a write decides which rows the next look sees. What works with such a store has no write kept back.
    pub fn expires(&self) -> bool {
        matches!(self, Self::KeyValue { ttl: Some(_) })
    }
}

/// Where a store lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// On disk.
    RocksDb,
    /// In memory; restored whole at each start.
    Memory,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RocksDb => "rocksdb",
            Self::Memory => "memory",
        })
    }
}

/// What a node may do with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAccess {
    /// Read only.
    Read,
    /// Read and write.
    ReadWrite,
}

/// Where the bytes of a component come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentRef {
    /// A file, relative to the manifest.
    Path(String),
    /// One of the components that come with the command.
    Stock(String),
}

impl fmt::Display for ComponentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Stock(name) => write!(f, "stock:{name}"),
        }
    }
}
