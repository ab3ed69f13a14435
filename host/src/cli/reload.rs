//! `run --watch`: a component whose file changes takes the place of the one at work; where the manifest lies in a project, its components are
//! built again whenever a source changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use crate::component;
use crate::deploy::Offer;
use crate::error::Diagnostic;
use crate::manifest::{ComponentRef, Manifest};

use super::handle::Handle;
use super::{build, report};

/// A file's several writes end within it.
const QUIET: Duration = Duration::from_millis(100);

/// The components of an app, by their files.
struct Files {
    /// Processors of each file, and what the manifest calls it.
    processors: BTreeMap<PathBuf, (String, Vec<String>)>,
    changed: Receiver<PathBuf>,
    /// Tells as long as it is there.
    _watcher: RecommendedWatcher,
}

/// Begins to watch, for as long as the process lives.
pub fn watch(manifest: &Manifest, host: &Handle) -> Result<(), Diagnostic> {
    let files = Files::watch(manifest)?;
    let host = host.clone();
    let refused = |why| Diagnostic::run("R053", "components cannot be watched").because(why);
    std::thread::Builder::new().name("components".into()).spawn(move || files.follow(&host)).map_err(refused)?;
    let folder = manifest.folder();
    build::follow_sources(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

impl Files {
    fn watch(manifest: &Manifest) -> Result<Self, Diagnostic> {
        let refused = |what: &Path, why: &dyn std::fmt::Display| {
            Diagnostic::run("R053", format!("{} cannot be watched", what.display())).because(why)
        };
        let mut processors: BTreeMap<PathBuf, (String, Vec<String>)> = BTreeMap::new();
        for processor in &manifest.processors {
            let ComponentRef::Path(path) = &processor.component.value else { continue };
            let file = manifest.folder().join(path);
            let file = file.canonicalize().map_err(|e| refused(&file, &e))?;
            processors.entry(file).or_insert_with(|| (processor.component.to_string(), Vec::new())).1.push(processor.name.to_string());
        }
        let (tell, changed) = channel();
        let files: BTreeSet<PathBuf> = processors.keys().cloned().collect();
        let mut watcher =
            notify::recommended_watcher(move |event| changes(event, &files, &tell)).map_err(|e| refused(manifest.folder(), &e))?;
        // The folder, because a build may put another file into the place of the one that is there.
        for folder in processors.keys().filter_map(|file| file.parent()).collect::<BTreeSet<_>>() {
            watcher.watch(folder, RecursiveMode::NonRecursive).map_err(|e| refused(folder, &e))?;
        }
        Ok(Self { processors, changed, _watcher: watcher })
    }

    fn follow(&self, host: &Handle) {
        while let Ok(file) = self.changed.recv() {
            let mut changed = BTreeSet::from([file]);
            while let Ok(file) = self.changed.recv_timeout(QUIET) {
                changed.insert(file);
            }
            for file in changed {
                self.offer(&file, host);
            }
        }
    }

    fn offer(&self, file: &Path, host: &Handle) {
        let Some((name, processors)) = self.processors.get(file) else { return };
        // Removed: the new one is yet to come.
        if !file.exists() {
            return;
        }
        for processor in processors {
            let swapped = component::in_file(file, name)
                .and_then(|component| host.take(&Offer { processor, component: &component, max_slowdown: None }));
            if let Err(why) = swapped {
                tracing::error!(%processor, "the component at work stays: {}", report::line(&why));
            }
        }
    }
}

/// Tells of the components that an event has changed. Whoever only reads keeps nobody waiting.
fn changes(event: notify::Result<Event>, files: &BTreeSet<PathBuf>, tell: &Sender<PathBuf>) {
    match event {
        Ok(event) if event.kind.is_access() => {}
        Ok(event) => {
            // Nobody hears it any more when the host ends.
            event.paths.into_iter().filter(|path| files.contains(path)).for_each(|path| _ = tell.send(path));
        }
        Err(why) => tracing::warn!("components are not watched as they should be: {why}"),
    }
}
