//! What every backend of a store is: ordered bytes.

use std::fmt;
use std::ops::{Bound, ControlFlow};

use bytes::{Bytes, BytesMut};

use super::ScanOrder;
use crate::disk::DiskError;

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// The task: where it has scanned once, it is likely to scan again.
    Task,
    /// Somebody outside, whose scans say nothing of what the task will do.
    Outside,
}

/// An ordered map of bytes, used by one thread.
pub(super) trait OrderedBytes: fmt::Debug + Send {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, DiskError>;

    /// Shows the values of many keys, in their order.
    fn show_many(&self, keys: &[&[u8]], show: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), DiskError>;

    /// Shows `visitor` the rows between two bounds, until it breaks off. The bounds are the right way round. `settle` comes before.
    fn visit(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: ScanOrder,
        visitor: &mut dyn FnMut(Bytes, Bytes) -> ControlFlow<()>,
    ) -> Result<(), DiskError>;

    /// Puts (or, `None`, deletes) a row. It may be seen at once, and is after `write`.
    fn put(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DiskError>;

    /// Deletes all rows from `from` (included) to `to` (excluded), as `put` does one.
    fn delete_range(&mut self, from: &[u8], to: &[u8]) -> Result<(), DiskError>;

    /// Ends a run of `put`s.
    fn write(&mut self) -> Result<(), DiskError>;

    /// True where a run of `put`s is cheaper in the order of the keys.
    fn likes_order(&self) -> bool {
        true
    }

    /// Nothing that was put is kept back any more: `visit` sees it, and so does a flush of the database. Comes before both.
    fn settle(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    /// From now on this one reads; the task unless said.
    fn read_by(&mut self, _reader: Reader) {}

    /// From now on very many rows are put, in any order, and none is read, before `end_fill`.
    fn begin_fill(&mut self) -> Result<(), DiskError>;

    /// True between `begin_fill` and `end_fill`.
    fn is_filled(&self) -> bool;

    /// True while more rows would have to wait for those that were put.
    fn must_wait(&self) -> bool {
        false
    }

    /// True while something is done with rows in the background.
    fn is_busy(&self) -> bool {
        false
    }

    /// No more rows are put: what may be done in the background, is. `end_fill` waits for it.
    fn close_fill(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    /// All rows can be read again.
    fn end_fill(&mut self) -> Result<(), DiskError>;

    /// About how many rows.
    fn approximate_count(&self) -> Result<u64, DiskError>;
}

/// True when no key can lie between two bounds. (A range of the standard library's map panics at some of these.)
pub(super) fn holds_nothing(lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> bool {
    match (lower, upper) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (Bound::Included(lower) | Bound::Excluded(lower), Bound::Included(upper) | Bound::Excluded(upper)) => lower >= upper,
    }
}

/// A copy that shares its memory with those made before.
pub(super) fn shared(buffer: &mut BytesMut, bytes: &[u8]) -> Bytes {
    buffer.extend_from_slice(bytes);
    buffer.split().freeze()
}
