//! What a node is told when it is made.

use std::sync::Arc;
use std::time::Duration;

use super::metrics::GuestMetrics;
use crate::limits;
use crate::manifest::Capability;
use crate::topology::{StoreAccess, StoreShape};

/// A store that the node may open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreGrant {
    /// What the component calls it.
    pub role: String,
    /// Its name in the manifest.
    pub store: Arc<str>,
    /// Its index in the task's [`TaskStores`](crate::store::TaskStores).
    pub index: usize,
    /// Its kind, and for how long it keeps what.
    pub shape: StoreShape,
    /// What the node may do there.
    pub access: StoreAccess,
}

/// The limits that a manifest can set for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// Memory of one instance, in bytes.
    pub memory_bytes: usize,
    /// Longest call.
    pub deadline: Duration,
    /// Most outputs of one call, those handed over by `forward` included.
    pub outputs: usize,
}

impl Default for NodeLimits {
    fn default() -> Self {
        Self { memory_bytes: limits::GUEST_MEMORY_BYTES, deadline: limits::CALL_DEADLINE, outputs: limits::OUTPUTS_FORWARDED }
    }
}

/// A node of one task, before it has an instance.
#[derive(Clone, Debug)]
pub struct NodeSetup {
    /// `app.id`.
    pub app: Arc<str>,
    /// The node's name in the manifest.
    pub name: Arc<str>,
    /// Its place among the nodes of its task: its schedules are kept under it.
    pub node: u32,
    /// The task, `<sub-topology>_<partition>`.
    pub task: Arc<str>,
    /// Roles of its inputs.
    pub inputs: Vec<String>,
    /// Its output ports.
    pub ports: Vec<String>,
    /// `config` as JSON text; `{}` without one.
    pub config: String,
    /// The stores that it may open.
    pub grants: Vec<StoreGrant>,
    /// Its limits.
    pub limits: NodeLimits,
    /// What of the host it is given.
    pub allow: Vec<Capability>,
    /// Where its counters and histograms go: one registry a node, shared by its tasks.
    pub metrics: Arc<GuestMetrics>,
}

impl NodeSetup {
    /// Of a node without anything, in no task.
    pub(super) fn nobodys() -> Self {
        Self {
            app: "".into(),
            name: "".into(),
            node: 0,
            task: "".into(),
            inputs: Vec::new(),
            ports: Vec::new(),
            config: "{}".to_owned(),
            grants: Vec::new(),
            limits: NodeLimits::default(),
            allow: Vec::new(),
            metrics: Arc::default(),
        }
    }
}
