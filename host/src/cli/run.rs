//! `run`: the app, from its inputs to its outputs, until it is idle, told to stop, or broken.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::admin::{ControlServer, Desk, HostControl};
use crate::broker::Broker;
use crate::clock::{Clock, SystemClock};
use crate::deploy::{self, Application, BindSettings, Maintenance, Overrides};
use crate::error::Diagnostic;
use crate::runtime::{Condition, Host, HostExit, HostSettings, TaskStatus};

use super::args;
use super::input::{self, Input, InputFrom, Loaded};
use super::logging::Console;
use super::output::Output;
use super::signals::{Ear, Told};

/// How often the command looks after outputs, idleness and signals.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Runs an app.
pub fn run(args: &args::Run) -> Result<ExitCode, Vec<Diagnostic>> {
    let console = Console::start(args.log);
    let ear = Ear::open().map_err(|e| vec![Diagnostic::run("R005", "signals cannot be heard").because(e)])?;
    let overrides = Overrides { threads: args.threads, state_dir: args.state_dir.clone() };
    let app = Application::load(&args.manifest, &overrides)?;
    app.topology.warnings.iter().for_each(|w| tracing::warn!("{w}"));
    let inputs = inputs(&app, &args.input)?;
    let sinks = outputs(&app, &args.output)?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let open = deploy::open_log(&app.state_dir, clock.clone()).map_err(one)?;
    let broker: Arc<dyn Broker> = Arc::new(open.log.clone());
    let settings = BindSettings {
        tasks_folder: Some(open.folder.path().join("tasks")),
        commit_floor: crate::limits::COMMIT_FLOOR,
        partitions: None,
        seed: seed(&*clock),
    };
    let plan = deploy::bind(&app, broker.clone(), clock.clone(), &settings)?;
    let _maintenance = Maintenance::start(open.log.clone(), clock.clone())
        .map_err(|e| one(Diagnostic::run("R001", "the maintenance thread cannot be started").because(e)))?;

    load_files(&console, &*broker, &*clock, &inputs, args.again).map_err(one)?;
    let outputs = create_outputs(&*broker, sinks).map_err(one)?;
    let topics = (0..plan.topology.sub_topologies.len()).flat_map(|sub| plan.source_topics(sub)).collect();
    let host = Arc::new(Mutex::new(Host::start(plan, HostSettings { threads: app.manifest.runtime.threads }).map_err(one)?));
    let desk = Desk {
        app: app.topology.app.clone(),
        broker: broker.clone(),
        clock: clock.clone(),
        topics,
        host: Some(Arc::new(Handle(host.clone()))),
    };
    let control = control_socket(open.folder.path(), desk);
    tracing::info!(app = %app.topology.app, threads = app.manifest.runtime.threads, state = %open.folder.path().display(), "running");
    let stdin = pump_stdin(broker, clock, &inputs);
    let mut watch = Watch { host: host.clone(), ear, outputs, stdin, until_idle: args.until_idle, bar: spinner(&console) };
    let ended = watch.watch();
    watch.bar.finish_and_clear();
    // No request may come in between any more.
    drop(control);
    let stopped = stop(host, matches!(ended, Ok(Some(Told::Leave))));
    let written = watch.outputs.iter_mut().try_for_each(|o| o.pump().map(|_| ()));
    ended.map_err(one)?;
    stopped.map_err(one)?;
    written.map_err(one)?;
    Ok(ExitCode::SUCCESS)
}

fn one(problem: Diagnostic) -> Vec<Diagnostic> {
    vec![problem]
}

/// A seed for the guests' random bits: another one at each start.
fn seed(clock: &dyn Clock) -> u64 {
    clock.now().0.unsigned_abs() ^ (u64::from(std::process::id()) << 40)
}

/// The host, as the desk sees it.
struct Handle(Arc<Mutex<Host>>);

impl HostControl for Handle {
    fn status(&self) -> Vec<TaskStatus> {
        lock(&self.0).status()
    }

    fn resume(&self, task: Option<&str>) {
        lock(&self.0).resume(task);
    }
}

fn lock(host: &Mutex<Host>) -> std::sync::MutexGuard<'_, Host> {
    host.lock().unwrap_or_else(PoisonError::into_inner)
}

fn inputs(app: &Application, given: &[(String, PathBuf)]) -> Result<Vec<Input>, Vec<Diagnostic>> {
    let mut inputs = Vec::new();
    for (name, path) in given {
        let Some((topic, table)) = app.input_topic(name) else {
            let hint = crate::error::suggest(name, "source or table", app.input_names());
            return Err(one(Diagnostic::usage("R013", format!("--input {name}={}: there is no source or table '{name}'", path.display())).hint(hint)));
        };
        let from = if path.as_os_str() == "-" { InputFrom::Stdin } else { InputFrom::File(path.clone()) };
        inputs.push(Input { source: name.clone(), topic, table, from });
    }
    if inputs.iter().filter(|i| i.from == InputFrom::Stdin).count() > 1 {
        return Err(one(Diagnostic::usage("R014", "standard input can be given to one --input only")));
    }
    // What a stream is joined with should be there before the stream.
    inputs.sort_by_key(|i| !i.table);
    Ok(inputs)
}

fn outputs(app: &Application, given: &[(String, PathBuf)]) -> Result<Vec<(Arc<str>, PathBuf)>, Vec<Diagnostic>> {
    let mut outputs = Vec::new();
    for (name, path) in given {
        let Some(topic) = app.output_topic(name) else {
            let hint = crate::error::suggest(name, "sink", app.output_names());
            return Err(one(Diagnostic::usage("R022", format!("--output {name}={}: there is no sink '{name}'", path.display())).hint(hint)));
        };
        outputs.push((topic, path.clone()));
    }
    Ok(outputs)
}

fn create_outputs(broker: &dyn Broker, sinks: Vec<(Arc<str>, PathBuf)>) -> Result<Vec<Output>, Diagnostic> {
    let mut outputs = Vec::new();
    for (topic, path) in sinks {
        let found = broker.topics(std::slice::from_ref(&topic)).map_err(|e| Diagnostic::run("B002", "the log failed").because(e))?;
        let partitions = found.into_iter().next().flatten().map_or(0, |info| info.spec.partitions);
        outputs.push(Output::create(broker, &topic, partitions, path)?);
    }
    Ok(outputs)
}

fn load_files(console: &Console, broker: &dyn Broker, clock: &dyn Clock, inputs: &[Input], again: bool) -> Result<(), Diagnostic> {
    for input in inputs {
        let InputFrom::File(path) = &input.from else { continue };
        let size = std::fs::metadata(path).map_or(0, |m| m.len());
        let bar = console.bars.add(ProgressBar::new(size).with_style(bar_style()).with_message(format!("producing {}", input.source)));
        let loaded = input::load_file(broker, clock, input, path, again, &mut |bytes| bar.set_position(bytes))?;
        bar.finish_and_clear();
        tell_loaded(input, path, loaded);
    }
    Ok(())
}

fn tell_loaded(input: &Input, path: &Path, loaded: Loaded) {
    let (file, topic) = (path.display(), &input.topic);
    match loaded {
        Loaded { produced: 0, skipped } if skipped > 0 => {
            tracing::info!(%file, %topic, "all {skipped} records were produced before; --again produces them again");
        }
        Loaded { produced, skipped: 0 } => tracing::info!(%file, %topic, "{produced} records produced"),
        Loaded { produced, skipped } => tracing::info!(%file, %topic, "{produced} records produced, {skipped} were there already"),
    }
}

fn pump_stdin(broker: Arc<dyn Broker>, clock: Arc<dyn Clock>, inputs: &[Input]) -> Option<JoinHandle<Result<Loaded, Diagnostic>>> {
    let input = inputs.iter().find(|i| i.from == InputFrom::Stdin)?.clone();
    let pump = move || input::pump_stdin(&*broker, &*clock, &input);
    std::thread::Builder::new().name("stdin".into()).spawn(pump).ok()
}

/// Commands reach the host through it; without it the app runs all the same.
fn control_socket(folder: &Path, desk: Desk) -> Option<ControlServer> {
    match ControlServer::start(&folder.join("control.sock"), Arc::new(desk)) {
        Ok(server) => Some(server),
        Err(why) => {
            tracing::warn!("{why}");
            None
        }
    }
}

fn stop(host: Arc<Mutex<Host>>, leave: bool) -> Result<(), Diagnostic> {
    let exit = match Arc::try_unwrap(host) {
        Ok(host) => host.into_inner().unwrap_or_else(PoisonError::into_inner).stop(leave),
        // The desk is gone with its server; only a request that hangs could hold the host still.
        Err(shared) => lock(&shared).stop_in_place(leave),
    };
    match exit {
        HostExit::Stopped => Ok(()),
        HostExit::Failed(failure) => Err(failure),
    }
}

/// The command's own loop while the host works.
struct Watch {
    host: Arc<Mutex<Host>>,
    ear: Ear,
    outputs: Vec<Output>,
    stdin: Option<JoinHandle<Result<Loaded, Diagnostic>>>,
    until_idle: bool,
    bar: ProgressBar,
}

impl Watch {
    /// Until a signal, the end of the work (`None`), or a failure.
    fn watch(&mut self) -> Result<Option<Told>, Diagnostic> {
        loop {
            if let Some(told) = self.ear.wait(LOOK_INTERVAL) {
                tracing::info!("stopping");
                return Ok(Some(told));
            }
            for output in &mut self.outputs {
                output.pump()?;
            }
            if self.stdin.as_ref().is_some_and(JoinHandle::is_finished)
                && let Some(pump) = self.stdin.take()
            {
                let loaded = pump.join().unwrap_or_else(|_| Err(Diagnostic::run("R011", "standard input could not be produced")))?;
                tracing::info!("standard input has ended after {} records", loaded.produced);
            }
            let mut host = lock(&self.host);
            if let Some(exit) = host.ended() {
                return Err(match exit {
                    HostExit::Failed(failure) => failure,
                    HostExit::Stopped => Diagnostic::run("R002", "a stream thread ended though nobody told it to"),
                });
            }
            let status = host.status();
            tell(&self.bar, &status);
            if host.all_parked() {
                return Err(parked(&status));
            }
            let waits = self.stdin.is_some() || !self.until_idle;
            if !waits && host.idle().map_err(|e| Diagnostic::run("B002", "the log failed").because(e))? {
                return match status.iter().any(is_parked) {
                    true => Err(parked(&host.status())),
                    false => Ok(None),
                };
            }
        }
    }
}

fn is_parked(task: &TaskStatus) -> bool {
    matches!(task.condition, Condition::Parked { .. })
}

fn parked(status: &[TaskStatus]) -> Diagnostic {
    let all: Vec<&TaskStatus> = status.iter().filter(|t| is_parked(t)).collect();
    let what = if all.len() == status.len() { "every task is parked".to_owned() } else { format!("{} of {} tasks are parked", all.len(), status.len()) };
    let mut problem = Diagnostic::run("R006", what);
    for task in all {
        if let Condition::Parked { why } = &task.condition {
            problem = problem.because(format_args!("task {}: {why}", task.id.name));
        }
    }
    problem.hint("nothing is lost: mend the component or the data's cause and run the same command again; or set `on-error` of the node to skip or dead-letter")
}

fn tell(bar: &ProgressBar, status: &[TaskStatus]) {
    let processed: u64 = status.iter().map(|t| t.counters.processed).sum();
    let lag: u64 = status.iter().map(|t| t.lag).sum();
    bar.set_message(format!("{processed} records processed, {lag} to go"));
    bar.tick();
}

fn spinner(console: &Console) -> ProgressBar {
    console.bars.add(ProgressBar::new_spinner())
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:20} {bar:30} {bytes}/{total_bytes} {eta}").unwrap_or_else(|_| ProgressStyle::default_bar())
}
