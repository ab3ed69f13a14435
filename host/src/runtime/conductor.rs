//! A swap from beginning to end, seen from outside the threads: each tries the new version first, and only when it can be made in every task
//! does it take over, in each thread at its own next commit boundary. A thread that does not answer within the bound leaves everything as it
//! was.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Diagnostic;
use crate::limits;
use crate::node::VersionId;
use crate::topology::NodeIx;

use super::caller::Caller;
use super::plan::HostPlan;
use super::status::Command;
use super::versions::{Terms, VersionStatus, Vote};

/// Leads the threads of a host from version to version.
#[derive(Clone)]
pub struct Conductor {
    plan: Arc<HostPlan>,
    threads: Vec<Caller>,
}

/// A version has taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenOver {
    /// The version that worked before.
    pub from: VersionId,
    /// The one that works now.
    pub to: VersionId,
    /// Tasks in which it was tried first.
    pub tasks: usize,
    /// The longest time that a thread processed nothing because of it.
    pub pause: Duration,
}

impl Conductor {
    pub(super) fn new(plan: Arc<HostPlan>, threads: Vec<Caller>) -> Self {
        Self { plan, threads }
    }

    /// What is known of a node's version.
    pub fn status(&self, node: NodeIx) -> VersionStatus {
        self.plan.versions.status(node)
    }

    /// Lets a version of a node take over in all tasks. An error: the old one works on. One call at a time.
    pub fn swap(&self, node: NodeIx, version: VersionId, terms: Terms) -> Result<TakenOver, Diagnostic> {
        let versions = &self.plan.versions;
        let from = versions.wanted_of(node).version;
        if from == version {
            return Ok(TakenOver { from, to: version, tasks: 0, pause: Duration::ZERO });
        }
        let vote = self.rehearse(node, version)?;
        let generation = versions.take_over(node, version, terms, self.plan.clock.now());
        match versions.followed(node, generation, self.threads.len(), limits::SWAP_PATIENCE) {
            Ok(pause) => Ok(TakenOver { from, to: version, tasks: vote.tasks, pause: pause + vote.pause }),
            Err(Some(why)) => Err(why),
            Err(None) if terms == Terms::ForGood => {
                Err(too_late("a stream thread has not come to a commit in time; it takes the new version when it does"))
            }
            Err(None) => {
                let why = "a stream thread did not come to a commit in time";
                versions.roll_back(node, why, self.plan.clock.now());
                Err(too_late(why))
            }
        }
    }

    /// Lets the version before come back, in all tasks. One call at a time.
    pub fn roll_back(&self, node: NodeIx) -> Result<TakenOver, Diagnostic> {
        let versions = &self.plan.versions;
        let from = versions.wanted_of(node).version;
        let Some(generation) = versions.roll_back(node, "by hand", self.plan.clock.now()) else {
            let name = &self.plan.topology.nodes[node.0].name;
            return Err(Diagnostic::usage("R094", format!("'{name}' has no version before"))
                .hint("a version is kept from a swap until the next one, or until it has come back"));
        };
        let to = versions.wanted_of(node).version;
        match versions.followed(node, generation, self.threads.len(), limits::SWAP_PATIENCE) {
            Ok(pause) => Ok(TakenOver { from, to, tasks: 0, pause }),
            Err(Some(why)) => Err(why),
            Err(None) => Err(too_late("a stream thread has not come to a commit in time; it goes back when it does")),
        }
    }

    fn rehearse(&self, node: NodeIx, version: VersionId) -> Result<Vote, Diagnostic> {
        let versions = &self.plan.versions;
        versions.begin_votes(node, version);
        for thread in &self.threads {
            if !thread.tell(Command::Rehearse(node, version)) {
                return Err(too_late("a stream thread has ended"));
            }
        }
        versions.votes(self.threads.len(), limits::SWAP_PATIENCE).unwrap_or_else(|| Err(too_late("a stream thread did not answer in time")))
    }
}

fn too_late(why: &str) -> Diagnostic {
    Diagnostic::run("R093", "the swap was given up").because(why).hint("`status` tells what the threads are busy with")
}
