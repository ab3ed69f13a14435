//! What a store remembers besides its rows: its largest timestamp, by which it judges what has expired. It is kept as a cell: cells never
//! expire, and no iterator shows them, so nothing that decides lateness is lost with an instance or a restart.

use bytes::{Buf, Bytes};

/// What a store remembers besides its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoreClock {
    /// The largest timestamp ever put: start of a window, end of a session, begin of a version, timestamp of a row. -1 before the first
    /// (as Kafka Streams has it).
    pub(super) observed: i64,
    /// Number of the next row of a window store that keeps duplicates.
    pub(super) sequence: u64,
}

impl StoreClock {
    /// Before the first row.
    pub(super) const NEW: Self = Self { observed: -1, sequence: 0 };

    /// The largest timestamp that has expired after so many milliseconds.
    pub(super) fn expired(&self, after_ms: i64) -> i64 {
        self.observed.saturating_sub(after_ms)
    }

    /// As a cell.
    pub(super) fn encode(self) -> Bytes {
        [self.observed.to_be_bytes(), self.sequence.to_be_bytes()].concat().into()
    }

    /// Reads the cell; `None`: it is none.
    pub(super) fn decode(mut cell: Bytes) -> Option<Self> {
        let clock = Self { observed: cell.try_get_i64().ok()?, sequence: cell.try_get_u64().ok()? };
        cell.is_empty().then_some(clock)
    }
}
