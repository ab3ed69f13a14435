//! Frames: runs of records on their way into a node, wherever they stand.

use std::ops::Range;

use super::{Caused, SourceRecord};
use crate::record::{Arrived, Record, RecordRef, Timestamp};

/// A record of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Index of the source record that it comes from.
    pub cause: u32,
    /// The record, with its event time.
    pub record: RecordRef<'a>,
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
    /// Those that have arrived from `first` on, with as many event times. The record at `n` has the cause `n`.
    Consumed {
        arrived: &'a Arrived,
        first: usize,
        times: &'a [Timestamp],
    },
    Given(&'a [Caused]),
}

impl<'a> Frame<'a> {
    /// The first records that have arrived, as they are: one for each of `causes`, with its event time in `times`.
    pub fn consumed(input: u32, arrived: &'a Arrived, times: &'a [Timestamp], causes: &'a [SourceRecord]) -> Self {
        let count = arrived.len().min(times.len()).min(causes.len());
        Self { input, records: Records::Consumed { arrived, first: 0, times: &times[..count] }, causes }
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
            Records::Consumed { arrived, first, times } => Records::Consumed { arrived, first: first + range.start, times: &times[range] },
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

    /// The causes of the records, in their order.
    pub fn causes(&self) -> impl Iterator<Item = u32> + use<'a> {
        let (consumed, given) = match self.records {
            Records::Consumed { first, times, .. } => (first..first + times.len(), &[][..]),
            Records::Given(records) => (0..0, records),
        };
        consumed.map(|at| u32::try_from(at).unwrap_or(u32::MAX)).chain(given.iter().map(|caused| caused.cause))
    }

    /// The records in order.
    pub fn iter(&self) -> impl Iterator<Item = Incoming<'a>> + use<'a> {
        let (consumed, given) = match self.records {
            Records::Consumed { arrived, first, times } => (Some((arrived, first, times)), &[][..]),
            Records::Given(records) => (None, records),
        };
        let consumed = consumed.into_iter().flat_map(|(arrived, first, times)| {
            let record = move |(at, &timestamp): (usize, &Timestamp)| {
                let record = RecordRef { timestamp, ..arrived.get(at)? };
                Some(Incoming { cause: u32::try_from(at).unwrap_or(u32::MAX), record })
            };
            (first..).zip(times).map_while(record)
        });
        consumed.chain(given.iter().map(|Caused { cause, output }| Incoming { cause: *cause, record: RecordRef::from(&output.record) }))
    }

    /// The records in order, for nodes that take them one at a time.
    pub fn records(&self) -> Vec<Record> {
        match self.records {
            Records::Consumed { arrived, first, times } => {
                let owned = arrived.owned(first, times.len()).into_iter();
                owned.zip(times).map(|(consumed, &timestamp)| Record { timestamp, ..consumed.record }).collect()
            }
            Records::Given(records) => records.iter().map(|caused| caused.output.record.clone()).collect(),
        }
    }
}
