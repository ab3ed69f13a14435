//! The depth-first walk: one record goes through the whole sub-topology before the next.
//!
//! Outputs of a call are delivered in order once it has returned; each one's whole subtree sees it before the next output exists for
//! anybody (Kafka Streams' order of `forward`). Whatever fails, everything since the savepoint is undone.

use std::sync::Arc;
use std::time::Duration;

use crate::broker::OutgoingRecord;
use crate::limits;
use crate::node::{Effort, Failure, Lent, Migration, Node, Output, TaskEnv};
use crate::record::{self, HeaderPacker, Record, RecordRef, Timestamp};
use crate::store::Savepoint;

use super::exchange::NodeCount;
use super::frame_walk::FrameRoom;
use super::outbox::{Outbox, OutboxMark, OutboxSize};
use super::plan::{LocalNode, PlanChild, PlanSink, SinkTopic, TaskPlan, Work};
use super::pulse::Pulse;
use super::refusal::{Cause, Origin, Refusals};

/// A node that failed, and why.
#[derive(Debug)]
pub(super) struct WalkFailure {
    pub node: LocalNode,
    pub failure: Failure,
}

/// A record on its way into a node.
#[derive(Debug)]
struct Visit {
    node: LocalNode,
    input: u32,
    partition: Option<u32>,
    record: Record,
}

/// A point to go back to.
#[derive(Debug)]
pub(super) struct UndoPoint {
    stores: Savepoint,
    outbox: OutboxMark,
}

/// The nodes of one task, and what they have in hand.
pub(super) struct Walker {
    /// By local index; `None` for sources and sinks.
    pub nodes: Vec<Option<Box<dyn Node>>>,
    /// What each has been given since somebody asked, by local index.
    pub counts: Vec<NodeCount>,
    /// Full between calls.
    pub env: Lent,
    /// Records of walks that ended well, and of the one that is running.
    pub outbox: Outbox,
    /// Packs what a repartition edge carries in a header.
    packer: HeaderPacker,
    /// See [`TaskPlan::sink_topics`].
    pub sink_topics: Vec<Arc<str>>,
    /// What the running walk began with.
    pub cause: Cause,
    /// What the log refused since the last commit.
    pub refusals: Refusals,
    /// Time that the calls of all walks have taken.
    pub spent: Duration,
    /// Of the outbox when the running walk began.
    began: OutboxSize,
    /// Tells from outside which call is running, and in which partition's task.
    pub(super) pulse: Pulse,
    pub(super) partition: u32,
    stack: Vec<Visit>,
    outputs: Vec<Output>,
    /// What the walk of a frame has in hand.
    pub(super) frame: FrameRoom,
}

impl Walker {
    pub(super) fn new(plan: &TaskPlan, nodes: Vec<Option<Box<dyn Node>>>, env: Box<TaskEnv>, pulse: Pulse, partition: u32) -> Self {
        Self {
            counts: vec![NodeCount::default(); nodes.len()],
            nodes,
            env: Some(env),
            outbox: Outbox::default(),
            packer: HeaderPacker::default(),
            sink_topics: plan.sink_topics(),
            cause: Cause::Record { queue: 0, offset: 0 },
            refusals: Refusals::default(),
            spent: Duration::ZERO,
            began: OutboxSize::default(),
            pulse,
            partition,
            stack: Vec::new(),
            outputs: Vec::new(),
            frame: FrameRoom::default(),
        }
    }

    /// Marks the point to which `undo` goes.
    pub(super) fn undo_point(&mut self) -> Result<UndoPoint, Failure> {
        let env = env(&mut self.env)?;
        env.schedules.savepoint();
        env.effort = Effort::default();
        self.began = self.outbox.size();
        Ok(UndoPoint { stores: env.stores.savepoint(), outbox: self.outbox.mark() })
    }

    /// The walk ended well: nothing before this point can be undone any more.
    pub(super) fn keep(&mut self, point: UndoPoint) {
        if let Some(env) = &mut self.env {
            env.stores.release(point.stores);
            self.spent += std::mem::take(&mut env.effort).time;
        }
    }

    /// Takes back writes, outputs and schedules since the point.
    pub(super) fn undo(&mut self, point: UndoPoint) {
        if let Some(env) = &mut self.env {
            env.stores.roll_back(point.stores);
            // Else everything up to the commit would be kept for undoing.
            env.stores.release(point.stores);
            env.schedules.roll_back();
            self.spent += std::mem::take(&mut env.effort).time;
        }
        self.outbox.go_back(point.outbox);
        self.stack.clear();
        self.outputs.clear();
        self.frame.clear();
    }

    /// Lets a node take over some of the state of an older version.
    pub(super) fn migrate(&mut self, plan: &TaskPlan, at: LocalNode) -> Result<Migration, Failure> {
        let Some(node) = self.nodes.get_mut(at as usize).and_then(Option::as_mut) else { return Ok(Migration::Done) };
        self.pulse.enter(plan.node(at).ix, self.partition);
        let came_to = node.migrate(&mut self.env);
        self.pulse.leave();
        came_to
    }

    /// Puts a record among those of the walks that ended well.
    pub(super) fn post(&mut self, node: LocalNode, letter: bool, record: OutgoingRecord) {
        self.outbox.push(record, Origin { cause: self.cause, node, letter });
    }

    /// Why the log refused what this node sent in this walk before.
    pub(super) fn refusal(&self, node: LocalNode, letter: bool) -> Option<&str> {
        self.refusals.of(Origin { cause: self.cause, node, letter })
    }

    /// Walks a source's record through all that is below it.
    pub(super) fn walk(&mut self, plan: &TaskPlan, source: LocalNode, record: Record) -> Result<(), WalkFailure> {
        push_children(&mut self.stack, &plan.node(source).children, 0, None, record);
        self.drain_stack(plan)
    }

    /// Calls a punctuation and walks what it gives.
    pub(super) fn punctuate(&mut self, plan: &TaskPlan, at: LocalNode, schedule: &str, time: Timestamp) -> Result<(), WalkFailure> {
        let fail = |failure| WalkFailure { node: at, failure };
        self.cause = Cause::Punctuation(at);
        env(&mut self.env).map_err(fail)?.row_timestamp = time;
        let node = node(&mut self.nodes, at).map_err(fail)?;
        self.pulse.enter(plan.node(at).ix, self.partition);
        let outcome = node.punctuate(&mut self.env, schedule, time, &mut self.outputs);
        self.pulse.leave();
        outcome.map_err(fail)?;
        self.push_outputs(plan, at);
        self.drain_stack(plan)
    }

    fn drain_stack(&mut self, plan: &TaskPlan) -> Result<(), WalkFailure> {
        while let Some(visit) = self.stack.pop() {
            let at = visit.node;
            let fail = |failure| WalkFailure { node: at, failure };
            match &plan.node(at).work {
                Work::Sink(sink) => self.enter_sink(at, sink, visit.partition, visit.record).map_err(fail)?,
                Work::Processor => {
                    env(&mut self.env).map_err(fail)?.row_timestamp = visit.record.timestamp;
                    let node = node(&mut self.nodes, at).map_err(fail)?;
                    self.counts[at as usize].records += 1;
                    self.pulse.enter(plan.node(at).ix, self.partition);
                    let outcome = node.process(&mut self.env, visit.input, visit.record, &mut self.outputs);
                    self.pulse.leave();
                    outcome.map_err(fail)?;
                    self.push_outputs(plan, at);
                }
                Work::Source { .. } => {}
            }
        }
        Ok(())
    }

    /// Puts a record that has reached a sink into the outbox.
    pub(super) fn enter_sink(&mut self, at: LocalNode, sink: &PlanSink, partition: Option<u32>, record: Record) -> Result<(), Failure> {
        let out = to_outgoing(sink, &self.sink_topics[at as usize], partition, record, &mut self.packer)?;
        if let Some(reason) = self.refusal(at, false) {
            return Err(Failure::BadRecord(format!("{} refuses the record: {reason}", sink.topic)));
        }
        self.post(at, false, out);
        self.check_outputs()
    }

    /// Refuses a walk that gives more than memory is meant for: nothing of it can be sent before it has ended.
    pub(super) fn check_outputs(&self) -> Result<(), Failure> {
        let OutboxSize { records, bytes } = self.outbox.size() - self.began;
        if records > limits::WALK_OUTPUTS {
            return Err(Failure::BadRecord(format!("more than {} records reach sinks from one record", limits::WALK_OUTPUTS)));
        }
        if bytes > limits::WALK_OUTPUT_BYTES {
            let most = limits::WALK_OUTPUT_BYTES >> 20;
            return Err(Failure::BadRecord(format!("more than {most} MiB of records reach sinks from one record")));
        }
        Ok(())
    }

    /// Puts a node's outputs on the stack so that the first one's first child comes out first.
    fn push_outputs(&mut self, plan: &TaskPlan, from: LocalNode) {
        let children = &plan.node(from).children;
        for out in self.outputs.drain(..).rev() {
            push_children(&mut self.stack, children, out.slot as usize, out.partition, out.record);
        }
    }
}

fn push_children(stack: &mut Vec<Visit>, children: &[Vec<PlanChild>], slot: usize, partition: Option<u32>, record: Record) {
    let Some((first, others)) = children.get(slot).and_then(|c| c.split_first()) else { return };
    for child in others.iter().rev() {
        stack.push(visit(child, partition, record.clone()));
    }
    stack.push(visit(first, partition, record));
}

fn visit(child: &PlanChild, partition: Option<u32>, mut record: Record) -> Visit {
    if !child.table {
        record.change = None;
    }
    Visit { node: child.node, input: child.input, partition, record }
}

/// What a sink writes. A record that the log would refuse is refused here, where it can still be undone.
fn to_outgoing(
    sink: &PlanSink,
    topic: &Arc<str>,
    partition: Option<u32>,
    mut record: Record,
    packer: &mut HeaderPacker,
) -> Result<OutgoingRecord, Failure> {
    record::strip_reserved_headers(&mut record);
    if sink.internal {
        record::pack_change(&mut record, packer);
    } else {
        record.change = None;
    }
    match refused(RecordRef::from(&record), partition, topic, sink.target) {
        Some(reason) => Err(Failure::BadRecord(reason)),
        None => Ok(OutgoingRecord { topic: topic.clone(), partition, record }),
    }
}

/// Why a sink does not take a record.
pub(super) fn refused(record: RecordRef<'_>, partition: Option<u32>, topic: &str, target: Option<SinkTopic>) -> Option<String> {
    if let (Some(partition), Some(SinkTopic { partitions, .. })) = (partition, target)
        && partition >= partitions
    {
        return Some(format!("partition {partition} of '{topic}' does not exist: it has {partitions}"));
    }
    if record.key.is_none() && target.is_some_and(|t| t.compacted) {
        return Some(format!("a record without a key cannot go to '{topic}', which is compacted by key"));
    }
    let (size, headers) = (record.size(), record.headers.len());
    if size > limits::RECORD_BYTES {
        return Some(format!("a record of {size} bytes is above the limit of {} (record size)", limits::RECORD_BYTES));
    }
    (headers > limits::RECORD_HEADERS)
        .then(|| format!("a record with {headers} headers is above the limit of {} (record headers)", limits::RECORD_HEADERS))
}

pub(super) fn env(lent: &mut Lent) -> Result<&mut TaskEnv, Failure> {
    lent.as_deref_mut().ok_or_else(|| Failure::Fatal("the task's state was not handed back by an earlier call".into()))
}

pub(super) fn node(nodes: &mut [Option<Box<dyn Node>>], at: LocalNode) -> Result<&mut Box<dyn Node>, Failure> {
    nodes[at as usize].as_mut().ok_or_else(|| Failure::Fatal("the node has no instance".into()))
}
