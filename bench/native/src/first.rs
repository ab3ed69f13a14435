//! Tells when the first record of a topic is there: of an app that is started, its first output.

use std::ffi::CString;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::First;
use crate::client::Client;
use crate::records::Records;

const WAIT: Duration = Duration::from_millis(100);

pub fn run(args: &First) -> Result<()> {
    let settings = [("group.id", "first"), ("enable.auto.commit", "false"), ("enable.partition.eof", "true")];
    let consumer = Client::consumer(&args.bootstrap, &settings)?;
    let topic = CString::new(args.topic.as_str())?;
    let mut unheard = consumer.partitions(&topic)?;
    let mut records = Records::of_partitions(consumer, &topic, &vec![0; usize::try_from(unheard)?])?;
    let (began, mut came) = (Instant::now(), false);
    while !came {
        ensure!(began.elapsed() < Duration::from_secs(args.limit), "no record came within {} s", args.limit);
        records.take(WAIT, |message| {
            if !message.is_end() {
                came = true;
            } else {
                // Each partition has answered once: from here on, a record is told of as soon as the broker has it.
                unheard -= 1;
                if unheard == 0 {
                    println!("ready");
                }
            }
            Ok(())
        })?;
    }
    println!("came");
    Ok(())
}
