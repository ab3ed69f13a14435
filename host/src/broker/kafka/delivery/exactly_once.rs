//! Exactly once: records and offsets stand in one transaction of a producer whose name is the thread's own (KIP-447).

use std::sync::Arc;
use std::time::Duration;

use super::super::errors::{failed, failed_as, retry};
use super::super::ffi::{Code, Handle, KafkaError};
use super::super::producer::Producer;
use super::super::settings::KafkaSettings;
use super::super::topics::Topics;
use super::{Delivery, list};
use crate::broker::port::{BrokerError, Committed, OutgoingRef, Retry};
use crate::record::TopicPartition;

/// The first try to become ready: over an open transaction the answer is "not yet", which librdkafka repeats after 500 ms only; another handle
/// asks at once (measured: 155 instead of 558 ms).
const FIRST_READY_WAIT: Duration = Duration::from_millis(150);
/// Longest wait in one call.
const CALL_WAIT: Duration = Duration::from_secs(1);
/// The same, of offsets: librdkafka tries again by itself, and what has gone to the group's coordinator cannot be gone on with in another call.
const ADD_WAIT: Duration = Duration::from_secs(5);
/// An abort waits for deliveries that are told between two calls.
const ABORT_SLICE: Duration = Duration::from_millis(100);
/// Between two calls of which the first was answered at once.
const PAUSE: Duration = Duration::from_millis(20);
/// So long the cluster may be away while offsets are added, or a transaction is aborted.
const PATIENCE: Duration = Duration::from_secs(10);
/// So long the outcome of a commit may be open.
const COMMIT_PATIENCE: Duration = Duration::from_secs(30);

pub(in crate::broker::kafka) struct ExactlyOnce {
    writers: Vec<Writer>,
    /// Whose turn it is. The answer to a commit comes before its markers stand in the partitions, and until then the next transaction of the same
    /// writer is told to wait, which librdkafka does for 20 ms at a time. So two writers take turns: the one has a transaction of the other to
    /// finish in. The turn passes when a commit stands, so that nothing is open, or in doubt, but with the one whose turn it is.
    turn: usize,
    timeout: Duration,
    /// A transaction has begun.
    open: bool,
    /// Its commit has been asked for, and nobody knows what came of it.
    in_doubt: bool,
}

impl ExactlyOnce {
    pub fn new(settings: &KafkaSettings, thread: u32) -> Result<Self, BrokerError> {
        let writers = settings.transactional_ids(thread).map(|name| Writer::new(settings, name, thread));
        Ok(Self::with(settings, writers.into_iter().collect::<Result<_, _>>()?))
    }

    /// That of a writer of this name.
    pub fn named(settings: &KafkaSettings, name: String, number: u32) -> Result<Self, BrokerError> {
        Ok(Self::with(settings, vec![Writer::new(settings, name, number)?]))
    }

    fn with(settings: &KafkaSettings, writers: Vec<Writer>) -> Self {
        Self { writers, turn: 0, timeout: settings.transaction_timeout(), open: false, in_doubt: false }
    }

    fn writer(&mut self) -> &mut Writer {
        &mut self.writers[self.turn]
    }

    fn begin(&mut self) -> Result<(), BrokerError> {
        self.make_ready()?;
        if !self.open {
            let writer = self.writer();
            writer.producer.handle().begin_transaction().map_err(|e| failed("begin a transaction", &writer.worst(e)))?;
            self.open = true;
        }
        Ok(())
    }

    /// Another handle for the writer whose turn it is. Whoever took the name of one that is fenced has taken those of all: they are renewed together,
    /// so that being thrown out once is not found out once for each.
    fn renew(&mut self) -> Result<(), BrokerError> {
        (self.open, self.in_doubt) = (false, false);
        match self.writer().producer.handle().fatal() {
            Some(_) => self.writers.iter_mut().try_for_each(Writer::renew),
            None => self.writer().renew(),
        }
    }
}

/// One producer of transactions.
struct Writer {
    producer: Producer,
    ready: bool,
    /// This handle is the second one, and may take its time to become ready.
    asked_again: bool,
}

impl Writer {
    fn new(settings: &KafkaSettings, name: String, number: u32) -> Result<Self, BrokerError> {
        Ok(Self { producer: Producer::transactional(settings, name, number)?, ready: false, asked_again: false })
    }

    /// Ends what an earlier one of this name left open.
    fn make_ready(&mut self) -> Result<(), BrokerError> {
        if self.ready {
            return Ok(());
        }
        let mut made = self.producer.handle().init_transactions(if self.asked_again { CALL_WAIT } else { FIRST_READY_WAIT });
        if made.as_ref().is_err_and(|error| error.resumable) && !self.asked_again {
            self.renew()?;
            self.asked_again = true;
            made = self.producer.handle().init_transactions(CALL_WAIT);
        }
        if let Err(error) = made {
            // A cluster that is far away needs longer than one call: the next one goes on where this one was.
            let goes_on = error.resumable;
            let error = self.worst(error);
            if !goes_on {
                self.renew()?;
            }
            return Err(failed("become the writer of this thread's transactions", &error));
        }
        self.ready = true;
        Ok(())
    }

    /// What ended the producer, where something has.
    fn worst(&self, error: KafkaError) -> KafkaError {
        self.producer.handle().fatal().unwrap_or(error)
    }

    /// As `again`, with deliveries heard of in between.
    fn again(
        &mut self,
        patience: Duration,
        slice: Duration,
        call: impl Fn(&Handle, Duration) -> Result<(), KafkaError>,
    ) -> Result<(), KafkaError> {
        let handle = self.producer.share();
        let done = again(patience, slice, || {
            let done = call(&handle, slice);
            self.producer.serve();
            done
        });
        done.map_err(|error| self.worst(error))
    }

    fn renew(&mut self) -> Result<(), BrokerError> {
        (self.ready, self.asked_again) = (false, false);
        self.producer.renew()
    }
}

/// These offsets of the consumer, to the open transaction.
fn add(producer: &Handle, consumer: &Handle, offsets: &[(TopicPartition, Committed)]) -> Result<(), KafkaError> {
    let offsets = list(offsets.iter().map(|(at, committed)| (at, committed)))?;
    let member = consumer.membership()?;
    again(PATIENCE, ADD_WAIT, || producer.send_offsets(&offsets, &member, ADD_WAIT))
}

/// The same call until it succeeds, fails for good, or patience is at its end. `slice`: how long one waits.
fn again(mut patience: Duration, slice: Duration, mut call: impl FnMut() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    loop {
        match call() {
            Err(error) if error.resumable && !patience.is_zero() => {
                let waited = error.code == Code::RD_KAFKA_RESP_ERR__TIMED_OUT;
                if !waited {
                    std::thread::park_timeout(PAUSE);
                }
                patience = patience.saturating_sub(if waited { slice } else { PAUSE });
            }
            done => return done,
        }
    }
}

impl Delivery for ExactlyOnce {
    fn make_ready(&mut self) -> Result<(), BrokerError> {
        let mut unready = self.writers.iter_mut().filter(|writer| !writer.ready);
        let (Some(first), second) = (unready.next(), unready.next()) else { return Ok(()) };
        let Some(second) = second else { return first.make_ready() };
        // Each waits for answers of the cluster: both wait at once.
        std::thread::scope(|scope| {
            let second = scope.spawn(|| second.make_ready());
            first.make_ready().and(second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }

    fn send(&mut self, topics: &Topics, record: OutgoingRef<'_>) -> Result<(), BrokerError> {
        if !self.open {
            self.begin()?;
        }
        self.writer().producer.send(topics, record)
    }

    fn commit(&mut self, consumer: &Arc<Handle>, offsets: &[(TopicPartition, Committed)]) -> Result<(), BrokerError> {
        self.begin()?;
        let writer = &mut self.writers[self.turn];
        let handle = writer.producer.share();
        // At once: neither waits for the other's way to the cluster and back.
        let (added, flushed) = std::thread::scope(|scope| {
            let add = || if offsets.is_empty() { Ok(()) } else { add(&handle, consumer, offsets) };
            let adding = std::thread::Builder::new().name("offsets".into()).spawn_scoped(scope, add);
            let flushed = writer.producer.flush();
            let added = match adding {
                Ok(adding) => adding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // Where no thread can be made, one after the other.
                Err(_) => add(),
            };
            (added, flushed)
        });
        let added = added.map_err(|e| writer.worst(e));
        // A record that its topic refuses is why the transaction takes no offsets either. Where all that is undelivered was thrown away, it is the
        // other way round.
        if added.is_ok() || !writer.producer.was_purged() {
            flushed?;
        }
        // Time may heal a cluster that is away, though not for this transaction.
        added.map_err(|e| {
            failed_as("add offsets to the transaction", &e, if retry(&e) == Retry::Same { Retry::Rewind } else { retry(&e) })
        })?;
        self.in_doubt = true;
        let committed = writer.again(COMMIT_PATIENCE, CALL_WAIT, Handle::commit_transaction);
        let doubt = |e: &_| if retry(e) == Retry::Recreate { Retry::FencedInDoubt } else { Retry::InDoubt };
        committed.map_err(|e| failed_as("commit the transaction", &e, doubt(&e)))?;
        (self.open, self.in_doubt) = (false, false);
        self.turn = (self.turn + 1) % self.writers.len();
        Ok(())
    }

    fn abort(&mut self) -> Result<(), BrokerError> {
        let (open, in_doubt) = (self.open, self.in_doubt);
        let writer = self.writer();
        if in_doubt || writer.producer.handle().fatal().is_some() {
            return self.renew();
        }
        if open && let Err(error) = writer.again(PATIENCE, ABORT_SLICE, Handle::abort_transaction) {
            tracing::debug!("abort: {error}");
            // The cluster aborts it when the next handle of this name gets ready.
            return self.renew();
        }
        self.open = false;
        self.writer().producer.start_over()
    }

    fn serve(&mut self, _consumer: &Arc<Handle>) -> Result<(), BrokerError> {
        self.writers.iter_mut().for_each(|writer| writer.producer.serve());
        Ok(())
    }

    /// A transaction of offsets alone.
    fn confirm(&mut self, consumer: &Arc<Handle>, offsets: &[(TopicPartition, Committed)]) -> Result<bool, BrokerError> {
        if !offsets.is_empty() {
            self.commit(consumer, offsets)?;
        }
        Ok(true)
    }

    fn owes(&self, _partitions: &[TopicPartition]) -> bool {
        false
    }

    fn pay(&mut self, _consumer: &Arc<Handle>) -> Result<(), KafkaError> {
        Ok(())
    }

    fn forget(&mut self, _gone: Option<&[TopicPartition]>) {}

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }
}
