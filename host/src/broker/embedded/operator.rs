//! What only an operator asks of the log: topics deleted, committed offsets moved, a time looked up.

use std::sync::{Arc, PoisonError};

use super::chunk_reader::Bodies;
use super::fetch::Fetcher;
use super::layout;
use super::log::Log;
use crate::broker::port::{BrokerError, Committed};
use crate::disk::{Batch, Sync};
use crate::record::{Offset, Timestamp, TopicPartition};

/// Records looked at before the next ones are read.
const RECORDS_READ: usize = 1_000;

impl Log {
    /// Deletes topics and everything that is kept of them: all in one synced batch.
    pub(super) fn delete_topics(&self, names: &[Arc<str>]) -> Result<(), BrokerError> {
        // First this lock, then that of the catalog, as everywhere. Cleaning may be at work on one of the topics.
        let mut cleaner = self.cleaner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::new();
        for name in names {
            let Some(topic) = catalog.find(name) else { continue };
            cleaner.forget(topic);
            // Whoever still reads finds no row, and out why.
            topic.partitions().for_each(|partition| partition.set_first(partition.end()));
            batch.delete(self.database.family(layout::TOPICS)?, name.as_bytes());
            let (from, to) = layout::keys_of_topic(topic.id);
            for family in layout::BY_PARTITION {
                batch.delete_range(self.database.family(family)?, &from, &to);
            }
        }
        self.database.write(batch, Sync::Yes)?;
        names.iter().for_each(|name| catalog.remove(name));
        Ok(())
    }

    /// Moves what a group has committed; all of it in one synced batch.
    pub(super) fn set_committed(&self, group: &str, offsets: &[(TopicPartition, Option<Committed>)]) -> Result<(), BrokerError> {
        let family = self.database.family(layout::OFFSETS)?;
        let mut batch = Batch::new();
        for (at, committed) in offsets {
            let key = self.partition(at)?.id().offset_key(group);
            match committed {
                Some(committed) => batch.put(family, &key, &layout::encode_committed(committed)),
                None => batch.delete(family, &key),
            }
        }
        Ok(self.database.write(batch, Sync::Yes)?)
    }

    /// The first record at or after a time; the end when there is none. There is no index of times: everything before it is read.
    pub(super) fn offset_at(&self, at: &TopicPartition, time: Timestamp) -> Result<Offset, BrokerError> {
        let partition = self.partition(at)?;
        let first = partition.first();
        let mut fetcher = Fetcher::new(partition, first)?;
        let mut records = Vec::new();
        while fetcher.take(&self.database, RECORDS_READ, Bodies::Shared, &mut records)? > 0 {
            if let Some(found) = records.iter().find(|consumed| consumed.record.timestamp >= time) {
                return Ok(found.offset);
            }
            records.clear();
        }
        Ok(fetcher.position())
    }
}
