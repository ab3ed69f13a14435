//! The host of a native test: stores in memory, a virtual clock, seeded chance. Used by [`crate::testing`] only.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::blobs::{BlobWriter, Blobs, CURRENT, split_row};
use crate::description::{Access, StoreKind};
use crate::frame::Frame;
use crate::host::{Clock, Level, OpenError, Origin};
use crate::record::RawOutput;
use crate::testing::StoreShape;

#[path = "native/timed.rs"]
mod timed;

pub(crate) use timed::{
    Histories, RawSession, RawVersion, SessionEntriesHandle, SessionHandle, TimedRows, VersionedHandle, VersionsHandle,
    WindowEntriesHandle, WindowHandle,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawRow {
    pub(crate) value: Vec<u8>,
    pub(crate) timestamp: Timestamp,
}

pub(crate) type Rows = BTreeMap<Vec<u8>, RawRow>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) interval: i64,
    pub(crate) clock: Clock,
    pub(crate) due: Timestamp,
}

/// All that a test's host holds.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) random_state: u64,
    pub(crate) stream_time: Option<Timestamp>,
    pub(crate) position: Option<Origin>,
    /// What a row gets that is written without a timestamp.
    pub(crate) row_time: Timestamp,
    pub(crate) granted: BTreeMap<String, (StoreKind, Access)>,
    /// What stores keep, where a test says it.
    pub(crate) shapes: BTreeMap<String, StoreShape>,
    pub(crate) ports: Vec<String>,
    pub(crate) state: State,
    pub(crate) forwarded: Vec<RawOutput>,
    pub(crate) logs: Vec<(Level, String)>,
    pub(crate) counters: BTreeMap<String, u64>,
    pub(crate) samples: BTreeMap<String, Vec<f64>>,
    /// Calls that read or write rows, iterators aside.
    pub(crate) store_calls: usize,
}

/// What a failing record takes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) stores: BTreeMap<String, Rows>,
    pub(crate) timed: BTreeMap<String, TimedRows>,
    pub(crate) histories: BTreeMap<String, Histories>,
    pub(crate) cells: BTreeMap<String, Vec<u8>>,
    pub(crate) schedules: BTreeMap<String, Schedule>,
}

impl World {
    pub(crate) fn new(granted: BTreeMap<String, (StoreKind, Access)>, ports: Vec<String>) -> Self {
        let stores = granted.keys().map(|role| (role.clone(), Rows::new())).collect();
        Self {
            now: 0,
            random_state: 0,
            stream_time: None,
            position: None,
            row_time: 0,
            granted,
            shapes: BTreeMap::new(),
            ports,
            state: State { stores, ..State::default() },
            forwarded: Vec::new(),
            logs: Vec::new(),
            counters: BTreeMap::new(),
            samples: BTreeMap::new(),
            store_calls: 0,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Backend(pub(crate) Rc<RefCell<World>>);

impl Backend {
    pub(crate) fn new(world: World) -> Self {
        Self(Rc::new(RefCell::new(world)))
    }

    pub(crate) fn position(&self) -> Option<Origin> {
        self.0.borrow().position.clone()
    }

    pub(crate) fn stream_time(&self) -> Option<Timestamp> {
        self.0.borrow().stream_time
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.borrow().now
    }

    /// SplitMix64.
    pub(crate) fn random(&self) -> u64 {
        let mut world = self.0.borrow_mut();
        world.random_state = world.random_state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (world.random_state ^ (world.random_state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn task(&self) -> String {
        "test_0".to_owned()
    }

    pub(crate) fn forward(&self, mut outputs: Vec<RawOutput>) {
        self.0.borrow_mut().forwarded.append(&mut outputs);
    }

    pub(crate) fn forward_frame(&self, frame: &[u8]) {
        let mut world = self.0.borrow_mut();
        match Frame::read(Bytes::copy_from_slice(frame)).and_then(|frame| frame.outputs(&world.ports)) {
            Ok(mut outputs) => world.forwarded.append(&mut outputs),
            Err(broken) => panic!("a frame is forwarded that is none: {broken}"),
        }
    }

    pub(crate) fn schedule(&self, name: &str, interval_ms: u64, clock: Clock, start: Option<Timestamp>) {
        let mut world = self.0.borrow_mut();
        let interval = i64::try_from(interval_ms).unwrap_or(i64::MAX);
        if world.state.schedules.get(name).is_some_and(|known| known.interval == interval && known.clock == clock) {
            return;
        }
        let now = match clock {
            Clock::WallClock => world.now,
            Clock::StreamTime => world.stream_time.unwrap_or(0),
        };
        let due = match (start, clock) {
            (Some(start), _) if start >= now => start,
            (Some(start), _) => start + (now - start + interval - 1) / interval * interval,
            (None, Clock::WallClock) => now.saturating_add(interval),
            (None, Clock::StreamTime) => 0,
        };
        world.state.schedules.insert(name.to_owned(), Schedule { interval, clock, due });
    }

    pub(crate) fn cancel(&self, name: &str) {
        self.0.borrow_mut().state.schedules.remove(name);
    }

    pub(crate) fn log(&self, level: Level, message: &str) {
        self.0.borrow_mut().logs.push((level, message.to_owned()));
    }

    pub(crate) fn count(&self, name: &str, by: u64) {
        *self.0.borrow_mut().counters.entry(name.to_owned()).or_default() += by;
    }

    pub(crate) fn observe(&self, name: &str, value: f64) {
        self.0.borrow_mut().samples.entry(name.to_owned()).or_default().push(value);
    }

    pub(crate) fn get_cell(&self, name: &str) -> Option<Vec<u8>> {
        self.0.borrow().state.cells.get(name).cloned()
    }

    pub(crate) fn put_cell(&self, name: &str, value: Option<&[u8]>) {
        let cells = &mut self.0.borrow_mut().state.cells;
        match value {
            Some(value) => cells.insert(name.to_owned(), value.to_vec()),
            None => cells.remove(name),
        };
    }

    /// A test knows stores by their roles.
    pub(crate) fn store_name(&self, role: &str) -> String {
        role.to_owned()
    }

    pub(crate) fn open_key_value(&self, role: &str, access: Access) -> Result<KeyValueHandle, OpenError> {
        self.check_open(role, StoreKind::KeyValue, access)?;
        Ok(KeyValueHandle { backend: self.clone(), role: role.to_owned() })
    }

    /// Whether a store may be opened so.
    pub(crate) fn check_open(&self, role: &str, wanted: StoreKind, access: Access) -> Result<(), OpenError> {
        let world = self.0.borrow();
        match (world.granted.get(role), access) {
            (None, _) => {
                let known: Vec<String> = world.granted.keys().map(|role| format!("`{role}`")).collect();
                let detail = format!("`describe` names {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") });
                Err(OpenError::NotGranted { role: role.to_owned(), detail })
            }
            (Some((kind, _)), _) if *kind != wanted => Err(OpenError::WrongKind { role: role.to_owned(), kind: kind.name() }),
            (Some((_, Access::Read)), Access::ReadWrite) => Err(OpenError::ReadOnly { role: role.to_owned() }),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct KeyValueHandle {
    backend: Backend,
    role: String,
}

impl KeyValueHandle {
    fn with<R>(&self, work: impl FnOnce(&mut Rows, Timestamp) -> R) -> R {
        let mut world = self.backend.0.borrow_mut();
        let row_time = world.row_time;
        work(world.state.stores.entry(self.role.clone()).or_default(), row_time)
    }

    fn count_call(&self) {
        self.backend.0.borrow_mut().store_calls += 1;
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<RawRow> {
        self.count_call();
        self.with(|rows, _| rows.get(key).cloned())
    }

    pub(crate) fn get_many_packed(&self, keys: &[u8]) -> Vec<u8> {
        self.count_call();
        let mut answer = BlobWriter::default();
        answer.begin();
        for key in Blobs::read(Bytes::copy_from_slice(keys)).flatten() {
            self.with(|rows, _| match rows.get(&key[..]) {
                Some(row) => answer.row(row.timestamp, &row.value),
                None => answer.absent(),
            });
        }
        answer.packed().to_vec()
    }

    pub(crate) fn put(&self, key: &[u8], value: &[u8], timestamp: Option<Timestamp>) {
        self.count_call();
        self.with(|rows, row_time| rows.insert(key.to_vec(), RawRow { value: value.to_vec(), timestamp: timestamp.unwrap_or(row_time) }));
    }

    pub(crate) fn delete(&self, key: &[u8]) {
        self.count_call();
        self.with(|rows, _| rows.remove(key));
    }

    pub(crate) fn put_many_packed(&self, writes: &[u8]) {
        self.count_call();
        let mut writes = Blobs::read(Bytes::copy_from_slice(writes));
        while let Some(key) = writes.next().flatten() {
            let row = writes.next().flatten().map(|row| split_row(&row));
            self.with(|rows, row_time| match row {
                Some((timestamp, value)) => {
                    let timestamp = if timestamp == CURRENT { row_time } else { timestamp };
                    rows.insert(key.to_vec(), RawRow { value: value.to_vec(), timestamp });
                }
                None => drop(rows.remove(&key[..])),
            });
        }
    }

    pub(crate) fn put_if_absent(&self, key: &[u8], value: &[u8]) -> Option<RawRow> {
        let held = self.get(key);
        if held.is_none() {
            self.put(key, value, None);
        }
        held
    }

    pub(crate) fn approximate_count(&self) -> u64 {
        self.with(|rows, _| rows.len() as u64)
    }

    pub(crate) fn range(&self, lower: Bound<Vec<u8>>, upper: Bound<Vec<u8>>, descending: bool) -> EntriesHandle {
        EntriesHandle { store: self.clone(), lower, upper, prefix: Vec::new(), descending }
    }

    pub(crate) fn prefix(&self, prefix: &[u8], descending: bool) -> EntriesHandle {
        let prefix = prefix.to_vec();
        EntriesHandle { store: self.clone(), lower: Bound::Unbounded, upper: Bound::Unbounded, prefix, descending }
    }
}

/// What is left of a range; each chunk shows the store as it is then.
#[derive(Debug)]
pub(crate) struct EntriesHandle {
    store: KeyValueHandle,
    lower: Bound<Vec<u8>>,
    upper: Bound<Vec<u8>>,
    prefix: Vec<u8>,
    descending: bool,
}

impl EntriesHandle {
    pub(crate) fn next_packed(&mut self, max_bytes: u32) -> Vec<u8> {
        let mut answer = BlobWriter::default();
        answer.begin();
        let mut left = max_bytes as usize;
        while left > 0 {
            let Some((key, row)) = self.next() else { break };
            answer.blob(&key);
            answer.row(row.timestamp, &row.value);
            left = left.saturating_sub(key.len() + row.value.len());
        }
        answer.packed().to_vec()
    }

    fn next(&mut self) -> Option<(Vec<u8>, RawRow)> {
        if is_empty(&self.lower, &self.upper) {
            return None;
        }
        let bounds = (self.lower.clone(), self.upper.clone());
        let (key, row) = self.store.with(|rows, _| {
            let mut rows = rows.range(bounds).filter(|(key, _)| key.starts_with(&self.prefix));
            let next = if self.descending { rows.next_back() } else { rows.next() };
            next.map(|(key, row)| (key.clone(), row.clone()))
        })?;
        let passed = Bound::Excluded(key.clone());
        if self.descending {
            self.upper = passed;
        } else {
            self.lower = passed;
        }
        Some((key, row))
    }
}

/// Whether nothing lies between these bounds, or they are the wrong way round.
fn is_empty(lower: &Bound<Vec<u8>>, upper: &Bound<Vec<u8>>) -> bool {
    match (lower, upper) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (Bound::Included(lower) | Bound::Excluded(lower), Bound::Included(upper) | Bound::Excluded(upper)) => lower >= upper,
    }
}
