//! An app on the embedded log, run once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use cofferdam::broker::{Broker, OutgoingRecord};
use cofferdam::clock::{Clock, SystemClock};
use cofferdam::deploy::{Application, BindSettings, ExternalTopics, Overrides, bind, open_log};
use cofferdam::error::Diagnostic;
use cofferdam::limits;
use cofferdam::record::{Header, Record, Timestamp};
use cofferdam::runtime::{Host, HostPlan, HostSettings};

use crate::{counting, in_host};

const KEYS: u64 = 100_000;
pub const VALUE_BYTES: usize = 100;
const BATCH: usize = 10_000;

/// Where an app's nodes come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Nodes {
    Sandboxed,
    /// Components, and `perf` is told what their functions are called.
    Named,
    InHost,
}

/// What a run took.
#[derive(Clone, Copy)]
pub struct Measured {
    pub seconds: f64,
    pub cpu: f64,
    pub allocations: u64,
}

/// What an app is given.
#[derive(Clone, Copy)]
pub struct Input {
    pub records: u64,
    /// Each record has two.
    pub headers: bool,
}

/// Runs an app over its input.
pub fn run(manifest: &Path, nodes: Nodes, input: Input) -> Result<Measured> {
    let folder = tempfile::tempdir()?;
    let state_dir: PathBuf = folder.path().join("state");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let overrides =
        Overrides { threads: Some(1), state_dir: Some(state_dir.clone()), perf_map: nodes == Nodes::Named, ..Overrides::default() };
    let app = Application::load(manifest, &overrides).map_err(problems)?;
    let open = open_log(&state_dir, clock.clone()).map_err(|p| problems(vec![p]))?;
    let broker: Arc<dyn Broker> = Arc::new(open.log.clone());
    let settings = settings(state_dir.join("tasks"));
    let mut plan = bind(&app, broker.clone(), clock, &settings).map_err(problems)?;
    if nodes == Nodes::InHost {
        plan.nodes = Arc::new(in_host::InHost);
    }
    if let Some((table, _)) = app.input_topic("table") {
        fill_table(&*broker, &table)?;
    }
    let (topic, _) = app.input_topic("in").context("the app has a source `in`")?;
    fill(&*broker, &topic, input)?;
    let (cpu, allocations, started) = (cpu_seconds()?, counting::allocations(), Instant::now());
    let host = until_idle(plan, Duration::from_millis(5))?;
    let measured = Measured {
        seconds: started.elapsed().as_secs_f64(),
        cpu: cpu_seconds()? - cpu,
        allocations: counting::allocations() - allocations,
    };
    host.stop(false);
    Ok(measured)
}

/// Starts a host, and waits until nothing is left to do; looks as often as told.
pub fn until_idle(plan: HostPlan, look: Duration) -> Result<Host> {
    let mut host = Host::start(plan, HostSettings { threads: 1 }).map_err(|p| problems(vec![p]))?;
    let (_nobody, pause) = std::sync::mpsc::channel::<()>();
    while !host.idle()? {
        let _ = pause.recv_timeout(look);
        if let Some(exit) = host.ended() {
            return Err(anyhow!("the host ended: {exit:?}"));
        }
    }
    Ok(host)
}

/// What the benchmarks bind their apps with. `tasks`: folder of their stores.
pub fn settings(tasks: PathBuf) -> BindSettings {
    BindSettings {
        tasks_folder: Some(tasks),
        commit_floor: limits::COMMIT_FLOOR_EMBEDDED,
        topics: ExternalTopics::Own { partitions: None },
        redact_keys: false,
        seed: 1,
    }
}

/// Each key once, before all other records.
fn fill_table(broker: &dyn Broker, topic: &Arc<str>) -> Result<()> {
    let row = |key: u64| Record {
        key: Some(format!("{key:08}").into()),
        value: Some(format!("{key:0VALUE_BYTES$}").into()),
        timestamp: Timestamp(0),
        ..Record::default()
    };
    produce(broker, topic, (0..KEYS).map(row))
}

fn fill(broker: &dyn Broker, topic: &Arc<str>, input: Input) -> Result<()> {
    let mut random = cofferdam::node::SeededRandom::new(7);
    let record = |n: u64| Record {
        key: Some(format!("{:08}", random.next_u64() % KEYS).into()),
        // Its 16th byte is a random digit.
        value: Some(format!("{:016}{n:0rest$}", random.next_u64() % 10, rest = VALUE_BYTES - 16).into()),
        timestamp: Timestamp(n as i64),
        headers: ["from", "type"].map(|name| Header { name, value: Some(b"0123456789") }).into_iter().filter(|_| input.headers).collect(),
        change: None,
    };
    produce(broker, topic, (0..input.records).map(record))
}

fn produce(broker: &dyn Broker, topic: &Arc<str>, records: impl Iterator<Item = Record>) -> Result<()> {
    let mut records = records.map(|record| OutgoingRecord { topic: topic.clone(), partition: None, record });
    loop {
        let batch: Vec<OutgoingRecord> = records.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        broker.produce(batch, None)?;
    }
}

/// User and system time of this process (proc(5): fields 14 and 15 of `stat`, in hundredths of a second).
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = after_name.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// All that is wrong.
pub fn problems(all: Vec<Diagnostic>) -> anyhow::Error {
    anyhow!(all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}
