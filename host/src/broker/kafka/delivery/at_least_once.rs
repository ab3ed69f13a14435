//! At least once: a commit waits until everything is delivered, then commits the offsets. After a crash some records are processed again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::errors::{failed, retry};
use super::super::ffi::{Code, Handle, KafkaError};
use super::super::producer::Producer;
use super::super::settings::KafkaSettings;
use super::super::topics::Topics;
use super::{Delivery, list};
use crate::broker::port::{BrokerError, Committed, OutgoingRecord, Retry};
use crate::record::TopicPartition;

pub(in crate::broker::kafka) struct AtLeastOnce {
    producer: Producer,
    /// Offsets whose outputs are delivered, and which the group does not have yet: it goes through a rebalance, or is away.
    owed: BTreeMap<TopicPartition, Committed>,
}

impl AtLeastOnce {
    pub fn new(settings: &KafkaSettings, thread: u32) -> Result<Self, BrokerError> {
        Ok(Self { producer: Producer::new(settings, thread.to_string(), thread)?, owed: BTreeMap::new() })
    }
}

impl Delivery for AtLeastOnce {
    fn make_ready(&mut self) -> Result<(), BrokerError> {
        Ok(())
    }

    fn send(&mut self, topics: &Topics, record: &OutgoingRecord) -> Result<(), BrokerError> {
        self.producer.send(topics, record)
    }

    fn commit(&mut self, consumer: &Handle, offsets: &[(TopicPartition, Committed)]) -> Result<(), BrokerError> {
        self.producer.flush()?;
        self.owed.extend(offsets.iter().cloned());
        match self.pay(consumer) {
            // The member stays a member: the next commit says it again. To go back would process once more what is delivered already.
            Err(error) if is_of_the_moment(&error) => Ok(()),
            paid => paid.map_err(|e| failed("commit offsets", &e)),
        }
    }

    fn abort(&mut self) -> Result<(), BrokerError> {
        self.producer.start_over()
    }

    fn serve(&mut self) {
        self.producer.serve();
    }

    fn pay(&mut self, consumer: &Handle) -> Result<(), KafkaError> {
        if self.owed.is_empty() {
            return Ok(());
        }
        consumer.commit(&list(&self.owed)?)?;
        self.owed.clear();
        Ok(())
    }

    fn forget(&mut self, gone: Option<&[TopicPartition]>) {
        self.owed.retain(|at, _| gone.is_some_and(|gone| !gone.contains(at)));
    }

    fn timeout(&self) -> Option<Duration> {
        None
    }
}

/// True for an error of the group that leaves this member its partitions.
fn is_of_the_moment(error: &KafkaError) -> bool {
    let rebalance = matches!(error.code, Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION | Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
    rebalance || retry(error) == Retry::Same
}
