//! Apache Kafka behind the broker port: consumer groups, producers and topics of a cluster, through librdkafka.
//!
//! It knows topics, partitions and groups, and never a topology, a task or a store. Everything that is sent goes out as at-least-once: a
//! commit waits until all records are delivered, then commits the offsets.

mod broker;
mod client;
mod errors;
mod ffi;
mod group;
mod producer;
mod reader;
mod records;
mod settings;
mod topics;

pub use broker::KafkaBroker;
pub use settings::{FIXED_PROPERTIES, KafkaSettings, PropertyError};
