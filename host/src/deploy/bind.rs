//! Binds an app to a log: makes the topics that are missing, counts partitions, and puts together what stream threads need.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::{Broker, BrokerError, Cleanup, TopicInfo, TopicSpec};
use crate::clock::Clock;
use crate::disk::Budget;
use crate::error::Diagnostic;
use crate::limits;
use crate::record::TopicPartition;
use crate::runtime::HostPlan;
use crate::task::SinkTopic;
use crate::topology::{self, ExternalTopic, InternalTopic, Partitions};

use super::application::Application;
use super::nodes::ComponentNodes;

/// What a manifest does not say.
#[derive(Clone, Debug)]
pub struct BindSettings {
    /// Folder of the tasks' state, a folder an app in it; `None`: everything in memory.
    pub tasks_folder: Option<PathBuf>,
    /// Shortest time between two commits; zero under a virtual clock.
    pub commit_floor: Duration,
    /// Partitions of every topic, whatever the manifest says: for tests.
    pub partitions: Option<u32>,
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
    let partitions = ensure_topics(app, &*broker, settings.partitions)?;
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
    for plan in tasks.iter_mut().filter_map(Arc::get_mut) {
        plan.redact_keys = settings.redact_keys;
    }
    let runtime = &app.manifest.runtime;
    Ok(HostPlan {
        topology: app.topology.clone(),
        tasks,
        partitions: counts,
        nodes: Arc::new(ComponentNodes::new(&app.topology, |node| app.components.get(node).cloned())),
        broker,
        clock,
        // Tasks are named after sources: two apps in one state folder may have the same.
        tasks_folder: settings.tasks_folder.as_ref().map(|folder| folder.join(&*app.topology.app)),
        budget: Budget::new(limits::STATE_CACHE_BYTES, limits::STATE_WRITE_BUFFERS_BYTES),
        commit_interval: runtime.commit_interval,
        commit_floor: settings.commit_floor,
        max_task_idle: runtime.max_task_idle,
        seed: settings.seed,
    })
}

/// Makes what is missing of the app's topics, internal ones included. `partitions` stands for every count of the manifest.
pub fn ensure_topics(app: &Application, broker: &dyn Broker, partitions: Option<u32>) -> Result<Partitions, Vec<Diagnostic>> {
    let names: Vec<Arc<str>> = app.topology.topics.iter().map(|t| t.name.clone()).collect();
    let there = broker.topics(&names).map_err(log_failed)?;
    let specs: Vec<TopicSpec> = app
        .topology
        .topics
        .iter()
        .zip(&there)
        .map(|(t, info)| {
            // Where the manifest is silent about an existing topic, it stays as it is.
            let existing = info.as_ref().map(|i| i.spec.partitions).filter(|_| t.partitions.is_none());
            external(t, partitions.or(existing))
        })
        .collect();
    broker.create_topics(&specs).map_err(differs)?;
    let known: BTreeMap<Arc<str>, u32> = specs.iter().map(|s| (s.name.clone(), s.partitions)).collect();
    let counted = topology::partitions(&app.topology, &known)?;
    same_changelogs(app, broker, &counted)?;
    let internal: Vec<TopicSpec> = counted.internal.iter().map(internal).collect();
    broker.create_topics(&internal).map_err(differs)?;
    Ok(counted)
}

/// Refuses to restore a table from elsewhere than before: a changelog of its own would begin empty, or miss what was read without it.
fn same_changelogs(app: &Application, broker: &dyn Broker, counted: &Partitions) -> Result<(), Vec<Diagnostic>> {
    let mut refused = Vec::new();
    for table in &app.manifest.tables {
        let Some(store) = app.topology.stores.iter().find(|s| s.name == table.name.value) else { continue };
        let own = topology::own_changelog(&app.topology.app, &store.name);
        let exists = broker.topics(std::slice::from_ref(&own)).map_err(log_failed)?.iter().any(Option::is_some);
        let message = if store.source_is_changelog && exists {
            format!("the table '{}' has a changelog of its own, '{own}', which would not be used any more", table.name)
        } else if !store.source_is_changelog && !exists && was_read(app, broker, &table.topic.value, counted)? {
            format!("the table '{}' would get a changelog of its own, but records of its topic were read without one", table.name)
        } else {
            continue;
        };
        let hint = "a table of a compacted topic has its own changelog with changelog = true, or when it or a node below it has another \
                    on-error than \"fail\": leave that as it was, or begin anew with `cofferdam reset`";
        refused.push(Diagnostic::usage("B007", message).hint(hint).at(Some(table.name.place.clone())));
    }
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// True when the app has committed anything of a topic.
fn was_read(app: &Application, broker: &dyn Broker, topic: &Arc<str>, counted: &Partitions) -> Result<bool, Vec<Diagnostic>> {
    for partition in 0..counted.topics.get(topic).copied().unwrap_or(0) {
        let at = TopicPartition::new(topic.clone(), partition);
        if broker.committed(&app.topology.app, &at).map_err(log_failed)?.is_some_and(|committed| committed.offset > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn external(topic: &ExternalTopic, partitions: Option<u32>) -> TopicSpec {
    TopicSpec {
        name: topic.name.clone(),
        partitions: partitions.or(topic.partitions).unwrap_or(1),
        cleanup: cleanup(topic.cleanup),
        retention: topic.retention,
        replication: topic.replication,
    }
}

fn internal(topic: &InternalTopic) -> TopicSpec {
    TopicSpec {
        name: topic.name.clone(),
        partitions: topic.partitions,
        cleanup: cleanup(topic.cleanup),
        retention: topic.retention,
        replication: None,
    }
}

fn cleanup(cleanup: topology::Cleanup) -> Cleanup {
    match cleanup {
        topology::Cleanup::Delete => Cleanup::Delete,
        topology::Cleanup::Compact => Cleanup::Compact,
        topology::Cleanup::CompactDelete => Cleanup::CompactDelete,
    }
}

pub(super) fn log_failed(error: BrokerError) -> Vec<Diagnostic> {
    vec![Diagnostic::run("B002", "the log failed").because(error)]
}

fn differs(error: BrokerError) -> Vec<Diagnostic> {
    match error {
        BrokerError::TopicDiffers { .. } => vec![Diagnostic::usage("B005", error.to_string()).hint(
            "a topic keeps the settings that it was made with: write these into [topics.NAME], or take another topic or state folder",
        )],
        _ => log_failed(error),
    }
}
