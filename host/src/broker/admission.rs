//! What a log that has no server lets in: topics and records are judged here by the rules that a Kafka broker would apply. Pure.

use super::partitioner::Partitioner;
use super::port::{BrokerError, Cleanup, OutgoingRef, Retry, Timestamps, TopicSpec};
use crate::limits;
use crate::manifest::duration_text;
use crate::record::{RecordRef, TopicPartition};

/// Judges a record and says which partition it goes to.
pub(super) fn admit(spec: &TopicSpec, outgoing: OutgoingRef<'_>, partitioner: &mut Partitioner) -> Result<u32, BrokerError> {
    let record = outgoing.record;
    debug_assert!(record.change.is_none(), "`change` is packed or cleared before a record is sent");
    if let Some(reason) = refusal(spec, record) {
        return Err(BrokerError::Refused { topic: spec.name.clone(), reason });
    }
    match outgoing.partition {
        None => Ok(partitioner.partition(record.key, spec.partitions)),
        Some(partition) if partition < spec.partitions => Ok(partition),
        Some(partition) => Err(BrokerError::UnknownPartition(TopicPartition::new(spec.name.clone(), partition))),
    }
}

/// Why a topic would never take this record.
pub fn refusal(spec: &TopicSpec, record: RecordRef<'_>) -> Option<String> {
    let (size, headers) = (record.size(), record.headers.len());
    if size > limits::RECORD_BYTES {
        return Some(format!("it has {size} bytes, the limit is {}", limits::RECORD_BYTES));
    }
    if headers > limits::RECORD_HEADERS {
        return Some(format!("it has {headers} headers, the limit is {}", limits::RECORD_HEADERS));
    }
    let keyless = record.key.is_none() && spec.cleanup != Cleanup::Delete;
    keyless.then(|| "it has no key, and the topic is compacted by key".to_owned())
}

/// Judges a topic that is not there yet.
pub(super) fn admit_topic(spec: &TopicSpec) -> Result<(), BrokerError> {
    if (1..=limits::PARTITIONS).contains(&spec.partitions) {
        return Ok(());
    }
    Err(BrokerError::Failed {
        what: format!("create topic '{}'", spec.name),
        why: format!("{} partitions were asked for, 1 to {} are possible", spec.partitions, limits::PARTITIONS),
        retry: Retry::Never,
    })
}

/// Asks for a topic that is there already: all settings must be the same. Replication is not looked at, there is one copy.
pub(super) fn same_settings(there: &TopicSpec, asked: &TopicSpec) -> Result<(), BrokerError> {
    for ((setting, there_text), (_, asked_text)) in settings(there).into_iter().zip(settings(asked)) {
        if there_text != asked_text {
            return Err(BrokerError::TopicDiffers { topic: there.name.clone(), setting, there: there_text, asked: asked_text });
        }
    }
    Ok(())
}

fn settings(spec: &TopicSpec) -> [(&'static str, String); 5] {
    [
        ("partitions", spec.partitions.to_string()),
        ("cleanup", cleanup_text(spec.cleanup).to_owned()),
        ("retention", spec.retention.map_or_else(|| "for ever".to_owned(), duration_text)),
        ("compaction lag", duration_text(spec.compaction_lag)),
        ("timestamps", timestamps_text(spec.timestamps).to_owned()),
    ]
}

fn cleanup_text(cleanup: Cleanup) -> &'static str {
    match cleanup {
        Cleanup::Delete => "delete",
        Cleanup::Compact => "compact",
        Cleanup::CompactDelete => "compact,delete",
    }
}

fn timestamps_text(timestamps: Timestamps) -> &'static str {
    match timestamps {
        Timestamps::OfTheirOwn => "of their own",
        Timestamps::OfTheAppend => "of the append",
    }
}
