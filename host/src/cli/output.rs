//! `--output SINK=FILE`: the sink's topic from its beginning, one record line each, written anew at each run.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::broker::{Broker, BrokerError, Reader};
use crate::error::Diagnostic;
use crate::jsonl;
use crate::record::{ConsumedRecord, Offset, TopicPartition};

/// Records read at a time.
const CHUNK_RECORDS: usize = 5_000;

/// Waits for the last records, which are on their way from a cluster.
const END_WAITS: u32 = 60;
/// Each of them.
const END_WAIT: Duration = Duration::from_millis(250);

/// One `--output` at work.
pub struct Output {
    path: PathBuf,
    to: Box<dyn Write>,
    reader: Box<dyn Reader>,
    positions: Vec<(TopicPartition, Offset)>,
    chunk: Vec<ConsumedRecord>,
    written: u64,
}

impl Output {
    /// Begins a file (`-`: standard output) at the beginning of a topic.
    pub fn create(broker: &dyn Broker, topic: &Arc<str>, partitions: u32, path: PathBuf) -> Result<Self, Diagnostic> {
        let to: Box<dyn Write> = if path.as_os_str() == "-" {
            Box::new(std::io::stdout())
        } else {
            let file = File::create(&path);
            Box::new(BufWriter::with_capacity(
                1 << 18,
                file.map_err(|e| Diagnostic::usage("R020", format!("the output {} cannot be written", path.display())).because(e))?,
            ))
        };
        let failed = |e: BrokerError| Diagnostic::run("R021", format!("topic '{topic}' cannot be read")).because(e);
        let reader = broker.reader().map_err(failed)?;
        let mut positions = Vec::new();
        for partition in 0..partitions {
            let at = TopicPartition::new(topic.clone(), partition);
            let (first, _) = broker.bounds(&at).map_err(failed)?;
            positions.push((at, first));
        }
        Ok(Self { path, to, reader, positions, chunk: Vec::new(), written: 0 })
    }

    /// Where to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes some of what has been committed since, a chunk of each partition; whether there may be more.
    pub fn pump(&mut self) -> Result<bool, Diagnostic> {
        let mut more = false;
        for (at, position) in &mut self.positions {
            self.chunk.clear();
            let next = match self.reader.read(at, *position, CHUNK_RECORDS, &mut self.chunk) {
                Err(BrokerError::OffsetGone { wanted, first, .. }) => {
                    tracing::warn!(partition = %at, wanted, first, "records were deleted before they were written");
                    first
                }
                next => next.map_err(|e| Diagnostic::run("R021", format!("{at} cannot be read")).because(e))?,
            };
            for consumed in &self.chunk {
                let line = jsonl::print(&consumed.record);
                writeln!(self.to, "{line}").map_err(|e| write_failed(&self.path, &e))?;
                self.written += 1;
            }
            more |= next != *position;
            *position = next;
        }
        self.to.flush().map_err(|e| write_failed(&self.path, &e))?;
        Ok(more)
    }

    /// Writes all that has been committed.
    pub fn pump_to_the_end(&mut self, broker: &dyn Broker) -> Result<(), Diagnostic> {
        let mut ends = Vec::new();
        for (at, _) in &self.positions {
            let (_, end) = broker.bounds(at).map_err(|e| Diagnostic::run("R021", format!("{at} cannot be read")).because(e))?;
            ends.push(end);
        }
        let mut waits = END_WAITS;
        while self.positions.iter().zip(&ends).any(|((_, position), end)| position < end) {
            if self.pump()? {
                waits = END_WAITS;
                continue;
            }
            if waits == 0 {
                let message = format!("the output {} is not whole: its topic delivers no more, although it has more", self.path.display());
                return Err(Diagnostic::run("R021", message).hint("`consume` reads the topic once it delivers again"));
            }
            waits -= 1;
            self.reader.wait(END_WAIT);
        }
        Ok(())
    }
}

fn write_failed(path: &Path, why: &std::io::Error) -> Diagnostic {
    Diagnostic::run("R020", format!("the output {} cannot be written", path.display())).because(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::embedded::{EmbeddedLog, StateFolder};
    use crate::broker::{Cleanup, OutgoingRecord, TopicSpec};
    use crate::clock::VirtualClock;
    use crate::disk::Budget;
    use crate::record::Record;

    #[test]
    fn output_goes_on_behind_what_was_deleted_and_writes_a_chunk_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Arc::new(StateFolder::lock(&dir.path().join("state")).unwrap());
        let log = EmbeddedLog::open(folder, Arc::<VirtualClock>::default(), &Budget::new(1 << 20, 16 << 20)).unwrap();
        let topic: Arc<str> = "t".into();
        let cleanup = Cleanup::Delete;
        log.create_topics(&[TopicSpec { cleanup, ..TopicSpec::new(topic.clone(), 1) }]).unwrap();
        let mut output = Output::create(&log, &topic, 1, dir.path().join("out")).unwrap();
        let records = CHUNK_RECORDS + 3;
        let record = |n: usize| OutgoingRecord {
            topic: topic.clone(),
            partition: None,
            record: Record { value: Some(n.to_string().into()), ..Record::default() },
        };
        log.produce((0..records).map(record).collect(), None).unwrap();
        assert!(log.delete_before(&TopicPartition::new(topic.clone(), 0), 2).unwrap());
        let mut written = Vec::new();
        while output.pump().unwrap() {
            written.push(output.written());
        }
        let chunk = CHUNK_RECORDS as u64;
        assert_eq!(written, [0, chunk, chunk + 1]);
        let text = std::fs::read_to_string(dir.path().join("out")).unwrap();
        let first = jsonl::parse(text.lines().next().unwrap().as_bytes(), crate::record::Timestamp(0)).unwrap();
        assert_eq!(first.value.as_deref(), Some(&b"2"[..]));
    }
}
