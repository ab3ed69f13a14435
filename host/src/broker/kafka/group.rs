//! Membership in a consumer group: which partitions are this member's.
//!
//! Only the driver topic of each sub-topology is subscribed; whoever gets one of its partitions takes those of the same number of the
//! companions along. So a task's partitions always have one owner, whatever the assignor does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::errors::{failed, retry};
use super::ffi::{Code, Event, Handle, PartitionList, Queue};
use super::topics::Topics;
use crate::broker::port::{BrokerError, GroupEvent, Retry, Subscription};
use crate::record::TopicPartition;

/// Longest wait until the group has let go of this member.
const LEAVE_WAIT: Duration = Duration::from_secs(5);
/// The wait in pieces, between which events are answered.
const LEAVE_SLICE: Duration = Duration::from_millis(50);
/// Events that are answered meanwhile.
const LEAVE_EVENTS: usize = 1_000;
/// A request to leave is on its way for so long after the partitions were given back.
const GOODBYE: Duration = Duration::from_millis(200);

pub(super) struct Group {
    consumer: Arc<Handle>,
    queue: Queue,
    subscriptions: Vec<Subscription>,
    /// Those of before, of which partitions are still to be given back.
    former: Vec<Subscription>,
    owned: BTreeSet<TopicPartition>,
    /// Partitions of drivers that the group has assigned, and that could not be taken yet. Until it is answered, librdkafka holds everything
    /// else back.
    arriving: Option<Vec<(String, i32)>>,
    /// Told as revoked; given back when the owner has dealt with it, which is before he asks again.
    leaving: Option<Vec<TopicPartition>>,
}

impl Group {
    pub fn new(consumer: Arc<Handle>, queue: Queue) -> Self {
        Self { consumer, queue, subscriptions: Vec::new(), former: Vec::new(), owned: BTreeSet::new(), arriving: None, leaving: None }
    }

    pub fn subscribe(&mut self, subscriptions: Vec<Subscription>) -> Result<(), BrokerError> {
        let drivers = subscriptions.iter().map(|s| (&*s.driver, -1, 0));
        // A member that is one already gives back what is not subscribed any more, and keeps the rest.
        let joined = PartitionList::of(drivers).and_then(|list| self.consumer.subscribe(&list));
        let before = std::mem::replace(&mut self.subscriptions, subscriptions);
        self.former.extend(before.into_iter().filter(|before| !self.subscriptions.contains(before)));
        self.former.retain(|former| self.owned.iter().any(|at| at.topic == former.driver));
        joined.map_err(|e| failed("join the group", &e))
    }

    pub fn owned(&self) -> Vec<TopicPartition> {
        self.owned.iter().cloned().collect()
    }

    /// True when the next `poll` gives partitions back, that others go on with from what the group has.
    pub fn gives_back(&self) -> bool {
        self.leaving.is_some()
    }

    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.subscriptions.clone()
    }

    pub fn owns(&self, at: &TopicPartition) -> bool {
        self.owned.contains(at)
    }

    /// What the group has told since the last call. `take` is called for new partitions, before they are assigned; `release` for those that
    /// are gone, before they are given back.
    pub fn poll(
        &mut self,
        topics: &Topics,
        mut take: impl FnMut(&[TopicPartition]) -> Result<PartitionList, BrokerError>,
        mut release: impl FnMut(&[TopicPartition]),
    ) -> Result<Vec<GroupEvent>, BrokerError> {
        if let Some(leaving) = self.leaving.take() {
            release(&leaving);
            self.give_back(&leaving)?;
        }
        let mut events = Vec::new();
        loop {
            match self.arrive(topics, &mut take) {
                Ok(all) if all.is_empty() => {}
                Ok(all) => events.push(GroupEvent::Assigned(all)),
                Err(error) if events.is_empty() => return Err(error),
                // What is told already would be lost with it; it fails again, or does not.
                Err(_) => break,
            }
            let Some(event) = self.queue.poll(Duration::ZERO) else { break };
            match event {
                Event::Assign(drivers) => self.arriving = Some(drivers),
                Event::Revoke(drivers) => {
                    let lost = self.consumer.assignment_lost();
                    let all = self.owned_with_companions(&drivers);
                    if lost || all.is_empty() {
                        release(&all);
                        self.give_back(&all)?;
                        if !all.is_empty() {
                            events.push(GroupEvent::Lost(all));
                        }
                        continue;
                    }
                    self.owned.retain(|at| !all.contains(at));
                    self.leaving = Some(all.clone());
                    events.push(GroupEvent::Revoked(all));
                    // The rest is told when this was dealt with.
                    break;
                }
                Event::Error(error) if error.fatal => {
                    let fatal = self.consumer.fatal().unwrap_or(error);
                    if fatal.code == Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID {
                        // The owner finds out, and joins anew.
                        break;
                    }
                    let BrokerError::Failed { what, why, .. } = failed("be a member of the group", &fatal) else { continue };
                    return Err(BrokerError::Failed { what, why, retry: Retry::Never });
                }
                // A broker that is away: librdkafka goes on trying, and has logged it.
                Event::Error(error) if retry(&error) != Retry::Never => tracing::debug!("consumer: {error}"),
                Event::Error(error) => tracing::warn!("consumer: {error}"),
                Event::Undelivered(_) | Event::Committed(_) | Event::Other => {}
            }
        }
        Ok(events)
    }

    /// Takes what the group has assigned, if anything. What fails is done again with the next call.
    fn arrive(
        &mut self,
        topics: &Topics,
        take: &mut impl FnMut(&[TopicPartition]) -> Result<PartitionList, BrokerError>,
    ) -> Result<Vec<TopicPartition>, BrokerError> {
        let Some(drivers) = &self.arriving else { return Ok(Vec::new()) };
        let all = self.with_companions(topics, drivers)?;
        let list = take(&all)?;
        self.consumer.assign(&list).map_err(|e| failed("take partitions", &e))?;
        self.arriving = None;
        self.owned.extend(all.iter().cloned());
        // Until its task is restored, a partition delivers nothing.
        self.consumer.pause(&list).map_err(|e| failed("pause partitions", &e))?;
        Ok(all)
    }

    /// Answers an assignment with nothing. The revocation of nothing would not do: librdkafka would go on waiting, and keep a request to leave
    /// back until then.
    fn take_nothing(&mut self) -> Result<(), BrokerError> {
        self.arriving = None;
        PartitionList::of([]).and_then(|none| self.consumer.assign(&none)).map_err(|e| failed("refuse partitions", &e))
    }

    /// Goes. `for_good`: the partitions go to others at once; else they wait for this member to come back.
    pub fn leave(&mut self, for_good: bool, mut release: impl FnMut(&[TopicPartition])) -> Result<(), BrokerError> {
        if let Some(leaving) = self.leaving.take() {
            release(&leaving);
            self.give_back(&leaving)?;
        }
        if self.arriving.is_some() {
            self.take_nothing()?;
        }
        let closing = |e: &_| failed("leave the group", e);
        if for_good {
            // Closing alone says nothing to the group, for a static member is expected back; unsubscribing does.
            self.consumer.unsubscribe().map_err(|e| closing(&e))?;
            self.answer_until(|group| group.owned.is_empty(), &mut release)?;
            let mut pieces = 1 + GOODBYE.as_millis() / LEAVE_SLICE.as_millis();
            let said = |_: &Self| {
                pieces -= 1;
                pieces == 0
            };
            self.answer_until(said, &mut release)?;
        }
        self.consumer.begin_close(&self.queue).map_err(|e| closing(&e))?;
        self.answer_until(|group| group.consumer.is_closed(), &mut release)
    }

    fn answer_until(
        &mut self,
        mut done: impl FnMut(&Self) -> bool,
        release: &mut impl FnMut(&[TopicPartition]),
    ) -> Result<(), BrokerError> {
        let (mut pieces, mut events) = (LEAVE_WAIT.as_millis() / LEAVE_SLICE.as_millis(), LEAVE_EVENTS);
        while !done(self) && pieces > 0 && events > 0 {
            events -= 1;
            match self.queue.poll(LEAVE_SLICE) {
                Some(Event::Revoke(_)) => {
                    let all: Vec<TopicPartition> = self.owned.iter().cloned().collect();
                    release(&all);
                    self.give_back(&all)?;
                }
                // Too late for new ones.
                Some(Event::Assign(_)) => self.take_nothing()?,
                Some(_) => {}
                None => pieces -= 1,
            }
        }
        Ok(())
    }

    fn give_back(&mut self, partitions: &[TopicPartition]) -> Result<(), BrokerError> {
        self.owned.retain(|at| !partitions.contains(at));
        let list = PartitionList::of(partitions.iter().map(|at| (&*at.topic, number(at.partition), 0)));
        list.and_then(|list| self.consumer.unassign(&list)).map_err(|e| failed("give partitions back", &e))
    }

    /// As many of a companion's partitions as there are.
    fn with_companions(&self, topics: &Topics, drivers: &[(String, i32)]) -> Result<Vec<TopicPartition>, BrokerError> {
        let mut all = Vec::new();
        for subscription in &self.subscriptions {
            let mine: Vec<u32> = numbers_of(drivers, &subscription.driver).collect();
            if mine.is_empty() {
                continue;
            }
            all.extend(mine.iter().map(|&p| TopicPartition::new(subscription.driver.clone(), p)));
            for companion in &subscription.companions {
                let count = topics.partitions(companion)?.ok_or_else(|| BrokerError::UnknownTopic(companion.clone()))?;
                all.extend(mine.iter().filter(|&&p| p < count).map(|&p| TopicPartition::new(companion.clone(), p)));
            }
        }
        Ok(all)
    }

    fn owned_with_companions(&self, drivers: &[(String, i32)]) -> Vec<TopicPartition> {
        let mut all = BTreeSet::new();
        for subscription in self.subscriptions.iter().chain(&self.former) {
            let mine: Vec<u32> = numbers_of(drivers, &subscription.driver).collect();
            let topics = [&subscription.driver].into_iter().chain(&subscription.companions);
            all.extend(topics.flat_map(|topic| mine.iter().map(move |&p| TopicPartition::new(topic.clone(), p))));
        }
        all.into_iter().filter(|at| self.owned.contains(at)).collect()
    }
}

fn numbers_of<'a>(drivers: &'a [(String, i32)], topic: &'a str) -> impl Iterator<Item = u32> + 'a {
    drivers.iter().filter(move |(name, _)| name == topic).filter_map(|(_, partition)| u32::try_from(*partition).ok())
}

/// A partition as librdkafka writes it.
pub(super) fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}
