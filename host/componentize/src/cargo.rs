//! The two calls of cargo: what packages there are, and the build of some of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::error::BuildError;
use crate::route::Route;

/// Given on the command line, so that a guest comes out the same whatever its manifest says. `strip` leaves the name section: a trap
/// then shows the guest's own functions.
const PROFILE: [&str; 6] = [
    "profile.release.opt-level=3",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.panic='abort'",
    "profile.release.debug=false",
    "profile.release.strip='debuginfo'",
];

/// Settings of the caller's build that would break or slow down the guest's.
const FOREIGN: [&str; 6] =
    ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_LINKER"];

/// What `cargo metadata` says, as far as it matters here.
pub(crate) struct Workspace {
    pub(crate) target_directory: PathBuf,
    packages: Vec<Package>,
}

#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) id: String,
    manifest: PathBuf,
    cdylib: bool,
}

/// A core module made by cargo.
pub(crate) struct Module {
    pub(crate) package: String,
    pub(crate) path: PathBuf,
}

fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn cargo_command(dir: &Path) -> Command {
    let mut command = Command::new(cargo_program());
    command.current_dir(dir);
    command
}

fn cannot_run(source: std::io::Error) -> BuildError {
    BuildError::Spawn { program: cargo_program().to_string_lossy().into_owned(), source }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl Workspace {
    pub(crate) fn read(dir: &Path) -> Result<Self, BuildError> {
        let failed = |reason: String| BuildError::Metadata { dir: dir.to_owned(), reason };
        let output = cargo_command(dir).args(["metadata", "--no-deps", "--format-version", "1"]).output().map_err(cannot_run)?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
        let packages = items(&metadata["packages"])
            .map(|package| Package {
                name: text(&package["name"]),
                id: text(&package["id"]),
                manifest: text(&package["manifest_path"]).into(),
                cdylib: items(&package["targets"]).any(is_cdylib),
            })
            .collect();
        Ok(Self { target_directory: text(&metadata["target_directory"]).into(), packages })
    }

    /// The packages named, or those that `dir` stands for.
    pub(crate) fn select(&self, dir: &Path, names: &[String]) -> Result<Vec<Package>, BuildError> {
        if names.is_empty() {
            return self.default_packages(dir);
        }
        names
            .iter()
            .map(|name| {
                let package = self.packages.iter().find(|package| package.name == *name).ok_or_else(|| BuildError::NoSuchPackage {
                    name: name.clone(),
                    dir: dir.to_owned(),
                    known: self.names(),
                })?;
                package.clone().require_cdylib()
            })
            .collect()
    }

    fn default_packages(&self, dir: &Path) -> Result<Vec<Package>, BuildError> {
        let manifest = dir.join("Cargo.toml").canonicalize().map_err(BuildError::io(dir))?;
        if let Some(own) = self.packages.iter().find(|package| package.manifest == manifest) {
            return Ok(vec![own.clone().require_cdylib()?]);
        }
        let all: Vec<Package> = self.packages.iter().filter(|package| package.cdylib).cloned().collect();
        if all.is_empty() { Err(BuildError::NothingToBuild { dir: dir.to_owned() }) } else { Ok(all) }
    }

    fn names(&self) -> Vec<String> {
        self.packages.iter().map(|package| package.name.clone()).collect()
    }
}

impl Package {
    fn require_cdylib(self) -> Result<Self, BuildError> {
        if self.cdylib { Ok(self) } else { Err(BuildError::NotCdylib { package: self.name, manifest: self.manifest }) }
    }
}

fn is_cdylib(target: &Value) -> bool {
    items(&target["kind"]).any(|kind| kind == "cdylib")
}

/// Builds all packages in one call, so that the standard library is built once. Cargo's diagnostics go to stderr as they come.
pub(crate) fn build(route: &Route, dir: &Path, target_dir: &Path, packages: &[Package]) -> Result<Vec<Module>, BuildError> {
    let mut command = cargo_command(dir);
    command.args(["build", "--release", "--lib", "--message-format=json-render-diagnostics"]);
    command.arg("--target-dir").arg(target_dir);
    for package in packages {
        command.args(["-p", &package.name]);
    }
    for setting in PROFILE {
        command.args(["--config", setting]);
    }
    for variable in FOREIGN {
        command.env_remove(variable);
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", rustflags());
    route.apply(&mut command);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(cannot_run)?;
    if !output.status.success() {
        let packages = packages.iter().map(|package| package.name.clone()).collect();
        return Err(BuildError::Cargo { packages, status: output.status });
    }
    let messages: Vec<Value> = output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    packages
        .iter()
        .map(|package| {
            let path = messages.iter().find_map(|message| module_of(message, &package.id));
            let path = path.ok_or_else(|| BuildError::NoModule { package: package.name.clone() })?;
            Ok(Module { package: package.name.clone(), path })
        })
        .collect()
}

/// The guest's own flags. Always set: those of a config file (`target-cpu=native`) are meant for the machine. Dependencies' paths, which
/// panics tell, begin with `cargo` on every machine.
fn rustflags() -> OsString {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let Some(cargo_home) = cargo_home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))) else {
        return OsString::new();
    };
    let mut flags = OsString::from("--remap-path-prefix=");
    flags.push(cargo_home);
    flags.push("=cargo");
    flags
}

/// The module's file, when the message tells of this package's.
fn module_of(message: &Value, package_id: &str) -> Option<PathBuf> {
    let ours = message["reason"] == "compiler-artifact" && message["package_id"] == package_id && is_cdylib(&message["target"]);
    items(&message["filenames"])
        .filter(|_| ours)
        .map(|name| PathBuf::from(text(name)))
        .find(|path| path.extension().is_some_and(|extension| extension == "wasm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, cdylib: bool) -> Package {
        Package { name: name.into(), id: name.into(), manifest: format!("/{name}/Cargo.toml").into(), cdylib }
    }

    #[test]
    fn only_named_cdylibs_are_selected() {
        let workspace =
            Workspace { target_directory: "/t".into(), packages: vec![package("a", true), package("b", false), package("c", true)] };
        let select = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            workspace.select(Path::new("/w"), &names).map(|found| found.iter().map(|package| package.name.clone()).collect::<Vec<_>>())
        };
        assert_eq!(select(&["c", "a"]).unwrap(), ["c", "a"]);
        assert!(select(&["b"]).unwrap_err().to_string().contains("cdylib"));
        assert_eq!(select(&["d"]).unwrap_err().to_string(), "there is no package `d` in /w\nhint: the packages there are a, b, c");
    }

    #[test]
    fn the_module_is_told_by_the_artifact_message() {
        let message = serde_json::json!({
            "reason": "compiler-artifact", "package_id": "p", "target": {"kind": ["cdylib"]}, "filenames": ["/x/p.rlib", "/x/p.wasm"],
        });
        assert_eq!(module_of(&message, "p"), Some("/x/p.wasm".into()));
        assert_eq!(module_of(&message, "q"), None);
    }
}
