//! Offsets whose outputs are delivered, and which the group does not have yet.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::broker::port::Committed;
use crate::limits;
use crate::record::TopicPartition;

/// What the group is told now and then: it goes through a rebalance, is away, or was told a moment ago.
#[derive(Debug, Default)]
pub(super) struct Owed {
    offsets: BTreeMap<TopicPartition, Committed>,
    /// Those that it was asked to keep, and has not answered for.
    asked: BTreeMap<TopicPartition, Committed>,
    /// When, by the machine's clock.
    asked_at: Option<Duration>,
}

impl Owed {
    pub fn add(&mut self, offsets: &[(TopicPartition, Committed)]) {
        self.offsets.extend(offsets.iter().cloned());
    }

    pub fn offsets(&self) -> &BTreeMap<TopicPartition, Committed> {
        &self.offsets
    }

    /// True when the group is to be asked: something is owed, it has answered, and it was not asked a moment ago.
    pub fn is_due(&self, now: Duration) -> bool {
        let open = !self.offsets.is_empty() && self.asked.is_empty();
        open && self.asked_at.is_none_or(|at| now >= at + limits::OFFSETS_INTERVAL)
    }

    /// The group was asked to keep all of them.
    pub fn asked(&mut self, now: Duration) {
        self.asked.clone_from(&self.offsets);
        self.asked_at = Some(now);
    }

    /// It has answered. What came since then is still owed.
    pub fn answered(&mut self, kept: bool) {
        let asked = std::mem::take(&mut self.asked);
        if kept {
            self.offsets.retain(|at, owed| asked.get(at) != Some(owed));
        }
    }

    /// These partitions are not this member's any more; all of them without a list.
    pub fn forget(&mut self, gone: Option<&[TopicPartition]>) {
        self.offsets.retain(|at, _| gone.is_some_and(|gone| !gone.contains(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(partition: u32, offset: u64) -> (TopicPartition, Committed) {
        (TopicPartition::new("orders", partition), Committed { offset, metadata: String::new() })
    }

    fn left(owed: &Owed) -> Vec<(u32, u64)> {
        owed.offsets().iter().map(|(at, committed)| (at.partition, committed.offset)).collect()
    }

    #[test]
    fn the_group_is_asked_once_at_a_time_and_not_too_often() {
        let (mut owed, begin) = (Owed::default(), Duration::from_secs(7));
        assert!(!owed.is_due(begin));
        owed.add(&[at(0, 1)]);
        assert!(owed.is_due(begin));
        owed.asked(begin);
        owed.add(&[at(0, 2)]);
        assert!(!owed.is_due(begin + 2 * limits::OFFSETS_INTERVAL));
        owed.answered(true);
        assert!(!owed.is_due(begin + limits::OFFSETS_INTERVAL / 4));
        assert!(owed.is_due(begin + limits::OFFSETS_INTERVAL));
    }

    #[test]
    fn what_came_while_it_was_asked_is_still_owed_and_so_is_what_it_did_not_keep() {
        let mut owed = Owed::default();
        owed.add(&[at(0, 1), at(1, 5)]);
        owed.asked(Duration::ZERO);
        owed.add(&[at(0, 2)]);
        owed.answered(true);
        assert_eq!(left(&owed), [(0, 2)]);
        owed.asked(Duration::ZERO);
        owed.answered(false);
        assert_eq!(left(&owed), [(0, 2)]);
    }

    #[test]
    fn a_partition_that_comes_back_is_not_taken_for_the_one_that_went() {
        let mut owed = Owed::default();
        owed.add(&[at(0, 9), at(1, 1)]);
        owed.asked(Duration::ZERO);
        owed.forget(Some(&[at(0, 0).0]));
        owed.add(&[at(0, 4)]);
        owed.answered(true);
        assert_eq!(left(&owed), [(0, 4)]);
        owed.forget(None);
        assert_eq!(left(&owed), []);
    }
}
