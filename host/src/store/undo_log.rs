//! What was done since the oldest savepoint, and how to undo it.

use super::Changelog;
use super::clock::StoreClock;
use super::overlay::Before;

/// A point in the running transaction to which writes can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Savepoint(usize);

/// Something that can be undone.
#[derive(Debug)]
pub(super) struct Undo {
    /// Whose.
    pub(super) of: Changelog,
    /// What was done.
    pub(super) done: Done,
}

/// What was done to a store.
#[derive(Debug)]
pub(super) enum Done {
    /// A write to its overlay.
    Write {
        /// Where in the overlay.
        place: usize,
        /// What to put back.
        before: Before,
    },
    /// Its clock went on from this.
    Clock(StoreClock),
    /// A record was added to those for its changelog.
    Noted,
}

/// What was done since the oldest savepoint. Without a savepoint nothing is kept.
#[derive(Debug, Default)]
pub(super) struct UndoLog {
    undos: Vec<Undo>,
    /// For each savepoint how many undos there were.
    marks: Vec<usize>,
}

impl UndoLog {
    /// Sets a savepoint above those that are set.
    pub(super) fn savepoint(&mut self) -> Savepoint {
        self.marks.push(self.undos.len());
        Savepoint(self.marks.len() - 1)
    }

    /// Keeps what was done, if anybody may want it undone.
    pub(super) fn keep(&mut self, of: Changelog, done: Done) {
        if !self.marks.is_empty() {
            self.undos.push(Undo { of, done });
        }
    }

    /// What is to undo next on the way back to a savepoint, newest first. The savepoint stays set, those above it go.
    pub(super) fn next_undo(&mut self, to: Savepoint) -> Option<Undo> {
        debug_assert!(to.0 < self.marks.len(), "the savepoint is not set any more");
        let mark = *self.marks.get(to.0)?;
        self.marks.truncate(to.0 + 1);
        if self.undos.len() > mark { self.undos.pop() } else { None }
    }

    /// Drops a savepoint and those above it.
    pub(super) fn release(&mut self, savepoint: Savepoint) {
        self.marks.truncate(savepoint.0);
        if self.marks.is_empty() {
            self.undos.clear();
        }
    }

    /// Drops all savepoints.
    pub(super) fn clear(&mut self) {
        self.marks.clear();
        self.undos.clear();
    }
}
