//! Looks whether the stock components have been built, and says which of them to embed. It builds nothing itself.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The components that come with the command.
const STOCK: &[&str] = &["table"];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let host = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let plugins = host.join("../plugins");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut table = String::from("pub(super) const EMBEDDED: &[(&str, &[u8])] = &[\n");
    for name in STOCK {
        let built = plugins.join("dist").join(name).with_extension("wasm");
        if built.is_file() {
            println!("cargo:rerun-if-changed={}", built.display());
            // A copy: the text below then names a file that is there for as long as the text is.
            let copy = out.join(name).with_extension("wasm");
            fs::copy(&built, &copy)?;
            table.push_str(&format!("    ({name:?}, include_bytes!({:?})),\n", copy.display().to_string()));
        } else {
            watch(&plugins);
        }
    }
    table.push_str("];\n");
    fs::write(out.join("stock.rs"), table)
}

/// A file that is not there cannot be watched without building anew each time; its folders can.
fn watch(plugins: &Path) {
    for folder in [plugins.join("dist"), plugins.to_path_buf()] {
        if folder.is_dir() {
            println!("cargo:rerun-if-changed={}", folder.display());
            return;
        }
    }
}
