//! From one plan to the next while threads run: tasks of sub-topologies that are in both go on as if nothing had happened, all others end, or are
//! made.
//!
//! It takes two steps, and every thread has made the first one before any makes the second: tasks of the old plan and of the new one may be after
//! the same partitions. First a thread gives back what does not stay, at a commit; then, at another one, it takes the new plan for its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::broker::{Committed, Subscription};
use crate::record::{Timestamp, TopicPartition};
use crate::topology::{NodeIx, TaskId, stays};

use super::errors::ThreadError;
use super::plan::HostPlan;
use super::thread::{Slot, StreamThread, reader, sub_topologies};

/// What threads commit beside the offsets of their tasks, so that others of the group know what they run.
pub type Note = (TopicPartition, Committed);

/// The way from one plan to another.
pub struct Passage {
    old: Arc<HostPlan>,
    new: Arc<HostPlan>,
    /// Sub-topologies that are in both: index there, index here.
    stays: BTreeMap<usize, usize>,
    note: Option<Note>,
    passed: Mutex<Passed>,
    moved: Condvar,
}

/// Threads by number.
#[derive(Debug, Default)]
struct Passed {
    retired: BTreeSet<u32>,
    replanned: BTreeSet<u32>,
}

impl std::fmt::Debug for Passage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passage").field("stays", &self.stays).finish_non_exhaustive()
    }
}

impl Passage {
    /// From a plan that runs to one for the same app, log and settings; `None`: nothing would stay. `note`: committed by each thread that goes over.
    pub fn between(old: Arc<HostPlan>, new: HostPlan, note: Option<Note>) -> Option<Self> {
        let same = |(was, is): &(usize, usize)| old.counts(*was) == new.counts(*is);
        let stays: BTreeMap<usize, usize> = stays(&old.topology, &new.topology).into_iter().filter(same).collect();
        let passed = Mutex::default();
        (!stays.is_empty()).then(|| Self { old, new: Arc::new(new), stays, note, passed, moved: Condvar::new() })
    }

    /// The plan that threads go over to.
    pub(super) fn plan(&self) -> &Arc<HostPlan> {
        &self.new
    }

    /// The names of the sub-topologies whose tasks go on.
    pub fn stays(&self) -> Vec<Arc<str>> {
        self.stays.keys().map(|sub| self.old.topology.sub_topologies[*sub].name.clone()).collect()
    }

    /// The names of those that end, and of those that come.
    pub fn changes(&self) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let name = |plan: &HostPlan, sub: usize| plan.topology.sub_topologies[sub].name.clone();
        let ends = (0..self.old.tasks.len()).filter(|sub| !self.stays.contains_key(sub)).map(|sub| name(&self.old, sub));
        let comes = (0..self.new.tasks.len()).filter(|sub| self.stays.values().all(|kept| kept != sub)).map(|sub| name(&self.new, sub));
        (ends.collect(), comes.collect())
    }

    /// The drivers whose partitions are given back before the new plan is taken.
    pub fn given_back(&self) -> Vec<Arc<str>> {
        let all = self.old.subscriptions_by_sub().into_iter().filter(|(sub, _)| !self.stays.contains_key(sub));
        all.map(|(_, subscription)| subscription.driver).collect()
    }

    /// What a thread is subscribed to between the two steps.
    fn narrowed(&self) -> Vec<Subscription> {
        let all = self.old.subscriptions_by_sub().into_iter().filter(|(sub, _)| self.stays.contains_key(sub));
        all.map(|(_, subscription)| subscription).collect()
    }

    /// The index of an old plan's node in the new one, where it stays.
    fn node(&self, old: NodeIx) -> Option<NodeIx> {
        let sub = self.old.topology.nodes.get(old.0)?.sub_topology;
        let is = self.stays.get(&sub)?;
        self.new.topology.sub_topologies[*is].nodes.get(self.old.topology.place(old) as usize).copied()
    }

    /// Whether a node of the old plan stays.
    pub fn keeps(&self, node: usize) -> bool {
        self.node(NodeIx(node)).is_some()
    }

    /// The nodes that stay: index in the old plan, index in the new one.
    pub fn nodes(&self) -> Vec<(NodeIx, NodeIx)> {
        let all = 0..self.old.topology.nodes.len();
        all.filter_map(|node| Some((NodeIx(node), self.node(NodeIx(node))?))).collect()
    }

    /// Which versions work goes on as it is; called between the two steps, while nobody swaps.
    pub(super) fn carry_versions(&self) {
        self.new.versions.carry(&self.old.versions, |node| self.node(node));
    }

    /// Whether so many threads have made the first step, or do within the time.
    pub fn is_retired(&self, threads: usize, patience: Duration) -> bool {
        self.wait(patience, |passed| passed.retired.len() >= threads)
    }

    /// The same of the second one.
    pub fn is_over(&self, threads: usize, patience: Duration) -> bool {
        self.wait(patience, |passed| passed.replanned.len() >= threads)
    }

    fn wait(&self, patience: Duration, done: impl Fn(&Passed) -> bool) -> bool {
        let (passed, _) =
            self.moved.wait_timeout_while(self.lock(), patience, |passed| !done(passed)).unwrap_or_else(PoisonError::into_inner);
        done(&passed)
    }

    fn pass(&self, change: impl FnOnce(&mut Passed)) {
        change(&mut self.lock());
        self.moved.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread under way.
pub(super) struct Passing {
    pub passage: Arc<Passage>,
    step: PassingStep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PassingStep {
    /// Told to give back what does not stay.
    Retire,
    /// It has asked to, and waits until the group says so.
    Retiring,
    Retired,
    /// Told to take the new plan.
    Replan,
}

impl Passing {
    pub(super) fn retire(passage: Arc<Passage>) -> Self {
        Self { passage, step: PassingStep::Retire }
    }

    pub(super) fn replan(passage: Arc<Passage>) -> Self {
        Self { passage, step: PassingStep::Replan }
    }

    /// Whether a sub-topology of the old plan is on its way out: no task of it is made any more.
    pub(super) fn ends(&self, sub_topology: usize) -> bool {
        !self.passage.stays.contains_key(&sub_topology)
    }
}

impl StreamThread {
    /// Makes the step that it was told to, as far as that goes now. Says whether there was anything to do.
    pub(super) fn pass(&mut self, now: Timestamp) -> Result<bool, ThreadError> {
        let Some(Passing { passage, step }) = &self.passing else { return Ok(false) };
        let (passage, step) = (passage.clone(), *step);
        let next = match step {
            PassingStep::Retire => {
                self.client.subscribe(passage.narrowed())?;
                PassingStep::Retiring
            }
            PassingStep::Retiring if self.has_given_back(&passage) => {
                passage.pass(|passed| _ = passed.retired.insert(self.number));
                PassingStep::Retired
            }
            PassingStep::Retiring | PassingStep::Retired => return Ok(false),
            PassingStep::Replan => {
                if !self.replan(&passage, now)? {
                    return Ok(false);
                }
                self.passing = None;
                passage.pass(|passed| _ = passed.replanned.insert(self.number));
                return Ok(true);
            }
        };
        if let Some(passing) = &mut self.passing {
            passing.step = next;
        }
        Ok(true)
    }

    fn has_given_back(&self, passage: &Passage) -> bool {
        let stays = |sub: &usize| passage.stays.contains_key(sub);
        let all = self.owned.iter().filter_map(|at| self.sub_topology_of.get(&at.topic));
        all.chain(self.slots.keys().map(|id| &id.sub_topology)).all(stays)
    }

    /// Commits, and takes the new plan for its own. False: the group does not take the note now, which has to come before the new plan.
    fn replan(&mut self, passage: &Passage, now: Timestamp) -> Result<bool, ThreadError> {
        if passage.note.is_some() {
            self.notes.tell(passage.note.clone());
        }
        self.commit(now)?;
        if !self.client.confirm(&[])? {
            return Ok(false);
        }
        let new = passage.plan();
        let reader = reader(new)?;
        self.client.subscribe(new.subscriptions())?;
        // From here on nothing can fail.
        self.reader = reader;
        let id = |old: &TaskId| passage.stays.get(&old.sub_topology).map(|sub| TaskId { sub_topology: *sub, ..old.clone() });
        let slots = std::mem::take(&mut self.slots);
        for (old, mut slot) in slots {
            let Some(id) = id(&old) else { continue };
            let plan = new.tasks[id.sub_topology].clone();
            match &mut slot {
                Slot::Running(task) => task.replan(id.clone(), plan),
                Slot::Restoring(restore) => restore.replan(id.clone(), plan),
                Slot::Refused { .. } => {}
            }
            self.slots.insert(id, slot);
        }
        self.queries.renamed(id);
        self.following.renamed(id, |node| passage.node(node));
        self.sub_topology_of = sub_topologies(new);
        self.host = new.clone();
        Ok(true)
    }
}
