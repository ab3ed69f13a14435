//! Typed stores and cells. A row is a value and its timestamp; bytes go to the view of the running frame, and through it to the host.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::ops::{Bound, Deref, RangeBounds};
use std::rc::Rc;

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::backend::EntriesHandle;
use crate::blobs::{Blobs, split_row};
use crate::codec::{CodecError, Decode, Encode};
use crate::description::Access;
use crate::failure::Failure;
use crate::host::{Host, OpenError};
use crate::typed::Opened;
use crate::view::{CellView, Seen, StoreView, View};

/// Bytes of entries asked of the host at a time, about.
const CHUNK_BYTES: u32 = 16 << 10;

/// A key-value store to read. [`KeyValue`] writes as well.
///
/// A row that is not what the types say fails the record: as [`Failure::BadRecord`] in a store opened for reading (its rows are
/// somebody else's data), as [`Failure::Fatal`] in one that the processor itself writes (its state is of another layout). A key that
/// has no bytes is a [`Failure::BadRecord`].
///
/// ```
/// use cofferdam_guest::KeyValueReader;
/// # let store = cofferdam_guest::testing::key_value::<String, String>();
/// # store.put("SFO", &"San Francisco".to_owned())?;
/// fn name(airports: &KeyValueReader<String, String>, code: &str) -> Result<String, cofferdam_guest::Failure> {
///     Ok(airports.get(code)?.unwrap_or_else(|| "unknown".to_owned()))
/// }
/// assert_eq!(name(&store, "SFO")?, "San Francisco");
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct KeyValueReader<K, V> {
    view: Rc<StoreView>,
    opened: Opened,
    types: PhantomData<fn() -> (K, V)>,
}

/// A row with its key.
///
/// ```
/// # let store = cofferdam_guest::testing::key_value::<String, u64>();
/// # store.put_at("SFO", &7, 1_000)?;
/// for entry in store.all() {
///     let entry = entry?;
///     assert_eq!((entry.key.as_str(), entry.value, entry.timestamp), ("SFO", 7, 1_000));
/// }
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
    /// The row's timestamp.
    pub timestamp: Timestamp,
}

impl<K, V> KeyValueReader<K, V> {
    pub(crate) fn open(host: &Host, role: &str) -> Result<Self, OpenError> {
        Self::open_with(host, role, Access::Read)
    }

    fn open_with(host: &Host, role: &str, access: Access) -> Result<Self, OpenError> {
        let view = host.open_key_value(role, access)?;
        Ok(Self { view, opened: Opened::new(role, access, host.views.running().clone()), types: PhantomData })
    }

    /// Works on the bytes of a key.
    fn with_key<R>(&self, key: &(impl Encode + ?Sized), work: impl FnOnce(&StoreView, &[u8]) -> R) -> Result<R, Failure> {
        if let Some(key) = key.as_encoded() {
            return Ok(work(&self.view, key));
        }
        let mut scratch = self.view.take_scratch();
        let done = self.opened.append("key", key, &mut scratch).map(|()| work(&self.view, &scratch));
        self.view.give_scratch(scratch);
        done
    }
}

impl<K, V: Decode> KeyValueReader<K, V> {
    fn read_row(&self, row: Seen<'_>) -> Result<(V, Timestamp), Failure> {
        let timestamp = row.timestamp;
        let value = row.decode().map_err(|error| self.opened.unreadable("value", error))?;
        Ok((value, timestamp))
    }

    /// The value of a key.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// # store.put("SFO", &7)?;
    /// assert_eq!(store.get("SFO")?, Some(7));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn get<Q: Encode + ?Sized>(&self, key: &Q) -> Result<Option<V>, Failure>
    where
        K: Borrow<Q>,
    {
        Ok(self.get_row(key)?.map(|(value, _)| value))
    }

    /// The value of a key and its timestamp.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// # store.put_at("SFO", &7, 1_000)?;
    /// assert_eq!(store.get_row("SFO")?, Some((7, 1_000)));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn get_row<Q: Encode + ?Sized>(&self, key: &Q) -> Result<Option<(V, Timestamp)>, Failure>
    where
        K: Borrow<Q>,
    {
        self.with_key(key, |view, key| view.get(key, |row| self.read_row(row)))?.transpose()
    }

    /// The values of many keys, in the order of the keys: one call of the host.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// # store.put("SFO", &7)?;
    /// assert_eq!(store.get_many(["JFK", "SFO"])?, [None, Some(7)]);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn get_many<'k, Q: Encode + ?Sized + 'k>(&self, keys: impl IntoIterator<Item = &'k Q>) -> Result<Vec<Option<V>>, Failure>
    where
        K: Borrow<Q>,
    {
        let keys = keys.into_iter().map(|key| self.opened.bytes_of("key", key)).collect::<Result<Vec<_>, Failure>>()?;
        let mut values = Vec::with_capacity(keys.len());
        self.view.get_many(&keys, |row| values.push(row.map(|row| Ok(self.read_row(row)?.0)).transpose()));
        values.into_iter().collect()
    }

    /// About how many entries there are. Cheap, may be wrong by what was written lately.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// assert_eq!(store.approximate_count(), 0);
    /// ```
    pub fn approximate_count(&self) -> u64 {
        self.view.approximate_count()
    }
}

impl<K: Encode + Decode, V: Decode> KeyValueReader<K, V> {
    /// The entries of a range of keys, in the order of their bytes.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// # store.put("JFK", &1)?;
    /// # store.put("SFO", &7)?;
    /// let from_k = store.range("K".to_owned()..)?;
    /// assert_eq!(from_k.map(|entry| Ok(entry?.key)).collect::<Result<Vec<_>, cofferdam_guest::Failure>>()?, ["SFO"]);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn range(&self, keys: impl RangeBounds<K>) -> Result<Entries<'_, K, V>, Failure> {
        self.range_in(keys, false)
    }

    /// [`range`](KeyValueReader::range) from the last key to the first.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<u32, String>();
    /// # for number in 0..3 { store.put(&number, &"x".to_owned())?; }
    /// let last = store.range_descending(..)?.next().transpose()?;
    /// assert_eq!(last.map(|entry| entry.key), Some(2));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn range_descending(&self, keys: impl RangeBounds<K>) -> Result<Entries<'_, K, V>, Failure> {
        self.range_in(keys, true)
    }

    /// All entries.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<u32, String>();
    /// assert_eq!(store.all().count(), 0);
    /// ```
    pub fn all(&self) -> Entries<'_, K, V> {
        self.entries(self.view.range(Bound::Unbounded, Bound::Unbounded, false))
    }

    /// The entries whose keys' bytes begin with these.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// # store.put("SFO", &7)?;
    /// assert_eq!(store.prefix(b"S").count(), 1);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn prefix(&self, prefix: &[u8]) -> Entries<'_, K, V> {
        self.entries(self.view.prefix(prefix, false))
    }

    fn range_in(&self, keys: impl RangeBounds<K>, descending: bool) -> Result<Entries<'_, K, V>, Failure> {
        let (lower, upper) = self.opened.bounds_of(&keys)?;
        Ok(self.entries(self.view.range(lower, upper, descending)))
    }

    fn entries(&self, handle: EntriesHandle) -> Entries<'_, K, V> {
        Entries { handle, chunk: Blobs::default(), store: self }
    }
}

/// Iterates over entries of a store; asks the host for some at a time. Ends with the call in which it was made.
///
/// ```
/// # let store = cofferdam_guest::testing::key_value::<u32, String>();
/// # for number in 0..300 { store.put(&number, &"x".to_owned())?; }
/// let mut keys = store.all().map(|entry| entry.map(|entry| entry.key));
/// assert_eq!(keys.next(), Some(Ok(0)));
/// assert_eq!(keys.count(), 299);
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct Entries<'s, K, V> {
    handle: EntriesHandle,
    /// Key, row, key, row.
    chunk: Blobs,
    store: &'s KeyValueReader<K, V>,
}

impl<K, V> Entries<'_, K, V> {
    fn next_pair(&mut self) -> Option<(Bytes, Bytes)> {
        Some((self.chunk.next()??, self.chunk.next()??))
    }

    /// The next key and its row; asks for another chunk, which shows what has been written meanwhile.
    fn next_row(&mut self) -> Option<(Bytes, Bytes)> {
        self.next_pair().or_else(|| {
            self.store.view.write_back();
            self.chunk = Blobs::read(self.handle.next_packed(CHUNK_BYTES).into());
            self.next_pair()
        })
    }
}

impl<K: Decode, V: Decode> Iterator for Entries<'_, K, V> {
    type Item = Result<Entry<K, V>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let (key, row) = self.next_row()?;
        Some(K::decode_shared(key).map_err(|error| self.store.opened.unreadable("key", error)).and_then(|key| {
            let (timestamp, value) = split_row(&row);
            let (value, timestamp) = self.store.read_row(Seen::shared(timestamp, value))?;
            Ok(Entry { key, value, timestamp })
        }))
    }
}

/// A key-value store to read and write. Reading is that of [`KeyValueReader`].
///
/// A write is part of the record's walk: later reads see it at once, and when the record fails, in whichever node, it is taken back.
/// A row gets the timestamp of the current record unless another is given.
///
/// ```
/// use cofferdam_guest::{Failure, KeyValue, Text};
///
/// fn count(counts: &KeyValue<String, Text<u64>>, word: &str) -> Result<u64, Failure> {
///     let count = counts.get(word)?.map_or(0, |count| *count) + 1;
///     counts.put(word, &Text(count))?;
///     Ok(count)
/// }
/// # let store = cofferdam_guest::testing::key_value();
/// assert_eq!((count(&store, "to")?, count(&store, "to")?), (1, 2));
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug)]
pub struct KeyValue<K, V>(KeyValueReader<K, V>);

impl<K, V> Deref for KeyValue<K, V> {
    type Target = KeyValueReader<K, V>;

    fn deref(&self) -> &KeyValueReader<K, V> {
        &self.0
    }
}

impl<K, V> KeyValue<K, V> {
    pub(crate) fn open(host: &Host, role: &str) -> Result<Self, OpenError> {
        KeyValueReader::open_with(host, role, Access::ReadWrite).map(Self)
    }
}

impl<K, V: Encode + Decode> KeyValue<K, V> {
    /// Puts a value.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// store.put("SFO", &7)?;
    /// # assert_eq!(store.get("SFO")?, Some(7));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn put<Q: Encode + ?Sized>(&self, key: &Q, value: &V) -> Result<(), Failure>
    where
        K: Borrow<Q>,
    {
        self.write(key, value, None)
    }

    /// Puts a value with a timestamp of its own.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// store.put_at("SFO", &7, 1_000)?;
    /// # assert_eq!(store.get_row("SFO")?, Some((7, 1_000)));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn put_at<Q: Encode + ?Sized>(&self, key: &Q, value: &V, timestamp: Timestamp) -> Result<(), Failure>
    where
        K: Borrow<Q>,
    {
        self.write(key, value, Some(timestamp))
    }

    /// Deletes a key. One that is not there is no error.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// store.delete("SFO")?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn delete<Q: Encode + ?Sized>(&self, key: &Q) -> Result<(), Failure>
    where
        K: Borrow<Q>,
    {
        self.with_key(key, |view, key| view.put(key, None, None))
    }

    /// Puts a value unless the key has one; gives the one it has.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// assert_eq!(store.put_if_absent("SFO", &7)?, None);
    /// assert_eq!(store.put_if_absent("SFO", &8)?, Some(7));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn put_if_absent<Q: Encode + ?Sized>(&self, key: &Q, value: &V) -> Result<Option<V>, Failure>
    where
        K: Borrow<Q>,
    {
        let held = self.with_pair(key, value, |view, key, value| view.put_if_absent(key, value, |row| self.read_row(row)))?;
        Ok(held.transpose()?.map(|(value, _)| value))
    }

    /// Puts (`Some`) and deletes (`None`) in the order given: one call of the host.
    ///
    /// ```
    /// # let store = cofferdam_guest::testing::key_value::<String, u64>();
    /// store.put_many([("JFK", Some(1)), ("SFO", Some(7)), ("JFK", None)])?;
    /// assert_eq!(store.approximate_count(), 1);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn put_many<'k, Q: Encode + ?Sized + 'k>(&self, writes: impl IntoIterator<Item = (&'k Q, Option<V>)>) -> Result<(), Failure>
    where
        K: Borrow<Q>,
    {
        let encode = |(key, value): (&Q, Option<V>)| {
            let key = self.opened.bytes_of("key", key)?;
            Ok((key, value.map(|value| self.opened.bytes_of("value", &value)).transpose()?))
        };
        self.view.put_many(&writes.into_iter().map(encode).collect::<Result<Vec<_>, Failure>>()?);
        Ok(())
    }

    fn write<Q: Encode + ?Sized>(&self, key: &Q, value: &V, timestamp: Option<Timestamp>) -> Result<(), Failure> {
        self.with_pair(key, value, |view, key, value| view.put(key, Some(value), timestamp))
    }

    /// Works on the bytes of a key and a value.
    fn with_pair<R>(
        &self,
        key: &(impl Encode + ?Sized),
        value: &V,
        work: impl FnOnce(&StoreView, &[u8], &[u8]) -> R,
    ) -> Result<R, Failure> {
        let mut scratch = self.view.take_scratch();
        let done = self.encode_pair(key, value, &mut scratch).map(|(key, value)| work(&self.view, key, value));
        self.view.give_scratch(scratch);
        done
    }

    /// The bytes of a key and a value, in the buffer where they are nowhere yet.
    fn encode_pair<'b>(
        &self,
        key: &'b (impl Encode + ?Sized),
        value: &'b V,
        buffer: &'b mut Vec<u8>,
    ) -> Result<(&'b [u8], &'b [u8]), Failure> {
        let (known_key, known_value) = (key.as_encoded(), value.as_encoded());
        if known_key.is_none() {
            self.opened.append("key", key, buffer)?;
        }
        let end_of_key = buffer.len();
        if known_value.is_none() {
            self.opened.append("value", value, buffer)?;
        }
        let (key, value) = buffer.split_at(end_of_key);
        Ok((known_key.unwrap_or(key), known_value.unwrap_or(value)))
    }
}

/// A small named value of the node (up to 4 KiB): kept like a row of a store, but seen by no iterator and no query, and it never
/// expires. For what an operator must remember besides its stores, an own stream time for instance.
///
/// ```
/// # let mut setup = cofferdam_guest::testing::setup(&[]);
/// let latest = setup.cell::<i64>("latest");
/// latest.put(&1_000)?;
/// assert_eq!(latest.get()?, Some(1_000));
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct Cell<T> {
    view: Rc<CellView>,
    types: PhantomData<fn() -> T>,
}

impl<T> Cell<T> {
    pub(crate) fn new(host: &Host, name: &str) -> Self {
        Self { view: host.open_cell(name), types: PhantomData }
    }
}

impl<T: Encode + Decode> Cell<T> {
    /// The value; none before the first put.
    ///
    /// ```
    /// # let mut setup = cofferdam_guest::testing::setup(&[]);
    /// assert_eq!(setup.cell::<String>("mode").get()?, None);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    ///
    /// # Errors
    /// [`Failure::Fatal`]: the cell holds something else.
    pub fn get(&self) -> Result<Option<T>, Failure> {
        let unreadable = |error: CodecError| Failure::fatal(format!("cell `{}` holds something else: {error}", self.view.name()));
        self.view.get(|bytes| bytes.map(T::decode).transpose()).map_err(unreadable)
    }

    /// Puts a value.
    ///
    /// ```
    /// # let mut setup = cofferdam_guest::testing::setup(&[]);
    /// setup.cell::<String>("mode").put(&"quiet".to_owned())?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    ///
    /// # Errors
    /// [`Failure::BadRecord`]: the value has no bytes.
    pub fn put(&self, value: &T) -> Result<(), Failure> {
        let bytes = value.encoded().map_err(|error| error.of(&format!("cell `{}`", self.view.name())))?;
        self.view.put(Some(&bytes));
        Ok(())
    }

    /// Takes the value away.
    ///
    /// ```
    /// # let mut setup = cofferdam_guest::testing::setup(&[]);
    /// setup.cell::<String>("mode").clear();
    /// ```
    pub fn clear(&self) {
        self.view.put(None);
    }
}
