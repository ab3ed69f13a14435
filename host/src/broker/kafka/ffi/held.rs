//! Consumed messages that stay librdkafka's until their records are processed: what is in them is not copied before it is needed elsewhere.

#![allow(unsafe_code, reason = "keeps librdkafka's messages, and lets go of them")]

use std::sync::Arc;

use rdkafka_sys as sys;

use super::error::KafkaError;
use super::handle::{Handle, Queue};
use super::message::{Message, Scratch};
use crate::record::{Held, Offset, RecordRef, Timestamp};

/// Messages that are records, in order.
#[derive(Debug)]
pub(in crate::broker::kafka) struct Batch {
    /// Those before `first` are let go of.
    rows: Vec<Row>,
    first: usize,
    headers: bool,
    /// Ends after the messages.
    _handle: Arc<Handle>,
}

/// What is asked of a message often, read once.
#[derive(Debug)]
struct Row {
    message: *mut sys::rd_kafka_message_t,
    offset: Offset,
    timestamp: i64,
}

// SAFETY: whoever has the batch has the messages; librdkafka lets any thread destroy them.
unsafe impl Send for Batch {}

impl Batch {
    /// Whether any of them has headers.
    pub fn has_headers(&self) -> bool {
        self.headers
    }

    /// Behind the last one.
    pub fn end(&self) -> Option<Offset> {
        self.rows.last().map(|row| row.offset + 1)
    }

    pub fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        // SAFETY: a message lives as long as its row is not passed.
        self.rows[self.first..].iter().map(|row| unsafe { Message::of(row.message) })
    }
}

impl Held for Batch {
    fn len(&self) -> usize {
        self.rows.len() - self.first
    }

    fn get(&self, at: usize) -> RecordRef<'_> {
        let Row { message, offset, timestamp } = &self.rows[self.first + at];
        // SAFETY: as above.
        let message = unsafe { Message::of(*message) };
        RecordRef::plain(*offset, Timestamp(*timestamp), message.key(), message.value())
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
        let mut batch = Batch { rows: Vec::with_capacity(messages.len()), first: 0, headers: false, _handle: self.handle().clone() };
        let mut event = None;
        for &raw in messages {
            // SAFETY: the message is this function's own, and then the batch's.
            let message = unsafe { Message::of(raw) };
            match message.check() {
                Ok(()) => {
                    batch.headers = batch.headers || message.has_headers();
                    let offset = Offset::try_from(message.offset()).unwrap_or(0);
                    batch.rows.push(Row { message: raw, offset, timestamp: message.timestamp() });
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
