//! `run`: the app, from its inputs to its outputs, until it is idle, told to stop, or broken.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use indicatif::{ProgressBar, ProgressStyle};

use crate::admin::{AdminServer, CONTROL_SOCKET, ControlServer, Desk, PublicServer, TOKEN_FILE, TlsFiles};
use crate::broker::Broker;
use crate::broker::embedded::StateFolder;
use crate::clock::{Clock, SystemClock};
use crate::deploy::{
    self, Application, BindSettings, Cluster, ComponentNodes, ExternalTopics, HostOf, Maintenance, OpenLog, Overrides, Plugins,
};
use crate::error::{Diagnostic, Place};
use crate::manifest::{Address, Broker as BrokerSection};
use crate::runtime::HostPlan;

use super::args;
use super::follow::{Deployed, Release};
use super::handle::Handle;
use super::input::{self, Input, InputFrom, Loaded};
use super::logging::Console;
use super::output::Output;
use super::reach::{self, Held};
use super::reload;
use super::report::{self, counted};
use super::signals::{Ear, Told};
use super::watch::{End, Watch};

/// Runs an app.
pub fn run(args: &args::Run) -> Result<ExitCode, Vec<Diagnostic>> {
    let console = Console::start(args.log);
    let ear = Ear::open().map_err(|e| vec![Diagnostic::run("R005", "signals cannot be heard").because(e)])?;
    let cluster = reach::cluster(&args.cluster, args.instance_id.as_ref());
    let overrides = Overrides { threads: args.threads, state_dir: args.state_dir.clone(), cluster, ..Overrides::default() };
    let shell = Shell { args, console, ear, overrides };
    if let Some(manifest) = &args.manifest {
        let app = Arc::new(Application::load(manifest, &shell.overrides)?);
        shell.serve(&app, &args.input, None)?;
        return Ok(ExitCode::SUCCESS);
    }
    let deployed = Deployed::connect(args.app.as_deref().unwrap_or_default(), &shell.overrides, shell.ear.told())?;
    let (mut release, mut inputs) = match deployed.last() {
        Err(_) if shell.ear.heard().is_some() => return Ok(ExitCode::SUCCESS),
        last => (last?, &args.input[..]),
    };
    loop {
        tracing::info!(version = release.version, "running what is deployed");
        match shell.serve(&release.app.clone(), inputs, Some((&deployed, release)))? {
            Some(next) => (release, inputs) = (next, &[]),
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// What one run of the command has, whatever it runs.
struct Shell<'a> {
    args: &'a args::Run,
    console: Console,
    ear: Ear,
    overrides: Overrides,
}

impl Shell<'_> {
    /// Runs an app to its end; another release where one was deployed that it has to begin anew with. `input`: files to be produced first.
    fn serve(
        &self,
        app: &Arc<Application>,
        input: &[(String, PathBuf)],
        deployed: Option<(&Deployed, Release)>,
    ) -> Result<Option<Release>, Vec<Diagnostic>> {
        let Self { args, console, ear, overrides } = self;
        app.topology.warnings.iter().for_each(|w| tracing::warn!("{}", report::line(w)));
        let inputs = inputs(app, input)?;
        let sinks = outputs(app, &args.output)?;
        let on_kafka = matches!(app.manifest.broker, BrokerSection::Kafka(_));
        if on_kafka && inputs.iter().any(|input| input.from != InputFrom::Stdin) && !args.yes {
            let hint = "say --yes to produce them at this start; `produce` appends to a topic without running anything";
            return Err(one(Diagnostic::usage("R016", "on Kafka the files of --input are produced anew at each start").hint(hint)));
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let open = Opened::open(app, &overrides.cluster, &clock, ear).map_err(one)?;
        deploy::finished(&app.state_dir, &app.topology.app).map_err(one)?;
        if deployed.is_none() && on_kafka {
            deploy::agree(app, &*open.broker, overrides).map_err(one)?;
            // Whoever waits for a cluster in vain is not to wait for it once more.
            if ear.heard().is_some() {
                tracing::info!("stopping before the app has begun");
                return Ok(None);
            }
        }
        let broker = open.broker.clone();
        let settings = bind_settings(args, app, &open.folder, &*clock);
        let nodes = Arc::new(ComponentNodes::of(app));
        let plan = match deploy::bind_nodes(app, nodes.clone(), broker.clone(), clock.clone(), &settings) {
            Err(_) if ear.heard().is_some() => {
                tracing::info!("stopping; the cluster has not answered");
                return Ok(None);
            }
            bound => bound?,
        };

        let host = Handle::default();
        let desk = desk(&plan, &broker, &clock, &host);
        let public = public_port(app, args.public.as_ref(), desk.clone()).map_err(one)?;
        let admin = admin_port(app, args.listen.as_ref(), open.folder.path(), desk.clone()).map_err(one)?;
        // Before the inputs, which may take long: from now on this process is the one that answers for the folder.
        let control = control_socket(open.folder.path(), desk);
        if load_files(console, ear, &*broker, &*clock, &inputs, args.again).map_err(one)? == Some(Stopped) {
            return Ok(None);
        }
        let outputs = create_outputs(&*broker, sinks).map_err(one)?;
        tracing::info!(app = %app.topology.app, threads = app.manifest.runtime.threads, state = %open.folder.path().display(), "running");
        host.start(plan, app.manifest.runtime.threads, Plugins::new(app.clone(), nodes)).map_err(one)?;
        if args.watch {
            reload::watch(&app.manifest, &host).map_err(one)?;
        }
        let following = deployed.map(|(deployed, release)| deployed.follow(release, &host)).transpose().map_err(one)?;
        let stdin = pump_stdin(broker.clone(), clock, &inputs);
        let bar = console.bars.add(ProgressBar::new_spinner());
        let mut watch = Watch { host: host.clone(), ear, outputs, stdin, following, until_idle: args.until_idle, bar };
        let ended = watch.watch();
        watch.bar.finish_and_clear();
        // No request may come in between any more.
        drop((control, admin, public));
        // On the way out because there is nothing more to do, or because it is told to go for good.
        let leave = args.leave || !matches!(ended, Ok(End::Told(Told::Restart) | End::Deployed(_)));
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

fn bind_settings(args: &args::Run, app: &Application, folder: &StateFolder, clock: &dyn Clock) -> BindSettings {
    let (commit_floor, topics) = match app.manifest.broker {
        BrokerSection::Embedded => (crate::limits::COMMIT_FLOOR_EMBEDDED, ExternalTopics::Own { partitions: None }),
        BrokerSection::Kafka(_) => (crate::limits::COMMIT_FLOOR, ExternalTopics::Cluster { make: args.create_topics }),
    };
    BindSettings {
        tasks_folder: Some(folder.path().join(deploy::TASKS_FOLDER)),
        commit_floor,
        topics,
        seed: seed(clock),
        redact_keys: args.redact,
    }
}

/// Where operators ask, about a host that has still to be started.
fn desk(plan: &HostPlan, broker: &Arc<dyn Broker>, clock: &Arc<dyn Clock>, host: &Handle) -> Arc<Desk> {
    Arc::new(Desk {
        app: plan.topology.app.clone(),
        broker: broker.clone(),
        clock: clock.clone(),
        topics: (0..plan.topology.sub_topologies.len()).flat_map(|sub| plan.source_topics(sub)).collect(),
        letter_topics: plan.topology.letter_topics(),
        retrying: Mutex::default(),
        host: Some(Arc::new(host.clone())),
    })
}

/// A seed for the guests' random bits: another one at each start.
fn seed(clock: &dyn Clock) -> u64 {
    clock.now().0.unsigned_abs() ^ (u64::from(std::process::id()) << 40)
}

/// The log of an app, and the state folder of this host.
struct Opened {
    folder: Arc<StateFolder>,
    broker: Arc<dyn Broker>,
    _maintenance: Option<Maintenance>,
}

impl Opened {
    fn open(app: &Application, cluster: &Cluster, clock: &Arc<dyn Clock>, ear: &Ear) -> Result<Self, Diagnostic> {
        match &app.manifest.broker {
            BrokerSection::Embedded => {
                let open = take_folder(&app.state_dir, clock)?;
                let maintenance = Maintenance::start(open.log.clone(), clock.clone())
                    .map_err(|e| Diagnostic::run("R001", "the maintenance thread cannot be started").because(e))?;
                Ok(Self { folder: open.folder, broker: Arc::new(open.log), _maintenance: Some(maintenance) })
            }
            BrokerSection::Kafka(section) => {
                let folder = deploy::lock_folder(&app.state_dir)?;
                let broker =
                    deploy::open_cluster(&app.manifest, section, cluster, Some(HostOf { folder: Some(&folder), told: Some(ear.told()) }))?;
                Ok(Self { folder, broker: Arc::new(broker), _maintenance: None })
            }
        }
    }
}

/// Takes the state folder, which commands may hold for a moment. A host in it is an error at once.
fn take_folder(state_dir: &Path, clock: &Arc<dyn Clock>) -> Result<OpenLog, Diagnostic> {
    match reach::hold(state_dir, clock)? {
        Held::Here(open) => Ok(open),
        // Opened once more for its refusal, which names the process.
        Held::ByHost(_) => deploy::open_log(state_dir, clock.clone()),
    }
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

fn outputs(app: &Application, given: &[(String, PathBuf)]) -> Result<Vec<(Arc<str>, PathBuf)>, Vec<Diagnostic>> {
    let mut outputs = Vec::new();
    for (name, path) in given {
        let Some(topic) = app.output_topic(name) else {
            let hint = crate::error::suggest(name, "sinks", app.output_names());
            return Err(
                one(Diagnostic::usage("R022", format!("--output {name}={}: there is no sink '{name}'", path.display())).hint(hint)),
            );
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

/// Where something is served: as a flag says, else as the manifest does.
fn served_at<'a>(flag: Option<&'a args::Address>, said: Option<&'a str>, key: Option<&Address>) -> Option<(&'a str, Option<Place>)> {
    match flag {
        Some(args::Address::Nowhere) => None,
        Some(args::Address::At(address)) => Some((address, None)),
        None => said.map(|address| (address, key.and_then(Address::place))),
    }
}

/// Opens the port for metrics and health, where the manifest or its default asks for one.
fn public_port(app: &Application, flag: Option<&args::Address>, desk: Arc<Desk>) -> Result<Option<PublicServer>, Diagnostic> {
    let manifest = &app.manifest;
    let Some((address, place)) = served_at(flag, manifest.public_address(), manifest.admin.public.as_ref()) else { return Ok(None) };
    let server = PublicServer::start(address, desk).map_err(|refused| refused.at(place))?;
    tracing::info!("metrics at http://{}/metrics", server.address());
    Ok(Some(server))
}

/// Opens the port of the admin API, where the manifest asks for one.
fn admin_port(app: &Application, flag: Option<&args::Address>, folder: &Path, desk: Arc<Desk>) -> Result<Option<AdminServer>, Diagnostic> {
    let manifest = &app.manifest;
    let Some((address, place)) = served_at(flag, manifest.admin_address(), manifest.admin.listen.as_ref()) else { return Ok(None) };
    let in_folder = |path: &Path| manifest.folder().join(path);
    let tls = manifest.admin.tls.as_ref().map(|tls| TlsFiles { cert: in_folder(&tls.cert), key: in_folder(&tls.key) });
    let token = folder.join(TOKEN_FILE);
    let server = AdminServer::start(address, &token, tls.as_ref(), desk).map_err(|refused| refused.at(place))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!("admin API at {scheme}://{}, its token in {}", server.address(), token.display());
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
