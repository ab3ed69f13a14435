//! The part of a manifest that is an app's; the rest is its hosts'.

use toml_edit::DocumentMut;

use crate::error::Diagnostic;

/// Sections in which each host says where it is and how it runs.
const OF_THE_HOST: [&str; 3] = ["broker", "runtime", "admin"];

/// A manifest without them, and otherwise as it was written, placeholders and comments included.
pub fn published(text: &str) -> Result<String, Diagnostic> {
    let mut document: DocumentMut =
        text.parse().map_err(|e: toml_edit::TomlError| Diagnostic::usage("M001", "the manifest is not TOML").because(e.message()))?;
    for section in OF_THE_HOST {
        document.remove(section);
    }
    Ok(document.to_string())
}
