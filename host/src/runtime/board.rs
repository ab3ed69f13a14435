//! Where a stream thread writes what it does, for others to read: its tasks' status now and then, two words all the time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::broker::Waker;
use crate::record::Timestamp;
use crate::task::{Beat, Pulse};

use super::counters::ThreadCounters;
use super::status::TaskStatus;

/// A stream thread's board. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct ThreadBoard(Arc<Board>);

#[derive(Debug, Default)]
struct Board {
    told: Mutex<Told>,
    /// Time of the last step in milliseconds; 0 before the first.
    stepped: AtomicI64,
    pulse: Pulse,
    /// What wakes the thread, once it is there.
    waker: OnceLock<Waker>,
    /// The pulse as somebody saw it first, and when.
    seen: Mutex<Option<(Beat, Timestamp)>>,
}

/// What a thread tells now and then, all of it at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub tasks: Vec<TaskStatus>,
    pub counters: ThreadCounters,
    pub last_commit: Option<Timestamp>,
    /// Writes to stores of the running transaction, or of the last one where that was larger.
    pub overlay_bytes: usize,
}

/// A thread as it looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    /// When it made a step last; `None` before the first.
    pub stepped: Option<Timestamp>,
    /// Its pulse.
    pub beat: Beat,
    /// When somebody saw this very beat for the first time: it came then or earlier.
    pub since: Timestamp,
}

impl ThreadBoard {
    /// The status of its tasks as the thread wrote it last.
    pub fn read(&self) -> Vec<TaskStatus> {
        lock(&self.0.told).tasks.clone()
    }

    /// All that the thread wrote last.
    pub(super) fn told(&self) -> Told {
        lock(&self.0.told).clone()
    }

    pub(super) fn write(&self, told: Told) {
        *lock(&self.0.told) = told;
    }

    /// The thread says what wakes it.
    pub(super) fn woken_by(&self, waker: Waker) {
        let _ = self.0.waker.set(waker);
    }

    /// Wakes the thread where it waits for records.
    pub(super) fn wake(&self) {
        if let Some(waker) = self.0.waker.get() {
            waker.wake();
        }
    }

    /// The thread makes a step.
    pub(super) fn step(&self, now: Timestamp) {
        self.0.stepped.store(now.0, Ordering::Relaxed);
    }

    /// The pulse that the thread writes.
    pub(super) fn pulse(&self) -> Pulse {
        self.0.pulse.clone()
    }

    /// Looks at the thread from outside. The more often somebody looks, the closer is what it says of calls that last.
    pub(super) fn look(&self, now: Timestamp) -> Sign {
        let beat = self.0.pulse.beat();
        let mut seen = lock(&self.0.seen);
        let since = match *seen {
            Some((same, since)) if same == beat => since.min(now),
            _ => now,
        };
        *seen = Some((beat, since));
        let stepped = self.0.stepped.load(Ordering::Relaxed);
        Sign { stepped: (stepped > 0).then_some(Timestamp(stepped)), beat, since }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking writer leaves behind is still whole: it is replaced at once.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::NodeIx;

    #[test]
    fn a_beat_that_stays_the_same_grows_old() {
        let board = ThreadBoard::default();
        let since = |now| board.look(Timestamp(now)).since.0;
        assert_eq!((since(10), since(20)), (10, 10));
        board.pulse().enter(NodeIx(1), 2);
        assert_eq!((since(30), since(1_500)), (30, 30));
        board.pulse().leave();
        assert_eq!(since(1_600), 1_600);
        assert_eq!(board.look(Timestamp(0)).stepped, None);
        board.step(Timestamp(7));
        assert_eq!(board.look(Timestamp(1_700)).stepped, Some(Timestamp(7)));
    }
}
