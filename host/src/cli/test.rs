//! `test`: step files, each on a bench of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::clock::VirtualClock;
use crate::deploy::{self, Application, Overrides};
use crate::error::Diagnostic;
use crate::steps::{self, StepFile};

use super::args;
use super::logging::Console;
use super::report::say;

/// Runs step files; ends with `N passed, N failed`.
pub fn test(args: &args::Test) -> Result<ExitCode, Vec<Diagnostic>> {
    let _console = Console::start_quiet();
    let mut files = Vec::new();
    for path in &args.paths {
        collect(path, &mut files)
            .map_err(|e| vec![Diagnostic::usage("R040", format!("'{}' cannot be read", path.display())).because(e)])?;
    }
    if files.is_empty() {
        return Err(vec![
            Diagnostic::usage("R041", "there is no step file").hint("step files end in .json; see `cofferdam new` for an example"),
        ]);
    }
    let mut apps = Apps::default();
    let mut failed = 0;
    for path in &files {
        match one_file(path, &mut apps) {
            Ok(()) => say(&format!("ok      {}", path.display())),
            Err(why) => {
                failed += 1;
                say(&format!("FAILED  {}", path.display()));
                why.lines().for_each(|line| say(&format!("        {line}")));
            }
        }
    }
    say(&format!("{} passed, {failed} failed", files.len() - failed));
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// Step files below a path, in the order of their names. Other JSON files of a folder are passed over.
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

/// Apps by manifest: many files test one, and its components are compiled once.
#[derive(Default)]
struct Apps(BTreeMap<PathBuf, Result<Application, String>>);

impl Apps {
    fn get(&mut self, manifest: &Path) -> Result<&Application, String> {
        let loaded = self.0.entry(manifest.to_owned()).or_insert_with(|| {
            let problems = |p: Vec<Diagnostic>| p.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            Application::load(manifest, &Overrides::default()).map_err(problems)
        });
        loaded.as_ref().map_err(Clone::clone)
    }
}

fn one_file(path: &Path, apps: &mut Apps) -> Result<(), String> {
    let file = StepFile::read(path).map_err(|e| e.to_string())?;
    let app = apps.get(&file.manifest)?;
    let bench = deploy::bench(app, file.partitions, None, VirtualClock::default());
    let mut bench = bench.map_err(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    match steps::run(&file, &mut bench)? {
        None => Ok(()),
        Some(difference) => Err(difference.to_string()),
    }
}
