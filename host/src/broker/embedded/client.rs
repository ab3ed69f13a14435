//! One stream thread's side of the log, and the reader without a group.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::catalog::Topic;
use super::chunk_reader::Bodies;
use super::fetch::Fetcher;
use super::layout;
use super::log::Log;
use super::transaction::Transaction;
use crate::broker::Waker;
use crate::broker::admission::admit;
use crate::broker::assignment::{Deal, not_owned};
use crate::broker::partitioner::Partitioner;
use crate::broker::port::{BrokerError, Client, Committed, GroupEvent, OutgoingRef, Reader, Subscription};
use crate::record::{Arrived, ConsumedRecord, Offset, TopicPartition};

pub(super) struct EmbeddedClient {
    log: Arc<Log>,
    group: String,
    member: u32,
    members: u32,
    deal: Deal,
    owned: BTreeSet<TopicPartition>,
    /// Not subscribed any more, and not told yet.
    gone: Vec<TopicPartition>,
    /// Told as revoked; offsets of them may be committed until the group is asked again.
    leaving: Vec<TopicPartition>,
    /// Assigned, and not told yet.
    news: Vec<TopicPartition>,
    started: FxHashMap<TopicPartition, Started>,
    topics: FxHashMap<Arc<str>, Arc<Topic>>,
    transaction: Transaction,
    partitioner: Partitioner,
    woken: Arc<AtomicBool>,
}

struct Started {
    fetcher: Fetcher,
    /// Something was taken, or might have been, since the last `wait`. Records that nobody asks for, of a task that sleeps or is full, wake nobody.
    asked_for: bool,
}

impl EmbeddedClient {
    pub(super) fn new(log: Arc<Log>, group: &str, member: u32, members: u32) -> Self {
        Self {
            log,
            group: group.to_owned(),
            member,
            members,
            deal: Deal::default(),
            owned: BTreeSet::new(),
            gone: Vec::new(),
            leaving: Vec::new(),
            news: Vec::new(),
            started: FxHashMap::default(),
            topics: FxHashMap::default(),
            transaction: Transaction::default(),
            partitioner: Partitioner::new(member),
            woken: Arc::default(),
        }
    }

    fn check_owned(&self, doing: &str, at: &TopicPartition) -> Result<(), BrokerError> {
        if self.owned.contains(at) { Ok(()) } else { Err(not_owned(format!("{doing} {at}"))) }
    }
}

impl Client for EmbeddedClient {
    fn subscribe(&mut self, subscriptions: Vec<Subscription>) -> Result<(), BrokerError> {
        let partitions_of = |topic: &str| self.log.topic(topic).ok().map(|topic| topic.spec.partitions);
        self.deal.subscribe(subscriptions, partitions_of);
        let assigned = self.deal.assign(partitions_of, self.member, self.members)?;
        self.news.retain(|at| assigned.contains(at));
        self.news.extend(assigned.iter().filter(|at| !self.owned.contains(at)).cloned());
        let before = std::mem::replace(&mut self.owned, assigned.into_iter().collect());
        self.gone.extend(before.difference(&self.owned).cloned());
        Ok(())
    }

    /// The threads of the one process never change: each subscription is assigned once.
    fn poll_group(&mut self) -> Result<Vec<GroupEvent>, BrokerError> {
        self.leaving = std::mem::take(&mut self.gone);
        self.leaving.iter().for_each(|at| drop(self.started.remove(at)));
        if !self.leaving.is_empty() {
            return Ok(vec![GroupEvent::Revoked(self.leaving.clone())]);
        }
        let assigned = std::mem::take(&mut self.news);
        Ok(if assigned.is_empty() { Vec::new() } else { vec![GroupEvent::Assigned(assigned)] })
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Vec<Option<Committed>>, BrokerError> {
        partitions.iter().map(|at| self.log.committed(&self.group, at)).collect()
    }

    fn start(&mut self, at: &TopicPartition, offset: Offset) -> Result<(), BrokerError> {
        self.check_owned("start", at)?;
        let fetcher = Fetcher::new(self.log.partition(at)?, offset)?;
        self.started.insert(at.clone(), Started { fetcher, asked_for: true });
        Ok(())
    }

    fn stop(&mut self, at: &TopicPartition) -> Result<(), BrokerError> {
        self.started.remove(at);
        Ok(())
    }

    fn take(&mut self, at: &TopicPartition, max: usize) -> Result<Arrived, BrokerError> {
        let Some(started) = self.started.get_mut(at) else { return Ok(Arrived::default()) };
        started.asked_for = true;
        let mut records = Vec::new();
        started.fetcher.take(&self.log.database, max, Bodies::Shared, &mut records)?;
        Ok(Arrived::Owned(records.into()))
    }

    fn position(&mut self, at: &TopicPartition) -> Option<Offset> {
        self.started.get(at).map(|started| started.fetcher.position())
    }

    fn end_seen(&mut self, at: &TopicPartition) -> Result<Option<Offset>, BrokerError> {
        Ok(Some(self.log.partition(at)?.end()))
    }

    fn send(&mut self, outgoing: OutgoingRef<'_>) -> Result<(), BrokerError> {
        let topic = match self.topics.get(outgoing.topic) {
            Some(topic) => topic,
            None => {
                let topic = self.log.topic(outgoing.topic)?;
                self.topics.entry(outgoing.topic.clone()).or_insert(topic)
            }
        };
        let partition = admit(&topic.spec, outgoing, &mut self.partitioner)?;
        self.transaction.push(topic.partition(partition)?, outgoing.record);
        Ok(())
    }

    fn commit(&mut self, offsets: &[(TopicPartition, Committed)]) -> Result<(), BrokerError> {
        let mut rows = Vec::with_capacity(offsets.len());
        for (at, committed) in offsets {
            if !self.leaving.contains(at) && !self.gone.contains(at) {
                self.check_owned("commit an offset of", at)?;
            }
            let key = self.log.partition(at)?.id().offset_key(&self.group);
            rows.push((layout::OFFSETS, key, layout::encode_committed(committed)));
        }
        let mut transaction = std::mem::take(&mut self.transaction);
        transaction.rows = rows;
        self.log.commit(transaction)?;
        self.partitioner.batch_done();
        Ok(())
    }

    fn abort(&mut self) -> Result<(), BrokerError> {
        self.transaction = Transaction::default();
        Ok(())
    }

    fn wait(&mut self, at_most: Duration) {
        let (started, woken) = (&self.started, &self.woken);
        let news = !(self.news.is_empty() && self.gone.is_empty());
        self.log.wait_until(at_most, || {
            woken.swap(false, Ordering::Relaxed) || news || started.values().any(|s| s.asked_for && s.fetcher.has_more())
        });
        self.started.values_mut().for_each(|started| started.asked_for = false);
    }

    fn waker(&self) -> Waker {
        let (log, woken) = (Arc::clone(&self.log), Arc::clone(&self.woken));
        Waker::new(move || {
            woken.store(true, Ordering::Relaxed);
            log.tell_arrival();
        })
    }

    fn leave(&mut self, _for_good: bool) -> Result<(), BrokerError> {
        Ok(())
    }
}

/// Goes on where it stopped without a new look into the database, as long as it is asked to.
pub(super) struct EmbeddedReader {
    log: Arc<Log>,
    fetchers: FxHashMap<TopicPartition, Fetcher>,
}

impl EmbeddedReader {
    pub(super) fn new(log: Arc<Log>) -> Self {
        Self { log, fetchers: FxHashMap::default() }
    }
}

impl Reader for EmbeddedReader {
    fn read(&mut self, at: &TopicPartition, from: Offset, max: usize, into: &mut Vec<ConsumedRecord>) -> Result<Offset, BrokerError> {
        let goes_on = self.fetchers.remove(at).filter(|fetcher| fetcher.position() == from);
        let mut fetcher = match goes_on {
            Some(fetcher) => fetcher,
            None => Fetcher::new(self.log.partition(at)?, from)?,
        };
        fetcher.take(&self.log.database, max, Bodies::Owned, into)?;
        let position = fetcher.position();
        if fetcher.has_more() {
            self.fetchers.insert(at.clone(), fetcher);
        }
        Ok(position)
    }
}
