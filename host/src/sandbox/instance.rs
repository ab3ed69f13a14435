//! One instance of a component: a wasmtime store of its own, and the calls into it.

use std::sync::Arc;

use wasmtime::Store;

use super::bindings::cofferdam::processor::types::{self, HeaderParam, PreviousParam, RecordParam};
use super::bindings::exports::cofferdam::processor::batch;
use super::bindings::exports::cofferdam::processor::migrate::{self, Step};
use super::bindings::exports::cofferdam::processor::node::{self, Setup};
use super::engine::Deadline;
use super::failing;
use super::guest_log::one_line;
use super::loaded::Loaded;
use super::outputs;
use super::setup::NodeSetup;
use super::state::{Carried, OpenFrame, Phase, State};
use crate::limits;
use crate::node::{Caused, Failure, Lent, Load, Output, PackedFrame, packed_frame};
use crate::record::{Header, Record, Timestamp};

/// An instance that has passed its `init`.
pub(super) struct Instance {
    store: Store<State>,
    node: node::Guest,
    /// The packed path, where the component has one.
    batch: Option<batch::Guest>,
    /// What takes over state of an older version, where the component has it.
    migrate: Option<migrate::Guest>,
    /// Room for a frame.
    buffer: Vec<u8>,
    deadline: Deadline,
    /// Memory above which it is let go of at a commit.
    high_water: usize,
    /// A call did not return: nothing in this store can be called again.
    dead: bool,
}

/// A store with the limits set, before anything is instantiated in it.
pub(super) fn new_store(loaded: &Loaded, state: State) -> Store<State> {
    let mut store = Store::new(loaded.pre.engine(), state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(limits::HOST_CALL_BYTES);
    store.set_max_component_handles(limits::HANDLES);
    store.epoch_deadline_trap();
    store
}

/// Lends the task's belongings to whatever runs in the store, and takes them back. Refuses when the calls for one record have had their time.
pub(super) fn run<R>(
    store: &mut Store<State>,
    env: &mut Lent,
    phase: Phase,
    deadline: Deadline,
    call: impl FnOnce(&mut Store<State>) -> wasmtime::Result<R>,
) -> Result<R, Failure> {
    if env.as_ref().is_some_and(|env| phase == Phase::Work && env.effort.time >= limits::WALK_TIME) {
        let most = failing::seconds(limits::WALK_TIME);
        return Err(Failure::BadRecord(format!("the calls for one record have taken {most} together, which is the limit")));
    }
    let begun = store.data().ticks.now();
    store.data_mut().begin(env.take(), phase);
    store.set_epoch_deadline(deadline.ticks);
    let outcome = call(store);
    let state = store.data_mut();
    *env = state.finish();
    if let Some(env) = env {
        env.effort.time += state.ticks.since(begun).min(limits::CALL_DEADLINE);
    }
    let outcome = outcome.map_err(|error| failing::failure(&error, state, deadline));
    state.tell_held();
    outcome
}

impl Instance {
    /// Instantiates the component and calls its `init`.
    pub(super) fn start(loaded: &Loaded, setup: &Arc<NodeSetup>, carried: Carried, env: &mut Lent) -> Result<Self, Failure> {
        let mut store = new_store(loaded, State::new(setup.clone(), Phase::Init, carried, &loaded.engine));
        let started = run(&mut store, env, Phase::Init, Deadline::new(limits::INIT_DEADLINE), |store| {
            let instance = loaded.pre.instantiate(&mut *store)?;
            let node = loaded.node.load(&mut *store, &instance)?;
            let batch = loaded.batch.as_ref().map(|batch| batch.load(&mut *store, &instance)).transpose()?;
            let migrate = loaded.migrate.as_ref().map(|migrate| migrate.load(&mut *store, &instance)).transpose()?;
            let inputs: Vec<&str> = setup.inputs.iter().map(String::as_str).collect();
            let ports: Vec<&str> = setup.ports.iter().map(String::as_str).collect();
            let told =
                Setup { app: &setup.app, name: &setup.name, task: &setup.task, inputs: &inputs, ports: &ports, config: &setup.config };
            let answer = node.call_init(store, told)?;
            Ok((node, batch, migrate, answer))
        });
        match started {
            Ok((node, batch, migrate, Ok(()))) => {
                let room = setup.limits.memory_bytes / limits::HIGH_WATER_DIVISOR;
                let high_water = store.data().memory.used().saturating_add(room);
                let deadline = Deadline::new(setup.limits.deadline);
                Ok(Self { store, node, batch, migrate, buffer: Vec::new(), deadline, high_water, dead: false })
            }
            Ok((_, _, _, Err(refusal))) => Err(Failure::Fatal(format!("init: {}", one_line(&refusal, limits::REASON_BYTES)))),
            Err(Failure::Trap { reason, frames }) => Err(Failure::Fatal(with_frames(&format!("init: {reason}"), &frames))),
            Err(other) => Err(other),
        }
    }

    /// One record.
    pub(super) fn process(&mut self, env: &mut Lent, input: u32, record: &Record, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        let headers: Vec<HeaderParam<'_>> = record.headers.iter().map(|Header { name, value }| HeaderParam { name, value }).collect();
        let told = RecordParam {
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            timestamp: record.timestamp.0,
            headers: &headers,
            change: record.change.as_ref().map(|c| PreviousParam { value: c.value.as_deref(), latest: c.latest }),
        };
        self.work(env, outputs, |store, node| node.call_process(store, input, told))
    }

    /// A frame of records. Only where the component has the packed path. Its outputs are appended where it has handed over some of them early.
    pub(super) fn process_packed(
        &mut self,
        env: &mut Lent,
        frame: Load<'_>,
        outputs: &mut Vec<Caused>,
    ) -> Result<Option<PackedFrame>, Failure> {
        let Some(batch) = &self.batch else { return Err(Failure::Fatal("the component has no packed path".into())) };
        let open = self.store.data_mut().call.frame.insert(OpenFrame::default());
        let bytes = match frame {
            Load::Records(frame) => {
                open.causes.extend(frame.causes());
                self.buffer.clear();
                packed_frame::write(frame, &mut self.buffer);
                &self.buffer
            }
            Load::Packed(frame) => {
                open.causes.extend(frame.causes());
                frame.bytes()
            }
        };
        let answer = run(&mut self.store, env, Phase::Work, self.deadline, |store| batch.call_process_frame(store, bytes));
        self.dead |= answer.is_err();
        let State { setup, call, .. } = self.store.data_mut();
        let open = call.frame.take().unwrap_or_default();
        let returned = answer?.map_err(told_failure)?;
        let OpenFrame { causes, mut taken, mut forwarded } = open;
        let checked = taken.check(setup, &causes, returned, true);
        self.dead |= matches!(checked, Err(Failure::Trap { .. }));
        let checked = checked?;
        if forwarded.is_empty() {
            return Ok(Some(checked));
        }
        outputs.append(&mut forwarded);
        checked.unpack(outputs);
        Ok(None)
    }

    /// A schedule that is due.
    pub(super) fn punctuate(&mut self, env: &mut Lent, schedule: &str, time: Timestamp, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        self.work(env, outputs, |store, node| node.call_punctuate(store, schedule, time.0))
    }

    /// A step of taking over the state of an older version; the next cursor, or none when all is done.
    pub(super) fn migrate(&mut self, env: &mut Lent, from: u32, cursor: Option<&[u8]>) -> Result<Option<Vec<u8>>, Failure> {
        let Some(migrate) = &self.migrate else { return Err(Failure::Fatal("the component has no `migrate`".into())) };
        let answer = run(&mut self.store, env, Phase::Migrate, self.deadline, |store| migrate.call_migrate(store, from, cursor));
        self.dead |= answer.is_err();
        match answer? {
            Ok(Step::Done) => Ok(None),
            Ok(Step::More(cursor)) => Ok(Some(cursor)),
            Err(refusal) => Err(Failure::Fatal(format!("migrate: {}", one_line(&refusal, limits::REASON_BYTES)))),
        }
    }

    fn work(
        &mut self,
        env: &mut Lent,
        outputs: &mut Vec<Output>,
        call: impl FnOnce(&mut Store<State>, &node::Guest) -> wasmtime::Result<Result<Vec<types::Output>, types::Failure>>,
    ) -> Result<(), Failure> {
        let node = &self.node;
        let answer = run(&mut self.store, env, Phase::Work, self.deadline, |store| call(store, node));
        self.dead |= answer.is_err();
        let answer = answer?;
        let State { setup, call, .. } = self.store.data_mut();
        match answer {
            Ok(returned) => {
                outputs.append(&mut call.forwarded);
                outputs::accept_returned(setup, &mut call.totals, returned, outputs)
            }
            Err(failure) => {
                call.forwarded.clear();
                Err(told_failure(failure))
            }
        }
    }

    /// Lets the guest say goodbye.
    pub(super) fn close(&mut self, env: &mut Lent) -> Result<(), Failure> {
        let node = &self.node;
        let closed = run(&mut self.store, env, Phase::Close, self.deadline, |store| node.call_close(store));
        self.dead |= closed.is_err();
        closed
    }

    /// Whether it can be called again.
    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    /// Whether it has grown so far that its memory should be given back.
    pub(super) fn is_over_high_water(&self) -> bool {
        self.store.data().memory.used() > self.high_water
    }

    /// What outlives it.
    pub(super) fn carried(&mut self) -> &mut Carried {
        &mut self.store.data_mut().carried
    }
}

fn told_failure(failure: types::Failure) -> Failure {
    let short = |text: String| one_line(&text, limits::REASON_BYTES);
    match failure {
        types::Failure::BadRecord(text) => Failure::BadRecord(short(text)),
        types::Failure::Transient(text) => Failure::Transient(short(text)),
        types::Failure::Fatal(text) => Failure::Fatal(short(text)),
    }
}

/// A reason with the place where it happened, for failures that have no room for frames.
fn with_frames(reason: &str, frames: &[String]) -> String {
    if frames.is_empty() { reason.to_owned() } else { format!("{reason}; in {}", frames.join(", called by ")) }
}
