//! From librdkafka's messages to records, which share memory.

use super::ffi::Message;
use crate::record::{ConsumedRecord, HeaderPacker, Offset, Pieces, Record, Timestamp};

/// Gathers messages to records.
#[derive(Default)]
pub(super) struct Gatherer {
    pieces: Pieces,
    headers: HeaderPacker,
    skips_headers: bool,
}

impl Gatherer {
    /// The record of a message that is one.
    pub fn record(&mut self, message: Message<'_>) -> ConsumedRecord {
        let key = message.key().map(|bytes| self.pieces.copy(bytes));
        let value = message.value().map(|bytes| self.pieces.copy(bytes));
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
}
