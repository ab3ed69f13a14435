//! The apps' work: a consumer and a producer a thread, offsets committed behind what was produced, as the host does it.

use std::ffi::CString;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rdkafka_sys as sys;
use rustc_hash::FxHashMap;

use crate::client::{ANY, Client, Topic, check};
use crate::load::HALF;
use crate::records::{Message, Records};
use crate::restore::read_whole;
use crate::{App, Workload};

const COMMIT_EVERY: Duration = Duration::from_millis(100);

/// The values of a table by key; none but `join` has any.
type Table = FxHashMap<[u8; 8], Box<[u8]>>;

pub fn run(args: &App) -> Result<()> {
    let told = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, told.clone())?;
    let table = read_table(args)?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads).map(|_| scope.spawn(|| Worker::start(args, &table)?.run(&told))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
    })
}

fn read_table(args: &App) -> Result<Table> {
    let mut table = Table::default();
    if let Some(topic) = &args.table {
        read_whole(&args.bootstrap, topic, |key, value| {
            table.insert(key.try_into()?, value.into());
            Ok(())
        })?;
    }
    Ok(table)
}

struct Worker<'a> {
    source: CString,
    consumer: Client,
    records: Records,
    work: Work<'a>,
    /// The next offset of each partition, since the last commit.
    offsets: FxHashMap<i32, i64>,
}

impl<'a> Worker<'a> {
    fn start(args: &App, table: &'a Table) -> Result<Self> {
        let settings = [
            ("group.id", args.group.as_str()),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "earliest"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("fetch.queue.backoff.ms", "10"),
        ];
        let consumer = Client::consumer(&args.bootstrap, &settings)?;
        let source = CString::new(args.source.as_str())?;
        let records = Records::of_group(consumer, &source)?;
        Ok(Self { source, consumer, records, work: Work::new(args, table)?, offsets: FxHashMap::default() })
    }

    fn run(mut self, told: &AtomicBool) -> Result<()> {
        let mut committed = Instant::now();
        while !told.load(Ordering::Relaxed) {
            self.records.take(COMMIT_EVERY.saturating_sub(committed.elapsed()), |message| {
                self.work.process(&message)?;
                self.offsets.insert(message.partition(), message.offset() + 1);
                Ok(())
            })?;
            self.work.sink.poll();
            if committed.elapsed() >= COMMIT_EVERY {
                self.commit()?;
                committed = Instant::now();
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        if self.offsets.is_empty() {
            return Ok(());
        }
        self.work.producer.flush()?;
        // SAFETY: the list is this function's own; its elements are written as it hands them out.
        unsafe {
            let list = sys::rd_kafka_topic_partition_list_new(1);
            for (partition, next) in self.offsets.drain() {
                (*sys::rd_kafka_topic_partition_list_add(list, self.source.as_ptr(), partition)).offset = next;
            }
            let committed = check(sys::rd_kafka_commit(self.consumer.0, list, 1));
            sys::rd_kafka_topic_partition_list_destroy(list);
            committed
        }
    }
}

/// What is done with a record.
struct Work<'a> {
    workload: Workload,
    producer: Client,
    sink: Topic,
    changelog: Option<Topic>,
    counts: FxHashMap<[u8; 8], u64>,
    table: &'a Table,
    /// A value that is being made.
    made: Vec<u8>,
}

impl<'a> Work<'a> {
    fn new(args: &App, table: &'a Table) -> Result<Self> {
        let producer = Client::producer(&args.bootstrap)?;
        let sink = Topic::new(producer, &args.sink)?;
        let changelog = args.changelog.as_ref().map(|topic| Topic::new(producer, topic)).transpose()?;
        Ok(Self { workload: args.workload, producer, sink, changelog, counts: FxHashMap::default(), table, made: Vec::new() })
    }

    fn process(&mut self, message: &Message<'_>) -> Result<()> {
        let (key, value, timestamp) = (message.key(), message.value(), message.timestamp());
        match self.workload {
            Workload::Copy => self.sink.produce(ANY, key, value, timestamp, message.headers()),
            Workload::FilterMap => {
                ensure!(value.len() > HALF, "a record of {} bytes", value.len());
                if value[HALF] != 0 {
                    return Ok(());
                }
                self.produce(message, &[value, b"!"])
            }
            Workload::Count => {
                let count = self.counts.entry(key.try_into()?).or_default();
                *count += 1;
                let count = count.to_be_bytes();
                let changelog = self.changelog.as_ref().context("no changelog")?;
                changelog.produce(message.partition(), key, &count, timestamp, null_mut())?;
                self.sink.produce(ANY, key, &count, timestamp, message.headers())
            }
            Workload::Join => {
                let Some(joined) = self.table.get(key) else { return Ok(()) };
                self.produce(message, &[value, joined])
            }
        }
    }

    /// Sends a record on with a value made of parts.
    fn produce(&mut self, message: &Message<'_>, parts: &[&[u8]]) -> Result<()> {
        self.made.clear();
        parts.iter().for_each(|part| self.made.extend_from_slice(part));
        self.sink.produce(ANY, message.key(), &self.made, message.timestamp(), message.headers())
    }
}
