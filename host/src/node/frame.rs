//! Frames: runs of records on their way into a node, wherever they stand.

use std::collections::VecDeque;
use std::ops::Range;

use super::{Caused, SourceRecord};
use crate::record::{ConsumedRecord, Record, Timestamp};

/// A record of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Index of the source record that it comes from.
    pub cause: u32,
    /// The event time, which stands for that of the record.
    pub timestamp: Timestamp,
    /// The record.
    pub record: &'a Record,
}

/// A run of records into one input of a node, in order. Causes never decrease along it. The records stay where they are: in the queue of their
/// partition, or among the outputs of the node that gave them.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Index of the input.
    pub input: u32,
    records: Records<'a>,
    causes: &'a [SourceRecord],
}

#[derive(Clone, Copy, Debug)]
enum Records<'a> {
    /// Those of the queue from `first` on, with as many event times. The record at `n` has the cause `n`.
    Consumed {
        queue: &'a VecDeque<ConsumedRecord>,
        first: usize,
        times: &'a [Timestamp],
    },
    Given(&'a [Caused]),
}

impl<'a> Frame<'a> {
    /// The first records of a queue, as they were consumed: one for each of `causes`, with its event time in `times`.
    pub fn consumed(input: u32, queue: &'a VecDeque<ConsumedRecord>, times: &'a [Timestamp], causes: &'a [SourceRecord]) -> Self {
        let count = queue.len().min(times.len()).min(causes.len());
        Self { input, records: Records::Consumed { queue, first: 0, times: &times[..count] }, causes }
    }

    /// Outputs of other nodes. `causes`: the source records that they name.
    pub fn given(input: u32, records: &'a [Caused], causes: &'a [SourceRecord]) -> Self {
        Self { input, records: Records::Given(records), causes }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        match self.records {
            Records::Consumed { times, .. } => times.len(),
            Records::Given(records) => records.len(),
        }
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `count` records, and the others.
    pub fn split_at(self, count: usize) -> (Self, Self) {
        (self.part(0..count), self.part(count..self.len()))
    }

    fn part(self, range: Range<usize>) -> Self {
        let records = match self.records {
            Records::Consumed { queue, first, times } => Records::Consumed { queue, first: first + range.start, times: &times[range] },
            Records::Given(records) => Records::Given(&records[range]),
        };
        Self { records, ..self }
    }

    /// The source record of a cause.
    pub fn source(&self, cause: u32) -> SourceRecord {
        self.causes[cause as usize]
    }

    /// The first record.
    pub fn first(&self) -> Option<Incoming<'a>> {
        self.iter().next()
    }

    /// The records in order.
    pub fn iter(&self) -> impl Iterator<Item = Incoming<'a>> + use<'a> {
        let (consumed, given) = match self.records {
            Records::Consumed { queue, first, times } => {
                let cause = u32::try_from(first).unwrap_or(u32::MAX);
                (Some(queue.range(first..first + times.len()).zip(times).zip(cause..)), None)
            }
            Records::Given(records) => (None, Some(records.iter())),
        };
        let consumed =
            consumed.into_iter().flatten().map(|((consumed, &timestamp), cause)| Incoming { cause, timestamp, record: &consumed.record });
        let given = given.into_iter().flatten();
        consumed.chain(given.map(|Caused { cause, output }| Incoming {
            cause: *cause,
            timestamp: output.record.timestamp,
            record: &output.record,
        }))
    }
}
