//! Producing one record at a time, and what could not be delivered.

#![allow(unsafe_code, reason = "hands records to librdkafka and reads its reports")]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use rdkafka_sys as sys;
use sys::rd_kafka_vtype_t as V;

use super::error::{Code, KafkaError};
use super::handle::{Handle, c_text};
use super::list::topic_name;
use crate::record::HeadersRef;

/// A topic that a producer writes.
#[derive(Debug)]
pub(in crate::broker::kafka) struct TopicHandle {
    topic: NonNull<sys::rd_kafka_topic_t>,
    /// Ends after the topic.
    handle: Arc<Handle>,
}

// SAFETY: as for `Handle`.
unsafe impl Send for TopicHandle {}
// SAFETY: as for `Handle`.
unsafe impl Sync for TopicHandle {}

/// A record on its way.
pub(in crate::broker::kafka) struct Outgoing<'a> {
    pub partition: i32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// Milliseconds since 1970. librdkafka takes 0 for "now".
    pub timestamp: i64,
    pub headers: HeadersRef<'a>,
}

/// A record that was not delivered.
#[derive(Clone, Debug)]
pub(in crate::broker::kafka) struct Undelivered {
    pub topic: String,
    pub error: KafkaError,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

impl TopicHandle {
    /// A topic of this producer.
    pub fn new(handle: &Arc<Handle>, name: &str) -> Result<Self, KafkaError> {
        let name = c_text(name)?;
        // SAFETY: the name is copied; null for the default configuration.
        let topic = NonNull::new(unsafe { sys::rd_kafka_topic_new(handle.raw(), name.as_ptr(), null_mut()) });
        let topic = topic.ok_or_else(|| KafkaError::of(Code::RD_KAFKA_RESP_ERR__FAIL))?;
        Ok(Self { topic, handle: handle.clone() })
    }

    /// Copies a record into the producer's queue.
    pub fn produce(&self, record: &Outgoing<'_>) -> Result<(), KafkaError> {
        let headers = headers(record.headers)?;
        let arguments = [
            number(V::RD_KAFKA_VTYPE_PARTITION, record.partition),
            memory(V::RD_KAFKA_VTYPE_VALUE, record.value),
            memory(V::RD_KAFKA_VTYPE_KEY, record.key),
            number(V::RD_KAFKA_VTYPE_MSGFLAGS, sys::RD_KAFKA_MSG_F_COPY),
            argument(V::RD_KAFKA_VTYPE_TIMESTAMP, |u| u.i64_ = record.timestamp),
            argument(V::RD_KAFKA_VTYPE_RKT, |u| u.rkt = self.topic.as_ptr()),
            argument(V::RD_KAFKA_VTYPE_HEADERS, |u| u.headers = headers),
        ];
        let count = if headers.is_null() { arguments.len() - 1 } else { arguments.len() };
        // SAFETY: key and value are copied during the call; headers go over to librdkafka when it succeeds.
        unsafe {
            let produced = KafkaError::take(sys::rd_kafka_produceva(self.handle.raw(), arguments.as_ptr(), count));
            if produced.is_err() && !headers.is_null() {
                sys::rd_kafka_headers_destroy(headers);
            }
            produced
        }
    }
}

impl Drop for TopicHandle {
    fn drop(&mut self) {
        // SAFETY: this reference is given back once, while the handle lives.
        unsafe { sys::rd_kafka_topic_destroy(self.topic.as_ptr()) };
    }
}

/// Null for none.
fn headers(headers: HeadersRef<'_>) -> Result<*mut sys::rd_kafka_headers_t, KafkaError> {
    if headers.is_empty() {
        return Ok(null_mut());
    }
    // SAFETY: names and values are copied.
    unsafe {
        let made = sys::rd_kafka_headers_new(headers.len());
        for header in headers.iter() {
            // It would end there.
            if header.name.contains('\0') {
                sys::rd_kafka_headers_destroy(made);
                return Err(KafkaError::of(Code::RD_KAFKA_RESP_ERR__INVALID_ARG));
            }
            let (at, size) = header.value.map_or((std::ptr::null(), 0), |value| (value.as_ptr(), value.len()));
            sys::rd_kafka_header_add(made, header.name.as_ptr().cast(), header.name.len().cast_signed(), at.cast(), size.cast_signed());
        }
        Ok(made)
    }
}

fn argument(kind: V, set: impl FnOnce(&mut sys::rd_kafka_vu_s__bindgen_ty_1)) -> sys::rd_kafka_vu_t {
    let mut u = MaybeUninit::<sys::rd_kafka_vu_s__bindgen_ty_1>::uninit();
    // SAFETY: a union has no bytes that must be valid; `kind` says which of its fields is read, and that one is set. (Zeros for the rest
    // would be half a kilobyte for each record.)
    unsafe {
        set(&mut *u.as_mut_ptr());
        sys::rd_kafka_vu_t { vtype: kind, u: u.assume_init() }
    }
}

fn number(kind: V, number: i32) -> sys::rd_kafka_vu_t {
    argument(kind, |u| u.i32_ = number)
}

/// A null pointer stands for null; an empty value has a pointer, though to nothing.
fn memory(kind: V, bytes: Option<&[u8]>) -> sys::rd_kafka_vu_t {
    let (ptr, size) = bytes.map_or((null_mut(), 0), |bytes| (bytes.as_ptr().cast_mut().cast::<c_void>(), bytes.len()));
    argument(kind, |u| u.mem = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr, size })
}

/// The records of a delivery report that failed.
///
/// # Safety
/// `event` is a delivery report.
pub(super) unsafe fn undelivered(event: *mut sys::rd_kafka_event_t) -> Vec<Undelivered> {
    let mut all = Vec::new();
    // SAFETY: messages stay the event's and are valid until its end.
    unsafe {
        loop {
            let message = sys::rd_kafka_event_message_next(event);
            if message.is_null() {
                return all;
            }
            let copy = |at: *mut c_void, size: usize| (!at.is_null()).then(|| std::slice::from_raw_parts(at.cast::<u8>(), size).to_vec());
            if let Err(error) = KafkaError::check((*message).err) {
                let topic = topic_name((*message).rkt).to_owned();
                let (key, value) = (copy((*message).key, (*message).key_len), copy((*message).payload, (*message).len));
                all.push(Undelivered { topic, error, key, value });
            }
        }
    }
}
