//! Which version each node is to run, for all threads of a host: a swap, a rollback and the end of a trial change it here, and every thread
//! follows at its next commit boundary. Shared; what is behind the lock is touched between two transactions only.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Diagnostic;
use crate::node::VersionId;
use crate::record::Timestamp;
use crate::topology::NodeIx;

use super::probation::{Account, Judgement, judge};

/// The versions of all nodes.
#[derive(Debug, Default)]
pub struct Versions {
    table: Mutex<Table>,
    /// A thread has voted or followed.
    moved: Condvar,
    /// Counts changes of what is wanted.
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    nodes: BTreeMap<NodeIx, NodeVersions>,
    /// What is rehearsed.
    ballot: Option<(NodeIx, VersionId)>,
    /// Votes on it, by thread.
    votes: BTreeMap<u32, Result<Vote, Diagnostic>>,
    /// How far each thread has followed.
    followed: BTreeMap<u32, Followed>,
    /// Why a version could not be made after its rehearsal, by node.
    refusals: BTreeMap<NodeIx, Diagnostic>,
}

/// What a thread found in a rehearsal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vote {
    /// Tasks in which the version could be made.
    pub tasks: usize,
    /// How long the thread did nothing else.
    pub pause: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Followed {
    generation: u64,
    /// How long the thread did nothing else, the last time.
    pause: Duration,
}

/// The versions of one node.
#[derive(Clone, Debug, Default)]
struct NodeVersions {
    wanted: VersionId,
    since: Option<Timestamp>,
    account: Account,
    /// The version before, to which a rollback goes.
    before: Option<(VersionId, Account)>,
    trial: Option<Trial>,
    /// Why the last trial has failed.
    rolled_back: Option<String>,
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    max_slowdown: Option<f64>,
}

/// How a version takes over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Terms {
    /// On trial against the version before it.
    Trial {
        /// How many times as long a record may take with it; `None`: nobody minds.
        max_slowdown: Option<f64>,
    },
    /// For good: it takes over the state of the version before, which could not read it any more.
    ForGood,
}

/// What a thread follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The version.
    pub version: VersionId,
    /// On trial: the version that takes its place at a record that fails.
    pub fallback: Option<VersionId>,
}

/// What is known of a node's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionStatus {
    /// Which.
    pub version: VersionId,
    /// Since when; `None`: since the host was started.
    pub since: Option<Timestamp>,
    /// What it has done.
    pub account: Account,
    /// The version before, and what it had done, where it can come back.
    pub before: Option<(VersionId, Account)>,
    /// Whether it is on trial.
    pub on_trial: bool,
    /// Why the last version that was on trial is not there any more.
    pub rolled_back: Option<String>,
}

impl Versions {
    /// Another one: something has changed that threads have to follow.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What is wanted of each node that was ever changed.
    pub(super) fn wanted(&self) -> BTreeMap<NodeIx, Wanted> {
        self.lock().nodes.iter().map(|(ix, node)| (*ix, node.wanted())).collect()
    }

    /// What is wanted of a node.
    pub(super) fn wanted_of(&self, ix: NodeIx) -> Wanted {
        self.lock().nodes.get(&ix).map_or_else(Wanted::default, NodeVersions::wanted)
    }

    /// Goes on with what is known of the nodes of another plan that are in this one: their index there becomes that here. Threads have to follow.
    pub(super) fn carry(&self, other: &Self, node: impl Fn(NodeIx) -> Option<NodeIx>) {
        let carried: Vec<_> = other.lock().nodes.iter().filter_map(|(ix, versions)| Some((node(*ix)?, versions.clone()))).collect();
        self.lock().nodes.extend(carried);
        self.generation.store(other.generation() + 1, Ordering::Release);
    }

    /// What is known of a node's version.
    pub fn status(&self, ix: NodeIx) -> VersionStatus {
        let node = self.lock().nodes.get(&ix).cloned().unwrap_or_default();
        VersionStatus {
            version: node.wanted,
            since: node.since,
            account: node.account,
            before: node.before,
            on_trial: node.trial.is_some(),
            rolled_back: node.rolled_back,
        }
    }

    /// Tells of a node that a version was rolled back before this host was started.
    pub fn remember(&self, ix: NodeIx, why: &str) {
        self.lock().nodes.entry(ix).or_default().rolled_back = Some(why.to_owned());
    }

    /// Lets a version take over. On trial it is held against the one before it, or, where that is on trial itself, against the last one that
    /// has passed. The generation to be followed.
    pub(super) fn take_over(&self, ix: NodeIx, version: VersionId, terms: Terms, now: Timestamp) -> u64 {
        let mut table = self.lock();
        table.refusals.remove(&ix);
        let node = table.nodes.entry(ix).or_default();
        let before = match (node.trial, node.before) {
            (Some(_), Some(proven)) => proven,
            _ => (node.wanted, node.account),
        };
        let next = NodeVersions { wanted: version, since: Some(now), ..NodeVersions::default() };
        *node = match terms {
            _ if before.0 == version => NodeVersions { account: before.1, ..next },
            Terms::Trial { max_slowdown } => NodeVersions { before: Some(before), trial: Some(Trial { max_slowdown }), ..next },
            Terms::ForGood => next,
        };
        self.next_generation()
    }

    /// Lets the version before come back; the generation to be followed. `None`: there is none.
    pub(super) fn roll_back(&self, ix: NodeIx, why: &str, now: Timestamp) -> Option<u64> {
        let back = self.lock().nodes.get_mut(&ix)?.go_back(why, now);
        back.then(|| self.next_generation())
    }

    /// Adds what a version of a node has done, and ends its trial when that has shown enough. A reason: the version before comes back.
    pub(super) fn count(&self, ix: NodeIx, version: VersionId, mut done: Account, now: Timestamp) -> Option<String> {
        let mut table = self.lock();
        let node = table.nodes.entry(ix).or_default();
        if node.wanted != version {
            if let Some((_, account)) = node.before.as_mut().filter(|(before, _)| *before == version) {
                *account += done;
            }
            return None;
        }
        if node.trial.is_some() {
            // What it is to be blamed for is known only when the version before has had the same record.
            done.node.traps = 0;
            done.node.bad = 0;
        }
        node.account += done;
        self.end_trial(node, now)
    }

    /// A version on trial failed at a record at which the one before it did not. A reason: the version before comes back.
    pub(super) fn blame(&self, ix: NodeIx, version: VersionId, trap: bool, now: Timestamp) -> Option<String> {
        let mut table = self.lock();
        let node = table.nodes.get_mut(&ix).filter(|node| node.wanted == version && node.trial.is_some())?;
        let kind = if trap { &mut node.account.node.traps } else { &mut node.account.node.bad };
        *kind += 1;
        self.end_trial(node, now)
    }

    fn end_trial(&self, node: &mut NodeVersions, now: Timestamp) -> Option<String> {
        let (trial, (_, before)) = (node.trial?, node.before?);
        match judge(&node.account, &before, trial.max_slowdown) {
            Judgement::Open => None,
            Judgement::Passed => {
                node.trial = None;
                self.next_generation();
                None
            }
            Judgement::Failed(why) => {
                node.go_back(&why, now);
                self.next_generation();
                Some(why)
            }
        }
    }

    /// A version could not be made in a task after all. True: it was on trial, and the one before comes back.
    pub(super) fn refuse(&self, ix: NodeIx, version: VersionId, why: &Diagnostic, now: Timestamp) -> bool {
        let mut table = self.lock();
        let Some(node) = table.nodes.get_mut(&ix).filter(|node| node.wanted == version && node.trial.is_some()) else { return false };
        node.go_back(&why.brief(), now);
        table.refusals.insert(ix, why.clone());
        self.next_generation();
        self.moved.notify_all();
        true
    }

    /// Begins a rehearsal.
    pub(super) fn begin_votes(&self, node: NodeIx, version: VersionId) {
        let mut table = self.lock();
        table.ballot = Some((node, version));
        table.votes.clear();
    }

    /// A thread's vote. One that comes after its rehearsal was given up does not count.
    pub(super) fn vote(&self, thread: u32, on: (NodeIx, VersionId), vote: Result<Vote, Diagnostic>) {
        let mut table = self.lock();
        if table.ballot == Some(on) {
            table.votes.insert(thread, vote);
            self.moved.notify_all();
        }
    }

    /// The votes of all threads, or the first that is against it; `None`: some have not come within the time.
    pub(super) fn votes(&self, threads: usize, patience: Duration) -> Option<Result<Vote, Diagnostic>> {
        let open = |table: &mut Table| table.votes.len() < threads && table.votes.values().all(Result::is_ok);
        let (table, _) = self.moved.wait_timeout_while(self.lock(), patience, open).unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(why)) = table.votes.values().find(|vote| vote.is_err()) {
            return Some(Err(why.clone()));
        }
        let all = || table.votes.values().flatten();
        let vote = Vote { tasks: all().map(|v| v.tasks).sum(), pause: all().map(|v| v.pause).max().unwrap_or_default() };
        (table.votes.len() >= threads).then_some(Ok(vote))
    }

    /// A thread has followed.
    pub(super) fn follow(&self, thread: u32, generation: u64, pause: Duration) {
        self.lock().followed.insert(thread, Followed { generation, pause });
        self.moved.notify_all();
    }

    /// The longest pause of a thread, once all have followed; why one could not make the version, or that some have not followed in time.
    pub(super) fn followed(&self, ix: NodeIx, generation: u64, threads: usize, patience: Duration) -> Result<Duration, Option<Diagnostic>> {
        let behind = |table: &Table| table.followed.values().filter(|thread| thread.generation >= generation).count() < threads;
        let open = |table: &mut Table| behind(table) && !table.refusals.contains_key(&ix);
        let (mut table, _) = self.moved.wait_timeout_while(self.lock(), patience, open).unwrap_or_else(PoisonError::into_inner);
        match table.refusals.remove(&ix) {
            Some(why) => Err(Some(why)),
            None if behind(&table) => Err(None),
            None => Ok(table.followed.values().map(|thread| thread.pause).max().unwrap_or_default()),
        }
    }

    fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeVersions {
    fn wanted(&self) -> Wanted {
        let fallback = self.trial.and(self.before).map(|(version, _)| version);
        Wanted { version: self.wanted, fallback }
    }

    fn go_back(&mut self, why: &str, now: Timestamp) -> bool {
        let Some((version, account)) = self.before else { return false };
        let rolled_back = Some(why.to_owned());
        *self = Self { wanted: version, since: Some(now), account, before: None, trial: None, rolled_back };
        true
    }
}
