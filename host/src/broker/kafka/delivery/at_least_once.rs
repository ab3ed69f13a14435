//! At least once: a commit waits until everything is delivered. The group is told of the offsets now and then, and not waited for; after a crash the
//! records since then are processed again.

use std::sync::Arc;
use std::time::Duration;

use super::super::errors::failed;
use super::super::ffi::{Code, Event, Handle, KafkaError, Queue};
use super::super::producer::Producer;
use super::super::settings::KafkaSettings;
use super::super::topics::Topics;
use super::owed::Owed;
use super::{Delivery, is_of_the_moment, list};
use crate::broker::port::{BrokerError, Committed, OutgoingRef};
use crate::clock::{Clock, SystemClock};
use crate::record::TopicPartition;

/// Longest wait for the group's answer where one is waited for.
const PAY_WAIT: Duration = Duration::from_secs(5);

pub(in crate::broker::kafka) struct AtLeastOnce {
    producer: Producer,
    owed: Owed,
    /// Where the group's answer comes.
    answer: Option<Queue>,
}

impl AtLeastOnce {
    pub fn new(settings: &KafkaSettings, thread: u32) -> Result<Self, BrokerError> {
        Ok(Self { producer: Producer::new(settings, thread.to_string(), thread)?, owed: Owed::default(), answer: None })
    }

    /// Asks the group to keep what is owed, when that is due.
    fn tell(&mut self, consumer: &Arc<Handle>) -> Result<(), KafkaError> {
        self.hear(Duration::ZERO)?;
        let now = SystemClock.monotonic();
        if self.owed.is_due(now) { self.ask(consumer, now) } else { Ok(()) }
    }

    fn ask(&mut self, consumer: &Arc<Handle>, now: Duration) -> Result<(), KafkaError> {
        self.answer = Some(consumer.begin_commit(&list(self.owed.offsets())?)?);
        self.owed.asked(now);
        Ok(())
    }

    /// Hears what the group has answered, if it was asked.
    fn hear(&mut self, at_most: Duration) -> Result<(), KafkaError> {
        let Some(event) = self.answer.as_ref().and_then(|answer| answer.poll(at_most)) else { return Ok(()) };
        self.answer = None;
        let answer = if let Event::Committed(answer) = event { answer } else { Err(KafkaError::of(Code::RD_KAFKA_RESP_ERR__FAIL)) };
        self.owed.answered(answer.is_ok());
        answer
    }
}

impl Delivery for AtLeastOnce {
    fn make_ready(&mut self) -> Result<(), BrokerError> {
        Ok(())
    }

    fn send(&mut self, topics: &Topics, record: OutgoingRef<'_>) -> Result<(), BrokerError> {
        self.producer.send(topics, record)
    }

    fn commit(&mut self, _consumer: &Arc<Handle>, offsets: &[(TopicPartition, Committed)]) -> Result<(), BrokerError> {
        self.producer.flush()?;
        // What is delivered is not processed again because of an answer to an earlier question: `serve` tells, and hears.
        self.owed.add(offsets);
        Ok(())
    }

    fn abort(&mut self) -> Result<(), BrokerError> {
        self.producer.start_over()
    }

    fn serve(&mut self, consumer: &Arc<Handle>) -> Result<(), BrokerError> {
        self.producer.serve();
        match self.tell(consumer) {
            // The member stays a member: it is said again. To go back would process once more what is delivered already.
            Err(error) if is_of_the_moment(&error) => Ok(()),
            told => told.map_err(|e| failed("commit offsets", &worst(consumer, e))),
        }
    }

    fn confirm(&mut self, consumer: &Arc<Handle>, offsets: &[(TopicPartition, Committed)]) -> Result<bool, BrokerError> {
        self.owed.add(offsets);
        match self.pay(consumer) {
            Err(error) if is_of_the_moment(&error) => Ok(false),
            paid => paid.map(|()| true).map_err(|e| failed("commit offsets", &worst(consumer, e))),
        }
    }

    fn owes(&self, partitions: &[TopicPartition]) -> bool {
        partitions.iter().any(|at| self.owed.offsets().contains_key(at))
    }

    /// One question after the other: one that librdkafka says again could arrive after a later one.
    fn pay(&mut self, consumer: &Arc<Handle>) -> Result<(), KafkaError> {
        let until = SystemClock.monotonic() + PAY_WAIT;
        loop {
            let now = SystemClock.monotonic();
            if self.answer.is_none() {
                if self.owed.offsets().is_empty() {
                    return Ok(());
                }
                self.ask(consumer, now)?;
            }
            self.hear(until.saturating_sub(now))?;
            if self.answer.is_some() {
                return Err(KafkaError::of(Code::RD_KAFKA_RESP_ERR__TIMED_OUT));
            }
        }
    }

    fn forget(&mut self, gone: Option<&[TopicPartition]>) {
        if gone.is_none() {
            self.answer = None;
            self.owed.answered(false);
        }
        self.owed.forget(gone);
    }

    fn timeout(&self) -> Option<Duration> {
        None
    }
}

/// What ended the consumer, where something has.
fn worst(consumer: &Handle, error: KafkaError) -> KafkaError {
    consumer.fatal().unwrap_or(error)
}
