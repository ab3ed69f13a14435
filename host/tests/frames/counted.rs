//! Nodes that count how often they are given more than one record a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cofferdam::error::Diagnostic;
use cofferdam::node::{Caused, Failure, Frame, Lent, Load, Migration, Node, Output, PackedFrame, VersionId};
use cofferdam::record::{Record, Timestamp};
use cofferdam::runtime::NodeFactory;
use cofferdam::topology::{NodeIx, TaskId};

/// Makes another's nodes, which count.
pub(super) struct Counted {
    nodes: Arc<dyn NodeFactory>,
    frames: Arc<AtomicU64>,
}

impl Counted {
    pub(super) fn new(nodes: Arc<dyn NodeFactory>) -> Arc<Self> {
        Arc::new(Self { nodes, frames: Arc::default() })
    }

    /// Calls with more than one record.
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }
}

impl NodeFactory for Counted {
    fn make(&self, node: NodeIx, version: VersionId, task: &TaskId, env: &mut Lent) -> Result<Box<dyn Node>, Diagnostic> {
        let node = self.nodes.make(node, version, task, env)?;
        Ok(Box::new(Counting { node, frames: self.frames.clone() }))
    }
}

struct Counting {
    node: Box<dyn Node>,
    frames: Arc<AtomicU64>,
}

impl Node for Counting {
    fn process(&mut self, env: &mut Lent, input: u32, record: Record, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        self.node.process(env, input, record, outputs)
    }

    fn frame_records(&self) -> usize {
        self.node.frame_records()
    }

    fn process_frame(&mut self, env: &mut Lent, frame: Frame<'_>, outputs: &mut Vec<Caused>) -> Result<(), Failure> {
        self.frames.fetch_add(u64::from(frame.len() > 1), Ordering::Relaxed);
        self.node.process_frame(env, frame, outputs)
    }

    fn packs(&self) -> bool {
        self.node.packs()
    }

    fn process_packed(&mut self, env: &mut Lent, frame: Load<'_>, outputs: &mut Vec<Caused>) -> Result<Option<PackedFrame>, Failure> {
        self.frames.fetch_add(u64::from(frame.len() > 1), Ordering::Relaxed);
        self.node.process_packed(env, frame, outputs)
    }

    fn punctuate(&mut self, env: &mut Lent, schedule: &str, time: Timestamp, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        self.node.punctuate(env, schedule, time, outputs)
    }

    fn is_behind(&self) -> bool {
        self.node.is_behind()
    }

    fn migrate(&mut self, env: &mut Lent) -> Result<Migration, Failure> {
        self.node.migrate(env)
    }

    fn after_commit(&mut self, env: &mut Lent) -> Result<(), Failure> {
        self.node.after_commit(env)
    }

    fn close(&mut self, env: &mut Lent) {
        self.node.close(env);
    }
}
