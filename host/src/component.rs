//! The bytes of components: from files, or from those that come with the command.
//!
//! Bytes only: it never compiles or runs one, and knows nothing of wasmtime. The command loads a manifest's components before it starts
//! anything; `sandbox` makes something of the bytes.

mod stock;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::error::Diagnostic;
use crate::limits;
use crate::manifest::{ComponentRef, Manifest};

/// Of a digest's.
const DIGITS_SHOWN: usize = 12;

/// A component that has been found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// As messages call it: the path as written, or `stock:NAME`.
    pub name: String,
    /// `sha256:` and 64 hex digits. Two components with the same digest are one.
    pub digest: String,
    /// Its bytes; nobody has looked whether they make sense.
    pub bytes: Bytes,
}

impl Component {
    /// These bytes. `name`: what messages call them.
    pub fn new(name: &str, bytes: Bytes) -> Self {
        Self { name: name.to_owned(), digest: digest(&bytes), bytes }
    }
}

/// Finds the component of every processor and table of a manifest, by the node's name. Each file is read once.
pub fn load(manifest: &Manifest) -> Result<BTreeMap<String, Component>, Vec<Diagnostic>> {
    load_from(manifest, |reference| resolve(manifest.folder(), reference))
}

/// As `load`, where components come from elsewhere than files.
pub fn load_from(
    manifest: &Manifest,
    resolve: impl Fn(&ComponentRef) -> Result<Component, Diagnostic>,
) -> Result<BTreeMap<String, Component>, Vec<Diagnostic>> {
    let mut found: BTreeMap<String, Component> = BTreeMap::new();
    let mut by_ref: BTreeMap<String, Result<Component, Diagnostic>> = BTreeMap::new();
    let mut errors = Vec::new();
    for processor in &manifest.processors {
        let reference = &processor.component;
        let read = by_ref.entry(reference.to_string()).or_insert_with(|| resolve(reference));
        let checked = read.clone().and_then(|component| match &processor.digest {
            Some(wanted) => check_digest(component, wanted).map_err(|e| e.at(Some(wanted.place.clone()))),
            None => Ok(component),
        });
        match checked {
            Ok(component) => _ = found.insert(processor.name.to_string(), component),
            Err(error) if error.place.is_some() => errors.push(error),
            Err(error) => errors.push(error.at(Some(reference.place.clone()))),
        }
    }
    for table in &manifest.tables {
        let reference = ComponentRef::Stock("table".to_owned());
        let read = by_ref.entry(reference.to_string()).or_insert_with(|| resolve(&reference));
        match read.clone() {
            Ok(component) => _ = found.insert(table.name.to_string(), component),
            Err(error) => errors.push(error.at(Some(table.name.place.clone()))),
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

/// Finds one component. `folder`: the manifest's.
pub fn resolve(folder: &Path, reference: &ComponentRef) -> Result<Component, Diagnostic> {
    let bytes = match reference {
        ComponentRef::Stock(name) => stock::find(name)?,
        ComponentRef::Path(path) => read(&folder.join(path))?,
    };
    Ok(Component::new(&reference.to_string(), bytes))
}

/// The component in a file. `name`: what messages call it.
pub fn in_file(path: &Path, name: &str) -> Result<Component, Diagnostic> {
    read(path).map(|bytes| Component::new(name, bytes))
}

/// The digest of some bytes, as the manifest writes it.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a String cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// A digest as a person is shown it: its first digits.
pub fn short(digest: &str) -> &str {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    digits.get(..DIGITS_SHOWN).unwrap_or(digits)
}

fn check_digest(component: Component, wanted: &str) -> Result<Component, Diagnostic> {
    if component.digest == wanted {
        return Ok(component);
    }
    let message = format!("the component {} is not the one that 'digest' names", component.name);
    Err(Diagnostic::usage("C002", message)
        .because(format_args!("it is {}", component.digest))
        .hint("if it was changed on purpose, write its new digest into the manifest"))
}

fn read(path: &Path) -> Result<Bytes, Diagnostic> {
    let shown = path.display();
    let refused = |why: &dyn std::fmt::Display| Diagnostic::usage("C001", format!("the component {shown} cannot be read")).because(why);
    let metadata = std::fs::metadata(path).map_err(|e| {
        let hint = match e.kind() {
            std::io::ErrorKind::NotFound => "build it (`cofferdam build`); the path is relative to the manifest's folder",
            _ => "the path is relative to the manifest's folder",
        };
        refused(&e).hint(hint)
    })?;
    if !metadata.is_file() {
        return Err(refused(&"it is no file").hint("name the .wasm file itself"));
    }
    if metadata.len() > limits::COMPONENT_BYTES {
        return Err(refused(&format_args!("it has {} bytes; at most {} are allowed", metadata.len(), limits::COMPONENT_BYTES)));
    }
    Ok(std::fs::read(path).map_err(|e| refused(&e))?.into())
}

/// Where a stock component may lie beside the command.
fn beside(executable: &Path, name: &str) -> Option<PathBuf> {
    Some(executable.parent()?.join("plugins").join(name).with_extension("wasm"))
}
