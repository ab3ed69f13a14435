//! The answers, whoever asks.

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::peers::Peers;
use super::report::{MemoryReport, PartitionReport, StatusReport, TaskReport};
use super::swap::{RollBackRequest, SwapReport, SwapRequest, VersionReport};
use crate::broker::{Broker, BrokerError, OutgoingRecord, Reader};
use crate::clock::Clock;
use crate::error::{self, Diagnostic};
use crate::jsonl;
use crate::record::{ConsumedRecord, Offset, TopicPartition};
use crate::runtime::{Condition, HostStatus, Inquirer};

/// Records that one page holds at most.
const PAGE_RECORDS: usize = 5_000;
/// Bytes of records that end a page early.
const PAGE_BYTES: usize = 4 << 20;
/// Records read before the size of a page is looked at.
const READ_RECORDS: usize = 64;

/// Beyond it no log counts.
const LAST_OFFSET: Offset = i64::MAX.unsigned_abs();

/// What a desk can ask of a running host.
pub trait HostControl: Send + Sync {
    /// What it tells of itself; `None` before its threads are started.
    fn look(&self) -> Option<HostStatus>;
    /// Who asks its stores; `None` before its threads are started.
    fn inquirer(&self) -> Option<Inquirer>;
    /// Its topics now; `None` before its threads are started.
    fn topics(&self) -> Option<AppTopics>;
    /// Parked tasks try their record again: this one, or all.
    fn resume(&self, task: Option<&str>);
    /// Lets a component take the place of a processor's.
    fn swap(&self, request: &SwapRequest) -> Result<SwapReport, Diagnostic>;
    /// Lets the component before come back.
    fn roll_back(&self, request: &RollBackRequest) -> Result<SwapReport, Diagnostic>;
}

/// The topics of an app that are looked after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppTopics {
    /// What it reads, internal ones included.
    pub read: Vec<Arc<str>>,
    /// Where its failed records go.
    pub letters: Vec<Arc<str>>,
}

/// Answers for one app.
pub struct Desk {
    /// `app.id`: the consumer group.
    pub app: Arc<str>,
    /// The log.
    pub broker: Arc<dyn Broker>,
    /// Time of production of records without a timestamp.
    pub clock: Arc<dyn Clock>,
    /// Its topics, while no host can tell.
    pub topics: AppTopics,
    /// Held while dead letters are written back.
    pub retrying: Mutex<()>,
    /// The host, where one runs.
    pub host: Option<Arc<dyn HostControl>>,
    /// Other hosts of the app, where there can be some.
    pub peers: Option<Peers>,
}

/// Where reading a topic begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begin {
    /// At the first record that is kept.
    #[default]
    Beginning,
    /// Behind the last record.
    End,
}

/// Where to read on in a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The partition.
    pub partition: u32,
    /// The next offset to read.
    pub offset: Offset,
}

/// Asks for records of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageRequest {
    /// Where to read on.
    pub positions: Vec<Position>,
    /// Where to begin in partitions that have no position.
    pub begin: Begin,
    /// Records wanted at most; `None`: as many as a page holds.
    pub max: Option<usize>,
}

/// Some records of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Record lines.
    pub lines: Vec<String>,
    /// Where to read on.
    pub positions: Vec<Position>,
}

impl Desk {
    /// The status of tasks and partitions.
    pub fn status(&self) -> Result<StatusReport, Diagnostic> {
        let (host, now) = (self.look(), self.clock.now());
        let memory = host.as_ref().map(|host| MemoryReport::new(&host.memory));
        let (tasks, versions) = host.map_or_else(Default::default, |host| (host.tasks, host.versions));
        let mut partitions = Vec::new();
        let topics = self.topics().read;
        for (topic, info) in topics.iter().zip(self.broker.topics(&topics).map_err(failed)?) {
            for partition in 0..info.map_or(0, |i| i.spec.partitions) {
                let at = TopicPartition::new(topic.clone(), partition);
                let (first, end) = self.broker.bounds(&at).map_err(failed)?;
                let committed = self.broker.committed(&self.app, &at).map_err(failed)?.map_or(first, |c| c.offset);
                partitions.push(PartitionReport { topic: topic.to_string(), partition, committed, end });
            }
        }
        let running = self.host.is_some();
        let tasks = tasks.iter().map(|t| TaskReport::new(t, now)).collect();
        let processors = versions.iter().map(VersionReport::new).collect();
        Ok(StatusReport { app: self.app.to_string(), running, tasks, processors, memory, partitions })
    }

    /// The topics of the app as it runs now.
    pub(super) fn topics(&self) -> AppTopics {
        self.host.as_ref().and_then(|host| host.topics()).unwrap_or_else(|| self.topics.clone())
    }

    /// What the host tells of itself, where one runs.
    pub(super) fn look(&self) -> Option<HostStatus> {
        self.host.as_ref()?.look()
    }

    /// Appends record lines to a topic; how many.
    pub fn produce(&self, topic: &str, lines: &[u8]) -> Result<u64, Diagnostic> {
        let topic: Arc<str> = topic.into();
        self.known(&topic)?;
        let mut records = Vec::new();
        let text = lines.strip_suffix(b"\n").unwrap_or(lines);
        if lines.is_empty() {
            return Ok(0);
        }
        for (number, line) in text.split(|&b| b == b'\n').enumerate() {
            let record = jsonl::parse(line, self.clock.now())
                .map_err(|why| Diagnostic::usage("R012", format!("line {}: a broken record line", number + 1)).because(why))?;
            records.push(OutgoingRecord { topic: topic.clone(), partition: None, record });
        }
        let count = records.len() as u64;
        self.broker.produce(records, None).map_err(failed)?;
        Ok(count)
    }

    /// The next records of a topic, partition by partition. A page without lines and with the positions of the request: there are none yet.
    pub fn consume(&self, topic: &str, request: &PageRequest) -> Result<Page, Diagnostic> {
        let topic: Arc<str> = topic.into();
        let partitions = self.known(&topic)?;
        let at = |partition| TopicPartition::new(topic.clone(), partition);
        let mut positions = request.positions.clone();
        if let Some(Position { partition, offset }) = positions.iter().find(|p| p.partition >= partitions || p.offset > LAST_OFFSET) {
            let problem = Diagnostic::usage("R130", format!("topic '{topic}' has no offset {offset} in a partition {partition}"));
            return Err(problem.hint(format!("its partitions are 0 to {}", partitions.saturating_sub(1))));
        }
        for partition in 0..partitions {
            if !positions.iter().any(|p| p.partition == partition) {
                let (first, end) = self.broker.bounds(&at(partition)).map_err(failed)?;
                let offset = if request.begin == Begin::End { end } else { first };
                positions.push(Position { partition, offset });
            }
        }
        let mut reader = self.broker.reader().map_err(failed)?;
        let mut page = Filling { lines: Vec::new(), bytes: 0, most: request.max.unwrap_or(PAGE_RECORDS).min(PAGE_RECORDS) };
        for position in &mut positions {
            let at = at(position.partition);
            let (_, end) = self.broker.bounds(&at).map_err(failed)?;
            position.offset = page.fill(&mut *reader, &at, position.offset, end)?;
            reader.close(&at);
        }
        Ok(Page { lines: page.lines, positions })
    }

    /// Parked tasks try again; their names.
    pub fn resume(&self, task: Option<&str>) -> Result<Vec<String>, Diagnostic> {
        let Some(host) = &self.host else {
            return Err(Diagnostic::usage("R030", "no host is running this app")
                .hint("a task that was parked tries its record again at the next `run`"));
        };
        let tasks = host.look().map_or_else(Vec::new, |host| host.tasks);
        if let Some(task) = task
            && !tasks.iter().any(|t| &*t.id.name == task)
        {
            let known: Vec<&str> = tasks.iter().map(|t| &*t.id.name).collect();
            return Err(Diagnostic::usage("R031", format!("there is no task '{task}'")).hint(error::suggest(task, "tasks", known)));
        }
        host.resume(task);
        let parked = tasks.iter().filter(|t| matches!(t.condition, Condition::Parked { .. }));
        Ok(parked.map(|t| t.id.name.to_string()).filter(|name| task.is_none_or(|t| t == name)).collect())
    }

    fn known(&self, topic: &Arc<str>) -> Result<u32, Diagnostic> {
        let found = self.broker.topics(std::slice::from_ref(topic)).map_err(failed)?;
        match found.into_iter().next().flatten() {
            Some(info) => Ok(info.spec.partitions),
            None => Err(Diagnostic::usage("B001", format!("topic '{topic}' does not exist"))
                .hint("topics of an app are made when it runs for the first time")),
        }
    }
}

/// A page while it is read.
struct Filling {
    lines: Vec<String>,
    bytes: usize,
    most: usize,
}

impl Filling {
    /// Adds records of a partition up to its end or until the page is full; where to read on.
    fn fill(&mut self, reader: &mut dyn Reader, at: &TopicPartition, mut offset: Offset, end: Offset) -> Result<Offset, Diagnostic> {
        let mut records: Vec<ConsumedRecord> = Vec::new();
        while self.lines.len() < self.most && self.bytes < PAGE_BYTES && offset < end {
            records.clear();
            let next = match reader.read_up_to(at, offset, end, READ_RECORDS.min(self.most - self.lines.len()), &mut records) {
                Err(BrokerError::OffsetGone { wanted, first, .. }) => {
                    tracing::warn!(partition = %at, wanted, first, "records were deleted before they were read");
                    first
                }
                next => next.map_err(failed)?,
            };
            // Those of a transaction that is still open do not come.
            if next == offset {
                break;
            }
            offset = next;
            let lines = records.iter().map(|r| jsonl::print(&r.record));
            self.lines.extend(lines.inspect(|line| self.bytes += line.len()));
        }
        Ok(offset)
    }
}

pub(super) fn failed(error: BrokerError) -> Diagnostic {
    Diagnostic::run("B002", "the log failed").because(error)
}
