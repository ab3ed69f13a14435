//! Deletes what was processed from repartition topics: nobody else reads them, and nothing else bounds them.

use rustc_hash::FxHashMap;

use crate::limits;
use crate::record::{Offset, Timestamp, TopicPartition};

use super::thread::{Slot, StreamThread};

/// How far each repartition partition was deleted, and when.
#[derive(Debug, Default)]
pub(super) struct Purge(FxHashMap<TopicPartition, (Offset, Timestamp)>);

impl Purge {
    /// True when enough of a partition, or some of it for long enough, is committed and still there.
    fn is_due(&mut self, at: &TopicPartition, committed: Offset, now: Timestamp) -> bool {
        let Some((to, since)) = self.0.get(at) else {
            self.0.insert(at.clone(), (0, now));
            return committed >= limits::PURGE_RECORDS;
        };
        let interval = i64::try_from(limits::PURGE_INTERVAL.as_millis()).unwrap_or(i64::MAX);
        committed >= to.saturating_add(limits::PURGE_RECORDS) || (committed > *to && now.0 - since.0 >= interval)
    }
}

impl StreamThread {
    /// Called after a commit: what lies before the committed offsets is not read again.
    pub(super) fn purge(&mut self, now: Timestamp) {
        let mut settled = false;
        for slot in self.slots.values() {
            let Slot::Running(task) = slot else { continue };
            for queue in task.internal_queues() {
                let committed = queue.committed();
                if !self.purge.is_due(&queue.at, committed, now) {
                    continue;
                }
                settled = settled || self.client.confirm(&[]).unwrap_or(false);
                // What cannot be told to the group now is in the way of the next commit, too.
                if !settled {
                    return;
                }
                match self.host.broker.delete_before(&queue.at, committed) {
                    Ok(true) => _ = self.purge.0.insert(queue.at.clone(), (committed, now)),
                    Ok(false) => {}
                    // They cost room, nothing else.
                    Err(why) => tracing::warn!(partition = %queue.at, "processed records cannot be deleted: {why}"),
                }
            }
        }
    }
}
