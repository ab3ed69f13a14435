//! Who of a host's stream threads gets which partitions, on the logs that have no group coordinator. Pure.

use std::sync::Arc;

use super::port::{BrokerError, Retry, Subscription};
use crate::record::TopicPartition;

/// The partitions of member number `member` of `members`, companions behind their driver.
///
/// Driver partitions are dealt round robin, going on from one subscription to the next: neither the sum nor any sub-topology is out of
/// balance by more than one task. A number beyond the members gets nothing.
pub(super) fn assign(
    subscriptions: &[Subscription],
    partitions_of: impl Fn(&str) -> Option<u32>,
    member: u32,
    members: u32,
) -> Result<Vec<TopicPartition>, BrokerError> {
    let count = |topic: &Arc<str>| partitions_of(topic).ok_or_else(|| BrokerError::UnknownTopic(topic.clone()));
    let mut assigned = Vec::new();
    let mut dealt = 0_u32;
    for subscription in subscriptions {
        let companions = subscription.companions.iter().map(|topic| Ok((topic, count(topic)?))).collect::<Result<Vec<_>, BrokerError>>()?;
        for partition in 0..count(&subscription.driver)? {
            let turn = dealt % members.max(1);
            dealt = dealt.wrapping_add(1);
            if turn != member {
                continue;
            }
            assigned.push(TopicPartition::new(subscription.driver.clone(), partition));
            let there = companions.iter().filter(|(_, count)| partition < *count);
            assigned.extend(there.map(|(topic, _)| TopicPartition::new((*topic).clone(), partition)));
        }
    }
    Ok(assigned)
}

/// A member asked for something of a partition that is somebody else's.
pub(super) fn not_owned(what: String) -> BrokerError {
    BrokerError::Failed { what, why: "the partition is not this member's".to_owned(), retry: Retry::Rewind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(driver: &str, companions: &[&str]) -> Subscription {
        Subscription { driver: driver.into(), companions: companions.iter().map(|&c| c.into()).collect() }
    }

    fn counts(topic: &str) -> Option<u32> {
        [("a", 3), ("b", 4), ("b-small", 2), ("c", 1)].iter().find(|(name, _)| *name == topic).map(|&(_, count)| count)
    }

    fn names(member: u32, members: u32) -> Vec<String> {
        let subscriptions = [subscription("a", &[]), subscription("b", &["b-small"]), subscription("c", &[])];
        assign(&subscriptions, counts, member, members).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn driver_partitions_are_dealt_round_robin_and_companions_go_along() {
        assert_eq!(names(0, 2), ["a/0", "a/2", "b/1", "b-small/1", "b/3"]);
        assert_eq!(names(1, 2), ["a/1", "b/0", "b-small/0", "b/2", "c/0"]);
    }

    #[test]
    fn every_partition_has_exactly_one_owner() {
        for members in 1..=12 {
            let mut all: Vec<String> = (0..members).flat_map(|member| names(member, members)).collect();
            all.sort();
            assert_eq!(all, ["a/0", "a/1", "a/2", "b-small/0", "b-small/1", "b/0", "b/1", "b/2", "b/3", "c/0"], "{members} members");
        }
        assert!(names(2, 2).is_empty(), "nobody deals to a number beyond the members");
    }

    #[test]
    fn a_topic_that_is_not_there_is_named() {
        for subscription in [subscription("gone", &[]), subscription("a", &["gone"])] {
            let error = assign(&[subscription], counts, 0, 1).unwrap_err();
            assert_eq!(error.to_string(), "topic 'gone' does not exist");
        }
    }
}
