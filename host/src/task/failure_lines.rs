//! The lines about records that failed and were passed over or put aside, held to a rate: a guest that refuses each record must not fill a disk
//! with its reasons. Counters and dead letters lack nothing.

use crate::limits;
use crate::record::Timestamp;

/// The lines of one task. Its second is one of the task's wall clock.
#[derive(Debug, Default)]
pub(super) struct FailureLines {
    second: i64,
    lines: u32,
    held_back: u64,
}

impl FailureLines {
    /// Whether there is room for one more line.
    pub(super) fn has_room(&mut self, now: Timestamp, task: &str) -> bool {
        self.begin_second(now, task);
        let room = self.lines < limits::FAILURE_LINES_PER_SECOND;
        if room {
            self.lines += 1;
        } else {
            self.held_back += 1;
        }
        room
    }

    /// Begins a new second when it is time, and says how many lines the last one held back.
    pub(super) fn begin_second(&mut self, now: Timestamp, task: &str) {
        let second = now.0.div_euclid(1_000);
        if second != self.second {
            self.second = second;
            self.lines = 0;
            self.tell_rest(task);
        }
    }

    /// Says how many lines were held back, for the last time.
    pub(super) fn tell_rest(&mut self, task: &str) {
        let held_back = std::mem::take(&mut self.held_back);
        if held_back > 0 {
            let limit = limits::FAILURE_LINES_PER_SECOND;
            tracing::warn!(task, "{held_back} more records failed and are not told one by one: more than {limit} in a second");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_room_for_so_many_lines() {
        let mut lines = FailureLines::default();
        let most = limits::FAILURE_LINES_PER_SECOND as usize;
        for second in [1_000, 2_000] {
            let told = (0..most + 5).filter(|_| lines.has_room(Timestamp(second), "t")).count();
            assert_eq!((told, lines.held_back), (most, 5));
        }
    }
}
