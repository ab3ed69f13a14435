//! Looks whether the stock components have been built, and says which of them to embed; lists the files that `cofferdam new` unpacks. It builds
//! nothing itself.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The components that come with the command.
const STOCK: &[&str] = &["table"];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let host = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    stock(&host.join("../plugins"), &out)?;
    carried(&host, &out)
}

/// The table of stock components that are embedded.
fn stock(plugins: &Path, out: &Path) -> io::Result<()> {
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
            watch(plugins);
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

/// The files of new projects: templates, the SDK's sources, the contract.
fn carried(host: &Path, out: &Path) -> io::Result<()> {
    let sdk = host.join("../guest-sdk");
    let wit = host.join("../wit");
    const VENDORED: &str = "vendor/cofferdam-guest";
    let tables: [(&str, &[(PathBuf, &str)]); 4] = [
        ("RUST", &[(host.join("templates/rust"), "")]),
        ("JS", &[(host.join("templates/js"), "")]),
        (
            "SDK",
            &[
                (host.join("../LICENSE"), &format!("{VENDORED}/LICENSE")),
                (sdk.join("Cargo.toml"), &format!("{VENDORED}/Cargo.toml")),
                (sdk.join("src"), &format!("{VENDORED}/src")),
                (sdk.join("macros"), &format!("{VENDORED}/macros")),
                // A link in the repository.
                (wit.clone(), &format!("{VENDORED}/wit")),
            ],
        ),
        ("WIT", &[(wit, "wit")]),
    ];
    let mut text = String::new();
    for (name, parts) in tables {
        text.push_str(&format!("pub(super) const {name}: &[(&str, &str)] = &[\n"));
        for (from, to) in parts {
            let mut files = Vec::new();
            collect(from, Path::new(to), &mut files)?;
            files.sort();
            for (to, from) in files {
                text.push_str(&format!("    ({to:?}, include_str!({from:?})),\n"));
            }
        }
        text.push_str("];\n");
    }
    fs::write(out.join("carried.rs"), text)
}

/// The files below a path: where they go, where they lie.
fn collect(from: &Path, to: &Path, files: &mut Vec<(String, String)>) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", from.display());
    if !from.is_dir() {
        files.push((to.display().to_string(), from.display().to_string()));
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        // What builds leave behind.
        if !["target", "node_modules", "Cargo.lock"].iter().any(|left| name == *left) {
            collect(&entry.path(), &to.join(&name), files)?;
        }
    }
    Ok(())
}
