//! A component as a node of a task.

use std::sync::Arc;

use super::frame_length::FrameLength;
use super::instance::Instance;
use super::loaded::Loaded;
use super::migration;
use super::setup::NodeSetup;
use super::state::Carried;
use crate::node::{self, Caused, Failure, Frame, Lent, Load, Migration, Node, Output, PackedFrame, SourceRecord};
use crate::record::{Record, Timestamp};

/// In a frame: there is none yet.
const NO_STREAM_TIME: Timestamp = Timestamp(-1);

/// A node whose operator is a component. It replaces its instance when that has trapped or grown too large; only memory is lost with it.
pub struct ComponentNode {
    loaded: Arc<Loaded>,
    setup: Arc<NodeSetup>,
    /// Its records come packed. Not where rows expire: the SDK would keep writes back for the length of a frame.
    packs: bool,
    instance: Option<Instance>,
    /// What the next instance goes on with, while there is none.
    carried: Carried,
    frame_length: FrameLength,
    /// Room for outputs.
    given: Vec<Caused>,
    /// The version of its state, where it was made over state of an older one.
    behind: Option<u32>,
}

impl std::fmt::Debug for ComponentNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComponentNode").field("node", &self.setup.name).field("task", &self.setup.task).finish_non_exhaustive()
    }
}

impl ComponentNode {
    /// `behind`: the version of its state, where the state is of an older one.
    pub(super) fn start(loaded: Arc<Loaded>, setup: NodeSetup, behind: Option<u32>, env: &mut Lent) -> Result<Self, Failure> {
        let packs = loaded.batch.is_some() && !setup.grants.iter().any(|grant| grant.shape.expires());
        let mut node = Self {
            loaded,
            setup: Arc::new(setup),
            packs,
            instance: None,
            carried: Carried::default(),
            frame_length: FrameLength::default(),
            given: Vec::new(),
            behind,
        };
        node.with_instance(env, |_, _| Ok(()))?;
        Ok(node)
    }

    /// Calls the instance, a new one when there is none; lets go of one that dies of it.
    fn with_instance(&mut self, env: &mut Lent, call: impl FnOnce(&mut Instance, &mut Lent) -> Result<(), Failure>) -> Result<(), Failure> {
        let instance = match &mut self.instance {
            Some(instance) => instance,
            none => {
                let carried = std::mem::take(&mut self.carried);
                none.insert(start_instance(&self.loaded, &self.setup, carried, env)?)
            }
        };
        let outcome = call(instance, env);
        if instance.is_dead() {
            self.let_go();
        }
        outcome
    }

    /// A `close` that fails harms nobody: the instance was on its way out.
    fn tell_close(&self, closed: Result<(), Failure>) {
        if let Err(failure) = closed {
            tracing::warn!(node = &*self.setup.name, task = &*self.setup.task, "close: {failure}");
        }
    }

    fn let_go(&mut self) {
        if let Some(mut instance) = self.instance.take() {
            self.carried = std::mem::take(instance.carried());
        }
    }
}

/// `init` has no source record, whenever it runs.
fn start_instance(loaded: &Loaded, setup: &Arc<NodeSetup>, carried: Carried, env: &mut Lent) -> Result<Instance, Failure> {
    let position = env.as_mut().and_then(|env| env.position.take());
    let started = Instance::start(loaded, setup, carried, env);
    if let Some(env) = env {
        env.position = position;
    }
    started
}

impl ComponentNode {
    /// A record as a frame of one: that is the faster way, where there is one.
    fn alone(&mut self, env: &mut Lent, input: u32, record: Record, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        let offset = env.as_ref().and_then(|env| env.position.as_ref()).map_or(0, |at| at.offset);
        let stream_time = env.as_ref().and_then(|env| env.stream_time).unwrap_or(NO_STREAM_TIME);
        let records = [Caused { cause: 0, output: Output { slot: 0, partition: None, record } }];
        let causes = [SourceRecord { offset, stream_time }];
        let frame = Frame::given(input, &records, &causes);
        let mut given = std::mem::take(&mut self.given);
        let outcome = self.frame_into(env, frame, &mut given);
        outputs.extend(given.drain(..).map(|caused| caused.output));
        self.given = given;
        outcome
    }
}

impl ComponentNode {
    fn frame_into(&mut self, env: &mut Lent, frame: Frame<'_>, outputs: &mut Vec<Caused>) -> Result<(), Failure> {
        if let Some(given) = self.frame_through(env, Load::Records(frame), outputs)? {
            given.unpack(outputs);
        }
        Ok(())
    }

    fn frame_through(&mut self, env: &mut Lent, frame: Load<'_>, outputs: &mut Vec<Caused>) -> Result<Option<PackedFrame>, Failure> {
        let mut given = None;
        self.with_instance(env, |instance, env| {
            given = instance.process_packed(env, frame, outputs)?;
            Ok(())
        })?;
        Ok(given)
    }

    fn frame_done<T>(&mut self, records: usize, began: u64, outcome: Result<T, Failure>) -> Result<T, Failure> {
        match &outcome {
            Ok(_) => self.frame_length.went_well(records, self.loaded.engine.ticks().since(began)),
            Err(_) => self.frame_length.failed(records),
        }
        outcome
    }
}

impl Node for ComponentNode {
    fn process(&mut self, env: &mut Lent, input: u32, record: Record, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        let ticks = self.loaded.engine.ticks();
        let began = ticks.now();
        match self.packs {
            true => self.alone(env, input, record, outputs)?,
            false => self.with_instance(env, |instance, env| instance.process(env, input, &record, outputs))?,
        }
        self.frame_length.went_well(1, ticks.since(began));
        Ok(())
    }

    fn frame_records(&self) -> usize {
        self.frame_length.records()
    }

    fn process_frame(&mut self, env: &mut Lent, frame: Frame<'_>, outputs: &mut Vec<Caused>) -> Result<(), Failure> {
        let began = self.loaded.engine.ticks().now();
        let outcome = match self.packs {
            true => self.frame_into(env, frame, outputs),
            false => node::one_by_one(self, env, frame, outputs),
        };
        self.frame_done(frame.len(), began, outcome)
    }

    fn packs(&self) -> bool {
        self.packs
    }

    fn process_packed(&mut self, env: &mut Lent, frame: Load<'_>, outputs: &mut Vec<Caused>) -> Result<Option<PackedFrame>, Failure> {
        let (began, records) = (self.loaded.engine.ticks().now(), frame.len());
        let outcome = self.frame_through(env, frame, outputs);
        self.frame_done(records, began, outcome)
    }

    fn punctuate(&mut self, env: &mut Lent, schedule: &str, time: Timestamp, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        self.with_instance(env, |instance, env| instance.punctuate(env, schedule, time, outputs))
    }

    fn is_behind(&self) -> bool {
        self.behind.is_some()
    }

    fn migrate(&mut self, env: &mut Lent) -> Result<Migration, Failure> {
        let Some(version) = self.behind else { return Ok(Migration::Done) };
        let setup = self.setup.clone();
        let mut came_to = Migration::More;
        self.with_instance(env, |instance, env| {
            came_to = migration::step(&setup.name, version, env, |env, from, cursor| instance.migrate(env, from, cursor))?;
            Ok(())
        })?;
        Ok(came_to)
    }

    fn after_commit(&mut self, env: &mut Lent) -> Result<(), Failure> {
        let now = env.as_ref().map(|env| env.now);
        let Some(instance) = &mut self.instance else { return Ok(()) };
        if let Some(now) = now {
            instance.carried().log.tell_suppressed(now, &self.setup);
        }
        if !instance.is_over_high_water() {
            return Ok(());
        }
        let closed = instance.close(env);
        self.let_go();
        match closed {
            Err(Failure::Store(error)) => Err(Failure::Store(error)),
            closed => {
                self.tell_close(closed);
                Ok(())
            }
        }
    }

    fn close(&mut self, env: &mut Lent) {
        if let Some(mut instance) = self.instance.take() {
            let closed = instance.close(env);
            self.carried = std::mem::take(instance.carried());
            self.tell_close(closed);
        }
        self.carried.log.tell_rest(&self.setup);
    }
}
