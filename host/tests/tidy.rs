//! Holds the rooms of `host/src` to the arrows of ARCHITECTURE.md: each may use those to its right, never those to its left; and each big
//! dependency is named in one place only. Holds every file of the repository to its length.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms from the left (may use everything behind it) to the right (may use nothing before it). Rooms of one group do not know each other.
const GROUPS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["admin"],
    &["deploy"],
    &["steps"],
    &["runtime"],
    &["task", "broker/kafka", "broker/embedded", "broker/sim"],
    &["sandbox"],
    &["node"],
    &["store"],
    &["broker", "disk"],
    &["component"],
    &["topology"],
    &["manifest"],
    // Leaves: they may use each other.
    &["record", "jsonl", "clock", "error", "limits"],
];

/// Rooms of the last group, which may use each other.
const LEAVES: usize = GROUPS.len() - 1;

/// Crates that may be named in these rooms only.
const DEPENDENCIES: &[(&str, &[&str])] = &[
    ("wasmtime", &["sandbox"]),
    ("rocksdb", &["disk"]),
    ("rdkafka_sys", &["broker/kafka"]),
    ("tokio", &["admin", "deploy"]),
    ("axum", &["admin"]),
    ("tokio_rustls", &["admin"]),
    ("hyper", &["admin"]),
    ("hyper_util", &["admin"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("toml_edit", &["manifest"]),
    ("notify", &["cli"]),
    ("mimalloc", &["main"]),
    ("ed25519_dalek", &["deploy"]),
];

/// Longest file, in lines.
const LONGEST_FILE: usize = 500;

/// Folders of the repository that hold sources.
const SOURCES: &[&str] = &["bench", "examples", "fuzz", "guest-sdk", "host", "plugins", "tests"];
/// Folders that hold what was built or fetched.
const NOT_SOURCES: &[&str] = &["target", "node_modules", "vendor"];

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The files of a folder that end so, those of its folders included.
fn files_of(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !NOT_SOURCES.iter().any(|name| path.ends_with(name)) {
                files_of(&path, end, found);
            }
        } else if path.extension().is_some_and(|e| e == end) {
            found.push(path);
        }
    }
}

/// The room that a file belongs to, from its path below `src`.
fn room_of(path: &str) -> String {
    let path = path.trim_end_matches(".rs");
    for deep in ["broker/kafka", "broker/embedded", "broker/sim"] {
        if path == deep || path.starts_with(&format!("{deep}/")) {
            return deep.to_owned();
        }
    }
    path.split('/').next().unwrap().to_owned()
}

fn group_of(room: &str) -> Option<usize> {
    GROUPS.iter().position(|group| group.contains(&room))
}

/// The rooms that a line names, by `crate::` or, inside `broker`, by `super::`.
fn rooms_named(room: &str, line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let mut segments =
            code[at + "crate::".len()..].split("::").map(|s| s.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap());
        let first = segments.next().unwrap_or_default();
        let second = segments.next().unwrap_or_default();
        named.push(room_of(&format!("{first}/{second}")));
    }
    if room == "broker" {
        for adapter in ["embedded", "sim"] {
            if code.contains(&format!("super::{adapter}")) {
                named.push(format!("broker/{adapter}"));
            }
        }
    }
    named
}

fn complaint(room: &str, line: &str) -> Option<String> {
    if line.trim_start().starts_with("//") {
        return None;
    }
    if line.contains("use crate::{") {
        return Some("names several rooms in one `use`: write one for each".into());
    }
    let mine = group_of(room)?;
    for named in rooms_named(room, line) {
        let Some(theirs) = group_of(&named) else { continue };
        let same_group = mine == theirs && mine != LEAVES && named != room;
        if theirs < mine || same_group {
            return Some(format!("'{room}' must not use '{named}'"));
        }
    }
    for (dependency, rooms) in DEPENDENCIES {
        let spelled = [format!("use {dependency}::"), format!(" {dependency}::"), format!("({dependency}::"), format!("<{dependency}::")];
        if !rooms.contains(&room) && spelled.iter().any(|s| line.contains(s.as_str()) || line.starts_with(s.trim_start())) {
            return Some(format!("'{room}' must not name '{dependency}'; it belongs to {rooms:?}"));
        }
    }
    None
}

#[test]
fn arrows_between_rooms_go_one_way() {
    let root = source_root();
    let mut files = Vec::new();
    files_of(&root, "rs", &mut files);
    let mut complaints = Vec::new();
    for file in &files {
        let path = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let room = room_of(&path);
        if room == "lib" {
            continue;
        }
        if group_of(&room).is_none() {
            complaints.push(format!("{path}: room '{room}' is not in the picture; add it to GROUPS and to ARCHITECTURE.md"));
        }
        for (number, line) in fs::read_to_string(file).unwrap().lines().enumerate() {
            complaints.extend(complaint(&room, line).map(|what| format!("{path}:{}: {what}", number + 1)));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn files_are_short_and_named_after_what_they_hold() {
    let root = repository();
    let mut files = Vec::new();
    SOURCES.iter().for_each(|folder| files_of(&root.join(folder), "rs", &mut files));
    assert!(files.iter().any(|file| file.ends_with("host/tests/tidy.rs")));
    let mut complaints = Vec::new();
    for file in &files {
        let path = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let lines = fs::read_to_string(file).unwrap().lines().count();
        if lines > LONGEST_FILE {
            complaints.push(format!("{path}: {lines} lines: which two stories does it tell?"));
        }
        let stem = file.file_stem().unwrap().to_string_lossy();
        if ["mod", "utils", "util", "common", "helpers"].contains(&&*stem) {
            complaints.push(format!("{path}: the name does not say what it holds"));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn components_that_manifests_name_are_built() {
    // By a script of its own.
    const IN_JAVASCRIPT: &str = "js-word-count";
    let script = fs::read_to_string(repository().join("scripts/components.sh")).unwrap();
    let built: Vec<&str> = script.split_whitespace().filter_map(|word| Some(word.trim_end_matches(')').split_once(':')?.1)).collect();
    let mut manifests = Vec::new();
    ["bench", "examples", "tests"].iter().for_each(|folder| files_of(&repository().join(folder), "toml", &mut manifests));
    let mut named = 0;
    for manifest in manifests {
        let text = fs::read_to_string(&manifest).unwrap();
        let components = text.lines().filter_map(|line| line.strip_prefix("component = \"")?.strip_suffix(".wasm\""));
        for component in components {
            let package = component.rsplit('/').next().unwrap().replace('_', "-");
            assert!(built.contains(&&*package) || package == IN_JAVASCRIPT, "{}: nobody builds {component}.wasm", manifest.display());
            named += 1;
        }
    }
    assert!(named > 20, "only {named} components are named");
}

#[test]
fn turned_arrow_is_found() {
    for (room, line) in [
        ("task", "use crate::runtime::Host;"),
        ("store", "    let x = crate::node::Lent::None;"),
        ("task", "use crate::broker::sim::SimBroker;"),
        ("broker", "use super::embedded::Log;"),
        ("record", "use crate::topology::Topology;"),
        ("task", "use wasmtime::Engine;"),
        ("runtime", "fn f(x: tokio::Runtime) {}"),
        ("cli", "use crate::{record, store};"),
    ] {
        assert!(complaint(room, line).is_some(), "{room}: {line}");
    }
    for (room, line) in [
        ("runtime", "use crate::task::Task;"),
        ("jsonl", "use crate::record::Record;"),
        ("broker/sim", "use crate::broker::Broker;"),
        ("task", "// use crate::runtime::Host;"),
        ("sandbox", "use wasmtime::Engine;"),
    ] {
        assert_eq!(complaint(room, line), None, "{room}: {line}");
    }
}
