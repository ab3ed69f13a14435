//! Commits, each whole or not at all, in one order: who comes while a batch is being written waits and goes with the next one, all together,
//! for one sync of the disk (group commit: the first who waits writes for all).

use std::sync::{Condvar, Mutex, PoisonError, RwLock};

use rustc_hash::FxHashMap;

use super::catalog::Partition;
use super::errors::failed;
use super::layout::{self, PartitionId};
use super::transaction::Transaction;
use crate::broker::port::BrokerError;
use crate::disk::{Batch, Database, Sync};
use crate::record::{Offset, Timestamp};

/// The one way into the log.
#[derive(Debug, Default)]
pub(super) struct Committer {
    queue: Mutex<Queue>,
    written: Condvar,
    /// Held while a batch becomes visible: who reads offsets and then ends does not see those of a commit without its records.
    visible: RwLock<()>,
}

#[derive(Debug, Default)]
struct Queue {
    next_ticket: u64,
    waiting: Vec<(u64, Transaction)>,
    results: FxHashMap<u64, Result<(), BrokerError>>,
    /// Somebody writes.
    busy: bool,
    /// A write has failed. What of it is on disk only the next opening can tell.
    broken: Option<BrokerError>,
}

impl Committer {
    /// Returns when the transaction is durable and its records may be read.
    pub(super) fn commit(&self, database: &Database, transaction: Transaction, now: Timestamp) -> Result<(), BrokerError> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push((ticket, transaction));
        loop {
            if let Some(result) = queue.results.remove(&ticket) {
                return result;
            }
            if queue.busy {
                queue = self.written.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.busy = true;
            let mut group = std::mem::take(&mut queue.waiting);
            let broken = queue.broken.clone();
            drop(queue);
            let result = broken.map_or_else(|| write(database, &mut group, now, &self.visible), Err);
            queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.busy = false;
            if let Err(error) = &result
                && queue.broken.is_none()
            {
                queue.broken = Some(failed("append to the log", format!("an earlier write has failed: {error}")));
            }
            queue.results.extend(group.iter().map(|(ticket, _)| (*ticket, result.clone())));
            self.written.notify_all();
        }
    }

    /// Reads what commits have written, but not while one of them is half visible.
    pub(super) fn between_commits<T>(&self, read: impl FnOnce() -> T) -> T {
        let _whole = self.visible.read().unwrap_or_else(PoisonError::into_inner);
        read()
    }
}

/// Gives the records of all transactions their offsets, and writes everything as one batch.
fn write(database: &Database, group: &mut [(u64, Transaction)], now: Timestamp, visible: &RwLock<()>) -> Result<(), BrokerError> {
    let bytes: usize = group.iter_mut().map(|(_, transaction)| transaction.seal()).sum();
    let mut batch = Batch::with_capacity(bytes + bytes / 8);
    let records = database.family(layout::RECORDS)?;
    let mut ends: FxHashMap<PartitionId, (Partition, Offset)> = FxHashMap::default();
    for (_, transaction) in group {
        for part in &mut transaction.parts {
            let id = part.partition.id();
            let (_, end) = ends.entry(id).or_insert_with(|| (part.partition.clone(), part.partition.end()));
            for chunk in &mut part.chunks {
                let last = *end + chunk.span();
                batch.put(records, &id.chunk_key(last), chunk.stamp(now));
                *end = last + 1;
            }
        }
        for (family, key, value) in &transaction.rows {
            batch.put(database.family(family)?, key, value);
        }
    }
    let _half = visible.write().unwrap_or_else(PoisonError::into_inner);
    database.write(batch, Sync::Yes)?;
    for (partition, end) in ends.into_values() {
        partition.set_end(end);
    }
    Ok(())
}
