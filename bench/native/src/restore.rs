//! Reads a topic from its beginning to its end: bare, which is what no restore can beat, or into a hash map, which is a store brought back at
//! the least cost.

use std::ffi::CString;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustc_hash::FxHashMap;
use serde_json::json;

use crate::Whole;
use crate::client::Client;
use crate::records::Records;

const WAIT: Duration = Duration::from_millis(100);

pub fn run(args: &Whole) -> Result<()> {
    let mut rows: FxHashMap<[u8; 8], Box<[u8]>> = FxHashMap::default();
    let read = read_whole(&args.bootstrap, &args.topic, |key, value| {
        rows.insert(key.try_into()?, value.into());
        Ok(())
    })?;
    println!("{}", json!({"records": read.records, "keys": rows.len(), "seconds": read.took.as_secs_f64()}));
    Ok(())
}

/// Keeps nothing.
pub fn consume(args: &Whole) -> Result<()> {
    let mut bytes = 0;
    let read = read_whole(&args.bootstrap, &args.topic, |key, value| {
        bytes += key.len() + value.len();
        Ok(())
    })?;
    println!("{}", json!({"records": read.records, "bytes": bytes, "seconds": read.took.as_secs_f64()}));
    Ok(())
}

/// What was read, and how long it took from the first request for records on.
pub struct Read {
    pub records: u64,
    pub took: Duration,
}

/// Hands over key and value of each record of a topic, until its partitions have no more.
pub fn read_whole(bootstrap: &str, topic: &str, mut each: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<Read> {
    let settings =
        [("group.id", "read-whole"), ("enable.auto.commit", "false"), ("enable.partition.eof", "true"), ("fetch.queue.backoff.ms", "10")];
    let consumer = Client::consumer(bootstrap, &settings)?;
    let topic = CString::new(topic)?;
    let mut left = consumer.partitions(&topic)?;
    let began = Instant::now();
    let mut all = Records::of_partitions(consumer, &topic, &vec![0; usize::try_from(left)?])?;
    let mut records = 0;
    while left > 0 {
        all.take(WAIT, |message| {
            if message.is_end() {
                left -= 1;
                return Ok(());
            }
            records += 1;
            each(message.key(), message.value())
        })?;
    }
    Ok(Read { records, took: began.elapsed() })
}
