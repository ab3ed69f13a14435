//! From librdkafka's messages to records. Bodies of many records share one piece of memory: one allocation for each of them would cost more
//! than the copy.

use bytes::{Bytes, BytesMut};

use super::ffi::Message;
use crate::record::{ConsumedRecord, HeaderPacker, Offset, PIECE_BYTES, Record, Timestamp};

/// Gathers messages to records.
#[derive(Default)]
pub(super) struct Gatherer {
    /// What is free of the last piece.
    piece: BytesMut,
    headers: HeaderPacker,
    skips_headers: bool,
}

impl Gatherer {
    /// The record of a message that is one.
    pub fn record(&mut self, message: Message<'_>) -> ConsumedRecord {
        let key = message.key().map(|bytes| self.copy(bytes));
        let value = message.value().map(|bytes| self.copy(bytes));
        if !self.skips_headers {
            message.headers(|header| self.headers.add(header));
        }
        let headers = self.headers.done();
        let offset = Offset::try_from(message.offset()).unwrap_or(0);
        ConsumedRecord { offset, record: Record { key, value, timestamp: Timestamp(message.timestamp()), headers, change: None } }
    }

    /// From now on records are made without their headers. Asking for them costs several allocations, also where there are none.
    pub fn skip_headers(&mut self) {
        self.skips_headers = true;
    }

    fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if self.piece.capacity() < bytes.len() {
            // Not `reserve`, which would copy what is left into the new one.
            self.piece = BytesMut::with_capacity(bytes.len().max(PIECE_BYTES));
        }
        self.piece.extend_from_slice(bytes);
        self.piece.split().freeze()
    }
}
