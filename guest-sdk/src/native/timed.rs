//! Window, session and versioned stores of a native test: ordered maps that keep the contract's rules.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Backend, RawRow, State};
use crate::Timestamp;
use crate::blobs::BlobWriter;
use crate::description::{Access, StoreKind};
use crate::host::OpenError;
use crate::testing::StoreShape;
use crate::versioned_store::VersionedPut;

/// Key, time, number: of a window its start and the number of the write where duplicates are kept, of a session its end and its start.
type At = (Vec<u8>, Timestamp, Timestamp);

/// Rows with a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimedRows {
    rows: BTreeMap<At, RawRow>,
    observed: Option<Timestamp>,
    writes: Timestamp,
}

/// Which rows a range shows, and in which order.
#[derive(Clone, Debug)]
struct Query {
    keys: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    first: Timestamp,
    last: Timestamp,
    latest_number: Timestamp,
    /// Else by key.
    by_time: bool,
    descending: bool,
}

impl TimedRows {
    fn is_visible(&self, time: Timestamp, retention: Timestamp) -> bool {
        self.observed.is_none_or(|observed| time > observed.saturating_sub(retention))
    }

    fn observe(&mut self, time: Timestamp) {
        self.observed = Some(self.observed.map_or(time, |observed| observed.max(time)));
    }

    fn get(&self, at: &At, retention: Timestamp) -> Option<RawRow> {
        self.rows.get(at).filter(|_| self.is_visible(at.1, retention)).cloned()
    }

    fn put(&mut self, at: At, row: Option<RawRow>, retention: Timestamp) {
        self.observe(at.1);
        match row.filter(|_| self.is_visible(at.1, retention)) {
            Some(row) => self.rows.insert(at, row),
            None => self.rows.remove(&at),
        };
    }

    fn select(&self, query: &Query, retention: Timestamp) -> Vec<(At, RawRow)> {
        let is_within = |key: &Vec<u8>| {
            let above = match &query.keys.0 {
                Bound::Unbounded => true,
                Bound::Included(lower) => key >= lower,
                Bound::Excluded(lower) => key > lower,
            };
            above
                && match &query.keys.1 {
                    Bound::Unbounded => true,
                    Bound::Included(upper) => key <= upper,
                    Bound::Excluded(upper) => key < upper,
                }
        };
        let shown = self.rows.iter().filter(|((key, time, number), _)| {
            let in_time = (query.first..=query.last).contains(time) && *number <= query.latest_number;
            in_time && is_within(key) && self.is_visible(*time, retention)
        });
        let mut shown: Vec<_> = shown.map(|(at, row)| (at.clone(), row.clone())).collect();
        if query.by_time {
            shown.sort_by(|(a, _), (b, _)| place(a, true).cmp(&place(b, true)));
        }
        if query.descending {
            shown.reverse();
        }
        shown
    }
}

fn place(at: &At, by_time: bool) -> (Timestamp, Timestamp, &[u8], Timestamp, Timestamp) {
    let (key, time, number) = at;
    if by_time { (*time, *number, key, 0, 0) } else { (0, 0, key, *time, *number) }
}

/// Every version ever put; one without a value is a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histories {
    keys: BTreeMap<Vec<u8>, BTreeMap<Timestamp, Option<Vec<u8>>>>,
    observed: Option<Timestamp>,
}

impl Histories {
    fn versions(&self, key: &[u8]) -> Vec<RawVersion> {
        let Some(versions) = self.keys.get(key) else { return Vec::new() };
        let ends = versions.keys().skip(1).map(|end| Some(*end)).chain([None]);
        let held = versions.iter().zip(ends).filter_map(|((begin, value), end)| Some((*begin, value.clone()?, end)));
        held.map(|(valid_from, value, valid_to)| RawVersion { value, valid_from, valid_to }).collect()
    }

    fn has_expired(&self, time: Timestamp, history: Timestamp) -> bool {
        self.observed.is_some_and(|observed| time < observed.saturating_sub(history))
    }
}

impl Backend {
    fn shape(&self, role: &str) -> StoreShape {
        let world = self.0.borrow();
        let kind = world.granted.get(role).map_or(StoreKind::KeyValue, |(kind, _)| *kind);
        world.shapes.get(role).copied().unwrap_or_else(|| StoreShape::endless(kind))
    }

    fn with_state<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut world = self.0.borrow_mut();
        world.store_calls += 1;
        work(&mut world.state)
    }

    fn timed(&self, role: &str, kind: StoreKind, access: Access) -> Result<TimedHandle, OpenError> {
        self.check_open(role, kind, access)?;
        Ok(TimedHandle { backend: self.clone(), role: role.to_owned(), shape: self.shape(role) })
    }

    pub(crate) fn open_window(&self, role: &str, access: Access) -> Result<WindowHandle, OpenError> {
        self.timed(role, StoreKind::Window, access).map(WindowHandle)
    }

    pub(crate) fn open_session(&self, role: &str, access: Access) -> Result<SessionHandle, OpenError> {
        self.timed(role, StoreKind::Session, access).map(SessionHandle)
    }

    pub(crate) fn open_versioned(&self, role: &str, access: Access) -> Result<VersionedHandle, OpenError> {
        self.timed(role, StoreKind::Versioned, access).map(VersionedHandle)
    }
}

#[derive(Clone, Debug)]
struct TimedHandle {
    backend: Backend,
    role: String,
    shape: StoreShape,
}

impl TimedHandle {
    fn with<R>(&self, work: impl FnOnce(&mut TimedRows) -> R) -> R {
        self.backend.with_state(|state| work(state.timed.entry(self.role.clone()).or_default()))
    }

    fn with_histories<R>(&self, work: impl FnOnce(&mut Histories) -> R) -> R {
        self.backend.with_state(|state| work(state.histories.entry(self.role.clone()).or_default()))
    }

    fn keeps_for(&self) -> Timestamp {
        self.shape.keeps_for_ms()
    }

    fn rows(&self, query: Query) -> TimedRange {
        TimedRange { store: self.clone(), query, after: None }
    }
}

/// What is left of a range; each chunk shows the store as it is then.
#[derive(Debug)]
struct TimedRange {
    store: TimedHandle,
    query: Query,
    after: Option<At>,
}

impl TimedRange {
    fn next(&mut self, max: usize) -> Vec<(At, RawRow)> {
        let all = self.store.with(|rows| rows.select(&self.query, self.store.keeps_for()));
        let by_time = self.query.by_time;
        let is_ahead = |at: &At| {
            let ordering = self.after.as_ref().map(|after| place(at, by_time).cmp(&place(after, by_time)));
            ordering.is_none_or(|ordering| if self.query.descending { ordering.is_lt() } else { ordering.is_gt() })
        };
        let next: Vec<_> = all.into_iter().filter(|(at, _)| is_ahead(at)).take(max).collect();
        if let Some((last, _)) = next.last() {
            self.after = Some(last.clone());
        }
        next
    }
}

#[derive(Debug)]
pub(crate) struct WindowHandle(TimedHandle);

impl WindowHandle {
    pub(crate) fn size_ms(&self) -> u64 {
        self.0.shape.window_ms().unsigned_abs()
    }

    pub(crate) fn retention_ms(&self) -> u64 {
        self.0.keeps_for().unsigned_abs()
    }

    pub(crate) fn get(&self, key: &[u8], start: Timestamp) -> Option<RawRow> {
        if !self.0.shape.keeps_duplicates() {
            return self.0.with(|rows| rows.get(&(key.to_vec(), start, 0), self.0.keeps_for()));
        }
        self.range(of(key), start, start, false, false).0.next(1).pop().map(|(_, row)| row)
    }

    pub(crate) fn put(&self, key: &[u8], start: Timestamp, value: Option<&[u8]>, timestamp: Option<Timestamp>) {
        let timestamp = timestamp.unwrap_or_else(|| self.0.backend.0.borrow().row_time);
        let row = value.map(|value| RawRow { value: value.to_vec(), timestamp });
        let duplicates = self.0.shape.keeps_duplicates();
        if duplicates && row.is_none() {
            return;
        }
        self.0.with(|rows| {
            rows.writes += 1;
            let number = if duplicates { rows.writes } else { 0 };
            rows.put((key.to_vec(), start, number), row, self.0.keeps_for());
        });
    }

    fn range(
        &self,
        keys: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        first: Timestamp,
        last: Timestamp,
        by_time: bool,
        descending: bool,
    ) -> WindowEntriesHandle {
        WindowEntriesHandle(self.0.rows(Query { keys, first, last, latest_number: Timestamp::MAX, by_time, descending }))
    }

    pub(crate) fn fetch(&self, key: &[u8], first: Timestamp, last: Timestamp, descending: bool) -> WindowEntriesHandle {
        self.range(of(key), first, last, false, descending)
    }

    pub(crate) fn fetch_range(
        &self,
        lower: Bound<Vec<u8>>,
        upper: Bound<Vec<u8>>,
        first: Timestamp,
        last: Timestamp,
        descending: bool,
    ) -> WindowEntriesHandle {
        self.range((lower, upper), first, last, false, descending)
    }

    pub(crate) fn scan(&self, first: Timestamp, last: Timestamp, descending: bool) -> WindowEntriesHandle {
        self.range((Bound::Unbounded, Bound::Unbounded), first, last, true, descending)
    }
}

fn of(key: &[u8]) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    (Bound::Included(key.to_vec()), Bound::Included(key.to_vec()))
}

#[derive(Debug)]
pub(crate) struct WindowEntriesHandle(TimedRange);

impl WindowEntriesHandle {
    pub(crate) fn next_packed(&mut self, max_bytes: u32) -> Vec<u8> {
        let mut answer = BlobWriter::default();
        answer.begin();
        let mut left = max_bytes as usize;
        while left > 0 {
            let Some(((key, start, _), row)) = self.0.next(1).pop() else { break };
            answer.blob(&[&key[..], &start.to_le_bytes()].concat());
            answer.row(row.timestamp, &row.value);
            left = left.saturating_sub(key.len() + row.value.len());
        }
        answer.packed().to_vec()
    }
}

#[derive(Debug)]
pub(crate) struct RawSession {
    pub(crate) key: Vec<u8>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) value: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct SessionHandle(TimedHandle);

impl SessionHandle {
    pub(crate) fn retention_ms(&self) -> u64 {
        self.0.keeps_for().unsigned_abs()
    }

    pub(crate) fn get(&self, key: &[u8], start: Timestamp, end: Timestamp) -> Option<Vec<u8>> {
        self.0.with(|rows| rows.get(&(key.to_vec(), end, start), self.0.keeps_for())).map(|row| row.value)
    }

    pub(crate) fn put(&self, key: &[u8], start: Timestamp, end: Timestamp, value: Option<&[u8]>) {
        let row = value.map(|value| RawRow { value: value.to_vec(), timestamp: end });
        self.0.with(|rows| rows.put((key.to_vec(), end, start), row, self.0.keeps_for()));
    }

    fn range(
        &self,
        keys: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        (first, last): (Timestamp, Timestamp),
        latest_number: Timestamp,
        by_time: bool,
        descending: bool,
    ) -> SessionEntriesHandle {
        SessionEntriesHandle(self.0.rows(Query { keys, first, last, latest_number, by_time, descending }))
    }

    pub(crate) fn find(&self, key: &[u8], earliest_end: Timestamp, latest_start: Timestamp, descending: bool) -> SessionEntriesHandle {
        self.range(of(key), (earliest_end, Timestamp::MAX), latest_start, false, descending)
    }

    pub(crate) fn find_range(
        &self,
        lower: Bound<Vec<u8>>,
        upper: Bound<Vec<u8>>,
        earliest_end: Timestamp,
        latest_start: Timestamp,
        descending: bool,
    ) -> SessionEntriesHandle {
        self.range((lower, upper), (earliest_end, Timestamp::MAX), latest_start, false, descending)
    }

    pub(crate) fn scan(&self, first: Timestamp, last: Timestamp, descending: bool) -> SessionEntriesHandle {
        self.range((Bound::Unbounded, Bound::Unbounded), (first, last), Timestamp::MAX, true, descending)
    }
}

#[derive(Debug)]
pub(crate) struct SessionEntriesHandle(TimedRange);

impl SessionEntriesHandle {
    pub(crate) fn next(&mut self, max: u32) -> Vec<RawSession> {
        let raw = |((key, end, start), row): (At, RawRow)| RawSession { key, start, end, value: row.value };
        self.0.next(max as usize).into_iter().map(raw).collect()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct RawVersion {
    pub(crate) value: Vec<u8>,
    pub(crate) valid_from: Timestamp,
    pub(crate) valid_to: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct VersionedHandle(TimedHandle);

impl VersionedHandle {
    pub(crate) fn get(&self, key: &[u8]) -> Option<RawVersion> {
        self.0.with_histories(|all| all.versions(key).pop().filter(|version| version.valid_to.is_none()))
    }

    pub(crate) fn get_as_of(&self, key: &[u8], as_of: Timestamp) -> Option<RawVersion> {
        self.0.with_histories(|all| {
            let held = all.versions(key).into_iter().rfind(|version| version.valid_from <= as_of);
            let expired = all.has_expired(as_of, self.0.keeps_for());
            held.filter(|version| version.valid_to.is_none_or(|end| end > as_of && !expired))
        })
    }

    pub(crate) fn put(&self, key: &[u8], value: Option<&[u8]>, valid_from: Timestamp) -> VersionedPut {
        self.0.with_histories(|all| {
            if all.has_expired(valid_from, self.0.keeps_for()) {
                return VersionedPut::Expired;
            }
            all.observed = Some(all.observed.map_or(valid_from, |observed| observed.max(valid_from)));
            let versions = all.keys.entry(key.to_vec()).or_default();
            versions.insert(valid_from, value.map(<[u8]>::to_vec));
            let next = versions.range((Bound::Excluded(valid_from), Bound::Unbounded)).next();
            next.map_or(VersionedPut::Latest, |(begin, _)| VersionedPut::Until(*begin))
        })
    }

    pub(crate) fn history(&self, key: &[u8], first: Timestamp, last: Timestamp, descending: bool) -> VersionsHandle {
        VersionsHandle { store: self.0.clone(), key: key.to_vec(), first, last, descending, after: None }
    }
}

#[derive(Debug)]
pub(crate) struct VersionsHandle {
    store: TimedHandle,
    key: Vec<u8>,
    first: Timestamp,
    last: Timestamp,
    descending: bool,
    after: Option<Timestamp>,
}

impl VersionsHandle {
    pub(crate) fn next(&mut self, max: u32) -> Vec<RawVersion> {
        let mut all = self.store.with_histories(|all| all.versions(&self.key));
        if self.descending {
            all.reverse();
        }
        all.retain(|version| version.valid_from <= self.last && version.valid_to.is_none_or(|end| end > self.first));
        let is_ahead = |from: Timestamp| self.after.is_none_or(|after| if self.descending { from < after } else { from > after });
        let next: Vec<_> = all.into_iter().filter(|version| is_ahead(version.valid_from)).take(max as usize).collect();
        self.after = next.last().map(|version| version.valid_from).or(self.after);
        next
    }
}
