//! A simulated consumer group: static deals, cooperative moves, and losses on demand. Knows nothing of records.

use std::collections::BTreeMap;

use crate::broker::assignment::{Deal, not_owned};
use crate::broker::port::{BrokerError, GroupEvent, Retry, Subscription};
use crate::record::TopicPartition;

#[derive(Default)]
pub(super) struct Group {
    /// Among how many members partitions are dealt.
    pub(super) members: u32,
    by_number: BTreeMap<u32, Member>,
    next_epoch: u64,
}

#[derive(Default)]
struct Member {
    /// Tells a client from an earlier one of the same number, which is fenced.
    epoch: u64,
    deal: Deal,
    owned: Vec<TopicPartition>,
    /// Revoked; still this member's until it polls again.
    leaving: Vec<TopicPartition>,
    /// Taken away, which the member has not heard yet.
    lost: Vec<TopicPartition>,
    /// It hears nothing of the group.
    deaf: bool,
}

impl Group {
    /// A client joins as number `member`, and fences an earlier one of that number. The first one there says among how many is dealt.
    pub(super) fn join(&mut self, member: u32, members: u32) -> u64 {
        if self.by_number.is_empty() {
            self.members = members;
        }
        self.next_epoch += 1;
        self.by_number.insert(member, Member { epoch: self.next_epoch, ..Member::default() });
        self.next_epoch
    }

    /// The client of this number becomes a new member; what it had is lost.
    pub(super) fn rejoin(&mut self, member: u32) -> u64 {
        self.next_epoch += 1;
        self.lose(member);
        self.by_number.entry(member).or_default().epoch = self.next_epoch;
        self.next_epoch
    }

    pub(super) fn leave(&mut self, member: u32, epoch: u64) {
        if self.by_number.get(&member).is_some_and(|there| there.epoch == epoch) {
            self.by_number.remove(&member);
        }
    }

    /// The numbers of the clients that are there.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.by_number.keys().copied()
    }

    pub(super) fn subscribe(
        &mut self,
        member: u32,
        epoch: u64,
        subscriptions: Vec<Subscription>,
        partitions_of: impl Fn(&str) -> Option<u32>,
    ) -> Result<(), BrokerError> {
        self.member_mut(member, epoch)?.deal.subscribe(subscriptions, partitions_of);
        Ok(())
    }

    pub(super) fn set_deaf(&mut self, member: u32, deaf: bool) {
        if let Some(member) = self.by_number.get_mut(&member) {
            member.deaf = deaf;
        }
    }

    pub(super) fn lose(&mut self, member: u32) {
        if let Some(member) = self.by_number.get_mut(&member) {
            member.lost.append(&mut member.owned);
            member.leaving.clear();
        }
    }

    pub(super) fn poll(
        &mut self,
        number: u32,
        epoch: u64,
        partitions_of: impl Fn(&str) -> Option<u32>,
    ) -> Result<Vec<GroupEvent>, BrokerError> {
        let members = self.members;
        let member = self.member_mut(number, epoch)?;
        if member.deaf {
            return Ok(Vec::new());
        }
        member.leaving.clear();
        if !member.lost.is_empty() {
            return Ok(vec![GroupEvent::Lost(std::mem::take(&mut member.lost))]);
        }
        let target = member.deal.assign(partitions_of, number, members)?;
        let (kept, revoked): (Vec<_>, Vec<_>) = std::mem::take(&mut member.owned).into_iter().partition(|at| target.contains(at));
        member.owned = kept;
        if !revoked.is_empty() {
            member.leaving.clone_from(&revoked);
            return Ok(vec![GroupEvent::Revoked(revoked)]);
        }
        let gained: Vec<TopicPartition> = target.into_iter().filter(|at| !self.is_held(at)).collect();
        if gained.is_empty() {
            return Ok(Vec::new());
        }
        self.member_mut(number, epoch)?.owned.extend_from_slice(&gained);
        Ok(vec![GroupEvent::Assigned(gained)])
    }

    fn is_held(&self, at: &TopicPartition) -> bool {
        self.by_number.values().any(|member| member.owned.contains(at) || member.leaving.contains(at))
    }

    /// Whether this client is still the member that it joined as.
    pub(super) fn check_member(&mut self, member: u32, epoch: u64) -> Result<(), BrokerError> {
        self.member_mut(member, epoch).map(|_| ())
    }

    /// Whether this member may start a partition.
    pub(super) fn check_owned(&mut self, member: u32, epoch: u64, at: &TopicPartition) -> Result<(), BrokerError> {
        if self.member_mut(member, epoch)?.owned.contains(at) {
            return Ok(());
        }
        Err(not_owned(format!("start {at}")))
    }

    /// Whether this member may commit an offset: of a partition that is its own, or was until the last `poll_group`.
    pub(super) fn check_may_commit(&mut self, member: u32, epoch: u64, at: &TopicPartition) -> Result<(), BrokerError> {
        let member = self.member_mut(member, epoch)?;
        if member.owned.contains(at) || member.leaving.contains(at) {
            return Ok(());
        }
        Err(not_owned(format!("commit an offset of {at}")))
    }

    fn member_mut(&mut self, number: u32, epoch: u64) -> Result<&mut Member, BrokerError> {
        let member = self.by_number.get_mut(&number).filter(|there| there.epoch == epoch);
        member.ok_or_else(|| failed(format!("act as member {number} of the group"), "another client has taken its place", Retry::Never))
    }
}

pub(super) fn failed(what: String, why: &str, retry: Retry) -> BrokerError {
    BrokerError::Failed { what, why: why.to_owned(), retry }
}
