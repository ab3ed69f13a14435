//! One task: the copy of a sub-topology that works on one partition.
//!
//! It takes the next record from its partition group, walks it depth first through the whole sub-topology, and keeps what comes out in an
//! outbox until the walk has ended well. It knows nodes by a trait; it never names tokio, rdkafka, rocksdb or wasmtime, never does I/O, and
//! never commits: `runtime` calls it and does these things.

mod buffered;
mod committing;
mod counters;
mod dead_letter;
mod exchange;
mod extract;
mod failure;
mod failure_lines;
mod frame;
mod frame_walk;
mod migrating;
mod outbox;
mod partition_group;
mod plan;
mod pulse;
mod punctuation;
mod refusal;
mod tally;
mod walk;
mod work;

pub use counters::Counters;
pub use dead_letter::{LetterHeaders, without_letter_headers};
pub use exchange::{NodeCount, TrialFailure, Work};
pub use extract::TimestampExtractor;
pub use failure::{RecordFailure, Verdict};
pub use migrating::not_taken_over;
pub use outbox::Parcel;
pub use partition_group::{PartitionGroup, PartitionQueue, StartAt};
pub use plan::{PlanError, SinkTopic, TaskPlan};
pub use pulse::{Beat, Pulse};
pub use refusal::Origin;
pub use tally::Tally;
pub use work::{Task, TaskError, TaskState, Turn};
