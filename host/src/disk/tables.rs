//! Tables that are made outside of a database and put into it whole: for very many rows that somebody has sorted already. It costs a fifth of
//! the time of writing them, which sorts them anew and with dearer comparisons.

use std::path::Path;

use rocksdb::{IngestExternalFileOptions, SstFileWriter};

use super::options::{self, Access};
use super::{Database, DiskError};

/// Whether a family is compacted of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compactions {
    /// As soon as it is worth while.
    On,
    /// Not before it is set to `On` again, or the database opened again.
    Off,
}

impl Database {
    /// Makes a table of rows for a family, in a file of its own on the disk of the database: one row for each key, in the order of the keys;
    /// `None` deletes. False, and no file, without rows.
    pub fn make_table<'r>(
        &self,
        family: &str,
        file: &Path,
        rows: impl ExactSizeIterator<Item = (&'r [u8], Option<&'r [u8]>)>,
    ) -> Result<bool, DiskError> {
        if rows.len() == 0 {
            return Ok(false);
        }
        let access = self.families.iter().find(|(name, _)| name == family).map_or(Access::Ranges, |(_, access)| *access);
        let options = options::table(&self.budget, access);
        let mut table = SstFileWriter::create(&options);
        let mut made = table.open(file);
        for (key, value) in rows {
            made = made.and_then(|()| match value {
                Some(value) => table.put(key, value),
                None => table.delete(key),
            });
        }
        made.and_then(|()| table.finish()).map_err(|why| self.failed("making a table", why))?;
        Ok(true)
    }

    /// Puts a table into the family that it was made for, over what is there. Its rows are durable when it returns, and the file is gone.
    pub fn add_table(&self, family: &str, file: &Path) -> Result<(), DiskError> {
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        let taken = self.db.ingest_external_file_cf_opts(self.family(family)?.handle(), &options, vec![file]);
        taken.map_err(|why| self.failed("taking in a table", why))
    }

    /// Whether a family is compacted of itself.
    pub fn set_compactions(&self, family: &str, to: Compactions) -> Result<(), DiskError> {
        let handle = self.family(family)?.handle();
        let off = if to == Compactions::Off { "true" } else { "false" };
        self.db.set_options_cf(handle, &[("disable_auto_compactions", off)]).map_err(|why| self.failed("setting compactions", why))
    }
}
