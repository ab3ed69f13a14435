//! A host that goes over to another graph while it works: what is in both graphs goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::broker::Member;
use crate::deploy::{Application, Deployment, Entered, Plan, Plugins};
use crate::error::Diagnostic;
use crate::runtime::{HostPlan, Passage};

use super::super::agreement;
use super::super::ground::Bound;
use super::super::report::counted;
use super::{Follow, LOOK_INTERVAL, Next, Release};

/// What came of a deployment with another graph.
pub(super) enum Passed {
    /// The host runs it, or it ends.
    Over,
    /// With this the host has to begin anew.
    Not(Box<Next>),
}

/// What came of waiting for the others.
enum Waited {
    AllHaveGivenBack,
    TheHostEnds,
    /// This was deployed meanwhile.
    Instead(Box<Next>),
}

impl Follow {
    /// Goes over to a release, as far as what runs allows. An error: it is tried again, and nothing of it has been taken yet.
    pub(super) fn pass(&mut self, plan: &Plan, next: Release) -> Result<Passed, Vec<Diagnostic>> {
        let one = |problem| vec![problem];
        let end = self.end.clone();
        let (Some(running), Some(asking)) = (self.host.plan(), end.ask()) else { return Ok(Passed::Over) };
        let app = next.app.topology.app.clone();
        let mut bound = self.deployed.binder.bind_to(&next.app, running.broker.clone())?;
        let same_outputs = self.deployed.binder.sinks(&self.running.app).map_err(one)? == bound.sinks;
        if !(same_outputs && same_settings(&self.running.app, &next.app) && same_limits(&running, &bound.plan)) {
            return self.deployed.next(next).map(Passed::Not);
        }
        self.deployed.remember(&next, &bound);
        // Databases of tasks that go on have their memory of it.
        bound.plan.budget = running.budget.clone();
        let Bound { nodes, plan: new, graph, .. } = bound;
        let entered = Entered { deployment: next.version, graph };
        let failed = |why| vec![Diagnostic::run("B002", "the log failed").because(why)];
        let on_kafka = self.deployed.binder.ground.is_on_kafka();
        let note = on_kafka.then(|| entered.note(&*running.broker, &app)).transpose().map_err(failed)?;
        let Some(passage) = self.host.passage(new, note) else { return self.deployed.next(next).map(Passed::Not) };
        drop(asking);
        self.graph.set(None);
        self.host.retire(&passage);
        match self.wait_for_all(&running, &app, &passage, &entered) {
            Waited::AllHaveGivenBack => {}
            Waited::TheHostEnds => return Ok(Passed::Over),
            Waited::Instead(newer) => return Ok(Passed::Not(newer)),
        }
        self.host.replan(&passage, Plugins::new(next.app.clone(), nodes), LOOK_INTERVAL, || !self.end.come.load(Ordering::Relaxed));
        self.graph.set(Some(&entered.graph));
        self.has_passed(plan, next, &passage);
        Ok(Passed::Over)
    }

    /// Until no thread of the group has anything any more that is in one of both graphs only.
    fn wait_for_all(&mut self, running: &HostPlan, app: &str, passage: &Passage, entered: &Entered) -> Waited {
        let topics = passage.given_back();
        let mut said = false;
        loop {
            if self.end.come.load(Ordering::Relaxed) {
                return Waited::TheHostEnds;
            }
            let retired = self.host.is_retired(passage, LOOK_INTERVAL);
            let others = agreement::in_the_way(&*running.broker, app, &topics, entered).unwrap_or_else(|why| {
                tracing::debug!("{why}");
                None
            });
            match others {
                Some(others) if others.is_empty() && retired => return Waited::AllHaveGivenBack,
                Some(others) if retired && others.iter().any(|member| !member.own) && !said => {
                    said = true;
                    let others: Vec<Member> = others.into_iter().filter(|member| !member.own).collect();
                    tracing::warn!("waits for members of the group that run the graph before: {}", agreement::names(&others));
                }
                _ => {}
            }
            // One that cannot be read, or taken, is no reason to stop half-way: its turn comes later.
            if let Some(newer) = self.look(true).ok().flatten() {
                let next = self.next(&newer);
                self.pending = Some(newer);
                if let Ok(next) = next {
                    return Waited::Instead(next);
                }
            }
            if retired {
                std::thread::park_timeout(LOOK_INTERVAL);
            }
        }
    }

    /// A deployment to begin anew with.
    fn next(&self, deployment: &Deployment) -> Result<Box<Next>, Vec<Diagnostic>> {
        let release = self.deployed.release(deployment, Some(self.running.version))?;
        let Some(_asking) = self.end.ask() else { return Err(Vec::new()) };
        self.deployed.next(release)
    }

    fn has_passed(&mut self, plan: &Plan, next: Release, passage: &Passage) {
        let named = |names: Vec<Arc<str>>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let (ended, begun) = passage.changes();
        let (goes_on, ended, begun) = (named(passage.stays()), named(ended), named(begun));
        tracing::info!(version = next.version, "deployed: sub-topologies that go on: {goes_on}; ended: {ended}; begun: {begun}");
        let goes_on =
            |node: &str| self.running.app.topology.nodes.iter().zip(0..).any(|(there, at)| *there.name == *node && passage.keeps(at));
        // All others have come with the components that were deployed.
        self.behind.retain(|node| goes_on(node));
        self.refused.retain(|node| goes_on(node));
        let changed: Vec<String> = plan.changed_nodes().filter(|node| goes_on(node)).map(str::to_owned).collect();
        for node in changed {
            self.refused.remove(&node);
            self.behind.insert(node);
        }
        self.known.extend(next.app.found.values().map(|component| (component.digest.clone(), component.clone())));
        self.running = next;
        if !self.behind.is_empty() {
            tracing::info!("{} to take over", counted(self.behind.len() as u64, "component is", "components are"));
            self.offer();
        }
    }
}

/// What a client of the log, and every task, is made for.
fn same_settings(old: &Application, new: &Application) -> bool {
    let of = |app: &Application| {
        let (manifest, runtime) = (&app.manifest, &app.manifest.runtime);
        (manifest.app.guarantee, runtime.threads, runtime.memory_bytes, app.topology.app.clone(), app.state_dir.clone())
    };
    of(old) == of(new)
}

fn same_limits(old: &HostPlan, new: &HostPlan) -> bool {
    let of =
        |plan: &HostPlan| (plan.transaction_bytes, plan.commit_interval, plan.commit_floor, plan.max_task_idle, plan.tasks_folder.clone());
    of(old) == of(new)
}
