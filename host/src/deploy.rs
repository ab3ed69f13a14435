//! From a manifest to a plan that stream threads can run: components read and compiled, topology built, topics made, nodes supplied.
//!
//! Called by the command. It never processes a record and never opens a port.

mod application;
mod bind;
mod config;
mod embedded;
mod nodes;
mod reset;

pub use application::{Application, Overrides};
pub use bind::{BindSettings, bind, ensure_topics};
pub use embedded::{Maintenance, OpenLog, open_log};
pub use nodes::ComponentNodes;
pub use reset::{Moved, Reset, ResetTo, TASKS_FOLDER, finished};
