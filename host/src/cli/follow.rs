//! A host that runs what is deployed of its app: components that change take over while it works, for everything else it begins anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::broker::Broker;
use crate::deploy::{self, Application, Deployment, Follower, HostOf, Offer, Overrides, Plan};
use crate::error::Diagnostic;
use crate::manifest::{Broker as BrokerSection, Manifest, check_app_id};
use crate::sandbox::Engine;

use super::handle::Handle;
use super::report;

/// How often it looks whether something was deployed.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// The deployments of an app, for one host.
#[derive(Clone)]
pub struct Deployed {
    app: String,
    section: BrokerSection,
    broker: Arc<dyn Broker>,
    engine: Engine,
    overrides: Overrides,
}

/// A deployment that this host runs, or is to run.
#[derive(Clone)]
pub struct Release {
    /// Its number.
    pub version: u64,
    /// What was deployed.
    pub app: Arc<Application>,
}

/// Ends with its value.
pub struct Following {
    /// What the host has to begin anew with.
    pub next: Receiver<Release>,
    over: Arc<AtomicBool>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Deployed {
    /// Those of an app on a cluster that flags name. `told`: the host is to stop.
    pub fn connect(app: &str, overrides: &Overrides, told: &Arc<AtomicBool>) -> Result<Self, Vec<Diagnostic>> {
        check_app_id(app).map_err(|why| vec![Diagnostic::usage("M006", format!("the app is '{app}', which {why}"))])?;
        // No file says anything of it yet.
        let manifest = Manifest::parse("--app", &format!("[app]\nid = \"{app}\"\n\n[broker]\nkind = \"kafka\"\n"))?;
        let one = |problem| vec![problem];
        let BrokerSection::Kafka(section) = &manifest.broker else { return Err(one(nothing_deployed(app))) };
        let host = HostOf { folder: None, told: Some(told) };
        let broker = Arc::new(deploy::open_cluster(&manifest, section, &overrides.cluster, Some(host)).map_err(one)?);
        let (section, engine) = (manifest.broker.clone(), deploy::engine().map_err(one)?);
        Ok(Self { app: app.to_owned(), section, broker, engine, overrides: overrides.clone() })
    }

    /// The last one.
    pub fn last(&self) -> Result<Release, Vec<Diagnostic>> {
        let mut follower = self.follower(0).map_err(|e| vec![e])?;
        let deployment = follower.look().map_err(|e| vec![e])?.ok_or_else(|| vec![nothing_deployed(&self.app)])?;
        self.release(&deployment)
    }

    fn follower(&self, version: u64) -> Result<Follower, Diagnostic> {
        Follower::after(&self.app, version, self.broker.clone()).map_err(|e| Diagnostic::run("B002", "the log failed").because(e))
    }

    fn release(&self, deployment: &Deployment) -> Result<Release, Vec<Diagnostic>> {
        let name = deployment.name(&self.app);
        let app = Application::deployed(&self.engine, &deployment.bundle, &name, self.section.clone(), &self.overrides)?;
        Ok(Release { version: deployment.version, app: Arc::new(app) })
    }

    /// Follows what is deployed after a release, until the answer is dropped.
    pub fn follow(&self, running: Release, host: &Handle) -> Result<Following, Diagnostic> {
        let (tell, next) = channel();
        let over = Arc::<AtomicBool>::default();
        let follower = self.follower(running.version)?;
        let follow = Follow { deployed: self.clone(), follower, running, host: host.clone(), over: over.clone(), tell };
        std::thread::Builder::new()
            .name("deployments".into())
            .spawn(move || follow.run())
            .map_err(|e| Diagnostic::run("R001", "the thread that follows deployments cannot be started").because(e))?;
        Ok(Following { next, over })
    }
}

struct Follow {
    deployed: Deployed,
    follower: Follower,
    running: Release,
    host: Handle,
    over: Arc<AtomicBool>,
    tell: Sender<Release>,
}

impl Follow {
    fn run(mut self) {
        let mut said = None;
        while !self.over.load(Ordering::Relaxed) {
            std::thread::park_timeout(LOOK_INTERVAL);
            let looked = self.follower.look();
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            match looked {
                Ok(None) => said = None,
                Ok(Some(deployment)) => match self.take(&deployment) {
                    Ok(None) => {}
                    Ok(Some(release)) => {
                        // Nobody hears it any more when the host ends.
                        let _ = self.tell.send(release);
                        return;
                    }
                    Err(problems) => problems
                        .iter()
                        .for_each(|why| tracing::error!(version = deployment.version, "a deployment is not taken: {}", report::line(why))),
                },
                // The same words each time, until it works again.
                Err(why) if said.as_ref() != Some(&why) => {
                    tracing::warn!("what is deployed cannot be read: {}", report::line(&why));
                    said = Some(why);
                }
                Err(_) => {}
            }
        }
    }

    /// Lets changed components take over; a release to begin anew with where more than components has changed.
    fn take(&mut self, deployment: &Deployment) -> Result<Option<Release>, Vec<Diagnostic>> {
        let next = self.deployed.release(deployment)?;
        let plan = Plan::between(Some(&self.running.app), &next.app)?;
        if !plan.is_in_place() {
            tracing::info!(version = next.version, "deployed: the app begins anew");
            return Ok(Some(next));
        }
        for node in plan.changed_nodes() {
            let Some(component) = next.app.found.get(node) else { continue };
            if let Err(why) = self.host.take(&Offer { processor: node, component, max_slowdown: None }) {
                tracing::error!(processor = node, version = next.version, "the component at work stays: {}", report::line(&why));
            }
        }
        tracing::info!(version = next.version, "deployed: taken in place");
        self.running = next;
        Ok(None)
    }
}

fn nothing_deployed(app: &str) -> Diagnostic {
    Diagnostic::usage("R100", format!("nothing of the app '{app}' is deployed on this cluster"))
        .hint("`cofferdam deploy APP.toml` publishes it")
}
