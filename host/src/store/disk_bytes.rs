//! Ordered bytes on disk: a family of the task's database.

use std::mem;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::ScanOrder;
use super::disk_fill::DiskFill;
use super::ordered_bytes::{OrderedBytes, shared};
use crate::disk::{Batch, Database, Direction, DiskError, Family, Sync};

/// Ordered bytes on disk.
#[derive(Debug)]
pub(super) struct DiskBytes {
    database: Arc<Database>,
    family: String,
    staged: Batch,
    fill: Option<DiskFill>,
}

impl DiskBytes {
    /// The family of that name.
    pub(super) fn new(database: Arc<Database>, family: String) -> Self {
        Self { database, family, staged: Batch::new(), fill: None }
    }

    fn family(&self) -> Result<Family<'_>, DiskError> {
        self.database.family(&self.family)
    }
}

impl OrderedBytes for DiskBytes {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, DiskError> {
        self.family()?.read(key, Bytes::copy_from_slice)
    }

    fn show_many(&self, keys: &[&[u8]], show: &mut dyn FnMut(Option<&[u8]>)) -> Result<(), DiskError> {
        let mut buffer = BytesMut::new();
        let found = self.family()?.read_many(keys, |value| shared(&mut buffer, value))?;
        found.iter().for_each(|value| show(value.as_deref()));
        Ok(())
    }

    fn visit(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        order: ScanOrder,
        visitor: &mut dyn FnMut(Bytes, Bytes) -> ControlFlow<()>,
    ) -> Result<(), DiskError> {
        let direction = match order {
            ScanOrder::Ascending => Direction::Ascending,
            ScanOrder::Descending => Direction::Descending,
        };
        // Rows of a scan share buffers: they live and end together.
        let mut buffer = BytesMut::new();
        let mut copy = |bytes: &[u8]| shared(&mut buffer, bytes);
        self.family()?.visit(lower, upper, direction, |key, value| visitor(copy(key), copy(value)))
    }

    fn put(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DiskError> {
        if let Some(fill) = &mut self.fill {
            fill.put(key, value);
            return Ok(());
        }
        let family = self.database.family(&self.family)?;
        match value {
            Some(value) => self.staged.put(family, key, value),
            None => self.staged.delete(family, key),
        }
        Ok(())
    }

    fn delete_range(&mut self, from: &[u8], to: &[u8]) -> Result<(), DiskError> {
        self.staged.delete_range(self.database.family(&self.family)?, from, to);
        Ok(())
    }

    fn write(&mut self) -> Result<(), DiskError> {
        if let Some(fill) = &mut self.fill {
            return fill.write();
        }
        self.database.write(mem::take(&mut self.staged), Sync::No)
    }

    fn begin_fill(&mut self) -> Result<(), DiskError> {
        self.fill = Some(DiskFill::begin(&self.database, &self.family)?);
        Ok(())
    }

    fn is_filled(&self) -> bool {
        self.fill.is_some()
    }

    fn must_wait(&self) -> bool {
        self.fill.as_ref().is_some_and(DiskFill::must_wait)
    }

    fn is_busy(&self) -> bool {
        self.fill.as_ref().is_some_and(DiskFill::is_busy)
    }

    fn close_fill(&mut self) -> Result<(), DiskError> {
        self.fill.as_mut().map_or(Ok(()), DiskFill::close)
    }

    fn end_fill(&mut self) -> Result<(), DiskError> {
        self.fill.take().map_or(Ok(()), DiskFill::end)
    }

    fn approximate_count(&self) -> Result<u64, DiskError> {
        self.family()?.approximate_count()
    }
}
