//! From partitions to tasks: pure.

use rustc_hash::FxHashMap;
use std::sync::Arc;

use crate::record::TopicPartition;

/// Groups assigned partitions by the task that they belong to: sub-topology and partition number, in this order.
pub(super) fn by_task(
    partitions: &[TopicPartition],
    sub_topology_of: &FxHashMap<Arc<str>, usize>,
) -> Vec<((usize, u32), Vec<TopicPartition>)> {
    let mut tasks = std::collections::BTreeMap::<(usize, u32), Vec<TopicPartition>>::new();
    for at in partitions {
        if let Some(&sub) = sub_topology_of.get(&at.topic) {
            tasks.entry((sub, at.partition)).or_default().push(at.clone());
        }
    }
    tasks.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_of_one_number_and_sub_topology_make_a_task() {
        let subs = [("a", 0), ("b", 0), ("c", 1)].into_iter().map(|(t, s)| (Arc::from(t), s)).collect();
        let at = |t: &str, p| TopicPartition::new(t, p);
        let tasks = by_task(&[at("c", 0), at("a", 1), at("b", 0), at("a", 0), at("foreign", 0)], &subs);
        assert_eq!(tasks, [((0, 0), vec![at("b", 0), at("a", 0)]), ((0, 1), vec![at("a", 1)]), ((1, 0), vec![at("c", 0)])]);
    }
}
