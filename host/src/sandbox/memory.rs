//! How much memory an instance has, and the line that it may not cross; and how much all of them have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::ResourceLimiter;

use crate::limits;

/// Bytes of the memories of all instances of an engine. Clones are the same count.
#[derive(Clone, Debug, Default)]
pub(super) struct GuestMemory(Arc<AtomicUsize>);

impl GuestMemory {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn grow(&self, by: usize) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    fn shrink(&self, by: usize) {
        self.0.fetch_sub(by, Ordering::Relaxed);
    }
}

/// Counts the linear memories of one instance. A growth over the limit ends the call with an error of its own: answering "no" would make the
/// guest abort, which looks like any panic.
#[derive(Debug)]
pub(super) struct MemoryMeter {
    limit: usize,
    used: usize,
    growing: usize,
    over_limit: bool,
    all: GuestMemory,
}

impl MemoryMeter {
    pub(super) fn new(limit: usize, all: GuestMemory) -> Self {
        Self { limit, used: 0, growing: 0, over_limit: false, all }
    }

    /// Bytes of all memories.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Whether a growth was refused.
    pub(super) fn over_limit(&self) -> bool {
        self.over_limit
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let growing = desired.saturating_sub(current);
        if self.used.saturating_add(growing) > self.limit {
            self.over_limit = true;
            return Err(wasmtime::Error::msg("memory over the limit"));
        }
        self.used += growing;
        self.all.grow(growing);
        self.growing = growing;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // The guest's own maximum, or the machine's: what was counted in advance did not come.
        let growing = std::mem::take(&mut self.growing);
        self.used -= growing;
        self.all.shrink(growing);
        Ok(())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= limits::TABLE_ELEMENTS)
    }
}

impl Drop for MemoryMeter {
    fn drop(&mut self) {
        self.all.shrink(self.used);
    }
}
