//! The buffered records of a task's partitions, and which of them is next: the least timestamp; among equals the order of sources, then of
//! topics. An empty partition holds the task back while it may have records on the way (KIP-353, KIP-695).

use crate::record::{Arrived, ConsumedRecord, Offset, Record, RecordRef, Timestamp, TopicPartition};

use super::buffered::Buffered;
use super::extract::TimestampExtractor;
use super::plan::LocalNode;

/// A buffered record whose turn has not come.
#[derive(Debug)]
pub(super) struct Head {
    pub offset: Offset,
    /// As polled: what a dead letter shows.
    pub record: Record,
}

/// Where a partition of a task goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// At what the group has committed, or where the next start would begin, too.
    Known(Offset),
    /// Where only this start begins: the group has to be told, even if no record ever comes.
    Untold(Offset),
}

/// One partition of a task.
#[derive(Debug)]
pub struct PartitionQueue {
    /// Topic and partition.
    pub at: TopicPartition,
    pub(super) source: LocalNode,
    records: Buffered,
    /// The head's event time, once somebody asked; an error is a fault of that record.
    head: Option<Result<Timestamp, String>>,
    /// The next offset to process.
    position: Offset,
    /// What the group has committed.
    committed: Offset,
    /// True when the position has to be committed though no record was processed.
    untold: bool,
    /// True when this partition, empty, was seen to have nothing on the way.
    caught_up: bool,
    /// Since when it has been empty and caught up.
    idle_since: Option<Timestamp>,
    /// True while the log delivers it from `fetch_position` on; false at first and after a rewind.
    started: bool,
    /// Offsets that were passed over because their records were deleted.
    lost: u64,
}

impl PartitionQueue {
    pub(super) fn new(at: TopicPartition, source: LocalNode, start: StartAt) -> Self {
        let (StartAt::Known(committed) | StartAt::Untold(committed)) = start;
        Self {
            at,
            source,
            records: Buffered::default(),
            head: None,
            position: committed,
            committed,
            untold: matches!(start, StartAt::Untold(_)),
            caught_up: false,
            idle_since: None,
            started: false,
            lost: 0,
        }
    }

    /// Whether the log delivers it.
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// The log delivers it from `fetch_position` on, or no longer.
    pub fn set_started(&mut self, started: bool) {
        self.started = started;
    }

    /// What lies before `first` was deleted before it could be taken: goes on there.
    pub fn skip_to(&mut self, first: Offset) {
        if self.records.is_empty() && self.position < first {
            self.lost += first - self.position;
            self.position = first;
            self.untold = true;
        }
    }

    /// What lies before `position` is no record, such as the end of a transaction: goes on there. Nobody has to be told soon.
    pub fn pass_to(&mut self, position: Offset) {
        if self.records.is_empty() {
            self.position = self.position.max(position);
        }
    }

    /// Offsets that were passed over because their records were deleted before they could be taken.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The timestamp, as polled, of the next record to process; `None` while none is buffered.
    pub fn next_timestamp(&self) -> Option<Timestamp> {
        self.records.first().map(|next| next.timestamp)
    }

    /// How many records are buffered.
    pub fn buffered(&self) -> usize {
        self.records.len()
    }

    /// How many bytes of records are buffered.
    pub fn bytes_buffered(&self) -> usize {
        self.records.bytes()
    }

    /// The next offset to process.
    pub fn position(&self) -> Offset {
        self.position
    }

    /// What the group has committed.
    pub fn committed(&self) -> Offset {
        self.committed
    }

    /// The next offset to take from the log.
    pub fn fetch_position(&self) -> Offset {
        self.records.last_offset().map_or(self.position, |last| last + 1)
    }

    /// Takes records that arrived, in order.
    pub fn extend(&mut self, arrived: Arrived) {
        self.records.extend(arrived);
        if !self.records.is_empty() {
            self.caught_up = false;
            self.idle_since = None;
        }
    }

    /// Says whether the partition, where it is empty, has nothing on the way.
    pub fn set_caught_up(&mut self, caught_up: bool, now: Timestamp) {
        self.caught_up = caught_up;
        self.idle_since = if caught_up { self.idle_since.or(Some(now)) } else { None };
    }

    fn head_time(&mut self, extractor: &TimestampExtractor) -> Option<Timestamp> {
        if self.head.is_none() {
            self.head = Some(extractor.extract(self.records.first()?));
        }
        let time = self.head.as_ref()?;
        // A record without a usable time is taken at once: it fails, and what stands behind it should not wait.
        Some(time.as_ref().copied().unwrap_or(Timestamp(i64::MIN)))
    }

    pub(super) fn pop(&mut self) -> Option<(Head, Result<Timestamp, String>)> {
        let next = self.records.pop()?;
        self.position = next.offset + 1;
        let time = self.head.take().unwrap_or(Ok(next.record.timestamp));
        Some((Head { offset: next.offset, record: next.record }, time))
    }

    /// The records of `run`, with their event times; an error is a fault of that record.
    pub(super) fn ahead<'q>(
        &'q self,
        extractor: &'q TimestampExtractor,
    ) -> impl Iterator<Item = (RecordRef<'q>, Result<Timestamp, String>)> {
        let records = self.records.run().into_iter().flat_map(Arrived::iter);
        let mut known = self.head.clone();
        records.map(move |record| (record, known.take().unwrap_or_else(|| extractor.extract(record))))
    }

    /// The next of the buffered records, as many as arrived together.
    pub(super) fn run(&self) -> Option<&Arrived> {
        self.records.run()
    }

    /// So many records of `run` are processed.
    pub(super) fn pass(&mut self, count: usize) {
        if let Some(last) = self.records.pass(count) {
            self.position = last + 1;
        }
        self.head = None;
    }

    /// Puts a record back whose walk was undone and will be tried again.
    pub(super) fn put_back(&mut self, head: Head) {
        self.position = head.offset;
        self.head = None;
        self.records.push_front(ConsumedRecord { offset: head.offset, record: head.record });
    }

    pub(super) fn mark_committed(&mut self) {
        self.committed = self.position;
        self.untold = false;
    }

    /// True when a commit has something to say of it.
    pub(super) fn has_moved(&self) -> bool {
        self.untold || self.position != self.committed
    }

    /// True when that is so although no record may have been processed.
    pub(super) fn is_untold(&self) -> bool {
        self.untold
    }

    /// Forgets what is buffered and what was processed since the last commit.
    pub(super) fn rewind(&mut self) {
        self.records.clear();
        self.head = None;
        self.position = self.committed;
        self.caught_up = false;
        self.idle_since = None;
        self.started = false;
    }
}

/// All partitions of a task.
#[derive(Debug)]
pub struct PartitionGroup {
    /// In the order in which equal timestamps are taken.
    pub queues: Vec<PartitionQueue>,
    /// How long an empty partition without records on the way is waited for all the same.
    max_idle_ms: i64,
}

impl PartitionGroup {
    /// A group of these partitions; `max_idle_ms`: `max-task-idle` of the manifest.
    pub(super) fn new(queues: Vec<PartitionQueue>, max_idle_ms: i64) -> Self {
        Self { queues, max_idle_ms }
    }

    /// The queue whose head is next; `None` when all are empty or one of the empty ones has to be waited for.
    pub(super) fn next<'e>(&mut self, now: Timestamp, extractor: impl Fn(LocalNode) -> &'e TimestampExtractor) -> Option<usize> {
        let mut best: Option<(Timestamp, usize)> = None;
        for (at, queue) in self.queues.iter_mut().enumerate() {
            match queue.head_time(extractor(queue.source)) {
                Some(time) if best.is_none_or(|(least, _)| time < least) => best = Some((time, at)),
                Some(_) => {}
                None if !queue.caught_up => return None,
                None if queue.idle_since.is_some_and(|since| now.0 - since.0 < self.max_idle_ms) => return None,
                None => {}
            }
        }
        best.map(|(_, at)| at)
    }

    /// The least time of the other queues' heads, and whose: when `next` has given `at`, its next record is next as well while its own time
    /// and place are less.
    pub(super) fn rival<'e>(&mut self, at: usize, extractor: impl Fn(LocalNode) -> &'e TimestampExtractor) -> Option<(Timestamp, usize)> {
        let others = self.queues.iter_mut().enumerate().filter(|(other, _)| *other != at);
        others.filter_map(|(other, queue)| Some((queue.head_time(extractor(queue.source))?, other))).min()
    }

    /// The empty partition because of which `next` gives nothing: it may have records on the way.
    pub(super) fn waits_for(&self, now: Timestamp) -> Option<&TopicPartition> {
        let any_buffered = self.queues.iter().any(|q| !q.records.is_empty());
        let idles = |q: &PartitionQueue| q.idle_since.is_some_and(|since| now.0 - since.0 < self.max_idle_ms);
        let waited_for = |q: &&PartitionQueue| q.records.is_empty() && (!q.caught_up || (any_buffered && idles(q)));
        self.queues.iter().find(waited_for).map(|q| &q.at)
    }

    /// Until when empty partitions keep the others waiting; `None` when `max-task-idle` is not what holds the task back.
    pub(super) fn waits_until(&self) -> Option<Timestamp> {
        if self.max_idle_ms == 0 || self.queues.iter().all(|q| q.records.is_empty()) {
            return None;
        }
        let empty = self.queues.iter().filter(|q| q.records.is_empty());
        empty.filter_map(|q| Some(Timestamp(q.idle_since?.0.saturating_add(self.max_idle_ms)))).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str, times: &[i64]) -> PartitionQueue {
        let mut queue = PartitionQueue::new(TopicPartition::new(name, 0), 0, StartAt::Known(0));
        let records = times
            .iter()
            .zip(0..)
            .map(|(&t, offset)| ConsumedRecord { offset, record: Record { timestamp: Timestamp(t), ..Record::default() } });
        queue.extend(Arrived::Owned(records.collect()));
        queue
    }

    fn order(queues: Vec<PartitionQueue>) -> Vec<(usize, i64)> {
        let own = TimestampExtractor::Own;
        let mut group = PartitionGroup::new(queues, 0);
        let mut taken = Vec::new();
        while let Some(at) = group.next(Timestamp(0), |_| &own) {
            let (head, _) = group.queues[at].pop().unwrap();
            taken.push((at, head.record.timestamp.0));
            if group.queues[at].buffered() == 0 {
                group.queues[at].set_caught_up(true, Timestamp(0));
            }
        }
        taken
    }

    #[test]
    fn least_timestamp_is_next_and_equal_ones_follow_the_order_of_sources() {
        let taken = order(vec![queue("a", &[5, 7, 6]), queue("b", &[1, 5, 9])]);
        assert_eq!(taken, [(1, 1), (0, 5), (1, 5), (0, 7), (0, 6), (1, 9)]);
    }

    #[test]
    fn empty_partition_with_records_on_the_way_is_waited_for() {
        let own = TimestampExtractor::Own;
        let mut group = PartitionGroup::new(vec![queue("a", &[1]), queue("b", &[])], 100);
        assert_eq!(group.next(Timestamp(0), |_| &own), None);
        assert_eq!(group.waits_for(Timestamp(0)), Some(&TopicPartition::new("b", 0)));
        group.queues[1].set_caught_up(true, Timestamp(0));
        assert_eq!(group.next(Timestamp(99), |_| &own), None, "within max-task-idle");
        assert_eq!(group.waits_for(Timestamp(99)), Some(&TopicPartition::new("b", 0)));
        assert_eq!(group.next(Timestamp(100), |_| &own), Some(0));
        assert_eq!(group.waits_for(Timestamp(100)), None);
    }

    #[test]
    fn what_is_no_record_is_passed_and_deleted_ones_are_lost() {
        let mut passed = queue("a", &[]);
        passed.pass_to(3);
        assert_eq!((passed.position(), passed.has_moved(), passed.is_untold(), passed.lost()), (3, true, false, 0));
        passed.mark_committed();
        assert_eq!((passed.committed(), passed.has_moved()), (3, false));
        passed.skip_to(5);
        assert_eq!((passed.position(), passed.is_untold(), passed.lost()), (5, true, 2));
        let mut full = queue("a", &[1]);
        full.pass_to(3);
        assert_eq!(full.position(), 0, "its records come first");
    }

    #[test]
    fn record_without_a_usable_time_is_taken_at_once() {
        let own = TimestampExtractor::Own;
        let mut group = PartitionGroup::new(vec![queue("a", &[1]), queue("b", &[-1])], 0);
        assert_eq!(group.next(Timestamp(0), |_| &own), Some(1));
    }
}
