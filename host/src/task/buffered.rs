//! The records of a partition that wait for their turn, in runs as they arrived.

use std::collections::VecDeque;

use crate::record::{Arrived, ConsumedRecord, Offset, RecordRef};

/// Records of a client's memory that are copied at a time, where they go one by one. Fewer that arrive together are copied at once: a client may
/// keep much more in memory for their sake than they are.
const COPIED: usize = 64;
/// Runs that may stay in a client's memory, for the same reason.
const HELD_RUNS: usize = 4;

/// Waiting records, in order.
#[derive(Debug, Default)]
pub(super) struct Buffered {
    /// None of them is empty.
    runs: VecDeque<Arrived>,
    records: usize,
    bytes: usize,
}

impl Buffered {
    pub fn len(&self) -> usize {
        self.records
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Of the records.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn first(&self) -> Option<RecordRef<'_>> {
        self.run().and_then(|run| run.get(0))
    }

    pub fn last_offset(&self) -> Option<Offset> {
        let last = self.runs.back()?;
        Some(last.get(last.len() - 1)?.offset)
    }

    /// The first records, as many as arrived together.
    pub fn run(&self) -> Option<&Arrived> {
        self.runs.front()
    }

    pub fn extend(&mut self, arrived: Arrived) {
        if arrived.is_empty() {
            return;
        }
        self.records += arrived.len();
        self.bytes += arrived.iter().map(|record| record.size()).sum::<usize>();
        let copies = arrived.len() < COPIED || self.held_runs() >= HELD_RUNS;
        let arrived = if copies { arrived.into_owned() } else { arrived };
        match (self.runs.back_mut(), arrived) {
            (Some(Arrived::Owned(last)), Arrived::Owned(mut records)) => last.append(&mut records),
            (_, arrived) => self.runs.push_back(arrived),
        }
    }

    pub fn push_front(&mut self, record: ConsumedRecord) {
        self.records += 1;
        self.bytes += record.record.size();
        if let Some(Arrived::Owned(first)) = self.runs.front_mut() {
            first.push_front(record);
        } else {
            self.runs.push_front(Arrived::Owned([record].into()));
        }
    }

    pub fn pop(&mut self) -> Option<ConsumedRecord> {
        if let Some(run @ Arrived::Held(_)) = self.runs.front_mut() {
            let owned = run.owned(0, COPIED);
            run.let_go(owned.len());
            self.drop_first_if_empty();
            self.runs.push_front(Arrived::Owned(owned.into()));
        }
        let Some(Arrived::Owned(first)) = self.runs.front_mut() else { return None };
        let next = first.pop_front()?;
        self.records -= 1;
        self.bytes -= next.record.size();
        self.drop_first_if_empty();
        Some(next)
    }

    /// Lets go of so many records of the first run; the offset of the last of them.
    pub fn pass(&mut self, count: usize) -> Option<Offset> {
        let run = self.runs.front_mut()?;
        let count = count.min(run.len());
        let last = run.get(count.checked_sub(1)?)?.offset;
        self.records -= count;
        self.bytes -= run.iter().take(count).map(|record| record.size()).sum::<usize>();
        run.let_go(count);
        self.drop_first_if_empty();
        Some(last)
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn held_runs(&self) -> usize {
        self.runs.iter().filter(|run| matches!(run, Arrived::Held(_))).count()
    }

    fn drop_first_if_empty(&mut self) {
        if self.runs.front().is_some_and(Arrived::is_empty) {
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::{Kept, Record};

    #[derive(Clone, Debug)]
    enum Step {
        Arrive { count: usize, held: bool },
        Pop,
        Pass(usize),
        PutBack,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0..2 * COPIED, any::<bool>()).prop_map(|(count, held)| Step::Arrive { count, held }),
            1 => Just(Step::Pop),
            1 => (1..COPIED).prop_map(Step::Pass),
            1 => Just(Step::PutBack),
        ]
    }

    fn record(offset: Offset) -> ConsumedRecord {
        let value = Some(vec![b'v'; offset as usize % 5].into());
        ConsumedRecord { offset, record: Record { value, ..Record::default() } }
    }

    proptest! {
        #[test]
        fn records_leave_in_the_order_of_their_arrival_whoever_holds_them(steps in prop::collection::vec(step(), 0..40)) {
            let (mut buffered, mut expected, mut next, mut popped) = (Buffered::default(), VecDeque::new(), 0, None);
            for step in steps {
                match step {
                    Step::Arrive { count, held } => {
                        let records: VecDeque<_> = (next..next + count as Offset).map(record).collect();
                        next += count as Offset;
                        expected.extend(records.clone());
                        buffered.extend(if held { Arrived::Held(Box::new(Kept(records))) } else { Arrived::Owned(records) });
                    }
                    Step::Pop => {
                        popped = buffered.pop();
                        prop_assert_eq!(&popped, &expected.pop_front());
                    }
                    Step::Pass(count) => {
                        let count = buffered.run().map_or(0, |run| run.len().min(count));
                        let last = expected.drain(..count).next_back();
                        prop_assert_eq!(buffered.pass(count), last.map(|last| last.offset));
                        popped = popped.filter(|_| count == 0);
                    }
                    Step::PutBack => {
                        if let Some(record) = popped.take() {
                            expected.push_front(record.clone());
                            buffered.push_front(record);
                        }
                    }
                }
                prop_assert_eq!(buffered.first().map(|first| first.offset), expected.front().map(|first| first.offset));
                prop_assert_eq!(buffered.last_offset(), expected.back().map(|last| last.offset));
                prop_assert_eq!((buffered.len(), buffered.is_empty()), (expected.len(), expected.is_empty()));
                prop_assert_eq!(buffered.bytes(), expected.iter().map(|r: &ConsumedRecord| r.record.size()).sum::<usize>());
                prop_assert!(buffered.runs.iter().all(|run| !run.is_empty()));
                prop_assert!(buffered.held_runs() <= HELD_RUNS);
            }
        }
    }
}
