//! The graph of nodes, cut into sub-topologies. Pure: it never does I/O, and it never knows a broker, a store's bytes or a component's code.

mod graph;

pub use graph::{
    Backend, Carries, Child, Cleanup, Description, ExternalTopic, FailurePolicy, Grant, InputRole, Inputs, NodeIx, NodeKind, OnError,
    Partitioner, Port, Processor, Repartition, Sink, Source, SourceRole, Start, StoreAccess, StoreKind, StoreRole, StoreSpec, SubTopology,
    Takes, TimestampFrom, TopicUse, Topology, TopologyNode,
};
