//! What one commit brings: chunks for some partitions, and rows. Records are encoded as they are sent, so that a commit has little left to do.

use rustc_hash::FxHashMap;

use super::catalog::Partition;
use super::chunk::{Chunk, ChunkBuilder};
use super::layout::PartitionId;
use crate::limits;
use crate::record::RecordRef;

/// A transaction that is being filled, or waits for its turn to be written.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) parts: Vec<Part>,
    index: FxHashMap<PartitionId, usize>,
    /// Rows besides the chunks: family, key, value.
    pub(super) rows: Vec<(&'static str, Vec<u8>, Vec<u8>)>,
}

/// The records of a transaction for one partition, in chunks.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) partition: Partition,
    pub(super) chunks: Vec<Chunk>,
    open: ChunkBuilder,
}

impl Transaction {
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.rows.is_empty()
    }

    pub(super) fn push(&mut self, partition: Partition, record: RecordRef<'_>) {
        let index = *self.index.entry(partition.id()).or_insert_with(|| {
            self.parts.push(Part { partition, chunks: Vec::new(), open: ChunkBuilder::new(0) });
            self.parts.len() - 1
        });
        self.parts[index].push(record);
    }

    /// Nothing more will be pushed: every chunk is complete, and their bytes are summed up.
    pub(super) fn seal(&mut self) -> usize {
        self.parts.iter_mut().for_each(Part::close_chunk);
        let chunks = self.parts.iter().flat_map(|part| &part.chunks).map(Chunk::size);
        let rows = self.rows.iter().map(|(_, key, value)| key.len() + value.len());
        chunks.chain(rows).sum()
    }
}

impl Part {
    fn push(&mut self, record: RecordRef<'_>) {
        if !self.open.is_empty() && self.open.size() + record.size() > limits::CHUNK_BYTES {
            self.close_chunk();
        }
        // Offsets count from the chunk's own beginning; the commit finds out where that is.
        self.open.push(self.open.next(), record);
    }

    fn close_chunk(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let full = std::mem::replace(&mut self.open, ChunkBuilder::new(0));
        let last = full.next() - 1;
        self.chunks.push(full.finish(last));
    }
}
