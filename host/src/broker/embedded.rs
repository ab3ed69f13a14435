//! A durable, partitioned, ordered log in the state folder, for one process.
//!
//! It stands on `disk/` and never names a database's own types. Everything of one commit (records of all topics, changelogs, offsets) is one
//! synced batch; nobody sees any of it before it is durable. Records lie in chunks, see `chunk.rs`; the rows are told in `layout.rs`.
//! The host's stream threads hold clients, `produce` and `consume` use the broker itself, a background thread calls `maintain`.

mod catalog;
mod chunk;
mod chunk_reader;
mod clean;
mod client;
mod commit;
mod compaction;
mod errors;
mod fetch;
mod folder;
mod layout;
mod log;
mod operator;
#[cfg(test)]
mod tests;
mod transaction;

use std::fmt;
use std::sync::{Arc, PoisonError, TryLockError};

use client::{EmbeddedClient, EmbeddedReader};
use log::Log;

pub use clean::Maintained;
pub use folder::StateFolder;

use super::port::{Broker, BrokerError, Client, Committed, LoadProgress, Member, OutgoingRecord, Reader, TopicInfo, TopicSpec};
use crate::clock::Clock;
use crate::disk::Budget;
use crate::record::{Offset, Timestamp, TopicPartition};

/// The log in a state folder. Clones are the same log; it closes with the last of them and of its clients and readers.
#[derive(Clone)]
pub struct EmbeddedLog {
    log: Arc<Log>,
}

impl EmbeddedLog {
    /// Opens the log of a state folder; makes an empty one where there is none. The clock gives the times of appends.
    pub fn open(folder: Arc<StateFolder>, clock: Arc<dyn Clock>, budget: &Budget) -> Result<Self, BrokerError> {
        Ok(Self { log: Arc::new(Log::open(folder, clock, budget)?) })
    }

    /// All topics, oldest first.
    pub fn all_topics(&self) -> Vec<TopicInfo> {
        self.log.topics().iter().map(|topic| TopicInfo { spec: topic.spec.clone() }).collect()
    }

    /// One step of cleaning: deletes what is older than its topic's retention, counted from the append, and compacts. It reads about
    /// `budget_bytes` at most; where more is left to do it says so. Called each few seconds.
    pub fn maintain(&self, now: Timestamp, budget_bytes: usize) -> Result<Maintained, BrokerError> {
        let mut cleaner = self.log.cleaner.lock().unwrap_or_else(PoisonError::into_inner);
        cleaner.step(&self.log, now, budget_bytes)
    }
}

impl Broker for EmbeddedLog {
    fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicInfo>>, BrokerError> {
        let info = |name: &Arc<str>| self.log.topic(name).ok().map(|topic| TopicInfo { spec: topic.spec.clone() });
        Ok(names.iter().map(info).collect())
    }

    fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), BrokerError> {
        self.log.create_topics(specs)
    }

    fn grow_topic(&self, topic: &Arc<str>, partitions: u32) -> Result<(), BrokerError> {
        if self.log.topic(topic)?.spec.partitions >= partitions {
            return Ok(());
        }
        let what = format!("give topic '{topic}' {partitions} partitions");
        Err(BrokerError::Failed { what, why: "topics of the embedded log do not grow".to_owned(), retry: crate::broker::Retry::Never })
    }

    fn delete_topics(&self, names: &[Arc<str>]) -> Result<(), BrokerError> {
        self.log.delete_topics(names)
    }

    fn bounds(&self, at: &TopicPartition) -> Result<(Offset, Offset), BrokerError> {
        let partition = self.log.partition(at)?;
        Ok((partition.first(), partition.end()))
    }

    fn committed(&self, group: &str, at: &TopicPartition) -> Result<Option<Committed>, BrokerError> {
        self.log.committed(group, at)
    }

    fn offset_at(&self, at: &TopicPartition, time: Timestamp) -> Result<Offset, BrokerError> {
        self.log.offset_at(at, time)
    }

    fn set_committed(&self, group: &str, offsets: &[(TopicPartition, Option<Committed>)]) -> Result<(), BrokerError> {
        self.log.set_committed(group, offsets)
    }

    /// None: the lock of the state folder keeps every other process out.
    fn members(&self, _group: &str) -> Result<Vec<Member>, BrokerError> {
        Ok(Vec::new())
    }

    fn client(&self, group: &str, member: u32, members: u32) -> Result<Box<dyn Client>, BrokerError> {
        Ok(Box::new(EmbeddedClient::new(self.log.clone(), group, member, members)))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, BrokerError> {
        Ok(Box::new(EmbeddedReader::new(self.log.clone())))
    }

    fn produce(&self, records: Vec<OutgoingRecord>, progress: Option<LoadProgress>) -> Result<(), BrokerError> {
        self.log.produce(&records, progress)
    }

    fn delete_before(&self, at: &TopicPartition, to: Offset) -> Result<bool, BrokerError> {
        let partition = self.log.partition(at)?;
        let mut cleaner = match self.log.cleaner.try_lock() {
            Ok(cleaner) => cleaner,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A step of cleaning may take long, and whoever asks has records to process.
            Err(TryLockError::WouldBlock) => return Ok(false),
        };
        cleaner.delete_before(&self.log.database, &partition, to.min(partition.end()))?;
        Ok(true)
    }

    fn load_progress(&self, key: &str) -> Result<u64, BrokerError> {
        self.log.load_progress(key)
    }
}

impl fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLog").field("database", &self.log.database).finish_non_exhaustive()
    }
}
