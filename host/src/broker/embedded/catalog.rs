//! The topics of the log, in memory: settings, and first and end offset of each partition. Read at the opening.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;

use super::errors::corrupted;
use super::layout::{self, PartitionId, PartitionRow};
use crate::broker::port::{BrokerError, TopicSpec};
use crate::disk::{Database, Direction};
use crate::record::{Offset, TopicPartition};

/// A topic of the log.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) id: u32,
    pub(super) spec: TopicSpec,
    ends: Box<[Ends]>,
}

#[derive(Debug, Default)]
struct Ends {
    first: AtomicU64,
    /// One behind the last durable record: what is below may be read.
    end: AtomicU64,
}

/// A partition of the log.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) topic: Arc<Topic>,
    pub(super) number: u32,
}

impl Partition {
    pub(super) fn id(&self) -> PartitionId {
        PartitionId { topic: self.topic.id, partition: self.number }
    }

    pub(super) fn name(&self) -> TopicPartition {
        TopicPartition::new(self.topic.spec.name.clone(), self.number)
    }

    pub(super) fn first(&self) -> Offset {
        self.ends().first.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) -> Offset {
        self.ends().end.load(Ordering::Acquire)
    }

    /// Called by the cleaner alone, before it deletes what is below: a reader that misses a row finds out why.
    pub(super) fn set_first(&self, first: Offset) {
        self.ends().first.store(first, Ordering::Release);
    }

    /// Called by the committer alone, when the records below are durable.
    pub(super) fn set_end(&self, end: Offset) {
        self.ends().end.store(end, Ordering::Release);
    }

    fn ends(&self) -> &Ends {
        &self.topic.ends[self.number as usize]
    }
}

impl Topic {
    pub(super) fn new(id: u32, spec: TopicSpec) -> Self {
        let ends = (0..spec.partitions).map(|_| Ends::default()).collect();
        Self { id, spec, ends }
    }

    pub(super) fn partition(self: &Arc<Self>, number: u32) -> Result<Partition, BrokerError> {
        if number < self.spec.partitions {
            return Ok(Partition { topic: self.clone(), number });
        }
        Err(BrokerError::UnknownPartition(TopicPartition::new(self.spec.name.clone(), number)))
    }

    pub(super) fn partitions(self: &Arc<Self>) -> impl Iterator<Item = Partition> {
        (0..self.spec.partitions).map(|number| Partition { topic: self.clone(), number })
    }
}

/// All topics by name.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    topics: FxHashMap<Arc<str>, Arc<Topic>>,
    next_id: u32,
}

impl Catalog {
    pub(super) fn read(database: &Database) -> Result<Self, BrokerError> {
        let rows = database.family(layout::TOPICS)?.scan(Bound::Unbounded, Bound::Unbounded, Direction::Ascending, usize::MAX)?;
        let mut catalog = Self::default();
        for (name, row) in rows {
            let Some((id, spec)) = layout::decode_topic(&name, &row) else {
                return Err(corrupted(&format!("the row of topic '{}'", String::from_utf8_lossy(&name)), "it cannot be understood"));
            };
            let topic = Arc::new(Topic::new(id, spec));
            for partition in topic.partitions() {
                read_ends(database, &partition)?;
            }
            catalog.insert(topic);
        }
        // Who still used a topic that was deleted may have left rows of it: its number is not given to another.
        for family in layout::BY_PARTITION {
            let last = database.family(family)?.scan(Bound::Unbounded, Bound::Unbounded, Direction::Descending, 1)?;
            let id = last.first().and_then(|(key, _)| layout::topic_of_key(key));
            catalog.next_id = catalog.next_id.max(id.map_or(0, |id| id.saturating_add(1)));
        }
        Ok(catalog)
    }

    pub(super) fn next_id(&self) -> u32 {
        self.next_id
    }

    pub(super) fn insert(&mut self, topic: Arc<Topic>) {
        self.next_id = self.next_id.max(topic.id.saturating_add(1));
        self.topics.insert(topic.spec.name.clone(), topic);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.topics.remove(name);
    }

    pub(super) fn find(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(name)
    }

    /// All topics, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Topic>> {
        let mut all: Vec<_> = self.topics.values().cloned().collect();
        all.sort_unstable_by_key(|topic| topic.id);
        all
    }
}

/// What cleaning has done to a partition so far.
pub(super) fn read_partition_row(database: &Database, partition: &Partition) -> Result<PartitionRow, BrokerError> {
    match database.family(layout::PARTITIONS)?.get(&partition.id().key())? {
        None => Ok(PartitionRow::default()),
        Some(row) => {
            PartitionRow::decode(&row).ok_or_else(|| corrupted(&format!("the row of {}", partition.name()), "it cannot be understood"))
        }
    }
}

/// The end is behind the last chunk; where all of them were deleted, it is the first offset.
fn read_ends(database: &Database, partition: &Partition) -> Result<(), BrokerError> {
    let first = read_partition_row(database, partition)?.first;
    let (lower, upper) = (partition.id().chunk_key(0), partition.id().chunk_key(Offset::MAX));
    let bounds = (Bound::Included(&lower[..]), Bound::Included(&upper[..]));
    let last = database.family(layout::RECORDS)?.scan(bounds.0, bounds.1, Direction::Descending, 1)?;
    let end = match last.first() {
        None => first,
        Some((key, _)) => layout::last_of_chunk_key(key).map_or(first, |last| last.saturating_add(1)),
    };
    partition.set_first(first);
    partition.set_end(end.max(first));
    Ok(())
}
