//! The walk of a frame: a run of source records goes from node to node together. Only where nobody can tell that from one walk after
//! another, see [`Topology::one_by_one`](crate::topology::Topology::one_by_one).

use crate::node::{Caused, Frame, Incoming, Output, SourceRecord};
use crate::record::Record;

use super::plan::{LocalNode, PlanChild, TaskPlan, Work};
use super::refusal::Cause;
use super::walk::{WalkFailure, Walker, env, node};

/// Records on their way into a node.
#[derive(Debug)]
struct Visit {
    node: LocalNode,
    records: Vec<Incoming>,
}

/// What the walk of a frame has in hand, and room for the next one.
#[derive(Debug, Default)]
pub(super) struct FrameRoom {
    stack: Vec<Visit>,
    outputs: Vec<Caused>,
    spare: Vec<Vec<Incoming>>,
}

impl FrameRoom {
    pub(super) fn clear(&mut self) {
        let Self { stack, outputs, spare } = self;
        outputs.clear();
        spare.extend(stack.drain(..).map(|visit| emptied(visit.records)));
    }

    /// An empty list.
    pub(super) fn list(&mut self) -> Vec<Incoming> {
        self.spare.pop().unwrap_or_default()
    }

    /// Sends a source's records to its children.
    fn begin(&mut self, children: &[Vec<PlanChild>], records: impl Iterator<Item = Record>) {
        let from_source = |(record, cause)| Caused { cause, output: Output { slot: 0, partition: None, record } };
        let records = records.zip(0..).map(from_source);
        if let [only] = children
            && let [child] = only.as_slice()
        {
            let mut list = self.list();
            list.extend(records.map(|caused| incoming(child, caused)));
            self.visit(child.node, list);
        } else {
            self.outputs.extend(records);
            self.push(children);
        }
    }

    /// Sends records to the children of a node, the first child's on top.
    fn push(&mut self, children: &[Vec<PlanChild>]) {
        let mut outputs = std::mem::take(&mut self.outputs);
        let mut edges = children.iter().enumerate().flat_map(|(number, slot)| slot.iter().map(move |child| (number, child)));
        if let (Some((slot, child)), None) = (edges.next(), edges.next()) {
            let mut records = self.list();
            records.extend(outputs.drain(..).filter(|caused| caused.output.slot as usize == slot).map(|caused| incoming(child, caused)));
            self.visit(child.node, records);
        } else {
            for (number, slot) in children.iter().enumerate().rev() {
                for child in slot.iter().rev() {
                    let mut records = self.list();
                    records.extend(
                        outputs.iter().filter(|caused| caused.output.slot as usize == number).map(|caused| incoming(child, caused.clone())),
                    );
                    self.visit(child.node, records);
                }
            }
        }
        outputs.clear();
        self.outputs = outputs;
    }

    fn visit(&mut self, node: LocalNode, records: Vec<Incoming>) {
        match records.is_empty() {
            true => self.spare.push(records),
            false => self.stack.push(Visit { node, records }),
        }
    }
}

impl Walker {
    /// Walks records of a source, of the queue `queue`, through all that is below it.
    pub(super) fn walk_frame(
        &mut self,
        plan: &TaskPlan,
        source: LocalNode,
        queue: usize,
        causes: &[SourceRecord],
        records: impl Iterator<Item = Record>,
    ) -> Result<(), WalkFailure> {
        self.frame.begin(&plan.node(source).children, records);
        while let Some(Visit { node: at, mut records }) = self.frame.stack.pop() {
            let fail = |failure| WalkFailure { node: at, failure };
            match &plan.node(at).work {
                Work::Sink(sink) => {
                    for Incoming { cause, partition, record, .. } in records.drain(..) {
                        self.cause = Cause::Record { queue, offset: causes[cause as usize].offset };
                        self.enter_sink(at, sink, partition, record).map_err(fail)?;
                    }
                }
                Work::Processor => self.enter_node(plan, at, causes, &records)?,
                Work::Source { .. } => {}
            }
            self.frame.spare.push(emptied(records));
        }
        Ok(())
    }

    fn enter_node(&mut self, plan: &TaskPlan, at: LocalNode, causes: &[SourceRecord], records: &[Incoming]) -> Result<(), WalkFailure> {
        let fail = |failure| WalkFailure { node: at, failure };
        let mut rest = records;
        while let Some(first) = rest.first() {
            let node = node(&mut self.nodes, at).map_err(fail)?;
            let (run, others) = rest.split_at(node.frame_records().clamp(1, rest.len()));
            env(&mut self.env).map_err(fail)?.begin(causes[first.cause as usize], first.record.timestamp);
            self.pulse.enter(plan.node(at).ix, self.partition);
            let outcome = node.process_frame(&mut self.env, Frame { records: run, causes }, &mut self.frame.outputs);
            self.pulse.leave();
            outcome.map_err(fail)?;
            rest = others;
        }
        self.frame.push(&plan.node(at).children);
        Ok(())
    }
}

fn incoming(child: &PlanChild, Caused { cause, output }: Caused) -> Incoming {
    let mut record = output.record;
    if !child.table {
        record.change = None;
    }
    Incoming { input: child.input, cause, partition: output.partition, record }
}

fn emptied(mut records: Vec<Incoming>) -> Vec<Incoming> {
    records.clear();
    records
}
