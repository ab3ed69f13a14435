//! What a database could not do.

use std::fmt;
use std::path::{Path, PathBuf};

use rocksdb::ErrorKind;

/// What a database could not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// The operating system or the database refused.
    #[error("{what} failed in {}: {why}", path.display())]
    Io {
        /// The folder of the database.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What came back.
        why: String,
    },
    /// What is on disk cannot be understood.
    #[error("the database in {} is corrupted: {why}", path.display())]
    Corrupted {
        /// The folder of the database.
        path: PathBuf,
        /// Where it breaks.
        why: String,
    },
    /// Somebody has the database open, in this process or in another.
    #[error("the database in {} is open in another process, or twice in this one", path.display())]
    Locked {
        /// The folder of the database.
        path: PathBuf,
    },
    /// There is no database, and none was to be made.
    #[error("there is no database in {}", path.display())]
    Missing {
        /// The folder of the database.
        path: PathBuf,
    },
    /// The database was opened without this family.
    #[error("the database in {} has no family '{family}'", path.display())]
    UnknownFamily {
        /// The folder of the database.
        path: PathBuf,
        /// The name asked for.
        family: String,
    },
}

impl DiskError {
    pub(super) fn io(path: &Path, what: &'static str, why: impl fmt::Display) -> Self {
        Self::Io { path: path.to_owned(), what, why: why.to_string() }
    }

    pub(super) fn from_rocksdb(path: &Path, what: &'static str, why: rocksdb::Error) -> Self {
        match why.kind() {
            ErrorKind::Corruption => Self::Corrupted { path: path.to_owned(), why: why.into_string() },
            _ => Self::io(path, what, why),
        }
    }

    /// At the opening two more things can be told apart, by their texts only: env/fs_posix.cc of RocksDB.
    pub(super) fn at_open(path: &Path, why: rocksdb::Error) -> Self {
        let text: &str = why.as_ref();
        if text.starts_with("IO error: While lock file") || text.starts_with("IO error: lock hold by current process") {
            return Self::Locked { path: path.to_owned() };
        }
        // A folder with CURRENT in it names all files that it needs.
        if text.starts_with("IO error: No such file or directory") {
            return Self::Corrupted { path: path.to_owned(), why: why.into_string() };
        }
        Self::from_rocksdb(path, "opening the database", why)
    }
}
