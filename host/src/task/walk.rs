//! The depth-first walk: one record goes through the whole sub-topology before the next.
//!
//! Outputs of a call are delivered in order once it has returned; each one's whole subtree sees it before the next output exists for
//! anybody (Kafka Streams' order of `forward`). Whatever fails, everything since the savepoint is undone.

use std::sync::Arc;

use crate::broker::OutgoingRecord;
use crate::limits;
use crate::node::{Failure, Lent, Node, Output, TaskEnv};
use crate::record::{self, Record, Timestamp};
use crate::store::Savepoint;

use super::plan::{LocalNode, PlanChild, TaskPlan, Work};

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
    outbox: usize,
    outbox_bytes: usize,
}

/// The nodes of one task, and what they have in hand.
pub(super) struct Walker {
    /// By local index; `None` for sources and sinks.
    pub nodes: Vec<Option<Box<dyn Node>>>,
    /// Full between calls.
    pub env: Lent,
    /// Records of walks that ended well, and of the one that is running.
    pub outbox: Vec<OutgoingRecord>,
    pub outbox_bytes: usize,
    stack: Vec<Visit>,
    outputs: Vec<Output>,
}

impl Walker {
    pub(super) fn new(nodes: Vec<Option<Box<dyn Node>>>, env: Box<TaskEnv>) -> Self {
        Self { nodes, env: Some(env), outbox: Vec::new(), outbox_bytes: 0, stack: Vec::new(), outputs: Vec::new() }
    }

    /// Marks the point to which `undo` goes.
    pub(super) fn undo_point(&mut self) -> Result<UndoPoint, Failure> {
        let env = env(&mut self.env)?;
        env.schedules.savepoint();
        Ok(UndoPoint { stores: env.stores.savepoint(), outbox: self.outbox.len(), outbox_bytes: self.outbox_bytes })
    }

    /// The walk ended well: nothing before this point can be undone any more.
    pub(super) fn keep(&mut self, point: UndoPoint) {
        if let Some(env) = &mut self.env {
            env.stores.release(point.stores);
        }
    }

    /// Takes back writes, outputs and schedules since the point.
    pub(super) fn undo(&mut self, point: UndoPoint) {
        if let Some(env) = &mut self.env {
            env.stores.roll_back(point.stores);
            env.schedules.roll_back();
        }
        self.outbox.truncate(point.outbox);
        self.outbox_bytes = point.outbox_bytes;
        self.stack.clear();
        self.outputs.clear();
    }

    /// Walks a source's record through all that is below it.
    pub(super) fn walk(&mut self, plan: &TaskPlan, source: LocalNode, record: Record) -> Result<(), WalkFailure> {
        push_children(&mut self.stack, &plan.node(source).children, 0, None, record);
        self.drain_stack(plan)
    }

    /// Calls a punctuation and walks what it gives.
    pub(super) fn punctuate(&mut self, plan: &TaskPlan, at: LocalNode, schedule: &str, time: Timestamp) -> Result<(), WalkFailure> {
        let fail = |failure| WalkFailure { node: at, failure };
        env(&mut self.env).map_err(fail)?.row_timestamp = time;
        let node = node(&mut self.nodes, at).map_err(fail)?;
        node.punctuate(&mut self.env, schedule, time, &mut self.outputs).map_err(fail)?;
        self.push_outputs(plan, at);
        self.drain_stack(plan)
    }

    fn drain_stack(&mut self, plan: &TaskPlan) -> Result<(), WalkFailure> {
        while let Some(visit) = self.stack.pop() {
            let at = visit.node;
            let fail = |failure| WalkFailure { node: at, failure };
            match &plan.node(at).work {
                Work::Sink { topic, internal, partitions } => {
                    let out = to_outgoing(visit, topic, *internal, *partitions).map_err(fail)?;
                    self.outbox_bytes += out.record.size();
                    self.outbox.push(out);
                }
                Work::Processor => {
                    env(&mut self.env).map_err(fail)?.row_timestamp = visit.record.timestamp;
                    let node = node(&mut self.nodes, at).map_err(fail)?;
                    node.process(&mut self.env, visit.input, visit.record, &mut self.outputs).map_err(fail)?;
                    self.push_outputs(plan, at);
                }
                Work::Source { .. } => {}
            }
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
fn to_outgoing(visit: Visit, topic: &Arc<str>, internal: bool, partitions: Option<u32>) -> Result<OutgoingRecord, Failure> {
    let mut record = visit.record;
    if let Some(partition) = visit.partition
        && partitions.is_some_and(|count| partition >= count)
    {
        return Err(Failure::BadRecord(format!("partition {partition} of '{topic}' does not exist: it has {}", partitions.unwrap_or(0))));
    }
    let size = record.size();
    if size > limits::RECORD_BYTES {
        return Err(Failure::BadRecord(format!("a record of {size} bytes is above the limit of {} (record size)", limits::RECORD_BYTES)));
    }
    record::strip_reserved_headers(&mut record);
    if internal {
        record::pack_change(&mut record);
    } else {
        record.change = None;
    }
    Ok(OutgoingRecord { topic: topic.clone(), partition: visit.partition, record })
}

fn env(lent: &mut Lent) -> Result<&mut TaskEnv, Failure> {
    lent.as_deref_mut().ok_or_else(|| Failure::Fatal("the task's state was not handed back by an earlier call".into()))
}

fn node(nodes: &mut [Option<Box<dyn Node>>], at: LocalNode) -> Result<&mut Box<dyn Node>, Failure> {
    nodes[at as usize].as_mut().ok_or_else(|| Failure::Fatal("the node has no instance".into()))
}
