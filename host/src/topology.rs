//! The graph of nodes, cut into sub-topologies. Pure: it never does I/O, and it never knows a broker, a store's bytes or a component's code.
//!
//! [`build`] checks a manifest as a whole and makes its [`Topology`]; [`partitions`] says how many tasks and internal topics that gives, once
//! the counts of the topics are known. The command and the runtime call both.

mod acls;
mod build;
mod carries;
mod config;
mod cut;
mod describe;
mod digest;
mod draft;
mod emit;
mod frames;
mod grants;
mod graph;
mod letters;
mod order;
mod partitions;
mod paths;
mod stays;
mod topics;
mod wire;

#[cfg(test)]
mod tests;

pub use acls::acls;
pub use build::build;
pub use config::check_config;
pub use describe::{describe_json, describe_mermaid, describe_text};
pub use digest::digest;
pub use draft::Descriptions;
pub use frames::OneByOne;
pub use graph::{
    Backend, Carries, Child, Cleanup, Description, ExternalTopic, FailurePolicy, Grant, InputRole, Inputs, NodeIx, NodeKind, OnError,
    Partitioner, Port, Processor, Repartition, Sink, Source, SourceRole, Start, StoreAccess, StoreKind, StoreRole, StoreShape, StoreSpec,
    SubTopology, Takes, TimestampFrom, TopicUse, Topology, TopologyNode,
};
pub use partitions::{InternalTopic, Partitions, TaskId, partitions};
pub use paths::{Paths, Reason};
pub use stays::stays;
pub use topics::{own_changelog, retried_letters};
