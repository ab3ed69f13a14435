//! Runs a step file: every input is fully processed, through internal topics too, before the next step.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use crate::broker::sim::SimBroker;
use crate::broker::{Broker, OutgoingRecord};
use crate::clock::{Clock, VirtualClock};
use crate::jsonl;
use crate::record::{Record, Timestamp};
use crate::runtime::{Command, Condition, Step as ThreadStep, StreamThread, ThreadBoard};

use super::compare::{self, Difference};
use super::file::{Step, StepFile};

/// Steps of the thread for one step of the file, at most: a topology that feeds itself would never end.
const THREAD_STEPS: usize = 1_000_000;

/// What a file is run on.
pub struct Bench {
    /// The only stream thread.
    pub thread: StreamThread,
    /// Its log.
    pub broker: SimBroker,
    /// Its clock, at 0.
    pub clock: Arc<VirtualClock>,
    /// Keeps the thread's ear open.
    pub commands: Sender<Command>,
    /// Where the thread tells of its tasks.
    pub board: ThreadBoard,
    /// Source or table, and its topic.
    pub sources: Vec<(String, Arc<str>)>,
    /// Topics whose records are outputs, and what `out` calls them.
    pub outputs: Vec<(Arc<str>, String)>,
}

/// Runs a file. `Ok(Some)`: the first difference; `Err`: what kept it from running.
pub fn run(file: &StepFile, bench: &mut Bench) -> Result<Option<Difference>, String> {
    settle(bench)?;
    let mut seen = bench.broker.appended_since(0).len();
    for (at, (step, expected)) in file.steps.iter().zip(&file.expect).enumerate() {
        let input = act(step, bench)?;
        settle(bench).map_err(|e| format!("step {at}: {input}\n{e}"))?;
        let appended = bench.broker.appended_since(seen);
        seen += appended.len();
        let actual: Vec<(String, Record)> = appended
            .into_iter()
            .filter_map(|a| Some((bench.outputs.iter().find(|(topic, _)| *topic == a.at.topic)?.1.clone(), a.record)))
            .collect();
        if let Some(diff) = compare::outputs(expected, &actual) {
            return Ok(Some(Difference { step: Some(at), input, diff }));
        }
        if let Some(why) = parked(bench) {
            return Err(format!("step {at}: {input}\nthe task is parked: {why}"));
        }
    }
    for (store, expected) in &file.stores {
        let rows = bench.thread.rows(store).map_err(|e| e.to_string())?;
        let Some(rows) = rows else { return Err(format!("there is no store '{store}'")) };
        if let Some(diff) = compare::rows(expected, &rows) {
            return Ok(Some(Difference { step: None, input: format!("store '{store}'"), diff }));
        }
    }
    Ok(None)
}

/// Does a step; what it was, for messages.
fn act(step: &Step, bench: &Bench) -> Result<String, String> {
    match step {
        Step::AdvanceWallClock { ms } => {
            bench.clock.advance_ms(*ms);
            Ok(format!("advance_wall_clock_ms {ms}"))
        }
        Step::Record { source, key, value, timestamp } => {
            let found = bench.sources.iter().find(|(name, _)| name == source);
            let Some((_, topic)) = found else {
                let known: Vec<&str> = bench.sources.iter().map(|(name, _)| name.as_str()).collect();
                return Err(format!("there is no source or table '{source}'; there are: {}", known.join(", ")));
            };
            let record = Record { key: key.clone(), value: value.clone(), timestamp: Timestamp(*timestamp), ..Record::default() };
            let shown = format!("{source} {}", jsonl::print(&record));
            let outgoing = OutgoingRecord { topic: topic.clone(), partition: None, record };
            bench.broker.produce(vec![outgoing], None).map_err(|e| e.to_string())?;
            Ok(shown)
        }
    }
}

/// Lets the thread work until nothing is left to do at this time.
fn settle(bench: &mut Bench) -> Result<(), String> {
    for _ in 0..THREAD_STEPS {
        let now = bench.clock.now();
        match bench.thread.step(now).map_err(|e| e.to_string())? {
            ThreadStep::Busy => {}
            ThreadStep::Idle { until } if until.is_some_and(|at| at <= now) => {}
            ThreadStep::Idle { .. } | ThreadStep::Stopped => return Ok(()),
        }
    }
    Err(format!("the topology was not through after {THREAD_STEPS} turns: does it feed itself?"))
}

fn parked(bench: &Bench) -> Option<String> {
    bench.board.read().into_iter().find_map(|task| match task.condition {
        Condition::Parked { why, .. } => Some(why),
        _ => None,
    })
}
