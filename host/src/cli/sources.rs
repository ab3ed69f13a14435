//! Which files of a project are sources, and when one of them changes. What a build itself writes is none.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::error::Diagnostic;

/// Folders that hold no sources, besides hidden ones.
const NO_SOURCES: [&str; 3] = ["target", "components", "node_modules"];
/// Files that builds write beside the sources.
const WRITTEN_BY_BUILDS: [&str; 2] = ["Cargo.lock", "package-lock.json"];
/// Files beside the sources' folders that are sources; all others there are data or results.
const TOP_LEVEL: [&str; 5] = ["rs", "toml", "js", "mjs", "ts"];
/// An editor's several writes end within it.
const QUIET: Duration = Duration::from_millis(100);

/// The sources below a folder.
pub struct Sources {
    dir: PathBuf,
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    /// Sources that have changed.
    events: Receiver<notify::Result<PathBuf>>,
}

impl Sources {
    /// Begins to watch.
    pub fn watch(dir: &Path) -> Result<Self, Diagnostic> {
        let refused = |why: &dyn std::fmt::Display| Diagnostic::run("R053", format!("{} cannot be watched", dir.display())).because(why);
        let dir = dir.canonicalize().map_err(|e| refused(&e))?;
        let (tell, events) = channel();
        let root = dir.clone();
        // What is read, or written by a run beside the sources, puts no build off.
        let hear = move |event: notify::Result<Event>| {
            let source = event.map(|event| source_of(&root, &event)).transpose();
            // Nobody hears it any more when the watch ends.
            source.into_iter().for_each(|source| _ = tell.send(source));
        };
        let mut watcher = notify::recommended_watcher(hear).map_err(|e| refused(&e))?;
        watcher.watch(&dir, RecursiveMode::NonRecursive).map_err(|e| refused(&e))?;
        let mut sources = Self { dir, watcher, watched: BTreeSet::new(), events };
        sources.watch_folders()?;
        Ok(sources)
    }

    /// Waits for a change and for the quiet after it; what changed, from the folder on.
    pub fn changed(&mut self) -> Result<PathBuf, Diagnostic> {
        let ended =
            |why: &dyn std::fmt::Display| Diagnostic::run("R053", format!("{} is not watched any more", self.dir.display())).because(why);
        let changed = self.events.recv().map_err(|e| ended(&e))?.map_err(|e| ended(&e))?;
        while self.events.recv_timeout(QUIET).is_ok() {}
        self.watch_folders()?;
        Ok(changed)
    }

    /// Folders of sources, those that are new included. Others are not watched at all: a build's folder has thousands below it.
    fn watch_folders(&mut self) -> Result<(), Diagnostic> {
        let refused =
            |dir: &Path, why: &dyn std::fmt::Display| Diagnostic::run("R053", format!("{} cannot be watched", dir.display())).because(why);
        for entry in std::fs::read_dir(&self.dir).map_err(|e| refused(&self.dir, &e))?.flatten() {
            let path = entry.path();
            if path.is_dir() && holds_sources(Path::new(&entry.file_name())) && self.watched.insert(path.clone()) {
                self.watcher.watch(&path, RecursiveMode::Recursive).map_err(|e| refused(&path, &e))?;
            }
        }
        Ok(())
    }
}

/// The source that an event tells of.
fn source_of(dir: &Path, event: &Event) -> Option<PathBuf> {
    let changes = match event.kind {
        EventKind::Create(_) | EventKind::Remove(_) => true,
        EventKind::Modify(kind) => !matches!(kind, ModifyKind::Metadata(_)),
        EventKind::Any | EventKind::Access(_) | EventKind::Other => false,
    };
    let paths = event.paths.iter().filter_map(|path| path.strip_prefix(dir).ok());
    // A name without a dot is a folder's, or of what a run writes.
    let is_result = |path: &Path| path.parent() == Some(Path::new("")) && path.extension().is_none() && dir.join(path).is_file();
    paths.filter(|path| changes && is_source(path) && !is_result(path)).map(Path::to_path_buf).next()
}

fn is_source(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|n| n.to_str()) else { return false };
    let top_level = path.components().count() == 1;
    let extension = path.extension().and_then(|e| e.to_str());
    // A name without a dot may be a folder.
    let kind = !top_level || name == "package.json" || extension.is_none_or(|e| TOP_LEVEL.contains(&e));
    kind && holds_sources(path) && !WRITTEN_BY_BUILDS.contains(&name)
}

fn holds_sources(path: &Path) -> bool {
    path.components().all(|part| match part {
        Component::Normal(name) => name.to_str().is_some_and(|name| !name.starts_with('.') && !NO_SOURCES.contains(&name)),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_or_a_run_writes_is_no_source() {
        for source in ["src/lib.rs", "Cargo.toml", "package.json", "src/words.js", "wit/world.wit", "processors/a/src/lib.rs", "src"] {
            assert!(is_source(Path::new(source)), "{source}");
        }
        for other in [
            "target/x.rs",
            "Cargo.lock",
            "package-lock.json",
            "counts.jsonl",
            ".git/index",
            "components/a.wasm",
            "src/.lib.rs.swp",
            "a/target/b.rs",
        ] {
            assert!(!is_source(Path::new(other)), "{other}");
        }
    }

    #[test]
    fn a_change_of_a_source_is_heard_also_in_a_new_folder() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("src")).unwrap();
        std::fs::create_dir(dir.path().join("target")).unwrap();
        let mut sources = Sources::watch(dir.path()).unwrap();
        std::fs::write(dir.path().join("target/x.rs"), "").unwrap();
        std::fs::write(dir.path().join("log"), "a run's").unwrap();
        std::fs::write(dir.path().join("src/lib.rs"), "one").unwrap();
        assert_eq!(sources.changed().unwrap(), Path::new("src/lib.rs"));
        std::fs::create_dir(dir.path().join("more")).unwrap();
        assert_eq!(sources.changed().unwrap(), Path::new("more"));
        std::fs::write(dir.path().join("more/words.js"), "two").unwrap();
        assert_eq!(sources.changed().unwrap(), Path::new("more/words.js"));
    }
}
