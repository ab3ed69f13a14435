//! Who of a host's stream threads gets which partitions, on the logs that have no group coordinator. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::port::{BrokerError, Retry, Subscription};
use crate::record::TopicPartition;

/// What a member is subscribed to, and whose turn it was at each driver's first partition: one that stays subscribed stays where it is.
///
/// Driver partitions are dealt round robin, going on from one subscription to the next: no sub-topology is out of balance by more than one task,
/// nor is the sum before anything is subscribed anew. A number beyond the members gets nothing.
#[derive(Default)]
pub(super) struct Deal {
    subscriptions: Vec<Subscription>,
    began: BTreeMap<Arc<str>, u32>,
    dealt: u32,
}

impl Deal {
    /// Puts these in the place of the subscriptions that were there. All members do so in the same order.
    pub fn subscribe(&mut self, subscriptions: Vec<Subscription>, partitions_of: impl Fn(&str) -> Option<u32>) {
        self.began.retain(|driver, _| subscriptions.iter().any(|s| s.driver == *driver));
        for Subscription { driver, .. } in &subscriptions {
            if !self.began.contains_key(driver) {
                self.began.insert(driver.clone(), self.dealt);
                self.dealt = self.dealt.wrapping_add(partitions_of(driver).unwrap_or(0));
            }
        }
        self.subscriptions = subscriptions;
    }

    /// The partitions of member number `member` of `members`, companions behind their driver.
    pub fn assign(
        &self,
        partitions_of: impl Fn(&str) -> Option<u32>,
        member: u32,
        members: u32,
    ) -> Result<Vec<TopicPartition>, BrokerError> {
        let count = |topic: &Arc<str>| partitions_of(topic).ok_or_else(|| BrokerError::UnknownTopic(topic.clone()));
        let mut assigned = Vec::new();
        for Subscription { driver, companions } in &self.subscriptions {
            let companions = companions.iter().map(|topic| Ok((topic, count(topic)?))).collect::<Result<Vec<_>, BrokerError>>()?;
            let began = self.began.get(driver).copied().unwrap_or(0);
            for partition in 0..count(driver)? {
                if began.wrapping_add(partition) % members.max(1) != member {
                    continue;
                }
                assigned.push(TopicPartition::new(driver.clone(), partition));
                let there = companions.iter().filter(|(_, count)| partition < *count);
                assigned.extend(there.map(|(topic, _)| TopicPartition::new((*topic).clone(), partition)));
            }
        }
        Ok(assigned)
    }
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
        dealt(&mut Deal::default(), &subscriptions, member, members).unwrap()
    }

    fn dealt(deal: &mut Deal, subscriptions: &[Subscription], member: u32, members: u32) -> Result<Vec<String>, BrokerError> {
        deal.subscribe(subscriptions.to_vec(), counts);
        Ok(deal.assign(counts, member, members)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_driver_that_stays_subscribed_stays_where_it_is() {
        let [a, b, c] = ["a", "b", "c"].map(|topic| subscription(topic, &[]));
        let mut deal = Deal::default();
        assert_eq!(dealt(&mut deal, &[a.clone(), b.clone()], 0, 2).unwrap(), ["a/0", "a/2", "b/1", "b/3"]);
        assert_eq!(dealt(&mut deal, std::slice::from_ref(&b), 0, 2).unwrap(), ["b/1", "b/3"]);
        assert_eq!(dealt(&mut deal, &[c, b, a], 0, 2).unwrap(), ["b/1", "b/3", "a/0", "a/2"]);
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
            let error = dealt(&mut Deal::default(), &[subscription], 0, 1).unwrap_err();
            assert_eq!(error.to_string(), "topic 'gone' does not exist");
        }
    }
}
