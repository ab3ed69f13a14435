//! Why a component was not built, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Why a component was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither compiler for WebAssembly is there.
    #[error(
        "there is no Rust compiler for WebAssembly here\n\
         hint: with rustup: rustup target add wasm32-unknown-unknown\n\
         hint: on Debian: apt-get install rustc-web rust-web-src lld{missing}",
        missing = missing_note(.missing)
    )]
    NoCompiler {
        /// The files that were looked for and not found.
        missing: Vec<PathBuf>,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// `cargo metadata` failed: no manifest, or a broken one.
    #[error("cannot read the package in {dir}: {reason}", dir = .dir.display())]
    Metadata {
        /// The folder.
        dir: PathBuf,
        /// What cargo said.
        reason: String,
    },
    /// The workspace has no package of this name.
    #[error("there is no package `{name}` in {dir}\nhint: the packages there are {known}", dir = .dir.display(), known = .known.join(", "))]
    NoSuchPackage {
        /// The name asked for.
        name: String,
        /// The folder.
        dir: PathBuf,
        /// The packages that are there.
        known: Vec<String>,
    },
    /// Nothing in the folder can become a component.
    #[error("nothing in {dir} is a `cdylib`\nhint: put `crate-type = [\"cdylib\"]` under `[lib]` in Cargo.toml", dir = .dir.display())]
    NothingToBuild {
        /// The folder.
        dir: PathBuf,
    },
    /// The package is not compiled to a module of its own.
    #[error("package `{package}` is no `cdylib`\nhint: put `crate-type = [\"cdylib\"]` under `[lib]` in {manifest}", manifest = .manifest.display())]
    NotCdylib {
        /// The package.
        package: String,
        /// Its manifest.
        manifest: PathBuf,
    },
    /// The compiler or cargo refused; they have said why on stderr.
    #[error("building {packages} failed ({status})", packages = .packages.join(", "))]
    Cargo {
        /// The packages that were asked for.
        packages: Vec<String>,
        /// How cargo ended.
        status: ExitStatus,
    },
    /// Cargo ended well but made no module for the package.
    #[error("cargo made no WebAssembly module for package `{package}`")]
    NoModule {
        /// The package.
        package: String,
    },
    /// The module does not make a component.
    #[error(
        "package `{package}` does not make a component: {reason}\nhint: does it call `cofferdam_guest::export!(..)`, or generate bindings for a world?"
    )]
    Encode {
        /// The package.
        package: String,
        /// What the encoder said.
        reason: String,
    },
    /// A file or folder could not be read or written.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl BuildError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

fn missing_note(missing: &[PathBuf]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    let list: Vec<String> = missing.iter().map(|path| path.display().to_string()).collect();
    format!(" (not found: {})", list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_compiler_the_message_names_the_packages() {
        let error = BuildError::NoCompiler { missing: vec!["/usr/bin/wasm-ld".into()] };
        assert_eq!(
            error.to_string(),
            "there is no Rust compiler for WebAssembly here\n\
             hint: with rustup: rustup target add wasm32-unknown-unknown\n\
             hint: on Debian: apt-get install rustc-web rust-web-src lld (not found: /usr/bin/wasm-ld)"
        );
    }
}
