//! The apps' work: a consumer and a producer a thread, offsets committed behind what was produced, as the host does it.

use std::collections::HashMap;
use std::ffi::CString;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use rdkafka_sys as sys;
use rustc_hash::FxHashMap;
use sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR as NO_ERROR;

use crate::client::{Client, Topic, check};
use crate::load::HALF;
use crate::{App, Workload};

const COMMIT_EVERY: Duration = Duration::from_millis(100);
const BATCH: usize = 10_000;
/// Any: the producer chooses by the key.
const ANY: i32 = -1;

pub fn run(args: &App) -> Result<()> {
    let told = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, told.clone())?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads).map(|_| scope.spawn(|| Worker::start(args)?.run(&told))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
    })
}

struct Worker {
    workload: Workload,
    source: CString,
    consumer: Client,
    records: *mut sys::rd_kafka_queue_t,
    producer: Client,
    sink: Topic,
    changelog: Topic,
    counts: FxHashMap<[u8; 8], u64>,
    /// The next offset of each partition, since the last commit.
    offsets: HashMap<i32, i64>,
    /// A value that is being made.
    made: Vec<u8>,
}

impl Worker {
    fn start(args: &App) -> Result<Self> {
        let settings = [
            ("group.id", args.group.as_str()),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "earliest"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("fetch.queue.backoff.ms", "10"),
        ];
        let consumer = Client::consumer(&args.bootstrap, &settings)?;
        let producer = Client::producer(&args.bootstrap)?;
        let source = CString::new(args.source.as_str())?;
        // SAFETY: live clients; the list is this function's own.
        let records = unsafe {
            let topics = sys::rd_kafka_topic_partition_list_new(1);
            sys::rd_kafka_topic_partition_list_add(topics, source.as_ptr(), ANY);
            check(sys::rd_kafka_subscribe(consumer.0, topics))?;
            sys::rd_kafka_topic_partition_list_destroy(topics);
            sys::rd_kafka_queue_get_consumer(consumer.0)
        };
        Ok(Self {
            workload: args.workload,
            source,
            consumer,
            records,
            producer,
            sink: Topic::new(producer, &args.sink)?,
            changelog: Topic::new(producer, &args.changelog)?,
            counts: FxHashMap::default(),
            offsets: HashMap::new(),
            made: Vec::new(),
        })
    }

    fn run(mut self, told: &AtomicBool) -> Result<()> {
        let mut batch = vec![null_mut(); BATCH];
        let mut committed = Instant::now();
        while !told.load(Ordering::Relaxed) {
            let count = self.take(&mut batch, COMMIT_EVERY.saturating_sub(committed.elapsed()))?;
            for &message in &batch[..count] {
                // SAFETY: a message is this function's until it is destroyed, once.
                unsafe {
                    let done = self.process(&*message);
                    sys::rd_kafka_message_destroy(message);
                    done?;
                }
            }
            self.sink.poll();
            if committed.elapsed() >= COMMIT_EVERY {
                self.commit()?;
                committed = Instant::now();
            }
        }
        Ok(())
    }

    /// A call with a time-out would wait for a full batch: it takes one record, and then what is there.
    fn take(&self, batch: &mut [*mut sys::rd_kafka_message_t], at_most: Duration) -> Result<usize> {
        let ms = i32::try_from(at_most.as_millis().max(1))?;
        // SAFETY: both calls write within the slice.
        let taken = unsafe {
            match sys::rd_kafka_consume_batch_queue(self.records, ms, batch.as_mut_ptr(), 1) {
                1 => 1 + sys::rd_kafka_consume_batch_queue(self.records, 0, batch.as_mut_ptr().add(1), batch.len() - 1),
                none => none,
            }
        };
        Ok(usize::try_from(taken)?)
    }

    /// # Safety
    /// The message is valid.
    unsafe fn process(&mut self, message: &sys::rd_kafka_message_t) -> Result<()> {
        ensure!(message.err == NO_ERROR, "a partition cannot be read: {:?}", message.err);
        // SAFETY: key and value are the message's. Records of this benchmark have both.
        let (key, value, timestamp) = unsafe {
            (
                std::slice::from_raw_parts(message.key.cast::<u8>(), message.key_len),
                std::slice::from_raw_parts(message.payload.cast::<u8>(), message.len),
                sys::rd_kafka_message_timestamp(message, null_mut()),
            )
        };
        // SAFETY: as above.
        let headers = || unsafe { copy_of_headers(message) };
        match self.workload {
            Workload::Copy => self.sink.produce(ANY, key, value, timestamp, headers())?,
            Workload::FilterMap if value[HALF] == 0 => {
                self.made.clear();
                self.made.extend_from_slice(value);
                self.made.push(b'!');
                self.sink.produce(ANY, key, &self.made, timestamp, headers())?;
            }
            Workload::FilterMap => {}
            Workload::Count => {
                let count = self.counts.entry(key.try_into()?).or_default();
                *count += 1;
                let count = count.to_be_bytes();
                self.changelog.produce(message.partition, key, &count, timestamp, null_mut())?;
                self.sink.produce(ANY, key, &count, timestamp, headers())?;
            }
        }
        self.offsets.insert(message.partition, message.offset + 1);
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        if self.offsets.is_empty() {
            return Ok(());
        }
        self.producer.flush()?;
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

/// Null for none.
///
/// # Safety
/// The message is valid.
unsafe fn copy_of_headers(message: &sys::rd_kafka_message_t) -> *mut sys::rd_kafka_headers_t {
    let mut headers = null_mut();
    // SAFETY: headers are the message's, and copied.
    unsafe {
        match sys::rd_kafka_message_headers(message, &raw mut headers) {
            NO_ERROR => sys::rd_kafka_headers_copy(headers),
            _ => null_mut(),
        }
    }
}
