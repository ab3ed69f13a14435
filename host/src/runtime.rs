//! Stream threads: what one does in a step, how it commits, restores and recovers.
//!
//! A thread is a synchronous state machine over a broker client; `host` gives it an operating system thread and a clock. The same code runs
//! under the simulated broker. It never does I/O of its own: brokers and stores do.

mod assignment;
mod commit;
mod errors;
mod host;
mod plan;
mod restore;
mod status;
mod thread;

pub use errors::{Action, ThreadError, action};
pub use host::{Host, HostExit, HostSettings};
pub use plan::{HostPlan, NodeFactory};
pub use status::{Command, Condition, TaskStatus, ThreadBoard};
pub use thread::{Step, StreamThread};
