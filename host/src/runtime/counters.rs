//! What a stream thread counts, in plain integers: it owns them and publishes a copy on its board.

use crate::task::Tally;

/// Bounds of [`ThreadCounters::process`], in nanoseconds.
const PROCESS_NS: [u64; 10] =
    [5_000, 20_000, 100_000, 500_000, 2_500_000, 10_000_000, 50_000_000, 250_000_000, 1_000_000_000, 5_000_000_000];
/// Bounds of [`ThreadCounters::commit`], in nanoseconds: close together where a commit on a cluster near by lies.
const COMMIT_NS: [u64; 15] = [
    500_000,
    1_000_000,
    1_500_000,
    2_000_000,
    3_000_000,
    5_000_000,
    7_500_000,
    10_000_000,
    15_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
    10_000_000_000,
];

/// Totals since the thread was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadCounters {
    /// Nanoseconds that a source record took, with all that is below its source. Measured over the records of one
    /// look (`limits::RECORDS_PER_LOOK`) together, so that no clock is read for each.
    pub process: Tally<10>,
    /// Nanoseconds that a commit took, from its first changelog record until the stores had everything.
    pub commit: Tally<15>,
    /// How often the group gave or took partitions.
    pub rebalances: u64,
    /// Tasks that were assigned to it.
    pub tasks_created: u64,
    /// Tasks that it has let go of.
    pub tasks_closed: u64,
    /// Transactions that came to nothing: every task went back to the last commit.
    pub rewinds: u64,
}

impl Default for ThreadCounters {
    fn default() -> Self {
        Self {
            process: Tally::new(&PROCESS_NS),
            commit: Tally::new(&COMMIT_NS),
            rebalances: 0,
            tasks_created: 0,
            tasks_closed: 0,
            rewinds: 0,
        }
    }
}

/// A duration as a sample.
pub(super) fn nanoseconds(took: std::time::Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}
