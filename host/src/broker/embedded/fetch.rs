//! Reads a partition from a position on, a run of chunks ahead, so that a record costs no look into the database.

use std::collections::VecDeque;
use std::ops::{Bound, ControlFlow};

use bytes::Bytes;

use super::catalog::Partition;
use super::chunk_reader::{BadChunk, Bodies, ChunkReader};
use super::errors::corrupted;
use super::layout;
use crate::broker::port::BrokerError;
use crate::disk::{Database, Direction};
use crate::limits;
use crate::record::{ConsumedRecord, Offset};

/// A place in a partition, and what was read ahead of it.
#[derive(Debug)]
pub(super) struct Fetcher {
    partition: Partition,
    position: Offset,
    ahead: VecDeque<ChunkReader>,
}

impl Fetcher {
    /// From `position` on. Below the first offset: `OffsetGone`.
    pub(super) fn new(partition: Partition, position: Offset) -> Result<Self, BrokerError> {
        let fetcher = Self { partition, position, ahead: VecDeque::new() };
        fetcher.check_not_gone()?;
        Ok(fetcher)
    }

    /// The offset to go on from.
    pub(super) fn position(&self) -> Offset {
        self.position
    }

    /// True when there are records to take.
    pub(super) fn has_more(&self) -> bool {
        !self.ahead.is_empty() || self.position < self.partition.end()
    }

    /// Moves up to `max` records to the end of `into`, fewer when they are large (`limits::TAKE_BYTES`), at least one that is there; how many.
    pub(super) fn take(
        &mut self,
        database: &Database,
        max: usize,
        bodies: Bodies,
        into: &mut Vec<ConsumedRecord>,
    ) -> Result<usize, BrokerError> {
        let (before, mut bytes) = (into.len(), 0);
        while into.len() - before < max && bytes < limits::TAKE_BYTES {
            let Some(chunk) = self.ahead.front_mut() else {
                if !self.fetch(database)? {
                    break;
                }
                continue;
            };
            let last = chunk.last();
            match chunk.next(bodies).map_err(|why| bad_chunk(&self.partition, last, why))? {
                Some(record) => {
                    self.position = record.offset + 1;
                    bytes += record.record.size();
                    into.push(record);
                }
                None => {
                    self.position = last + 1;
                    self.ahead.pop_front();
                }
            }
        }
        Ok(into.len() - before)
    }

    /// Reads a run of chunks ahead; false when there are none yet.
    fn fetch(&mut self, database: &Database) -> Result<bool, BrokerError> {
        let (position, end) = (self.position, self.partition.end());
        if position >= end {
            return Ok(false);
        }
        let id = self.partition.id();
        let (lower, upper) = (id.chunk_key(position), id.chunk_key(end));
        let (ahead, mut bytes, mut bad) = (&mut self.ahead, 0, None);
        let visit = |key: &[u8], value: &[u8]| {
            let last = layout::last_of_chunk_key(key).unwrap_or(position);
            match ChunkReader::open(Bytes::copy_from_slice(value), last) {
                Ok(chunk) => ahead.push_back(chunk),
                Err(why) => bad = Some((last, why)),
            }
            bytes += value.len();
            if bytes < limits::READ_AHEAD_BYTES && bad.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        database.family(layout::RECORDS)?.visit(Bound::Included(&lower), Bound::Excluded(&upper), Direction::Ascending, visit)?;
        if let Some((last, why)) = bad {
            self.ahead.clear();
            return Err(bad_chunk(&self.partition, last, why));
        }
        if let Err(gone) = self.check_not_gone() {
            self.ahead.clear();
            return Err(gone);
        }
        // The newest record of a partition is never compacted away: there is a chunk, and the position is at or before its end.
        let Some(chunk) = self.ahead.front_mut() else {
            return Err(corrupted(&self.partition.name().to_string(), format!("offsets {position} to {} are missing", end - 1)));
        };
        let last = chunk.last();
        chunk.skip_to(position).map_err(|why| bad_chunk(&self.partition, last, why))?;
        Ok(true)
    }

    /// Looked at after the rows were read: the cleaner moves the first offset before it deletes.
    fn check_not_gone(&self) -> Result<(), BrokerError> {
        let first = self.partition.first();
        if self.position >= first {
            return Ok(());
        }
        Err(BrokerError::OffsetGone { at: self.partition.name(), wanted: self.position, first })
    }
}

pub(super) fn bad_chunk(partition: &Partition, last: Offset, why: BadChunk) -> BrokerError {
    corrupted(&format!("the chunk of {} that ends at offset {last}", partition.name()), why)
}
