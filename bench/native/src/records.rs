//! Records, as a consumer gets them.

use std::ffi::CStr;
use std::ptr::null_mut;
use std::time::Duration;

use anyhow::{Result, bail};
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t::{RD_KAFKA_RESP_ERR__PARTITION_EOF as END, RD_KAFKA_RESP_ERR_NO_ERROR as NO_ERROR};

use crate::client::{ANY, Client, check};

const BATCH: usize = 10_000;

/// What a consumer has fetched and nobody has taken.
pub struct Records {
    queue: *mut sys::rd_kafka_queue_t,
    batch: Vec<*mut sys::rd_kafka_message_t>,
}

impl Records {
    /// Of the partitions that the consumer's group gives it.
    pub fn of_group(consumer: Client, topic: &CStr) -> Result<Self> {
        // SAFETY: a live client; the list is this function's own.
        unsafe {
            let topics = sys::rd_kafka_topic_partition_list_new(1);
            sys::rd_kafka_topic_partition_list_add(topics, topic.as_ptr(), ANY);
            let subscribed = check(sys::rd_kafka_subscribe(consumer.0, topics));
            sys::rd_kafka_topic_partition_list_destroy(topics);
            subscribed?;
        }
        Ok(Self::of(consumer))
    }

    /// Of all partitions of a topic, outside any group: each from its offset on.
    pub fn of_partitions(consumer: Client, topic: &CStr, from: &[i64]) -> Result<Self> {
        // SAFETY: a live client; the list is this function's own; its elements are written as it hands them out.
        unsafe {
            let partitions = sys::rd_kafka_topic_partition_list_new(1);
            for (partition, offset) in (0..).zip(from) {
                (*sys::rd_kafka_topic_partition_list_add(partitions, topic.as_ptr(), partition)).offset = *offset;
            }
            let assigned = check(sys::rd_kafka_assign(consumer.0, partitions));
            sys::rd_kafka_topic_partition_list_destroy(partitions);
            assigned?;
        }
        Ok(Self::of(consumer))
    }

    fn of(consumer: Client) -> Self {
        // SAFETY: a live client.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(consumer.0) };
        Self { queue, batch: vec![null_mut(); BATCH] }
    }

    /// Hands over what is there; waits at most so long for the first record. Answers how many it were.
    pub fn take(&mut self, at_most: Duration, mut each: impl FnMut(Message<'_>) -> Result<()>) -> Result<usize> {
        let count = self.fill(at_most)?;
        for &message in &self.batch[..count] {
            // SAFETY: a message is this function's until it is destroyed, once.
            unsafe {
                let done = match (*message).err {
                    NO_ERROR | END => each(Message(&*message)),
                    failed => bail!("a partition cannot be read: {failed:?}"),
                };
                sys::rd_kafka_message_destroy(message);
                done?;
            }
        }
        Ok(count)
    }

    /// A call with a time-out would wait for a full batch: it takes one record, and then what is there.
    fn fill(&mut self, at_most: Duration) -> Result<usize> {
        let ms = i32::try_from(at_most.as_millis().max(1))?;
        let batch = &mut self.batch;
        // SAFETY: both calls write within the batch.
        let taken = unsafe {
            match sys::rd_kafka_consume_batch_queue(self.queue, ms, batch.as_mut_ptr(), 1) {
                1 => 1 + sys::rd_kafka_consume_batch_queue(self.queue, 0, batch.as_mut_ptr().add(1), batch.len() - 1),
                none => none,
            }
        };
        Ok(usize::try_from(taken)?)
    }
}

/// A record, or the news that a partition has no more of them for now.
pub struct Message<'a>(&'a sys::rd_kafka_message_t);

impl Message<'_> {
    /// True for the end of a partition; consumers hear of it who ask for it.
    pub fn is_end(&self) -> bool {
        self.0.err == END
    }

    pub fn partition(&self) -> i32 {
        self.0.partition
    }

    pub fn offset(&self) -> i64 {
        self.0.offset
    }

    /// Empty for none.
    pub fn key(&self) -> &[u8] {
        // SAFETY: the message's, as long as it lives.
        unsafe { bytes(self.0.key.cast(), self.0.key_len) }
    }

    /// Empty for none.
    pub fn value(&self) -> &[u8] {
        // SAFETY: the message's, as long as it lives.
        unsafe { bytes(self.0.payload.cast(), self.0.len) }
    }

    pub fn timestamp(&self) -> i64 {
        // SAFETY: a live message; the kind of the timestamp is not asked for.
        unsafe { sys::rd_kafka_message_timestamp(self.0, null_mut()) }
    }

    /// A copy of its headers; null for none.
    pub fn headers(&self) -> *mut sys::rd_kafka_headers_t {
        let mut headers = null_mut();
        // SAFETY: a live message; its headers are copied.
        unsafe {
            match sys::rd_kafka_message_headers(self.0, &raw mut headers) {
                NO_ERROR => sys::rd_kafka_headers_copy(headers),
                _ => null_mut(),
            }
        }
    }
}

/// # Safety
/// Null, or so many bytes.
unsafe fn bytes<'a>(at: *const u8, count: usize) -> &'a [u8] {
    // SAFETY: as the caller says.
    if at.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(at, count) } }
}
