//! Who answers for a state folder: the host that holds it, through its control socket, or else this process, which then holds it itself.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::admin::{
    AppTopics, CONTROL_SOCKET, ControlClient, Desk, LettersPage, LettersRequest, Page, PageRequest, RecordPlace, Retried, RetryRequest,
    RollBackRequest, StatusReport, StoreQuery, StoreRows, SwapReport, SwapRequest, WholeLetter,
};
use crate::clock::{Clock, SystemClock};
use crate::deploy::{self, Cluster, OpenLog};
use crate::error::Diagnostic;
use crate::manifest::{Broker, KafkaBroker, Manifest};

use super::args::Where;
use super::topics;

/// How long a folder that is held is waited for: commands hold it for moments, and a host that starts opens its socket soon.
const PATIENCE_MS: i64 = 5_000;
/// How often a folder that is held is tried again.
const TRY_INTERVAL: Duration = Duration::from_millis(20);

/// A state folder, one way or the other.
pub enum Held {
    /// By a host, which answers.
    ByHost(ControlClient),
    /// By this process, now.
    Here(OpenLog),
}

/// Reaches the host of a state folder, or takes the folder. It is made when absent.
pub fn hold(state_dir: &Path, clock: &Arc<dyn Clock>) -> Result<Held, Diagnostic> {
    let socket = state_dir.join(CONTROL_SOCKET);
    let until = clock.now().0.saturating_add(PATIENCE_MS);
    loop {
        if let Some(host) = ControlClient::connect(&socket)? {
            return Ok(Held::ByHost(host));
        }
        match deploy::open_log(state_dir, clock.clone()) {
            Err(refusal) if refusal.code == "B003" && clock.now().0 < until => std::thread::park_timeout(TRY_INTERVAL),
            Err(refusal) if refusal.code == "B003" => {
                return Err(refusal.hint("that process does not answer: it is starting or ending, or could not open its control socket"));
            }
            opened => return opened.map(Held::Here),
        }
    }
}

/// Refuses a state folder without a log, which would be made by opening it.
pub fn log_is_there(state_dir: &Path) -> Result<(), Diagnostic> {
    if state_dir.join("log").is_dir() {
        return Ok(());
    }
    let hint = "an app's log is made when it runs for the first time; another folder is given by `--state-dir`";
    Err(Diagnostic::usage("B006", format!("there is no log in the state folder {}", state_dir.display())).hint(hint))
}

/// An app whose log can be looked into, whether a host runs it or not.
pub struct App {
    /// The manifest alone: components are not needed to look into a log.
    pub manifest: Manifest,
    /// The state folder.
    pub state_dir: PathBuf,
    answers: Answers,
}

enum Answers {
    Host(ControlClient),
    Own(Box<Desk>),
}

impl App {
    /// Finds who answers. Makes nothing: a folder without a log is an error.
    pub fn reach(at: &Where) -> Result<Self, Vec<Diagnostic>> {
        let manifest = Manifest::load(&at.manifest)?;
        let state_dir = at.state_dir.clone().unwrap_or_else(|| manifest.state_dir());
        if let Broker::Kafka(section) = &manifest.broker {
            let answers = on_kafka(&manifest, section, at, &state_dir).map_err(|e| vec![e])?;
            return Ok(Self { manifest, state_dir, answers });
        }
        log_is_there(&state_dir).map_err(|e| vec![e])?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let answers = match hold(&state_dir, &clock).map_err(|e| vec![e])? {
            Held::ByHost(host) => Answers::Host(host),
            Held::Here(open) => Answers::Own(Box::new(desk(&manifest, &open, clock))),
        };
        Ok(Self { manifest, state_dir, answers })
    }

    /// See [`Desk::status`].
    pub fn status(&self) -> Result<StatusReport, Diagnostic> {
        match &self.answers {
            Answers::Host(host) => host.status(),
            Answers::Own(desk) => desk.status(),
        }
    }

    /// See [`Desk::produce`].
    pub fn produce(&self, topic: &str, lines: Vec<u8>) -> Result<u64, Diagnostic> {
        match &self.answers {
            Answers::Host(host) => host.produce(topic, lines),
            Answers::Own(desk) => desk.produce(topic, &lines),
        }
    }

    /// See [`Desk::consume`].
    pub fn consume(&self, topic: &str, request: &PageRequest) -> Result<Page, Diagnostic> {
        match &self.answers {
            Answers::Host(host) => host.consume(topic, request),
            Answers::Own(desk) => desk.consume(topic, request),
        }
    }

    /// See [`Desk::resume`].
    pub fn resume(&self, task: Option<&str>) -> Result<Vec<String>, Diagnostic> {
        match &self.answers {
            Answers::Host(host) => host.resume(task),
            Answers::Own(desk) => desk.resume(task),
        }
    }

    /// See [`Desk::query`].
    pub fn query(&self, store: &str, key: Option<&str>, query: &StoreQuery) -> Result<StoreRows, Diagnostic> {
        match &self.answers {
            Answers::Host(host) => host.query(store, key, query),
            Answers::Own(desk) => desk.query(store, key, query),
        }
    }

    /// See [`Desk::swap`].
    pub fn swap(&self, request: &SwapRequest) -> Result<SwapReport, Diagnostic> {
        match &self.answers {
            Answers::Host(host) => host.swap(request),
            Answers::Own(desk) => desk.swap(request),
        }
    }

    /// See [`Desk::roll_back`].
    pub fn roll_back(&self, request: &RollBackRequest) -> Result<SwapReport, Diagnostic> {
        match &self.answers {
            Answers::Host(host) => host.roll_back(request),
            Answers::Own(desk) => desk.roll_back(request),
        }
    }

    /// See [`Desk::letters`].
    pub fn letters(&self, request: &LettersRequest) -> Result<LettersPage, Diagnostic> {
        match &self.answers {
            Answers::Host(host) => host.letters(request),
            Answers::Own(desk) => desk.letters(request),
        }
    }

    /// See [`Desk::letter`].
    pub fn letter(&self, at: &RecordPlace) -> Result<WholeLetter, Diagnostic> {
        match &self.answers {
            Answers::Host(host) => host.letter(at),
            Answers::Own(desk) => desk.letter(at),
        }
    }

    /// See [`Desk::retry`].
    pub fn retry(&self, request: &RetryRequest) -> Result<Vec<Retried>, Diagnostic> {
        match &self.answers {
            Answers::Host(host) => host.retry(request),
            Answers::Own(desk) => desk.retry(request),
        }
    }
}

/// What flags say of a cluster.
pub(super) fn cluster(given: &super::args::Cluster, instance_id: Option<&String>) -> Cluster {
    Cluster { bootstrap: given.bootstrap.clone(), client_config: given.client_config.clone(), instance_id: instance_id.cloned() }
}

/// The host of the state folder, or else the cluster itself.
fn on_kafka(manifest: &Manifest, section: &KafkaBroker, at: &Where, state_dir: &Path) -> Result<Answers, Diagnostic> {
    if let Some(host) = ControlClient::connect(&state_dir.join(CONTROL_SOCKET))? {
        return Ok(Answers::Host(host));
    }
    let given = cluster(&at.cluster, None);
    let broker = Arc::new(deploy::open_cluster(manifest, section, &given, None)?);
    let (app, clock) = (manifest.app.id.value.clone(), Arc::new(SystemClock));
    let topics = AppTopics { read: topics::read(manifest), letters: topics::letters(manifest) };
    Ok(Answers::Own(Box::new(Desk { app, broker, clock, topics, retrying: Mutex::default(), host: None, peers: None })))
}

/// A desk over a log that nobody else holds.
fn desk(manifest: &Manifest, open: &OpenLog, clock: Arc<dyn Clock>) -> Desk {
    let all = open.log.all_topics();
    let names = all.iter().map(|info| info.spec.name.clone());
    let topics = topics::read(manifest).into_iter().chain(names.filter(|name| topics::is_repartition(manifest, name)));
    Desk {
        app: manifest.app.id.value.clone(),
        broker: Arc::new(open.log.clone()),
        clock,
        topics: AppTopics { read: topics.collect(), letters: topics::letters(manifest) },
        retrying: Mutex::default(),
        host: None,
        peers: None,
    }
}
