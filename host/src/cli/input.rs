//! `--input SOURCE=FILE`: a file's lines become records of the source's topic, before the stream threads start. Resumable: the log keeps, in
//! the same batch, how far this file was produced.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::broker::{Broker, LoadProgress, OutgoingRecord};
use crate::clock::Clock;
use crate::error::Diagnostic;
use crate::jsonl;
use crate::record::{Record, Timestamp};

use super::lines::{Lines, bad_line, open};

/// Records produced in one batch.
const BATCH_RECORDS: usize = 5_000;
/// Bytes of records that end a batch early.
const BATCH_BYTES: usize = 4 << 20;

/// Where an input's lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputFrom {
    /// A file: resumable.
    File(PathBuf),
    /// Standard input: produced while the app runs.
    Stdin,
}

/// One `--input`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The source or table.
    pub source: String,
    /// Its topic.
    pub topic: Arc<str>,
    /// True for a table: lines without a timestamp get 0, and it is produced before the sources.
    pub table: bool,
    /// Where from.
    pub from: InputFrom,
}

/// What a load came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Records produced now.
    pub produced: u64,
    /// Records that were in the log already.
    pub skipped: u64,
}

/// Produces a file's records, from where an earlier run was interrupted unless `again`. `go_on` hears the bytes read so far, and can say no:
/// what is left is then produced by the next run.
pub fn load_file(
    broker: &dyn Broker,
    clock: &dyn Clock,
    input: &Input,
    path: &Path,
    again: bool,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> Result<Loaded, Diagnostic> {
    let key = format!("{}:{}", input.topic, digest(path)?);
    let skipped = if again { 0 } else { broker.load_progress(&key).map_err(|e| failed(path, &e))? };
    let mut lines = Lines::open(path)?;
    let mut loaded = Loaded { produced: 0, skipped };
    let mut batch = Batch::default();
    while let Some((number, line)) = lines.next().map_err(|e| failed(path, &e))? {
        if number <= skipped {
            continue;
        }
        let record = to_record(input, line, clock).map_err(|why| bad_line(path, number, &why))?;
        batch.push(&input.topic, record);
        if batch.is_full() {
            loaded.produced += batch.send(broker, Some((&key, number))).map_err(|e| failed(path, &e))?;
            if !go_on(lines.bytes) {
                return Ok(loaded);
            }
        }
    }
    loaded.produced += batch.send(broker, Some((&key, lines.number))).map_err(|e| failed(path, &e))?;
    go_on(lines.bytes);
    Ok(loaded)
}

/// Produces standard input's lines as they come, until its end.
pub fn pump_stdin(broker: &dyn Broker, clock: &dyn Clock, input: &Input) -> Result<Loaded, Diagnostic> {
    let stdin = Path::new("-");
    let mut lines = Lines::open(stdin)?;
    let mut loaded = Loaded::default();
    let mut batch = Batch::default();
    while let Some((number, line)) = lines.next().map_err(|e| failed(stdin, &e))? {
        let record = to_record(input, line, clock).map_err(|why| bad_line(stdin, number, &why))?;
        batch.push(&input.topic, record);
        // What a pipe has at hand goes in one batch; nobody waits for more.
        if batch.is_full() || lines.nothing_buffered() {
            loaded.produced += batch.send(broker, None).map_err(|e| failed(stdin, &e))?;
        }
    }
    loaded.produced += batch.send(broker, None).map_err(|e| failed(stdin, &e))?;
    Ok(loaded)
}

#[derive(Default)]
struct Batch {
    records: Vec<OutgoingRecord>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, topic: &Arc<str>, record: Record) {
        self.bytes += record.size();
        self.records.push(OutgoingRecord { topic: topic.clone(), partition: None, record });
    }

    fn is_full(&self) -> bool {
        self.records.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES
    }

    fn send(&mut self, broker: &dyn Broker, progress: Option<(&str, u64)>) -> Result<u64, crate::broker::BrokerError> {
        let records = std::mem::take(&mut self.records);
        self.bytes = 0;
        if records.is_empty() {
            return Ok(0);
        }
        let count = records.len() as u64;
        let progress = progress.map(|(key, records)| LoadProgress { key: key.to_owned(), records });
        broker.produce(records, progress)?;
        Ok(count)
    }
}

fn to_record(input: &Input, line: &[u8], clock: &dyn Clock) -> Result<Record, jsonl::LineError> {
    let timestamp = if input.table { Timestamp(0) } else { clock.now() };
    jsonl::parse(line, timestamp)
}

fn digest(path: &Path) -> Result<String, Diagnostic> {
    let mut file = open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut chunk).map_err(|e| failed(path, &e))?;
        if read == 0 {
            break;
        }
        hasher.update(&chunk[..read]);
    }
    Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

fn failed(path: &Path, why: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::run("R011", format!("the input {} could not be produced", path.display())).because(why)
}
