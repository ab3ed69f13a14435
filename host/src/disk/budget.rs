//! The memory that several databases share: one budget for blocks, unflushed writes, and rows that are kept in front of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rocksdb::{Cache, WriteBufferManager};

/// Memory for cached blocks, for unflushed writes, and for rows in front of databases. Clones are the same budget: hand one to all databases that
/// share it.
#[derive(Clone)]
pub struct Budget {
    pub(super) cache: Cache,
    pub(super) write_buffers: WriteBufferManager,
    rows: Arc<Rows>,
}

/// What all shares have together.
#[derive(Debug, Default)]
struct Rows {
    limit: usize,
    used: AtomicUsize,
    shares: AtomicUsize,
}

impl Budget {
    /// So many bytes for blocks and unflushed writes; of them unflushed writes may take so many. Memory is taken as it is needed, not ahead.
    pub fn new(bytes: usize, write_buffer_bytes: usize) -> Self {
        let cache = Cache::new_lru_cache(bytes);
        // Stalling writers would let one busy task stop the threads of all others; a database over the limit flushes instead.
        let write_buffers = WriteBufferManager::new_write_buffer_manager_with_cache(write_buffer_bytes, false, cache.clone());
        Self { cache, write_buffers, rows: Arc::default() }
    }

    /// Besides, so many bytes for rows in front of the databases.
    #[must_use]
    pub fn with_rows(self, bytes: usize) -> Self {
        Self { rows: Arc::new(Rows { limit: bytes, ..Rows::default() }), ..self }
    }

    /// A share of the memory for rows.
    pub fn rows(&self) -> RowShare {
        self.rows.shares.fetch_add(1, Ordering::Relaxed);
        RowShare { rows: Arc::clone(&self.rows), used: 0 }
    }

    /// Bytes in use now, for cached blocks and unflushed writes.
    pub fn block_bytes(&self) -> usize {
        self.cache.get_usage()
    }

    /// Bytes in use now, for cached blocks, unflushed writes and rows.
    pub fn bytes_in_use(&self) -> usize {
        self.block_bytes() + self.rows.used.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("bytes_in_use", &self.bytes_in_use()).finish()
    }
}

/// A share of the memory for rows. All shares together may have as much as there is; where they have more, those shrink that have more than
/// their part, when they are next asked. So all together never have more than twice as much.
#[derive(Debug)]
pub struct RowShare {
    rows: Arc<Rows>,
    used: usize,
}

impl RowShare {
    /// Whoever has the share takes up so much now. False: it has to shrink.
    pub fn use_bytes(&mut self, used: usize) -> bool {
        let rows = &*self.rows;
        // Wraps where it is less than before, and so does the sum.
        let change = used.wrapping_sub(self.used);
        let all = rows.used.fetch_add(change, Ordering::Relaxed).wrapping_add(change);
        self.used = used;
        all <= rows.limit || used <= rows.limit / rows.shares.load(Ordering::Relaxed).max(1)
    }
}

impl Drop for RowShare {
    fn drop(&mut self) {
        self.rows.used.fetch_sub(self.used, Ordering::Relaxed);
        self.rows.shares.fetch_sub(1, Ordering::Relaxed);
    }
}
