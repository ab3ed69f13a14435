//! The port to the log that records come from and go to, in the host's own words.
//!
//! Three adapters stand behind it: `kafka` (a cluster), `embedded` (a durable log in the state folder) and `sim` (deterministic, in memory,
//! for tests). This module never knows a topology, a task or a store.
//!
//! One [`Broker`] a host; one [`Client`] a stream thread, which is consumer, producer and group member in one.

mod admission;
mod assignment;
mod port;
#[cfg(test)]
mod port_tests;
mod waker;

pub mod embedded;
pub mod kafka;
pub mod partitioner;
pub mod sim;

pub use admission::refusal;
pub use port::{
    Announcement, Broker, BrokerError, Cleanup, Client, Committed, GroupEvent, LoadProgress, Member, OutgoingRecord, OutgoingRef, Reader,
    Retry, Subscription, Timestamps, TopicInfo, TopicSpec,
};
pub use waker::Waker;
