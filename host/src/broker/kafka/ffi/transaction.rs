//! Transactions of a producer. Each call goes on where it was when it is called again after a time-out.

#![allow(unsafe_code, reason = "calls librdkafka and takes its errors over")]

use std::ptr::NonNull;
use std::time::Duration;

use rdkafka_sys as sys;

use super::error::{Code, KafkaError};
use super::handle::{Handle, millis};
use super::list::PartitionList;

/// Which member of which generation a consumer is: what the group checks offsets of a transaction by.
#[derive(Debug)]
pub(in crate::broker::kafka) struct Membership(NonNull<sys::rd_kafka_consumer_group_metadata_t>);

impl Handle {
    /// Fences earlier producers of the same name; what they left open is aborted.
    pub fn init_transactions(&self, at_most: Duration) -> Result<(), KafkaError> {
        // SAFETY: the error is taken over.
        unsafe { KafkaError::take(sys::rd_kafka_init_transactions(self.raw(), millis(at_most))) }
    }

    /// Begins a transaction; asks nobody.
    pub fn begin_transaction(&self) -> Result<(), KafkaError> {
        // SAFETY: as above.
        unsafe { KafkaError::take(sys::rd_kafka_begin_transaction(self.raw())) }
    }

    /// Adds offsets of a member of a group to the transaction.
    pub fn send_offsets(&self, offsets: &PartitionList, member: &Membership, at_most: Duration) -> Result<(), KafkaError> {
        // SAFETY: offsets and membership are copied; the error is taken over.
        unsafe {
            KafkaError::take(sys::rd_kafka_send_offsets_to_transaction(self.raw(), offsets.raw(), member.0.as_ptr(), millis(at_most)))
        }
    }

    /// Commits the transaction. When it may be called again, the outcome is open.
    pub fn commit_transaction(&self, at_most: Duration) -> Result<(), KafkaError> {
        // SAFETY: as in `init_transactions`.
        unsafe { KafkaError::take(sys::rd_kafka_commit_transaction(self.raw(), millis(at_most))) }
    }

    /// Aborts the transaction; delivery reports have to be served between calls.
    pub fn abort_transaction(&self, at_most: Duration) -> Result<(), KafkaError> {
        // SAFETY: as in `init_transactions`.
        unsafe { KafkaError::take(sys::rd_kafka_abort_transaction(self.raw(), millis(at_most))) }
    }

    /// This consumer as a member, now.
    pub fn membership(&self) -> Result<Membership, KafkaError> {
        // SAFETY: the result is this side's to destroy.
        let found = NonNull::new(unsafe { sys::rd_kafka_consumer_group_metadata(self.raw()) });
        found.map(Membership).ok_or_else(|| KafkaError::of(Code::RD_KAFKA_RESP_ERR__STATE))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // SAFETY: given back once.
        unsafe { sys::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) };
    }
}
