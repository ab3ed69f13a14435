//! Typed versioned stores. They go to the host at each call: within a frame, too.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::ops::{Deref, RangeInclusive};

use crate::Timestamp;
use crate::backend::{RawVersion, VersionedHandle, VersionsHandle};
use crate::codec::{Decode, Encode};
use crate::description::Access;
use crate::failure::Failure;
use crate::host::{Host, OpenError};
use crate::typed::Opened;

/// Versions asked of the host at a time.
const CHUNK: u32 = 64;

/// A versioned store to read: every key's history. [`VersionedStore`] writes as well.
///
/// ```
/// use cofferdam_guest::VersionedReader;
/// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
/// # store.put("EUR", &1.1, 1_000)?;
/// # store.put("EUR", &1.2, 2_000)?;
/// fn rate(rates: &VersionedReader<String, f64>, currency: &str, time: i64) -> Result<Option<f64>, cofferdam_guest::Failure> {
///     Ok(rates.get_as_of(currency, time)?.map(|version| version.value))
/// }
/// assert_eq!((rate(&store, "EUR", 1_500)?, rate(&store, "EUR", 999)?), (Some(1.1), None));
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct VersionedReader<K, V> {
    handle: VersionedHandle,
    opened: Opened,
    types: PhantomData<fn() -> (K, V)>,
}

/// A value and the time that it holds for.
///
/// ```
/// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
/// # store.put("EUR", &1.1, 1_000)?;
/// let version = store.get("EUR")?.unwrap();
/// assert_eq!((version.value, version.valid_from, version.valid_to), (1.1, 1_000, None));
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Version<V> {
    /// The value.
    pub value: V,
    /// When it begins to hold, inclusive.
    pub valid_from: Timestamp,
    /// When it ceases to hold, exclusive; none while it is the latest.
    pub valid_to: Option<Timestamp>,
}

/// What became of a write to a versioned store.
///
/// ```
/// # use cofferdam_guest::VersionedPut;
/// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
/// assert_eq!(store.put("EUR", &1.2, 2_000)?, VersionedPut::Latest);
/// assert_eq!(store.put("EUR", &1.1, 1_000)?, VersionedPut::Until(2_000));
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionedPut {
    /// It is the latest version now.
    Latest,
    /// It came late and holds until then.
    Until(Timestamp),
    /// It lies before the largest timestamp ever put (any key) - history, and was not kept.
    Expired,
}

impl<K, V> VersionedReader<K, V> {
    pub(crate) fn open(host: &Host, role: &str) -> Result<Self, OpenError> {
        Self::open_with(host, role, Access::Read)
    }

    fn open_with(host: &Host, role: &str, access: Access) -> Result<Self, OpenError> {
        let handle = host.backend.open_versioned(role, access)?;
        Ok(Self { handle, opened: Opened::new(role, access, host.views.running().clone()), types: PhantomData })
    }
}

impl<K, V: Decode> VersionedReader<K, V> {
    fn read(&self, version: RawVersion) -> Result<Version<V>, Failure> {
        let value = V::decode_shared(version.value.into()).map_err(|error| self.opened.unreadable("value", error))?;
        Ok(Version { value, valid_from: version.valid_from, valid_to: version.valid_to })
    }

    /// The latest version of a key; none when there is none or it is deleted.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
    /// assert_eq!(store.get("EUR")?, None);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn get<Q: Encode + ?Sized>(&self, key: &Q) -> Result<Option<Version<V>>, Failure>
    where
        K: Borrow<Q>,
    {
        let version = self.handle.get(&self.opened.bytes_of("key", key)?);
        version.map(|version| self.read(version)).transpose()
    }

    /// The version that held at a time; none when there was none, or the history does not go back that far.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
    /// # store.put("EUR", &1.1, 1_000)?;
    /// assert_eq!(store.get_as_of("EUR", 5_000)?.map(|version| version.valid_from), Some(1_000));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn get_as_of<Q: Encode + ?Sized>(&self, key: &Q, as_of: Timestamp) -> Result<Option<Version<V>>, Failure>
    where
        K: Borrow<Q>,
    {
        let version = self.handle.get_as_of(&self.opened.bytes_of("key", key)?, as_of);
        version.map(|version| self.read(version)).transpose()
    }

    /// The versions of a key that held at some time in a span, by time. Times at which the key was deleted are gaps. A version that held
    /// beyond the span's end may be missing unless it is the latest: see `history` of the contract.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
    /// # store.put("EUR", &1.1, 1_000)?;
    /// # store.put("EUR", &1.2, 2_000)?;
    /// assert_eq!(store.history("EUR", 0..=5_000)?.count(), 2);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn history<Q: Encode + ?Sized>(&self, key: &Q, times: RangeInclusive<Timestamp>) -> Result<Versions<'_, K, V>, Failure>
    where
        K: Borrow<Q>,
    {
        self.history_in(key, &times, false)
    }

    /// [`history`](VersionedReader::history) from the last version to the first.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
    /// # store.put("EUR", &1.1, 1_000)?;
    /// # store.put("EUR", &1.2, 2_000)?;
    /// let last = store.history_descending("EUR", 0..=5_000)?.next().transpose()?;
    /// assert_eq!(last.map(|version| version.value), Some(1.2));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn history_descending<Q: Encode + ?Sized>(&self, key: &Q, times: RangeInclusive<Timestamp>) -> Result<Versions<'_, K, V>, Failure>
    where
        K: Borrow<Q>,
    {
        self.history_in(key, &times, true)
    }

    fn history_in<Q: Encode + ?Sized>(
        &self,
        key: &Q,
        times: &RangeInclusive<Timestamp>,
        descending: bool,
    ) -> Result<Versions<'_, K, V>, Failure> {
        let handle = self.handle.history(&self.opened.bytes_of("key", key)?, *times.start(), *times.end(), descending);
        Ok(Versions { handle, chunk: VecDeque::new(), store: self })
    }
}

/// Iterates over the versions of a key; asks the host for some at a time. Ends with the call in which it was made.
///
/// ```
/// # let store = cofferdam_guest::testing::versioned_store::<u32, u64>();
/// # for time in 0..300 { store.put(&1, &7, time)?; }
/// assert_eq!(store.history(&1, 0..=1_000)?.count(), 300);
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct Versions<'s, K, V> {
    handle: VersionsHandle,
    chunk: VecDeque<RawVersion>,
    store: &'s VersionedReader<K, V>,
}

impl<K, V: Decode> Iterator for Versions<'_, K, V> {
    type Item = Result<Version<V>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.chunk.is_empty() {
            self.chunk = self.handle.next(CHUNK).into();
        }
        let version = self.chunk.pop_front()?;
        Some(self.store.read(version))
    }
}

/// A versioned store to read and write. Reading is that of [`VersionedReader`].
///
/// ```
/// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
/// store.put("EUR", &1.1, 1_000)?;
/// store.put("EUR", &1.2, 2_000)?;
/// assert_eq!(store.delete("EUR", 3_000)?.map(|version| version.value), Some(1.2));
/// assert_eq!((store.get("EUR")?, store.get_as_of("EUR", 2_999)?.map(|version| version.valid_to)), (None, Some(Some(3_000))));
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct VersionedStore<K, V>(VersionedReader<K, V>);

impl<K, V> Deref for VersionedStore<K, V> {
    type Target = VersionedReader<K, V>;

    fn deref(&self) -> &VersionedReader<K, V> {
        &self.0
    }
}

impl<K, V> VersionedStore<K, V> {
    pub(crate) fn open(host: &Host, role: &str) -> Result<Self, OpenError> {
        VersionedReader::open_with(host, role, Access::ReadWrite).map(Self)
    }
}

impl<K, V: Encode + Decode> VersionedStore<K, V> {
    /// Puts a version that begins at `valid_from`. One of the same begin is replaced.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
    /// store.put("EUR", &1.1, 1_000)?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn put<Q: Encode + ?Sized>(&self, key: &Q, value: &V, valid_from: Timestamp) -> Result<VersionedPut, Failure>
    where
        K: Borrow<Q>,
    {
        let (key, value) = (self.opened.bytes_of("key", key)?, self.opened.bytes_of("value", value)?);
        Ok(self.handle.put(&key, Some(&value), valid_from))
    }

    /// Deletes a key from `valid_from` on; gives the version that held then. None, too, when that lies before the history: then nothing
    /// happens.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
    /// assert_eq!(store.delete("EUR", 1_000)?, None);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn delete<Q: Encode + ?Sized>(&self, key: &Q, valid_from: Timestamp) -> Result<Option<Version<V>>, Failure>
    where
        K: Borrow<Q>,
    {
        let key = self.opened.bytes_of("key", key)?;
        let held = self.handle.get_as_of(&key, valid_from);
        match self.handle.put(&key, None, valid_from) {
            VersionedPut::Expired => Ok(None),
            VersionedPut::Latest | VersionedPut::Until(_) => held.map(|version| self.read(version)).transpose(),
        }
    }

    /// [`delete`](VersionedStore::delete) that does not look at what held.
    ///
    /// ```
    /// # use cofferdam_guest::VersionedPut;
    /// # let store = cofferdam_guest::testing::versioned_store::<String, f64>();
    /// assert_eq!(store.remove("EUR", 1_000)?, VersionedPut::Latest);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn remove<Q: Encode + ?Sized>(&self, key: &Q, valid_from: Timestamp) -> Result<VersionedPut, Failure>
    where
        K: Borrow<Q>,
    {
        Ok(self.handle.put(&self.opened.bytes_of("key", key)?, None, valid_from))
    }
}
