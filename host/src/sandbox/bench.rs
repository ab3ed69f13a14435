//! What benchmarks reach of the layouts that are the sandbox's own: frames and packed blobs. Nothing else calls it, and none of it is an API.

use bytes::Bytes;

use super::frame::Taken;
use super::packed;
use super::setup::NodeSetup;
use crate::node::{Caused, Failure, Frame, PackedFrame, SourceRecord, packed_frame};
use crate::store::Row;

/// Writes a frame behind what `into` has.
pub fn write_frame(frame: Frame<'_>, into: &mut Vec<u8>) {
    packed_frame::write(frame, into);
}

/// Reads frames that a guest has returned.
#[derive(Debug)]
pub struct FrameReader(NodeSetup);

impl FrameReader {
    /// Of a guest without ports.
    pub fn without_ports() -> Self {
        Self(NodeSetup::nobodys())
    }

    /// Checks a frame and takes its outputs. `causes`: those of the entries that the guest was given.
    pub fn read(&self, causes: &[u32], frame: Vec<u8>, into: &mut Vec<Caused>) -> Result<(), Failure> {
        Taken::default().check(&self.0, causes, frame, true).map(|frame| frame.unpack(into))
    }

    /// Checks a frame and makes inputs of the next node of its outputs.
    pub fn pass_on(&self, causes: &[u32], frame: Vec<u8>, sources: &[SourceRecord]) -> Result<PackedFrame, Failure> {
        let mut frame = Taken::default().check(&self.0, causes, frame, true)?;
        frame.address(0, sources);
        Ok(frame)
    }
}

/// Blobs of keys, as a guest gives them; how many.
pub fn read_keys(packed: &[u8]) -> Result<usize, &'static str> {
    packed::read_keys(packed).map(|keys| keys.len())
}

/// Blobs key, row, key, row, as a guest gives them; how many writes.
pub fn read_writes(packed: &Bytes) -> Result<usize, &'static str> {
    packed::read_writes(packed).map(|writes| writes.len())
}

/// Blobs of rows for a guest.
pub fn write_rows(rows: &[Option<Row>]) -> Option<Vec<u8>> {
    packed::write_rows(rows)
}

/// Blobs key, row, key, row for a guest.
pub fn write_entries(entries: &[(Bytes, Row)]) -> Option<Vec<u8>> {
    packed::write_entries(entries)
}
