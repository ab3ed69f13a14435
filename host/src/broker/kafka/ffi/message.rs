//! Consumed messages.

#![allow(unsafe_code, reason = "reads librdkafka's messages")]

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::ptr::{null, null_mut};

use rdkafka_sys as sys;

use super::error::{Code, KafkaError};
use super::handle::Queue;
use crate::record::Header;

/// A message, as long as the batch that it came in.
#[derive(Clone, Copy)]
pub(in crate::broker::kafka) struct Message<'a> {
    message: *mut sys::rd_kafka_message_t,
    batch: PhantomData<&'a ()>,
}

impl<'a> Message<'a> {
    /// # Safety
    /// The message lives as long as the result.
    pub(super) unsafe fn of(message: *mut sys::rd_kafka_message_t) -> Self {
        Self { message, batch: PhantomData }
    }

    /// `Ok`: a record. `Err`: an event of the partition.
    pub fn check(self) -> Result<(), KafkaError> {
        // SAFETY: valid as long as the batch.
        KafkaError::check(unsafe { (*self.message).err })
    }

    pub fn offset(self) -> i64 {
        // SAFETY: as above.
        unsafe { (*self.message).offset }
    }

    pub fn key(self) -> Option<&'a [u8]> {
        // SAFETY: as above; pointer and length belong together.
        unsafe { bytes((*self.message).key, (*self.message).key_len) }
    }

    pub fn value(self) -> Option<&'a [u8]> {
        // SAFETY: as above.
        unsafe { bytes((*self.message).payload, (*self.message).len) }
    }

    /// Milliseconds since 1970; -1 when the message has none.
    pub fn timestamp(self) -> i64 {
        // SAFETY: as above.
        unsafe { sys::rd_kafka_message_timestamp(self.message, null_mut()) }
    }

    /// Calls back with each header, in order.
    pub fn headers(self, mut each: impl FnMut(Header<'_>)) {
        let mut headers = null_mut();
        // SAFETY: as above; the headers stay the message's. Names end with a zero byte.
        unsafe {
            if sys::rd_kafka_message_headers(self.message, &raw mut headers) != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            let (mut name, mut value, mut size) = (null(), null::<c_void>(), 0);
            let mut at = 0;
            while sys::rd_kafka_header_get_all(headers, at, &raw mut name, &raw mut value, &raw mut size)
                == Code::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                let name = CStr::from_ptr(name).to_string_lossy();
                each(Header { name: &name, value: bytes(value.cast_mut(), size) });
                at += 1;
            }
        }
    }

    /// Lets go of the headers as librdkafka has read them, where nobody looks at them again.
    pub fn forget_headers(self) {
        let mut headers = null_mut();
        // SAFETY: as above; whoever detaches the headers destroys them.
        unsafe {
            if sys::rd_kafka_message_detach_headers(self.message, &raw mut headers) == Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                sys::rd_kafka_headers_destroy(headers);
            }
        }
    }
}

impl Queue {
    /// Calls back with up to `max` messages that are there. `scratch` is room to work in.
    pub fn drain(&self, max: usize, scratch: &mut Scratch, mut each: impl FnMut(Message<'_>)) {
        for &message in self.consume(max, scratch) {
            // SAFETY: the message is destroyed once, after the call with it.
            unsafe {
                each(Message::of(message));
                sys::rd_kafka_message_destroy(message);
            }
        }
    }

    /// Up to `max` messages that are there; whoever asks destroys them.
    pub(super) fn consume<'s>(&self, max: usize, scratch: &'s mut Scratch) -> &'s [*mut sys::rd_kafka_message_t] {
        let room = max.min(BATCH);
        scratch.0.resize(room, null_mut());
        // SAFETY: `scratch` has room for as many.
        let count = unsafe { sys::rd_kafka_consume_batch_queue(self.raw(), 0, scratch.0.as_mut_ptr(), room) };
        &scratch.0[..usize::try_from(count).unwrap_or(0)]
    }
}

/// Messages taken in one call at most.
const BATCH: usize = 4_096;

/// Room for a batch, kept between calls.
#[derive(Debug, Default)]
pub(in crate::broker::kafka) struct Scratch(Vec<*mut sys::rd_kafka_message_t>);

// SAFETY: holds no message between calls.
unsafe impl Send for Scratch {}

/// # Safety
/// `at` is null or has `length` bytes, which live as long as the result.
unsafe fn bytes<'a>(at: *mut c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller vouches for it.
    (!at.is_null()).then(|| unsafe { std::slice::from_raw_parts(at.cast(), length) })
}
