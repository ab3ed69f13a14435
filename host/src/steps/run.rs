//! Runs a step file.

use crate::jsonl;
use crate::record::{Record, Timestamp};

use super::bench::Bench;
use super::compare::{self, Difference};
use super::file::{Step, StepFile};

/// Runs a file. `Ok(Some)`: the first difference; `Err`: what kept it from running.
pub fn run(file: &StepFile, bench: &mut Bench) -> Result<Option<Difference>, String> {
    bench.settle()?;
    bench.outputs();
    for (at, (step, expected)) in file.steps.iter().zip(&file.expect).enumerate() {
        let input = act(step, bench)?;
        bench.settle().map_err(|e| format!("step {at}: {input}\n{e}"))?;
        if let Some(diff) = compare::outputs(expected, &bench.outputs()) {
            return Ok(Some(Difference { step: Some(at), input, diff }));
        }
        if let Some(why) = bench.parked() {
            return Err(format!("step {at}: {input}\nthe task is parked: {why}"));
        }
    }
    for (store, expected) in &file.stores {
        if let Some(diff) = compare::rows(expected, &bench.rows(store)?) {
            return Ok(Some(Difference { step: None, input: format!("store '{store}'"), diff }));
        }
    }
    Ok(None)
}

/// Does a step; what it was, for messages.
fn act(step: &Step, bench: &Bench) -> Result<String, String> {
    match step {
        Step::AdvanceWallClock { ms } => {
            bench.advance_wall_clock(*ms);
            Ok(format!("advance_wall_clock_ms {ms}"))
        }
        Step::Record { source, key, value, timestamp } => {
            let record = Record { key: key.clone(), value: value.clone(), timestamp: Timestamp(*timestamp), ..Record::default() };
            let shown = format!("{source} {}", jsonl::print(&record));
            bench.give(source, record)?;
            Ok(shown)
        }
    }
}
