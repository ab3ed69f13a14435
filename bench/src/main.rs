//! What a record costs on the embedded log: records per second, CPU seconds per million records, allocations per record.
//!
//!     bench [RECORDS] [APP.toml]...
//!
//! The records lie in the log before the clock starts; it stops when all of them are committed. One partition, one thread: keys of 8 bytes,
//! 100,000 different ones, values of 100. What the guests allocate is their own memory and not counted.

use std::alloc::System;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cofferdam::broker::{Broker, OutgoingRecord};
use cofferdam::clock::{Clock, SystemClock};
use cofferdam::deploy::{self, Application, BindSettings, Overrides};
use cofferdam::limits;
use cofferdam::record::{Record, Timestamp};
use cofferdam::runtime::{Host, HostExit, HostSettings};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const RECORDS: u64 = 2_000_000;
const KEYS: u64 = 100_000;
const VALUE_BYTES: usize = 100;
const RECORDS_PER_BATCH: u64 = 10_000;
/// How often it is asked whether all is done: the error of the measured time.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// Unit of the CPU times in /proc.
const TICKS_PER_SECOND: f64 = 100.0;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let records = args.next().map_or(Ok(RECORDS), |text| text.parse())?;
    let mut apps: Vec<String> = args.collect();
    if apps.is_empty() {
        apps = ["filter", "count"].map(|name| format!("{}/{name}.toml", env!("CARGO_MANIFEST_DIR"))).into();
    }
    println!("{:<14} {:>10} {:>12} {:>14} {:>14}", "app", "records", "records/s", "CPU s/million", "allocs/record");
    for app in apps {
        measure(Path::new(&app), records)?;
    }
    Ok(())
}

fn measure(manifest: &Path, records: u64) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let overrides = Overrides { threads: Some(1), state_dir: Some(folder.path().join("state")) };
    let app = Application::load(manifest, &overrides).map_err(|problems| told(&problems))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let open = deploy::open_log(&app.state_dir, clock.clone())?;
    let broker: Arc<dyn Broker> = Arc::new(open.log.clone());
    let settings = BindSettings {
        tasks_folder: Some(open.folder.path().join("tasks")),
        commit_floor: limits::COMMIT_FLOOR,
        partitions: None,
        seed: 1,
    };
    let plan = deploy::bind(&app, broker.clone(), clock, &settings).map_err(|problems| told(&problems))?;
    let (topic, _) = app.input_topic("in").ok_or("the app has no source `in`")?;
    fill(&*broker, &topic, records)?;

    let (began, cpu, region) = (Instant::now(), cpu_seconds()?, Region::new(ALLOCATOR));
    let mut host = Host::start(plan, HostSettings { threads: 1 })?;
    until_idle(&mut host)?;
    let (seconds, cpu, allocations) = (began.elapsed().as_secs_f64(), cpu_seconds()? - cpu, region.change().allocations);
    if let HostExit::Failed(failure) = host.stop(false) {
        return Err(failure.into());
    }

    let count = records as f64;
    println!(
        "{:<14} {records:>10} {:>12.0} {:>14.2} {:>14.2}",
        app.topology.app,
        count / seconds,
        cpu * 1e6 / count,
        allocations as f64 / count
    );
    Ok(())
}

fn fill(broker: &dyn Broker, topic: &Arc<str>, records: u64) -> Result<(), Failure> {
    for from in (0..records).step_by(RECORDS_PER_BATCH as usize) {
        let batch = (from..records.min(from + RECORDS_PER_BATCH)).map(|number| OutgoingRecord {
            topic: topic.clone(),
            partition: None,
            record: record(number),
        });
        broker.produce(batch.collect(), None)?;
    }
    Ok(())
}

fn record(number: u64) -> Record {
    // A multiplier without a factor in common with KEYS: each key comes as often, in no order.
    let key = number.wrapping_mul(48_271) % KEYS;
    let value = format!("{number:0VALUE_BYTES$}");
    let timestamp = Timestamp(i64::try_from(number).unwrap_or(i64::MAX));
    Record { key: Some(Bytes::from(format!("{key:08}"))), value: Some(Bytes::from(value)), timestamp, ..Record::default() }
}

fn until_idle(host: &mut Host) -> Result<(), Failure> {
    // Nobody sends: receiving is waiting.
    let (_held, never) = channel::<()>();
    while !host.idle()? {
        if let Some(HostExit::Failed(failure)) = host.ended() {
            return Err(failure.into());
        }
        if host.all_parked() {
            return Err(format!("every task is parked: {:?}", host.status()).into());
        }
        let Err(RecvTimeoutError::Timeout) = never.recv_timeout(LOOK_INTERVAL) else { break };
    }
    Ok(())
}

/// User and system time of this process (proc(5): fields 14 and 15 of `stat`, counted behind the name's bracket).
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).ok_or("/proc/self/stat cannot be read");
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

fn told(problems: &[cofferdam::error::Diagnostic]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
