//! A deployment on its way: planned on what is published, shown, and published itself.

use std::path::Path;
use std::sync::Arc;

use super::application::{Application, Overrides};
use super::bundle::Bundle;
use super::deployments::{Deployment, Deployments, publish};
use super::plan::Plan;
use super::topics::log_failed;
use crate::broker::{Broker, BrokerError, Reader};
use crate::component;
use crate::error::Diagnostic;
use crate::manifest::Manifest;
use crate::record::Offset;
use crate::sandbox::Engine;

/// What would be published, and what that would change.
pub struct Rollout {
    /// `app.id`.
    pub app: Arc<str>,
    /// The number of the deployment that is published; `None`: there is none.
    pub planned_on: Option<u64>,
    /// What changes.
    pub plan: Plan,
    bundle: Bundle,
    /// The published deployment is the same.
    is_there: bool,
}

impl Rollout {
    /// Reads, compiles and checks the app of a manifest, and compares it with what is published. Writes nothing.
    pub fn plan(engine: &Engine, path: &Path, broker: &dyn Broker, overrides: &Overrides) -> Result<Self, Vec<Diagnostic>> {
        let manifest = Manifest::load(path)?;
        let unreadable = |why| vec![Diagnostic::usage("M001", format!("the manifest {} cannot be read", path.display())).because(why)];
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let found = component::load(&manifest)?;
        let bundle = Bundle::new(&text, &found).map_err(|e| vec![e])?;
        let section = manifest.broker.clone();
        // As hosts will find it.
        let new = Application::deployed(engine, &bundle, &path.display().to_string(), section.clone(), overrides)?;
        let app = new.topology.app.clone();
        let mut deployments = Deployments::of(&app);
        let mut reader = broker.reader().map_err(log_failed)?;
        deployments.read(broker, &mut *reader).map_err(log_failed)?;
        let planned_on = deployments.last();
        let published = planned_on.and_then(|version| deployments.get(version).inspect_err(|why| tracing::warn!("{}", why.brief())).ok());
        let old =
            published.as_ref().map(|old| Application::deployed(engine, &old.bundle, &old.name(&app), section, overrides)).transpose()?;
        let plan = Plan::between(old.as_ref(), &new)?;
        let is_there = published.is_some_and(|old| old.bundle.digest() == bundle.digest());
        Ok(Self { app, planned_on, plan, bundle, is_there })
    }

    /// Whether there is nothing to publish.
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// One name for the manifest and its components.
    pub fn digest(&self) -> String {
        self.bundle.digest()
    }

    /// Publishes it; its number. An error when something else was published since the plan was made.
    pub fn publish(&self, broker: &dyn Broker) -> Result<u64, Diagnostic> {
        publish(broker, &self.app, &self.bundle, self.planned_on)
    }
}

impl Deployment {
    /// What messages call it.
    pub fn name(&self, app: &str) -> String {
        format!("deployment {} of {app}", self.version)
    }
}

/// Refuses an app that another graph is published of: its hosts would not agree which tasks there are. Where nothing is published, or what is
/// cannot be read, there is nothing to agree with.
pub fn agree(app: &Application, broker: &dyn Broker, overrides: &Overrides) -> Result<(), Diagnostic> {
    let id = &app.topology.app;
    let mut deployments = Deployments::of(id);
    let read = broker.reader().and_then(|mut reader| deployments.read(broker, &mut *reader));
    if let Err(why) = read {
        tracing::debug!("what is deployed cannot be read: {why}");
        return Ok(());
    }
    let Some(deployment) = deployments.last().and_then(|version| deployments.get(version).ok()) else { return Ok(()) };
    let Some(engine) = app.components.values().next().map(|loaded| loaded.engine().clone()) else { return Ok(()) };
    let published = Application::deployed(&engine, &deployment.bundle, &deployment.name(id), app.manifest.broker.clone(), overrides);
    let Some(plan) = published.ok().and_then(|published| Plan::between(Some(&published), app).ok()) else { return Ok(()) };
    if !plan.changes_the_graph() {
        return Ok(());
    }
    let differs: Vec<&str> = plan.changes.iter().map(|change| change.name.as_str()).take(NAMED).collect();
    Err(Diagnostic::usage("R105", format!("deployment {} of '{id}' has another graph than this manifest", deployment.version))
        .because(format!("different are {}", differs.join(", ")))
        .hint("publish the manifest (`cofferdam deploy`): hosts follow it by themselves; `run --app` runs what is deployed"))
}

/// Differences that an error names.
const NAMED: usize = 10;

/// Follows what is published of an app.
pub struct Follower {
    app: Arc<str>,
    broker: Arc<dyn Broker>,
    reader: Box<dyn Reader>,
    /// Where the topic ended when it was read last.
    end: Option<Offset>,
    given: u64,
}

impl Follower {
    /// On from this deployment, 0 before the first.
    pub fn after(app: &str, version: u64, broker: Arc<dyn Broker>) -> Result<Self, BrokerError> {
        let reader = broker.reader()?;
        Ok(Self { app: app.into(), broker, reader, end: None, given: version })
    }

    /// The last deployment, where that is another one than was given before. One that is broken is given as an error, and once. Between two
    /// deployments nothing is kept of them.
    pub fn look(&mut self) -> Result<Option<Deployment>, Diagnostic> {
        let failed = |why: BrokerError| Diagnostic::run("B002", "the log failed").because(why);
        let mut deployments = Deployments::of(&self.app);
        let end = deployments.end(&*self.broker).map_err(failed)?;
        if end == self.end {
            return Ok(None);
        }
        deployments.read(&*self.broker, &mut *self.reader).map_err(failed)?;
        self.end = end;
        let Some(last) = deployments.last().filter(|last| *last != self.given) else { return Ok(None) };
        self.given = last;
        deployments.get(last).map(Some)
    }
}
