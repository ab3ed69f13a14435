//! Records that the log refuses although their walk ended well: remembered over the rewind, so that the same walk fails at the sink the
//! next time and the sink's policy decides.

use crate::record::Offset;

use super::plan::LocalNode;

/// What a walk began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A source record: index of its queue, and its offset.
    Record { queue: usize, offset: Offset },
    /// A punctuation of this node.
    Punctuation(LocalNode),
}

/// Where an outgoing record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub(super) cause: Cause,
    /// The sink; of a dead letter the node that failed.
    pub(super) node: LocalNode,
    pub(super) letter: bool,
}

/// What was refused since the last commit, and why.
#[derive(Debug, Default)]
pub(super) struct Refusals(Vec<(Origin, String)>);

impl Refusals {
    pub(super) fn add(&mut self, origin: Origin, reason: String) {
        self.0.push((origin, reason));
    }

    /// Why the log refused what this origin sent before.
    pub(super) fn of(&self, origin: Origin) -> Option<&str> {
        self.0.iter().find(|(refused, _)| *refused == origin).map(|(_, reason)| reason.as_str())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
