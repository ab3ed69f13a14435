//! Looks whether the keys of a cluster's topics lie where the manifest says: topics that meet must have been spread in the same way, and who
//! wrote them is nowhere noted.

use std::sync::Arc;

use bytes::Bytes;

use crate::broker::partitioner::{partition_by, partition_of_key};
use crate::broker::{Broker, BrokerError};
use crate::error::Diagnostic;
use crate::limits;
use crate::record::TopicPartition;
use crate::topology::{ExternalTopic, Partitioner, Partitions};

use super::application::Application;
use super::topics::log_failed;

/// Of a hundred keys so many may lie elsewhere: a few records may have been sent to a partition on purpose.
const ASTRAY_PERCENT: usize = 1;

/// Refuses topics that meet others and whose keys lie elsewhere than their partitioner would have put them.
pub(super) fn check_partitioners(app: &Application, broker: &dyn Broker, counted: &Partitions) -> Result<(), Vec<Diagnostic>> {
    let sets = app.topology.sub_topologies.iter().flat_map(|sub| &sub.co_partitioned);
    let mut meeting: Vec<&Arc<str>> = sets.flatten().collect();
    meeting.sort();
    meeting.dedup();
    let mut problems = Vec::new();
    for topic in app.topology.topics.iter().filter(|topic| meeting.contains(&&topic.name)) {
        let count = counted.topics.get(&topic.name).copied().unwrap_or(1);
        if count > 1 && topic.partitioner != Partitioner::None {
            let keys = sample(broker, &topic.name, count).map_err(log_failed)?;
            problems.extend(judge(topic, &keys, count));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Keys of a topic's first records, each with the partition in which it lies.
fn sample(broker: &dyn Broker, topic: &Arc<str>, count: u32) -> Result<Vec<(u32, Bytes)>, BrokerError> {
    let mut reader = broker.reader()?;
    let each = limits::PARTITIONER_KEYS.div_ceil(count as usize);
    let mut keys = Vec::new();
    for partition in 0..count {
        let at = TopicPartition::new(topic.clone(), partition);
        let (mut offset, end) = broker.bounds(&at)?;
        let mut records = Vec::new();
        while offset < end && records.len() < each {
            let next = match reader.read_up_to(&at, offset, end, each - records.len(), &mut records) {
                Err(BrokerError::OffsetGone { first, .. }) => first,
                next => next?,
            };
            if next == offset {
                break;
            }
            offset = next;
        }
        reader.close(&at);
        keys.extend(records.into_iter().filter_map(|consumed| Some((partition, consumed.record.key?))));
    }
    Ok(keys)
}

fn judge(topic: &ExternalTopic, keys: &[(u32, Bytes)], count: u32) -> Option<Diagnostic> {
    let astray = |with: Partitioner| keys.iter().filter(|(at, key)| place(with, key, count) != *at).count();
    let too_many = |astray: usize| astray * 100 > keys.len() * ASTRAY_PERCENT;
    let said = astray(topic.partitioner);
    if !too_many(said) {
        return None;
    }
    let name = &topic.name;
    let message = format!("{said} of the first {} keys of topic '{name}' lie where '{}' does not put them", keys.len(), topic.partitioner);
    let fits = [Partitioner::Murmur2, Partitioner::Crc32].into_iter().find(|&other| !too_many(astray(other)));
    let hint = match fits {
        Some(fits) => format!("they fit '{fits}': write [topics.{name}] partitioner = \"{fits}\""),
        None => format!("no partitioner fits: bring '{name}' over with repartition = true, and the records are written anew, by key"),
    };
    Some(Diagnostic::usage("T031", message).hint(hint).at(Some(topic.place.clone())))
}

fn place(with: Partitioner, key: &[u8], count: u32) -> u32 {
    partition_by(with, key, count).unwrap_or_else(|| partition_of_key(key, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;
    use crate::topology::{Cleanup, TopicUse};

    fn topic(partitioner: Partitioner) -> ExternalTopic {
        let place = Place { file: "app.toml".into(), line: 1, column: 1 };
        ExternalTopic {
            name: "orders".into(),
            used_by: TopicUse::Input,
            place,
            partitions: None,
            cleanup: Cleanup::Delete,
            retention: None,
            replication: None,
            partitioner,
        }
    }

    /// A hundred keys, the last `moved` of them in a partition where nothing puts them.
    fn spread(by: Partitioner, moved: usize) -> Vec<(u32, Bytes)> {
        let key = |n: usize| Bytes::from(format!("key {n}"));
        let elsewhere = |key: &[u8]| (0..4).find(|at| [Partitioner::Murmur2, Partitioner::Crc32].iter().all(|&p| place(p, key, 4) != *at));
        (0..100).map(|n| (if n >= 100 - moved { elsewhere(&key(n)).unwrap() } else { place(by, &key(n), 4) }, key(n))).collect()
    }

    #[test]
    fn partitioner_that_would_fit_is_named() {
        for by in [Partitioner::Murmur2, Partitioner::Crc32] {
            assert!(judge(&topic(by), &spread(by, 1), 4).is_none(), "{by}: one key of a hundred may lie elsewhere");
        }
        let told = judge(&topic(Partitioner::Murmur2), &spread(Partitioner::Crc32, 0), 4).unwrap();
        assert_eq!(told.hint.unwrap(), "they fit 'crc32': write [topics.orders] partitioner = \"crc32\"");
        let told = judge(&topic(Partitioner::Murmur2), &spread(Partitioner::Murmur2, 2), 4).unwrap();
        assert_eq!(told.message, "2 of the first 100 keys of topic 'orders' lie where 'murmur2' does not put them");
        assert!(told.hint.unwrap().starts_with("no partitioner fits"));
        assert!(judge(&topic(Partitioner::Murmur2), &[], 4).is_none(), "nothing is known of an empty topic");
    }
}
