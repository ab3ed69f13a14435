//! One store of a task: its rows, and what its kind makes of them.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::at_work::{AtWork, Noted};
use super::clock::StoreClock;
use super::fronted::Writes;
use super::layout::{Rank, TimedLayout, plain};
use super::overlaid::{Overlaid, Written};
use super::overlay::Keys;
use super::timed::TimedRules;
use super::undo_log::UndoLog;
use super::versioned::{Versioned, VersionedRules};
use super::{Changelog, StoreError, changelog, expiring};
use crate::record::{ConsumedRecord, RecordRef};
use crate::topology::StoreShape;

/// What a kind needs to know at work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Rows by key, that stay.
    KeyValue,
    /// Rows by key, that expire.
    Expiring { ttl_ms: i64 },
    /// Windows or sessions.
    Timed(TimedRules),
    /// Histories.
    Versioned(VersionedRules),
}

impl Kind {
    /// The rules of a kind of store.
    pub(super) fn new(shape: &StoreShape) -> Self {
        let ms = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let timed = |retention_ms: i64, rank| {
            Self::Timed(TimedRules { layout: TimedLayout { segment_ms: TimedRules::segment_ms(retention_ms), rank }, retention_ms })
        };
        match *shape {
            StoreShape::KeyValue { ttl: None } => Self::KeyValue,
            StoreShape::KeyValue { ttl: Some(ttl) } => Self::Expiring { ttl_ms: ms(ttl) },
            StoreShape::Window { retention, duplicates, .. } => timed(ms(retention), if duplicates { Rank::Sequence } else { Rank::None }),
            StoreShape::Session { retention } => timed(ms(retention), Rank::Start),
            StoreShape::Versioned { history, segment } => {
                let segment_ms = segment.map_or_else(|| VersionedRules::segment_ms(ms(history)), ms).max(1);
                Self::Versioned(VersionedRules { history_ms: ms(history), segment_ms })
            }
        }
    }
}

impl Kind {
    /// Whether its writes may wait for a flush.
    pub(super) fn writes(&self) -> Writes {
        match self {
            Self::KeyValue | Self::Timed(_) => Writes::Wait,
            // A put reads what is there: an entry of an index, a version to move.
            Self::Expiring { .. } | Self::Versioned(_) => Writes::Go,
        }
    }

    /// What the keys of its rows depend on. Rows of another layout cannot be found.
    pub(super) fn layout(&self) -> String {
        match self {
            Self::KeyValue => "key-value".to_owned(),
            Self::Expiring { .. } => "key-value by time".to_owned(),
            Self::Timed(rules) => {
                let what = match rules.layout.rank {
                    Rank::None => "windows",
                    Rank::Sequence => "windows with duplicates",
                    Rank::Start => "sessions",
                };
                format!("{what} in segments of {} ms", rules.layout.segment_ms)
            }
            Self::Versioned(rules) => format!("versions in segments of {} ms", rules.segment_ms),
        }
    }
}

/// One store of a task.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) name: Arc<str>,
    pub(super) shape: StoreShape,
    pub(super) kind: Kind,
    pub(super) rows: Overlaid,
    /// `None`: its cell has not been read yet.
    pub(super) clock: Option<StoreClock>,
    /// As it was at the last commit.
    pub(super) committed: StoreClock,
    pub(super) noted: Noted,
    /// The segments below this one have left the backend.
    cut: Option<i64>,
    /// How far the versions are that the backend holds, and that were restored into it.
    restored: StoreClock,
}

impl Store {
    /// A store. `restored`: its clock when its backend was last written.
    pub(super) fn new(name: Arc<str>, shape: StoreShape, rows: Overlaid, restored: StoreClock) -> Self {
        let (kind, noted) = (Kind::new(&shape), Noted::default());
        Self { name, shape, kind, rows, clock: None, committed: StoreClock::NEW, noted, cut: None, restored }
    }

    /// True when the running transaction has written nothing here.
    pub(super) fn is_clean(&self) -> bool {
        self.rows.is_clean() && self.clock_to_write().is_none() && self.noted.records().is_empty()
    }

    /// Bytes that the running transaction has written here and holds in memory.
    pub(super) fn bytes_written(&self) -> usize {
        self.rows.bytes_written() + self.noted.bytes()
    }

    /// The clock, where the running transaction has moved it.
    pub(super) fn clock_to_write(&self) -> Option<StoreClock> {
        self.clock.filter(|clock| *clock != self.committed)
    }

    /// Shows what the running transaction has to write into the changelog, until it is told to stop.
    pub(super) fn show_changes(&self, mut show: impl FnMut(RecordRef<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut writes = self.rows.writes();
        match self.kind {
            Kind::KeyValue => writes.try_for_each(|(key, row)| show(changelog::encode(key, row))),
            Kind::Expiring { .. } => writes
                .filter_map(|(key, row)| Some((plain::read_row(key)?, row)))
                .try_for_each(|(key, row)| show(changelog::encode(&key, row))),
            Kind::Timed(rules) => {
                let (mut in_changelog, mut scratch) = (Vec::new(), Vec::new());
                writes.filter_map(|(key, row)| Some((rules.layout.read_row(key.clone())?, row))).try_for_each(|(at, row)| {
                    rules.layout.changelog(&at, &mut in_changelog);
                    show(changelog::encode_timed(&in_changelog, row, &mut scratch))
                })
            }
            Kind::Versioned(_) => self.noted.records().iter().try_for_each(|record| show(RecordRef::from(record))),
        }
    }

    /// The overlay goes into the store; segments that have expired leave it in the same batch.
    pub(super) fn apply(&mut self) -> Result<Written, StoreError> {
        let cut = self.cut_to_make();
        let written = match (self.kind, cut) {
            (Kind::Timed(rules), Some(cut)) => self.rows.apply(&rules.layout.below(cut))?,
            (Kind::Versioned(_), Some(cut)) => self.rows.apply(&[plain::timed_below(cut)])?,
            _ => self.rows.apply(&[])?,
        };
        self.cut = cut.or(self.cut);
        self.committed = self.clock.unwrap_or(self.committed);
        self.noted.clear();
        Ok(written)
    }

    /// The first segment that stays, where those below it have not left yet.
    fn cut_to_make(&self) -> Option<i64> {
        let clock = self.clock?;
        let first = match self.kind {
            Kind::KeyValue | Kind::Expiring { .. } => return None,
            Kind::Timed(rules) => rules.first_segment(clock.expired(rules.retention_ms)),
            Kind::Versioned(rules) => rules.first_segment(clock.expired(rules.history_ms)),
        };
        (self.cut.is_none_or(|cut| cut < first) && !self.rows.is_clean()).then_some(first)
    }

    /// The overlay is dropped. The clock is read again when it is needed.
    pub(super) fn discard(&mut self) {
        self.rows.discard();
        self.noted.clear();
        self.clock = None;
    }

    /// Takes records of the changelog, past the overlay.
    pub(super) fn restore(&mut self, records: &[ConsumedRecord]) -> Result<Written, StoreError> {
        let all = || records.iter().map(|consumed| &consumed.record);
        match self.kind {
            Kind::KeyValue => self.rows.restore(all().filter_map(changelog::decode).collect(), records.len()),
            Kind::Expiring { .. } => {
                let writes = all().filter_map(changelog::decode).flat_map(|(key, row)| expiring::writes(key, row));
                self.rows.restore(writes.collect(), records.len())
            }
            Kind::Timed(rules) => {
                let rows = all().filter_map(|record| changelog::decode_timed(rules.layout, record));
                self.rows.restore(rows.flat_map(|(at, row)| rules.writes(&at, row)).collect(), records.len())
            }
            Kind::Versioned(rules) => self.restore_versions(rules, records),
        }
    }

    /// Versions are put again, one after the other, as they were the first time.
    fn restore_versions(&mut self, rules: VersionedRules, records: &[ConsumedRecord]) -> Result<Written, StoreError> {
        let (mut keys, mut undo) = (Keys::default(), UndoLog::default());
        let (clock, noted) = (&mut self.restored, &mut Noted::default());
        let written = self.rows.aside(|rows| {
            let work = AtWork { of: Changelog::Cells, rows, clock, noted, keys: &mut keys, undo: &mut undo };
            let mut store = Versioned { work, rules, rewritten: 0 };
            for (key, value, valid_from) in records.iter().filter_map(|consumed| changelog::read_version(&consumed.record)) {
                store.keep(key, value, valid_from)?;
            }
            Ok(())
        });
        Ok(Written { records: records.len() as u64, ..written? })
    }
}
