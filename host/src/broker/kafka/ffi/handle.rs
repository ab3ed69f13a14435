//! A client of librdkafka and its queues.

#![allow(unsafe_code, reason = "makes and ends librdkafka's objects")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rdkafka_sys as sys;

use super::error::{Code, KafkaError, text_of};
use super::list::PartitionList;
use super::produce::{Undelivered, undelivered};

const TEXT_BYTES: usize = 512;
/// Longest wait for a client's own threads to end.
const END_WAIT: Duration = Duration::from_secs(10);

/// Consumer or producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker::kafka) enum Kind {
    Consumer,
    Producer,
}

/// A property that librdkafka refuses.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub(in crate::broker::kafka) struct ConfigError {
    /// Its name; empty when only the whole can be refused.
    pub key: String,
    /// Why.
    pub why: String,
}

/// What a queue has told.
#[derive(Debug)]
pub(in crate::broker::kafka) enum Event {
    /// The group gives these partitions to this member.
    Assign(Vec<(String, i32)>),
    /// The group takes these back.
    Revoke(Vec<(String, i32)>),
    /// Records that could not be delivered.
    Undelivered(Vec<Undelivered>),
    /// What came of a commit that was begun.
    Committed(Result<(), KafkaError>),
    /// Something that librdkafka mostly heals by itself.
    Error(KafkaError),
    /// Nothing of interest.
    Other,
}

/// Wakes the thread that waits for something to arrive.
#[derive(Debug, Default)]
pub(in crate::broker::kafka) struct Waker {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Waker {
    /// Blocks until somebody calls `wake`, or has since the last time, or `at_most` is over.
    pub fn wait(&self, at_most: Duration) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(woken, at_most, |woken| !*woken);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }

    /// Ends the wait, or the next one.
    pub fn wake(&self) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}

/// A client of librdkafka; closed and destroyed with the last one who holds it.
#[derive(Debug)]
pub(in crate::broker::kafka) struct Handle {
    rk: NonNull<sys::rd_kafka_t>,
    consumer: bool,
}

// SAFETY: librdkafka's handles may be used by any number of threads.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Handle {
    /// A new client. It connects in the background.
    pub fn open(kind: Kind, properties: &[(String, String)]) -> Result<Arc<Self>, ConfigError> {
        let mut text: [c_char; TEXT_BYTES] = [0; TEXT_BYTES];
        // SAFETY: the configuration is this function's until `rd_kafka_new` succeeds; `text` outlives the calls that write it.
        unsafe {
            let conf = sys::rd_kafka_conf_new();
            for (key, value) in properties {
                let refused = |why: String| ConfigError { key: key.clone(), why };
                let (Ok(c_key), Ok(c_value)) = (CString::new(key.as_str()), CString::new(value.as_str())) else {
                    sys::rd_kafka_conf_destroy(conf);
                    return Err(refused("it contains a zero byte".to_owned()));
                };
                let set = sys::rd_kafka_conf_set(conf, c_key.as_ptr(), c_value.as_ptr(), text.as_mut_ptr(), TEXT_BYTES);
                if set != sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK {
                    sys::rd_kafka_conf_destroy(conf);
                    return Err(refused(text_of(text.as_ptr())));
                }
            }
            let events = match kind {
                Kind::Consumer => sys::RD_KAFKA_EVENT_REBALANCE | sys::RD_KAFKA_EVENT_ERROR,
                Kind::Producer => sys::RD_KAFKA_EVENT_DR | sys::RD_KAFKA_EVENT_ERROR,
            };
            sys::rd_kafka_conf_set_events(conf, events);
            sys::rd_kafka_conf_set_log_cb(conf, Some(log));
            let (rd_kind, consumer) = match kind {
                Kind::Consumer => (sys::rd_kafka_type_t::RD_KAFKA_CONSUMER, true),
                Kind::Producer => (sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, false),
            };
            let Some(rk) = NonNull::new(sys::rd_kafka_new(rd_kind, conf, text.as_mut_ptr(), TEXT_BYTES)) else {
                sys::rd_kafka_conf_destroy(conf);
                return Err(ConfigError { key: String::new(), why: text_of(text.as_ptr()) });
            };
            Ok(Arc::new(Self { rk, consumer }))
        }
    }

    pub(super) fn raw(&self) -> *mut sys::rd_kafka_t {
        self.rk.as_ptr()
    }

    /// The queue of everything that is no partition's own: rebalances of a consumer, delivery reports of a producer, errors.
    pub fn main_queue(self: &Arc<Self>) -> Option<Queue> {
        // SAFETY: the handle lives as long as the queue, which holds it.
        let queue = unsafe {
            if self.consumer {
                sys::rd_kafka_poll_set_consumer(self.raw());
                sys::rd_kafka_queue_get_consumer(self.raw())
            } else {
                sys::rd_kafka_queue_get_main(self.raw())
            }
        };
        Queue::of(self, queue)
    }

    /// A queue that nothing comes to by itself.
    pub(super) fn new_queue(self: &Arc<Self>) -> Option<Queue> {
        // SAFETY: as in `main_queue`.
        Queue::of(self, unsafe { sys::rd_kafka_queue_new(self.raw()) })
    }

    /// The queue of a partition, cut off from the consumer's: its records come here alone. To be called before the partition is assigned.
    pub fn partition_queue(self: &Arc<Self>, topic: &str, partition: i32) -> Option<Queue> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: as in `main_queue`; a forward to null ends the forwarding.
        unsafe {
            let queue = Queue::of(self, sys::rd_kafka_queue_get_partition(self.raw(), topic.as_ptr(), partition))?;
            sys::rd_kafka_queue_forward(queue.raw(), null_mut());
            Some(queue)
        }
    }

    /// Joins the group with these topics.
    pub fn subscribe(&self, topics: &PartitionList) -> Result<(), KafkaError> {
        // SAFETY: the list is copied.
        KafkaError::check(unsafe { sys::rd_kafka_subscribe(self.raw(), topics.raw()) })
    }

    /// Leaves the group; a `Revoke` follows.
    pub fn unsubscribe(&self) -> Result<(), KafkaError> {
        // SAFETY: takes nothing.
        KafkaError::check(unsafe { sys::rd_kafka_unsubscribe(self.raw()) })
    }

    /// Takes partitions, at their offsets. The answer to `Event::Assign`; an empty list is an answer, too.
    pub fn assign(&self, partitions: &PartitionList) -> Result<(), KafkaError> {
        // SAFETY: the list is copied; the error is taken over.
        unsafe { KafkaError::take(sys::rd_kafka_incremental_assign(self.raw(), partitions.raw())) }
    }

    /// Gives partitions back. The answer to `Event::Revoke`.
    pub fn unassign(&self, partitions: &PartitionList) -> Result<(), KafkaError> {
        // SAFETY: as in `assign`.
        unsafe { KafkaError::take(sys::rd_kafka_incremental_unassign(self.raw(), partitions.raw())) }
    }

    /// True when revoked partitions went to somebody else already.
    pub fn assignment_lost(&self) -> bool {
        // SAFETY: takes nothing.
        unsafe { sys::rd_kafka_assignment_lost(self.raw()) != 0 }
    }

    /// Delivers nothing more of these.
    pub fn pause(&self, partitions: &PartitionList) -> Result<(), KafkaError> {
        // SAFETY: the list is the caller's and is written results into.
        KafkaError::check(unsafe { sys::rd_kafka_pause_partitions(self.raw(), partitions.raw()) })
    }

    /// Delivers these again.
    pub fn resume(&self, partitions: &PartitionList) -> Result<(), KafkaError> {
        // SAFETY: as in `pause`.
        KafkaError::check(unsafe { sys::rd_kafka_resume_partitions(self.raw(), partitions.raw()) })
    }

    /// Moves partitions to their offsets; what was fetched from elsewhere is dropped.
    pub fn seek(&self, partitions: &PartitionList, at_most: Duration) -> Result<(), KafkaError> {
        // SAFETY: as in `pause`; the error is taken over.
        unsafe { KafkaError::take(sys::rd_kafka_seek_partitions(self.raw(), partitions.raw(), millis(at_most)))? };
        partitions.first_error().map_or(Ok(()), |code| Err(KafkaError::of(code)))
    }

    /// Begins to commit offsets. The queue tells of one event, what came of it.
    pub fn begin_commit(self: &Arc<Self>, offsets: &PartitionList) -> Result<Queue, KafkaError> {
        let answer = self.new_queue().ok_or_else(|| KafkaError::of(Code::RD_KAFKA_RESP_ERR__FAIL))?;
        // SAFETY: the list is copied; the queue may end before the answer comes.
        KafkaError::check(unsafe { sys::rd_kafka_commit_queue(self.raw(), offsets.raw(), answer.raw(), None, null_mut()) })?;
        Ok(answer)
    }

    /// Fills in what the group has committed; `NO_OFFSET` where nothing.
    pub fn committed(&self, partitions: &PartitionList, at_most: Duration) -> Result<(), KafkaError> {
        // SAFETY: as in `pause`.
        KafkaError::check(unsafe { sys::rd_kafka_committed(self.raw(), partitions.raw(), millis(at_most)) })?;
        partitions.first_error().map_or(Ok(()), |code| Err(KafkaError::of(code)))
    }

    /// Where the application stands in a partition: behind the last record taken, and behind markers of transactions that were passed. `None`
    /// when nothing was taken since the last seek.
    pub fn position(&self, topic: &str, partition: i32) -> Option<i64> {
        let list = PartitionList::of([(topic, partition, 0)]).ok()?;
        // SAFETY: the list is the caller's and is written results into.
        KafkaError::check(unsafe { sys::rd_kafka_position(self.raw(), list.raw()) }).ok()?;
        list.entries().into_iter().next().map(|entry| entry.offset).filter(|offset| *offset >= 0)
    }

    /// First offset and end as the last fetch told them; `None` when there was none.
    pub fn watermarks_seen(&self, topic: &str, partition: i32) -> Option<(i64, i64)> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (0, 0);
        // SAFETY: both numbers outlive the call.
        let code = unsafe { sys::rd_kafka_get_watermark_offsets(self.raw(), topic.as_ptr(), partition, &raw mut low, &raw mut high) };
        (code == Code::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some((low, high))
    }

    /// Asks the broker for first offset and end.
    pub fn watermarks(&self, topic: &str, partition: i32, at_most: Duration) -> Result<(i64, i64), KafkaError> {
        let topic = c_text(topic)?;
        let (mut low, mut high) = (0, 0);
        // SAFETY: both numbers outlive the call.
        let code = unsafe {
            let (low, high) = (&raw mut low, &raw mut high);
            sys::rd_kafka_query_watermark_offsets(self.raw(), topic.as_ptr(), partition, low, high, millis(at_most))
        };
        KafkaError::check(code).map(|()| (low, high))
    }

    /// The first offsets at or after the times that stand as offsets in the list; behind the end where there is none.
    pub fn offsets_for_times(&self, times: &PartitionList, at_most: Duration) -> Result<(), KafkaError> {
        // SAFETY: as in `pause`.
        KafkaError::check(unsafe { sys::rd_kafka_offsets_for_times(self.raw(), times.raw(), millis(at_most)) })
    }

    /// Waits until everything produced is delivered or has failed, `at_most` so long; delivery reports have to be served meanwhile.
    pub fn flush(&self, at_most: Duration) -> Result<(), KafkaError> {
        // SAFETY: takes nothing.
        KafkaError::check(unsafe { sys::rd_kafka_flush(self.raw(), millis(at_most)) })
    }

    /// Begins to close a consumer: a `Revoke` may still come to `queue`.
    pub fn begin_close(&self, queue: &Queue) -> Result<(), KafkaError> {
        // SAFETY: the error is taken over.
        unsafe { KafkaError::take(sys::rd_kafka_consumer_close_queue(self.raw(), queue.raw())) }
    }

    /// True when the consumer is closed.
    pub fn is_closed(&self) -> bool {
        // SAFETY: takes nothing.
        unsafe { sys::rd_kafka_consumer_closed(self.raw()) != 0 }
    }

    /// The error that ended this handle, where one has.
    pub fn fatal(&self) -> Option<KafkaError> {
        let mut text: [c_char; TEXT_BYTES] = [0; TEXT_BYTES];
        // SAFETY: `text` outlives the call.
        let code = unsafe { sys::rd_kafka_fatal_error(self.raw(), text.as_mut_ptr(), TEXT_BYTES) };
        // SAFETY: librdkafka ends it with a zero byte.
        let said = || KafkaError::said(code, unsafe { text_of(text.as_ptr()) });
        (code != Code::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| KafkaError { fatal: true, ..said() })
    }
}

/// A client that nobody has any more but the thread that ends it.
struct Orphan(*mut sys::rd_kafka_t);

// SAFETY: librdkafka's clients may be used by any thread.
unsafe impl Send for Orphan {}

impl Orphan {
    fn take(self) -> *mut sys::rd_kafka_t {
        self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // A consumer that was not closed in order is not closed now: that would block.
        let flags = if self.consumer { sys::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE } else { 0 };
        let (raw, (ended, end)) = (Orphan(self.raw()), channel());
        let destroy = move || {
            // SAFETY: nobody holds the handle any more.
            unsafe { sys::rd_kafka_destroy_flags(raw.take(), flags) };
            // Whoever waited may have lost patience.
            let _ = ended.send(());
        };
        // It waits for threads of librdkafka's own, which wait for a state that a group that went wrong may never come to.
        let ending = std::thread::Builder::new().name("client-end".to_owned()).spawn(destroy);
        if ending.is_err() || end.recv_timeout(END_WAIT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("a client of the cluster does not end within {} s; it is left behind", END_WAIT.as_secs());
        }
    }
}

/// A queue of events or records.
#[derive(Debug)]
pub(in crate::broker::kafka) struct Queue {
    queue: NonNull<sys::rd_kafka_queue_t>,
    waker: Option<Arc<Waker>>,
    /// Ends after the queue.
    handle: Arc<Handle>,
}

// SAFETY: as for `Handle`.
unsafe impl Send for Queue {}

impl Queue {
    fn of(handle: &Arc<Handle>, queue: *mut sys::rd_kafka_queue_t) -> Option<Self> {
        Some(Self { queue: NonNull::new(queue)?, waker: None, handle: handle.clone() })
    }

    pub(super) fn raw(&self) -> *mut sys::rd_kafka_queue_t {
        self.queue.as_ptr()
    }

    pub(super) fn handle(&self) -> &Arc<Handle> {
        &self.handle
    }

    /// Wakes somebody when the queue is not empty any more.
    pub fn wake(&mut self, waker: &Arc<Waker>) {
        // SAFETY: the waker is kept as long as the queue can call it: `drop` takes the call back first.
        unsafe { sys::rd_kafka_queue_cb_event_enable(self.raw(), Some(wake), Arc::as_ptr(waker).cast_mut().cast()) };
        self.waker = Some(waker.clone());
    }

    /// The next event, waited for `at_most` so long.
    pub fn poll(&self, at_most: Duration) -> Option<Event> {
        // SAFETY: the event is this function's, and destroyed when everything was copied out of it.
        unsafe {
            let event = sys::rd_kafka_queue_poll(self.raw(), millis(at_most));
            if event.is_null() {
                return None;
            }
            let told = match sys::rd_kafka_event_type(event) {
                sys::RD_KAFKA_EVENT_REBALANCE => {
                    let partitions = PartitionList::names_of(sys::rd_kafka_event_topic_partition_list(event));
                    match sys::rd_kafka_event_error(event) {
                        Code::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Event::Assign(partitions),
                        _ => Event::Revoke(partitions),
                    }
                }
                sys::RD_KAFKA_EVENT_OFFSET_COMMIT => Event::Committed(KafkaError::check(sys::rd_kafka_event_error(event))),
                sys::RD_KAFKA_EVENT_DR => Event::Undelivered(undelivered(event)),
                sys::RD_KAFKA_EVENT_ERROR => Event::Error(KafkaError {
                    fatal: sys::rd_kafka_event_error_is_fatal(event) != 0,
                    ..KafkaError::said(sys::rd_kafka_event_error(event), text_of(sys::rd_kafka_event_error_string(event)))
                }),
                _ => Event::Other,
            };
            sys::rd_kafka_event_destroy(event);
            Some(told)
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the call is taken back before the waker may end; the handle ends later.
        unsafe {
            if self.waker.is_some() {
                sys::rd_kafka_queue_cb_event_enable(self.raw(), None, null_mut());
            }
            sys::rd_kafka_queue_destroy(self.raw());
        }
    }
}

unsafe extern "C" fn wake(_: *mut sys::rd_kafka_t, waker: *mut c_void) {
    // SAFETY: `Queue::wake` gave a waker that lives as long as the call can come.
    unsafe { &*waker.cast::<Waker>() }.wake();
}

unsafe extern "C" fn log(_: *const sys::rd_kafka_t, level: c_int, facility: *const c_char, text: *const c_char) {
    // SAFETY: both end with a zero byte.
    let (facility, text) = unsafe { (text_of(facility), text_of(text)) };
    match level {
        // A property of consumers given to a producer, or the other way round: `[broker.client]` is for both.
        _ if facility == "CONFWARN" => tracing::debug!(target: "cofferdam::librdkafka", "{text}"),
        0..=3 => tracing::error!(target: "cofferdam::librdkafka", "{facility}: {text}"),
        4..=5 => tracing::warn!(target: "cofferdam::librdkafka", "{facility}: {text}"),
        _ => tracing::debug!(target: "cofferdam::librdkafka", "{facility}: {text}"),
    }
}

pub(super) fn millis(time: Duration) -> c_int {
    c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
}

pub(super) fn c_text(text: &str) -> Result<CString, KafkaError> {
    CString::new(text).map_err(|_| KafkaError::of(Code::RD_KAFKA_RESP_ERR__INVALID_ARG))
}
