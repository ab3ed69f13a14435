//! A row, and its layout in a store: 8 bytes of timestamp (big endian), then the value.

use bytes::{Buf, Bytes};

use crate::record::Timestamp;

/// A row as it is shown: its timestamp and its value.
pub type Shown<'r> = (Timestamp, &'r [u8]);

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

    /// A copy of what is shown.
    pub(super) fn copied((timestamp, value): Shown<'_>) -> Self {
        Self { value: Bytes::copy_from_slice(value), timestamp }
    }

    /// How it is shown.
    pub(super) fn shown(&self) -> Shown<'_> {
        (self.timestamp, &self.value)
    }

    /// The parts of the layout. The error says what is wrong with the bytes.
    pub(super) fn split(bytes: &[u8]) -> Result<(Timestamp, &[u8]), String> {
        match bytes.split_first_chunk() {
            Some((timestamp, value)) => Ok((Timestamp(i64::from_be_bytes(*timestamp)), value)),
            None => Err(format!("a row of {} bytes has no timestamp", bytes.len())),
        }
    }

    /// Reads the layout; without a copy. The error says what is wrong with the bytes.
    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, String> {
        let (timestamp, value) = Self::split(&bytes)?;
        bytes.advance(bytes.len() - value.len());
        Ok(Self { value: bytes, timestamp })
    }
}
