//! `--input SOURCE=FILE`: a file's lines become records of the source's topic, before the stream threads start. Resumable: the log keeps, in
//! the same batch, how far this file was produced. A file with a broken line is not produced at all: once repaired it is another file to the
//! log, and whatever came from it before would be there twice.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::broker::{Broker, LoadProgress, OutgoingRecord, TopicSpec, refusal};
use crate::clock::Clock;
use crate::error::Diagnostic;
use crate::jsonl;
use crate::record::{Record, RecordRef, Timestamp};

use super::lines::{Lines, bad_line, refused_line, regular_file};

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

/// Produces a file's records, from where an earlier run was interrupted unless `again`; none when one of its lines is broken. `go_on` hears
/// the bytes of what is produced so far, and can say no: what is left is then produced by the next run.
pub fn load_file(
    broker: &dyn Broker,
    clock: &dyn Clock,
    input: &Input,
    path: &Path,
    again: bool,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> Result<Loaded, Diagnostic> {
    regular_file(path)?;
    let Some(digest) = check(broker, input, path, go_on)? else { return Ok(Loaded::default()) };
    let key = format!("{}:{digest}", input.topic);
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

/// Reads every line as if it were produced; the file's digest, or `None` when told to stop.
fn check(broker: &dyn Broker, input: &Input, path: &Path, go_on: &mut dyn FnMut(u64) -> bool) -> Result<Option<String>, Diagnostic> {
    let spec = spec(broker, path, &input.topic)?;
    let nothing = |bad: Diagnostic| {
        let hint = "nothing of the file was produced: once its lines are repaired, the same command produces all of it";
        Diagnostic { hint: None, ..bad }.hint(hint)
    };
    let mut lines = Lines::open(path)?;
    let mut hasher = Sha256::new();
    let mut next_look = 0;
    while let Some((number, line)) = lines.next().map_err(|e| failed(path, &e))? {
        let record = jsonl::parse(line, Timestamp(0)).map_err(|why| nothing(bad_line(path, number, &why)))?;
        if let Some(why) = spec.as_ref().and_then(|spec| refusal(spec, RecordRef::from(&record))) {
            return Err(nothing(refused_line(path, number, &input.topic, &why)));
        }
        hasher.update(lines.raw());
        if lines.bytes >= next_look {
            if !go_on(0) {
                return Ok(None);
            }
            next_look = lines.bytes + BATCH_BYTES as u64;
        }
    }
    Ok(Some(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()))
}

/// What the topic takes.
fn spec(broker: &dyn Broker, path: &Path, topic: &Arc<str>) -> Result<Option<TopicSpec>, Diagnostic> {
    let found = broker.topics(std::slice::from_ref(topic)).map_err(|e| failed(path, &e))?;
    Ok(found.into_iter().next().flatten().map(|info| info.spec))
}

fn failed(path: &Path, why: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::run("R011", format!("the input {} could not be produced", path.display())).because(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Cleanup;
    use crate::broker::embedded::{EmbeddedLog, StateFolder};
    use crate::clock::VirtualClock;
    use crate::disk::Budget;
    use crate::record::TopicPartition;

    struct Place {
        dir: tempfile::TempDir,
        log: EmbeddedLog,
        input: Input,
    }

    impl Place {
        fn new(cleanup: Cleanup) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let folder = Arc::new(StateFolder::lock(&dir.path().join("state")).unwrap());
            let log = EmbeddedLog::open(folder, Arc::<VirtualClock>::default(), &Budget::new(1 << 20, 16 << 20)).unwrap();
            log.create_topics(&[TopicSpec { cleanup, ..TopicSpec::new("t", 1) }]).unwrap();
            let input = Input { source: "s".into(), topic: "t".into(), table: false, from: InputFrom::Stdin };
            Self { dir, log, input }
        }

        fn load(&self, path: &Path) -> Result<Loaded, Diagnostic> {
            load_file(&self.log, &VirtualClock::default(), &self.input, path, false, &mut |_| true)
        }

        fn load_text(&self, text: &str) -> Result<Loaded, Diagnostic> {
            let path = self.dir.path().join("lines");
            std::fs::write(&path, text).unwrap();
            self.load(&path)
        }

        fn end(&self) -> u64 {
            self.log.bounds(&TopicPartition::new("t", 0)).unwrap().1
        }
    }

    #[test]
    fn what_is_no_regular_file_is_refused_before_it_is_read() {
        let refused = Place::new(Cleanup::Delete).load(Path::new("/dev/null")).unwrap_err();
        assert_eq!((refused.code, refused.blame), ("R010", crate::error::Blame::Usage));
        assert_eq!(refused.brief(), "the input /dev/null cannot be opened: /dev/null is not a regular file");
        assert!(refused.hint.unwrap().contains("'-'"));
    }

    #[test]
    fn file_with_a_broken_line_is_not_produced_and_once_repaired_it_is_produced_once() {
        let good = "{\"key\": \"k\", \"value\": 1}\n".repeat(BATCH_RECORDS + 1);
        for (cleanup, broken) in [(Cleanup::Delete, "{\"value\": 1, \"timestamp\": \"x\"}"), (Cleanup::Compact, "{\"value\": 1}")] {
            let place = Place::new(cleanup);
            let refused = place.load_text(&format!("{good}{broken}\n")).unwrap_err();
            assert_eq!(refused.code, "R012");
            assert!(refused.message.contains(&format!("line {} of", BATCH_RECORDS + 2)), "{}", refused.message);
            assert!(refused.hint.unwrap().contains("nothing of the file was produced"));
            assert_eq!(place.end(), 0, "{cleanup:?}");
            let all = BATCH_RECORDS as u64 + 1;
            assert_eq!(place.load_text(&good).unwrap(), Loaded { produced: all, skipped: 0 });
            assert_eq!(place.load_text(&good).unwrap(), Loaded { produced: 0, skipped: all });
            assert_eq!(place.end(), all);
        }
    }
}
