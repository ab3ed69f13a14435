//! Which compiler makes WebAssembly on this machine: the active toolchain's own target, or Debian's compiler with the standard
//! library built from source.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::BuildError;

/// The one target that components are made of.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LINKER: &str = "/usr/bin/wasm-ld";

/// A way to compile for `wasm32-unknown-unknown`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The active toolchain has the target: plain `cargo build --target`.
    Installed,
    /// Debian's `rustc-web`, with `std` built from `rust-web-src` and linked by `lld`.
    Debian {
        /// The compiler.
        rustc: PathBuf,
        /// The linker.
        linker: PathBuf,
    },
}

impl Route {
    /// Looks for a way to compile, as seen from `dir` (a `rust-toolchain.toml` there counts).
    ///
    /// # Errors
    /// [`BuildError::NoCompiler`] when there is none; it says what to install.
    pub fn find(dir: &Path) -> Result<Self, BuildError> {
        if target_installed(dir) {
            return Ok(Self::Installed);
        }
        let mut missing: Vec<PathBuf> =
            [DEBIAN_RUSTC, DEBIAN_LINKER].into_iter().map(PathBuf::from).filter(|file| !file.exists()).collect();
        if missing.is_empty() {
            match standard_library_source() {
                Ok(()) => return Ok(Self::Debian { rustc: DEBIAN_RUSTC.into(), linker: DEBIAN_LINKER.into() }),
                Err(source) => missing.push(source),
            }
        }
        Err(BuildError::NoCompiler { missing })
    }

    /// Adds what this route needs to a call of cargo.
    pub(crate) fn apply(&self, cargo: &mut Command) {
        cargo.args(["--target", TARGET]);
        if let Self::Debian { rustc, linker } = self {
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", rustc)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
    }
}

/// Does the active toolchain have the target's standard library?
fn target_installed(dir: &Path) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let Ok(output) = Command::new(rustc).current_dir(dir).args(["--print", "target-libdir", "--target", TARGET]).output() else {
        return false;
    };
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let Ok(mut entries) = std::fs::read_dir(folder) else { return false };
    output.status.success() && entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
}

/// The source of the standard library beside Debian's compiler; where it should be when it is not there.
fn standard_library_source() -> Result<(), PathBuf> {
    let sysroot = Command::new(DEBIAN_RUSTC)
        .args(["--print", "sysroot"])
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_else(|_| "/usr".to_owned());
    let library = Path::new(&sysroot).join("lib/rustlib/src/rust/library/Cargo.toml");
    if library.exists() { Ok(()) } else { Err(library) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_builds_its_own_standard_library() {
        let mut cargo = Command::new("cargo");
        Route::Debian { rustc: "/r".into(), linker: "/l".into() }.apply(&mut cargo);
        let args: Vec<_> = cargo.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert_eq!(args, ["--target", "wasm32-unknown-unknown", "-Zbuild-std=std,panic_abort"]);
        let mut installed = Command::new("cargo");
        Route::Installed.apply(&mut installed);
        assert_eq!(installed.get_args().count(), 2);
        assert_eq!(installed.get_envs().count(), 0);
    }
}
