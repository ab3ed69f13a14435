//! Binds an app to a log: makes the topics that are missing, counts partitions, and puts together what stream threads need.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::{Broker, Cleanup, TopicInfo};
use crate::clock::Clock;
use crate::disk::Budget;
use crate::error::Diagnostic;
use crate::limits;
use crate::runtime::{HostPlan, Versions};
use crate::task::SinkTopic;

use super::application::Application;
use super::nodes::ComponentNodes;
use super::topics::{ExternalTopics, ensure_topics, log_failed};

/// What a manifest does not say.
#[derive(Clone, Debug)]
pub struct BindSettings {
    /// Folder of the tasks' state, a folder an app in it; `None`: everything in memory.
    pub tasks_folder: Option<PathBuf>,
    /// Shortest time between two commits; zero under a virtual clock.
    pub commit_floor: Duration,
    /// What becomes of topics that are not there, or not as the manifest says.
    pub topics: ExternalTopics,
    /// Seed of the guests' random bits.
    pub seed: u64,
    /// Keys of records stay out of logs and errors.
    pub redact_keys: bool,
}

/// Makes the app's topics and its plan.
pub fn bind(
    app: &Application,
    broker: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    settings: &BindSettings,
) -> Result<HostPlan, Vec<Diagnostic>> {
    bind_nodes(app, Arc::new(ComponentNodes::of(app)), broker, clock, settings)
}

/// As [`bind`], with nodes that somebody else knows, too.
pub fn bind_nodes(
    app: &Application,
    nodes: Arc<ComponentNodes>,
    broker: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    settings: &BindSettings,
) -> Result<HostPlan, Vec<Diagnostic>> {
    let partitions = ensure_topics(app, &*broker, settings.topics)?;
    let mut counts: rustc_hash::FxHashMap<Arc<str>, u32> = partitions.topics.iter().map(|(t, n)| (t.clone(), *n)).collect();
    let names: Vec<Arc<str>> = app.topology.topics.iter().map(|t| t.name.clone()).chain(counts.keys().cloned()).collect();
    let mut targets = rustc_hash::FxHashMap::default();
    for (name, info) in names.iter().zip(broker.topics(&names).map_err(log_failed)?) {
        if let Some(TopicInfo { spec }) = info {
            counts.insert(name.clone(), spec.partitions);
            targets.insert(name.clone(), SinkTopic { partitions: spec.partitions, compacted: spec.cleanup != Cleanup::Delete });
        }
    }
    let mut tasks = HostPlan::task_plans(&app.topology, |topic| targets.get(topic).copied())
        .map_err(|e| vec![Diagnostic::usage("T030", e.to_string())])?;
    let runtime = &app.manifest.runtime;
    let overlays = runtime.memory_bytes / limits::OVERLAYS_DIVISOR;
    let transaction_bytes = limits::TRANSACTION_BYTES.min(overlays / runtime.threads.max(1) as usize);
    for plan in tasks.iter_mut().filter_map(Arc::get_mut) {
        plan.redact_keys = settings.redact_keys;
        plan.transaction_bytes = transaction_bytes;
    }
    Ok(HostPlan {
        topology: app.topology.clone(),
        tasks,
        partitions: counts,
        nodes,
        versions: Versions::default(),
        broker,
        clock,
        alone: matches!(settings.topics, ExternalTopics::Own { .. }),
        // Tasks are named after sources: two apps in one state folder may have the same.
        tasks_folder: settings.tasks_folder.as_ref().map(|folder| folder.join(&*app.topology.app)),
        budget: state_budget(runtime.memory_bytes),
        transaction_bytes,
        commit_interval: runtime.commit_interval,
        commit_floor: settings.commit_floor,
        max_task_idle: runtime.max_task_idle,
        seed: settings.seed,
    })
}

/// What of the memory of a host's state is left to databases, and to the rows in front of them.
pub fn state_budget(memory_bytes: usize) -> Budget {
    let rows = memory_bytes / limits::ROWS_DIVISOR;
    let blocks = memory_bytes - memory_bytes / limits::OVERLAYS_DIVISOR - rows;
    Budget::new(blocks, memory_bytes / limits::WRITE_BUFFERS_DIVISOR).with_rows(rows)
}
