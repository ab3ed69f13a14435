//! Databases on local disk: ordered bytes in named families, written in atomic batches.
//!
//! The only user of RocksDB. It never knows what the bytes mean: `store` keeps the state of tasks in it, `broker/embedded` its log.
//! Nothing outside sees a type of RocksDB.
//!
//! Two kinds of durability, fixed when a database is opened. [`Durability::Logged`]: a write-ahead log, a synced write is durable when it
//! returns. [`Durability::Flushed`]: no log, what is durable is a prefix of the writes, all families at one and the same point; `flush`
//! moves that point to its call.

mod batch;
mod budget;
mod error;
mod family;
mod options;
mod tables;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rocksdb::{ColumnFamilyDescriptor, DB, DEFAULT_COLUMN_FAMILY_NAME, FlushOptions, ReadOptions, WriteOptions, properties};

pub use batch::Batch;
pub use budget::{Budget, RowShare};
pub use error::DiskError;
pub use family::{Direction, Family};
pub use options::{Access, Durability, FamilySpec, Options};
pub use tables::Compactions;

/// Whether a write waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// It is durable when it returns. (Without a log that takes a flush of everything.)
    Yes,
    /// It survives the end of the process where there is a log, but not the end of the machine.
    No,
}

/// An open database. Threads may share it.
pub struct Database {
    db: DB,
    path: PathBuf,
    families: Vec<(String, Access)>,
    budget: Budget,
    durability: Durability,
    reads: ReadOptions,
    writes: WriteOptions,
    synced_writes: WriteOptions,
}

impl Database {
    /// Opens the database in a folder. Families that are asked for are made when missing; others that are there are opened and kept.
    pub fn open(path: &Path, options: &Options<'_>) -> Result<Self, DiskError> {
        let mut names: Vec<String> = options.families.iter().map(|f| f.name.to_owned()).collect();
        for name in Self::families_in(path, options.create_if_missing)? {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if !names.iter().any(|name| name == DEFAULT_COLUMN_FAMILY_NAME) {
            names.push(DEFAULT_COLUMN_FAMILY_NAME.to_owned());
        }
        let access = |name: &str| options.families.iter().find(|f| f.name == name).map_or(Access::Ranges, |f| f.access);
        let names: Vec<(String, Access)> = names.into_iter().map(|name| (name.clone(), access(&name))).collect();
        let families =
            names.iter().map(|(name, access)| ColumnFamilyDescriptor::new(name.as_str(), options::family(options.budget, *access)));
        fs::create_dir_all(path).map_err(|why| DiskError::io(path, "making the folder", why))?;
        let db = DB::open_cf_descriptors(&options::database(options), path, families).map_err(|why| DiskError::at_open(path, why))?;
        let (writes, synced_writes) = options::writes(options.durability);
        let (path, durability, reads) = (path.to_owned(), options.durability, ReadOptions::default());
        Ok(Self { db, path, families: names, budget: options.budget.clone(), durability, reads, writes, synced_writes })
    }

    /// Names of the families that a folder holds; empty where there is no database yet and one may be made.
    fn families_in(path: &Path, create_if_missing: bool) -> Result<Vec<String>, DiskError> {
        if path.join("CURRENT").exists() {
            return DB::list_cf(&rocksdb::Options::default(), path).map_err(|why| DiskError::at_open(path, why));
        }
        // Data without the file that names their manifest: opening would take the folder for a new database and delete them.
        if holds_data(path)? {
            return Err(DiskError::Corrupted { path: path.to_owned(), why: "the file CURRENT is missing".to_owned() });
        }
        if create_if_missing { Ok(Vec::new()) } else { Err(DiskError::Missing { path: path.to_owned() }) }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A family by its name.
    pub fn family(&self, name: &str) -> Result<Family<'_>, DiskError> {
        match self.db.cf_handle(name) {
            Some(handle) => Ok(Family::new(self, handle)),
            None => Err(DiskError::UnknownFamily { path: self.path.clone(), family: name.to_owned() }),
        }
    }

    /// Writes a batch: all of it or nothing, visible at once.
    pub fn write(&self, batch: Batch, sync: Sync) -> Result<(), DiskError> {
        let options = if sync == Sync::Yes { &self.synced_writes } else { &self.writes };
        self.db.write_opt(batch.into_inner(), options).map_err(|why| self.failed("writing", why))?;
        match (self.durability, sync) {
            (Durability::Flushed, Sync::Yes) => self.flush(),
            (Durability::Logged, _) | (_, Sync::No) => Ok(()),
        }
    }

    /// Makes everything that was written durable, in all families together; returns when it is.
    pub fn flush(&self) -> Result<(), DiskError> {
        let handles: Vec<_> = self.families.iter().filter_map(|(name, _)| self.db.cf_handle(name)).collect();
        self.db.flush_cfs_opt(&handles, &FlushOptions::default()).map_err(|why| self.failed("flushing", why))
    }

    /// Deletes the database in a folder, and the folder. Nobody may have it open. A folder without a database is fine.
    pub fn destroy(path: &Path) -> Result<(), DiskError> {
        DB::destroy(&rocksdb::Options::default(), path).map_err(|why| DiskError::at_open(path, why))?;
        match fs::remove_dir(path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(DiskError::io(path, "removing the folder", why)),
            _ => Ok(()),
        }
    }

    /// Bytes of the tables on disk that hold what is there now.
    pub fn bytes_on_disk(&self) -> u64 {
        let handles = self.families.iter().filter_map(|(name, _)| self.db.cf_handle(name));
        handles.filter_map(|family| self.db.property_int_value_cf(family, properties::LIVE_SST_FILES_SIZE).ok().flatten()).sum()
    }

    /// An error of a file beside it that somebody made for it.
    pub fn io(&self, what: &'static str, why: impl fmt::Display) -> DiskError {
        DiskError::io(&self.path, what, why)
    }

    fn failed(&self, what: &'static str, why: rocksdb::Error) -> DiskError {
        DiskError::from_rocksdb(&self.path, what, why)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("path", &self.path).field("durability", &self.durability).finish_non_exhaustive()
    }
}

/// True when a folder holds tables or logs of a database.
fn holds_data(path: &Path) -> Result<bool, DiskError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(why) => return Err(DiskError::io(path, "reading the folder", why)),
    };
    for entry in entries {
        let name = entry.map_err(|why| DiskError::io(path, "reading the folder", why))?.file_name();
        if Path::new(&name).extension().is_some_and(|extension| extension == "sst" || extension == "log") {
            return Ok(true);
        }
    }
    Ok(false)
}
