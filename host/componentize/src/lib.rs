//! Turns Rust packages into WebAssembly components: one `cargo build` for `wasm32-unknown-unknown`, then the component encoder.
//!
//! It never runs a component, never knows the contract (a package's bindings carry it), and never depends on the profile that the
//! package's manifest sets. Used by `cofferdam build` and, through the command `componentize`, before the host is built.

mod cargo;
mod error;
mod route;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::BuildError;
pub use route::Route;

/// What to build.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// Folder with the `Cargo.toml` of a package or a workspace.
    pub manifest_dir: PathBuf,
    /// Names of packages of that workspace. None: the package in `manifest_dir`, or, in a workspace without one, every member that is
    /// a `cdylib`.
    pub packages: Vec<String>,
    /// Where the components go, as `<package name with '-' as '_'>.wasm`. Made when it is not there.
    pub out_dir: PathBuf,
    /// Cargo's target folder; none: `guests` in the workspace's own, so that host and guest builds never wait for each other's lock.
    pub target_dir: Option<PathBuf>,
}

/// A component that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// Name of the package.
    pub package: String,
    /// The component's file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// False when the file was there already with the same content; it was then not written.
    pub changed: bool,
}

/// Builds the packages in one run of cargo and writes a component for each.
///
/// What cargo has to say goes to stderr while it runs. A file is replaced in one step, so a reader sees the old component or the new
/// one, never a part.
///
/// # Errors
/// No way to compile for WebAssembly on this machine, a package that is not there or is no `cdylib`, a failing build, bindings that
/// the encoder refuses, a folder that cannot be written.
pub fn build(request: &BuildRequest) -> Result<Vec<Built>, BuildError> {
    let route = Route::find(&request.manifest_dir)?;
    let workspace = cargo::Workspace::read(&request.manifest_dir)?;
    let packages = workspace.select(&request.manifest_dir, &request.packages)?;
    let target_dir = match &request.target_dir {
        // Cargo runs in `manifest_dir`; a relative folder is meant from here.
        Some(dir) => std::path::absolute(dir).map_err(BuildError::io(dir))?,
        None => workspace.target_directory.join("guests"),
    };
    let modules = cargo::build(&route, &request.manifest_dir, &target_dir, &packages)?;
    fs::create_dir_all(&request.out_dir).map_err(BuildError::io(&request.out_dir))?;
    modules
        .iter()
        .map(|module| {
            let bytes = fs::read(&module.path).map_err(BuildError::io(&module.path))?;
            let component = encode(&module.package, &bytes)?;
            let path = request.out_dir.join(component_file_name(&module.package));
            let changed = write_if_changed(&path, &component)?;
            Ok(Built { package: module.package.clone(), path, bytes: component.len() as u64, changed })
        })
        .collect()
}

/// The name of a package's component: `by-origin` gives `by_origin.wasm`.
pub fn component_file_name(package: &str) -> String {
    format!("{}.wasm", package.replace('-', "_"))
}

/// Makes a component of a core module whose custom sections tell its world, and validates it.
fn encode(package: &str, module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let refused = |error| BuildError::Encode { package: package.to_owned(), reason: format!("{error:#}") };
    wit_component::ComponentEncoder::default().validate(true).module(module).map_err(refused)?.encode().map_err(refused)
}

fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool, BuildError> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    fs::write(&partial, bytes).map_err(BuildError::io(&partial))?;
    fs::rename(&partial, path).map_err(BuildError::io(path))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_component_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        assert!(write_if_changed(&path, b"one").unwrap());
        assert!(!write_if_changed(&path, b"one").unwrap());
        assert!(write_if_changed(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing partial stays");
    }

    #[test]
    fn a_module_that_tells_no_world_is_refused_by_name() {
        let error = encode("mine", b"not wasm").unwrap_err().to_string();
        assert!(error.contains("`mine`"), "{error}");
    }

    #[test]
    fn dashes_become_underscores() {
        assert_eq!(component_file_name("by-origin"), "by_origin.wasm");
    }
}
