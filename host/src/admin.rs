//! What an operator asks of an app: its status, records in and out, a parked task to go on, dead letters; and what watches over it: metrics,
//! health.
//!
//! [`Desk`] answers; it stands on the broker and, inside a running host, on its threads. While a host runs, `server` puts a desk behind the
//! control socket in the state folder and `client` speaks to it; with no host there, a command opens the folder and asks a desk of its own.
//! `public` shows the part that changes nothing on a port. tokio lives here and never meets a stream thread.

mod client;
mod deployments;
mod desk;
mod exposition;
mod few;
mod guests;
mod health;
mod letters;
mod marks;
mod metrics;
mod place;
mod public;
mod report;
mod resident;
#[cfg(test)]
mod samples;
mod server;
mod serving;
mod swap;

pub use client::ControlClient;
pub use deployments::{DeployRequest, DeployedReport, PlanReport, PlanRequest};
pub use desk::{Begin, Desk, HostControl, Page, PageRequest, Position};
pub use letters::{Letter, LettersPage, LettersRequest, Retried, RetryRequest, WholeLetter};
pub use place::RecordPlace;
pub use public::PublicServer;
pub use report::{CallReport, MemoryReport, PartitionReport, StatusReport, TaskReport, span};
pub use server::ControlServer;
pub use swap::{RollBackRequest, SwapReport, SwapRequest, VersionReport};

/// Name of the control socket in the state folder.
pub const CONTROL_SOCKET: &str = "control.sock";
