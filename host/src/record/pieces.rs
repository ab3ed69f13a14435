//! Copies that share memory.

use bytes::{Bytes, BytesMut};

/// Bytes of a piece of memory that copied records share: few, so that a record that stays keeps few others.
pub const PIECE_BYTES: usize = 128 << 10;

/// Copies parts of many records into pieces of memory that they share: an allocation for each would cost more than the copy.
#[derive(Debug)]
pub struct Pieces {
    /// What is free of the last one.
    free: BytesMut,
    /// Of a new one.
    bytes: usize,
}

impl Default for Pieces {
    fn default() -> Self {
        Self::of(PIECE_BYTES)
    }
}

impl Pieces {
    /// Each of so many bytes; what is larger has one to itself.
    pub fn of(bytes: usize) -> Self {
        Self { free: BytesMut::new(), bytes }
    }

    /// A copy that shares its memory with those made before.
    pub fn copy(&mut self, part: &[u8]) -> Bytes {
        if self.free.capacity() < part.len() {
            // Not `reserve`, which would copy what is left into the new one.
            self.free = BytesMut::with_capacity(part.len().max(self.bytes));
        }
        self.free.extend_from_slice(part);
        self.free.split().freeze()
    }
}
