//! Consumed messages that stay librdkafka's until their records are processed: but for headers, what is in them is not copied before it is needed
//! elsewhere.

#![allow(unsafe_code, reason = "keeps librdkafka's messages, and lets go of them")]

use std::sync::Arc;

use rdkafka_sys as sys;

use super::error::KafkaError;
use super::handle::{Handle, Queue};
use super::message::{Message, Scratch};
use crate::record::{HeadersRef, Held, Offset, RecordRef, Timestamp};

/// Messages that are records, in order.
#[derive(Debug)]
pub(in crate::broker::kafka) struct Batch {
    /// Those before `first` are let go of.
    rows: Vec<Row>,
    first: usize,
    /// Those of all messages, packed.
    headers: Vec<u8>,
    /// Ends after the messages.
    _handle: Arc<Handle>,
}

/// What is asked of a message often, read once.
#[derive(Debug)]
struct Row {
    message: *mut sys::rd_kafka_message_t,
    offset: Offset,
    timestamp: i64,
    /// Where its headers end; they begin where those of the one before end.
    headers: usize,
}

// SAFETY: whoever has the batch has the messages; librdkafka lets any thread destroy them.
unsafe impl Send for Batch {}

impl Batch {
    /// Behind the last one.
    pub fn end(&self) -> Option<Offset> {
        self.rows.last().map(|row| row.offset + 1)
    }
}

impl Held for Batch {
    fn len(&self) -> usize {
        self.rows.len() - self.first
    }

    fn get(&self, at: usize) -> RecordRef<'_> {
        let at = self.first + at;
        let Row { message, offset, timestamp, headers } = &self.rows[at];
        // SAFETY: a message lives as long as its row is not passed.
        let message = unsafe { Message::of(*message) };
        let begin = if at == 0 { 0 } else { self.rows[at - 1].headers };
        let headers = HeadersRef::of_packed(&self.headers[begin..*headers]);
        RecordRef { headers, ..RecordRef::plain(*offset, Timestamp(*timestamp), message.key(), message.value()) }
    }

    fn let_go(&mut self, count: usize) {
        let end = (self.first + count).min(self.rows.len());
        for row in &self.rows[self.first..end] {
            // SAFETY: each message is destroyed once: no row before `first` is looked at again.
            unsafe { sys::rd_kafka_message_destroy(row.message) };
        }
        self.first = end;
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.let_go(self.len());
    }
}

impl Queue {
    /// Takes up to `max` messages that are there. Without those that are events of the partition: the last of these is told.
    pub fn take(&self, max: usize, scratch: &mut Scratch) -> (Batch, Option<KafkaError>) {
        let messages = self.consume(max, scratch);
        let mut batch = Batch { rows: Vec::with_capacity(messages.len()), first: 0, headers: Vec::new(), _handle: self.handle().clone() };
        let mut event = None;
        for &raw in messages {
            // SAFETY: the message is this function's own, and then the batch's.
            let message = unsafe { Message::of(raw) };
            match message.check() {
                Ok(()) => {
                    let before = batch.headers.len();
                    message.headers(|header| header.pack(&mut batch.headers));
                    if batch.headers.len() > before {
                        message.forget_headers();
                    }
                    let offset = Offset::try_from(message.offset()).unwrap_or(0);
                    batch.rows.push(Row { message: raw, offset, timestamp: message.timestamp(), headers: batch.headers.len() });
                }
                Err(error) => {
                    event = Some(error);
                    // SAFETY: it goes nowhere else.
                    unsafe { sys::rd_kafka_message_destroy(raw) };
                }
            }
        }
        (batch, event)
    }
}
