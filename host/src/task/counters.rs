//! What a task counts, in plain integers: its thread owns them and publishes a copy with the task's status.
//!
//! They count work, not results: what is processed again after an abort counts again.

use super::tally::Tally;

/// Bounds of [`Counters::lateness`], in milliseconds.
pub const LATENESS_MS: [u64; 7] = [0, 1_000, 10_000, 60_000, 600_000, 3_600_000, 86_400_000];

/// Totals since the task was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Source records whose walk ended well.
    pub processed: u64,
    /// Those of them that came from a source or table of the manifest, not from a repartition topic.
    pub from_inputs: u64,
    /// Source records passed over by policy.
    pub skipped: u64,
    /// Source records put aside by policy.
    pub dead_lettered: u64,
    /// Source records that were deleted from the log before they were taken, as far as their offsets tell.
    pub lost: u64,
    /// Walks that failed, retries included.
    pub failed: u64,
    /// Punctuations, failed ones included.
    pub punctuated: u64,
    /// Changelog records that its state was restored from.
    pub restored: u64,
    /// Steps of taking over state of an older version, void ones included.
    pub migrated: u64,
    /// Nanoseconds spent on records and their punctuations.
    pub busy_ns: u64,
    /// How far behind the task's stream time each record came, in milliseconds.
    pub lateness: Tally<7>,
}

impl Counters {
    /// Source records that left no result: passed over, put aside or lost.
    pub fn dropped(&self) -> u64 {
        self.skipped + self.dead_lettered + self.lost
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            processed: 0,
            from_inputs: 0,
            skipped: 0,
            migrated: 0,
            dead_lettered: 0,
            lost: 0,
            failed: 0,
            punctuated: 0,
            restored: 0,
            busy_ns: 0,
            lateness: Tally::new(&LATENESS_MS),
        }
    }
}
