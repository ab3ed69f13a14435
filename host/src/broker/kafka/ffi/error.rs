//! What librdkafka says went wrong.

#![allow(unsafe_code, reason = "reads strings and flags that librdkafka owns")]

use std::ffi::CStr;
use std::os::raw::c_char;

pub(in crate::broker::kafka) use rdkafka_sys::rd_kafka_resp_err_t as Code;

/// An error of librdkafka.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub(in crate::broker::kafka) struct KafkaError {
    /// Its code.
    pub code: Code,
    /// Its text.
    pub text: String,
    /// The handle is of no use any more.
    pub fatal: bool,
    /// The same call again goes on where it was.
    pub resumable: bool,
    /// The transaction is void.
    pub voids: bool,
}

impl KafkaError {
    /// `Ok` for "no error".
    pub(super) fn check(code: Code) -> Result<(), Self> {
        if code == Code::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(()) } else { Err(Self::of(code)) }
    }

    /// An error of which there is a code alone.
    pub fn of(code: Code) -> Self {
        // SAFETY: the result is a static string.
        Self::said(code, unsafe { text_of(rdkafka_sys::rd_kafka_err2str(code)) })
    }

    /// An error of which there are code and text.
    pub(in crate::broker::kafka) fn said(code: Code, text: String) -> Self {
        Self { code, text, fatal: code == Code::RD_KAFKA_RESP_ERR__FATAL, resumable: false, voids: false }
    }

    /// Takes an error object over; null is no error.
    ///
    /// # Safety
    /// `error` is null or an error object that the caller owns.
    pub(super) unsafe fn take(error: *mut rdkafka_sys::rd_kafka_error_t) -> Result<(), Self> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: owned and not null; destroyed once, after everything was copied out of it.
        unsafe {
            let code = rdkafka_sys::rd_kafka_error_code(error);
            let text = text_of(rdkafka_sys::rd_kafka_error_string(error));
            let fatal = rdkafka_sys::rd_kafka_error_is_fatal(error) != 0;
            let resumable = rdkafka_sys::rd_kafka_error_is_retriable(error) != 0;
            let voids = rdkafka_sys::rd_kafka_error_txn_requires_abort(error) != 0;
            rdkafka_sys::rd_kafka_error_destroy(error);
            Err(Self { code, text, fatal, resumable, voids })
        }
    }
}

/// A copy of a C string; empty for null.
///
/// # Safety
/// `text` is null or ends with a zero byte.
pub(super) unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null; the caller vouches for the end.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
