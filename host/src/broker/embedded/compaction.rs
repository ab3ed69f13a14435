//! Compaction of one partition: of each key only the last record stays. In two passes, each in steps: the keys of the new records are indexed,
//! then everything from the first offset on is written again without what they replace. Small chunks grow together on the way.

use std::collections::HashMap;
use std::ops::{Bound, ControlFlow};

use bytes::Bytes;

use super::catalog::Partition;
use super::chunk::ChunkBuilder;
use super::chunk_reader::{BadChunk, Bodies, ChunkReader, RawRecord};
use super::clean::Allowance;
use super::fetch::bad_chunk;
use super::layout::{self, PartitionId};
use crate::broker::port::BrokerError;
use crate::disk::{Batch, Database, Direction, Family, Sync};
use crate::limits;
use crate::record::{Offset, RecordRef, Timestamp};

/// A compaction that is under way. A crash forgets it; done again it comes to the same.
pub(super) struct Compaction {
    partition: Partition,
    pass: Pass,
    /// Where the pass goes on.
    position: Offset,
    /// Everything below is compacted in the end, but for a chunk that lies across it: as far as was asked for, or the index has room.
    end: Offset,
    /// The last record below the end at the beginning. It stays whatever it is: it may be that from which the partition's end is known.
    newest: Offset,
    /// Last offset of each key among the new records. With the standard hasher: keys are anybody's.
    index: HashMap<Box<[u8]>, Offset>,
    index_bytes: usize,
    kept: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Index,
    Rewrite,
}

/// What an entry of the index takes besides its key.
const INDEX_ENTRY_BYTES: usize = 48;

impl Compaction {
    /// For a partition without doubles below `from`, which ends at `end`, behind that.
    pub(super) fn new(partition: Partition, from: Offset, end: Offset) -> Self {
        let newest = end.saturating_sub(1);
        Self { partition, pass: Pass::Index, position: from, end, newest, index: HashMap::new(), index_bytes: 0, kept: 0 }
    }

    pub(super) fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Goes on; how many records were dropped and, at the end, up to where the partition is compacted and how many records stand below.
    pub(super) fn step(
        &mut self,
        database: &Database,
        tombstone_is_over: impl Fn(Timestamp) -> bool,
        allowance: &mut Allowance,
    ) -> Result<(u64, Option<(Offset, u64)>), BrokerError> {
        if self.pass == Pass::Index && self.index_step(database, allowance)? {
            self.pass = Pass::Rewrite;
            self.position = self.partition.first();
        }
        if self.pass == Pass::Index || allowance.is_spent() {
            return Ok((0, None));
        }
        let (dropped, finished) = self.rewrite_step(database, tombstone_is_over, allowance)?;
        Ok((dropped, finished.then_some((self.end, self.kept))))
    }

    /// True when the index is complete, or full.
    fn index_step(&mut self, database: &Database, allowance: &mut Allowance) -> Result<bool, BrokerError> {
        let (partition, from, end) = (self.partition.clone(), self.position, self.end);
        visit_chunks(database, &partition, from, end, |mut chunk| {
            allowance.spend(chunk.size());
            while let Some(raw) = chunk.next_raw()? {
                self.note(&chunk, &raw);
            }
            self.position = chunk.last() + 1;
            Ok(!allowance.is_spent() && !self.index_is_full())
        })?;
        if self.index_is_full() {
            self.end = self.position;
        }
        Ok(!allowance.is_spent() || self.index_is_full())
    }

    fn note(&mut self, chunk: &ChunkReader, raw: &RawRecord) {
        let Some(key) = chunk.key(raw) else { return };
        match self.index.get_mut(key) {
            Some(last) => *last = raw.offset,
            None => {
                self.index_bytes += key.len() + INDEX_ENTRY_BYTES;
                self.index.insert(key.into(), raw.offset);
            }
        }
    }

    fn index_is_full(&self) -> bool {
        self.index_bytes >= limits::COMPACTION_INDEX_BYTES
    }

    fn rewrite_step(
        &mut self,
        database: &Database,
        tombstone_is_over: impl Fn(Timestamp) -> bool,
        allowance: &mut Allowance,
    ) -> Result<(u64, bool), BrokerError> {
        let mut rewriter = Rewriter::new(self.partition.id(), database.family(layout::RECORDS)?);
        let (partition, from, end) = (self.partition.clone(), self.position, self.end);
        visit_chunks(database, &partition, from, end, |chunk| {
            allowance.spend(chunk.size());
            let last = chunk.last();
            self.kept += rewriter.take(chunk, |chunk, raw| self.stays(chunk, raw, &tombstone_is_over))?;
            self.position = last + 1;
            Ok(!allowance.is_spent())
        })?;
        let (batch, dropped) = rewriter.finish();
        if !batch.is_empty() {
            database.write(batch, Sync::No)?;
        }
        Ok((dropped, !allowance.is_spent() || self.position >= self.end))
    }

    fn stays(&self, chunk: &ChunkReader, raw: &RawRecord, tombstone_is_over: &impl Fn(Timestamp) -> bool) -> bool {
        if raw.offset == self.newest {
            return true;
        }
        // What it deleted lies before it and is gone, in this compaction or in an earlier one.
        if ChunkReader::is_tombstone(raw) && tombstone_is_over(chunk.appended_at()) {
            return false;
        }
        let last = chunk.key(raw).and_then(|key| self.index.get(key));
        last.is_none_or(|last| *last <= raw.offset)
    }
}

/// Shows the chunks from offset `from` on that end below `end`, until one is answered with false.
fn visit_chunks(
    database: &Database,
    partition: &Partition,
    from: Offset,
    end: Offset,
    mut visitor: impl FnMut(ChunkReader) -> Result<bool, BadChunk>,
) -> Result<(), BrokerError> {
    let (lower, upper) = (partition.id().chunk_key(from), partition.id().chunk_key(end));
    let mut bad = None;
    let visit = |key: &[u8], value: &[u8]| {
        let last = layout::last_of_chunk_key(key).unwrap_or(from);
        match ChunkReader::open(Bytes::copy_from_slice(value), last).and_then(&mut visitor) {
            Ok(true) => return ControlFlow::Continue(()),
            Ok(false) => {}
            Err(why) => bad = Some((last, why)),
        }
        ControlFlow::Break(())
    };
    database.family(layout::RECORDS)?.visit(Bound::Included(&lower), Bound::Excluded(&upper), Direction::Ascending, visit)?;
    bad.map_or(Ok(()), |(last, why)| Err(bad_chunk(partition, last, why)))
}

/// Collects the chunks of a group of rows into one, under the key of the last of them.
struct Rewriter<'d> {
    id: PartitionId,
    records: Family<'d>,
    batch: Batch,
    dropped: u64,
    /// The rows of the group, by the last offset of each.
    group: Vec<Offset>,
    group_records: u32,
    /// The newest append time of the group: nothing expires early.
    appended_at: Timestamp,
    open: Option<ChunkBuilder>,
}

impl<'d> Rewriter<'d> {
    fn new(id: PartitionId, records: Family<'d>) -> Self {
        let (batch, appended_at) = (Batch::new(), Timestamp(i64::MIN));
        Self { id, records, batch, dropped: 0, group: Vec::new(), group_records: 0, appended_at, open: None }
    }

    /// Takes the records of a chunk that stay; how many.
    fn take(&mut self, mut chunk: ChunkReader, stays: impl Fn(&ChunkReader, &RawRecord) -> bool) -> Result<u64, BadChunk> {
        if self.open.as_ref().map_or(0, ChunkBuilder::size) + chunk.size() > limits::CHUNK_BYTES {
            self.flush();
        }
        self.group.push(chunk.last());
        self.group_records += chunk.remaining();
        self.appended_at = self.appended_at.max(chunk.appended_at());
        let mut kept = 0;
        while let Some(raw) = chunk.next_raw()? {
            if !stays(&chunk, &raw) {
                self.dropped += 1;
                continue;
            }
            let record = chunk.record(&raw, Bodies::Shared)?.record;
            self.open.get_or_insert_with(|| ChunkBuilder::new(raw.offset)).push(raw.offset, RecordRef::from(&record));
            kept += 1;
        }
        Ok(kept)
    }

    fn finish(mut self) -> (Batch, u64) {
        self.flush();
        (self.batch, self.dropped)
    }

    fn flush(&mut self) {
        let (group, records) = (std::mem::take(&mut self.group), std::mem::take(&mut self.group_records));
        let appended_at = std::mem::replace(&mut self.appended_at, Timestamp(i64::MIN));
        let open = self.open.take();
        let Some((&last, before)) = group.split_last() else { return };
        let is_unchanged = before.is_empty() && open.as_ref().map_or(0, ChunkBuilder::count) == records;
        if is_unchanged {
            return;
        }
        for &row in before {
            self.batch.delete(self.records, &self.id.chunk_key(row));
        }
        let key = self.id.chunk_key(last);
        match open {
            Some(open) => self.batch.put(self.records, &key, open.finish(last).stamp(appended_at)),
            None => self.batch.delete(self.records, &key),
        }
    }
}
