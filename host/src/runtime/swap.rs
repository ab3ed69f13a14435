//! How a stream thread takes over another version of a node: between two transactions, so that old and new never share one. While a version
//! is on trial, a record that fails there or below is left to the version before it, which takes everything since the last commit.

use std::collections::BTreeMap;

use crate::error::Diagnostic;
use crate::limits;
use crate::node::{Lent, Node, Position, VersionId};
use crate::record::{Timestamp, TopicPartition};
use crate::task::{Task, TaskState, TrialFailure, not_taken_over};
use crate::topology::{NodeIx, TaskId};

use super::errors::ThreadError;
use super::probation::Account;
use super::thread::{Slot, StreamThread};
use super::versions::{Vote, Wanted};

/// Of a node that has to be made again, whatever is wanted.
const STALE: VersionId = VersionId(u32::MAX);

/// How far a thread has followed what is wanted.
#[derive(Debug, Default)]
pub(super) struct Following {
    generation: u64,
    /// A task has to change a version though nothing else is wanted than before.
    due: bool,
    /// Since when it has waited for a commit.
    since: Option<Timestamp>,
    stand_ins: BTreeMap<TaskId, StandIn>,
}

/// A version that has taken the place of one on trial, in one task, until the record is over at which that failed.
#[derive(Debug)]
struct StandIn {
    node: NodeIx,
    on_trial: VersionId,
    fallback: VersionId,
    /// Where that failed.
    position: Position,
    /// There is no record, and there had been so many punctuations.
    punctuated: Option<u64>,
    trap: bool,
}

impl Following {
    /// Tasks and nodes have other numbers from now on; those that are gone have none.
    pub(super) fn renamed(&mut self, id: impl Fn(&TaskId) -> Option<TaskId>, node: impl Fn(NodeIx) -> Option<NodeIx>) {
        let all = std::mem::take(&mut self.stand_ins).into_iter();
        let renamed = |(task, stand_in): (TaskId, StandIn)| Some((id(&task)?, StandIn { node: node(stand_in.node)?, ..stand_in }));
        self.stand_ins = all.filter_map(renamed).collect();
        self.due = true;
    }
}

impl StreamThread {
    /// Makes a version of a node in every task of this thread, and undoes it: whether it can be made, and which task it cannot be made in.
    pub(super) fn rehearse(&mut self, node: NodeIx, version: VersionId, now: Timestamp) {
        let began = self.host.clock.monotonic();
        let host = self.host.clone();
        let pulse = self.teller.pulse();
        let mut tasks = 0;
        let mut refused = None;
        for (id, slot) in &mut self.slots {
            let Slot::Running(task) = slot else { continue };
            let Some((at, _)) = host.tasks[id.sub_topology].processors().find(|(_, ix)| *ix == node) else { continue };
            pulse.enter(node, id.partition);
            let made = task.rehearse(at, now, |env| {
                let mut made = host.nodes.make(node, version, id, env)?;
                first_step(&host.topology.nodes[node.0].name, &mut *made, env)?;
                Ok(made)
            });
            pulse.leave();
            match made {
                Ok(()) => tasks += 1,
                Err(why) => {
                    refused = Some(why);
                    break;
                }
            }
        }
        let pause = host.clock.monotonic().saturating_sub(began);
        host.versions.vote(self.number, (node, version), refused.map_or(Ok(Vote { tasks, pause }), Err));
    }

    /// Follows what is wanted: commits, and puts other versions into their places. Says whether there was anything to do.
    pub(super) fn follow_versions(&mut self, now: Timestamp) -> Result<bool, ThreadError> {
        let generation = self.host.versions.generation();
        if self.following.generation == generation && !self.following.due {
            return Ok(false);
        }
        if self.waits_for_its_commit(now) {
            return Ok(false);
        }
        let began = self.host.clock.monotonic();
        self.commit(now)?;
        let wanted = self.host.versions.wanted();
        if self.following.generation != generation {
            self.following.stand_ins.retain(|_, s| wanted.get(&s.node).is_some_and(|w| w.version == s.on_trial && w.fallback.is_some()));
            self.retry_refused();
        }
        let changed = self.change_versions(&wanted, now)?;
        if let Err(error) = self.commit(now) {
            // What they have written while they were made is gone with the transaction, and they do not know.
            for (id, at) in changed {
                if let Some(Slot::Running(task)) = self.slots.get_mut(&id) {
                    task.set_version(at, STALE);
                }
            }
            self.following.due = true;
            return Err(error);
        }
        (self.following.due, self.following.since) = (false, None);
        self.following.generation = generation;
        let pause = self.host.clock.monotonic().saturating_sub(began);
        self.host.versions.follow(self.number, generation, pause);
        Ok(true)
    }

    /// Whether something is open that is committed soon of itself: then nobody waits for a commit because of a version. A thread that commits
    /// seldom does it for the version's sake.
    fn waits_for_its_commit(&mut self, now: Timestamp) -> bool {
        let dirty = |slot: &Slot| matches!(slot, Slot::Running(task) if task.is_dirty());
        if self.open.records == 0 && !self.slots.values().any(dirty) {
            return false;
        }
        let longest = i64::try_from(limits::COMMIT_INTERVAL.as_millis()).unwrap_or(i64::MAX);
        (0..longest).contains(&(now.0 - self.following.since.get_or_insert(now).0))
    }

    /// Every task gets the versions that are wanted of its nodes; which have changed.
    fn change_versions(&mut self, wanted: &BTreeMap<NodeIx, Wanted>, now: Timestamp) -> Result<Vec<(TaskId, usize)>, ThreadError> {
        let host = self.host.clone();
        let pulse = self.teller.pulse();
        let mut changed = Vec::new();
        let mut parked: Vec<(TaskId, Diagnostic)> = Vec::new();
        for (id, slot) in &mut self.slots {
            let Slot::Running(task) = slot else { continue };
            let mut on_trial = Vec::new();
            for (at, ix) in host.tasks[id.sub_topology].processors() {
                let want = wanted.get(&ix).copied().unwrap_or_default();
                let stand_in = self.following.stand_ins.get(id).filter(|s| s.node == ix);
                let target = stand_in.map_or(want.version, |s| s.fallback);
                if task.version(at) != target {
                    pulse.enter(ix, id.partition);
                    let made = task.exchange(at, target, now, |env| host.nodes.make(ix, target, id, env));
                    pulse.leave();
                    match made {
                        Ok(()) => {
                            changed.push((id.clone(), at));
                            // What it stands at may be no trouble to another version.
                            task.resume();
                        }
                        Err(why) if host.versions.refuse(ix, target, &why, now) => {
                            tracing::error!(task = %id.name, "{}; the version before goes on", why.brief());
                        }
                        Err(why) => parked.push((id.clone(), why)),
                    }
                }
                if want.fallback.is_some() && task.version(at) == want.version {
                    on_trial.push(at);
                }
            }
            task.set_on_trial(on_trial);
        }
        for (id, why) in parked {
            self.park_refused(id, why)?;
        }
        Ok(changed)
    }

    /// A version cannot be made in a task, or cannot take over its state: the task waits for an operator.
    pub(super) fn park_refused(&mut self, id: TaskId, why: Diagnostic) -> Result<(), ThreadError> {
        tracing::error!(task = %id.name, "{}", why.brief());
        let Some(Slot::Running(mut task)) = self.slots.remove(&id) else { return Ok(()) };
        let partitions: Vec<TopicPartition> = task.group.queues.iter().map(|q| q.at.clone()).collect();
        // What its other nodes wrote while they were made goes with the transaction that nobody commits.
        task.rewind();
        task.close();
        let stopped = partitions.iter().map(|at| self.client.stop(at)).fold(Ok(()), Result::and);
        // Whatever came of that, the task is parked, and not forgotten.
        self.slots.insert(id, Slot::Refused { partitions, why });
        Ok(stopped?)
    }

    /// Tasks that a version has refused are made again: another one may take them.
    fn retry_refused(&mut self) {
        let refused = self.slots.extract_if(.., |_, slot| matches!(slot, Slot::Refused { .. }));
        for (_, slot) in refused {
            if let Slot::Refused { partitions, .. } = slot {
                self.anew.extend(partitions);
                self.counters.tasks_closed += 1;
            }
        }
    }

    /// A record failed at a node on trial, and everything since the last commit is void: the version before takes it.
    pub(super) fn stand_in(&mut self, id: TaskId, failed: &TrialFailure, now: Timestamp) {
        self.following.due = true;
        let Some((_, node)) = self.host.tasks[id.sub_topology].processors().find(|(at, _)| *at == failed.at) else { return };
        let Wanted { version, fallback: Some(fallback) } = self.host.versions.wanted_of(node) else { return };
        let Some(Slot::Running(task)) = self.slots.get(&id) else { return };
        if task.version(failed.at) != version {
            return;
        }
        if failed.failure.kind == "fatal" {
            let why = failed.failure.to_string();
            if self.host.versions.roll_back(node, &why, now).is_some() {
                self.tell_rolled_back(node, &why);
            }
            return;
        }
        let punctuated = failed.failure.schedule.as_ref().map(|_| task.counters.punctuated);
        let (position, trap) = (failed.failure.position.clone(), failed.failure.is_trap());
        self.following.stand_ins.insert(id, StandIn { node, on_trial: version, fallback, position, punctuated, trap });
    }

    /// After a commit: tells what each version has done, and ends the stand-ins whose record is over.
    pub(super) fn count_versions(&mut self, now: Timestamp) {
        let host = self.host.clone();
        let mut done: BTreeMap<(NodeIx, VersionId), Account> = BTreeMap::new();
        for (id, slot) in &mut self.slots {
            let Slot::Running(task) = slot else { continue };
            let tasks = task.take_work();
            for (at, ix) in host.tasks[id.sub_topology].processors() {
                let account = Account { node: task.take_count(at), tasks };
                if account != Account::default() {
                    *done.entry((ix, task.version(at))).or_default() += account;
                }
            }
        }
        for ((ix, version), account) in done {
            if let Some(why) = host.versions.count(ix, version, account, now) {
                self.tell_rolled_back(ix, &why);
            }
        }
        if !self.following.stand_ins.is_empty() {
            self.end_stand_ins(now);
        }
    }

    fn end_stand_ins(&mut self, now: Timestamp) {
        let slots = &self.slots;
        let task_of = |id: &TaskId| match slots.get(id) {
            Some(Slot::Running(task)) => Some(task),
            _ => None,
        };
        let over: Vec<(TaskId, StandIn)> =
            self.following.stand_ins.extract_if(.., |id, stand_in| task_of(id).is_none_or(|task| stand_in.is_over(task))).collect();
        for (id, StandIn { node, on_trial, position, trap, .. }) in over {
            self.following.due = true;
            // The version before has failed there, too.
            if task_of(&id).is_some_and(|task| task.failed_last_at(&position)) {
                continue;
            }
            if let Some(why) = self.host.versions.blame(node, on_trial, trap, now) {
                self.tell_rolled_back(node, &why);
            }
        }
    }

    fn tell_rolled_back(&self, node: NodeIx, why: &str) {
        tracing::warn!(node = %self.host.topology.nodes[node.0].name, "the new version is rolled back: {why}");
    }
}

/// The first step of taking over state, where a version has to: after it is committed there is no way back.
fn first_step(name: &str, node: &mut dyn Node, env: &mut Lent) -> Result<(), Diagnostic> {
    if !node.is_behind() {
        return Ok(());
    }
    node.migrate(env).map(drop).map_err(|failure| not_taken_over(name, &failure))
}

impl StandIn {
    fn is_over(&self, task: &Task) -> bool {
        if let Some(count) = self.punctuated {
            return task.counters.punctuated > count && task.state == TaskState::Running && !task.is_dirty();
        }
        let queue = task.group.queues.iter().find(|q| q.at.topic == self.position.topic && q.at.partition == self.position.partition);
        queue.is_none_or(|q| q.committed() > self.position.offset)
    }
}
