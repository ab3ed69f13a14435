//! Another version of a node in the place of the one that works, and what a task does differently while a version is on trial.

use crate::node::{Effort, Lent, Node, VersionId};
use crate::record::Timestamp;
use crate::store::Savepoint;

use super::failure::{RecordFailure, Verdict};
use super::plan::{LocalNode, TaskPlan};
use super::work::{Task, TaskError};

/// What a node was given, and what went wrong in its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCount {
    /// Records, those included whose walk came to nothing.
    pub records: u64,
    /// Traps and missed deadlines.
    pub traps: u64,
    /// Other failures that a policy dealt with.
    pub bad: u64,
}

/// What a task has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Source records whose walk ended well.
    pub records: u64,
    /// Nanoseconds spent on them.
    pub busy_ns: u64,
}

/// A record, or a punctuation, that failed at a node on trial or below it.
#[derive(Debug)]
pub struct TrialFailure {
    /// The node on trial: position in the plan.
    pub at: usize,
    /// What failed.
    pub failure: RecordFailure,
}

/// The versions of a task's nodes.
#[derive(Debug, Default)]
pub(super) struct Trials {
    /// Other versions than the first, by position in the plan.
    versions: Vec<(usize, VersionId)>,
    /// Nodes on trial, each with itself and all that is below it.
    on_trial: Vec<(usize, Vec<LocalNode>)>,
    /// Work that somebody has asked for already.
    told: Work,
}

/// What is undone when a version is not taken.
struct Begun {
    stores: Option<Savepoint>,
    random: Option<crate::node::SeededRandom>,
}

impl Task {
    /// The version of a node: position in the plan.
    pub fn version(&self, at: usize) -> VersionId {
        self.trials.versions.iter().find(|(node, _)| *node == at).map_or_else(VersionId::default, |(_, version)| *version)
    }

    /// Says which version a node is.
    pub fn set_version(&mut self, at: usize, version: VersionId) {
        self.trials.versions.retain(|(node, _)| *node != at);
        self.trials.versions.push((at, version));
    }

    /// Makes a version of a node aside, to see whether it can be made, and lets go of it: nothing of it stays.
    pub fn rehearse<E>(&mut self, at: usize, now: Timestamp, make: impl FnOnce(&mut Lent) -> Result<Box<dyn Node>, E>) -> Result<(), E> {
        let begun = self.begin_making(at, now);
        let made = make(&mut self.walker.env).map(drop);
        self.undo_making(begun);
        made
    }

    /// Puts another version of a node into its place; when it cannot be made the old one stays, as if nothing had been tried. Only at a commit
    /// boundary. What it writes while it is made belongs to the next transaction, and a rewind would not write it again: it is to be
    /// committed at once.
    pub fn exchange<E>(
        &mut self,
        at: usize,
        version: VersionId,
        now: Timestamp,
        make: impl FnOnce(&mut Lent) -> Result<Box<dyn Node>, E>,
    ) -> Result<(), E> {
        let begun = self.begin_making(at, now);
        let node = match make(&mut self.walker.env) {
            Ok(node) => node,
            Err(why) => {
                self.undo_making(begun);
                return Err(why);
            }
        };
        let local = at as LocalNode;
        self.migrating.retain(|migrating| *migrating != local);
        self.migrating.extend(node.is_behind().then_some(local));
        self.at_commit.migrating = self.migrating.clone();
        let old = self.walker.nodes[at].replace(node);
        if let Some(env) = &mut self.walker.env {
            if let Some(stores) = begun.stores {
                env.stores.release(stores);
            }
            env.schedules.end_asking();
            env.schedules.savepoint();
            self.dirty |= !env.stores.is_clean();
            self.at_commit.schedules = env.schedules.clone();
        }
        if let Some(mut old) = old {
            old.close(&mut self.walker.env);
        }
        if let Some(env) = &mut self.walker.env {
            // The old one cannot cancel what the new one has asked for.
            env.schedules = self.at_commit.schedules.clone();
        }
        // What was refused, or failed, was another version's.
        self.walker.refusals.clear();
        self.last_failed = None;
        self.set_version(at, version);
        Ok(())
    }

    fn begin_making(&mut self, at: usize, now: Timestamp) -> Begun {
        let Some(env) = &mut self.walker.env else { return Begun { stores: None, random: None } };
        env.schedules.savepoint();
        env.schedules.begin_asking(at as LocalNode);
        env.effort = Effort::default();
        env.position = None;
        env.now = now;
        env.row_timestamp = now;
        Begun { stores: Some(env.stores.savepoint()), random: Some(env.random.clone()) }
    }

    fn undo_making(&mut self, begun: Begun) {
        let Some(env) = &mut self.walker.env else { return };
        if let Some(stores) = begun.stores {
            env.stores.roll_back(stores);
            env.stores.release(stores);
        }
        if let Some(random) = begun.random {
            env.random = random;
        }
        env.schedules.roll_back();
    }

    /// Says which of its nodes, by position in the plan, are on trial: what fails there or below is for nobody's policy.
    pub fn set_on_trial(&mut self, nodes: impl IntoIterator<Item = usize>) {
        let plan = self.plan.clone();
        self.trials.on_trial = nodes.into_iter().map(|at| (at, with_below(&plan, at))).collect();
    }

    /// What a node was given since the last time, and what the task has done.
    pub fn take_count(&mut self, at: usize) -> NodeCount {
        self.walker.counts.get_mut(at).map(std::mem::take).unwrap_or_default()
    }

    /// What the task has done since the last time.
    pub fn take_work(&mut self) -> Work {
        let now = Work { records: self.counters.processed, busy_ns: self.counters.busy_ns };
        let told = std::mem::replace(&mut self.trials.told, now);
        Work { records: now.records - told.records, busy_ns: now.busy_ns - told.busy_ns }
    }

    /// Whether the failure that was dealt with last is that of this record.
    pub fn failed_last_at(&self, position: &crate::node::Position) -> bool {
        self.last_failed.as_ref() == Some(position)
    }

    /// Counts a failure; an error when a version on trial may be the cause, whatever the policy says.
    pub(super) fn on_trial(&mut self, node: LocalNode, verdict: &Verdict, failure: &RecordFailure) -> Result<(), TaskError> {
        if matches!(verdict, Verdict::Sleep(_) | Verdict::State(_)) {
            return Ok(());
        }
        if let Some(count) = self.walker.counts.get_mut(node as usize) {
            let kind = if failure.is_trap() { &mut count.traps } else { &mut count.bad };
            *kind += 1;
        }
        match self.trials.on_trial.iter().find(|(_, reached)| reached.contains(&node)) {
            Some((at, _)) => Err(TaskError::OnTrial(Box::new(TrialFailure { at: *at, failure: failure.clone() }))),
            None => Ok(()),
        }
    }
}

/// A node and all that its records reach.
fn with_below(plan: &TaskPlan, at: usize) -> Vec<LocalNode> {
    let mut reached = vec![at as LocalNode];
    let mut next = 0;
    while let Some(&node) = reached.get(next) {
        next += 1;
        for child in plan.node(node).children.iter().flatten() {
            if !reached.contains(&child.node) {
                reached.push(child.node);
            }
        }
    }
    reached
}
