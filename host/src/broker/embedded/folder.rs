//! The state folder, which one process at a time may use.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::broker::port::{BrokerError, Retry};

/// The state folder, held by this process. Whoever uses something in it keeps this alive.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    lock: File,
}

impl StateFolder {
    /// Makes the folder when it is absent (mode 0700), and takes it for this process. Held by another: `BrokerError::Locked`, at once.
    pub fn lock(path: &Path) -> Result<Self, BrokerError> {
        let failed = |what: &'static str| {
            move |why: io::Error| BrokerError::Failed {
                what: format!("{what} the state folder {}", path.display()),
                why: why.to_string(),
                retry: Retry::Never,
            }
        };
        make_private(path).map_err(failed("make"))?;
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = open.open(path.join("lock")).map_err(failed("lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(BrokerError::Locked { path: path.display().to_string(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(why)) => return Err(failed("lock")(why)),
        }
        file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(failed("lock"))?;
        Ok(Self { path: path.to_owned(), lock: file })
    }

    /// Its path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        // Closing alone does not do: a child between fork and exec still has the file open. The process's own end does.
        let _ = self.lock.unlock();
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other,
    }
}

/// Who holds the lock; 0 where that process has not written it yet.
fn read_pid(file: &mut File) -> u32 {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok().and_then(|_| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_second_lock_of_a_state_folder_names_the_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/state");
        let held = StateFolder::lock(&path).unwrap();
        assert_eq!(fs::metadata(held.path()).unwrap().permissions().mode() & 0o777, 0o700);
        let error = StateFolder::lock(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("another process (pid {}) is using {}", std::process::id(), path.display()));
        drop(held);
        StateFolder::lock(&path).unwrap();
    }

    #[test]
    fn a_state_folder_that_is_a_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "").unwrap();
        let error = StateFolder::lock(&path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("make the state folder {}: ", path.display())), "{error}");
    }
}
