//! The walk of a frame: a run of source records goes from node to node together. Only where nobody can tell that from one walk after
//! another, see [`Topology::one_by_one`](crate::topology::Topology::one_by_one).

use crate::node::{Caused, Frame, Load, Output, PackedFrame, SourceRecord};
use crate::record::{Arrived, RecordRef, Timestamp};
use crate::topology::SourceRole;

use super::outbox::SinkFrame;
use super::plan::{LocalNode, PlanChild, PlanSink, TaskPlan, Work};
use super::refusal::Cause;
use super::walk::{WalkFailure, Walker, env, node, refused};
use super::work::sourced;

/// Where the records of a frame come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameSource<'a> {
    pub source: LocalNode,
    /// Index of the queue.
    pub queue: usize,
    /// What it has buffered; the frame is their beginning.
    pub records: &'a Arrived,
    /// None of them has a header that belongs to the host.
    pub plain: bool,
    /// Of its records, as the limits count.
    pub bytes: usize,
}

/// Records on their way into a node.
#[derive(Debug)]
struct Visit {
    node: LocalNode,
    input: u32,
    given: Given,
}

#[derive(Debug)]
enum Given {
    Records(Vec<Caused>),
    /// In one piece from a component to the next, which takes it as it is.
    Packed(PackedFrame),
}

/// What a node is called for.
#[derive(Clone, Copy)]
struct Called<'a> {
    /// Index of the queue.
    queue: usize,
    causes: &'a [SourceRecord],
    /// Nothing comes before its outputs or after them.
    alone: bool,
}

/// Where a frame goes in one piece.
enum WayOn<'p> {
    /// To the one node below.
    Node(&'p PlanChild),
    /// Into the outbox, from the one sink below.
    Log { sink: LocalNode, bytes: usize },
}

/// What the walk of a frame has in hand, and room for the next one.
#[derive(Debug, Default)]
pub(super) struct FrameRoom {
    stack: Vec<Visit>,
    outputs: Vec<Caused>,
    spare: Vec<Vec<Caused>>,
}

impl FrameRoom {
    pub(super) fn clear(&mut self) {
        let Self { stack, outputs, spare } = self;
        outputs.clear();
        spare.extend(stack.drain(..).filter_map(|visit| match visit.given {
            Given::Records(records) => Some(emptied(records)),
            Given::Packed(_) => None,
        }));
    }

    /// An empty list.
    fn list(&mut self) -> Vec<Caused> {
        self.spare.pop().unwrap_or_default()
    }

    /// Sends the outputs to the children of the node that they come from, the first child's on top.
    fn push(&mut self, children: &[Vec<PlanChild>]) {
        if let Some((slot, child)) = only_edge(children) {
            // As they are.
            let spare = self.list();
            let mut records = std::mem::replace(&mut self.outputs, spare);
            let is_sent = |caused: &Caused| caused.output.slot as usize == slot;
            if !records.iter().all(is_sent) {
                records.retain(is_sent);
            }
            self.visit(child, records);
            return;
        }
        let outputs = std::mem::take(&mut self.outputs);
        for (number, slot) in children.iter().enumerate().rev() {
            for child in slot.iter().rev() {
                let mut records = self.list();
                records.extend(outputs.iter().filter(|caused| caused.output.slot as usize == number).cloned());
                self.visit(child, records);
            }
        }
        self.outputs = emptied(outputs);
    }

    fn visit(&mut self, child: &PlanChild, mut records: Vec<Caused>) {
        if records.is_empty() {
            self.spare.push(records);
            return;
        }
        if !child.table {
            records.iter_mut().for_each(|caused| caused.output.record.change = None);
        }
        self.stack.push(Visit { node: child.node, input: child.input, given: Given::Records(records) });
    }
}

impl Walker {
    /// Walks the first records of a queue through all that is below their source: as many as there are `times`, which are their event times,
    /// and `causes`.
    pub(super) fn walk_frame(
        &mut self,
        plan: &TaskPlan,
        from: FrameSource<'_>,
        times: &[Timestamp],
        causes: &[SourceRecord],
    ) -> Result<(), WalkFailure> {
        match untouched_for(plan, from) {
            Some(child) if matches!(plan.node(child.node).work, Work::Sink(_)) => {
                let frame = PackedFrame::consumed(Frame::consumed(0, from.records, times, causes), from.bytes);
                self.pass_on(plan, from.source, frame, Called { queue: from.queue, causes, alone: true })?;
                self.frame.push(&plan.node(from.source).children);
            }
            Some(child) => {
                self.enter_node(plan, child.node, Frame::consumed(child.input, from.records, times, causes), from.queue, causes)?
            }
            None => {
                let owned = from.records.owned(0, times.len()).into_iter();
                let records = owned.zip(times).map(|(consumed, time)| sourced(plan, from.source, consumed.record, *time)).zip(0..);
                let caused = |(record, cause)| Caused { cause, output: Output { slot: 0, partition: None, record } };
                self.frame.outputs.extend(records.map(caused));
                self.frame.push(&plan.node(from.source).children);
            }
        }
        while let Some(Visit { node: at, input, given }) = self.frame.stack.pop() {
            let mut records = match given {
                Given::Records(records) => records,
                Given::Packed(frame) => {
                    self.call(plan, at, Load::Packed(&frame), Called { queue: from.queue, causes, alone: true })?;
                    self.frame.push(&plan.node(at).children);
                    continue;
                }
            };
            match &plan.node(at).work {
                Work::Sink(sink) => {
                    for Caused { cause, output } in records.drain(..) {
                        self.cause = Cause::Record { queue: from.queue, offset: causes[cause as usize].offset };
                        self.enter_sink(at, sink, output.partition, output.record).map_err(|failure| WalkFailure { node: at, failure })?;
                    }
                }
                Work::Processor => self.enter_node(plan, at, Frame::given(input, &records, causes), from.queue, causes)?,
                Work::Source { .. } => {}
            }
            self.frame.spare.push(emptied(records));
        }
        Ok(())
    }

    fn enter_node(
        &mut self,
        plan: &TaskPlan,
        at: LocalNode,
        frame: Frame<'_>,
        queue: usize,
        causes: &[SourceRecord],
    ) -> Result<(), WalkFailure> {
        let mut rest = frame;
        while !rest.is_empty() {
            let node = node(&mut self.nodes, at).map_err(|failure| WalkFailure { node: at, failure })?;
            let (run, others) = rest.split_at(node.frame_records().clamp(1, rest.len()));
            let called = Called { queue, causes, alone: run.len() == frame.len() };
            self.call(plan, at, Load::Records(run), called)?;
            rest = others;
        }
        self.frame.push(&plan.node(at).children);
        Ok(())
    }

    /// Calls a node. See [`Self::pass_on`] for what it gives.
    fn call(&mut self, plan: &TaskPlan, at: LocalNode, load: Load<'_>, called: Called<'_>) -> Result<(), WalkFailure> {
        let fail = |failure| WalkFailure { node: at, failure };
        let Some((source, time)) = load.first(called.causes) else { return Ok(()) };
        self.counts[at as usize].records += load.len() as u64;
        env(&mut self.env).map_err(fail)?.begin(source, time);
        let node = node(&mut self.nodes, at).map_err(fail)?;
        self.pulse.enter(plan.node(at).ix, self.partition);
        let outcome = match load {
            Load::Records(frame) if !node.packs() => node.process_frame(&mut self.env, frame, &mut self.frame.outputs).map(|()| None),
            load => node.process_packed(&mut self.env, load, &mut self.frame.outputs),
        };
        self.pulse.leave();
        match outcome.map_err(fail)? {
            Some(given) => self.pass_on(plan, at, given, called),
            None => Ok(()),
        }
    }

    /// What a node has given goes in one piece to the next one, or to the log, where that can be; else it is among the outputs then.
    fn pass_on(&mut self, plan: &TaskPlan, from: LocalNode, mut given: PackedFrame, called: Called<'_>) -> Result<(), WalkFailure> {
        let Called { queue, causes, alone } = called;
        match self.way_on(plan, from, &given).filter(|_| alone) {
            Some(WayOn::Node(child)) => {
                given.address(child.input, causes);
                self.frame.stack.push(Visit { node: child.node, input: child.input, given: Given::Packed(given) });
            }
            Some(WayOn::Log { sink, bytes }) => {
                given.tell_causes(causes);
                let topic = self.sink_topics[sink as usize].clone();
                self.outbox.push_frame(SinkFrame { frame: given, topic, sink, queue }, bytes);
                self.check_outputs().map_err(|failure| WalkFailure { node: sink, failure })?;
            }
            None => given.unpack(&mut self.frame.outputs),
        }
        Ok(())
    }

    /// Where a node's outputs go in one piece; `None`: each goes its own way.
    fn way_on<'p>(&self, plan: &'p TaskPlan, from: LocalNode, frame: &PackedFrame) -> Option<WayOn<'p>> {
        let (slot, child) = only_edge(&plan.node(from).children)?;
        let slot = u32::try_from(slot).ok()?;
        if let Work::Sink(sink) = &plan.node(child.node).work {
            // A change goes along where it is packed into a header, and is left out elsewhere.
            let fits = frame.goes_by(slot, !(sink.internal && child.table));
            return fits.then(|| self.bytes_for_log(child.node, sink, frame)).flatten().map(|bytes| WayOn::Log { sink: child.node, bytes });
        }
        let node = self.nodes.get(child.node as usize)?.as_deref()?;
        let fits = node.packs() && frame.len() <= node.frame_records() && frame.goes_by(slot, child.table);
        fits.then_some(WayOn::Node(child))
    }

    /// Bytes of the records of a frame as the log gets them; `None` when one of them needs a closer look.
    fn bytes_for_log(&self, at: LocalNode, sink: &PlanSink, frame: &PackedFrame) -> Option<usize> {
        let topic = &self.sink_topics[at as usize];
        let size = |(partition, record): (Option<u32>, RecordRef<'_>)| {
            let passes = !record.headers.has_reserved() && refused(record, partition, topic, sink.target).is_none();
            passes.then(|| record.size())
        };
        if self.refusals.is_empty() { frame.records().map(size).sum() } else { None }
    }
}

/// Where a node has one child, and by one port only: that, and the port.
fn only_edge(children: &[Vec<PlanChild>]) -> Option<(usize, &PlanChild)> {
    let mut edges = children.iter().enumerate().flat_map(|(number, slot)| slot.iter().map(move |child| (number, child)));
    let only = edges.next()?;
    edges.next().is_none().then_some(only)
}

/// The node that takes the source's records as they were consumed: the only child. Nothing has to be taken off them.
fn untouched_for<'p>(plan: &'p TaskPlan, from: FrameSource<'_>) -> Option<&'p PlanChild> {
    let source = plan.node(from.source);
    let own = !matches!(source.work, Work::Source { role: SourceRole::Repartition, .. });
    let [only] = source.children.as_slice() else { return None };
    let [child] = only.as_slice() else { return None };
    (own && from.plain).then_some(child)
}

fn emptied(mut records: Vec<Caused>) -> Vec<Caused> {
    records.clear();
    records
}
