//! Reads partitions without being a member: restore, `consume`, `--output`.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::errors::{failed, is_gone, is_unknown, refused};
use super::ffi::{Code, Handle, KafkaError, PartitionList, Queue, Scratch, Waker};
use super::patience::ANSWER_WAIT;
use super::records::Gatherer;
use super::settings::KafkaSettings;
use crate::broker::port::{BrokerError, Reader};
use crate::record::{ConsumedRecord, Offset, TopicPartition};

pub(super) struct KafkaReader {
    open: FxHashMap<TopicPartition, Open>,
    scratch: Scratch,
    gatherer: Gatherer,
    waker: Arc<Waker>,
    settings: KafkaSettings,
    /// Made for the first read: most threads that may have to restore something never do.
    connection: Option<Connection>,
}

struct Connection {
    main: Queue,
    handle: Arc<Handle>,
}

struct Open {
    queue: Queue,
    /// The next offset that nobody was given yet.
    position: Offset,
}

impl KafkaReader {
    pub fn new(settings: &KafkaSettings) -> Self {
        let (scratch, gatherer) = (Scratch::default(), Gatherer::default());
        Self { open: FxHashMap::default(), scratch, gatherer, waker: Arc::default(), settings: settings.clone(), connection: None }
    }

    fn begin(&mut self, at: &TopicPartition, from: Offset) -> Result<(), BrokerError> {
        self.close(at);
        let handle = match &self.connection {
            Some(connection) => connection.handle.clone(),
            None => self.connect()?,
        };
        let reading = |e: &KafkaError| failed(format!("read {at}"), e);
        let partition = i32::try_from(at.partition).unwrap_or(i32::MAX);
        let Some(mut queue) = handle.partition_queue(&at.topic, partition) else {
            return Err(BrokerError::UnknownPartition(at.clone()));
        };
        queue.wake(&self.waker);
        let list = PartitionList::of([(&*at.topic, partition, i64::try_from(from).unwrap_or(i64::MAX))]).map_err(|e| reading(&e))?;
        handle.assign(&list).map_err(|e| reading(&e))?;
        self.open.insert(at.clone(), Open { queue, position: from });
        Ok(())
    }

    fn connect(&mut self) -> Result<Arc<Handle>, BrokerError> {
        let handle = self.settings.reader().map_err(|e| refused(&e))?;
        let main = handle.main_queue().ok_or_else(|| failed("make a reader", &KafkaError::of(Code::RD_KAFKA_RESP_ERR__FAIL)))?;
        self.connection = Some(Connection { main, handle: handle.clone() });
        Ok(handle)
    }
}

impl Reader for KafkaReader {
    fn read(&mut self, at: &TopicPartition, from: Offset, max: usize, into: &mut Vec<ConsumedRecord>) -> Result<Offset, BrokerError> {
        if self.open.get(at).is_none_or(|open| open.position != from) {
            self.begin(at, from)?;
        }
        let (Some(Connection { main, handle }), Some(open)) = (&mut self.connection, self.open.get_mut(at)) else { return Ok(from) };
        // Errors of the whole are those of its parts, which come below.
        while main.poll(Duration::ZERO).is_some() {}
        let (gatherer, position) = (&mut self.gatherer, &mut open.position);
        let mut problem = None;
        open.queue.drain(max, &mut self.scratch, |message| match message.check() {
            Ok(()) => {
                *position = Offset::try_from(message.offset()).unwrap_or(0) + 1;
                into.push(gatherer.record(message));
            }
            Err(error) => problem = Some(error),
        });
        if *position == from {
            // Markers of transactions are passed without a word.
            let passed = handle.position(&at.topic, i32::try_from(at.partition).unwrap_or(i32::MAX));
            *position = (*position).max(passed.and_then(|passed| Offset::try_from(passed).ok()).unwrap_or(0));
        }
        let position = *position;
        let Some(error) = problem else { return Ok(position) };
        let handle = handle.clone();
        self.close(at);
        if is_gone(&error) {
            let first = handle.watermarks(&at.topic, i32::try_from(at.partition).unwrap_or(i32::MAX), ANSWER_WAIT);
            let (first, _) = first.map_err(|e| failed(format!("read {at}"), &e))?;
            return Err(BrokerError::OffsetGone { at: at.clone(), wanted: from, first: Offset::try_from(first).unwrap_or(0) });
        }
        if is_unknown(&error) {
            return Err(BrokerError::UnknownPartition(at.clone()));
        }
        Err(failed(format!("read {at}"), &error))
    }

    fn wait(&mut self, at_most: Duration) {
        self.waker.wait(at_most);
    }

    fn skip_headers(&mut self) {
        self.gatherer.skip_headers();
    }

    fn close(&mut self, at: &TopicPartition) {
        let (Some(Connection { handle, .. }), Some(_)) = (&self.connection, self.open.remove(at)) else { return };
        let partition = i32::try_from(at.partition).unwrap_or(i32::MAX);
        let list = PartitionList::of([(&*at.topic, partition, 0)]);
        if let Err(error) = list.and_then(|list| handle.unassign(&list)) {
            tracing::warn!(partition = %at, "reading could not be ended: {error}");
        }
    }
}
