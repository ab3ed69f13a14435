//! A deployment on its way: planned on what is published, shown, and published itself.

use std::path::Path;
use std::sync::Arc;

use super::application::{Application, Overrides};
use super::bundle::Bundle;
use super::deployments::{Deployment, Deployments, publish, read_in_the_end};
use super::plan::{How, Plan, Thing};
use super::signing::Signature;
use super::topics::{log_failed, missing_topics};
use crate::broker::{Broker, BrokerError, Reader};
use crate::component;
use crate::error::Diagnostic;
use crate::manifest::{Broker as Section, Manifest};
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
    /// Topics that the cluster lacks; hosts without `--create-topics` stay on the deployment before while one is missing.
    pub missing: Vec<Arc<str>>,
    bundle: Bundle,
    on_kafka: bool,
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
        let host = manifest.of_host();
        // As hosts will find it.
        let new = Application::deployed(engine, &bundle, &path.display().to_string(), host.clone(), overrides)?;
        let app = new.topology.app.clone();
        // On the log of a state folder the host makes its topics.
        let on_kafka = matches!(manifest.broker, Section::Kafka(_));
        let missing = if on_kafka { missing_topics(&new, broker)? } else { Vec::new() };
        let mut deployments = Deployments::of(&app);
        let mut reader = broker.reader().map_err(log_failed)?;
        deployments.read(broker, &mut *reader).map_err(log_failed)?;
        let planned_on = deployments.last();
        let published = planned_on.and_then(|version| deployments.get(version).inspect_err(|why| tracing::warn!("{}", why.brief())).ok());
        let old = published.as_ref().map(|old| Application::deployed(engine, &old.bundle, &old.name(&app), host, overrides)).transpose()?;
        let plan = Plan::between(old.as_ref(), &new)?;
        let is_there = published.is_some_and(|old| old.bundle.digest() == bundle.digest());
        Ok(Self { app, planned_on, plan, missing, bundle, on_kafka, is_there })
    }

    /// Whether there is nothing to publish.
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// One name for the manifest and its components.
    pub fn digest(&self) -> String {
        self.bundle.digest()
    }

    /// What it would change, in lines for a person.
    pub fn told(&self) -> Vec<String> {
        let on = self.planned_on.map_or_else(|| "nothing is published yet".to_owned(), |version| format!("planned on {version}"));
        let mut lines = vec![format!("{}: {} ({on})", self.app, component::short(&self.digest()))];
        lines.extend(self.plan.changes.iter().map(|change| {
            let (sign, parts) = match &change.how {
                How::Added => ("+", String::new()),
                How::Changed(parts) => ("~", format!(": {}", parts.join(", "))),
                How::Removed => ("-", String::new()),
            };
            format!("  {sign} {} {}{parts}", change.of, change.name)
        }));
        // Where nothing changes nobody asks what stays.
        let kept = self.plan.kept.iter().filter(|_| !self.plan.changes.is_empty());
        lines.extend(kept.map(|store| format!("  = {} {store}: kept", Thing::State)));
        lines.extend(self.missing.iter().map(|topic| {
            format!("  ! topic {topic} does not exist: until it does, hosts that run without --create-topics stay on what they have")
        }));
        lines.push(self.effect().to_owned());
        lines
    }

    fn effect(&self) -> &'static str {
        match self.planned_on {
            None if self.on_kafka => "`cofferdam run --app` runs it on any machine",
            None => "`cofferdam run --app` runs it from this state folder",
            Some(_) if self.plan.changes.is_empty() => "hosts have nothing to do",
            Some(_) if self.plan.is_in_place() => "hosts change components in place, on trial",
            Some(_) => "hosts begin the sub-topologies that change anew, the others go on; state of what is removed stays in its changelog",
        }
    }

    /// As `publish`, where the plan that somebody saw was another one's.
    pub fn publish_as_planned(
        &self,
        broker: &dyn Broker,
        planned_on: Option<u64>,
        digest: &str,
        signature: Option<&Signature>,
    ) -> Result<u64, Diagnostic> {
        if self.digest() != digest {
            return Err(Diagnostic::usage("R102", "the manifest or a component has changed since the plan was made")
                .hint("look at the plan again: the same command makes a new one"));
        }
        publish(broker, &self.app, &self.bundle, planned_on, signature)
    }

    /// Publishes it; its number. An error when something else was published since the plan was made.
    pub fn publish(&self, broker: &dyn Broker, signature: Option<&Signature>) -> Result<u64, Diagnostic> {
        publish(broker, &self.app, &self.bundle, self.planned_on, signature)
    }
}

impl Deployment {
    /// What messages call it.
    pub fn name(&self, app: &str) -> String {
        format!("deployment {} of {app}", self.version)
    }
}

/// The number of the last deployment of an app.
pub fn last_deployment(broker: &dyn Broker, app: &str) -> Result<Option<u64>, Diagnostic> {
    let failed = |why: BrokerError| Diagnostic::run("B002", "the log failed").because(why);
    let mut deployments = Deployments::of(app);
    let mut reader = broker.reader().map_err(failed)?;
    deployments.read(broker, &mut *reader).map_err(failed)?;
    Ok(deployments.last())
}

/// Refuses an app that another graph is published of: its hosts would not agree which tasks there are. What is published and cannot be compared
/// is an error as well: nobody would know whether they agree.
pub fn agree(app: &Application, broker: &dyn Broker, overrides: &Overrides) -> Result<(), Vec<Diagnostic>> {
    let id = &app.topology.app;
    let mut reader = broker.reader().map_err(log_failed)?;
    let deployments = read_in_the_end(broker, &mut *reader, id).map_err(log_failed)?;
    let Some(version) = deployments.last() else { return Ok(()) };
    let differs = |why: String| {
        Diagnostic::usage("R105", format!("deployment {version} of '{id}' has another graph than this manifest")).because(why).hint(HINT)
    };
    let unknown = |problems: Vec<Diagnostic>| {
        let what = format!("deployment {version} of '{id}' cannot be compared with this manifest");
        vec![problems.iter().fold(Diagnostic::usage("R105", what), |told, why| told.because(why.brief())).hint(HINT)]
    };
    let deployment = deployments.get(version).map_err(|why| unknown(vec![why]))?;
    let engine = match app.components.values().next() {
        Some(loaded) => loaded.engine().clone(),
        None => super::application::engine().map_err(|why| vec![why])?,
    };
    let published = Application::deployed(&engine, &deployment.bundle, &deployment.name(id), app.manifest.of_host(), overrides);
    let plan = Plan::between(Some(&published.map_err(unknown)?), app)?;
    if !plan.changes_the_graph() {
        return Ok(());
    }
    let names: Vec<&str> = plan.changes.iter().map(|change| change.name.as_str()).take(NAMED).collect();
    Err(vec![differs(format!("different are {}", names.join(", ")))])
}

const HINT: &str = "publish the manifest (`cofferdam deploy`): hosts follow it by themselves; `run --app` runs what is deployed";
/// Differences that an error names.
const NAMED: usize = 10;

/// Follows what is published of an app.
pub struct Follower {
    app: Arc<str>,
    broker: Arc<dyn Broker>,
    reader: Box<dyn Reader>,
    /// Where the topic ended when it was read last.
    end: Option<Offset>,
    in_trouble: bool,
    given: u64,
}

impl Follower {
    /// On from this deployment, 0 before the first.
    pub fn after(app: &str, version: u64, broker: Arc<dyn Broker>) -> Result<Self, BrokerError> {
        let reader = broker.reader()?;
        Ok(Self { app: app.into(), broker, reader, end: None, in_trouble: false, given: version })
    }

    /// The last deployment, where that is another one than was given before. One that is broken is an error, each time until it is whole. Between
    /// two deployments nothing is kept of them.
    pub fn look(&mut self) -> Result<Option<Deployment>, Diagnostic> {
        let looked = self.look_once();
        self.in_trouble = looked.is_err();
        looked
    }

    /// Whether the last look has failed.
    pub fn is_in_trouble(&self) -> bool {
        self.in_trouble
    }

    fn look_once(&mut self) -> Result<Option<Deployment>, Diagnostic> {
        let failed = |why: BrokerError| Diagnostic::run("B002", "the log failed").because(why);
        let mut deployments = Deployments::of(&self.app);
        let end = deployments.end(&*self.broker).map_err(failed)?;
        if end == self.end {
            return Ok(None);
        }
        deployments.read(&*self.broker, &mut *self.reader).map_err(failed)?;
        let last = deployments.last().filter(|last| *last != self.given);
        let given = last.map(|last| deployments.get(last)).transpose()?;
        // Only now: what is broken is looked at again.
        (self.end, self.given) = (end, last.unwrap_or(self.given));
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::broker::OutgoingRecord;
    use crate::broker::sim::SimBroker;
    use crate::clock::VirtualClock;
    use crate::component::Component;
    use crate::record::Record;

    #[test]
    fn a_deployment_that_arrives_broken_is_given_once_it_is_whole() {
        let broker = SimBroker::new(Arc::new(VirtualClock::default()));
        let component = Component { name: "a.wasm".into(), digest: component::digest(b"whole"), bytes: b"whole"[..].into() };
        let bundle = Bundle { manifest: String::new(), components: BTreeMap::from([(component.name.clone(), component.clone())]) };
        publish(&broker, "app", &bundle, None, None).unwrap();
        let chunk = |bytes: &'static [u8]| {
            let key = format!("component/{}/0", component.digest).into();
            let record = Record { key: Some(key), value: Some(bytes.into()), ..Record::default() };
            broker.produce(vec![OutgoingRecord { topic: "app-deployments".into(), partition: Some(0), record }], None).unwrap();
        };
        let mut follower = Follower::after("app", 0, Arc::new(broker.clone())).unwrap();
        chunk(b"other");
        assert_eq!(follower.look().unwrap_err().code, "R101");
        assert_eq!(follower.look().unwrap_err().code, "R101");
        chunk(b"whole");
        assert_eq!(follower.look().unwrap().map(|given| (given.version, given.bundle)), Some((1, bundle)));
        assert_eq!(follower.look(), Ok(None));
    }
}
