//! Watches a topic fill, by its partitions' ends.
//!
//! Rate and CPU time are taken from a fifth of the records to the last one: a start is another figure.

use std::ffi::CString;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::Watch;
use crate::client::Client;
use crate::process::{cpu_seconds, peak_mb};

const LOOK_EVERY: Duration = Duration::from_millis(20);

struct Seen {
    at: Instant,
    records: i64,
    app: f64,
    broker: f64,
}

pub fn run(args: &Watch) -> Result<()> {
    let client = Client::consumer(&args.bootstrap, &[("group.id", "watch")])?;
    let topic = CString::new(args.topic.as_str())?;
    let partitions = client.partitions(&topic)?;
    let began = Instant::now();
    let (_nobody, pause) = mpsc::channel::<()>();
    let (mut first, mut fifth) = (None, None);
    let last = loop {
        let ends: Vec<i64> = (0..partitions).map(|p| Ok(client.bounds(&topic, p)?.1)).collect::<Result<_>>()?;
        let records = ends.iter().sum();
        let seen =
            || Ok::<_, anyhow::Error>(Seen { at: Instant::now(), records, app: cpu_seconds(args.app)?, broker: cpu_seconds(args.broker)? });
        if records > 0 && first.is_none() {
            first = Some(began.elapsed());
        }
        if records >= args.expected / 5 && fifth.is_none() {
            fifth = Some(seen()?);
        }
        if records >= args.expected {
            break seen()?;
        }
        ensure!(
            began.elapsed() < Duration::from_secs(args.limit),
            "after {} s there are {records} of {} records",
            args.limit,
            args.expected
        );
        let _ = pause.recv_timeout(LOOK_EVERY);
    };
    let (Some(first), Some(fifth)) = (first, fifth) else { unreachable!("the end comes after the beginning") };
    ensure!(args.markers || last.records == args.expected, "{} records, where {} were expected", last.records, args.expected);
    let part = (last.records - fifth.records) as f64 / args.expected as f64;
    ensure!(part > 0.5, "seen too late: {:.0} % were there at the first look", 100.0 * (1.0 - part));
    let said = json!({
        "part": part,
        "seconds": (last.at - fifth.at).as_secs_f64(),
        "app_cpu": last.app - fifth.app,
        "broker_cpu": last.broker - fifth.broker,
        "first_record_seconds": first.as_secs_f64(),
        "peak_mb": peak_mb(args.app)?,
    });
    println!("{said}");
    Ok(())
}
