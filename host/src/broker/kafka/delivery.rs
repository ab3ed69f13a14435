//! How what a stream thread sends, and the offsets that it stands for, reach the cluster. Two guarantees are two types: [`AtLeastOnce`] and
//! [`ExactlyOnce`].

mod at_least_once;
mod exactly_once;
mod owed;

use std::sync::Arc;
use std::time::Duration;

use super::errors::retry;
use super::ffi::{Code, Handle, KafkaError, PartitionList};
use super::group::number;
use super::topics::Topics;
use crate::broker::port::{BrokerError, Committed, OutgoingRef, Retry};
use crate::record::TopicPartition;

pub(super) use at_least_once::AtLeastOnce;
pub(super) use exactly_once::ExactlyOnce;

/// A stream thread's way to the cluster.
pub(super) trait Delivery {
    /// Ends what an earlier client of this name left open. Before it is ready, nothing may be read of what that one wrote or committed.
    fn make_ready(&mut self) -> Result<(), BrokerError>;

    /// Hands a record over.
    fn send(&mut self, topics: &Topics, record: OutgoingRef<'_>) -> Result<(), BrokerError>;

    /// What was sent, and these offsets of the consumer.
    fn commit(&mut self, consumer: &Arc<Handle>, offsets: &[(TopicPartition, Committed)]) -> Result<(), BrokerError>;

    /// Forgets what was sent since the last commit.
    fn abort(&mut self) -> Result<(), BrokerError>;

    /// Hears of deliveries, and tells the group what it is to know, without waiting.
    fn serve(&mut self, consumer: &Arc<Handle>) -> Result<(), BrokerError>;

    /// As [`crate::broker::port::Client::confirm`].
    fn confirm(&mut self, consumer: &Arc<Handle>, offsets: &[(TopicPartition, Committed)]) -> Result<bool, BrokerError>;

    /// True when the group may not have what was committed of one of these.
    fn owes(&self, partitions: &[TopicPartition]) -> bool;

    /// Commits offsets that the group does not have yet, and waits for its answer.
    fn pay(&mut self, consumer: &Arc<Handle>) -> Result<(), KafkaError>;

    /// These partitions are not this member's any more; all of them without a list.
    fn forget(&mut self, gone: Option<&[TopicPartition]>);

    /// The age at which the cluster gives up what was sent and not committed.
    fn timeout(&self) -> Option<Duration>;
}

/// True for an error of the group that leaves this member its partitions.
pub(super) fn is_of_the_moment(error: &KafkaError) -> bool {
    let rebalance = matches!(error.code, Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION | Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
    rebalance || retry(error) == Retry::Same
}

/// As librdkafka takes them.
fn list<'a>(offsets: impl IntoIterator<Item = (&'a TopicPartition, &'a Committed)>) -> Result<PartitionList, KafkaError> {
    let mut list = PartitionList::new()?;
    for (at, Committed { offset, metadata }) in offsets {
        list.add(&at.topic, number(at.partition), i64::try_from(*offset).unwrap_or(i64::MAX), metadata)?;
    }
    Ok(list)
}
