//! Typed window stores. They go to the host at each call: within a frame, too.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::ops::{Bound, Deref, RangeBounds, RangeInclusive};

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::backend::{RawRow, WindowEntriesHandle, WindowHandle};
use crate::blobs::{Blobs, split_row, split_window_key};
use crate::codec::{Decode, Encode};
use crate::description::Access;
use crate::failure::Failure;
use crate::host::{Host, OpenError};
use crate::typed::Opened;

/// Bytes of entries asked of the host at a time, about.
const CHUNK_BYTES: u32 = 16 << 10;

/// A window store to read: values by key and window start. [`WindowStore`] writes as well.
///
/// Visible are windows that start later than the largest start ever put (any key) - the store's retention. Rows that are not what the types
/// say fail the record as those of a [`KeyValueReader`](crate::KeyValueReader) do.
///
/// ```
/// use cofferdam_guest::WindowReader;
/// # let store = cofferdam_guest::testing::window_store::<String, u64>();
/// # store.put("SFO", 3_600_000, &7)?;
/// fn last_hours(delays: &WindowReader<String, u64>, key: &str, now: i64) -> Result<u64, cofferdam_guest::Failure> {
///     delays.fetch(key, now - 86_400_000..=now)?.map(|window| Ok(window?.value)).sum()
/// }
/// assert_eq!(last_hours(&store, "SFO", 4_000_000)?, 7);
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct WindowReader<K, V> {
    handle: WindowHandle,
    opened: Opened,
    types: PhantomData<fn() -> (K, V)>,
}

/// A row of a window store.
///
/// ```
/// # let store = cofferdam_guest::testing::window_store::<String, u64>();
/// # store.put_at("SFO", 3_600_000, &7, 3_700_000)?;
/// for window in store.all() {
///     let window = window?;
///     assert_eq!((window.key.as_str(), window.start, window.value, window.timestamp), ("SFO", 3_600_000, 7, 3_700_000));
/// }
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct WindowEntry<K, V> {
    /// The key.
    pub key: K,
    /// Start of the window.
    pub start: Timestamp,
    /// The value.
    pub value: V,
    /// The row's timestamp.
    pub timestamp: Timestamp,
}

impl<K, V> WindowReader<K, V> {
    pub(crate) fn open(host: &Host, role: &str) -> Result<Self, OpenError> {
        Self::open_with(host, role, Access::Read)
    }

    fn open_with(host: &Host, role: &str, access: Access) -> Result<Self, OpenError> {
        let handle = host.backend.open_window(role, access)?;
        Ok(Self { handle, opened: Opened::new(role, access, host.views.running().clone()), types: PhantomData })
    }

    /// Length of the store's windows in milliseconds: `window` in the manifest.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// assert_eq!(store.size_ms(), 1_000);
    /// ```
    pub fn size_ms(&self) -> i64 {
        i64::try_from(self.handle.size_ms()).unwrap_or(i64::MAX)
    }

    /// How long the store keeps windows, in milliseconds.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// assert_eq!(store.retention_ms(), i64::MAX);
    /// ```
    pub fn retention_ms(&self) -> i64 {
        i64::try_from(self.handle.retention_ms()).unwrap_or(i64::MAX)
    }
}

impl<K, V: Decode> WindowReader<K, V> {
    fn read_row(&self, row: RawRow) -> Result<(V, Timestamp), Failure> {
        let value = V::decode_shared(row.value.into()).map_err(|error| self.opened.unreadable("value", error))?;
        Ok((value, row.timestamp))
    }

    /// The value of a key in the window that begins at `start`; of several the first.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// # store.put("SFO", 3_600_000, &7)?;
    /// assert_eq!((store.get("SFO", 3_600_000)?, store.get("SFO", 3_600_001)?), (Some(7), None));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn get<Q: Encode + ?Sized>(&self, key: &Q, start: Timestamp) -> Result<Option<V>, Failure>
    where
        K: Borrow<Q>,
    {
        Ok(self.get_row(key, start)?.map(|(value, _)| value))
    }

    /// The value of a key in a window, and its timestamp.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// # store.put_at("SFO", 3_600_000, &7, 3_700_000)?;
    /// assert_eq!(store.get_row("SFO", 3_600_000)?, Some((7, 3_700_000)));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn get_row<Q: Encode + ?Sized>(&self, key: &Q, start: Timestamp) -> Result<Option<(V, Timestamp)>, Failure>
    where
        K: Borrow<Q>,
    {
        let row = self.handle.get(&self.opened.bytes_of("key", key)?, start);
        row.map(|row| self.read_row(row)).transpose()
    }
}

impl<K: Encode + Decode, V: Decode> WindowReader<K, V> {
    /// One key's windows that begin in a span of time, by start.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// # for start in [0, 1_000, 2_000] { store.put("SFO", start, &7)?; }
    /// assert_eq!(store.fetch("SFO", 500..=1_500)?.count(), 1);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn fetch<Q: Encode + ?Sized>(&self, key: &Q, starts: RangeInclusive<Timestamp>) -> Result<WindowEntries<'_, K, V>, Failure>
    where
        K: Borrow<Q>,
    {
        self.fetch_in(key, &starts, false)
    }

    /// [`fetch`](WindowReader::fetch) from the last window to the first.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// # for start in [0, 1_000, 2_000] { store.put("SFO", start, &7)?; }
    /// let latest = store.fetch_descending("SFO", 0..=1_500)?.next().transpose()?;
    /// assert_eq!(latest.map(|window| window.start), Some(1_000));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn fetch_descending<Q: Encode + ?Sized>(
        &self,
        key: &Q,
        starts: RangeInclusive<Timestamp>,
    ) -> Result<WindowEntries<'_, K, V>, Failure>
    where
        K: Borrow<Q>,
    {
        self.fetch_in(key, &starts, true)
    }

    fn fetch_in<Q: Encode + ?Sized>(
        &self,
        key: &Q,
        starts: &RangeInclusive<Timestamp>,
        descending: bool,
    ) -> Result<WindowEntries<'_, K, V>, Failure> {
        let key = self.opened.bytes_of("key", key)?;
        Ok(self.entries(self.handle.fetch(&key, *starts.start(), *starts.end(), descending)))
    }

    /// The windows of a range of keys that begin in a span of time, by key, then start.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// # store.put("JFK", 0, &1)?;
    /// # store.put("SFO", 0, &7)?;
    /// assert_eq!(store.fetch_range("K".to_owned().., 0..=0)?.count(), 1);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn fetch_range(&self, keys: impl RangeBounds<K>, starts: RangeInclusive<Timestamp>) -> Result<WindowEntries<'_, K, V>, Failure> {
        let (lower, upper) = self.opened.bounds_of(&keys)?;
        Ok(self.entries(self.handle.fetch_range(lower, upper, *starts.start(), *starts.end(), false)))
    }

    /// [`fetch_range`](WindowReader::fetch_range) from the last key to the first.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<u32, u64>();
    /// # store.put(&1, 0, &1)?;
    /// # store.put(&2, 0, &7)?;
    /// let last = store.fetch_range_descending(.., 0..=0)?.next().transpose()?;
    /// assert_eq!(last.map(|window| window.key), Some(2));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn fetch_range_descending(
        &self,
        keys: impl RangeBounds<K>,
        starts: RangeInclusive<Timestamp>,
    ) -> Result<WindowEntries<'_, K, V>, Failure> {
        let (lower, upper) = self.opened.bounds_of(&keys)?;
        Ok(self.entries(self.handle.fetch_range(lower, upper, *starts.start(), *starts.end(), true)))
    }

    /// All windows, by key, then start.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// assert_eq!(store.all().count(), 0);
    /// ```
    pub fn all(&self) -> WindowEntries<'_, K, V> {
        self.entries(self.handle.fetch_range(Bound::Unbounded, Bound::Unbounded, Timestamp::MIN, Timestamp::MAX, false))
    }

    /// All keys' windows that begin in a span of time, by start, then key: for what is emitted when windows close.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// # store.put("SFO", 0, &7)?;
    /// # store.put("JFK", 1_000, &1)?;
    /// let closed = store.scan(0..=1_000).map(|window| Ok(window?.key)).collect::<Result<Vec<_>, cofferdam_guest::Failure>>()?;
    /// assert_eq!(closed, ["SFO", "JFK"]);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn scan(&self, starts: RangeInclusive<Timestamp>) -> WindowEntries<'_, K, V> {
        self.entries(self.handle.scan(*starts.start(), *starts.end(), false))
    }

    /// [`scan`](WindowReader::scan) from the last window to the first.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// assert_eq!(store.scan_descending(0..=1_000).count(), 0);
    /// ```
    pub fn scan_descending(&self, starts: RangeInclusive<Timestamp>) -> WindowEntries<'_, K, V> {
        self.entries(self.handle.scan(*starts.start(), *starts.end(), true))
    }

    fn entries(&self, handle: WindowEntriesHandle) -> WindowEntries<'_, K, V> {
        WindowEntries { handle, chunk: Blobs::default(), store: self }
    }
}

/// Iterates over rows of a window store; asks the host for some at a time. Ends with the call in which it was made.
///
/// ```
/// # let store = cofferdam_guest::testing::window_store::<u32, String>();
/// # for number in 0..300 { store.put(&number, 0, &"x".to_owned())?; }
/// assert_eq!(store.all().count(), 300);
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct WindowEntries<'s, K, V> {
    handle: WindowEntriesHandle,
    /// Window key, row, window key, row.
    chunk: Blobs,
    store: &'s WindowReader<K, V>,
}

impl<K, V> WindowEntries<'_, K, V> {
    fn next_pair(&mut self) -> Option<(Bytes, Bytes)> {
        Some((self.chunk.next()??, self.chunk.next()??))
    }
}

impl<K: Decode, V: Decode> Iterator for WindowEntries<'_, K, V> {
    type Item = Result<WindowEntry<K, V>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let (key, row) = self.next_pair().or_else(|| {
            self.chunk = Blobs::read(self.handle.next_packed(CHUNK_BYTES).into());
            self.next_pair()
        })?;
        let (key, start) = split_window_key(&key);
        let (timestamp, value) = split_row(&row);
        let opened = &self.store.opened;
        let unreadable = |what| move |error| opened.unreadable(what, error);
        Some(K::decode_shared(key).map_err(unreadable("key")).and_then(|key| {
            let value = V::decode_shared(value).map_err(unreadable("value"))?;
            Ok(WindowEntry { key, start, value, timestamp })
        }))
    }
}

/// A window store to read and write. Reading is that of [`WindowReader`].
///
/// A write is part of the record's walk, as one to a [`KeyValue`](crate::KeyValue). One to a window that has expired does nothing. With
/// `duplicates = true` in the manifest a key and window holds every value that was put, in the order of their writes, and nothing can be
/// deleted.
///
/// ```
/// use cofferdam_guest::{Failure, WindowStore};
///
/// fn count(counts: &WindowStore<String, u64>, key: &str, time: i64) -> Result<u64, Failure> {
///     let start = time - time.rem_euclid(counts.size_ms());
///     let count = counts.get(key, start)?.unwrap_or(0) + 1;
///     counts.put(key, start, &count)?;
///     Ok(count)
/// }
/// # let store = cofferdam_guest::testing::window_store();
/// assert_eq!((count(&store, "SFO", 10)?, count(&store, "SFO", 999)?, count(&store, "SFO", 1_000)?), (1, 2, 1));
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug)]
pub struct WindowStore<K, V>(WindowReader<K, V>);

impl<K, V> Deref for WindowStore<K, V> {
    type Target = WindowReader<K, V>;

    fn deref(&self) -> &WindowReader<K, V> {
        &self.0
    }
}

impl<K, V> WindowStore<K, V> {
    pub(crate) fn open(host: &Host, role: &str) -> Result<Self, OpenError> {
        WindowReader::open_with(host, role, Access::ReadWrite).map(Self)
    }
}

impl<K, V: Encode + Decode> WindowStore<K, V> {
    /// Puts a value. The row gets the timestamp of the current record.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// store.put("SFO", 3_600_000, &7)?;
    /// # assert_eq!(store.get("SFO", 3_600_000)?, Some(7));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn put<Q: Encode + ?Sized>(&self, key: &Q, start: Timestamp, value: &V) -> Result<(), Failure>
    where
        K: Borrow<Q>,
    {
        self.write(key, start, value, None)
    }

    /// Puts a value with a timestamp of its own.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// store.put_at("SFO", 3_600_000, &7, 3_700_000)?;
    /// # assert_eq!(store.get_row("SFO", 3_600_000)?, Some((7, 3_700_000)));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn put_at<Q: Encode + ?Sized>(&self, key: &Q, start: Timestamp, value: &V, timestamp: Timestamp) -> Result<(), Failure>
    where
        K: Borrow<Q>,
    {
        self.write(key, start, value, Some(timestamp))
    }

    /// Deletes a key's row of a window. One that is not there is no error; where duplicates are kept nothing happens.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::window_store::<String, u64>();
    /// store.delete("SFO", 3_600_000)?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn delete<Q: Encode + ?Sized>(&self, key: &Q, start: Timestamp) -> Result<(), Failure>
    where
        K: Borrow<Q>,
    {
        self.handle.put(&self.opened.bytes_of("key", key)?, start, None, None);
        Ok(())
    }

    fn write<Q: Encode + ?Sized>(&self, key: &Q, start: Timestamp, value: &V, timestamp: Option<Timestamp>) -> Result<(), Failure> {
        let (key, value) = (self.opened.bytes_of("key", key)?, self.opened.bytes_of("value", value)?);
        self.handle.put(&key, start, Some(&value), self.opened.time_of_row(timestamp));
        Ok(())
    }
}
