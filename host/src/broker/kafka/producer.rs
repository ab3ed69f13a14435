//! One producer: records out, and what became of them.

use std::sync::Arc;
use std::time::Duration;

use super::errors::{failed, failed_as, is_unknown, refused, refuses_the_record};
use super::ffi::{Code, Event, Handle, KafkaError, Outgoing, Queue, TopicHandle, Undelivered};
use super::settings::{KafkaSettings, PropertyError};
use super::topics::Topics;
use crate::broker::admission::admit;
use crate::broker::partitioner::Partitioner;
use crate::broker::port::{BrokerError, OutgoingRef, Retry, TopicSpec};
use crate::record::RecordRef;

/// Delivery reports are served this often while a flush waits.
const FLUSH_SLICE: Duration = Duration::from_millis(100);
/// Wait for room in a full queue.
const FULL_WAIT: Duration = Duration::from_millis(5);
/// Refused records that are remembered, so that their sinks' policies meet them when they come again.
const REFUSED_KEPT: usize = 1_000;
/// Records that were refused along with others and are remembered until they have gone alone: as many as two batches may hold.
const SUSPECTS_KEPT: usize = 20_000;
/// librdkafka stamps a record of timestamp 0 with the time of its production; this is the next one.
const FIRST_TIMESTAMP: i64 = 1;

pub(super) struct Producer {
    /// Makes the handle, and makes it anew when one has failed for good.
    make: Make,
    handle: Arc<Handle>,
    queue: Queue,
    targets: Vec<Target>,
    partitioner: Partitioner,
    undelivered: Vec<Undelivered>,
    /// Records that their topics will never take.
    refused: Vec<Undelivered>,
    /// Records of batches that were refused: one of each batch may be why.
    suspects: Vec<Undelivered>,
    /// Something was sent since the last flush.
    open: bool,
    /// What was known of topics may be why it has failed.
    has_failed: bool,
    /// Of the last flush: everything that was not delivered was thrown away, for another reason than its own.
    purged: bool,
}

type Make = Box<dyn Fn() -> Result<Arc<Handle>, PropertyError> + Send>;

/// A topic that was written: one of a handful.
struct Target {
    name: Arc<str>,
    topic: TopicHandle,
    spec: TopicSpec,
}

impl Producer {
    /// A producer without transactions; several of a host have different names and numbers.
    pub fn new(settings: &KafkaSettings, name: String, number: u32) -> Result<Self, BrokerError> {
        let settings = settings.clone();
        Self::made(Box::new(move || settings.producer(&name)), number)
    }

    /// A producer of transactions, those of this name.
    pub fn transactional(settings: &KafkaSettings, name: String, number: u32) -> Result<Self, BrokerError> {
        let settings = settings.clone();
        Self::made(Box::new(move || settings.transactional(&name)), number)
    }

    fn made(make: Make, number: u32) -> Result<Self, BrokerError> {
        let (handle, queue) = open(&make)?;
        let (targets, partitioner) = (Vec::new(), Partitioner::new(number));
        let (undelivered, refused, suspects) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self {
            make,
            handle,
            queue,
            targets,
            partitioner,
            undelivered,
            refused,
            suspects,
            open: false,
            has_failed: false,
            purged: false,
        })
    }

    /// librdkafka's producer.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The same, for another thread.
    pub fn share(&self) -> Arc<Handle> {
        self.handle.clone()
    }

    /// Hands a record over. `Refused` when its topic would never take it, as far as that is known.
    pub fn send(&mut self, topics: &Topics, outgoing: OutgoingRef<'_>) -> Result<(), BrokerError> {
        let Some(suspect) = self.suspects.iter().position(|suspect| is_same(suspect, outgoing)) else {
            return self.hand_over(topics, outgoing);
        };
        self.flush()?;
        self.hand_over(topics, outgoing)?;
        let undelivered = self.delivered()?;
        let Some(first) = undelivered.first().cloned() else {
            self.suspects.swap_remove(suspect);
            return Ok(());
        };
        if !refuses_the_record(&first.error) {
            return Err(self.not_delivered(first));
        }
        self.suspects.swap_remove(suspect);
        self.refused.extend(undelivered);
        let forgotten = self.refused.len().saturating_sub(REFUSED_KEPT);
        self.refused.drain(..forgotten);
        Err(BrokerError::Refused { topic: outgoing.topic.clone(), reason: first.error.text })
    }

    fn hand_over(&mut self, topics: &Topics, outgoing: OutgoingRef<'_>) -> Result<(), BrokerError> {
        let at = self.target(topics, outgoing.topic)?;
        let target = &mut self.targets[at];
        if outgoing.partition.is_some_and(|partition| partition >= target.spec.partitions) {
            // It may have grown.
            target.spec = topics.spec(outgoing.topic)?;
        }
        let target = &self.targets[at];
        let partition = admit(&target.spec, outgoing, &mut self.partitioner)?;
        if let Some(known) = self.refused.iter().find(|refused| is_same(refused, outgoing)) {
            return Err(BrokerError::Refused { topic: outgoing.topic.clone(), reason: known.error.text.clone() });
        }
        let RecordRef { key, value, timestamp, headers, .. } = outgoing.record;
        let record = Outgoing {
            partition: i32::try_from(partition).unwrap_or(i32::MAX),
            key,
            value,
            timestamp: if timestamp.0 == 0 { FIRST_TIMESTAMP } else { timestamp.0 },
            headers,
        };
        self.open = true;
        loop {
            match target.topic.produce(&record) {
                Ok(()) => return Ok(()),
                Err(full) if full.code == Code::RD_KAFKA_RESP_ERR__QUEUE_FULL => {
                    // Room comes with deliveries; failed ones are looked at in `flush`.
                    if let Some(event) = self.queue.poll(FULL_WAIT) {
                        note(&mut self.undelivered, event);
                    }
                }
                Err(error) if refuses_the_record(&error) => {
                    return Err(BrokerError::Refused { topic: outgoing.topic.clone(), reason: error.text });
                }
                Err(error) if is_unknown(&error) => return Err(BrokerError::UnknownTopic(outgoing.topic.clone())),
                Err(error) => return Err(failed(format!("write {}", outgoing.topic), &self.handle.fatal().unwrap_or(error))),
            }
        }
    }

    /// Where a topic stands among those that were written.
    fn target(&mut self, topics: &Topics, name: &Arc<str>) -> Result<usize, BrokerError> {
        if let Some(at) = self.targets.iter().position(|target| target.name == *name) {
            return Ok(at);
        }
        let spec = if self.has_failed { topics.spec_now(name)? } else { topics.spec(name)? };
        let topic = TopicHandle::new(&self.handle, name).map_err(|e| failed(format!("write {name}"), &e))?;
        self.targets.push(Target { name: name.clone(), topic, spec });
        Ok(self.targets.len() - 1)
    }

    /// Waits until everything that was sent is delivered.
    pub fn flush(&mut self) -> Result<(), BrokerError> {
        if !self.open {
            return Ok(());
        }
        self.purged = false;
        let undelivered = self.delivered()?;
        let Some(first) = undelivered.first().cloned() else {
            self.open = false;
            self.partitioner.batch_done();
            return Ok(());
        };
        self.purged = undelivered.iter().all(|record| is_purged(&record.error));
        // A cluster refuses batches whole: who is to blame shows when each of them goes alone.
        self.suspects.extend(undelivered.into_iter().filter(|u| refuses_the_record(&u.error)));
        let forgotten = self.suspects.len().saturating_sub(SUSPECTS_KEPT);
        self.suspects.drain(..forgotten);
        Err(self.not_delivered(first))
    }

    /// Of the last flush: nothing was refused for a reason of its own.
    pub fn was_purged(&self) -> bool {
        self.purged
    }

    /// Waits until everything that was sent is delivered, or is not; what is not.
    fn delivered(&mut self) -> Result<Vec<Undelivered>, BrokerError> {
        loop {
            let flushed = self.handle.flush(FLUSH_SLICE);
            self.serve();
            match flushed {
                Ok(()) => return Ok(std::mem::take(&mut self.undelivered)),
                Err(late) if late.code == Code::RD_KAFKA_RESP_ERR__TIMED_OUT && self.handle.fatal().is_none() => {}
                Err(error) => return Err(failed("deliver records", &self.handle.fatal().unwrap_or(error))),
            }
        }
    }

    fn not_delivered(&self, record: Undelivered) -> BrokerError {
        let error = self.handle.fatal().unwrap_or(record.error);
        if is_unknown(&error) {
            return BrokerError::UnknownTopic(record.topic.into());
        }
        let retry = if refuses_the_record(&error) { Retry::Rewind } else { super::errors::retry(&error) };
        failed_as(format!("write {}", record.topic), &error, retry)
    }

    /// After a failure: what was sent may have arrived, or may still; it is sent again.
    pub fn start_over(&mut self) -> Result<(), BrokerError> {
        self.serve();
        self.undelivered.clear();
        // Counts of partitions may have changed, and topics may be there now, or gone.
        self.targets.clear();
        self.has_failed = true;
        if self.handle.fatal().is_some() { self.renew() } else { Ok(()) }
    }

    /// Another handle in the place of one that is of no use any more.
    pub fn renew(&mut self) -> Result<(), BrokerError> {
        self.targets.clear();
        self.has_failed = true;
        self.undelivered.clear();
        self.open = false;
        (self.handle, self.queue) = open(&self.make)?;
        Ok(())
    }

    /// Hears of deliveries without waiting.
    pub fn serve(&mut self) {
        while let Some(event) = self.queue.poll(Duration::ZERO) {
            note(&mut self.undelivered, event);
        }
    }
}

fn open(make: &Make) -> Result<(Arc<Handle>, Queue), BrokerError> {
    let handle = make().map_err(|e| refused(&e))?;
    handle.connect();
    let queue = handle.main_queue().ok_or_else(|| failed("make a producer", &KafkaError::of(Code::RD_KAFKA_RESP_ERR__FAIL)))?;
    Ok((handle, queue))
}

fn note(undelivered: &mut Vec<Undelivered>, event: Event) {
    match event {
        Event::Undelivered(records) => undelivered.extend(records),
        Event::Error(error) => tracing::debug!("producer: {error}"),
        Event::Assign(_) | Event::Revoke(_) | Event::Committed(_) | Event::Other => {}
    }
}

/// Thrown away with its transaction.
fn is_purged(error: &KafkaError) -> bool {
    matches!(error.code, Code::RD_KAFKA_RESP_ERR__PURGE_QUEUE | Code::RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
}

fn is_same(refused: &Undelivered, outgoing: OutgoingRef<'_>) -> bool {
    let RecordRef { key, value, .. } = outgoing.record;
    *refused.topic == **outgoing.topic && refused.key.as_deref() == key && refused.value.as_deref() == value
}
