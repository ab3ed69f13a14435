//! What a task and a node say to each other: the [`Node`] trait, and the [`TaskEnv`] that a task lends to the node whose call is running.
//!
//! This module never knows wasmtime: `sandbox` implements [`Node`] with components, tests with plain Rust.

mod frame;
pub(crate) mod packed_frame;
mod random;
mod schedules;

use std::sync::Arc;
use std::time::Duration;

pub use frame::{Frame, Incoming};
pub use packed_frame::PackedFrame;
pub use random::SeededRandom;
pub use schedules::{Due, Grid, PunctuationClock, Schedule, Schedules};

use crate::record::{Offset, Record, Timestamp};
use crate::store::{StoreError, TaskStores};

/// The place of the source record whose walk is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Topic of the source.
    pub topic: Arc<str>,
    /// Partition of the topic.
    pub partition: u32,
    /// Offset in the partition.
    pub offset: Offset,
}

/// What a node may reach during a call. It belongs to the task, which lends it to one call at a time.
#[derive(Debug)]
pub struct TaskEnv {
    /// The task's stores and cells, the running transaction included.
    pub stores: TaskStores,
    /// The schedules of the task's nodes.
    pub schedules: Schedules,
    /// Random bits, seeded under test and replay.
    pub random: SeededRandom,
    /// The source record; `None` in `init`, `punctuate` and `close`.
    pub position: Option<Position>,
    /// Highest timestamp that the task has seen, the current record included.
    pub stream_time: Option<Timestamp>,
    /// The wall clock; stands still in a call.
    pub now: Timestamp,
    /// Timestamp of rows that are written without one: the current record's; in `punctuate` that of the call.
    pub row_timestamp: Timestamp,
    /// What the calls for the current record have taken so far: nodes add to it, the task begins anew with each record.
    pub effort: Effort,
}

impl TaskEnv {
    /// Makes ready for a record of a frame.
    pub fn begin(&mut self, source: SourceRecord, row_timestamp: Timestamp) {
        if let Some(position) = &mut self.position {
            position.offset = source.offset;
        }
        self.stream_time = Some(source.stream_time);
        self.row_timestamp = row_timestamp;
    }
}

/// What calls have taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Time, as exact as a deadline; a call counts as `limits::CALL_DEADLINE` at most.
    pub time: Duration,
    /// Bytes of the rows and cells that were written, overwritten ones included.
    pub written: usize,
}

/// The slot in which a [`TaskEnv`] is handed to a call and from which it is taken back. Full before and after each call, panics aside.
pub type Lent = Option<Box<TaskEnv>>;

/// Which version of a node's operator: 0 is the one that the host was started with, each that is offered later has another number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(pub u32);

/// A record that leaves a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// 0: the default port; `i + 1`: port `i` of the node's setup.
    pub slot: u32,
    /// The partition, for sinks and repartition edges; `None`: by the key.
    pub partition: Option<u32>,
    /// The record.
    pub record: Record,
}

/// A source record of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    /// Its place in its partition.
    pub offset: Offset,
    /// Highest timestamp that the task has seen, this record included.
    pub stream_time: Timestamp,
}

/// An output of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caused {
    /// Index of the source record that it comes from.
    pub cause: u32,
    /// The output.
    pub output: Output,
}

/// A frame on its way into a node.
#[derive(Debug)]
pub enum Load<'a> {
    /// Of records.
    Records(Frame<'a>),
    /// In one piece, as another node gave it.
    Packed(&'a PackedFrame),
}

impl Load<'_> {
    /// How many records there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Records(frame) => frame.len(),
            Self::Packed(frame) => frame.len(),
        }
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Source record and event time of the first record. `causes`: the source records that a frame in one piece names.
    pub fn first(&self, causes: &[SourceRecord]) -> Option<(SourceRecord, Timestamp)> {
        match self {
            Self::Records(frame) => frame.first().map(|first| (frame.source(first.cause), first.record.timestamp)),
            Self::Packed(frame) => frame.first().and_then(|(cause, time)| Some((*causes.get(cause as usize)?, time))),
        }
    }
}

/// What a step of a migration came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migration {
    /// There is more to take over.
    More,
    /// The state is of the node's version.
    Done,
}

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The record's fault.
    #[error("{0}")]
    BadRecord(String),
    /// Nobody's fault: may be tried again.
    #[error("{0}")]
    Transient(String),
    /// The node cannot go on, whatever the policy.
    #[error("{0}")]
    Fatal(String),
    /// The guest trapped, missed its deadline or went over a limit; counts as a bad record. The node replaces its instance before the next call.
    #[error("{reason}")]
    Trap {
        /// What happened, a panic's message included; one line.
        reason: String,
        /// The guest's own frames, innermost first.
        frames: Vec<String>,
    },
    /// A store could not be read or written: the host's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A node of one task: one operator at work. Called by one thread.
pub trait Node {
    /// One record from the input with this index. Appends its outputs to `outputs` in the order of their delivery.
    ///
    /// When it fails, the task undoes everything, whatever was appended included.
    fn process(&mut self, env: &mut Lent, input: u32, record: Record, outputs: &mut Vec<Output>) -> Result<(), Failure>;

    /// The most records that [`process_frame`](Node::process_frame) should be given at a time; at least 1. As many as take a bounded time, whether
    /// they go into the node together or, where it has no packed path, one after another.
    fn frame_records(&self) -> usize {
        1
    }

    /// Does with a run of records what `process` does with each in turn. Appends their outputs, in order. As it begins, position, stream time
    /// and row timestamp of `env` are those of the first record.
    ///
    /// When it fails, the task undoes the whole run, and `process` is called with one record after another.
    fn process_frame(&mut self, env: &mut Lent, frame: Frame<'_>, outputs: &mut Vec<Caused>) -> Result<(), Failure> {
        one_by_one(self, env, frame, outputs)
    }

    /// Whether it takes frames in one piece, and gives them so.
    fn packs(&self) -> bool {
        false
    }

    /// `process_frame` for a node that [`packs`](Node::packs): its outputs are what it returns, in one piece, or what it appends.
    fn process_packed(&mut self, env: &mut Lent, frame: Load<'_>, outputs: &mut Vec<Caused>) -> Result<Option<PackedFrame>, Failure> {
        match frame {
            Load::Records(frame) => self.process_frame(env, frame, outputs)?,
            Load::Packed(_) => return Err(Failure::Fatal("a frame in one piece for a node that takes none".into())),
        }
        Ok(None)
    }

    /// A schedule of this node is due.
    fn punctuate(&mut self, env: &mut Lent, schedule: &str, time: Timestamp, outputs: &mut Vec<Output>) -> Result<(), Failure>;

    /// Whether it was made over state of an older version: no record, and no schedule, may reach it before `migrate` has come to its end.
    fn is_behind(&self) -> bool {
        false
    }

    /// Takes over a bounded part of the state of an older version. How far it is lies beside the state, is committed with it, and is all that
    /// the next step, of this node or of another of its version, has to know. Only of a node that [`is_behind`](Node::is_behind).
    fn migrate(&mut self, _env: &mut Lent) -> Result<Migration, Failure> {
        Ok(Migration::Done)
    }

    /// At a commit boundary: time to let go of an instance that has grown too large.
    fn after_commit(&mut self, env: &mut Lent) -> Result<(), Failure>;

    /// The node will not be called again.
    fn close(&mut self, env: &mut Lent);
}

/// A frame for a node that takes one record at a time.
pub fn one_by_one(node: &mut (impl Node + ?Sized), env: &mut Lent, frame: Frame<'_>, outputs: &mut Vec<Caused>) -> Result<(), Failure> {
    let mut given = Vec::new();
    for (cause, record) in frame.causes().zip(frame.records()) {
        if let Some(env) = env {
            env.begin(frame.source(cause), record.timestamp);
        }
        node.process(env, frame.input, record, &mut given)?;
        outputs.extend(given.drain(..).map(|output| Caused { cause, output }));
    }
    Ok(())
}
