//! Runs a vector on its topology, on each backend.

use cofferdam::record::{Record, Timestamp};
use cofferdam::steps::Bench;
use serde_json::Value;

use crate::apps::Apps;
use crate::compare;
use crate::topology::{Backend, OPERATIONS, Topology};
use crate::vector::{Step, Vector};

/// Runs a vector; `Err`: the first difference, or what kept it from running.
pub fn run(vector: &Vector, topology: &Topology, apps: &mut Apps) -> Result<(), String> {
    for backend in topology.backends() {
        match backend {
            Backend::Memory => on(vector, topology, &mut apps.bench(topology, None)?)?,
            Backend::RocksDb => {
                let folder = tempfile::tempdir().map_err(|e| format!("there is no folder for RocksDB: {e}"))?;
                let mut bench = apps.bench(topology, Some(folder.path().to_owned()))?;
                on(vector, topology, &mut bench).map_err(|why| format!("on RocksDB (in memory it passes):\n{why}"))?;
            }
        }
    }
    Ok(())
}

fn on(vector: &Vector, topology: &Topology, bench: &mut Bench) -> Result<(), String> {
    bench.settle()?;
    bench.outputs();
    for (at, (step, expected)) in vector.steps.iter().zip(&vector.expect).enumerate() {
        let place = |why: String| format!("step {at}: {}\n{why}", shown(step));
        act(at, step, bench).and_then(|()| bench.settle()).map_err(place)?;
        let outputs: Vec<Value> = bench.outputs().iter().filter_map(|(sink, record)| compare::output(topology, sink, record)).collect();
        if let Some(why) = bench.parked() {
            return Err(place(format!("the task is parked: {why}")));
        }
        compare::outputs(expected, &outputs).map_err(place)?;
    }
    for (name, expected) in &vector.stores {
        let store = topology.stores.get(name).ok_or_else(|| format!("there is no store '{name}'"))?;
        compare::rows(expected, &bench.rows(store)?).map_err(|why| format!("at the end: store '{name}'\n{why}"))?;
    }
    Ok(())
}

fn act(at: usize, step: &Step, bench: &Bench) -> Result<(), String> {
    let bytes = |text: &Option<String>| text.as_ref().map(|text| text.clone().into_bytes().into());
    match step {
        Step::Record(step) => {
            let record = Record { key: bytes(&step.key), value: bytes(&step.value), timestamp: Timestamp(step.ts), ..Record::default() };
            bench.give(&step.r#in, record)
        }
        Step::Advance(step) => {
            bench.advance_wall_clock(i64::from(step.advance_wall_clock_ms));
            Ok(())
        }
        Step::Operation(operation) => {
            let value = Value::Object(operation.clone()).to_string();
            let timestamp = Timestamp(i64::try_from(at).unwrap_or(i64::MAX));
            bench.give(OPERATIONS, Record { value: bytes(&Some(value)), timestamp, ..Record::default() })
        }
    }
}

fn shown(step: &Step) -> String {
    match step {
        Step::Record(step) => {
            let text = |text: &Option<String>| Value::from(text.clone());
            format!("{} key {} value {} ts {}", step.r#in, text(&step.key), text(&step.value), step.ts)
        }
        Step::Advance(step) => format!("advance_wall_clock_ms {}", step.advance_wall_clock_ms),
        Step::Operation(operation) => Value::Object(operation.clone()).to_string(),
    }
}
