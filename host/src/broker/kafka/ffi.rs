//! librdkafka's C API behind types that keep its rules: who owns what, what ends before what. The only room of the broker with `unsafe`, and
//! the only one that names `rdkafka_sys`. It decides nothing: no retries, no time-outs of its own, no meaning of an error.

mod admin;
mod error;
mod handle;
mod held;
mod list;
mod message;
mod produce;
mod transaction;

pub(super) use admin::{GroupMember, NewTopic};
pub(super) use error::{Code, KafkaError};
pub(super) use handle::{ConfigError, Event, Handle, Kind, Queue, Waker};
pub(super) use list::{Entry, PartitionList};
pub(super) use message::{Message, Scratch};
pub(super) use produce::{Outgoing, TopicHandle, Undelivered};

/// The offset that librdkafka reads as "none".
pub(super) const NO_OFFSET: i64 = rdkafka_sys::RD_KAFKA_OFFSET_INVALID as i64;
