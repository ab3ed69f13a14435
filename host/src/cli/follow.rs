//! A host that runs what is deployed of its app: components that change take over while it works; of a graph that changes, the sub-topologies that
//! do are begun anew, or else all of it. Until what is new can be taken, what is there runs on.

mod passing;
mod trials;
mod tries;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::broker::Broker;
use crate::component::Component;
use crate::deploy::{self, Application, Deployment, Follower, Offer, Plan, TakenBack, Trust};
use crate::error::{Blame, Diagnostic};
use crate::manifest::{Manifest, check_app_id};
use crate::sandbox::Engine;

use super::agreement::Running;
use super::ground::{Binder, Bound};
use super::handle::Handle;
use super::report;
use passing::Passed;
use tries::Tries;

/// How often it looks whether something was deployed.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// The deployments of an app, for one host.
#[derive(Clone)]
pub struct Deployed {
    manifest: Manifest,
    broker: Arc<dyn Broker>,
    engine: Engine,
    binder: Binder,
    trust: Trust,
    /// What of it was taken back on this host.
    taken_back: Arc<Mutex<TakenBack>>,
}

/// A deployment that this host runs, or is to run.
#[derive(Clone)]
pub struct Release {
    /// Its number.
    pub version: u64,
    /// What was deployed, save what was taken back.
    pub app: Arc<Application>,
}

/// A deployment that can be started.
pub struct Next {
    pub release: Release,
    pub bound: Bound,
}

/// Ends with its value.
pub struct Following {
    /// What the host has to begin anew with.
    pub next: Receiver<Box<Next>>,
    end: Arc<End>,
    on_kafka: bool,
}

/// Whether a host is followed any more.
#[derive(Default)]
struct End {
    come: AtomicBool,
    /// Held while the log is asked.
    asking: Mutex<()>,
}

impl End {
    fn ask(&self) -> Option<MutexGuard<'_, ()>> {
        let asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        (!self.come.load(Ordering::Relaxed)).then_some(asking)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.end.come.store(true, Ordering::Relaxed);
        // A log of its own is not to be asked any more when the process ends; a cluster may take its time to answer.
        if !self.on_kafka {
            drop(self.end.asking.lock());
        }
    }
}

/// The manifest of an app of which no file says anything yet.
pub fn nothing_but(app: &str, on_kafka: bool) -> Result<Manifest, Vec<Diagnostic>> {
    check_app_id(app).map_err(|why| vec![Diagnostic::usage("M006", format!("the app is '{app}', which {why}"))])?;
    let kind = if on_kafka { "kafka" } else { "embedded" };
    Manifest::parse("--app", &format!("[app]\nid = \"{app}\"\n\n[broker]\nkind = \"{kind}\"\n"))
}

impl Deployed {
    /// Those of an app, see [`nothing_but`].
    pub fn new(manifest: &Manifest, binder: &Binder, trust: Trust) -> Result<Self, Vec<Diagnostic>> {
        let one = |problem| vec![problem];
        let broker = binder.ground.broker(manifest, &binder.overrides).map_err(one)?;
        let engine = deploy::engine().map_err(one)?;
        let taken_back = TakenBack::open(binder.ground.folder.path(), &manifest.app.id.value);
        Ok(Self { manifest: manifest.clone(), broker, engine, binder: binder.clone(), trust, taken_back: Arc::new(Mutex::new(taken_back)) })
    }

    /// The last one, ready to be started.
    pub fn last(&self) -> Result<Box<Next>, Vec<Diagnostic>> {
        let mut follower = self.follower(0).map_err(|e| vec![e])?;
        let deployment = follower.look().map_err(|e| vec![e])?.ok_or_else(|| vec![self.nothing()])?;
        self.next(self.release(&deployment, None)?)
    }

    /// One that was deployed after this, for a host that has not begun yet. What cannot be taken is said, and waited on.
    pub fn newer(&self, follower: &mut Option<Follower>, version: u64) -> Option<Box<Next>> {
        let mut look = || -> Result<Option<Box<Next>>, Vec<Diagnostic>> {
            let follower = match follower {
                Some(follower) => follower,
                None => follower.insert(self.follower(version).map_err(|e| vec![e])?),
            };
            let deployment = follower.look().map_err(|e| vec![e])?;
            deployment.map(|deployment| self.next(self.release(&deployment, Some(version))?)).transpose()
        };
        look().unwrap_or_else(|problems| {
            problems.iter().for_each(|why| tracing::error!("a deployment is not taken: {}", report::line(why)));
            None
        })
    }

    fn follower(&self, version: u64) -> Result<Follower, Diagnostic> {
        let failed = |why| Diagnostic::run("B002", "the log failed").because(why);
        Follower::after(&self.manifest.app.id.value, version, self.broker.clone()).map_err(failed)
    }

    /// What was deployed; in the places of components that were taken back here, those that work instead.
    /// `running`: the deployment that runs.
    fn release(&self, deployment: &Deployment, running: Option<u64>) -> Result<Release, Vec<Diagnostic>> {
        // Before any of it is compiled.
        self.trust.check(&self.manifest.app.id.value, deployment, running).map_err(|e| vec![e])?;
        let mut taken_back = self.taken_back();
        let name = deployment.name(&self.manifest.app.id.value);
        let deployed = |change: &mut dyn FnMut(&mut BTreeMap<String, Component>)| {
            let (bundle, host) = (&deployment.bundle, self.manifest.of_host());
            Application::deployed_but(&self.engine, bundle, &name, host, &self.binder.overrides, change)
        };
        let mut as_deployed = BTreeMap::new();
        let put_in = |found: &mut BTreeMap<_, _>| {
            as_deployed.clone_from(found);
            taken_back.put_in(found);
        };
        let app = match deployed(&mut { put_in }) {
            Err(_) if taken_back.is_needed() => {
                let app = deployed(&mut |_| {})?;
                tracing::warn!(
                    "what works in place of a component that was taken back does not fit any more: the deployed one works again"
                );
                as_deployed.clear();
                app
            }
            app => app?,
        };
        taken_back.keep(&as_deployed);
        Ok(Release { version: deployment.version, app: Arc::new(app) })
    }

    fn next(&self, release: Release) -> Result<Box<Next>, Vec<Diagnostic>> {
        let bound = self.binder.bind(&release.app)?;
        self.remember(&release, &bound);
        Ok(Box::new(Next { release, bound }))
    }

    /// Tells of components that work in the place of deployed ones.
    fn remember(&self, release: &Release, bound: &Bound) {
        for (node, why) in self.taken_back().whys(&release.app.found) {
            tracing::warn!(processor = node, "the component that is deployed was taken back on this host, and another one works: {why}");
            bound.plan.remember(node, &format!("{why} (before this start)"));
        }
    }

    fn taken_back(&self) -> MutexGuard<'_, TakenBack> {
        self.taken_back.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows what is deployed after a release, until the answer is dropped. `graph`: what others are told that it runs.
    pub fn follow(&self, running: Release, host: &Handle, graph: &Running) -> Result<Following, Diagnostic> {
        let (tell, next) = channel();
        let end = Arc::<End>::default();
        let follow = Follow {
            deployed: self.clone(),
            follower: self.follower(running.version)?,
            known: running.app.found.values().map(|component| (component.digest.clone(), component.clone())).collect(),
            running,
            host: host.clone(),
            graph: graph.clone(),
            end: end.clone(),
            pending: None,
            behind: BTreeSet::new(),
            refused: BTreeSet::new(),
            tries: Tries::default(),
        };
        std::thread::Builder::new()
            .name("deployments".into())
            .spawn(move || follow.run(&tell))
            .map_err(|e| Diagnostic::run("R001", "the thread that follows deployments cannot be started").because(e))?;
        Ok(Following { next, end, on_kafka: self.binder.ground.is_on_kafka() })
    }

    fn nothing(&self) -> Diagnostic {
        let there = if self.binder.ground.is_on_kafka() { "on this cluster" } else { "in this state folder" };
        Diagnostic::usage("R100", format!("nothing of the app '{}' is deployed {there}", self.manifest.app.id.value))
            .hint("`cofferdam deploy APP.toml` publishes it")
    }
}

struct Follow {
    deployed: Deployed,
    follower: Follower,
    running: Release,
    /// Components that may be at work, by digest.
    known: BTreeMap<String, Component>,
    host: Handle,
    graph: Running,
    end: Arc<End>,
    /// What was deployed and is not taken yet.
    pending: Option<Deployment>,
    /// Processors of what is running whose components are still to take over.
    behind: BTreeSet<String>,
    /// Processors of what is running whose components were refused.
    refused: BTreeSet<String>,
    tries: Tries,
}

impl Follow {
    fn run(mut self, tell: &Sender<Box<Next>>) {
        loop {
            std::thread::park_timeout(LOOK_INTERVAL);
            if self.end.come.load(Ordering::Relaxed) {
                return;
            }
            self.note_trials();
            match self.step() {
                Ok(None) => {}
                Ok(Some(next)) => {
                    // Nobody hears it any more when the host ends.
                    let _ = tell.send(next);
                    return;
                }
                Err(problems) => {
                    // The same words once only, until something else is wrong.
                    for why in self.tries.failed(problems) {
                        tracing::error!(
                            "a deployment is not taken, and deployment {} runs on: {}",
                            self.running.version,
                            report::line(&why)
                        );
                    }
                }
            }
        }
    }

    /// Looks once, and tries what is due.
    fn step(&mut self) -> Result<Option<Box<Next>>, Vec<Diagnostic>> {
        let due = self.tries.is_due();
        if let Some(deployment) = self.look(due)? {
            self.pending = Some(deployment);
            self.tries = Tries::default();
        } else if !due {
            return Ok(None);
        }
        if let Some(deployment) = self.pending.take() {
            let taken = self.take(&deployment);
            // Not where something newer has come meanwhile.
            if taken.is_err() && self.pending.is_none() {
                self.pending = Some(deployment);
            }
            return taken;
        }
        if !self.behind.is_empty() {
            self.offer();
        }
        Ok(None)
    }

    /// What was deployed since the last look. A topic that cannot be read is not read at each look.
    fn look(&mut self, due: bool) -> Result<Option<Deployment>, Vec<Diagnostic>> {
        let end = self.end.clone();
        let Some(_asking) = end.ask().filter(|_| due || !self.follower.is_in_trouble()) else { return Ok(None) };
        self.follower.look().map_err(|why| vec![why])
    }

    /// Lets changed components take over, or goes over to another graph; something to begin anew with where that cannot be.
    fn take(&mut self, deployment: &Deployment) -> Result<Option<Box<Next>>, Vec<Diagnostic>> {
        let next = self.deployed.release(deployment, Some(self.running.version))?;
        let plan = Plan::between(Some(&self.running.app), &next.app)?;
        if !plan.is_in_place() {
            // What cannot be bound ends nothing.
            return match self.pass(&plan, next)? {
                Passed::Over => Ok(None),
                Passed::Not(next) => {
                    tracing::info!(version = next.release.version, "deployed: the app begins anew");
                    Ok(Some(next))
                }
            };
        }
        for node in plan.changed_nodes() {
            self.refused.remove(node);
            self.behind.insert(node.to_owned());
        }
        self.known.extend(next.app.found.values().map(|component| (component.digest.clone(), component.clone())));
        self.running = next;
        self.offer();
        Ok(None)
    }

    /// Offers the components of all processors that are behind. What was in the way of one may be over at the next try; one that was refused
    /// would be refused again.
    fn offer(&mut self) {
        let (mut later, version) = (Vec::new(), self.running.version);
        for node in mem::take(&mut self.behind) {
            let Some(component) = self.running.app.found.get(&node) else { continue };
            let Err(why) = self.host.take(&Offer { processor: &node, component, max_slowdown: None }) else { continue };
            if why.blame == Blame::Run {
                later.push(why.because(format_args!("the component of '{node}' that was at work stays for now")));
                self.behind.insert(node);
            } else {
                tracing::error!(processor = node, version, "the component at work stays: {}", report::line(&why));
                self.refused.insert(node);
            }
        }
        if self.behind.is_empty() {
            self.tries = Tries::default();
            match self.refused.len() {
                0 => tracing::info!(version, "deployed: taken in place"),
                refused => tracing::error!(
                    version,
                    "deployed: taken in part, {}",
                    report::counted(refused as u64, "component was refused", "components were refused")
                ),
            }
        }
        let failed = if later.is_empty() { later } else { self.tries.failed(later) };
        for why in failed {
            tracing::error!(version, "deployed: taken in part so far: {}", report::line(&why));
        }
    }
}
