//! Topologies made ready: checked and compiled once for all the vectors that run on one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cofferdam::clock::VirtualClock;
use cofferdam::deploy::{self, Application, Overrides};
use cofferdam::error::Diagnostic;
use cofferdam::manifest::Manifest;
use cofferdam::record::Timestamp;
use cofferdam::sandbox::Engine;
use cofferdam::steps::Bench;

use crate::topology::{Guest, Topology};

/// Applications, by their manifest.
pub struct Apps {
    engine: Engine,
    /// Where the manifests would lie, if they were files.
    folder: PathBuf,
    loaded: BTreeMap<String, Application>,
}

impl Apps {
    /// One engine for all. Fails where the components of `tests/guests` are missing.
    pub fn new() -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        for guest in Guest::ALL {
            let path = folder.join(guest.path());
            if !path.is_file() {
                return Err(format!("the component {} is not built. hint: make guests", path.display()));
            }
        }
        Ok(Self { engine: deploy::engine().map_err(|e| e.to_string())?, folder, loaded: BTreeMap::new() })
    }

    /// A bench for one vector. `tasks_folder`: of its state; `None`: all of it in memory.
    pub fn bench(&mut self, topology: &Topology, tasks_folder: Option<PathBuf>) -> Result<Bench, String> {
        let clock = VirtualClock::at(Timestamp(topology.starts_at));
        deploy::bench(self.application(topology.manifest())?, 1, tasks_folder, clock).map_err(|problems| told(&problems))
    }

    fn application(&mut self, manifest: &str) -> Result<&Application, String> {
        if !self.loaded.contains_key(manifest) {
            let parsed = Manifest::parse(self.folder.join("app.toml"), manifest);
            let app = parsed.and_then(|parsed| Application::of(&self.engine, parsed, &Overrides::default()));
            let app = app.map_err(|problems| format!("{}\nthe manifest:\n{manifest}", told(&problems)))?;
            self.loaded.insert(manifest.to_owned(), app);
        }
        self.loaded.get(manifest).ok_or_else(|| "the app is not there".to_owned())
    }
}

fn told(problems: &[Diagnostic]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
