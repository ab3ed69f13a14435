//! `run`: the app, from its inputs to its outputs, until it is idle, told to stop, or broken.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use indicatif::{ProgressBar, ProgressStyle};

use crate::admin::{CONTROL_SOCKET, ControlServer, Desk, Peers, PublicServer};
use crate::broker::{Announcement, Broker};
use crate::clock::{Clock, SystemClock};
use crate::deploy::{self, Application, Overrides, Plugins, Trust};
use crate::error::Diagnostic;
use crate::manifest::{Broker as BrokerSection, OfHost};
use crate::runtime::HostPlan;
use crate::topology;

use super::agreement::{self, Agreement, Lookout, Newcomer, Running};
use super::args;
use super::follow::{self, Deployed, Next, Release};
use super::ground::{Binder, Bound, Ground};
use super::handle::{self, Handle};
use super::input::{self, Input, InputFrom, Loaded};
use super::logging::Console;
use super::neighbours;
use super::output::Output;
use super::reach;
use super::reload;
use super::report::{self, counted};
use super::signals::{Ear, Told};
use super::watch::{End, Watch};

/// Runs an app.
pub fn run(args: &args::Run) -> Result<ExitCode, Vec<Diagnostic>> {
    let console = Console::start(args.log);
    let ear = Ear::open().map_err(|e| vec![Diagnostic::run("R005", "signals cannot be heard").because(e)])?;
    let cluster = reach::cluster(&args.cluster, args.instance_id.as_ref());
    let (threads, state_dir, ceiling) = (args.threads, args.state_dir.clone(), Some(args.allow.clone()));
    let overrides = Overrides { threads, state_dir, cluster, ceiling, ..Overrides::default() };
    let shell = Shell { args, console, ear, overrides };
    match &args.manifest {
        Some(manifest) => shell.run_manifest(manifest)?,
        None => shell.run_deployed(args.app.as_deref().unwrap_or_default())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What one run of the command has, whatever it runs.
struct Shell<'a> {
    args: &'a args::Run,
    console: Console,
    ear: Ear,
    overrides: Overrides,
}

impl Shell<'_> {
    /// Runs the app of a manifest to its end.
    fn run_manifest(&self, manifest: &Path) -> Result<(), Vec<Diagnostic>> {
        let app = Arc::new(Application::load(manifest, &self.overrides)?);
        let inputs = self.inputs(&app)?;
        let binder = self.take_ground(&app.manifest.broker, &app.state_dir)?;
        deploy::finished(&app.state_dir, &app.topology.app).map_err(one)?;
        let broker = binder.ground.broker(&app.manifest, &self.overrides).map_err(one)?;
        if binder.ground.is_on_kafka() {
            broker.expect_clients(app.manifest.runtime.threads);
            let Some(()) = self.unless_told(deploy::agree(&app, &*broker, &self.overrides))? else { return Ok(()) };
            let host = Newcomer { broker: &*broker, app: &app.topology.app, graph: &topology::digest(&app.topology) };
            // Before any topic is made for it.
            if !matches!(agreement::wait_for_a_session(&host, &self.ear, &*binder.ground.clock)?, Agreement::Reached) {
                return Ok(());
            }
        }
        let Some(bound) = self.unless_told(binder.bind_to(&app, broker))? else { return Ok(()) };
        self.serve(&binder, bound, &inputs, None).map(drop)
    }

    /// Runs what is deployed of an app, and what will be.
    fn run_deployed(&self, id: &str) -> Result<(), Vec<Diagnostic>> {
        let trust = Trust::read(self.args.trust.iter().map(PathBuf::as_path)).map_err(one)?;
        let mut manifest = follow::nothing_but(id, self.args.cluster.bootstrap.is_some())?;
        if let Some(file) = &self.args.host {
            let bootstrap = self.args.cluster.bootstrap.is_some();
            manifest = manifest.on(OfHost::load(file)?);
            if bootstrap && matches!(manifest.broker, BrokerSection::Embedded) {
                let problem =
                    Diagnostic::usage("R138", format!("{} has the embedded log, and --bootstrap names a cluster", file.display()));
                return Err(one(problem.hint("write kind = \"kafka\" below [broker] there, leave [broker] out, or leave out --bootstrap")));
            }
        }
        let state_dir = self.args.state_dir.clone().unwrap_or_else(|| manifest.state_dir());
        if matches!(manifest.broker, BrokerSection::Embedded) {
            let hint = "`deploy` of an app on the embedded log publishes it there (`--state-dir`); what is on a cluster is found with `--bootstrap`";
            reach::log_is_there(&state_dir).map_err(|absent| one(absent.hint(hint)))?;
        }
        let binder = self.take_ground(&manifest.broker, &state_dir)?;
        deploy::finished(&state_dir, id).map_err(one)?;
        let deployed = Deployed::new(&manifest, &binder, trust)?;
        let Some(mut next) = self.unless_told(deployed.last())? else { return Ok(()) };
        let mut inputs = self.inputs(&next.release.app)?;
        loop {
            let running = next.release.version;
            let mut follower = None;
            let bound = &next.bound;
            let host = Newcomer { broker: &*bound.broker, app: &bound.app.topology.app, graph: &bound.graph };
            match agreement::wait(&host, &self.ear, || Ok(deployed.newer(&mut follower, running)))? {
                Agreement::Reached => {}
                Agreement::Stopped => return Ok(()),
                Agreement::Instead(newer) => {
                    next = newer;
                    continue;
                }
            }
            let Next { release, bound } = *next;
            tracing::info!(version = release.version, "running what is deployed");
            next = match self.serve(&binder, bound, &inputs, Some((&deployed, release)))? {
                Some(next) => next,
                None => return Ok(()),
            };
            inputs.clear();
        }
    }

    fn take_ground(&self, section: &BrokerSection, state_dir: &Path) -> Result<Binder, Vec<Diagnostic>> {
        let ground = Ground::take(section, state_dir, Arc::new(SystemClock), self.ear.told()).map_err(one)?;
        Ok(Binder::new(Arc::new(ground), &self.overrides, self.args))
    }

    /// Nothing where the command was told to stop meanwhile: whoever waits for a cluster in vain is not to wait for it once more, nor to fail.
    fn unless_told<T>(&self, came: Result<T, Vec<Diagnostic>>) -> Result<Option<T>, Vec<Diagnostic>> {
        if self.ear.heard().is_some() {
            tracing::info!("stopping before the app has begun");
            return Ok(None);
        }
        came.map(Some)
    }

    /// The files that are to be produced first.
    fn inputs(&self, app: &Application) -> Result<Vec<Input>, Vec<Diagnostic>> {
        let inputs = inputs(app, &self.args.input)?;
        let on_kafka = matches!(app.manifest.broker, BrokerSection::Kafka(_));
        if on_kafka && inputs.iter().any(|input| input.from != InputFrom::Stdin) && !self.args.yes {
            let hint = "say --yes to produce them at this start; `produce` appends to a topic without running anything";
            return Err(one(Diagnostic::usage("R016", "on Kafka the files of --input are produced anew at each start").hint(hint)));
        }
        Ok(inputs)
    }

    /// Runs an app to its end; another release where one was deployed that it has to begin anew with. `inputs`: files to be produced first.
    fn serve(
        &self,
        binder: &Binder,
        bound: Bound,
        inputs: &[Input],
        deployed: Option<(&Deployed, Release)>,
    ) -> Result<Option<Box<Next>>, Vec<Diagnostic>> {
        let Self { args, console, ear, .. } = self;
        let Bound { app, broker, nodes, plan, graph, sinks } = bound;
        app.topology.warnings.iter().for_each(|w| tracing::warn!("{}", report::line(w)));
        let (clock, folder) = (&binder.ground.clock, binder.ground.folder.path());
        let host = Handle::default();
        let on_kafka = binder.ground.is_on_kafka();
        let way = on_kafka.then(|| neighbours::way(&app.manifest)).transpose().map_err(one)?;
        let peers = way.map(|way| Peers::new(broker.clone(), &app.topology.app, &graph, way, clock.clone()));
        let desk = desk(&plan, &broker, clock, &host, peers);
        let public = public_port(&app, args.public.as_ref(), desk.clone()).map_err(one)?;
        let admin = neighbours::admin_port(&app.manifest, args.listen.as_ref(), folder, desk.clone()).map_err(one)?;
        let address = neighbours::advertised(&app.manifest, args.advertise.as_deref(), admin.as_ref()).map_err(one)?;
        let deployment = deployed.as_ref().map(|(_, release)| release.version);
        let announced = Announcement { graph: graph.clone(), deployment, address };
        // Before there is a member that could tell something else.
        broker.announce(announced.clone());
        // Before the inputs, which may take long: from now on this process is the one that answers for the folder.
        let control = control_socket(folder, desk);
        if load_files(console, ear, &*broker, &**clock, inputs, args.again).map_err(one)? == Some(Stopped) {
            return Ok(None);
        }
        let outputs = create_outputs(&*broker, sinks).map_err(one)?;
        tracing::info!(app = %app.topology.app, threads = app.manifest.runtime.threads, state = %folder.display(), "running");
        host.start(plan, app.manifest.runtime.threads, Plugins::new(app.clone(), nodes)).map_err(one)?;
        if args.watch {
            reload::watch(&app.manifest, &host).map_err(one)?;
        }
        let running = Running::new(&graph);
        let follow = |(deployed, release): (&Deployed, Release)| deployed.follow(release, &host, &running);
        let following = deployed.map(follow).transpose().map_err(one)?;
        let look = || Lookout::start(broker.clone(), app.topology.app.clone(), running.clone(), announced.address);
        let lookout = on_kafka.then(look).transpose().map_err(one)?;
        let stdin = pump_stdin(broker.clone(), clock.clone(), inputs);
        let bar = console.bars.add(ProgressBar::new_spinner());
        let mut watch = Watch { host: host.clone(), ear, outputs, stdin, following, until_idle: args.until_idle, bar, started: false };
        let ended = watch.watch();
        watch.bar.finish_and_clear();
        // No request may come in between any more.
        drop((control, admin, public, lookout));
        // On the way out because there is nothing more to do, or because it is told to go for good; or since nobody of this graph comes back.
        let leave = match &ended {
            Ok(End::Told(Told::Restart)) => args.leave,
            // The group knows this host by the graph with which it came, until it goes.
            Ok(End::Deployed(next)) => args.leave || next.bound.graph != graph || running.graph() != Some(graph),
            _ => true,
        };
        let stopped = host.stop(leave);
        let written = watch.outputs.iter_mut().try_for_each(|output| output.pump_to_the_end(&*broker));
        let ended = ended.map_err(one)?;
        stopped.map_err(one)?;
        written.map_err(one)?;
        for output in &watch.outputs {
            tracing::info!(file = %output.path().display(), "{} records written", output.written());
        }
        Ok(match ended {
            End::Deployed(next) => Some(next),
            End::Idle | End::Told(_) => None,
        })
    }
}

fn one(problem: Diagnostic) -> Vec<Diagnostic> {
    vec![problem]
}

/// Where operators ask, about a host that has still to be started.
fn desk(plan: &HostPlan, broker: &Arc<dyn Broker>, clock: &Arc<dyn Clock>, host: &Handle, peers: Option<Peers>) -> Arc<Desk> {
    Arc::new(Desk {
        app: plan.topology.app.clone(),
        broker: broker.clone(),
        clock: clock.clone(),
        topics: handle::topics(plan),
        retrying: Mutex::default(),
        host: Some(Arc::new(host.clone())),
        peers,
    })
}

fn inputs(app: &Application, given: &[(String, PathBuf)]) -> Result<Vec<Input>, Vec<Diagnostic>> {
    let mut inputs = Vec::new();
    for (name, path) in given {
        let Some((topic, table)) = app.input_topic(name) else {
            let hint = crate::error::suggest(name, "sources and tables", app.input_names());
            return Err(one(
                Diagnostic::usage("R013", format!("--input {name}={}: there is no source or table '{name}'", path.display())).hint(hint)
            ));
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

fn create_outputs(broker: &dyn Broker, sinks: Vec<(Arc<str>, PathBuf)>) -> Result<Vec<Output>, Diagnostic> {
    let mut outputs = Vec::new();
    for (topic, path) in sinks {
        let found = broker.topics(std::slice::from_ref(&topic)).map_err(|e| Diagnostic::run("B002", "the log failed").because(e))?;
        let partitions = found.into_iter().next().flatten().map_or(0, |info| info.spec.partitions);
        outputs.push(Output::create(broker, &topic, partitions, path)?);
    }
    Ok(outputs)
}

/// The command was told to stop before the app began.
#[derive(Debug, PartialEq, Eq)]
struct Stopped;

fn load_files(
    console: &Console,
    ear: &Ear,
    broker: &dyn Broker,
    clock: &dyn Clock,
    inputs: &[Input],
    again: bool,
) -> Result<Option<Stopped>, Diagnostic> {
    for input in inputs {
        let InputFrom::File(path) = &input.from else { continue };
        let size = std::fs::metadata(path).map_or(0, |m| m.len());
        let bar = console.bars.add(ProgressBar::new(size).with_style(bar_style()).with_message(format!("producing {}", input.source)));
        let mut told = None;
        let mut go_on = |bytes| {
            bar.set_position(bytes);
            told = told.or_else(|| ear.heard());
            told.is_none()
        };
        let loaded = input::load_file(broker, clock, input, path, again, &mut go_on)?;
        bar.finish_and_clear();
        tell_loaded(input, path, loaded);
        if told.is_some() {
            tracing::info!("stopping; the same command goes on with what is left");
            return Ok(Some(Stopped));
        }
    }
    Ok(None)
}

fn tell_loaded(input: &Input, path: &Path, loaded: Loaded) {
    let (file, topic) = (path.display(), &input.topic);
    match loaded {
        Loaded { produced: 0, skipped } if skipped > 0 => {
            tracing::info!(%file, %topic, "all {skipped} records were produced before; --again produces them again");
        }
        Loaded { produced, skipped: 0 } => tracing::info!(%file, %topic, "{} produced", counted(produced, "record", "records")),
        Loaded { produced, skipped } => tracing::info!(%file, %topic, "{produced} records produced, {skipped} were there already"),
    }
}

fn pump_stdin(broker: Arc<dyn Broker>, clock: Arc<dyn Clock>, inputs: &[Input]) -> Option<JoinHandle<Result<Loaded, Diagnostic>>> {
    let input = inputs.iter().find(|i| i.from == InputFrom::Stdin)?.clone();
    let pump = move || input::pump_stdin(&*broker, &*clock, &input);
    std::thread::Builder::new().name("stdin".into()).spawn(pump).ok()
}

/// Opens the port for metrics and health, where the manifest or its default asks for one.
fn public_port(app: &Application, flag: Option<&args::Address>, desk: Arc<Desk>) -> Result<Option<PublicServer>, Diagnostic> {
    let manifest = &app.manifest;
    let Some((address, place)) = neighbours::served_at(flag, manifest.public_address(), manifest.admin.public.as_ref()) else {
        return Ok(None);
    };
    let server = PublicServer::start(address, desk).map_err(|refused| refused.at(place))?;
    tracing::info!("metrics at http://{}/metrics", server.address());
    Ok(Some(server))
}

/// Commands reach the host through it; without it the app runs all the same.
fn control_socket(folder: &Path, desk: Arc<Desk>) -> Option<ControlServer> {
    match ControlServer::start(&folder.join(CONTROL_SOCKET), desk) {
        Ok(server) => Some(server),
        Err(why) => {
            tracing::warn!("{}", report::line(&why));
            None
        }
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:20} {bar:30} {bytes}/{total_bytes} {eta}").unwrap_or_else(|_| ProgressStyle::default_bar())
}
