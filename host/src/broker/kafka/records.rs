//! From librdkafka's messages to records. Bodies of many records share one piece of memory: one allocation for each of them would cost more
//! than the copy.

use std::ops::Range;

use bytes::Bytes;

use super::ffi::Message;
use crate::record::{ConsumedRecord, Header, Offset, Record, Timestamp};

/// A piece of memory is closed when it has so many bytes, so that a record that stays keeps few others.
const PIECE_BYTES: usize = 128 << 10;

/// Gathers messages to records.
#[derive(Default)]
pub(super) struct Gatherer {
    piece: Vec<u8>,
    open: Vec<Gathered>,
    skips_headers: bool,
}

struct Gathered {
    offset: Offset,
    timestamp: Timestamp,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Vec<(String, Option<Range<usize>>)>,
}

impl Gatherer {
    /// Adds a message that is a record.
    pub fn push(&mut self, message: Message<'_>, into: &mut Vec<ConsumedRecord>) {
        let key = message.key().map(|bytes| self.copy(bytes));
        let value = message.value().map(|bytes| self.copy(bytes));
        let mut headers = Vec::new();
        if !self.skips_headers {
            message.headers(|name, value| headers.push((name, value.map(|bytes| self.copy(bytes)))));
        }
        let offset = Offset::try_from(message.offset()).unwrap_or(0);
        self.open.push(Gathered { offset, timestamp: Timestamp(message.timestamp()), key, value, headers });
        if self.piece.len() >= PIECE_BYTES {
            self.close(into);
        }
    }

    /// From now on records are made without their headers. Asking for them costs several allocations, also where there are none.
    pub fn skip_headers(&mut self) {
        self.skips_headers = true;
    }

    /// Makes records of what was added.
    pub fn close(&mut self, into: &mut Vec<ConsumedRecord>) {
        let next = Vec::with_capacity(if self.piece.len() >= PIECE_BYTES { self.piece.len() } else { 0 });
        let piece = Bytes::from(std::mem::replace(&mut self.piece, next));
        into.extend(self.open.drain(..).map(|gathered| {
            let part = |range: Option<Range<usize>>| range.map(|range| piece.slice(range));
            let header = |(name, value): (String, Option<Range<usize>>)| Header { name: name.into(), value: part(value) };
            let headers = gathered.headers.into_iter().map(header).collect();
            let (key, value) = (part(gathered.key), part(gathered.value));
            ConsumedRecord { offset: gathered.offset, record: Record { key, value, timestamp: gathered.timestamp, headers, change: None } }
        }));
    }

    fn copy(&mut self, bytes: &[u8]) -> Range<usize> {
        let begin = self.piece.len();
        self.piece.extend_from_slice(bytes);
        begin..self.piece.len()
    }
}
