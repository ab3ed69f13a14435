//! A store as the last commit has left it: what may be shown to somebody outside. The writes of the running transaction are put aside meanwhile,
//! and what has expired is judged by the clock of that commit.
//!
//! A row has a place; pages end at one, and go on behind it. Rows of many tasks are put together by their places.

use std::cmp::Ordering;
use std::ops::Bound;

use bytes::{Buf, Bytes};

use super::at_work::{AtWork, Noted};
use super::expiring::Expiring;
use super::layout::TimedKey;
use super::overlay::Keys;
use super::sessions::{SessionKey, Sessions, Touching};
use super::store_of_kind::{Kind, Store};
use super::timed::Timed;
use super::undo_log::UndoLog;
use super::versioned::{Version, Versioned};
use super::windows::{Next, WindowKey, Windows};
use super::{Changelog, Row, ScanOrder, StoreError};
use crate::limits;
use crate::record::Timestamp;
use crate::topology::{StoreKind, StoreShape};

/// Which rows of a store somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreRead {
    /// By their keys.
    pub keys: KeyRange,
    /// By their times.
    pub times: Times,
    /// The last row that was told; `None` at the beginning.
    pub after: Option<RowPlace>,
    /// Most rows.
    pub max: usize,
    /// Bytes of rows with which a page ends.
    pub bytes: usize,
}

/// Keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyRange {
    /// This one.
    One(Bytes),
    /// Those between two bounds.
    Between(Bound<Bytes>, Bound<Bytes>),
}

impl KeyRange {
    /// Those that begin so.
    pub fn prefix(prefix: Bytes) -> Self {
        // Behind all of them lies the prefix with its last byte, of those that can be, one higher.
        let behind = prefix.iter().rposition(|byte| *byte < u8::MAX).map(|last| {
            let mut behind = prefix[..=last].to_vec();
            behind[last] += 1;
            Bytes::from(behind)
        });
        Self::Between(Bound::Included(prefix), behind.map_or(Bound::Unbounded, Bound::Excluded))
    }

    fn is_everything(&self) -> bool {
        *self == Self::Between(Bound::Unbounded, Bound::Unbounded)
    }
}

/// Times; a key-value store has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Whatever they are; of a versioned store the latest version.
    Any,
    /// Windows that start, sessions that lie, and versions that held between these two, both included.
    Between(i64, i64),
    /// The version that held then.
    AsOf(i64),
}

impl Times {
    fn bounds(self) -> (i64, i64) {
        match self {
            Self::Any => (i64::MIN, i64::MAX),
            Self::Between(first, last) => (first, last),
            Self::AsOf(time) => (time, time),
        }
    }
}

/// Where a row stands among those of its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPlace(TimedKey);

impl RowPlace {
    fn of_key(key: Bytes) -> Self {
        Self(TimedKey { key, time: 0, rank: 0 })
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        [&self.0.time.to_be_bytes()[..], &self.0.rank.to_be_bytes(), &self.0.key].concat()
    }

    /// Reads the bytes; `None`: they are no place.
    pub fn decode(mut bytes: Bytes) -> Option<Self> {
        let (time, rank) = (bytes.try_get_i64().ok()?, bytes.try_get_u64().ok()?);
        Some(Self(TimedKey { key: bytes, time, rank }))
    }
}

/// A row for somebody outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedRow {
    /// Where it stands.
    pub place: RowPlace,
    /// Its value.
    pub value: Bytes,
    /// When it was written; of a session its end, of a version its begin.
    pub timestamp: Timestamp,
    /// Its window, its session, or for how long it held: the begin, and the end where there is one.
    pub span: Option<(i64, Option<i64>)>,
}

impl CommittedRow {
    /// Its key.
    pub fn key(&self) -> &Bytes {
        &self.place.0.key
    }

    fn size(&self) -> usize {
        self.key().len() + self.value.len()
    }
}

/// A page of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommittedRows {
    /// The rows, in the order of the read.
    pub rows: Vec<CommittedRow>,
    /// Whether more stand behind the last one.
    pub more: bool,
}

/// Reads a store, whose clock has been read.
pub(super) fn rows(store: &mut Store, read: &StoreRead) -> Result<CommittedRows, StoreError> {
    let Store { name, shape, kind, rows, committed, .. } = store;
    let (shape, kind) = (*shape, *kind);
    let (mut clock, mut noted, mut keys, mut undo) = (*committed, Noted::default(), Keys::default(), UndoLog::default());
    let wrong = || StoreError::Kind { store: name.clone(), kind: shape.kind() };
    rows.committed(|rows| {
        if let Kind::KeyValue = kind {
            return match &read.keys {
                KeyRange::One(key) => Ok(one(rows.get(key)?.map(|row| plain(key.clone(), row)))),
                KeyRange::Between(lower, upper) => {
                    page(read, |after, max| Ok(plains(rows.scan(begin(after, lower), slice(upper), ScanOrder::Ascending, max)?)))
                }
            };
        }
        let (clock, noted, keys, undo) = (&mut clock, &mut noted, &mut keys, &mut undo);
        let work = AtWork { of: Changelog::Cells, rows, clock, noted, keys, undo };
        match kind {
            Kind::KeyValue => Err(wrong()),
            Kind::Expiring { ttl_ms } => expiring(&mut Expiring { work, ttl_ms }, read),
            Kind::Timed(rules) if shape.kind() == StoreKind::Session => sessions(&mut Sessions(Timed { work, rules }), read),
            Kind::Timed(rules) => windows(&mut Windows(Timed { work, rules }), read, shape),
            Kind::Versioned(rules) => match &read.keys {
                KeyRange::One(key) => versions(&Versioned { work, rules, rewritten: 0 }, key, read),
                KeyRange::Between(..) => Err(wrong()),
            },
        }
    })
}

/// Puts pages of one read together: those of several tasks. Where one of them ends, the others may not go on.
pub fn merge(pages: Vec<CommittedRows>, read: &StoreRead, kind: StoreKind) -> CommittedRows {
    let order = |a: &CommittedRow, b: &CommittedRow| read.order(kind, &a.place.0, &b.place.0);
    let ends = pages.iter().filter(|page| page.more).filter_map(|page| page.rows.last());
    let end = ends.min_by(|a, b| order(a, b)).map(|row| row.place.clone());
    let mut rows: Vec<CommittedRow> = pages.into_iter().flat_map(|page| page.rows).collect();
    rows.sort_by(order);
    let all = rows.len();
    if let Some(end) = &end {
        rows.retain(|row| read.order(kind, &row.place.0, &end.0) != Ordering::Greater);
    }
    rows.truncate(read.max);
    CommittedRows { more: end.is_some() || rows.len() < all, rows }
}

impl StoreRead {
    /// Windows and sessions of all keys are read by time: those of a while are found without a look at the others.
    fn is_by_time(&self) -> bool {
        self.keys.is_everything()
    }

    fn order(&self, kind: StoreKind, a: &TimedKey, b: &TimedKey) -> Ordering {
        match kind {
            StoreKind::Window if self.is_by_time() => (a.time, &a.key, a.rank).cmp(&(b.time, &b.key, b.rank)),
            StoreKind::Session if self.is_by_time() => (a.time, a.rank, &a.key).cmp(&(b.time, b.rank, &b.key)),
            _ => a.cmp(b),
        }
    }
}

/// Reads until the page is full. `chunk` gives up to so many rows behind a place; those that `read` does not ask for are passed over.
fn page(
    read: &StoreRead,
    mut chunk: impl FnMut(Option<&RowPlace>, usize) -> Result<Vec<CommittedRow>, StoreError>,
) -> Result<CommittedRows, StoreError> {
    let (mut page, mut bytes, mut after) = (CommittedRows::default(), 0, read.after.clone());
    loop {
        let rows = chunk(after.as_ref(), limits::ROWS_READ_AT_ONCE)?;
        let is_last = rows.len() < limits::ROWS_READ_AT_ONCE;
        after = rows.last().map(|row| row.place.clone());
        for row in rows.into_iter().filter(|row| row.span.is_none_or(|(start, _)| start <= read.times.bounds().1)) {
            if page.rows.len() >= read.max || bytes >= read.bytes {
                page.more = true;
                return Ok(page);
            }
            bytes += row.size();
            page.rows.push(row);
        }
        if is_last {
            return Ok(page);
        }
    }
}

fn expiring(store: &mut Expiring<'_>, read: &StoreRead) -> Result<CommittedRows, StoreError> {
    match &read.keys {
        KeyRange::One(key) => Ok(one(store.get(key)?.map(|row| plain(key.clone(), row)))),
        KeyRange::Between(lower, upper) => {
            page(read, |after, max| Ok(plains(store.scan(begin(after, lower), slice(upper), ScanOrder::Ascending, max)?)))
        }
    }
}

fn windows(store: &mut Windows<'_>, read: &StoreRead, shape: StoreShape) -> Result<CommittedRows, StoreError> {
    let size = match shape {
        StoreShape::Window { size, .. } => i64::try_from(size.as_millis()).unwrap_or(i64::MAX),
        _ => 0,
    };
    let starts = read.times.bounds();
    page(read, |after, max| {
        let after = after.map(|at| WindowKey(at.0.clone()));
        let next = Next { order: ScanOrder::Ascending, after: after.as_ref(), max };
        let rows = match &read.keys {
            KeyRange::One(key) => store.fetch(key, starts, next)?,
            KeyRange::Between(..) if read.is_by_time() => store.scan(starts, next)?,
            KeyRange::Between(lower, upper) => store.fetch_range((slice(lower), slice(upper)), starts, next)?,
        };
        let row = |(at, Row { value, timestamp }): (WindowKey, Row)| {
            let span = Some((at.start(), Some(at.start().saturating_add(size))));
            CommittedRow { place: RowPlace(at.0), value, timestamp, span }
        };
        Ok(rows.into_iter().map(row).collect())
    })
}

fn sessions(store: &mut Sessions<'_>, read: &StoreRead) -> Result<CommittedRows, StoreError> {
    let (first, last) = read.times.bounds();
    let which = Touching { earliest_end: first, latest_start: last };
    page(read, |after, max| {
        let after = after.map(|at| SessionKey(at.0.clone()));
        let next = Next { order: ScanOrder::Ascending, after: after.as_ref(), max };
        let rows = match &read.keys {
            KeyRange::One(key) => store.find(key, which, next)?,
            KeyRange::Between(..) if read.is_by_time() => store.scan((first, i64::MAX), next)?,
            KeyRange::Between(lower, upper) => store.find_range((slice(lower), slice(upper)), which, next)?,
        };
        let row = |(at, value): (SessionKey, Bytes)| {
            let (start, end) = (at.start(), at.end());
            CommittedRow { place: RowPlace(at.0), value, timestamp: Timestamp(end), span: Some((start, Some(end))) }
        };
        Ok(rows.into_iter().map(row).collect())
    })
}

fn versions(store: &Versioned<'_>, key: &Bytes, read: &StoreRead) -> Result<CommittedRows, StoreError> {
    let row = |Version { value, valid_from, valid_to }: Version| CommittedRow {
        place: RowPlace(TimedKey { key: key.clone(), time: valid_from, rank: 0 }),
        value,
        timestamp: Timestamp(valid_from),
        span: Some((valid_from, valid_to)),
    };
    match read.times {
        Times::Any => Ok(one(store.get(key)?.map(row))),
        Times::AsOf(time) => Ok(one(store.get_as_of(key, time)?.map(row))),
        Times::Between(first, last) => page(read, |after, max| {
            let found = store.history(key, (first, last), ScanOrder::Ascending, after.map(|at| at.0.time), max)?;
            Ok(found.into_iter().map(row).collect())
        }),
    }
}

fn one(row: Option<CommittedRow>) -> CommittedRows {
    CommittedRows { rows: row.into_iter().collect(), more: false }
}

fn plain(key: Bytes, Row { value, timestamp }: Row) -> CommittedRow {
    CommittedRow { place: RowPlace::of_key(key), value, timestamp, span: None }
}

fn plains(rows: Vec<(Bytes, Row)>) -> Vec<CommittedRow> {
    rows.into_iter().map(|(key, row)| plain(key, row)).collect()
}

/// Where a range begins, or goes on.
fn begin<'a>(after: Option<&'a RowPlace>, lower: &'a Bound<Bytes>) -> Bound<&'a [u8]> {
    match (after, lower) {
        // A place from elsewhere must not reach below the range.
        (Some(after), Bound::Included(key) | Bound::Excluded(key)) if after.0.key < *key => slice(lower),
        (Some(after), _) => Bound::Excluded(&after.0.key),
        (None, lower) => slice(lower),
    }
}

fn slice(bound: &Bound<Bytes>) -> Bound<&[u8]> {
    bound.as_ref().map(|key| &key[..])
}
