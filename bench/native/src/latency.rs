//! How long a record takes from one topic through an app to another.
//!
//! A record's time begins when it was to be sent, not when it was: a sender that falls behind makes no record look fast.

use std::ffi::CString;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use serde_json::json;

use crate::Latency;
use crate::client::{ANY, Client, Topic};
use crate::load::{Random, VALUE_BYTES, write_value};
use crate::process::cpu_seconds;
use crate::records::Records;

/// Between the start and the first record: consumer and producer connect.
const LEAD: Duration = Duration::from_secs(1);
/// The sender wakes up so often, and sends what is due.
const TICK: Duration = Duration::from_micros(500);
const WAIT: Duration = Duration::from_millis(100);
/// After the last record was to be sent: what has not come by then is lost.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which record is to be sent when.
struct Schedule {
    begins: Instant,
    every: Duration,
    /// Records that are not counted, and all records.
    warm_up: u32,
    total: u32,
}

impl Schedule {
    fn due(&self, number: u32) -> Instant {
        self.begins + self.every * number
    }
}

/// What came out of the app.
#[derive(Default)]
struct Seen {
    records: u32,
    /// Of the records that count.
    latencies: Vec<Duration>,
    /// The app's CPU seconds and the moment, when the first record that counts came.
    before: Option<(f64, Instant)>,
}

pub fn run(args: &Latency) -> Result<()> {
    let consumer = Client::consumer(&args.bootstrap, &[("group.id", "latency"), ("enable.auto.commit", "false")])?;
    let sink = CString::new(args.sink.as_str())?;
    let ends = (0..consumer.partitions(&sink)?).map(|p| Ok(consumer.bounds(&sink, p)?.1)).collect::<Result<Vec<i64>>>()?;
    let mut records = Records::of_partitions(consumer, &sink, &ends)?;
    let schedule = Schedule {
        begins: Instant::now() + LEAD,
        every: Duration::from_secs(1) / args.rate,
        warm_up: args.rate * args.warm_up,
        total: args.rate * (args.warm_up + args.seconds),
    };
    let seen = std::thread::scope(|scope| {
        let sender = scope.spawn(|| send(args, &schedule));
        let seen = receive(&mut records, &schedule, args.app)?;
        sender.join().map_err(|_| anyhow!("the sender panicked"))??;
        Ok::<_, anyhow::Error>(seen)
    })?;
    println!("{}", told(seen, &schedule, args.app)?);
    Ok(())
}

fn send(args: &Latency, schedule: &Schedule) -> Result<()> {
    let client = Client::producer_with(&args.bootstrap, &[("linger.ms", "0")])?;
    let topic = Topic::new(client, &args.source)?;
    let (mut random, mut value) = (Random::new(), [0; VALUE_BYTES]);
    for number in 0..schedule.total {
        while Instant::now() < schedule.due(number) {
            std::thread::sleep(TICK);
        }
        // Twice the number: an even one, which `filter-map` lets pass.
        write_value(&mut value, 2 * u64::from(number), &mut random);
        topic.produce(ANY, &u64::from(number).to_be_bytes(), &value, 0, null_mut())?;
        topic.poll();
    }
    client.flush()
}

fn receive(records: &mut Records, schedule: &Schedule, app: u32) -> Result<Seen> {
    let mut seen = Seen::default();
    let end = schedule.due(schedule.total) + PATIENCE;
    while seen.records < schedule.total && Instant::now() < end {
        records.take(WAIT, |message| {
            let now = Instant::now();
            let number = u32::try_from(u64::from_be_bytes(message.key().try_into()?))?;
            seen.records += 1;
            if number >= schedule.warm_up {
                if seen.before.is_none() {
                    seen.before = Some((cpu_seconds(app)?, now));
                }
                seen.latencies.push(now.saturating_duration_since(schedule.due(number)));
            }
            Ok(())
        })?;
    }
    Ok(seen)
}

fn told(seen: Seen, schedule: &Schedule, app: u32) -> Result<serde_json::Value> {
    let Seen { records, mut latencies, before } = seen;
    let (cpu, since) = before.context("no record came that counts")?;
    let cores = (cpu_seconds(app)? - cpu) / since.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let ms = |part: f64| latencies[((latencies.len() as f64 * part) as usize).min(latencies.len() - 1)].as_secs_f64() * 1e3;
    let lost = schedule.total.saturating_sub(records);
    Ok(json!({"lost": lost, "p50": ms(0.5), "p99": ms(0.99), "p999": ms(0.999), "longest": ms(1.0), "cores": cores}))
}
