//! An app on the virtual clock: what is given to it is fully processed, through internal topics too, before anything else happens.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use bytes::Bytes;

use crate::broker::sim::SimBroker;
use crate::broker::{Broker, OutgoingRecord};
use crate::clock::{Clock, VirtualClock};
use crate::error::Diagnostic;
use crate::record::Record;
use crate::runtime::{Command, Condition, HostPlan, Step as ThreadStep, StreamThread, ThreadBoard};
use crate::store::Row;

/// Steps of the thread for one step of a test, at most: a topology that feeds itself would never end.
const THREAD_STEPS: usize = 1_000_000;

/// What a bench is made of.
pub struct Stage {
    /// What is run.
    pub plan: HostPlan,
    /// Its log.
    pub broker: SimBroker,
    /// Its clock.
    pub clock: Arc<VirtualClock>,
    /// Source or table, and its topic.
    pub sources: Vec<(String, Arc<str>)>,
    /// Topics whose records are outputs, and what they are called.
    pub outputs: Vec<(Arc<str>, String)>,
}

/// An app that waits for its next step.
pub struct Bench {
    thread: StreamThread,
    broker: SimBroker,
    clock: Arc<VirtualClock>,
    /// Keeps the thread's ear open.
    _commands: Sender<Command>,
    board: ThreadBoard,
    sources: Vec<(String, Arc<str>)>,
    outputs: Vec<(Arc<str>, String)>,
    /// Records of the log that were looked at.
    seen: usize,
}

impl Bench {
    /// A bench on which nothing has happened yet; `settle` makes the app ready.
    pub fn new(stage: Stage) -> Result<Self, Diagnostic> {
        let Stage { plan, broker, clock, sources, outputs } = stage;
        let (commands, heard) = channel();
        let board = ThreadBoard::default();
        let thread = StreamThread::new(Arc::new(plan), 0, 1, heard, board.clone())
            .map_err(|e| Diagnostic::run("R002", "the stream thread cannot start").because(e))?;
        Ok(Self { thread, broker, clock, _commands: commands, board, sources, outputs, seen: 0 })
    }

    /// Puts a record into the topic of a source or table.
    pub fn give(&self, source: &str, record: Record) -> Result<(), String> {
        let Some((_, topic)) = self.sources.iter().find(|(name, _)| name == source) else {
            let known: Vec<&str> = self.sources.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!("there is no source or table '{source}'; there are: {}", known.join(", ")));
        };
        let outgoing = OutgoingRecord { topic: topic.clone(), partition: None, record };
        self.broker.produce(vec![outgoing], None).map_err(|e| e.to_string())
    }

    /// Lets so many milliseconds pass.
    pub fn advance_wall_clock(&self, ms: i64) {
        self.clock.advance_ms(ms);
    }

    /// Lets the app work until nothing is left to do at this time.
    pub fn settle(&mut self) -> Result<(), String> {
        for _ in 0..THREAD_STEPS {
            let now = self.clock.now();
            match self.thread.step(now).map_err(|e| e.to_string())? {
                ThreadStep::Busy => {}
                ThreadStep::Idle { until } if until.is_some_and(|at| at <= now) => {}
                ThreadStep::Idle { .. } | ThreadStep::Stopped => return Ok(()),
            }
        }
        Err(format!("the topology was not through after {THREAD_STEPS} turns: does it feed itself?"))
    }

    /// What has come out since the last call, in the order of all outputs: the output's name, and the record.
    pub fn outputs(&mut self) -> Vec<(String, Record)> {
        let appended = self.broker.appended_since(self.seen);
        self.seen += appended.len();
        let named = |topic: &Arc<str>| self.outputs.iter().find(|(known, _)| known == topic).map(|(_, name)| name.clone());
        appended.into_iter().filter_map(|a| Some((named(&a.at.topic)?, a.record))).collect()
    }

    /// The rows of a store, by key.
    pub fn rows(&mut self, store: &str) -> Result<Vec<(Bytes, Row)>, String> {
        self.thread.rows(store).map_err(|e| e.to_string())?.ok_or_else(|| format!("there is no store '{store}'"))
    }

    /// Why a task is parked, where one is.
    pub fn parked(&self) -> Option<String> {
        self.board.read().into_iter().find_map(|task| match task.condition {
            Condition::Parked { why, .. } => Some(why),
            _ => None,
        })
    }
}
