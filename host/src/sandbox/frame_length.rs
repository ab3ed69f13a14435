//! How many records of a node go together: as many as take a bounded time and mostly go well.

use std::time::Duration;

use crate::limits;

/// Records of a node's first frame.
const FIRST: usize = 8;
/// A frame that takes as long is followed by shorter ones.
const LONG: Duration = limits::DEADLINE_TICK.saturating_mul(2);

/// Most records of a frame, for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameLength(usize);

impl Default for FrameLength {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl FrameLength {
    pub(super) fn records(self) -> usize {
        self.0
    }

    /// So many records went well. Single ones count, too: where frames are as short as that, no frame would ever come.
    pub(super) fn went_well(&mut self, records: usize, took: Duration) {
        if took >= LONG && records > 1 {
            self.halve(records);
        } else if records == self.0 && took < limits::DEADLINE_TICK {
            self.0 = (records * 2).min(limits::FRAME_RECORDS);
        }
    }

    /// A frame failed: it may have been too long, and the fewer records are in it, the fewer come again.
    pub(super) fn failed(&mut self, records: usize) {
        self.halve(records);
    }

    fn halve(&mut self, records: usize) {
        self.0 = (records / 2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::ZERO;

    #[test]
    fn frames_that_go_well_double_up_to_the_limit() {
        let mut length = FrameLength::default();
        for _ in 0..20 {
            length.went_well(length.records(), SHORT);
        }
        assert_eq!(length.records(), limits::FRAME_RECORDS);
        // A frame that was not full says nothing about longer ones.
        let mut length = FrameLength::default();
        length.went_well(length.records() - 1, SHORT);
        assert_eq!(length, FrameLength::default());
    }

    #[test]
    fn frames_that_fail_or_take_long_are_halved() {
        let mut length = FrameLength(64);
        length.failed(64);
        assert_eq!(length.records(), 32);
        length.went_well(32, LONG);
        assert_eq!(length.records(), 16);
        // In between it stays.
        length.went_well(16, limits::DEADLINE_TICK);
        assert_eq!(length.records(), 16);
    }

    #[test]
    fn a_node_that_has_come_down_to_single_records_comes_up_again() {
        let mut length = FrameLength(2);
        length.failed(2);
        assert_eq!(length.records(), 1);
        length.went_well(1, LONG);
        assert_eq!(length.records(), 1);
        length.went_well(1, SHORT);
        assert_eq!(length.records(), 2);
        // A single record beside long frames changes nothing.
        let mut length = FrameLength(64);
        length.went_well(1, LONG);
        assert_eq!(length.records(), 64);
    }
}
