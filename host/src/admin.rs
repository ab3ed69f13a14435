//! What an operator asks of an app: its status, records in and out, a parked task to go on, dead letters; and what watches over it: metrics,
//! health.
//!
//! [`Desk`] answers; it stands on the broker and, inside a running host, on its threads. While a host runs, `server` puts a desk behind the
//! control socket in the state folder and `client` speaks to it; with no host there, a command opens the folder and asks a desk of its own.
//! `routes` is the API that the socket serves, and `port`, over TCP, to those who have the `token`. A query for tasks of other hosts goes to them
//! (`forward`), whom the group knows (`peers`). `public` shows how the host is, and changes nothing. tokio lives here and never meets a stream thread.

mod client;
mod deployments;
mod desk;
mod exchange;
mod exposition;
mod few;
mod forward;
mod guests;
mod health;
mod hop;
mod letters;
mod marks;
mod metrics;
mod peers;
mod place;
mod port;
mod public;
mod refusal;
mod report;
mod resident;
mod routes;
#[cfg(test)]
mod samples;
mod server;
mod serving;
mod stores;
mod swap;
mod tls;
mod token;
mod way;

pub use client::ControlClient;
pub use deployments::{DeployRequest, DeployedReport, PlanReport, PlanRequest};
pub use desk::{AppTopics, Begin, Desk, HostControl, Page, PageRequest, Position};
pub use letters::{Letter, LettersPage, LettersRequest, Retried, RetryRequest, WholeLetter};
pub use peers::Peers;
pub use place::RecordPlace;
pub use port::AdminServer;
pub use public::PublicServer;
pub use report::{CallReport, MemoryReport, PartitionReport, StatusReport, TaskReport, span};
pub use server::ControlServer;
pub use stores::{Encoding, StoreQuery, StoreReport, StoreRow, StoreRows};
pub use swap::{RollBackRequest, SwapReport, SwapRequest, VersionReport};
pub use tls::TlsFiles;
pub use token::TOKEN_FILE;
pub use way::{PeerFiles, Way};

/// Name of the control socket in the state folder.
pub const CONTROL_SOCKET: &str = "control.sock";
