//! Apache Kafka behind the broker port: consumer groups, producers and topics of a cluster, through librdkafka.
//!
//! It knows topics, partitions and groups, and never a topology, a task or a store. What is sent goes out exactly once, in transactions, or at
//! least once (`delivery`).

mod announced;
mod broker;
mod client;
mod coordinated;
mod delivery;
mod errors;
mod ffi;
mod group;
mod patience;
mod producer;
mod reader;
mod records;
mod settings;
mod topics;

pub use broker::KafkaBroker;
pub use patience::Patience;
pub use settings::{EarlyProducers, FIXED_PROPERTIES, KafkaSettings, PropertyError};
