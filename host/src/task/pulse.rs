//! Which call is running, seen from outside: a thread stores one word before a call and one after it, and nothing else. It reads no clock;
//! how long a call has lasted is told by whoever sees the same word twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::topology::NodeIx;

/// Bits of the word: the node's index and one, 0 between calls; above them the partition; above that a count of calls.
const NODE_BITS: u32 = 16;
const PARTITION_BITS: u32 = 24;

/// A stream thread's pulse. Clones are the same one; the thread alone writes it.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Word>);

/// In a cache line of its own: another thread's pulse beside it would slow both down.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Word(AtomicU64);

/// What a pulse shows at a moment. Two equal ones: nothing was begun or ended in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat(u64);

impl Pulse {
    /// A call of this node in the task of this partition begins.
    pub fn enter(&self, node: NodeIx, partition: u32) {
        let calls = (self.word() >> (NODE_BITS + PARTITION_BITS)) + 1;
        let node = (node.0 as u64 + 1) & mask(NODE_BITS);
        let place = (u64::from(partition) & mask(PARTITION_BITS)) << NODE_BITS;
        self.0.0.store((calls << (NODE_BITS + PARTITION_BITS)) | place | node, Ordering::Relaxed);
    }

    /// It has ended.
    pub fn leave(&self) {
        self.0.0.store(self.word() & !mask(NODE_BITS), Ordering::Relaxed);
    }

    /// What it shows now.
    pub fn beat(&self) -> Beat {
        Beat(self.word())
    }

    fn word(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }
}

impl Beat {
    /// The node and the partition of the call that is running.
    pub fn call(self) -> Option<(NodeIx, u32)> {
        let node = usize::try_from(self.0 & mask(NODE_BITS)).ok()?.checked_sub(1)?;
        let partition = u32::try_from((self.0 >> NODE_BITS) & mask(PARTITION_BITS)).ok()?;
        Some((NodeIx(node), partition))
    }
}

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_shows_another_word_and_its_end_does_too() {
        let pulse = Pulse::default();
        let mut seen = vec![pulse.beat()];
        assert_eq!(pulse.beat().call(), None);
        for (node, partition) in [(0, 0), (0, 0), (7, 9_999)] {
            pulse.enter(NodeIx(node), partition);
            assert_eq!(pulse.beat().call(), Some((NodeIx(node), partition)));
            seen.push(pulse.beat());
            pulse.leave();
            assert_eq!(pulse.beat().call(), None);
            seen.push(pulse.beat());
        }
        assert!(seen.iter().enumerate().all(|(at, beat)| !seen[..at].contains(beat)), "{seen:?}");
    }

    #[test]
    fn the_count_of_calls_begins_anew_without_touching_the_rest() {
        let pulse = Pulse(Arc::new(Word(AtomicU64::new(u64::MAX))));
        pulse.enter(NodeIx(3), 5);
        assert_eq!(pulse.beat().call(), Some((NodeIx(3), 5)));
    }
}
