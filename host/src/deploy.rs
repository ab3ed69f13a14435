//! From a manifest to a plan that stream threads can run: components read and compiled, topology built, topics made, nodes supplied.
//!
//! Called by the command. It never processes a record and never opens a port.

mod application;
mod bench;
mod bind;
mod compiled;
mod config;
mod embedded;
mod kafka;
mod nodes;
mod partitioners;
mod properties;
mod reset;
mod topics;

pub use application::{Application, Overrides, engine};
pub use bench::bench;
pub use bind::{BindSettings, bind};
pub use embedded::{Maintenance, OpenLog, lock_folder, open_log};
pub use kafka::{Cluster, HostOf, open_cluster};
pub use nodes::ComponentNodes;
pub use reset::{Moved, Reset, ResetTo, TASKS_FOLDER, finished};
pub use topics::{ExternalTopics, ensure_topics};
