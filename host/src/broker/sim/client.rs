//! One member of a simulated group, and the reader without one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::SimBroker;
use super::group::failed;
use super::state::{CommitFault, Placed};
use crate::broker::partitioner::Partitioner;
use crate::broker::port::{BrokerError, Client, Committed, GroupEvent, OutgoingRef, Reader, Retry, Subscription};
use crate::record::{Arrived, ConsumedRecord, Kept, Offset, TopicPartition};

pub(super) struct SimClient {
    broker: SimBroker,
    group: String,
    member: u32,
    epoch: u64,
    positions: BTreeMap<TopicPartition, Offset>,
    transaction: Vec<Placed>,
    /// A commit failed: only `abort` helps.
    void: bool,
    partitioner: Partitioner,
}

impl SimClient {
    pub(super) fn join(broker: SimBroker, group: &str, member: u32, members: u32) -> Self {
        let epoch = broker.state().group(group).join(member, members);
        let partitioner = Partitioner::new(member);
        Self {
            broker,
            group: group.to_owned(),
            member,
            epoch,
            positions: BTreeMap::new(),
            transaction: Vec::new(),
            void: false,
            partitioner,
        }
    }

    fn check_not_void(&self, what: &str) -> Result<(), BrokerError> {
        if self.void {
            return Err(failed(what.to_owned(), "the transaction has failed and must be aborted", Retry::Rewind));
        }
        Ok(())
    }
}

impl Client for SimClient {
    fn subscribe(&mut self, subscriptions: Vec<Subscription>) -> Result<(), BrokerError> {
        let (member, epoch) = (self.member, self.epoch);
        self.broker
            .state()
            .with_group(&self.group, |group, state| group.subscribe(member, epoch, subscriptions, |topic| state.partitions_of(topic)))
    }

    fn poll_group(&mut self) -> Result<Vec<GroupEvent>, BrokerError> {
        let (member, epoch) = (self.member, self.epoch);
        let events =
            self.broker.state().with_group(&self.group, |group, state| group.poll(member, epoch, |topic| state.partitions_of(topic)))?;
        for event in &events {
            if let GroupEvent::Revoked(gone) | GroupEvent::Lost(gone) = event {
                self.positions.retain(|at, _| !gone.contains(at));
            }
        }
        Ok(events)
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Vec<Option<Committed>>, BrokerError> {
        let state = self.broker.state();
        partitions.iter().map(|at| state.committed(&self.group, at)).collect()
    }

    fn start(&mut self, at: &TopicPartition, offset: Offset) -> Result<(), BrokerError> {
        let mut state = self.broker.state();
        state.group(&self.group).check_owned(self.member, self.epoch, at)?;
        state.read(at, offset, 0, &mut Vec::new())?;
        self.positions.insert(at.clone(), offset);
        Ok(())
    }

    fn stop(&mut self, at: &TopicPartition) -> Result<(), BrokerError> {
        self.positions.remove(at);
        self.broker.state().stop_faults.pop_front().map_or(Ok(()), Err)
    }

    fn take(&mut self, at: &TopicPartition, max: usize) -> Result<Arrived, BrokerError> {
        let Some(position) = self.positions.get_mut(at) else { return Ok(Arrived::default()) };
        let state = self.broker.state();
        if state.held.contains(at) {
            return Ok(Arrived::default());
        }
        let mut records = Vec::new();
        *position = state.read(at, *position, max, &mut records)?;
        // As a cluster's client: what it has stays in its memory.
        Ok(Arrived::Held(Box::new(Kept(records.into()))))
    }

    fn position(&mut self, at: &TopicPartition) -> Option<Offset> {
        self.positions.get(at).copied()
    }

    fn end_seen(&mut self, at: &TopicPartition) -> Result<Option<Offset>, BrokerError> {
        Ok(Some(self.broker.state().partition(at)?.end()))
    }

    fn send(&mut self, record: OutgoingRef<'_>) -> Result<(), BrokerError> {
        self.check_not_void("send a record")?;
        let placed = self.broker.state().place(record, &mut self.partitioner)?;
        self.transaction.push(placed);
        Ok(())
    }

    fn commit(&mut self, offsets: &[(TopicPartition, Committed)]) -> Result<(), BrokerError> {
        self.check_not_void("commit")?;
        let now = self.broker.clock.now();
        let mut state = self.broker.state();
        // Set before anything can fail, cleared when everything went well.
        self.void = true;
        let fault = state.commit_faults.pop_front();
        if let Some(CommitFault { error, stands: false }) = fault {
            return Err(error);
        }
        state.group(&self.group).check_member(self.member, self.epoch)?;
        for (at, _) in offsets {
            state.partition(at)?;
            state.group(&self.group).check_may_commit(self.member, self.epoch, at)?;
        }
        state.append(std::mem::take(&mut self.transaction), now)?;
        state.commit_offsets(&self.group, offsets);
        self.partitioner.batch_done();
        if let Some(CommitFault { error, .. }) = fault {
            return Err(error);
        }
        self.void = false;
        Ok(())
    }

    fn confirm(&mut self, offsets: &[(TopicPartition, Committed)]) -> Result<bool, BrokerError> {
        self.check_not_void("confirm")?;
        let mut state = self.broker.state();
        let group = state.group(&self.group);
        offsets.iter().try_for_each(|(at, _)| group.check_may_commit(self.member, self.epoch, at))?;
        Ok(true)
    }

    fn abort(&mut self) -> Result<(), BrokerError> {
        self.transaction.clear();
        self.void = false;
        Ok(())
    }

    fn rejoin(&mut self) -> Result<(), BrokerError> {
        self.epoch = self.broker.state().group(&self.group).rejoin(self.member);
        self.positions.clear();
        Ok(())
    }

    /// Never blocks: whoever drives the simulation moves its clock.
    fn wait(&mut self, _at_most: Duration) {}

    fn leave(&mut self, _for_good: bool) -> Result<(), BrokerError> {
        Ok(())
    }
}

impl Drop for SimClient {
    fn drop(&mut self) {
        self.broker.state().group(&self.group).leave(self.member, self.epoch);
    }
}

pub(super) struct SimReader {
    broker: SimBroker,
    number: u64,
}

impl SimReader {
    pub(super) fn new(broker: SimBroker) -> Self {
        let number = {
            let mut state = broker.state();
            state.readers += 1;
            state.readers
        };
        Self { broker, number }
    }
}

impl Drop for SimReader {
    fn drop(&mut self) {
        self.broker.state().reading.retain(|(number, _)| *number != self.number);
    }
}

impl Reader for SimReader {
    fn read(&mut self, at: &TopicPartition, from: Offset, max: usize, into: &mut Vec<ConsumedRecord>) -> Result<Offset, BrokerError> {
        let mut state = self.broker.state();
        state.reading.insert((self.number, at.clone()));
        state.read(at, from, max, into)
    }

    fn close(&mut self, at: &TopicPartition) {
        self.broker.state().reading.remove(&(self.number, at.clone()));
    }
}
