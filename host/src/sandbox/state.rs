//! What stands behind an instance while it works: the data of its wasmtime store.

use std::sync::Arc;

use super::engine::{Engine, Ticks};
use super::frame::Taken;
use super::guest_log::{GuestLog, Level, Stream};
use super::iterators::Iterators;
use super::memory::MemoryMeter;
use super::metrics::NodeMetrics;
use super::open_stores::OpenStore;
use super::outputs::Totals;
use super::setup::NodeSetup;
use crate::manifest::Capability;
use crate::node::{Caused, Failure, Lent, Output, SeededRandom, TaskEnv};
use crate::record::Timestamp;
use crate::store::StoreError;

/// Which export is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// `describe`, or an instantiation for it: no task is behind it.
    Describe,
    /// Instantiation and `init`.
    Init,
    /// `process` or `punctuate`.
    Work,
    /// `migrate`.
    Migrate,
    /// `close`.
    Close,
}

/// Everything that lasts for one call.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// Outputs that were handed over early.
    pub(super) forwarded: Vec<Output>,
    /// Size of the outputs so far.
    pub(super) totals: Totals,
    /// The frame that the guest has been given; `None` in a typed call.
    pub(super) frame: Option<OpenFrame>,
    /// Why a host function ended the call.
    pub(super) ended: Option<Failure>,
    /// The last line that the guest logged as an error: its panic hook's, when it traps.
    pub(super) last_error: Option<String>,
    /// When that was, while the line is held back: what becomes the reason of a failure is not logged as well.
    pub(super) held_since: Option<Timestamp>,
    /// What it wrote to stderr: message and stack of an uncaught exception, when it traps.
    pub(super) stderr: Vec<String>,
}

/// A packed call at work.
#[derive(Debug, Default)]
pub(super) struct OpenFrame {
    /// Causes of its entries.
    pub(super) causes: Vec<u32>,
    /// What of its outputs has been read.
    pub(super) taken: Taken,
    /// Outputs that were handed over early.
    pub(super) forwarded: Vec<Caused>,
}

/// What survives an instance: its successor goes on with it.
#[derive(Debug, Default)]
pub(super) struct Carried {
    pub(super) log: GuestLog,
    pub(super) metrics: NodeMetrics,
}

/// The data of one wasmtime store.
#[derive(Debug)]
pub(super) struct State {
    /// The task's belongings, for as long as a call runs.
    pub(super) env: Lent,
    pub(super) phase: Phase,
    pub(super) setup: Arc<NodeSetup>,
    pub(super) call: Call,
    pub(super) memory: MemoryMeter,
    /// What the handles of stores stand for.
    pub(super) open_stores: Vec<OpenStore>,
    pub(super) iterators: Iterators,
    pub(super) carried: Carried,
    stdout: Stream,
    stderr: Stream,
    /// Random bits where no task is behind the call.
    fixed_random: SeededRandom,
    pub(super) ticks: Ticks,
}

impl State {
    pub(super) fn new(setup: Arc<NodeSetup>, phase: Phase, carried: Carried, engine: &Engine) -> Self {
        let memory = MemoryMeter::new(setup.limits.memory_bytes, engine.memory());
        Self {
            env: None,
            phase,
            setup,
            call: Call::default(),
            memory,
            open_stores: Vec::new(),
            iterators: Iterators::default(),
            carried,
            stdout: Stream::default(),
            stderr: Stream::default(),
            fixed_random: SeededRandom::new(0),
            ticks: engine.ticks(),
        }
    }

    /// Makes ready for a call.
    pub(super) fn begin(&mut self, env: Lent, phase: Phase) {
        self.env = env;
        self.phase = phase;
        self.call.totals = Totals::default();
        self.call.last_error = None;
        self.call.held_since = None;
        self.call.stderr.clear();
    }

    /// Ends a call and gives the task its belongings back.
    pub(super) fn finish(&mut self) -> Lent {
        self.iterators.end_all();
        for (stream, error) in [(&mut self.stdout, false), (&mut self.stderr, true)] {
            if let Some(line) = stream.rest() {
                print_line(&mut self.carried.log, &self.setup, &mut self.call, self.env.as_deref(), error, line);
            }
        }
        self.env.take()
    }

    /// The task behind the call; `what` is the function that asks for it.
    pub(super) fn env(&mut self, what: &'static str) -> wasmtime::Result<&mut TaskEnv> {
        if self.env.is_none() {
            return Err(self.broken_rule(format!("`describe` may not call {what}")));
        }
        self.env.as_deref_mut().ok_or_else(|| wasmtime::Error::msg(what))
    }

    /// Ends the call with this failure; the error that carries it out of the guest says nothing.
    pub(super) fn end(&mut self, failure: Failure) -> wasmtime::Error {
        self.call.ended = Some(failure);
        wasmtime::Error::msg("ended by the host")
    }

    /// Ends the call because the guest broke a rule of the contract.
    pub(super) fn broken_rule(&mut self, reason: impl Into<String>) -> wasmtime::Error {
        self.end(Failure::Trap { reason: reason.into(), frames: Vec::new() })
    }

    /// Ends the call because a store could not be used.
    pub(super) fn store_failed(&mut self, error: StoreError) -> wasmtime::Error {
        self.end(Failure::Store(error))
    }

    /// Whether the node is given this of the host.
    pub(super) fn is_given(&self, what: &Capability) -> bool {
        self.setup.allow.contains(what)
    }

    /// The wall clock: the task's; 0 where there is none.
    pub(super) fn now(&self) -> Timestamp {
        self.env.as_deref().map_or(Timestamp(0), |env| env.now)
    }

    /// Random bits: the task's; always the same ones where there is none.
    pub(super) fn random(&mut self) -> u64 {
        match self.env.as_deref_mut() {
            Some(env) => env.random.next_u64(),
            None => self.fixed_random.next_u64(),
        }
    }

    /// One line of the guest for the host's log.
    pub(super) fn log(&mut self, level: Level, message: String) {
        self.tell_held();
        let now = self.now();
        if level == Level::Error {
            self.call.last_error = Some(message);
            self.call.held_since = Some(now);
            return;
        }
        self.carried.log.line(now, level, &self.setup, &message);
    }

    /// Logs the line that was held back, where there is one.
    pub(super) fn tell_held(&mut self) {
        if let (Some(since), Some(line)) = (self.call.held_since.take(), &self.call.last_error) {
            self.carried.log.line(since, Level::Error, &self.setup, line);
        }
    }

    /// What the guest wrote to stdout or stderr.
    pub(super) fn print(&mut self, bytes: &[u8], error: bool) {
        self.tell_held();
        let stream = if error { &mut self.stderr } else { &mut self.stdout };
        for line in stream.lines(bytes) {
            print_line(&mut self.carried.log, &self.setup, &mut self.call, self.env.as_deref(), error, line);
        }
    }
}

fn print_line(log: &mut GuestLog, setup: &NodeSetup, call: &mut Call, env: Option<&TaskEnv>, error: bool, line: String) {
    let now = env.map_or(Timestamp(0), |env| env.now);
    let level = if error { Level::Error } else { Level::Info };
    log.line(now, level, setup, &line);
    if error && call.stderr.len() < crate::limits::FRAMES_SHOWN {
        call.stderr.push(line);
    }
}
