//! What an operator asks of an app: its status, records in and out, a parked task to go on, dead letters.
//!
//! [`Desk`] answers; it stands on the broker and, inside a running host, on its threads. While a host runs, `server` puts a desk behind the
//! control socket in the state folder and `client` speaks to it; with no host there, a command opens the folder and asks a desk of its own.
//! tokio lives here and never meets a stream thread.

mod client;
mod desk;
mod letters;
mod marks;
mod place;
mod server;

pub use client::ControlClient;
pub use desk::{Begin, Desk, HostControl, Page, PageRequest, PartitionReport, Position, StatusReport, TaskReport};
pub use letters::{Letter, LettersPage, LettersRequest, Retried, RetryRequest, WholeLetter};
pub use place::RecordPlace;
pub use server::ControlServer;

/// Name of the control socket in the state folder.
pub const CONTROL_SOCKET: &str = "control.sock";
