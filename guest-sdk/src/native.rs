//! The host of a native test: stores in memory, a virtual clock, seeded chance. Used by [`crate::testing`] only.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

use crate::Timestamp;
use crate::description::Access;
use crate::host::{Clock, Level, OpenError, Origin};
use crate::record::RawOutput;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawRow {
    pub(crate) value: Vec<u8>,
    pub(crate) timestamp: Timestamp,
}

#[derive(Debug)]
pub(crate) struct RawEntry {
    pub(crate) key: Vec<u8>,
    pub(crate) row: RawRow,
}

#[derive(Debug)]
pub(crate) struct RawWrite {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) timestamp: Option<Timestamp>,
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
    pub(crate) granted: BTreeMap<String, Access>,
    pub(crate) state: State,
    pub(crate) forwarded: Vec<RawOutput>,
    pub(crate) logs: Vec<(Level, String)>,
    pub(crate) counters: BTreeMap<String, u64>,
    pub(crate) samples: BTreeMap<String, Vec<f64>>,
}

/// What a failing record takes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) stores: BTreeMap<String, Rows>,
    pub(crate) cells: BTreeMap<String, Vec<u8>>,
    pub(crate) schedules: BTreeMap<String, Schedule>,
}

impl World {
    pub(crate) fn new(granted: BTreeMap<String, Access>) -> Self {
        let stores = granted.keys().map(|role| (role.clone(), Rows::new())).collect();
        Self {
            now: 0,
            random_state: 0,
            stream_time: None,
            position: None,
            row_time: 0,
            granted,
            state: State { stores, ..State::default() },
            forwarded: Vec::new(),
            logs: Vec::new(),
            counters: BTreeMap::new(),
            samples: BTreeMap::new(),
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

    pub(crate) fn open_key_value(&self, role: &str, access: Access) -> Result<KeyValueHandle, OpenError> {
        let world = self.0.borrow();
        match (world.granted.get(role), access) {
            (None, _) => {
                let known: Vec<String> = world.granted.keys().map(|role| format!("`{role}`")).collect();
                let detail = format!("`describe` names {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") });
                Err(OpenError::NotGranted { role: role.to_owned(), detail })
            }
            (Some(Access::Read), Access::ReadWrite) => Err(OpenError::ReadOnly { role: role.to_owned() }),
            _ => Ok(KeyValueHandle { backend: self.clone(), role: role.to_owned() }),
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

    pub(crate) fn get(&self, key: &[u8]) -> Option<RawRow> {
        self.with(|rows, _| rows.get(key).cloned())
    }

    pub(crate) fn get_many(&self, keys: &[Vec<u8>]) -> Vec<Option<RawRow>> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    pub(crate) fn put(&self, key: &[u8], value: &[u8], timestamp: Option<Timestamp>) {
        self.with(|rows, row_time| rows.insert(key.to_vec(), RawRow { value: value.to_vec(), timestamp: timestamp.unwrap_or(row_time) }));
    }

    pub(crate) fn delete(&self, key: &[u8]) {
        self.with(|rows, _| rows.remove(key));
    }

    pub(crate) fn put_many(&self, writes: &[RawWrite]) {
        for write in writes {
            match &write.value {
                Some(value) => self.put(&write.key, value, write.timestamp),
                None => self.delete(&write.key),
            }
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
    pub(crate) fn next(&mut self, max: u32) -> Vec<RawEntry> {
        let wanted = |key: &Vec<u8>| {
            let above = match &self.lower {
                Bound::Unbounded => true,
                Bound::Included(lower) => key >= lower,
                Bound::Excluded(lower) => key > lower,
            };
            let below = match &self.upper {
                Bound::Unbounded => true,
                Bound::Included(upper) => key <= upper,
                Bound::Excluded(upper) => key < upper,
            };
            above && below && key.starts_with(&self.prefix)
        };
        let chunk: Vec<RawEntry> = self.store.with(|rows, _| {
            let entry = |(key, row): (&Vec<u8>, &RawRow)| RawEntry { key: key.clone(), row: row.clone() };
            let rows = rows.iter().filter(|(key, _)| wanted(key));
            if self.descending { rows.rev().take(max as usize).map(entry).collect() } else { rows.take(max as usize).map(entry).collect() }
        });
        if let Some(last) = chunk.last() {
            let passed = Bound::Excluded(last.key.clone());
            if self.descending {
                self.upper = passed;
            } else {
                self.lower = passed;
            }
        }
        chunk
    }
}
