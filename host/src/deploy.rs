//! From a manifest to a plan that stream threads can run: components read and compiled, topology built, topics made, nodes supplied.
//!
//! Called by the command. It never processes a record and never opens a port.

mod application;
mod bench;
mod bind;
mod bundle;
mod compiled;
mod config;
mod deployments;
mod embedded;
mod entered;
mod kafka;
mod nodes;
mod partitioners;
mod plan;
mod plugins;
mod properties;
mod reset;
mod rollout;
mod signing;
mod state_versions;
mod taken_back;
mod topics;

pub use application::{Application, Overrides, engine};
pub use bench::bench;
pub use bind::{BindSettings, bind, bind_nodes, state_budget};
pub use bundle::Bundle;
pub use deployments::Deployment;
pub use embedded::{Maintenance, OpenLog, lock_folder, open_log};
pub use entered::Entered;
pub use kafka::{Cluster, HostOf, open_cluster};
pub use nodes::ComponentNodes;
pub use plan::{Change, How, Plan, Thing};
pub use plugins::{Offer, Plugins, Swapped};
pub use reset::{Moved, Reset, ResetTo, TASKS_FOLDER, finished};
pub use rollout::{Follower, Rollout, agree, last_deployment};
pub use signing::{SignKey, Signature, Trust};
pub use taken_back::TakenBack;
pub use topics::{ExternalTopics, ensure_topics};
