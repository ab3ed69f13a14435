//! One stream thread's side of a cluster: consumer, delivery and membership.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::delivery::{AtLeastOnce, Delivery, ExactlyOnce, is_of_the_moment};
use super::errors::{failed, failed_as, is_gone, is_unknown, refused};
use super::ffi::{Code, Entry, Handle, KafkaError, PartitionList, Queue, Scratch, Waker};
use super::group::{Group, number};
use super::patience::ANSWER_WAIT;
use super::settings::KafkaSettings;
use super::topics::Topics;
use crate::broker;
use crate::broker::assignment::not_owned;
use crate::broker::port::{BrokerError, Client, Committed, GroupEvent, OutgoingRef, Retry, Subscription};
use crate::manifest::Guarantee;
use crate::record::{Arrived, Held as _, Offset, TopicPartition};

/// Longest wait for one answer, so that rebalances are heard of in between.
const SEEK_WAIT: Duration = Duration::from_secs(5);
/// Tries before a partition that has just been assigned is given up.
const SEEK_TRIES: u32 = 100;
/// Between two of them.
const SEEK_PAUSE: Duration = Duration::from_millis(20);
/// Wait for committed offsets of partitions that have just come. They are not told while a transaction with them is open: whoever had the
/// partitions before may have left one behind, and other tasks are not to wait for its end.
const COMMITTED_WAIT: Duration = Duration::from_millis(200);
/// Longest one: a cluster that is far away cannot answer sooner. Each wait in vain makes the next one twice as long.
const COMMITTED_LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Tries to commit on the way out.
const LAST_COMMIT_TRIES: u32 = 20;
/// Between two of them.
const LAST_COMMIT_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct KafkaClient {
    topics: Arc<Topics>,
    group: Group,
    partitions: FxHashMap<TopicPartition, Partition>,
    delivery: Box<dyn Delivery>,
    /// What this member had before it had to join again; not told yet.
    lost: Vec<TopicPartition>,
    /// Longest wait for the next answer about committed offsets.
    committed_wait: Duration,
    scratch: Scratch,
    waker: Arc<Waker>,
    consumer: Arc<Handle>,
    settings: KafkaSettings,
    thread: u32,
}

/// A partition that is this member's.
struct Partition {
    queue: Queue,
    started: bool,
    /// Behind the last record that was given out, and behind what is no record.
    position: Offset,
}

impl KafkaClient {
    pub fn new(settings: &KafkaSettings, topics: Arc<Topics>, thread: u32) -> Result<Self, BrokerError> {
        let waker = Arc::<Waker>::default();
        let (consumer, group) = join(settings, thread, &waker)?;
        let delivery: Box<dyn Delivery> = match settings.guarantee {
            Guarantee::ExactlyOnce => Box::new(ExactlyOnce::new(settings, thread)?),
            Guarantee::AtLeastOnce => Box::new(AtLeastOnce::new(settings, thread)?),
        };
        let scratch = Scratch::default();
        Ok(Self {
            topics,
            group,
            partitions: FxHashMap::default(),
            delivery,
            lost: Vec::new(),
            committed_wait: COMMITTED_WAIT,
            scratch,
            waker,
            consumer,
            settings: settings.clone(),
            thread,
        })
    }

    fn seek(&self, at: &TopicPartition, offset: Offset) -> Result<(), BrokerError> {
        let mut tries = 0;
        loop {
            let list = one(at, offset).map_err(|e| failed(format!("start {at}"), &e))?;
            match self.consumer.seek(&list, SEEK_WAIT) {
                // The assignment is on its way through librdkafka's own threads.
                Err(early) if is_early(&early) && tries < SEEK_TRIES => {
                    tries += 1;
                    std::thread::park_timeout(SEEK_PAUSE);
                }
                // This member believes that it has the partition, and librdkafka does not: only another member gets it.
                Err(early) if is_early(&early) => return Err(failed_as(format!("start {at}"), &early, Retry::Rejoin)),
                sought => return sought.map_err(|e| failed(format!("start {at}"), &e)),
            }
        }
    }

    fn first_offset(&self, at: &TopicPartition) -> Result<Offset, BrokerError> {
        let (first, _) = self.consumer.watermarks(&at.topic, number(at.partition), ANSWER_WAIT).map_err(|e| {
            if is_unknown(&e) { BrokerError::UnknownPartition(at.clone()) } else { failed(format!("ask for the first offset of {at}"), &e) }
        })?;
        Ok(Offset::try_from(first).unwrap_or(0))
    }
}

impl Client for KafkaClient {
    fn subscribe(&mut self, subscriptions: Vec<Subscription>) -> Result<(), BrokerError> {
        self.group.subscribe(subscriptions)
    }

    fn poll_group(&mut self) -> Result<Vec<GroupEvent>, BrokerError> {
        if let Some(fatal) = self.consumer.fatal() {
            return Err(failed("be a member of the group", &fatal));
        }
        self.delivery.serve(&self.consumer)?;
        // Joining goes on meanwhile; before this nothing may be read.
        self.delivery.make_ready()?;
        if !self.lost.is_empty() {
            self.delivery.forget(Some(&self.lost));
            return Ok(vec![GroupEvent::Lost(std::mem::take(&mut self.lost))]);
        }
        // Before a partition goes to somebody else, who would begin at what the group has.
        if self.group.gives_back()
            && let Err(error) = self.delivery.pay(&self.consumer)
        {
            tracing::warn!("offsets could not be committed: {error}; their records are processed again by whoever has them next");
        }
        let Self { group, partitions, consumer, waker, topics, .. } = self;
        let mut gone = Vec::new();
        let take = |new: &[TopicPartition]| {
            // The offsets are those of `start`; until then these stand in for them, so that nobody asks for any.
            for at in new {
                let Some(mut queue) = consumer.partition_queue(&at.topic, number(at.partition)) else { continue };
                queue.wake(waker);
                partitions.insert(at.clone(), Partition { queue, started: false, position: 0 });
            }
            PartitionList::of(new.iter().map(|at| (&*at.topic, number(at.partition), 0))).map_err(|e| failed("take partitions", &e))
        };
        let events = group.poll(topics, take, |left| gone.extend_from_slice(left));
        for at in &gone {
            self.partitions.remove(at);
        }
        self.delivery.forget(Some(&gone));
        events
    }

    /// A new member in the place of one that the group refuses: its session was over while the cluster was away, or it has a twin.
    fn rejoin(&mut self) -> Result<(), BrokerError> {
        self.delivery.forget(None);
        self.partitions.clear();
        self.lost.extend(self.group.owned());
        let subscriptions = self.group.subscriptions();
        (self.consumer, self.group) = join(&self.settings, self.thread, &self.waker)?;
        self.group.subscribe(subscriptions)
    }

    fn transaction_timeout(&self) -> Option<Duration> {
        self.delivery.timeout()
    }

    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Vec<Option<Committed>>, BrokerError> {
        const ASKED: &str = "ask for committed offsets";
        let asked = |e: &KafkaError| failed(ASKED, e);
        self.delivery.make_ready()?;
        // The group is not to tell of less than what is done.
        if self.delivery.owes(partitions) {
            self.delivery
                .pay(&self.consumer)
                .map_err(|e| if is_of_the_moment(&e) { failed_as(ASKED, &e, Retry::Same) } else { asked(&e) })?;
        }
        let list = PartitionList::of(partitions.iter().map(|at| (&*at.topic, number(at.partition), super::ffi::NO_OFFSET)));
        let list = list.map_err(|e| asked(&e))?;
        let told = self.consumer.committed(&list, self.committed_wait);
        self.committed_wait = if told.is_ok() { COMMITTED_WAIT } else { (self.committed_wait * 2).min(COMMITTED_LONGEST_WAIT) };
        told.map_err(|e| asked(&e))?;
        Ok(list.entries().into_iter().map(committed).collect())
    }

    fn start(&mut self, at: &TopicPartition, offset: Offset) -> Result<(), BrokerError> {
        if !self.group.owns(at) {
            return Err(not_owned(format!("start {at}")));
        }
        let first = self.first_offset(at)?;
        if offset < first {
            return Err(BrokerError::OffsetGone { at: at.clone(), wanted: offset, first });
        }
        let list = one(at, offset).map_err(|e| failed(format!("start {at}"), &e))?;
        self.consumer.resume(&list).map_err(|e| failed(format!("start {at}"), &e))?;
        self.seek(at, offset)?;
        // librdkafka wakes its thread that fetches for every offset but this one, and where nothing else is fetched that sleeps for up to a second. A
        // question to the partition's leader goes through it.
        if offset == 0 {
            self.first_offset(at)?;
        }
        if let Some(partition) = self.partitions.get_mut(at) {
            (partition.started, partition.position) = (true, offset);
        }
        Ok(())
    }

    fn stop(&mut self, at: &TopicPartition) -> Result<(), BrokerError> {
        let Some(partition) = self.partitions.get_mut(at) else { return Ok(()) };
        partition.started = false;
        let list = one(at, 0).map_err(|e| failed(format!("stop {at}"), &e))?;
        self.consumer.pause(&list).map_err(|e| failed(format!("stop {at}"), &e))
    }

    fn take(&mut self, at: &TopicPartition, max: usize) -> Result<Arrived, BrokerError> {
        let Some(partition) = self.partitions.get_mut(at).filter(|partition| partition.started) else { return Ok(Arrived::default()) };
        let (batch, problem) = partition.queue.take(max, &mut self.scratch);
        let wanted = batch.end().unwrap_or(partition.position);
        partition.position = wanted;
        let arrived = if batch.is_empty() { Arrived::default() } else { Arrived::Held(Box::new(batch)) };
        match problem {
            None => Ok(arrived),
            Some(gone) if is_gone(&gone) => {
                let first = self.first_offset(at)?;
                Err(BrokerError::OffsetGone { at: at.clone(), wanted, first })
            }
            Some(error) if super::errors::retry(&error) == Retry::Same => Ok(arrived),
            Some(error) => Err(failed(format!("read {at}"), &error)),
        }
    }

    fn position(&mut self, at: &TopicPartition) -> Option<Offset> {
        let partition = self.partitions.get_mut(at).filter(|partition| partition.started)?;
        let (_, end) = self.consumer.watermarks_seen(&at.topic, number(at.partition)).unwrap_or_default();
        if Offset::try_from(end).is_ok_and(|end| partition.position < end) {
            let passed = self.consumer.position(&at.topic, number(at.partition)).and_then(|passed| Offset::try_from(passed).ok());
            partition.position = partition.position.max(passed.unwrap_or(0));
        }
        Some(partition.position)
    }

    fn end_seen(&mut self, at: &TopicPartition) -> Result<Option<Offset>, BrokerError> {
        let seen = self.consumer.watermarks_seen(&at.topic, number(at.partition));
        Ok(seen.and_then(|(_, end)| Offset::try_from(end).ok()))
    }

    fn send(&mut self, record: OutgoingRef<'_>) -> Result<(), BrokerError> {
        self.delivery.send(&self.topics, record)
    }

    fn commit(&mut self, offsets: &[(TopicPartition, Committed)]) -> Result<(), BrokerError> {
        self.delivery.commit(&self.consumer, offsets)
    }

    fn confirm(&mut self, offsets: &[(TopicPartition, Committed)]) -> Result<bool, BrokerError> {
        if self.lost.is_empty() { self.delivery.confirm(&self.consumer, offsets) } else { Ok(false) }
    }

    fn abort(&mut self) -> Result<(), BrokerError> {
        self.delivery.abort()
    }

    fn wait(&mut self, at_most: Duration) {
        self.waker.wait(at_most);
    }

    fn waker(&self) -> broker::Waker {
        let waker = Arc::clone(&self.waker);
        broker::Waker::new(move || waker.wake())
    }

    fn leave(&mut self, for_good: bool) -> Result<(), BrokerError> {
        let mut tries = LAST_COMMIT_TRIES;
        while let Err(error) = self.delivery.pay(&self.consumer) {
            tries -= 1;
            if tries == 0 {
                tracing::warn!("the last offsets could not be committed: {error}; their records are processed again");
                break;
            }
            std::thread::park_timeout(LAST_COMMIT_PAUSE);
        }
        let Self { group, partitions, .. } = self;
        group.leave(for_good, |left| left.iter().for_each(|at| drop(partitions.remove(at))))
    }
}

/// A consumer and its membership, not subscribed yet.
fn join(settings: &KafkaSettings, thread: u32, waker: &Arc<Waker>) -> Result<(Arc<Handle>, Group), BrokerError> {
    let consumer = settings.member(thread).map_err(|e| refused(&e))?;
    let mut queue = consumer.main_queue().ok_or_else(|| failed("make a consumer", &KafkaError::of(Code::RD_KAFKA_RESP_ERR__FAIL)))?;
    queue.wake(waker);
    Ok((consumer.clone(), Group::new(consumer, queue)))
}

fn one(at: &TopicPartition, offset: Offset) -> Result<PartitionList, KafkaError> {
    PartitionList::of([(&*at.topic, number(at.partition), i64::try_from(offset).unwrap_or(i64::MAX))])
}

fn is_early(error: &KafkaError) -> bool {
    matches!(error.code, Code::RD_KAFKA_RESP_ERR__STATE | Code::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION | Code::RD_KAFKA_RESP_ERR__IN_PROGRESS)
}

/// What an element of a list of committed offsets says.
pub(super) fn committed(entry: Entry) -> Option<Committed> {
    Some(Committed { offset: Offset::try_from(entry.offset).ok()?, metadata: entry.note })
}
