//! Compiled code on disk: a component is compiled once on a machine, whichever command meets it first.
//!
//! The code found here is run as it is, outside of any sandbox. So the folder must be this user's own and closed to all others, and a file
//! gets its name only when it is whole. One is named by the digest of its component and by the engine's settings; wasmtime itself refuses
//! code of another version of its own, and of another processor. Whatever goes wrong here costs time and nothing else; damage by the disk
//! itself is not looked for, as it is not for the host's own program.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmtime::component::Component;

use crate::limits;

/// A folder of compiled code that may be trusted.
#[derive(Clone, Debug)]
pub struct CompiledCode {
    folder: PathBuf,
}

impl CompiledCode {
    /// Opens a folder, which is made if it is missing. An error if it is not this user's own, or open to others.
    pub fn open(folder: &Path) -> io::Result<Self> {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent)?;
        }
        match DirBuilder::new().mode(0o700).create(folder) {
            // The umask may have taken more than it should.
            Ok(()) => fs::set_permissions(folder, Permissions::from_mode(0o700))?,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
        let metadata = fs::symlink_metadata(folder)?;
        if !metadata.is_dir() {
            return Err(io::Error::other("it is no folder"));
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(io::Error::other(format!("others may use it: its mode is {:03o}, not 700", metadata.mode() & 0o777)));
        }
        // Root may enter any folder, and must not run what another user has put there.
        if metadata.uid() != own_user(folder)? {
            return Err(io::Error::other("it belongs to another user"));
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// The code of a component, if it has been compiled before. `digest`: the component's.
    #[allow(unsafe_code, reason = "compiled code can only be trusted, not checked")]
    pub(super) fn find(&self, engine: &wasmtime::Engine, digest: &str) -> Option<Component> {
        let path = self.path(engine, digest);
        let file = File::open(&path).ok()?;
        // What is used stays; failing that, it goes earlier.
        _ = file.set_modified(now());
        // SAFETY: the file is what `Component::serialize` gave a process of this user: only this user can write to the folder (`open` has
        // looked), a file appears whole under its name (`keep` renames it) and is never written to again.
        match unsafe { Component::deserialize_file(engine, &path) } {
            Ok(component) => Some(component),
            Err(e) => {
                tracing::debug!("compiled code is not used and goes, {}: {e:#}", path.display());
                _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps the code of a component for the next time.
    pub(super) fn keep(&self, engine: &wasmtime::Engine, digest: &str, component: &Component) {
        let path = self.path(engine, digest);
        let kept = component.serialize().map_err(io::Error::other).and_then(|code| self.write(&path, &code));
        if let Err(e) = kept.and_then(|()| self.prune(limits::COMPILED_CODE_BYTES)) {
            tracing::debug!("compiled code is not kept, {}: {e}", path.display());
        }
    }

    fn path(&self, engine: &wasmtime::Engine, digest: &str) -> PathBuf {
        let mut settings = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut settings);
        self.folder.join(format!("{}-{:016x}.compiled", digest.trim_start_matches("sha256:"), settings.finish()))
    }

    fn write(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        // A name that nobody had before: what a crash has left behind must not be in the way of a process with the same number.
        let since = now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let new = path.with_extension(format!("{}-{}", std::process::id(), since.as_nanos()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        // Synced before it has its name: a name that outlived a power cut with half of the code would be run.
        let written = file.write_all(code).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, path));
        if written.is_err() {
            _ = fs::remove_file(&new);
        }
        written
    }

    /// Removes what was not used for longest, until the rest has at most `most` bytes. Whoever runs removed code keeps it.
    pub(super) fn prune(&self, most: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Gone in between: another process prunes as well.
            let Ok(metadata) = entry.metadata() else { continue };
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if total <= most {
                break;
            }
            _ = fs::remove_file(path);
            total -= bytes;
        }
        Ok(())
    }
}

/// The user whose files this process makes.
fn own_user(folder: &Path) -> io::Result<u32> {
    let probe = folder.join(format!("owner.{}.{:?}", std::process::id(), std::thread::current().id()));
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&probe)?;
    let user = file.metadata().map(|m| m.uid());
    fs::remove_file(&probe)?;
    user
}

#[allow(clippy::disallowed_methods, reason = "an age of files, which processing never sees")]
fn now() -> SystemTime {
    SystemTime::now()
}
