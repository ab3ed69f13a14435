//! Runs conformance vectors: what Kafka Streams gave for a sequence of inputs, against what comes out here.
//!
//!     conformance DIR..
//!
//! README.md beside this crate tells the format. Each vector becomes a topology of real components on the engine, with the simulated log
//! and the virtual clock. What cannot be run yet is skipped, by name. Never looks into a vector's expectations to decide how to run it.

mod apps;
mod compare;
mod params;
mod plan;
mod run;
mod topology;
mod vector;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use apps::Apps;
use params::Skip;
use vector::Vector;

/// How the vectors of a run ended.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    /// By reason.
    skipped: BTreeMap<String, usize>,
}

fn main() -> ExitCode {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match vectors(&folders).and_then(|files| Ok((files, Apps::new()?))) {
        Ok((files, mut apps)) => {
            let tally = run_all(&files, &mut apps);
            ExitCode::from(u8::from(tally.failed > 0))
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

/// The files of all folders, in the order of their names.
fn vectors(folders: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    if folders.is_empty() {
        return Err("no folder of vectors is named. hint: conformance tests/conformance".to_owned());
    }
    let mut files = Vec::new();
    for folder in folders {
        collect(folder, &mut files).map_err(|e| format!("'{}' cannot be read: {e}", folder.display()))?;
    }
    if files.is_empty() { Err("there is no vector. hint: vectors end in .json".to_owned()) } else { Ok(files) }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        std::fs::metadata(path)?;
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, files)?;
        } else if entry.extension().is_some_and(|e| e == "json") {
            files.push(entry);
        }
    }
    Ok(())
}

fn run_all(files: &[PathBuf], apps: &mut Apps) -> Tally {
    let mut tally = Tally::default();
    for path in files {
        match one(path, apps) {
            Ok(Ok(())) => tally.passed += 1,
            Ok(Err(skip)) => *tally.skipped.entry(skip.to_string()).or_default() += 1,
            Err(why) => {
                tally.failed += 1;
                println!("FAILED  {}", path.display());
                why.lines().for_each(|line| println!("        {line}"));
            }
        }
    }
    for (reason, vectors) in &tally.skipped {
        println!("skipped {vectors:>3}  {reason}");
    }
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped.values().sum::<usize>());
    tally
}

/// Runs one vector: it passed, was skipped, or why it failed.
fn one(path: &Path, apps: &mut Apps) -> Result<Result<(), Skip>, String> {
    let vector = Vector::read(path)?;
    match plan::plan(&vector) {
        Ok(topology) => run::run(&vector, &topology, apps).map(Ok),
        Err(skip) => Ok(Err(skip)),
    }
}
