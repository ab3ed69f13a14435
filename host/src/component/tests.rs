use std::fs;

use super::stock::find_in;
use super::*;

fn manifest(folder: &Path, processors: &str) -> Manifest {
    Manifest::parse(folder.join("app.toml"), &format!("[app]\nid = \"a\"\n{processors}")).unwrap()
}

fn shown(folder: &Path, errors: &[Diagnostic]) -> String {
    let text: String = errors.iter().map(|e| format!("{e}\n")).collect();
    text.replace(&folder.display().to_string(), "FOLDER")
}

#[test]
fn path_is_relative_to_the_manifest_and_digest_must_fit() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.wasm"), b"abc").unwrap();
    let right = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let good = manifest(
        folder.path(),
        &format!("[processors.x]\ncomponent = \"a.wasm\"\n[processors.y]\ncomponent = \"a.wasm\"\ndigest = \"{right}\""),
    );
    let found = load(&good).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!((found["y"].digest.as_str(), &found["y"].bytes[..]), (right, &b"abc"[..]));
    let wrong = right.replace('b', "c");
    let bad = manifest(folder.path(), &format!("[processors.x]\ncomponent = \"a.wasm\"\ndigest = \"{wrong}\""));
    insta::assert_snapshot!(shown(folder.path(), &load(&bad).unwrap_err()), @r#"
    error[C002]: the component a.wasm is not the one that 'digest' names
      --> FOLDER/app.toml:5:10
    Caused by: it is sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
    hint: if it was changed on purpose, write its new digest into the manifest
    "#);
}

#[test]
fn every_component_that_is_missing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let bad = manifest(folder.path(), "[processors.x]\ncomponent = \"no.wasm\"\n[processors.y]\ncomponent = \".\"");
    insta::assert_snapshot!(shown(folder.path(), &load(&bad).unwrap_err()), @r"
    error[C001]: the component FOLDER/no.wasm cannot be read
      --> FOLDER/app.toml:4:13
    Caused by: No such file or directory (os error 2)
    hint: build it (`cofferdam build`); the path is relative to the manifest's folder
    error[C001]: the component FOLDER/. cannot be read
      --> FOLDER/app.toml:6:13
    Caused by: it is no file
    hint: name the .wasm file itself
    ");
}

#[test]
fn stock_component_is_embedded_or_lies_beside_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let executable = folder.path().join("cofferdam");
    assert_eq!(find_in(&[("table", b"in")], Some(&executable), "table").unwrap(), &b"in"[..]);
    insta::assert_snapshot!(shown(folder.path(), &[find_in(&[], Some(&executable), "table").unwrap_err()]), @r"
    error[C003]: the stock component 'table' was not built into this command
    Caused by: nor does it lie beside the command, at FOLDER/plugins/table.wasm
    hint: run `make plugins` and build the command again
    ");
    fs::create_dir(folder.path().join("plugins")).unwrap();
    fs::write(folder.path().join("plugins/table.wasm"), b"beside").unwrap();
    assert_eq!(find_in(&[], Some(&executable), "table").unwrap(), &b"beside"[..]);
}
