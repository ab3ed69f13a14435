//! Hosts of one group share its tasks, so they have to run the same graph. A host that meets members with another one does not join them: it waits.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::broker::{Broker, BrokerError, Member};
use crate::clock::Clock;
use crate::deploy::Entered;
use crate::error::Diagnostic;
use crate::limits;

use super::signals::Ear;

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// The same, of a host that is a member.
const LOOKOUT_INTERVAL: Duration = Duration::from_secs(10);
/// Members that a message names.
const NAMED: usize = 5;

/// A host that is to join a group.
pub struct Newcomer<'a> {
    pub broker: &'a dyn Broker,
    /// `app.id`.
    pub app: &'a str,
    /// The digest of its graph.
    pub graph: &'a str,
}

/// The digest of the graph that a host runs; `None` while it goes over to another one. Clones are the same.
#[derive(Clone)]
pub struct Running(Arc<Mutex<Option<String>>>);

impl Running {
    pub fn new(graph: &str) -> Self {
        Self(Arc::new(Mutex::new(Some(graph.to_owned()))))
    }

    pub fn graph(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set(&self, graph: Option<&str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = graph.map(str::to_owned);
    }
}

/// What came of waiting.
pub enum Agreement<T> {
    /// Nobody in the group runs another graph.
    Reached,
    /// The command was told to stop.
    Stopped,
    /// This came in between.
    Instead(T),
}

/// Waits until no member of the group runs another graph than an app that is to be started. `instead` is asked between two looks.
pub fn wait<T>(
    host: &Newcomer<'_>,
    ear: &Ear,
    mut instead: impl FnMut() -> Result<Option<T>, Vec<Diagnostic>>,
) -> Result<Agreement<T>, Vec<Diagnostic>> {
    let mut said = false;
    loop {
        let others = match others(host) {
            Err(_) if ear.heard().is_some() => return Ok(Agreement::Stopped),
            others => others?,
        };
        if others.is_empty() {
            return Ok(Agreement::Reached);
        }
        if !said {
            said = true;
            tracing::warn!(graph = host.graph, "waits for members of the group that run another graph: {}", names(&others));
        }
        if ear.wait(LOOK_INTERVAL).is_some() {
            return Ok(Agreement::Stopped);
        }
        if let Some(instead) = instead()? {
            return Ok(Agreement::Instead(instead));
        }
    }
}

/// As `wait`, for an app of which nothing is deployed: who runs another graph may run it for ever. One that has gone without a word is a
/// member until its session is over.
pub fn wait_for_a_session(host: &Newcomer<'_>, ear: &Ear, clock: &dyn Clock) -> Result<Agreement<()>, Vec<Diagnostic>> {
    let until = clock.monotonic() + limits::AGREEMENT_PATIENCE;
    wait(host, ear, || if clock.monotonic() < until { Ok(None) } else { others(host).and_then(|others| refusal(host, &others)) })
}

fn refusal(host: &Newcomer<'_>, others: &[Member]) -> Result<Option<()>, Vec<Diagnostic>> {
    if others.is_empty() {
        return Ok(None);
    }
    let app = host.app;
    Err(vec![
        Diagnostic::usage("R106", format!("hosts of '{app}' are running that have another graph than this manifest"))
            .because(format!("members of the group are {}", names(others)))
            .hint("publish the manifest (`cofferdam deploy`) and run what is deployed (`run --app`): hosts then change together. Or stop the others first, with SIGINT or `--leave`"),
    ])
}

/// Tells, for as long as it is there, of members that have joined with another graph all the same: two hosts that start at one moment do not see
/// each other. And where the group knows this very host by an announcement of before.
pub struct Lookout {
    _end: Sender<()>,
}

impl Lookout {
    /// On behalf of a host that is a member of the group. `address`: that of its admin API.
    pub fn start(broker: Arc<dyn Broker>, app: Arc<str>, running: Running, address: Option<String>) -> Result<Self, Diagnostic> {
        let (_end, ended) = channel();
        let look = move || {
            let (mut said, mut said_of_itself) = (false, false);
            while ended.recv_timeout(LOOKOUT_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let Some(graph) = running.graph() else { continue };
                let Ok(members) = broker.members(&app) else { continue };
                let is_other = |member: &&Member| member.own && member.announced.as_ref().is_some_and(|known| known.address != address);
                if let Some(known) = members.iter().find(is_other).and_then(|member| member.announced.as_ref())
                    && !said_of_itself
                {
                    said_of_itself = true;
                    tracing::warn!(
                        "the group knows this host as it was before a restart, with {}: other hosts do not pass queries on to it until it has left \
                         the group (`--leave`, or SIGINT) and come back",
                        known.address.as_deref().map_or("no admin API".to_owned(), |address| format!("its admin API at {address}"))
                    );
                }
                let Ok(others) = with_another_graph(&Newcomer { broker: &*broker, app: &app, graph: &graph }, members) else { continue };
                if !others.is_empty() && !said {
                    tracing::error!(
                        graph,
                        "members of the group run another graph, and take tasks for theirs: {}; stop them or this host",
                        names(&others)
                    );
                }
                said = !others.is_empty();
            }
        };
        std::thread::Builder::new()
            .name("agreement".into())
            .spawn(look)
            .map_err(|e| Diagnostic::run("R001", "the thread that looks after the group cannot be started").because(e))?;
        Ok(Self { _end })
    }
}

/// Members that run another graph. What was there before a restart of this host counts, too: others would take the new one for it.
fn others(host: &Newcomer<'_>) -> Result<Vec<Member>, Vec<Diagnostic>> {
    let members = host.broker.members(host.app).map_err(failed)?;
    with_another_graph(host, members)
}

fn failed(why: BrokerError) -> Vec<Diagnostic> {
    vec![Diagnostic::run("B002", "the log failed").because(why)]
}

fn with_another_graph(host: &Newcomer<'_>, mut members: Vec<Member>) -> Result<Vec<Member>, Vec<Diagnostic>> {
    Entered::apply(host.broker, host.app, &mut members).map_err(failed)?;
    members.retain(|member| member.announced.as_ref().is_some_and(|announced| announced.graph != host.graph));
    Ok(members)
}

/// Who keeps a host that goes over to a graph from the second step: members that have partitions of these topics, which all are to give back first;
/// nobody once one of the group has gone ahead. `None`: the group is sharing out its partitions.
pub fn in_the_way(broker: &dyn Broker, app: &str, topics: &[Arc<str>], next: &Entered) -> Result<Option<Vec<Member>>, BrokerError> {
    let mut members = broker.members(app)?;
    let settled = members.iter().all(|member| member.settled);
    members.retain(|member| member.partitions.iter().any(|at| topics.contains(&at.topic)));
    if settled && members.is_empty() {
        return Ok(Some(members));
    }
    // After the members, see `Entered::apply`.
    Ok(if Entered::read(broker, app)?.as_ref() == Some(next) { Some(Vec::new()) } else { settled.then_some(members) })
}

pub fn names(members: &[Member]) -> String {
    let name = |member: &Member| if member.own { format!("{member} (this host, before it was started)") } else { member.to_string() };
    let mut names: Vec<String> = members.iter().take(NAMED).map(name).collect();
    if members.len() > NAMED {
        names.push(format!("{} more", members.len() - NAMED));
    }
    names.join(", ")
}
