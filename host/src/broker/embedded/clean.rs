//! Deletes what has expired and starts compactions, in steps of bounded size. Offsets never change.

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::catalog::{Partition, Topic, read_partition_row};
use super::chunk_reader::ChunkReader;
use super::compaction::Compaction;
use super::fetch::bad_chunk;
use super::layout::{self, PartitionId, PartitionRow};
use super::log::Log;
use crate::broker::port::{BrokerError, Cleanup};
use crate::disk::{Batch, Database, Direction, Sync};
use crate::limits;
use crate::record::{Offset, Timestamp};

/// What a step of maintenance did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Offsets that were deleted because their retention was over.
    pub offsets_expired: u64,
    /// Records that were dropped because a later one has their key, or as old tombstones.
    pub records_compacted: u64,
    /// True when the step ended because of its budget.
    pub more: bool,
}

/// How many bytes a step may still look at.
pub(super) struct Allowance(usize);

impl Allowance {
    pub(super) fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes);
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// Remembers what cleaning would else have to look up at each step.
pub(super) struct Cleaner {
    opened_at: Timestamp,
    rows: FxHashMap<PartitionId, PartitionRow>,
    /// Append time of the oldest chunk that has not expired.
    oldest: FxHashMap<PartitionId, Timestamp>,
    compaction: Option<Compaction>,
}

impl Cleaner {
    pub(super) fn new(opened_at: Timestamp) -> Self {
        Self { opened_at, rows: FxHashMap::default(), oldest: FxHashMap::default(), compaction: None }
    }

    /// One step. `budget_bytes` bounds what it reads; at least one chunk is looked at.
    pub(super) fn step(&mut self, log: &Log, now: Timestamp, budget_bytes: usize) -> Result<Maintained, BrokerError> {
        let mut allowance = Allowance(budget_bytes.max(1));
        let mut done = Maintained::default();
        for topic in log.topics() {
            let Some(retention) = topic.spec.retention.filter(|_| topic.spec.cleanup != Cleanup::Compact) else { continue };
            for partition in topic.partitions() {
                if allowance.is_spent() {
                    return Ok(Maintained { more: true, ..done });
                }
                done.offsets_expired += self.delete_expired(&log.database, &partition, retention, now, &mut allowance)?;
            }
        }
        while !allowance.is_spent() {
            if self.compaction.is_none() {
                self.compaction = self.most_due(log, now)?;
            }
            let Some(compaction) = &mut self.compaction else { return Ok(done) };
            // Counted while the log is open, too: a store that lags behind after a long stop still reads its tombstones.
            let tombstones_until = |appended_at: Timestamp| later(appended_at.max(self.opened_at), limits::TOMBSTONE_KEPT) < now;
            let (dropped, finished) = compaction.step(&log.database, tombstones_until, &mut allowance)?;
            done.records_compacted += dropped;
            if let Some((compacted_to, compacted_records)) = finished {
                let partition = compaction.partition().clone();
                self.compaction = None;
                let row = PartitionRow { compacted_to, compacted_records, ..self.row(&log.database, &partition)? };
                self.put_row(&log.database, &partition, row, Batch::new())?;
            }
        }
        Ok(Maintained { more: true, ..done })
    }

    /// Deletes everything below `to`, which lies at or before the end; how many offsets.
    pub(super) fn delete_before(&mut self, database: &Database, partition: &Partition, to: Offset) -> Result<u64, BrokerError> {
        let row = self.row(database, partition)?;
        if to <= row.first {
            return Ok(0);
        }
        partition.set_first(to);
        let id = partition.id();
        let mut batch = Batch::new();
        batch.delete_range(database.family(layout::RECORDS)?, &id.chunk_key(row.first), &id.chunk_key(to));
        let left = PartitionRow { first: to, ..row };
        self.put_row(database, partition, left, batch)?;
        Ok(to - row.first)
    }

    /// The topic is going to be deleted: a compaction of it ends here, and nothing of it is remembered.
    pub(super) fn forget(&mut self, topic: &Arc<Topic>) {
        for partition in topic.partitions() {
            self.rows.remove(&partition.id());
            self.oldest.remove(&partition.id());
        }
        self.compaction = self.compaction.take().filter(|compaction| compaction.partition().topic.id != topic.id);
    }

    fn delete_expired(
        &mut self,
        database: &Database,
        partition: &Partition,
        retention: Duration,
        now: Timestamp,
        allowance: &mut Allowance,
    ) -> Result<u64, BrokerError> {
        let id = partition.id();
        let expired = |appended_at: Timestamp| later(appended_at, retention) < now;
        if self.oldest.get(&id).is_some_and(|&oldest| !expired(oldest)) {
            return Ok(0);
        }
        let (lower, upper) = (id.chunk_key(partition.first()), id.chunk_key(partition.end()));
        let (mut delete_to, mut oldest, mut bad) = (0, None, None);
        let visit = |key: &[u8], value: &[u8]| {
            let last = layout::last_of_chunk_key(key).unwrap_or(0);
            allowance.spend(value.len());
            match ChunkReader::peek_appended_at(value) {
                Ok(appended_at) if expired(appended_at) => delete_to = last + 1,
                Ok(appended_at) => oldest = Some(appended_at),
                Err(why) => bad = Some((last, why)),
            }
            if oldest.is_some() || bad.is_some() || allowance.is_spent() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        database.family(layout::RECORDS)?.visit(Bound::Included(&lower), Bound::Excluded(&upper), Direction::Ascending, visit)?;
        if let Some((last, why)) = bad {
            return Err(bad_chunk(partition, last, why));
        }
        match oldest {
            Some(oldest) => self.oldest.insert(id, oldest),
            None => self.oldest.remove(&id),
        };
        self.delete_before(database, partition, delete_to)
    }

    /// A compaction of the partition that has the most to gain, where it pays: as many new records as old ones.
    ///
    /// It goes no further than every group that reads the partition has: a table is restored from its topic up to the committed offset, and
    /// a row that only a record behind it replaces is needed until then.
    fn most_due(&mut self, log: &Log, now: Timestamp) -> Result<Option<Compaction>, BrokerError> {
        let mut most: Option<(u64, Compaction)> = None;
        for topic in log.topics().into_iter().filter(|topic| topic.spec.cleanup != Cleanup::Delete) {
            for partition in topic.partitions() {
                let row = self.row(&log.database, &partition)?;
                let (from, end) = (row.compacted_to.max(row.first), partition.end());
                let pays = |new: u64| new >= limits::COMPACTION_NEW_RECORDS.max(row.compacted_records);
                if !pays(end.saturating_sub(from)) {
                    continue;
                }
                let end = log.lowest_committed(&partition)?.map_or(end, |committed| committed.min(end));
                let end = match topic.spec.compaction_lag {
                    Duration::ZERO => end,
                    lag => end_of_older(&log.database, &partition, (from, end), |appended_at| later(appended_at, lag) < now)?,
                };
                let new = end.saturating_sub(from);
                if pays(new) && most.as_ref().is_none_or(|(most, _)| new > *most) {
                    most = Some((new, Compaction::new(partition, from, end)));
                }
            }
        }
        Ok(most.map(|(_, compaction)| compaction))
    }

    fn row(&mut self, database: &Database, partition: &Partition) -> Result<PartitionRow, BrokerError> {
        if let Some(row) = self.rows.get(&partition.id()) {
            return Ok(*row);
        }
        let row = read_partition_row(database, partition)?;
        self.rows.insert(partition.id(), row);
        Ok(row)
    }

    /// Not synced: what a crash undoes is done again.
    fn put_row(&mut self, database: &Database, partition: &Partition, row: PartitionRow, mut batch: Batch) -> Result<(), BrokerError> {
        batch.put(database.family(layout::PARTITIONS)?, &partition.id().key(), &row.encode());
        database.write(batch, Sync::No)?;
        self.rows.insert(partition.id(), row);
        Ok(())
    }
}

/// Up to where the chunks between two offsets are old, and no further than the second. Chunks stand in the order of their append, so it is found
/// by halving.
fn end_of_older(
    database: &Database,
    partition: &Partition,
    (mut from, most): (Offset, Offset),
    is_old: impl Fn(Timestamp) -> bool,
) -> Result<Offset, BrokerError> {
    let records = database.family(layout::RECORDS)?;
    let id = partition.id();
    let mut end = most;
    while from < end {
        let middle = from + (end - from) / 2;
        let (lower, upper) = (id.chunk_key(middle), id.chunk_key(Offset::MAX));
        let mut chunk = None;
        records.visit(Bound::Included(&lower), Bound::Included(&upper), Direction::Ascending, |key, value| {
            chunk = layout::last_of_chunk_key(key).map(|last| (last, ChunkReader::peek_appended_at(value)));
            ControlFlow::Break(())
        })?;
        match chunk {
            Some((last, Err(why))) => return Err(bad_chunk(partition, last, why)),
            Some((last, Ok(appended_at))) if is_old(appended_at) => from = last.saturating_add(1),
            _ => end = middle,
        }
    }
    Ok(from.min(most))
}

fn later(than: Timestamp, by: Duration) -> Timestamp {
    Timestamp(than.0.saturating_add_unsigned(layout::ms(by)))
}
