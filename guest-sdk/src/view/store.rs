//! The view of a key-value store: one packed read for the keys of many records, one packed write at the end of the frame.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::ops::Bound;
use std::rc::Rc;

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::backend::{EntriesHandle, KeyValueHandle};
use crate::blobs::{BlobWriter, Blobs, CURRENT, Place, split_row_at};
use crate::codec::{CodecError, Decode};

use super::ahead::Ahead;
use super::table::{Table, Value};
use super::{Running, View};

/// Keys of one packed read.
const KEYS_AT_ONCE: usize = 4_096;
/// A value as large as this is not copied into the view. A buffer that has become larger is not kept.
const LARGE_BYTES: usize = 256 << 10;

#[derive(Debug)]
pub(crate) struct StoreView {
    name: String,
    running: Rc<Running>,
    /// The one with the most rights of those that were opened.
    handle: RefCell<KeyValueHandle>,
    table: RefCell<Table>,
    ahead: Cell<Ahead>,
    /// For packed calls.
    packed: RefCell<BlobWriter>,
    /// For an encoded key; taken while it is used.
    scratch: RefCell<Vec<u8>>,
}

/// A row as it is shown to who asked for it.
#[derive(Debug)]
pub(crate) struct Seen<'r> {
    pub(crate) timestamp: Timestamp,
    value: SeenValue<'r>,
}

#[derive(Debug)]
enum SeenValue<'r> {
    Shared(Bytes),
    Part(&'r Bytes, Place),
    Borrowed(&'r [u8]),
}

impl Seen<'_> {
    pub(crate) fn shared(timestamp: Timestamp, value: Bytes) -> Self {
        Self { timestamp, value: SeenValue::Shared(value) }
    }

    pub(crate) fn decode<T: Decode>(self) -> Result<T, CodecError> {
        match self.value {
            SeenValue::Shared(bytes) => T::decode_shared(bytes),
            SeenValue::Part(whole, place) if T::KEEPS_BYTES => T::decode_shared(whole.slice(place.begin..place.end)),
            SeenValue::Part(whole, place) => T::decode(place.of(whole)),
            SeenValue::Borrowed(bytes) => T::decode(bytes),
        }
    }
}

impl StoreView {
    pub(crate) fn new(name: &str, running: Rc<Running>, handle: KeyValueHandle) -> Self {
        Self {
            name: name.to_owned(),
            running,
            handle: RefCell::new(handle),
            table: RefCell::default(),
            ahead: Cell::default(),
            packed: RefCell::default(),
            scratch: RefCell::default(),
        }
    }

    /// Goes on with a handle that may write.
    pub(crate) fn set_handle(&self, handle: KeyValueHandle) {
        self.handle.replace(handle);
    }

    /// A buffer for a key; to be given back.
    pub(crate) fn take_scratch(&self) -> Vec<u8> {
        let mut scratch = self.scratch.take();
        scratch.clear();
        scratch
    }

    pub(crate) fn give_scratch(&self, mut scratch: Vec<u8>) {
        if scratch.capacity() > LARGE_BYTES {
            scratch = Vec::new();
        }
        self.scratch.replace(scratch);
    }

    fn in_frame(&self) -> bool {
        self.running.in_frame()
    }

    /// Shows the row of a key.
    pub(crate) fn get<R>(&self, key: &[u8], show: impl FnOnce(Seen<'_>) -> R) -> Option<R> {
        if !self.in_frame() {
            let row = self.handle.borrow().get(key)?;
            return Some(show(Seen::shared(row.timestamp, row.value.into())));
        }
        let known = self.table.borrow_mut().find(key);
        let number = known.unwrap_or_else(|| self.fetch(key));
        self.show(number, show)
    }

    /// Shows the rows of many keys, in their order.
    pub(crate) fn get_many(&self, keys: &[Vec<u8>], mut show: impl FnMut(Option<Seen<'_>>)) {
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let numbers = self.fetch_many(keys.iter().map(Vec::as_slice));
            for number in numbers {
                if self.show(number, |seen| show(Some(seen))).is_none() {
                    show(None);
                }
            }
            if !self.in_frame() {
                self.forget();
            }
        }
    }

    fn show<R>(&self, number: usize, show: impl FnOnce(Seen<'_>) -> R) -> Option<R> {
        let mut table = self.table.borrow_mut();
        let row = table.row(number);
        if std::mem::take(&mut row.ahead) {
            self.guess(Ahead::read);
        }
        let (timestamp, value) = (row.timestamp, row.value);
        let value = match value {
            Value::Absent => return None,
            Value::Fetched { answer, place } => SeenValue::Part(table.answer(answer), place),
            Value::Written(place) => SeenValue::Borrowed(table.written(place)),
        };
        Some(show(Seen { timestamp, value }))
    }

    fn guess<R>(&self, change: impl FnOnce(&mut Ahead) -> R) -> R {
        let mut ahead = self.ahead.get();
        let done = change(&mut ahead);
        self.ahead.set(ahead);
        done
    }

    /// The table, with room for what comes.
    fn table_with_room(&self) -> RefMut<'_, Table> {
        if self.table.borrow().is_full() {
            self.write_back();
            self.forget();
        }
        self.table.borrow_mut()
    }

    /// Brings the row of a key into the table and gives its number: alone, or with those of the records that come next.
    fn fetch(&self, key: &[u8]) -> usize {
        if self.is_key_of_record(key) {
            return self.fetch_ahead();
        }
        let mut table = self.table_with_room();
        let number = table.find_or_insert(key);
        self.fill_one(&mut table, number);
        number
    }

    fn is_key_of_record(&self, key: &[u8]) -> bool {
        let Some(mut cursor) = self.running.moment().map(|moment| moment.cursor) else { return false };
        self.running.with_frame(|frame| frame.next_key(&mut cursor) == Some(Some(key))).unwrap_or(false)
    }

    /// Brings the row of the current record, which is not known, and those of the next ones into the table. Gives the number of the first.
    fn fetch_ahead(&self) -> usize {
        let window = self.guess(Ahead::window);
        let mut table = self.table_with_room();
        let first = table.len();
        let Some(mut cursor) = self.running.moment().map(|moment| moment.cursor) else { return first };
        self.running.with_frame(|frame| {
            while table.len() < first + window {
                match frame.next_key(&mut cursor) {
                    Some(Some(key)) => {
                        table.insert(key);
                    }
                    Some(None) => {}
                    None => break,
                }
            }
        });
        let rows = table.len() - first;
        let bytes = self.fill(&mut table, first);
        (first..table.len()).for_each(|number| table.row(number).ahead = true);
        self.guess(|ahead| ahead.fetched(rows, bytes));
        first
    }

    /// Brings the rows of these keys into the table and gives their numbers.
    fn fetch_many<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) -> Vec<usize> {
        let mut table = self.table_with_room();
        let first = table.len();
        let numbers = keys.map(|key| table.find_or_insert(key)).collect();
        self.fill(&mut table, first);
        numbers
    }

    /// Reads the rows from `first` on, which are new, in one call. Gives the bytes read.
    fn fill(&self, table: &mut Table, first: usize) -> usize {
        match table.len() - first {
            0 => 0,
            1 => self.fill_one(table, first),
            _ => self.fill_packed(table, first),
        }
    }

    fn fill_one(&self, table: &mut Table, number: usize) -> usize {
        let Some(row) = self.handle.borrow().get(table.key(number)) else { return 0 };
        let place = Place { begin: 0, end: row.value.len() };
        let answer = table.keep(row.value.into());
        table.fill(number, row.timestamp, answer, place);
        place.len()
    }

    fn fill_packed(&self, table: &mut Table, first: usize) -> usize {
        let mut packed = self.packed.borrow_mut();
        packed.begin();
        (first..table.len()).for_each(|number| packed.blob(table.key(number)));
        let answer = Bytes::from(self.handle.borrow().get_many_packed(packed.packed()));
        packed.shrink(LARGE_BYTES);
        let mut rows = Blobs::read(answer);
        let answer = table.keep(rows.whole().clone());
        for number in first..table.len() {
            let Some(row) = rows.next_place() else { break };
            if let Some(row) = row {
                let (timestamp, value) = split_row_at(rows.whole(), row);
                table.fill(number, timestamp, answer, value);
            }
        }
        rows.whole().len()
    }

    /// Puts a value, or deletes.
    pub(crate) fn put(&self, key: &[u8], value: Option<&[u8]>, timestamp: Option<Timestamp>) {
        if self.in_frame() {
            return self.put_in_table(key, value, timestamp);
        }
        match value {
            Some(value) => self.handle.borrow().put(key, value, timestamp),
            None => self.handle.borrow().delete(key),
        }
    }

    /// Puts and deletes, in their order.
    pub(crate) fn put_many(&self, writes: &[(Vec<u8>, Option<Vec<u8>>)]) {
        writes.iter().for_each(|(key, value)| self.put_in_table(key, value.as_deref(), None));
        if !self.in_frame() {
            self.write_back();
            self.forget();
        }
    }

    fn put_in_table(&self, key: &[u8], value: Option<&[u8]>, timestamp: Option<Timestamp>) {
        // The host would say so to a write of its own; among those of a frame the least one has a meaning.
        assert!(
            timestamp.is_none_or(|timestamp| timestamp >= 0),
            "a row of a store has the timestamp {timestamp:?}; it may not be negative"
        );
        // What is written later must have the time that is current now.
        let timestamp = timestamp.or(self.running.moment().map(|moment| moment.timestamp));
        if let Some(large) = value.filter(|value| value.len() >= LARGE_BYTES) {
            self.write_back();
            self.forget();
            return self.handle.borrow().put(key, large, timestamp);
        }
        let mut table = self.table_with_room();
        let number = table.find_or_insert(key);
        table.write(number, timestamp.unwrap_or(CURRENT), value);
    }

    /// Puts a value unless there is one; shows that.
    pub(crate) fn put_if_absent<R>(&self, key: &[u8], value: &[u8], show: impl FnOnce(Seen<'_>) -> R) -> Option<R> {
        if !self.in_frame() {
            let row = self.handle.borrow().put_if_absent(key, value)?;
            return Some(show(Seen::shared(row.timestamp, row.value.into())));
        }
        let held = self.get(key, show);
        if held.is_none() {
            self.put_in_table(key, Some(value), None);
        }
        held
    }

    /// The handle, for what must see all that was written.
    fn up_to_date(&self) -> Ref<'_, KeyValueHandle> {
        self.write_back();
        self.handle.borrow()
    }

    pub(crate) fn approximate_count(&self) -> u64 {
        self.up_to_date().approximate_count()
    }

    pub(crate) fn range(&self, lower: Bound<Vec<u8>>, upper: Bound<Vec<u8>>, descending: bool) -> EntriesHandle {
        self.up_to_date().range(lower, upper, descending)
    }

    pub(crate) fn prefix(&self, prefix: &[u8], descending: bool) -> EntriesHandle {
        self.up_to_date().prefix(prefix, descending)
    }
}

impl View for StoreView {
    fn name(&self) -> &str {
        &self.name
    }

    fn write_back(&self) {
        let mut table = self.table.borrow_mut();
        let dirty = table.take_dirty();
        if !dirty.is_empty() {
            let mut packed = self.packed.borrow_mut();
            packed.begin();
            for &number in &dirty {
                let (timestamp, value) = (table.row(number).timestamp, table.row(number).value);
                packed.blob(table.key(number));
                match value {
                    Value::Absent => packed.absent(),
                    Value::Fetched { answer, place } => packed.row(timestamp, place.of(table.answer(answer))),
                    Value::Written(place) => packed.row(timestamp, table.written(place)),
                }
            }
            self.handle.borrow().put_many_packed(packed.packed());
            packed.shrink(LARGE_BYTES);
        }
        table.reuse(dirty);
    }

    fn forget(&self) {
        self.table.borrow_mut().clear();
    }
}
