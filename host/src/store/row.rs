//! A row, and its layout in a store: 8 bytes of timestamp (big endian), then the value.

use bytes::{Buf, Bytes};

use crate::record::Timestamp;

/// A value and its timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The value.
    pub value: Bytes,
    /// The timestamp of the record that wrote it.
    pub timestamp: Timestamp,
}

impl Row {
    /// Writes the row's layout over `buffer`.
    pub(super) fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(&self.timestamp.0.to_be_bytes());
        buffer.extend_from_slice(&self.value);
    }

    /// Reads the layout; without a copy. The error says what is wrong with the bytes.
    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, String> {
        let timestamp = bytes.try_get_i64().map_err(|_| format!("a row of {} bytes has no timestamp", bytes.len()))?;
        Ok(Self { value: bytes, timestamp: Timestamp(timestamp) })
    }
}
