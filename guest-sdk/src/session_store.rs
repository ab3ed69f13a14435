//! Typed session stores. They go to the host at each call: within a frame, too.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::ops::{Deref, RangeBounds, RangeInclusive};

use crate::Timestamp;
use crate::backend::{RawSession, SessionEntriesHandle, SessionHandle};
use crate::codec::{Decode, Encode};
use crate::description::Access;
use crate::failure::Failure;
use crate::host::{Host, OpenError};
use crate::typed::Opened;

/// Sessions asked of the host at a time: a key has few.
const CHUNK: u32 = 64;

/// A session store to read: values by key, start and end of a session. [`SessionStore`] writes as well.
///
/// Visible are sessions that end later than the largest end ever put (any key) - the store's retention.
///
/// ```
/// use cofferdam_guest::{Failure, SessionReader};
/// # let store = cofferdam_guest::testing::session_store::<String, u64>();
/// # store.put("SFO", 10, 20, &7)?;
/// fn merged(sessions: &SessionReader<String, u64>, t: i64, gap: i64) -> Result<usize, Failure> {
///     Ok(sessions.find("SFO", t - gap, t + gap)?.count())
/// }
/// assert_eq!((merged(&store, 25, 5)?, merged(&store, 26, 5)?), (1, 0));
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct SessionReader<K, V> {
    handle: SessionHandle,
    opened: Opened,
    types: PhantomData<fn() -> (K, V)>,
}

/// A row of a session store.
///
/// ```
/// # let store = cofferdam_guest::testing::session_store::<String, u64>();
/// # store.put("SFO", 10, 20, &7)?;
/// for session in store.fetch("SFO")? {
///     let session = session?;
///     assert_eq!((session.key.as_str(), session.start, session.end, session.value), ("SFO", 10, 20, 7));
/// }
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SessionEntry<K, V> {
    /// The key.
    pub key: K,
    /// Timestamp of the session's first record.
    pub start: Timestamp,
    /// Timestamp of the session's last record.
    pub end: Timestamp,
    /// The value.
    pub value: V,
}

impl<K, V> SessionReader<K, V> {
    pub(crate) fn open(host: &Host, role: &str) -> Result<Self, OpenError> {
        Self::open_with(host, role, Access::Read)
    }

    fn open_with(host: &Host, role: &str, access: Access) -> Result<Self, OpenError> {
        let handle = host.backend.open_session(role, access)?;
        Ok(Self { handle, opened: Opened::new(role, access, host.views.running().clone()), types: PhantomData })
    }

    /// How long the store keeps sessions after their end, in milliseconds.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// assert_eq!(store.retention_ms(), i64::MAX);
    /// ```
    pub fn retention_ms(&self) -> i64 {
        i64::try_from(self.handle.retention_ms()).unwrap_or(i64::MAX)
    }
}

impl<K: Encode + Decode, V: Decode> SessionReader<K, V> {
    /// The value of exactly this session.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// # store.put("SFO", 10, 20, &7)?;
    /// assert_eq!((store.get("SFO", 10, 20)?, store.get("SFO", 10, 21)?), (Some(7), None));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn get<Q: Encode + ?Sized>(&self, key: &Q, start: Timestamp, end: Timestamp) -> Result<Option<V>, Failure>
    where
        K: Borrow<Q>,
    {
        let value = self.handle.get(&self.opened.bytes_of("key", key)?, start, end);
        value.map(|value| V::decode_shared(value.into()).map_err(|error| self.opened.unreadable("value", error))).transpose()
    }

    /// All sessions of a key, by end, then start.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// assert_eq!(store.fetch("SFO")?.count(), 0);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn fetch<Q: Encode + ?Sized>(&self, key: &Q) -> Result<SessionEntries<'_, K, V>, Failure>
    where
        K: Borrow<Q>,
    {
        self.find(key, Timestamp::MIN, Timestamp::MAX)
    }

    /// [`fetch`](SessionReader::fetch) from the last session to the first.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// assert_eq!(store.fetch_descending("SFO")?.count(), 0);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn fetch_descending<Q: Encode + ?Sized>(&self, key: &Q) -> Result<SessionEntries<'_, K, V>, Failure>
    where
        K: Borrow<Q>,
    {
        self.find_descending(key, Timestamp::MIN, Timestamp::MAX)
    }

    /// One key's sessions that end at `earliest_end` or later and start at `latest_start` or earlier, by end, then start. With `t - gap`
    /// and `t + gap`: those that a record at `t` merges.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// # store.put("SFO", 10, 20, &7)?;
    /// assert_eq!(store.find("SFO", 20, 10)?.count(), 1);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn find<Q: Encode + ?Sized>(
        &self,
        key: &Q,
        earliest_end: Timestamp,
        latest_start: Timestamp,
    ) -> Result<SessionEntries<'_, K, V>, Failure>
    where
        K: Borrow<Q>,
    {
        Ok(self.entries(self.handle.find(&self.opened.bytes_of("key", key)?, earliest_end, latest_start, false)))
    }

    /// [`find`](SessionReader::find) from the last session to the first.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// # store.put("SFO", 10, 20, &7)?;
    /// # store.put("SFO", 30, 40, &8)?;
    /// let last = store.find_descending("SFO", 0, 100)?.next().transpose()?;
    /// assert_eq!(last.map(|session| session.end), Some(40));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn find_descending<Q: Encode + ?Sized>(
        &self,
        key: &Q,
        earliest_end: Timestamp,
        latest_start: Timestamp,
    ) -> Result<SessionEntries<'_, K, V>, Failure>
    where
        K: Borrow<Q>,
    {
        Ok(self.entries(self.handle.find(&self.opened.bytes_of("key", key)?, earliest_end, latest_start, true)))
    }

    /// [`find`](SessionReader::find) for a range of keys, by key, then end, then start.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// # store.put("SFO", 10, 20, &7)?;
    /// assert_eq!(store.find_range(.., 20, 10)?.count(), 1);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn find_range(
        &self,
        keys: impl RangeBounds<K>,
        earliest_end: Timestamp,
        latest_start: Timestamp,
    ) -> Result<SessionEntries<'_, K, V>, Failure> {
        let (lower, upper) = self.opened.bounds_of(&keys)?;
        Ok(self.entries(self.handle.find_range(lower, upper, earliest_end, latest_start, false)))
    }

    /// [`find_range`](SessionReader::find_range) from the last key to the first.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// assert_eq!(store.find_range_descending(.., 20, 10)?.count(), 0);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn find_range_descending(
        &self,
        keys: impl RangeBounds<K>,
        earliest_end: Timestamp,
        latest_start: Timestamp,
    ) -> Result<SessionEntries<'_, K, V>, Failure> {
        let (lower, upper) = self.opened.bounds_of(&keys)?;
        Ok(self.entries(self.handle.find_range(lower, upper, earliest_end, latest_start, true)))
    }

    /// All keys' sessions that end in a span of time, by end, then start, then key: for what is emitted when sessions close.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// # store.put("SFO", 10, 20, &7)?;
    /// assert_eq!((store.scan(0..=20).count(), store.scan(21..=99).count()), (1, 0));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn scan(&self, ends: RangeInclusive<Timestamp>) -> SessionEntries<'_, K, V> {
        self.entries(self.handle.scan(*ends.start(), *ends.end(), false))
    }

    /// [`scan`](SessionReader::scan) from the last session to the first.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// assert_eq!(store.scan_descending(0..=20).count(), 0);
    /// ```
    pub fn scan_descending(&self, ends: RangeInclusive<Timestamp>) -> SessionEntries<'_, K, V> {
        self.entries(self.handle.scan(*ends.start(), *ends.end(), true))
    }

    fn entries(&self, handle: SessionEntriesHandle) -> SessionEntries<'_, K, V> {
        SessionEntries { handle, chunk: VecDeque::new(), store: self }
    }
}

/// Iterates over sessions; asks the host for some at a time. Ends with the call in which it was made.
///
/// ```
/// # let store = cofferdam_guest::testing::session_store::<u32, u64>();
/// # for number in 0..300 { store.put(&1, number, number, &7)?; }
/// assert_eq!(store.fetch(&1)?.count(), 300);
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct SessionEntries<'s, K, V> {
    handle: SessionEntriesHandle,
    chunk: VecDeque<RawSession>,
    store: &'s SessionReader<K, V>,
}

impl<K: Decode, V: Decode> Iterator for SessionEntries<'_, K, V> {
    type Item = Result<SessionEntry<K, V>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.chunk.is_empty() {
            self.chunk = self.handle.next(CHUNK).into();
        }
        let RawSession { key, start, end, value } = self.chunk.pop_front()?;
        let opened = &self.store.opened;
        let unreadable = |what| move |error| opened.unreadable(what, error);
        Some(K::decode_shared(key.into()).map_err(unreadable("key")).and_then(|key| {
            let value = V::decode_shared(value.into()).map_err(unreadable("value"))?;
            Ok(SessionEntry { key, start, end, value })
        }))
    }
}

/// A session store to read and write. Reading is that of [`SessionReader`].
///
/// To grow a session, delete the old one and put the new one. A write to a session that has expired does nothing.
///
/// ```
/// use cofferdam_guest::{Failure, SessionStore};
///
/// fn count(sessions: &SessionStore<String, u64>, key: &str, t: i64, gap: i64) -> Result<u64, Failure> {
///     let (mut start, mut end, mut count) = (t, t, 1);
///     for merged in sessions.find(key, t - gap, t + gap)?.collect::<Result<Vec<_>, Failure>>()? {
///         (start, end, count) = (start.min(merged.start), end.max(merged.end), count + merged.value);
///         sessions.delete(key, merged.start, merged.end)?;
///     }
///     sessions.put(key, start, end, &count)?;
///     Ok(count)
/// }
/// # let store = cofferdam_guest::testing::session_store();
/// assert_eq!((count(&store, "SFO", 10, 5)?, count(&store, "SFO", 15, 5)?, count(&store, "SFO", 21, 5)?), (1, 2, 1));
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug)]
pub struct SessionStore<K, V>(SessionReader<K, V>);

impl<K, V> Deref for SessionStore<K, V> {
    type Target = SessionReader<K, V>;

    fn deref(&self) -> &SessionReader<K, V> {
        &self.0
    }
}

impl<K, V> SessionStore<K, V> {
    pub(crate) fn open(host: &Host, role: &str) -> Result<Self, OpenError> {
        SessionReader::open_with(host, role, Access::ReadWrite).map(Self)
    }
}

impl<K, V: Encode + Decode> SessionStore<K, V> {
    /// Puts the value of a session.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// store.put("SFO", 10, 20, &7)?;
    /// # assert_eq!(store.get("SFO", 10, 20)?, Some(7));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn put<Q: Encode + ?Sized>(&self, key: &Q, start: Timestamp, end: Timestamp, value: &V) -> Result<(), Failure>
    where
        K: Borrow<Q>,
    {
        let (key, value) = (self.opened.bytes_of("key", key)?, self.opened.bytes_of("value", value)?);
        self.handle.put(&key, start, end, Some(&value));
        Ok(())
    }

    /// Deletes a session. One that is not there is no error.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::session_store::<String, u64>();
    /// store.delete("SFO", 10, 20)?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn delete<Q: Encode + ?Sized>(&self, key: &Q, start: Timestamp, end: Timestamp) -> Result<(), Failure>
    where
        K: Borrow<Q>,
    {
        self.handle.put(&self.opened.bytes_of("key", key)?, start, end, None);
        Ok(())
    }
}
