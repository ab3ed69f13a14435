//! Runs small apps on the embedded log and prints what a record costs: `bench [RECORDS]`. With `bench --perf-map MANIFEST RECORDS` it runs
//! one, once, and `perf` is told what the guests' functions are called.
//!
//! One partition, one stream thread. The records (8-byte keys over 100,000 keys, values of 100 bytes) lie in the log before the clock
//! starts; it stops when everything is committed. CPU seconds are those of the whole process. Runs of different apps take turns.

#![allow(clippy::disallowed_methods, reason = "it measures")]

mod counting;
mod in_host;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use cofferdam::broker::{Broker, OutgoingRecord};
use cofferdam::clock::{Clock, SystemClock};
use cofferdam::deploy::{Application, BindSettings, ExternalTopics, Overrides, bind, open_log};
use cofferdam::error::Diagnostic;
use cofferdam::limits;
use cofferdam::record::{Record, Timestamp};
use cofferdam::runtime::{Host, HostSettings};

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

const KEYS: u64 = 100_000;
const VALUE_BYTES: usize = 100;
const BATCH: u64 = 10_000;
const RUNS: usize = 3;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = |text: &String| text.parse::<u64>().context("the number of records");
    match arguments.as_slice() {
        [] => table(1_000_000),
        [records] => table(count(records)?),
        [flag, manifest, records] if flag == "--perf-map" => profiled(Path::new(manifest), count(records)?),
        _ => Err(anyhow!("bench [RECORDS], or bench --perf-map MANIFEST RECORDS")),
    }
}

fn profiled(manifest: &Path, records: u64) -> Result<()> {
    let Measured { seconds, cpu, .. } = run(manifest, Nodes::Named, records)?;
    println!("{records} records in {seconds:.2} s, {:.2} CPU s / million", cpu * 1e6 / records as f64);
    Ok(())
}

fn table(records: u64) -> Result<()> {
    let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/embedded");
    println!("{records} records of 8 + {VALUE_BYTES} bytes, embedded log, exactly once, 1 partition, 1 thread; median of {RUNS}");
    println!("| app | records/s | CPU s / million | allocations / record |\n|---|---|---|---|");
    let mut runs: Vec<Vec<Measured>> = vec![Vec::new(); SUBJECTS.len()];
    for _ in 0..RUNS {
        for (subject, runs) in SUBJECTS.iter().zip(&mut runs) {
            runs.push(run(&apps.join(format!("{}.toml", subject.app)), subject.nodes, records)?);
        }
    }
    let n = records as f64;
    let mut micros = BTreeMap::new();
    for (subject, mut runs) in SUBJECTS.iter().zip(runs) {
        runs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
        let Measured { seconds, cpu, allocations } = runs[RUNS / 2];
        println!("| {} | {:.0} | {:.2} | {:.1} |", subject.name, n / seconds, cpu * 1e6 / n, allocations as f64 / n);
        micros.insert(subject.name, cpu * 1e6 / n);
    }
    let of = |name: &str| micros.get(name).copied().unwrap_or(f64::NAN);
    println!("\nsandboxed filter-map / the same code in the host: {:.2}", of("filter-map") / of("filter-map in the host"));
    println!("one more node in a chain: {:.0} ns a record", (of("chain of 5") - of("chain of 1")) / 4.0 * 1e3);
    Ok(())
}

/// An app that is measured.
struct Subject {
    name: &'static str,
    /// Name of its manifest.
    app: &'static str,
    nodes: Nodes,
}

/// Where its nodes come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nodes {
    Sandboxed,
    /// Components, and `perf` is told what their functions are called.
    Named,
    InHost,
}

const SUBJECTS: &[Subject] = &[
    Subject { name: "copy", app: "copy", nodes: Nodes::Sandboxed },
    Subject { name: "filter-map in the host", app: "filter-map", nodes: Nodes::InHost },
    Subject { name: "filter-map", app: "filter-map", nodes: Nodes::Sandboxed },
    Subject { name: "chain of 1", app: "chain-1", nodes: Nodes::Sandboxed },
    Subject { name: "chain of 5", app: "chain-5", nodes: Nodes::Sandboxed },
    Subject { name: "count-memory", app: "count-memory", nodes: Nodes::Sandboxed },
    Subject { name: "count", app: "count", nodes: Nodes::Sandboxed },
];

#[derive(Clone, Copy)]
struct Measured {
    seconds: f64,
    cpu: f64,
    allocations: u64,
}

fn run(manifest: &Path, nodes: Nodes, records: u64) -> Result<Measured> {
    let folder = tempfile::tempdir()?;
    let state_dir: PathBuf = folder.path().join("state");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let overrides =
        Overrides { threads: Some(1), state_dir: Some(state_dir.clone()), perf_map: nodes == Nodes::Named, ..Overrides::default() };
    let app = Application::load(manifest, &overrides).map_err(problems)?;
    let open = open_log(&state_dir, clock.clone()).map_err(|p| problems(vec![p]))?;
    let broker: Arc<dyn Broker> = Arc::new(open.log.clone());
    let settings = BindSettings {
        tasks_folder: Some(state_dir.join("tasks")),
        commit_floor: limits::COMMIT_FLOOR_EMBEDDED,
        topics: ExternalTopics::Own { partitions: None },
        redact_keys: false,
        seed: 1,
    };
    let mut plan = bind(&app, broker.clone(), clock, &settings).map_err(problems)?;
    if nodes == Nodes::InHost {
        plan.nodes = Arc::new(in_host::InHost);
    }
    let (topic, _) = app.input_topic("in").context("the app has a source `in`")?;
    fill(&*broker, &topic, records)?;
    let (cpu, allocations, started) = (cpu_seconds()?, counting::allocations(), Instant::now());
    let mut host = Host::start(plan, HostSettings { threads: 1 }).map_err(|p| problems(vec![p]))?;
    let (_nobody, pause) = std::sync::mpsc::channel::<()>();
    while !host.idle()? {
        let _ = pause.recv_timeout(Duration::from_millis(5));
        if let Some(exit) = host.ended() {
            return Err(anyhow!("the host ended: {exit:?}"));
        }
    }
    let measured = Measured {
        seconds: started.elapsed().as_secs_f64(),
        cpu: cpu_seconds()? - cpu,
        allocations: counting::allocations() - allocations,
    };
    host.stop(false);
    Ok(measured)
}

fn fill(broker: &dyn Broker, topic: &Arc<str>, records: u64) -> Result<()> {
    let mut random = cofferdam::node::SeededRandom::new(7);
    for first in (0..records).step_by(BATCH as usize) {
        let batch = (first..records.min(first + BATCH)).map(|n| OutgoingRecord {
            topic: topic.clone(),
            partition: None,
            record: Record {
                key: Some(format!("{:08}", random.next_u64() % KEYS).into()),
                // Its 16th byte is a random digit.
                value: Some(format!("{:016}{n:0rest$}", random.next_u64() % 10, rest = VALUE_BYTES - 16).into()),
                timestamp: Timestamp(n as i64),
                ..Record::default()
            },
        });
        broker.produce(batch.collect(), None)?;
    }
    Ok(())
}

/// User and system time of this process (proc(5): fields 14 and 15 of `stat`, in hundredths of a second).
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = after_name.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

fn problems(all: Vec<Diagnostic>) -> anyhow::Error {
    anyhow!(all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}
