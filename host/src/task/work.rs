//! The task at work: takes records in turn, walks them, and deals with those that fail.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Diagnostic;
use crate::limits;
use crate::node::{Failure, Node, Position, PunctuationClock, Schedules, TaskEnv};
use crate::record::{self, Record, Timestamp, TopicPartition};
use crate::store::StoreError;
use crate::topology::{SourceRole, TaskId};

use super::counters::Counters;
use super::dead_letter::dead_letter;
use super::exchange::{TrialFailure, Trials};
use super::failure::{RecordFailure, Verdict, kind, verdict};
use super::failure_lines::FailureLines;
use super::frame::Frames;
use super::migrating::behind;
use super::outbox::Parcel;
use super::partition_group::{Head, PartitionGroup, PartitionQueue, StartAt};
use super::plan::{LocalNode, TaskPlan, Work};
use super::pulse::Pulse;
use super::refusal::{Cause, Origin};
use super::walk::{WalkFailure, Walker};

/// Whether a task takes records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It does.
    Running,
    /// It waits for a transient failure to pass.
    Sleeping {
        /// Until then.
        until: Timestamp,
        /// What failed.
        failure: Box<RecordFailure>,
        /// How often the record was tried.
        attempts: u32,
    },
    /// It waits for an operator.
    Parked {
        /// What failed.
        failure: Box<RecordFailure>,
    },
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Records whose walk ended, one way or the other.
    pub records: usize,
    /// True when the turn ended because its share was used up, not for want of records.
    pub more: bool,
}

/// What the task cannot deal with itself.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Its state failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A node broke the rules between host and node: a defect of the host.
    #[error("defect of the host: {0}")]
    Broken(Failure),
    /// A record failed at a node whose version is on trial, or below it: the transaction is to be aborted.
    #[error("{}", .0.failure)]
    OnTrial(Box<TrialFailure>),
    /// The state of an older version cannot be taken over.
    #[error("{}", .0.brief())]
    Migration(Box<Diagnostic>),
}

/// One task.
pub struct Task {
    /// Which.
    pub id: TaskId,
    /// Its partitions.
    pub group: PartitionGroup,
    /// Whether it takes records.
    pub state: TaskState,
    /// Totals.
    pub counters: Counters,
    pub(super) plan: Arc<TaskPlan>,
    pub(super) walker: Walker,
    /// How often the record at hand has failed as transient.
    pub(super) attempts: u32,
    pub(super) frames: Frames,
    /// Versions of its nodes, and which of them are on trial.
    pub(super) trials: Trials,
    /// The record whose failure was dealt with last.
    pub(super) last_failed: Option<Position>,
    /// Since when it has waited for an empty partition.
    starved_since: Option<Timestamp>,
    pub(super) dirty: bool,
    pub(super) failure_lines: FailureLines,
    /// Nodes whose state is still to be taken over from an older version: positions in the plan.
    pub(super) migrating: Vec<LocalNode>,
    pub(super) at_commit: AtCommit,
}

/// What a rewind goes back to besides stores and positions.
#[derive(Clone)]
pub(super) struct AtCommit {
    pub stream_time: Option<Timestamp>,
    pub schedules: Schedules,
    pub migrating: Vec<LocalNode>,
}

impl Task {
    /// A task over restored state. What its nodes wrote while they were made is still to be committed. `partitions`: each with the place to go on from. `nodes`: the processors of the plan, by index in its nodes.
    /// `pulse`: its thread's.
    pub fn new(
        id: TaskId,
        plan: Arc<TaskPlan>,
        partitions: Vec<(TopicPartition, StartAt)>,
        nodes: Vec<Option<Box<dyn Node>>>,
        env: Box<TaskEnv>,
        max_idle_ms: i64,
        pulse: Pulse,
    ) -> Self {
        let mut queues = Vec::with_capacity(partitions.len());
        for topic in &plan.topics {
            let mine = partitions.iter().filter(|(at, _)| at.topic == topic.topic);
            queues.extend(mine.map(|(at, from)| PartitionQueue::new(at.clone(), topic.source, *from)));
        }
        let migrating = behind(&nodes);
        let at_commit = AtCommit { stream_time: env.stream_time, schedules: env.schedules.clone(), migrating: migrating.clone() };
        let dirty = !env.stores.is_clean();
        let partition = id.partition;
        Self {
            id,
            group: PartitionGroup::new(queues, max_idle_ms),
            state: TaskState::Running,
            counters: Counters::default(),
            walker: Walker::new(&plan, nodes, env, pulse, partition),
            plan,
            attempts: 0,
            frames: Frames::default(),
            trials: Trials::default(),
            last_failed: None,
            starved_since: None,
            dirty,
            failure_lines: FailureLines::default(),
            migrating,
            at_commit,
        }
    }

    /// Goes on as a task of another plan, in which its sub-topology is the same. Only at a commit boundary.
    pub fn replan(&mut self, id: TaskId, plan: Arc<TaskPlan>) {
        self.walker.sink_topics = plan.sink_topics();
        (self.id, self.plan) = (id, plan);
    }

    /// Processes up to `max` records, punctuations of stream time included; fewer where their calls take long, and one frame beyond it.
    pub fn turn(&mut self, now: Timestamp, max: usize) -> Result<Turn, TaskError> {
        if let TaskState::Sleeping { until, attempts, .. } = &self.state
            && *until <= now
        {
            self.attempts = *attempts;
            self.state = TaskState::Running;
        }
        let plan = self.plan.clone();
        let began = self.walker.spent;
        // Due without a new record: what parked the task, or was asked for by a punctuation of the wall clock.
        if let Some(stream_time) = self.stream_time()
            && self.state == TaskState::Running
        {
            self.dirty |= self.punctuate(PunctuationClock::StreamTime, stream_time, now)?;
        }
        let mut records = 0;
        while records < max && self.state == TaskState::Running && !self.is_full() && !self.has_had_its_time(began) {
            let Some(at) = self.group.next(now, |source| extractor(&plan, source)) else {
                let waits = self.group.waits_for(now).is_some();
                self.starved_since = waits.then(|| self.starved_since.unwrap_or(now));
                return Ok(Turn { records, more: false });
            };
            self.starved_since = None;
            records += self.next_records(&plan, at, now, limits::RECORDS_PER_TURN)?;
        }
        Ok(Turn { records, more: self.state == TaskState::Running })
    }

    /// Fires the punctuations of the wall clock that are due.
    pub fn punctuate_wall_clock(&mut self, now: Timestamp) -> Result<bool, TaskError> {
        if self.state != TaskState::Running {
            return Ok(false);
        }
        let fired = self.punctuate(PunctuationClock::WallClock, now, now)?;
        self.dirty |= fired;
        Ok(fired)
    }

    /// True when the calls since then have taken what a turn may take. `began`: what they had taken by then.
    pub(super) fn has_had_its_time(&self, began: Duration) -> bool {
        self.walker.spent.saturating_sub(began) >= limits::TURN_TIME
    }

    /// True when outputs or writes have to go before more come.
    fn is_full(&self) -> bool {
        let waiting = self.walker.outbox.size();
        waiting.bytes + self.bytes_written() >= self.plan.transaction_bytes || waiting.records >= limits::TRANSACTION_RECORDS
    }

    /// The empty partition that it waits for, and since when it has waited for any.
    pub fn waits_for(&self, now: Timestamp) -> Option<(&TopicPartition, Timestamp)> {
        let since = self.starved_since.filter(|_| self.state == TaskState::Running)?;
        self.group.waits_for(now).map(|at| (at, since))
    }

    /// Bytes of its state on disk, as of the last flush.
    pub fn state_bytes(&self) -> u64 {
        self.walker.env.as_ref().map_or(0, |env| env.stores.bytes_on_disk())
    }

    /// Bytes that the running transaction has written to stores.
    pub fn bytes_written(&self) -> usize {
        self.walker.env.as_ref().map_or(0, |env| env.stores.bytes_written())
    }

    /// When, after `now`, the task wants to be called again though no record arrives.
    pub fn wakes_at(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.state {
            TaskState::Running => {
                let scheduled = self.walker.env.as_ref().and_then(|env| env.schedules.next_due(PunctuationClock::WallClock));
                let waits = self.group.waits_until().filter(|until| *until > now);
                scheduled.into_iter().chain(waits).min()
            }
            TaskState::Sleeping { until, .. } => Some(*until),
            TaskState::Parked { .. } => None,
        }
    }

    pub(super) fn one_record(&mut self, plan: &TaskPlan, at: usize, now: Timestamp) -> Result<(), TaskError> {
        let queue = &mut self.group.queues[at];
        let source = queue.source;
        let Some((head, time)) = queue.pop() else { return Ok(()) };
        let Some(env) = &mut self.walker.env else { return Ok(()) };
        self.dirty = true;
        self.walker.cause = Cause::Record { queue: at, offset: head.offset };
        let before = env.stream_time;
        let time = match time {
            Ok(time) => time,
            Err(reason) => {
                let failed = WalkFailure { node: source, failure: Failure::BadRecord(reason) };
                return self.failed(Failed { at, head, before }, failed, now);
            }
        };
        let stream_time = before.map_or(time, |seen| seen.max(time));
        env.stream_time = Some(stream_time);
        env.now = now;
        env.position = Some(Position { topic: queue.at.topic.clone(), partition: queue.at.partition, offset: head.offset });
        let point = self.walker.undo_point().map_err(TaskError::Broken)?;
        match self.walker.walk(plan, source, sourced(plan, source, head.record.clone(), time)) {
            Ok(()) => {
                self.walker.keep(point);
                self.counters.processed += 1;
                self.counters.from_inputs += u64::from(plan.reads_input(source));
                self.counters.lateness.add(u64::try_from(stream_time.0.saturating_sub(time.0)).unwrap_or(0));
                self.attempts = 0;
                self.punctuate(PunctuationClock::StreamTime, stream_time, now)?;
                Ok(())
            }
            Err(failed) => {
                self.walker.undo(point);
                self.failed(Failed { at, head, before }, failed, now)
            }
        }
    }

    fn failed(&mut self, record: Failed, failed: WalkFailure, now: Timestamp) -> Result<(), TaskError> {
        let node = self.plan.node(failed.node);
        let mut decided = verdict(&failed.failure, &node.on_error, self.attempts, now, false);
        let queue = &self.group.queues[record.at];
        let mut failure = RecordFailure {
            node: node.name.clone(),
            task: self.id.name.clone(),
            kind: kind(&failed.failure),
            reason: failed.failure.to_string(),
            frames: frames(failed.failure),
            position: Position { topic: queue.at.topic.clone(), partition: queue.at.partition, offset: record.head.offset },
            key: record.head.record.key.clone(),
            redact_key: self.plan.redact_keys,
            schedule: None,
        };
        self.counters.failed += 1;
        self.on_trial(failed.node, &decided, &failure)?;
        self.last_failed = Some(failure.position.clone());
        if let Verdict::DeadLetter(topic) = &decided
            && let Some(refusal) = self.walker.refusal(failed.node, true)
        {
            failure.reason = format!("{}; {topic} refuses its dead letter: {refusal}", failure.reason);
            decided = Verdict::Park;
        }
        match decided {
            Verdict::Skip => {
                self.tell_passed_over(&failure, "skipped", now);
                self.counters.skipped += 1;
                self.attempts = 0;
            }
            Verdict::DeadLetter(topic) => {
                self.tell_passed_over(&failure, "put aside as a dead letter", now);
                self.walker.post(failed.node, true, dead_letter(&topic, &record.head.record, &failure));
                self.counters.dead_lettered += 1;
                self.attempts = 0;
            }
            Verdict::Sleep(until) => {
                tracing::warn!(node = %failure.node, task = %failure.task, "{failure}; tried again at {until}");
                let attempts = self.attempts + 1;
                self.put_back(record);
                self.state = TaskState::Sleeping { until, failure: Box::new(failure), attempts };
            }
            Verdict::Park => {
                self.log_failure(&failure, "task parked");
                self.put_back(record);
                self.attempts = 0;
                self.state = TaskState::Parked { failure: Box::new(failure) };
            }
            Verdict::State(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// As if the record had never been taken: its time does not count either.
    fn put_back(&mut self, record: Failed) {
        self.group.queues[record.at].put_back(record.head);
        self.frames.comes_alone();
        if let Some(env) = &mut self.walker.env {
            env.stream_time = record.before;
        }
    }

    /// As `log_failure`, unless there were too many such lines in this second.
    pub(super) fn tell_passed_over(&mut self, failure: &RecordFailure, outcome: &str, now: Timestamp) {
        if self.failure_lines.has_room(now, &self.id.name) {
            self.log_failure(failure, outcome);
        }
    }

    pub(super) fn log_failure(&self, failure: &RecordFailure, outcome: &str) {
        let frames = (!failure.frames.is_empty()).then(|| failure.frames.join(" < "));
        tracing::error!(
            node = %failure.node,
            task = %failure.task,
            key = %failure.key_shown(),
            frames = frames.map(tracing::field::display),
            "{failure}; {outcome}"
        );
    }

    /// A parked task tries its record again. Says whether it was parked.
    pub fn resume(&mut self) -> bool {
        let parked = matches!(self.state, TaskState::Parked { .. });
        if parked {
            self.state = TaskState::Running;
            self.walker.refusals.clear();
        }
        parked
    }

    /// Outputs of the walks that have ended, to be handed to the producer in this order.
    pub fn take_outbox(&mut self) -> std::vec::Drain<'_, Parcel> {
        self.walker.outbox.drain()
    }

    /// The log refused a record, so the transaction is void. After the rewind the same walk fails where the record came from.
    pub fn refused(&mut self, origin: Origin, reason: String) {
        self.walker.refusals.add(origin, reason);
    }

    /// Queues of repartition topics.
    pub fn internal_queues(&self) -> impl Iterator<Item = &PartitionQueue> {
        self.group.queues.iter().filter(|q| matches!(self.plan.node(q.source).work, Work::Source { role: SourceRole::Repartition, .. }))
    }

    /// The highest timestamp seen.
    pub fn stream_time(&self) -> Option<Timestamp> {
        self.walker.env.as_ref()?.stream_time
    }

    /// What the task lends to its nodes: its state. `None` only if a call never handed it back.
    pub fn env(&mut self) -> Option<&mut TaskEnv> {
        self.walker.env.as_deref_mut()
    }

    /// Ends the task and gives back its state.
    pub fn close(mut self) -> Option<Box<TaskEnv>> {
        self.failure_lines.tell_rest(&self.id.name);
        for node in self.walker.nodes.iter_mut().flatten() {
            node.close(&mut self.walker.env);
        }
        self.walker.env.take()
    }
}

/// A record whose walk was undone.
struct Failed {
    /// Its queue.
    at: usize,
    head: Head,
    /// The stream time before it.
    before: Option<Timestamp>,
}

/// A source's record as its children see it.
pub(super) fn sourced(plan: &TaskPlan, source: LocalNode, polled: Record, time: Timestamp) -> Record {
    let mut record = Record { timestamp: time, ..polled };
    match &plan.node(source).work {
        Work::Source { role: SourceRole::Repartition, .. } => record::unpack_change(&mut record),
        _ => record::strip_reserved_headers(&mut record),
    }
    record
}

pub(super) fn extractor(plan: &TaskPlan, source: LocalNode) -> &super::extract::TimestampExtractor {
    match &plan.node(source).work {
        Work::Source { extractor, .. } => extractor,
        Work::Processor | Work::Sink(_) => &super::extract::TimestampExtractor::Own,
    }
}

/// The guest's frames of a trap.
pub(super) fn frames(failure: Failure) -> Vec<String> {
    match failure {
        Failure::Trap { frames, .. } => frames,
        _ => Vec::new(),
    }
}
