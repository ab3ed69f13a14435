//! What a host stands on for as long as the command runs: its state folder, and the log in it or a cluster. And an app made ready to be started
//! there, while the one before it may still run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::broker::Broker;
use crate::broker::embedded::{EmbeddedLog, StateFolder};
use crate::clock::Clock;
use crate::deploy::{self, Application, BindSettings, ComponentNodes, ExternalTopics, HostOf, Maintenance, OpenLog, Overrides};
use crate::error::{Diagnostic, suggest};
use crate::manifest::{Broker as BrokerSection, Manifest};
use crate::runtime::HostPlan;
use crate::topology;

use super::args;
use super::reach::{self, Held};

/// The state folder, held, and the log in it where the app is not on a cluster.
pub struct Ground {
    pub folder: Arc<StateFolder>,
    pub clock: Arc<dyn Clock>,
    log: Option<EmbeddedLog>,
    _maintenance: Option<Maintenance>,
    told: Arc<AtomicBool>,
}

impl Ground {
    /// Takes the state folder. `told`: the host is to stop.
    pub fn take(section: &BrokerSection, state_dir: &Path, clock: Arc<dyn Clock>, told: &Arc<AtomicBool>) -> Result<Self, Diagnostic> {
        let told = told.clone();
        if let BrokerSection::Kafka(_) = section {
            return Ok(Self { folder: deploy::lock_folder(state_dir)?, clock, log: None, _maintenance: None, told });
        }
        let OpenLog { folder, log } = take_log(state_dir, &clock)?;
        let maintenance = Maintenance::start(log.clone(), clock.clone())
            .map_err(|e| Diagnostic::run("R001", "the maintenance thread cannot be started").because(e))?;
        Ok(Self { folder, clock, log: Some(log), _maintenance: Some(maintenance), told })
    }

    /// Whether its apps are on a cluster.
    pub fn is_on_kafka(&self) -> bool {
        self.log.is_none()
    }

    /// The log of an app: that of the folder, or a client of its cluster, another one at each call.
    pub fn broker(&self, manifest: &Manifest, overrides: &Overrides) -> Result<Arc<dyn Broker>, Diagnostic> {
        match (&manifest.broker, &self.log) {
            (BrokerSection::Kafka(section), _) => {
                let host = HostOf { folder: Some(&self.folder), told: Some(&self.told) };
                Ok(Arc::new(deploy::open_cluster(manifest, section, &overrides.cluster, Some(host))?))
            }
            (BrokerSection::Embedded, Some(log)) => Ok(Arc::new(log.clone())),
            // Of one command all apps are on the same kind of log.
            (BrokerSection::Embedded, None) => Err(Diagnostic::run("B002", "the state folder has no log")),
        }
    }
}

/// Takes a state folder, which commands may hold for a moment. A host in it is an error at once.
fn take_log(state_dir: &Path, clock: &Arc<dyn Clock>) -> Result<OpenLog, Diagnostic> {
    match reach::hold(state_dir, clock)? {
        Held::Here(open) => Ok(open),
        // Opened once more for its refusal, which names the process.
        Held::ByHost(_) => deploy::open_log(state_dir, clock.clone()),
    }
}

/// An app that can be started. Nothing of it runs yet.
pub struct Bound {
    pub app: Arc<Application>,
    pub broker: Arc<dyn Broker>,
    pub nodes: Arc<ComponentNodes>,
    pub plan: HostPlan,
    /// What hosts of its group have to agree on.
    pub graph: String,
    /// Topics and files of `--output`.
    pub sinks: Vec<(Arc<str>, PathBuf)>,
}

/// Binds apps as the command line says.
#[derive(Clone)]
pub struct Binder {
    pub ground: Arc<Ground>,
    pub overrides: Overrides,
    args: Arc<args::Run>,
}

impl Binder {
    pub fn new(ground: Arc<Ground>, overrides: &Overrides, args: &args::Run) -> Self {
        Self { ground, overrides: overrides.clone(), args: Arc::new(args.clone()) }
    }

    /// Makes an app ready to be started: everything that can be wrong with it and its topics is wrong here.
    pub fn bind(&self, app: &Arc<Application>) -> Result<Bound, Vec<Diagnostic>> {
        let broker = self.ground.broker(&app.manifest, &self.overrides).map_err(|problem| vec![problem])?;
        broker.expect_clients(app.manifest.runtime.threads);
        self.bind_to(app, broker)
    }

    /// The same with a log that an app on it runs on already.
    pub fn bind_to(&self, app: &Arc<Application>, broker: Arc<dyn Broker>) -> Result<Bound, Vec<Diagnostic>> {
        let sinks = self.sinks(app).map_err(|problem| vec![problem])?;
        let nodes = Arc::new(ComponentNodes::of(app));
        let plan = deploy::bind_nodes(app, nodes.clone(), broker.clone(), self.ground.clock.clone(), &self.settings(app))?;
        let graph = topology::digest(&app.topology);
        Ok(Bound { app: app.clone(), broker, nodes, plan, graph, sinks })
    }

    /// The topics of `--output`, and their files.
    pub fn sinks(&self, app: &Application) -> Result<Vec<(Arc<str>, PathBuf)>, Diagnostic> {
        outputs(app, &self.args.output)
    }

    fn settings(&self, app: &Application) -> BindSettings {
        let (commit_floor, topics) = match app.manifest.broker {
            BrokerSection::Embedded => (crate::limits::COMMIT_FLOOR_EMBEDDED, ExternalTopics::Own { partitions: None }),
            BrokerSection::Kafka(_) => (crate::limits::COMMIT_FLOOR, ExternalTopics::Cluster { make: self.args.create_topics }),
        };
        BindSettings {
            tasks_folder: Some(self.ground.folder.path().join(deploy::TASKS_FOLDER)),
            commit_floor,
            topics,
            seed: seed(&*self.ground.clock),
            redact_keys: self.args.redact,
        }
    }
}

/// A seed for the guests' random bits: another one at each start.
fn seed(clock: &dyn Clock) -> u64 {
    clock.now().0.unsigned_abs() ^ (u64::from(std::process::id()) << 40)
}

/// The topics of `--output`.
fn outputs(app: &Application, given: &[(String, PathBuf)]) -> Result<Vec<(Arc<str>, PathBuf)>, Diagnostic> {
    let topic = |(name, path): &(String, PathBuf)| {
        let topic = app.output_topic(name).ok_or_else(|| {
            let hint = suggest(name, "sinks", app.output_names());
            Diagnostic::usage("R022", format!("--output {name}={}: there is no sink '{name}'", path.display())).hint(hint)
        });
        topic.map(|topic| (topic, path.clone()))
    };
    given.iter().map(topic).collect()
}
