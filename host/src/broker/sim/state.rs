//! What the simulated log holds: topics, committed offsets, the order of all appends, and the faults that wait to happen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Appended;
use super::group::Group;
use crate::broker::admission::{admit, admit_topic, same_settings};
use crate::broker::partitioner::Partitioner;
use crate::broker::port::{BrokerError, Committed, LoadProgress, OutgoingRecord, OutgoingRef, TopicSpec};
use crate::record::{ConsumedRecord, Offset, Record, Timestamp, TopicPartition};

/// What becomes of a commit.
pub(super) struct CommitFault {
    /// What its client is told.
    pub error: BrokerError,
    /// It stands all the same.
    pub stands: bool,
}

#[derive(Default)]
pub(super) struct State {
    topics: FxHashMap<Arc<str>, SimTopic>,
    /// All appends in order; partitions hold indexes into it.
    log: Vec<Appended>,
    committed: BTreeMap<(String, TopicPartition), Committed>,
    groups: BTreeMap<String, Group>,
    producer: Partitioner,
    pub(super) loads: BTreeMap<String, u64>,
    pub(super) commit_faults: VecDeque<CommitFault>,
    pub(super) stop_faults: VecDeque<BrokerError>,
    pub(super) refusals: FxHashMap<Arc<str>, VecDeque<String>>,
    pub(super) held: BTreeSet<TopicPartition>,
    pub(super) open_at: BTreeMap<TopicPartition, Offset>,
    /// Partitions that readers have begun and not closed, by reader.
    pub(super) reading: BTreeSet<(u64, TopicPartition)>,
    pub(super) readers: u64,
}

pub(super) struct SimTopic {
    pub(super) spec: TopicSpec,
    partitions: Vec<SimPartition>,
}

#[derive(Clone, Default)]
pub(super) struct SimPartition {
    pub(super) first: Offset,
    /// Index in the log of each record from `first` on.
    records: VecDeque<usize>,
}

/// A record that was let in and has its partition.
pub(super) struct Placed {
    pub(super) at: TopicPartition,
    pub(super) record: Record,
}

impl SimPartition {
    pub(super) fn end(&self) -> Offset {
        self.first + self.records.len() as u64
    }

    pub(super) fn truncate_before(&mut self, first: Offset) {
        let gone = first.min(self.end()).saturating_sub(self.first);
        self.records.drain(..gone as usize);
        self.first += gone;
    }
}

impl State {
    pub(super) fn topic(&self, name: &str) -> Result<&SimTopic, BrokerError> {
        self.topics.get(name).ok_or_else(|| BrokerError::UnknownTopic(name.into()))
    }

    pub(super) fn partitions_of(&self, topic: &str) -> Option<u32> {
        self.topics.get(topic).map(|topic| topic.spec.partitions)
    }

    pub(super) fn partition(&self, at: &TopicPartition) -> Result<&SimPartition, BrokerError> {
        let partition = self.topic(&at.topic)?.partitions.get(at.partition as usize);
        partition.ok_or_else(|| BrokerError::UnknownPartition(at.clone()))
    }

    pub(super) fn partition_mut(&mut self, at: &TopicPartition) -> Result<&mut SimPartition, BrokerError> {
        let topic = self.topics.get_mut(&at.topic).ok_or_else(|| BrokerError::UnknownTopic(at.topic.clone()))?;
        topic.partitions.get_mut(at.partition as usize).ok_or_else(|| BrokerError::UnknownPartition(at.clone()))
    }

    pub(super) fn create_topic(&mut self, spec: &TopicSpec) -> Result<(), BrokerError> {
        if let Some(there) = self.topics.get(&spec.name) {
            return same_settings(&there.spec, spec);
        }
        admit_topic(spec)?;
        let partitions = vec![SimPartition::default(); spec.partitions as usize];
        let spec = TopicSpec { replication: None, ..spec.clone() };
        self.topics.insert(spec.name.clone(), SimTopic { spec, partitions });
        Ok(())
    }

    pub(super) fn grow_topic(&mut self, name: &Arc<str>, partitions: u32) -> Result<(), BrokerError> {
        let topic = self.topics.get_mut(name).ok_or_else(|| BrokerError::UnknownTopic(name.clone()))?;
        topic.spec.partitions = topic.spec.partitions.max(partitions);
        topic.partitions.resize(topic.spec.partitions as usize, SimPartition::default());
        Ok(())
    }

    pub(super) fn delete_topic(&mut self, name: &str) {
        self.topics.remove(name);
        self.committed.retain(|(_, at), _| *at.topic != *name);
        self.held.retain(|at| *at.topic != *name);
    }

    /// Lets a record in, or not; nothing is appended yet.
    pub(super) fn place(&mut self, outgoing: OutgoingRef<'_>, partitioner: &mut Partitioner) -> Result<Placed, BrokerError> {
        if let Some(reason) = self.refusals.get_mut(outgoing.topic).and_then(VecDeque::pop_front) {
            return Err(BrokerError::Refused { topic: outgoing.topic.clone(), reason });
        }
        let spec = &self.topic(outgoing.topic)?.spec;
        let partition = admit(spec, outgoing, partitioner)?;
        Ok(Placed { at: TopicPartition::new(spec.name.clone(), partition), record: outgoing.record.copied() })
    }

    pub(super) fn append(&mut self, placed: Vec<Placed>, now: Timestamp) -> Result<(), BrokerError> {
        for Placed { at, record } in placed {
            let index = self.log.len();
            let partition = self.partition_mut(&at)?;
            let offset = partition.end();
            partition.records.push_back(index);
            self.log.push(Appended { at, offset, appended_at: now, record });
        }
        Ok(())
    }

    pub(super) fn produce(
        &mut self,
        records: Vec<OutgoingRecord>,
        progress: Option<LoadProgress>,
        now: Timestamp,
    ) -> Result<(), BrokerError> {
        let mut partitioner = std::mem::take(&mut self.producer);
        let placed: Result<Vec<Placed>, BrokerError> = records.iter().map(|record| self.place(record.as_ref(), &mut partitioner)).collect();
        if placed.is_ok() {
            partitioner.batch_done();
        }
        self.producer = partitioner;
        self.append(placed?, now)?;
        if let Some(progress) = progress {
            self.loads.insert(progress.key, progress.records);
        }
        Ok(())
    }

    /// Moves up to `max` records from `from` on into `into`; the offset to go on from.
    pub(super) fn read(
        &self,
        at: &TopicPartition,
        from: Offset,
        max: usize,
        into: &mut Vec<ConsumedRecord>,
    ) -> Result<Offset, BrokerError> {
        let partition = self.partition(at)?;
        let first = partition.first;
        if from < first {
            return Err(BrokerError::OffsetGone { at: at.clone(), wanted: from, first });
        }
        let delivered = self.open_at.get(at).map_or(partition.records.len(), |open| open.saturating_sub(first) as usize);
        let start = ((from - first) as usize).min(delivered);
        let end = start.saturating_add(max).min(delivered);
        into.extend(partition.records.range(start..end).map(|&index| {
            let Appended { offset, record, .. } = &self.log[index];
            ConsumedRecord { offset: *offset, record: record.clone() }
        }));
        Ok(from + end.saturating_sub(start) as u64)
    }

    pub(super) fn committed(&self, group: &str, at: &TopicPartition) -> Result<Option<Committed>, BrokerError> {
        self.partition(at)?;
        Ok(self.committed.get(&(group.to_owned(), at.clone())).cloned())
    }

    pub(super) fn commit_offsets(&mut self, group: &str, offsets: &[(TopicPartition, Committed)]) {
        self.committed.extend(offsets.iter().map(|(at, committed)| ((group.to_owned(), at.clone()), committed.clone())));
    }

    pub(super) fn set_committed(&mut self, group: &str, offsets: &[(TopicPartition, Option<Committed>)]) -> Result<(), BrokerError> {
        for (at, _) in offsets {
            self.partition(at)?;
        }
        for (at, committed) in offsets {
            let key = (group.to_owned(), at.clone());
            match committed {
                Some(committed) => _ = self.committed.insert(key, committed.clone()),
                None => _ = self.committed.remove(&key),
            }
        }
        Ok(())
    }

    /// The first record at or after a time; the end when there is none.
    pub(super) fn offset_at(&self, at: &TopicPartition, time: Timestamp) -> Result<Offset, BrokerError> {
        let partition = self.partition(at)?;
        let found = partition.records.iter().map(|&index| &self.log[index]).find(|appended| appended.record.timestamp >= time);
        Ok(found.map_or(partition.end(), |appended| appended.offset))
    }

    pub(super) fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_default()
    }

    /// Takes a group out while the rest of the state is read for it.
    pub(super) fn with_group<T>(&mut self, name: &str, run: impl FnOnce(&mut Group, &Self) -> T) -> T {
        let mut group = std::mem::take(self.group(name));
        let result = run(&mut group, self);
        *self.group(name) = group;
        result
    }

    pub(super) fn appended_since(&self, seen: usize) -> Vec<Appended> {
        self.log.get(seen..).unwrap_or_default().to_vec()
    }

    pub(super) fn appended_count(&self) -> usize {
        self.log.len()
    }
}
