//! A log in memory that does the same thing each time: for the tests of everything above the port, and for `cofferdam test`.
//!
//! It never blocks, never reads a clock but the one given to it, and has no thread. Besides the port it offers what a test needs: the order of
//! all appends over all topics, and hooks that make happen what a real group or a real broker does at bad times.

mod client;
mod group;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use client::{SimClient, SimReader};
use state::{CommitFault, State};

use super::port::{Broker, BrokerError, Client, Committed, LoadProgress, Member, OutgoingRecord, Reader, TopicInfo, TopicSpec};
use crate::clock::Clock;
use crate::record::{Offset, Record, Timestamp, TopicPartition};

/// A record with its place in the order of all appends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Where it stands.
    pub at: TopicPartition,
    /// At which offset.
    pub offset: Offset,
    /// When it was appended.
    pub appended_at: Timestamp,
    /// The record.
    pub record: Record,
}

/// The simulated log. Clones are the same log.
#[derive(Clone)]
pub struct SimBroker {
    state: Arc<Mutex<State>>,
    clock: Arc<dyn Clock>,
}

impl SimBroker {
    /// An empty log.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { state: Arc::default(), clock }
    }

    /// Everything appended so far but the first `seen` records: in the order of the commits, within one in the order of `send`.
    pub fn appended_since(&self, seen: usize) -> Vec<Appended> {
        self.state().appended_since(seen)
    }

    /// How many records have been appended to all topics.
    pub fn appended_count(&self) -> usize {
        self.state().appended_count()
    }

    /// Deals the partitions of a group anew, to members `0..members`. Each hears of it at its next `poll_group`; a partition reaches its new
    /// owner only after the old one has polled once more, or is gone.
    pub fn rebalance(&self, group: &str, members: u32) {
        self.state().group(group).members = members;
    }

    /// Takes everything from a member at once, as when its session has expired: it hears `Lost`, and may commit nothing of it.
    pub fn lose(&self, group: &str, member: u32) {
        self.state().group(group).lose(member);
    }

    /// A member hears nothing of the group until `hear`, as one that has slept, and whose heartbeat is not answered yet.
    pub fn deafen(&self, group: &str, member: u32) {
        self.state().group(group).set_deaf(member, true);
    }

    /// Undoes `deafen`.
    pub fn hear(&self, group: &str, member: u32) {
        self.state().group(group).set_deaf(member, false);
    }

    /// The next commit of any client fails with this error and does nothing.
    pub fn fail_next_commit(&self, error: BrokerError) {
        self.state().commit_faults.push_back(CommitFault { error, stands: false });
    }

    /// The next commit of any client stands, and its client is told this error.
    pub fn hide_next_commit(&self, error: BrokerError) {
        self.state().commit_faults.push_back(CommitFault { error, stands: true });
    }

    /// The next partition that a client stops fails with this error.
    pub fn fail_next_stop(&self, error: BrokerError) {
        self.state().stop_faults.push_back(error);
    }

    /// The next record sent to `topic` is refused.
    pub fn refuse_next(&self, topic: &str, reason: &str) {
        self.state().refusals.entry(topic.into()).or_default().push_back(reason.to_owned());
    }

    /// Delivers no records of a partition to clients until `release`, as when a fetch is under way: `end_seen` shows them, `take` does not.
    pub fn hold(&self, at: &TopicPartition) {
        self.state().held.insert(at.clone());
    }

    /// Undoes `hold`.
    pub fn release(&self, at: &TopicPartition) {
        self.state().held.remove(at);
    }

    /// A transaction of somebody is open from this offset of a partition on: nothing behind that is delivered until `end_transaction`, though it
    /// stands in the log.
    pub fn open_transaction(&self, at: &TopicPartition, from: Offset) {
        self.state().open_at.insert(at.clone(), from);
    }

    /// Undoes `open_transaction`.
    pub fn end_transaction(&self, at: &TopicPartition) {
        self.state().open_at.remove(at);
    }

    /// Whether any reader has begun this partition and not closed it: a real one goes on fetching it.
    pub fn is_read(&self, at: &TopicPartition) -> bool {
        self.state().reading.iter().any(|(_, read)| read == at)
    }

    /// Drops all records of a partition below `first`, as retention does.
    pub fn truncate_before(&self, at: &TopicPartition, first: Offset) -> Result<(), BrokerError> {
        self.state().partition_mut(at)?.truncate_before(first);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere has its own message; the state itself is whole after every call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker for SimBroker {
    fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicInfo>>, BrokerError> {
        let state = self.state();
        Ok(names.iter().map(|name| state.topic(name).ok().map(|topic| TopicInfo { spec: topic.spec.clone() })).collect())
    }

    fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), BrokerError> {
        let mut state = self.state();
        specs.iter().try_for_each(|spec| state.create_topic(spec))
    }

    fn grow_topic(&self, topic: &Arc<str>, partitions: u32) -> Result<(), BrokerError> {
        self.state().grow_topic(topic, partitions)
    }

    fn delete_topics(&self, names: &[Arc<str>]) -> Result<(), BrokerError> {
        let mut state = self.state();
        names.iter().for_each(|name| state.delete_topic(name));
        Ok(())
    }

    fn bounds(&self, at: &TopicPartition) -> Result<(Offset, Offset), BrokerError> {
        let state = self.state();
        let partition = state.partition(at)?;
        Ok((partition.first, partition.end()))
    }

    fn committed(&self, group: &str, at: &TopicPartition) -> Result<Option<Committed>, BrokerError> {
        self.state().committed(group, at)
    }

    fn offset_at(&self, at: &TopicPartition, time: Timestamp) -> Result<Offset, BrokerError> {
        self.state().offset_at(at, time)
    }

    fn set_committed(&self, group: &str, offsets: &[(TopicPartition, Option<Committed>)]) -> Result<(), BrokerError> {
        self.state().set_committed(group, offsets)
    }

    fn members(&self, group: &str) -> Result<Vec<Member>, BrokerError> {
        Ok(self.state().group(group).numbers().map(|number| Member { name: format!("member {number}"), ..Member::default() }).collect())
    }

    fn client(&self, group: &str, member: u32, members: u32) -> Result<Box<dyn Client>, BrokerError> {
        Ok(Box::new(SimClient::join(self.clone(), group, member, members)))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, BrokerError> {
        Ok(Box::new(SimReader::new(self.clone())))
    }

    fn produce(&self, records: Vec<OutgoingRecord>, progress: Option<LoadProgress>) -> Result<(), BrokerError> {
        let now = self.clock.now();
        self.state().produce(records, progress, now)
    }

    fn write_alone(&self, _writer: &str, records: &mut dyn FnMut() -> Result<Vec<OutgoingRecord>, BrokerError>) -> Result<(), BrokerError> {
        let records = records()?;
        if records.is_empty() {
            return Ok(());
        }
        let fault = self.state().commit_faults.pop_front();
        if fault.as_ref().is_none_or(|fault| fault.stands) {
            self.produce(records, None)?;
        }
        fault.map_or(Ok(()), |fault| Err(fault.error))
    }

    fn delete_before(&self, at: &TopicPartition, to: Offset) -> Result<bool, BrokerError> {
        self.truncate_before(at, to)?;
        Ok(true)
    }

    fn load_progress(&self, key: &str) -> Result<u64, BrokerError> {
        Ok(self.state().loads.get(key).copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
