//! `build`: a project's components, once or whenever a source changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::SystemTime;

use componentize::{BuildError, BuildRequest};

use crate::error::Diagnostic;

use super::args;
use super::report::{self, say};
use super::sources::Sources;

/// Builds; with `--watch` again and again, until the command is ended.
pub fn build(args: &args::Build) -> Result<ExitCode, Vec<Diagnostic>> {
    let project = Project::find(args).map_err(|e| vec![e])?;
    if !args.watch {
        project.build(&say).map_err(|e| vec![e])?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut sources = Sources::watch(&args.dir).map_err(|e| vec![e])?;
    loop {
        if let Err(problem) = project.build(&say) {
            report::print(&[problem]);
        }
        eprintln!("waiting for changes; Ctrl-C ends");
        let changed = sources.changed().map_err(|e| vec![e])?;
        eprintln!("{} changed", changed.display());
    }
}

/// Builds the components of a folder whenever a source there changes, for as long as the process lives; nothing where there is nothing to
/// build. What was built is a line of the log.
pub fn follow_sources(dir: &Path) -> Result<(), Diagnostic> {
    let args = args::Build { dir: dir.to_owned(), packages: Vec::new(), out: None, watch: true };
    let Ok(project) = Project::find(&args) else { return Ok(()) };
    let mut sources = Sources::watch(dir)?;
    let follow = move || {
        loop {
            match sources.changed() {
                Ok(changed) => tracing::info!("{} changed; building", changed.display()),
                Err(gone) => return tracing::error!("{}", report::line(&gone)),
            }
            if let Err(problem) = project.build(&|line| tracing::info!("{line}")) {
                tracing::error!("{}", report::line(&problem));
            }
        }
    };
    let refused = |why| Diagnostic::run("R053", "sources cannot be watched").because(why);
    std::thread::Builder::new().name("sources".into()).spawn(follow).map_err(refused).map(drop)
}

/// What a folder asks for.
struct Project {
    dir: PathBuf,
    rust: Option<BuildRequest>,
    npm: bool,
}

impl Project {
    fn find(args: &args::Build) -> Result<Self, Diagnostic> {
        let dir = &args.dir;
        let out = args.out.clone().unwrap_or_else(|| below(dir, "components"));
        let request = BuildRequest { manifest_dir: dir.clone(), packages: args.packages.clone(), out_dir: out, target_dir: None };
        let rust = dir.join("Cargo.toml").is_file().then_some(request);
        let npm = has_build_script(&dir.join("package.json"))?;
        if rust.is_none() && !npm {
            return Err(nothing_to_build(dir));
        }
        if rust.is_none() && (args.out.is_some() || !args.packages.is_empty()) {
            return Err(Diagnostic::usage("R054", "`-p` and `--out` are for packages of Rust")
                .hint("the script 'build' of package.json says what is built, and where it goes"));
        }
        Ok(Self { dir: dir.clone(), rust, npm })
    }

    fn build(&self, tell: &dyn Fn(&str)) -> Result<(), Diagnostic> {
        if let Some(request) = &self.rust {
            for built in componentize::build(request).map_err(|e| not_built(&e))? {
                let note = if built.changed { "" } else { ", unchanged" };
                tell(&format!("{} ({}{note})", built.path.display(), size(built.bytes)));
            }
        }
        if self.npm {
            self.build_with_npm(tell)?;
        }
        Ok(())
    }

    fn build_with_npm(&self, tell: &dyn Fn(&str)) -> Result<(), Diagnostic> {
        let installed = modified(&self.dir.join("node_modules/.package-lock.json"));
        if installed.is_none() || installed < modified(&self.dir.join("package.json")) {
            self.npm(&["install", "--no-audit", "--no-fund", "--loglevel=error"])?;
        }
        let components = below(&self.dir, "components");
        let before = written(&components);
        self.npm(&["run", "--silent", "build"])?;
        for (path, (time, bytes)) in written(&components) {
            if before.get(&path).is_none_or(|old| *old != (time, bytes)) {
                tell(&format!("{} ({})", path.display(), size(bytes)));
            }
        }
        Ok(())
    }

    fn npm(&self, args: &[&str]) -> Result<(), Diagnostic> {
        let called = format!("`npm {}`", args.join(" "));
        // What it has to say is no answer of this command.
        let status = Command::new("npm").args(args).current_dir(&self.dir).stdin(Stdio::null()).stdout(std::io::stderr()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Diagnostic::run("R052", format!("{called} failed ({status})"))),
            Err(why) => Err(Diagnostic::run("R052", format!("{called} cannot be run")).because(why).hint("install Node.js and npm")),
        }
    }
}

/// A path in a folder, as a person writes it.
fn below(dir: &Path, name: &str) -> PathBuf {
    if dir == Path::new(".") { name.into() } else { dir.join(name) }
}

fn has_build_script(package: &Path) -> Result<bool, Diagnostic> {
    let refused = |why: &dyn std::fmt::Display| Diagnostic::usage("R052", format!("{} cannot be read", package.display())).because(why);
    if !package.is_file() {
        return Ok(false);
    }
    let text = std::fs::read_to_string(package).map_err(|e| refused(&e))?;
    let package: serde_json::Value = serde_json::from_str(&text).map_err(|e| refused(&e))?;
    Ok(package.pointer("/scripts/build").is_some())
}

fn nothing_to_build(dir: &Path) -> Diagnostic {
    let shown = if dir == Path::new(".") { "this folder".to_owned() } else { dir.display().to_string() };
    Diagnostic::usage("R051", format!("there is nothing to build in {shown}"))
        .because("it has neither a Cargo.toml nor a package.json with a script 'build'")
        .hint("name the folder of a processor; `cofferdam new` makes one")
}

/// The builder tells its hints on lines of their own.
fn not_built(error: &BuildError) -> Diagnostic {
    let text = error.to_string();
    let (what, hint) = text.split_once("\nhint: ").map_or((&*text, None), |(what, hint)| (what, Some(hint)));
    let usage = matches!(error, BuildError::NoSuchPackage { .. } | BuildError::NothingToBuild { .. } | BuildError::NotCdylib { .. });
    let problem = if usage { Diagnostic::usage("R050", what) } else { Diagnostic::run("R050", what) };
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// Components in a folder: when each was written, and how large it is.
fn written(folder: &Path) -> BTreeMap<PathBuf, (Option<SystemTime>, u64)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let components = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "wasm"));
    components.map(|path| (path.clone(), (modified(&path), std::fs::metadata(&path).map_or(0, |m| m.len())))).collect()
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|m| m.modified()).ok()
}

fn size(bytes: u64) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes.div_ceil(1 << 10)) } else { format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)) }
}
