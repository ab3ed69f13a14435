//! The topics of an app on its log: those that are missing made, those that are there checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::{Broker, BrokerError, Cleanup, Timestamps, TopicInfo, TopicSpec};
use crate::error::Diagnostic;
use crate::record::TopicPartition;
use crate::topology::{self, ExternalTopic, InternalTopic, Partitions};

use super::application::Application;
use super::partitioners::check_partitioners;

/// Whose the topics of sources, tables, sinks and dead letters are.
#[derive(Clone, Copy, Debug)]
pub enum ExternalTopics {
    /// The app's own: they are made as the manifest says, and stay so.
    Own {
        /// Partitions of every topic, whatever the manifest says: for tests.
        partitions: Option<u32>,
    },
    /// A cluster's: they are there, and the manifest may be silent about them.
    Cluster {
        /// Missing ones are made.
        make: bool,
    },
}

/// Makes what is missing of the app's topics, internal ones included.
pub fn ensure_topics(app: &Application, broker: &dyn Broker, whose: ExternalTopics) -> Result<Partitions, Vec<Diagnostic>> {
    let names: Vec<Arc<str>> = app.topology.topics.iter().map(|t| t.name.clone()).collect();
    let there = broker.topics(&names).map_err(log_failed)?;
    let topics = || app.topology.topics.iter().zip(&there);
    let (specs, mut known) = match whose {
        // Where the manifest is silent about an existing topic, it stays as it is.
        ExternalTopics::Own { partitions } => {
            let existing =
                |t: &ExternalTopic, info: &Option<TopicInfo>| info.as_ref().map(|i| i.spec.partitions).filter(|_| t.partitions.is_none());
            (topics().map(|(t, info)| external(t, partitions.or(existing(t, info)))).collect(), BTreeMap::new())
        }
        ExternalTopics::Cluster { make } => {
            let problems: Vec<Diagnostic> = topics().filter_map(|(t, info)| problem(app, t, info.as_ref(), make)).collect();
            if !problems.is_empty() {
                return Err(problems);
            }
            let missing: Vec<TopicSpec> = topics().filter(|(_, info)| info.is_none()).map(|(t, _)| external(t, None)).collect();
            let known = there.iter().flatten().map(|info| (info.spec.name.clone(), info.spec.partitions)).collect();
            (missing, known)
        }
    };
    broker.create_topics(&specs).map_err(differs)?;
    known.extend(specs.iter().map(|s| (s.name.clone(), s.partitions)));
    let mut counted = topology::partitions(&app.topology, &known)?;
    let mut internal: Vec<TopicSpec> = counted.internal.iter().map(internal).collect();
    if matches!(whose, ExternalTopics::Cluster { .. }) {
        let names: Vec<Arc<str>> = internal.iter().map(|spec| spec.name.clone()).collect();
        let there = broker.topics(&names).map_err(log_failed)?;
        known.extend(there.into_iter().flatten().map(|info| (info.spec.name, info.spec.partitions)));
        counted = topology::partitions(&app.topology, &known)?;
        internal = counted.internal.iter().map(self::internal).collect();
        keep_grown(&mut internal, &known);
    }
    if matches!(whose, ExternalTopics::Cluster { .. }) {
        check_partitioners(app, broker, &counted)?;
    }
    same_changelogs(app, broker, &counted)?;
    broker.create_topics(&internal).map_err(differs)?;
    Ok(counted)
}

/// What a cluster lacks for hosts of this app: the topics that are missing, which `run --create-topics` makes. An error: what no host could be
/// bound with. Makes nothing.
pub(super) fn missing_topics(app: &Application, broker: &dyn Broker) -> Result<Vec<Arc<str>>, Vec<Diagnostic>> {
    let names: Vec<Arc<str>> = app.topology.topics.iter().map(|t| t.name.clone()).collect();
    let there = broker.topics(&names).map_err(log_failed)?;
    let topics = || app.topology.topics.iter().zip(&there);
    let problems: Vec<Diagnostic> = topics().filter_map(|(topic, info)| problem(app, topic, info.as_ref(), true)).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let count = |(topic, info): (&ExternalTopic, &Option<TopicInfo>)| {
        let partitions = info.as_ref().map_or_else(|| external(topic, None).partitions, |info| info.spec.partitions);
        (topic.name.clone(), partitions)
    };
    let counted = topology::partitions(&app.topology, &topics().map(count).collect())?;
    same_changelogs(app, broker, &counted)?;
    Ok(topics().filter(|(_, info)| info.is_none()).map(|(topic, _)| topic.name.clone()).collect())
}

/// A changelog that has fewer partitions than there are tasks stays so: its source has grown, and the tasks without state know what to do.
fn keep_grown(internal: &mut [TopicSpec], known: &BTreeMap<Arc<str>, u32>) {
    for spec in internal {
        if let Some(has) = known.get(&spec.name) {
            spec.partitions = spec.partitions.min(*has);
        }
    }
}

/// What is wrong with a topic of a cluster: it is missing, or it is not what the manifest counts on.
fn problem(app: &Application, topic: &ExternalTopic, there: Option<&TopicInfo>, make: bool) -> Option<Diagnostic> {
    let name = &topic.name;
    let Some(TopicInfo { spec }) = there else {
        let hint = "make it with the partitions that it is to have, or let `run --create-topics` make it as [topics.*] says";
        let missing = Diagnostic::usage("B001", format!("topic '{name}' does not exist on the cluster")).hint(hint);
        return (!make).then(|| missing.at(Some(topic.place.clone())));
    };
    let written = app.manifest.topics.iter().find(|t| t.name.value == *name);
    let is_changelog = app.topology.stores.iter().any(|s| s.source_is_changelog && s.changelog == *name);
    let message = if let Some(asked) = topic.partitions.filter(|asked| *asked != spec.partitions) {
        format!("topic '{name}' has {} partitions, but the manifest says {asked}", spec.partitions)
    } else if is_changelog && spec.cleanup == Cleanup::Delete {
        format!("topic '{name}' deletes old records, but a table is to be restored from it")
    } else if written.and_then(|t| t.cleanup).is_some_and(|asked| cleanup(asked) != spec.cleanup) {
        format!("topic '{name}' has another cleanup.policy than the manifest says")
    } else {
        return None;
    };
    let hint = match is_changelog {
        true => format!("write [topics.{name}] cleanup = \"delete\", and the table gets a changelog of its own; or compact the topic"),
        false => "write what the topic has into the manifest, or leave it out".to_owned(),
    };
    Some(Diagnostic::usage("B005", message).hint(hint).at(Some(topic.place.clone())))
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
        cleanup: cleanup(topic.cleanup),
        retention: topic.retention,
        replication: topic.replication,
        ..TopicSpec::new(topic.name.clone(), partitions.or(topic.partitions).unwrap_or(1))
    }
}

fn internal(topic: &InternalTopic) -> TopicSpec {
    TopicSpec {
        cleanup: cleanup(topic.cleanup),
        retention: topic.retention,
        compaction_lag: topic.compaction_lag,
        timestamps: if topic.append_time { Timestamps::OfTheAppend } else { Timestamps::OfTheirOwn },
        ..TopicSpec::new(topic.name.clone(), topic.partitions)
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

pub(super) fn differs(error: BrokerError) -> Vec<Diagnostic> {
    match error {
        BrokerError::TopicDiffers { .. } => vec![Diagnostic::usage("B005", error.to_string()).hint(
            "a topic keeps the settings that it was made with: write these into [topics.NAME], or take another topic or state folder",
        )],
        _ => log_failed(error),
    }
}
