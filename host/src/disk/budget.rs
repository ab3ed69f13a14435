//! The memory that several databases share: one budget, in which unflushed writes take the place of cached blocks.

use std::fmt;

use rocksdb::{Cache, WriteBufferManager};

/// Memory for cached blocks and for unflushed writes. Clones are the same budget: hand one to all databases that share it.
#[derive(Clone)]
pub struct Budget {
    pub(super) cache: Cache,
    pub(super) write_buffers: WriteBufferManager,
}

impl Budget {
    /// So many bytes for both; of them unflushed writes may take so many. Memory is taken as it is needed, not ahead.
    pub fn new(bytes: usize, write_buffer_bytes: usize) -> Self {
        let cache = Cache::new_lru_cache(bytes);
        // Stalling writers would let one busy task stop the threads of all others; a database over the limit flushes instead.
        let write_buffers = WriteBufferManager::new_write_buffer_manager_with_cache(write_buffer_bytes, false, cache.clone());
        Self { cache, write_buffers }
    }

    /// Bytes in use now, for cached blocks and for unflushed writes.
    pub fn bytes_in_use(&self) -> usize {
        self.cache.get_usage()
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("bytes_in_use", &self.bytes_in_use()).finish()
    }
}
