//! The components that come with the command: embedded where they were built before it, else beside it.

use std::path::Path;

use bytes::Bytes;

use super::{beside, read};
use crate::error::Diagnostic;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/stock.rs"));
}

/// The bytes of a stock component.
pub(super) fn find(name: &str) -> Result<Bytes, Diagnostic> {
    let executable = std::env::current_exe().ok();
    find_in(embedded::EMBEDDED, executable.as_deref(), name)
}

/// As `find`, with everything that it depends on.
pub(super) fn find_in(embedded: &[(&str, &'static [u8])], executable: Option<&Path>, name: &str) -> Result<Bytes, Diagnostic> {
    if let Some((_, bytes)) = embedded.iter().find(|(known, _)| *known == name) {
        return Ok(Bytes::from_static(bytes));
    }
    match executable.and_then(|executable| beside(executable, name)) {
        Some(path) if path.is_file() => read(&path),
        path => {
            let message = format!("the stock component '{name}' was not built into this command");
            let error = Diagnostic::usage("C003", message).hint("run `make plugins` and build the command again");
            Err(match path {
                Some(path) => error.because(format_args!("nor does it lie beside the command, at {}", path.display())),
                None => error,
            })
        }
    }
}
