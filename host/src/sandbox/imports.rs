//! What a component asks of its host, and what it is given.

use wasmtime::component::types::ComponentItem;

use super::wasi;
use crate::error::Diagnostic;

/// The package of the contract.
pub(super) const CONTRACT: &str = "cofferdam:processor/";
/// Version of the contract that this host gives.
pub(super) const CONTRACT_VERSION: &str = "0.1.0";
/// Versions with this beginning are compatible.
const CONTRACT_LINE: &str = "0.1.";
/// The WASI versions that this host answers.
const WASI_LINE: &str = "0.2.";

/// What an imported interface is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// The contract's own: the host behind it.
    Contract,
    /// Something virtual: the task's clock, seeded random bits, an end of the call in place of one of the process.
    Virtual,
    /// The host's log.
    Log,
    /// Emptiness: no environment, no arguments, no folders, nothing to read.
    Empty,
    /// Nothing: a call of it traps.
    Denied,
}

/// As `check` prints it.
impl std::fmt::Display for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Contract => "given, the contract",
            Self::Virtual => "given, virtual",
            Self::Log => "given, the host's log",
            Self::Empty => "given, empty",
            Self::Denied => "denied: a call of it traps",
        })
    }
}

/// An interface that a component imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its full name, version included.
    pub name: String,
    /// What stands behind it.
    pub given: Given,
}

/// Name and version of an import or export.
pub(super) fn split_version(name: &str) -> (&str, &str) {
    name.split_once('@').unwrap_or((name, ""))
}

/// True for a version of the contract that fits this host's.
pub(super) fn fits_contract(version: &str) -> bool {
    version.starts_with(CONTRACT_LINE)
}

/// The error about a component made for another version of the contract.
pub(super) fn other_contract(component: &str, version: &str) -> Diagnostic {
    Diagnostic::usage("C106", format!("component '{component}' was made for version {version} of the contract"))
        .because(format!("this host speaks {CONTRACT_VERSION}"))
        .hint("build it again with the SDK of this host (`cofferdam --version` tells which)")
}

/// Every interface that the component imports, checked: an import that nobody gives is an error here, not a surprise later.
pub(super) fn list(
    component: &str,
    engine: &wasmtime::Engine,
    compiled: &wasmtime::component::Component,
) -> Result<Vec<Import>, Diagnostic> {
    let mut imports = Vec::new();
    let mut foreign = Vec::new();
    for (name, item) in compiled.component_type().imports(engine) {
        let (interface, version) = split_version(name);
        let is_interface = matches!(item.ty, ComponentItem::ComponentInstance(_));
        if is_interface && interface.starts_with(CONTRACT) {
            if !fits_contract(version) {
                return Err(other_contract(component, version));
            }
            imports.push(Import { name: name.to_owned(), given: Given::Contract });
        } else if is_interface && interface.starts_with("wasi:") && version.starts_with(WASI_LINE) {
            imports.push(Import { name: name.to_owned(), given: wasi::given(interface) });
        } else {
            foreign.push(format!("'{name}'"));
        }
    }
    if foreign.is_empty() {
        return Ok(imports);
    }
    Err(Diagnostic::usage("C105", format!("component '{component}' imports {}, which this host does not give", foreign.join(", ")))
        .hint(format!("a processor may import {CONTRACT}* and WASI {WASI_LINE}x")))
}
