//! Swaps and rollbacks as requests, and what `status` tells of versions.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::desk::Desk;
use crate::error::Diagnostic;
use crate::runtime::NodeVersion;

/// Asks that a component takes the place of a processor's.
#[derive(Clone, Debug, PartialEq)]
pub struct SwapRequest {
    /// The processor.
    pub processor: String,
    /// The component.
    pub component: Bytes,
    /// What messages call it.
    pub name: String,
    /// How many times as long a record may take with it; `None`: nobody minds.
    pub max_slowdown: Option<f64>,
}

/// Asks that the component before comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollBackRequest {
    /// The processor.
    pub processor: String,
}

/// A component has taken the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapReport {
    /// Digest of the one that worked before.
    pub from: String,
    /// Digest of the one that works now.
    pub to: String,
    /// The longest time that a stream thread processed nothing because of it, in microseconds.
    pub pause_us: u64,
    /// Whether it is on trial.
    pub on_trial: bool,
    /// The versions from which and to which it takes over the state of the one before; null: they keep it in the same way.
    #[serde(default)]
    pub state: Option<(u32, u32)>,
}

/// Which version a processor runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionReport {
    /// The processor.
    pub processor: String,
    /// Digest of its component.
    pub digest: String,
    /// Since when, in milliseconds; null: since the host was started.
    pub since: Option<i64>,
    /// Whether it is on trial.
    pub on_trial: bool,
    /// Digest of the component before, where that can come back.
    pub before: Option<String>,
    /// Why the last one that was on trial is not there any more.
    pub rolled_back: Option<String>,
    /// Records that it was given.
    pub records: u64,
    /// Traps and missed deadlines among them.
    pub traps: u64,
    /// Other failures among them.
    pub bad: u64,
    /// Nanoseconds that a source record takes on its way through the tasks, with this version.
    pub ns_per_record: Option<u64>,
    /// With the one before.
    pub ns_per_record_before: Option<u64>,
}

impl VersionReport {
    pub(super) fn new(told: &NodeVersion) -> Self {
        let NodeVersion { node, digest, before, status } = told;
        Self {
            processor: node.to_string(),
            digest: digest.as_ref().map_or_else(String::new, ToString::to_string),
            since: status.since.map(|at| at.0),
            on_trial: status.on_trial,
            before: before.as_ref().map(ToString::to_string),
            rolled_back: status.rolled_back.clone(),
            records: status.account.node.records,
            traps: status.account.node.traps,
            bad: status.account.node.bad,
            ns_per_record: status.account.ns_per_record(),
            ns_per_record_before: status.before.and_then(|(_, account)| account.ns_per_record()),
        }
    }
}

impl Desk {
    /// Lets a component take the place of a processor's while the app runs. An error: nothing has changed.
    pub fn swap(&self, request: &SwapRequest) -> Result<SwapReport, Diagnostic> {
        let host = self.host.as_ref().ok_or_else(not_running)?;
        host.swap(request)
    }

    /// Lets the component before come back.
    pub fn roll_back(&self, request: &RollBackRequest) -> Result<SwapReport, Diagnostic> {
        let host = self.host.as_ref().ok_or_else(not_running)?;
        host.roll_back(request)
    }
}

fn not_running() -> Diagnostic {
    Diagnostic::usage("R030", "no host is running this app").hint("the next `run` takes the component that the manifest names")
}
