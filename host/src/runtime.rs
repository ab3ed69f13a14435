//! Stream threads: what one does in a step, how it commits, restores and recovers.
//!
//! A thread is a synchronous state machine over a broker client; `host` gives it an operating system thread and a clock. The same code runs
//! under the simulated broker. It never does I/O of its own: brokers and stores do.

mod assignment;
mod board;
mod caller;
mod commit;
mod conductor;
mod counters;
mod elsewhere;
mod errors;
mod flush;
mod host;
mod membership;
mod notes;
mod passage;
mod plan;
mod probation;
mod purge;
mod query;
mod recovery;
mod restore;
mod status;
mod swap;
mod tell;
#[cfg(test)]
mod tests;
mod thread;
mod versions;

pub use board::ThreadBoard;
pub use caller::Caller;
pub use conductor::{Conductor, TakenOver};
pub use counters::ThreadCounters;
pub use elsewhere::{Away, Elsewhere, FromOthers, Nobody};
pub use errors::{Action, ThreadError, action};
pub use host::{Host, HostExit, HostSettings};
pub use passage::{Note, Passage};
pub use plan::{HostPlan, NodeFactory, TaskChangelog};
pub use probation::Account;
pub use query::{Found, Inquirer, Query, StoreStatus};
pub use status::{
    Command, Condition, GuestReadings, HostStatus, InCall, MemoryStatus, NodeVersion, PartitionStatus, TaskStatus, ThreadStatus,
};
pub use thread::{Step, StreamThread};
pub use versions::{Terms, VersionStatus, Versions, Vote, Wanted};
