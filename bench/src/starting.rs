//! How soon a host with ten components is at work, where their code was compiled before: from the start of the engine.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cofferdam::broker::Broker;
use cofferdam::clock::{Clock, SystemClock};
use cofferdam::deploy::{Application, Overrides, bind, open_log};
use cofferdam::manifest::Manifest;
use cofferdam::sandbox::{CompiledCode, Engine};

use crate::app::{problems, settings, until_idle};

pub const COMPONENTS: u8 = 10;
pub const RUNS: usize = 5;

/// Since the start.
#[derive(Clone, Copy)]
pub struct Ready {
    /// All components can be instantiated.
    pub loaded: Duration,
    /// All nodes have passed their `init`, and the task has told that nothing is left to do.
    pub at_work: Duration,
}

/// The median of some starts, after one that compiles.
pub fn measure() -> Result<Ready> {
    let folder = tempfile::tempdir()?;
    write_app(folder.path())?;
    start(folder.path())?;
    let mut runs = (0..RUNS).map(|_| start(folder.path())).collect::<Result<Vec<_>>>()?;
    runs.sort_by_key(|run| run.at_work);
    Ok(runs[RUNS / 2])
}

/// A chain of components, each with a digest, and so with compiled code, of its own.
fn write_app(folder: &Path) -> Result<()> {
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/bench_filter_map.wasm");
    let component = fs::read(&component).with_context(|| component.display().to_string())?;
    let mut manifest = "[app]\nid = \"ten\"\n[sources.in]\ntopic = \"in\"\n".to_owned();
    let mut above = "in".to_owned();
    for number in 0..COMPONENTS {
        let node = format!("n{number}");
        // A custom section of this name, with nothing in it.
        let section = [0, 2, 1, b'0' + number];
        fs::write(folder.join(format!("{node}.wasm")), [&component[..], &section].concat())?;
        writeln!(manifest, "[processors.{node}]\ncomponent = \"{node}.wasm\"\nfrom = [\"{above}\"]")?;
        above = node;
    }
    writeln!(manifest, "[sinks.out]\ntopic = \"out\"\nfrom = [\"{above}\"]")?;
    Ok(fs::write(folder.join("app.toml"), manifest)?)
}

fn start(folder: &Path) -> Result<Ready> {
    let state_dir = folder.join("state");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let open = open_log(&state_dir, clock.clone()).map_err(|p| problems(vec![p]))?;
    let broker: Arc<dyn Broker> = Arc::new(open.log.clone());
    let began = Instant::now();
    let engine = Engine::new(Some(CompiledCode::open(&folder.join("compiled"))?)).map_err(|p| problems(vec![p]))?;
    let manifest = Manifest::load(&folder.join("app.toml")).map_err(problems)?;
    let overrides = Overrides { threads: Some(1), state_dir: Some(state_dir.clone()), ..Overrides::default() };
    let app = Application::of(&engine, manifest, &overrides).map_err(problems)?;
    let loaded = began.elapsed();
    let plan = bind(&app, broker, clock, &settings(state_dir.join("tasks"))).map_err(problems)?;
    let host = until_idle(plan, Duration::from_millis(1))?;
    let at_work = began.elapsed();
    host.stop(false);
    Ok(Ready { loaded, at_work })
}
