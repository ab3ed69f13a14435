//! One stream thread: `step(now)` is the only loop body there is. It hears of assignments, restores, processes, punctuates and commits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::broker::{BrokerError, Client, GroupEvent, Reader};
use crate::error::Diagnostic;
use crate::limits;
use crate::record::{Timestamp, TopicPartition};
use crate::store::{Row, ScanOrder};
use crate::task::{PartitionQueue, Task, TaskState};
use crate::topology::{StoreKind, TaskId};

use super::board::ThreadBoard;
use super::commit::Transaction;
use super::counters::{ThreadCounters, nanoseconds};
use super::errors::{Missing, ThreadError, Twins};
use super::notes::Notes;
use super::passage::Passing;
use super::plan::HostPlan;
use super::purge::Purge;
use super::query::Queries;
use super::restore::Restore;
use super::status::Command;
use super::swap::Following;
use super::tell::Teller;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was done: call again at once.
    Busy,
    /// Nothing to do before this time, or before something arrives.
    Idle {
        /// A schedule, a sleeping task or a commit is due then.
        until: Option<Timestamp>,
    },
    /// The thread was told to stop, and has.
    Stopped,
}

/// What the thread has of a task.
pub(super) enum Slot {
    /// Its state is being restored.
    Restoring(Box<Restore>),
    /// It works.
    Running(Box<Task>),
    /// A node refused to start: parked until a restart.
    Refused { partitions: Vec<TopicPartition>, why: Diagnostic },
}

/// A stream thread, without the operating system's.
pub struct StreamThread {
    pub(super) host: Arc<HostPlan>,
    pub(super) client: Box<dyn Client>,
    pub(super) slots: BTreeMap<TaskId, Slot>,
    pub(super) open: Transaction,
    pub(super) reader: Box<dyn Reader>,
    pub(super) number: u32,
    pub(super) sub_topology_of: FxHashMap<Arc<str>, usize>,
    /// What the group has told and nobody has dealt with yet.
    pub(super) events: VecDeque<GroupEvent>,
    /// What it has of the group, as far as it has heard.
    pub(super) owned: BTreeSet<TopicPartition>,
    /// Partitions whose tasks have to be made again.
    pub(super) anew: Vec<TopicPartition>,
    /// Before this time the log is not asked again for what it could not tell of them.
    pub(super) ask_again: Option<Timestamp>,
    /// What has to be done about this error is not done yet.
    pub(super) unhealed: Option<ThreadError>,
    pub(super) twins: Twins,
    pub(super) missing: Missing,
    pub(super) purge: Purge,
    pub(super) teller: Teller,
    pub(super) counters: ThreadCounters,
    pub(super) following: Following,
    /// On its way to another plan.
    pub(super) passing: Option<Passing>,
    pub(super) notes: Notes,
    commands: Receiver<Command>,
    /// Commands that came during a step.
    heard: VecDeque<Command>,
    pub(super) queries: Queries,
    /// Index of the task whose turn is first.
    first_turn: usize,
}

impl StreamThread {
    /// Thread `number` of `threads`: joins the group.
    pub fn new(
        host: Arc<HostPlan>,
        number: u32,
        threads: u32,
        commands: Receiver<Command>,
        board: ThreadBoard,
    ) -> Result<Self, ThreadError> {
        let mut client = host.broker.client(&host.topology.app, number, threads)?;
        board.woken_by(client.waker());
        client.subscribe(host.subscriptions())?;
        let (reader, sub_topology_of) = (reader(&host)?, sub_topologies(&host));
        let open = Transaction::new(&host, &*client);
        Ok(Self {
            host,
            client,
            slots: BTreeMap::new(),
            open,
            reader,
            number,
            sub_topology_of,
            events: VecDeque::new(),
            owned: BTreeSet::new(),
            anew: Vec::new(),
            ask_again: None,
            unhealed: None,
            twins: Twins::default(),
            missing: Missing::default(),
            purge: Purge::default(),
            teller: Teller::new(board),
            counters: ThreadCounters::default(),
            following: Following::default(),
            passing: None,
            notes: Notes::default(),
            commands,
            heard: VecDeque::new(),
            queries: Queries::default(),
            first_turn: 0,
        })
    }

    /// Does what there is to do at `now`, a bounded amount of it.
    pub fn step(&mut self, now: Timestamp) -> Result<Step, ThreadError> {
        self.teller.step(now);
        if let Some(leave) = self.hear_commands(now) {
            // What fails now is not recovered from: the thread ends.
            self.stop(leave, now)?;
            return Ok(Step::Stopped);
        }
        match self.try_step(now) {
            Err(error) => {
                self.recover(error, now)?;
                Ok(Step::Busy)
            }
            step => step,
        }
    }

    /// All rows of a store, over this thread's tasks, by key; `None` when none of them has it. For tests: it reads the whole store.
    pub fn rows(&mut self, store: &str) -> Result<Option<Vec<(Bytes, Row)>>, ThreadError> {
        let mut rows = Vec::new();
        let mut found = false;
        for (id, slot) in &mut self.slots {
            let Slot::Running(task) = slot else { continue };
            let configs = self.host.store_configs(id.sub_topology);
            let Some(local) = configs.iter().position(|c| &*c.name == store) else { continue };
            found = true;
            if let Some(env) = task.env() {
                let all = env.stores.scan(local, Bound::Unbounded, Bound::Unbounded, ScanOrder::Ascending, usize::MAX);
                rows.extend(all.map_err(|e| ThreadError::of_store(id, e))?);
            }
        }
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found.then_some(rows))
    }

    /// Blocks until something may have arrived, or `at_most` is over.
    pub fn wait(&mut self, at_most: Duration) {
        self.client.wait(at_most);
    }

    fn try_step(&mut self, now: Timestamp) -> Result<Step, ThreadError> {
        if let Some(error) = self.unhealed.take() {
            self.heal(error, now)?;
            return Ok(Step::Busy);
        }
        self.answer_some();
        let mut busy = !self.queries.is_empty();
        busy |= self.follow_versions(now)?;
        busy |= self.pass(now)?;
        busy |= self.group_events(now)?;
        busy |= self.restore_some(now)?;
        let worked = self.work(now)?;
        let due = self.open.is_due(!worked, now);
        if due && self.open.is_full() {
            // Whoever looks while the commit takes its time sees why nothing moves.
            self.tell(now);
        }
        let committed = due && self.commit(now)?;
        let idle = !(busy || worked || committed);
        if idle {
            self.flush_when_quiet(now)?;
        }
        // Who looks after the last commit sees all of it.
        if committed || idle {
            self.tell(now);
        } else {
            self.tell_now_and_then(now);
        }
        if !idle {
            return Ok(Step::Busy);
        }
        Ok(Step::Idle { until: self.wakes_at(now) })
    }

    fn hear_commands(&mut self, now: Timestamp) -> Option<bool> {
        loop {
            match self.heard.pop_front().map_or_else(|| self.commands.try_recv(), Ok) {
                Ok(Command::Stop { leave }) => return Some(leave),
                Ok(Command::Resume(which)) => self.resume(which.as_deref()),
                Ok(Command::Rehearse(node, version)) => self.rehearse(node, version, now),
                Ok(Command::Query(query)) => self.ask(&query),
                Ok(Command::Retire(passage)) => self.passing = Some(Passing::retire(passage)),
                Ok(Command::Replan(passage)) => self.passing = Some(Passing::replan(passage)),
                Err(TryRecvError::Empty) => return None,
                // Whoever started the thread is gone.
                Err(TryRecvError::Disconnected) => return Some(false),
            }
        }
    }

    /// Gives each task its turn. Says whether any record was processed or punctuation fired.
    fn work(&mut self, now: Timestamp) -> Result<bool, ThreadError> {
        let mut worked = false;
        let count = self.slots.len();
        let first = self.first_turn.min(count);
        for turns in [first..count, 0..first] {
            for (at, slot) in self.slots.values_mut().enumerate().skip(turns.start).take(turns.len()) {
                let Slot::Running(task) = slot else { continue };
                worked |= turn(&self.host, &mut *self.client, &mut self.open, &mut self.counters, task, now)?;
                self.heard.extend(self.commands.try_iter());
                if self.open.is_full() || !self.heard.is_empty() {
                    // The commit comes first, or somebody who waits for an answer; whoever has not had a turn now is next.
                    self.first_turn = at + 1;
                    return Ok(true);
                }
            }
        }
        Ok(worked)
    }

    fn wakes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let tasks = self.slots.values().filter_map(|slot| match slot {
            Slot::Running(task) => task.wakes_at(now),
            // Its log has nothing for the moment, although its end lies further.
            Slot::Restoring(_) => Some(Timestamp(now.0.saturating_add(1))),
            Slot::Refused { .. } => None,
        });
        let running = || self.slots.values().filter_map(|slot| if let Slot::Running(task) = slot { Some(task) } else { None });
        let commit = if running().any(|task| task.is_dirty()) {
            Some(self.open.due_at(true, now))
        } else {
            running().any(|task| task.has_moved()).then(|| self.open.due_at(false, now))
        };
        tasks.chain(commit).min()
    }
}

/// What tasks are restored with.
pub(super) fn reader(host: &HostPlan) -> Result<Box<dyn Reader>, BrokerError> {
    let mut reader = host.broker.reader()?;
    // Restores are all that it reads, and changelogs of key-value stores and of cells say nothing in headers.
    if host.topology.stores.iter().all(|store| store.shape.kind() == StoreKind::KeyValue) {
        reader.skip_headers();
    }
    Ok(reader)
}

/// Source topics, each with the index of its sub-topology.
pub(super) fn sub_topologies(host: &HostPlan) -> FxHashMap<Arc<str>, usize> {
    let all = 0..host.topology.sub_topologies.len();
    all.flat_map(|sub| host.source_topics(sub).into_iter().map(move |topic| (topic, sub))).collect()
}

/// One task's turn: so many records, so long, or so much output, whatever comes first; or a step of taking state over, before which no record
/// is taken. Says whether it did anything.
fn turn(
    host: &HostPlan,
    client: &mut dyn Client,
    open: &mut Transaction,
    counters: &mut ThreadCounters,
    task: &mut Task,
    now: Timestamp,
) -> Result<bool, ThreadError> {
    let written_by_others = open.written.saturating_sub(task.bytes_written());
    if task.migrate(now).map_err(|e| ThreadError::of_task(&task.id, e))? {
        open.written = written_by_others + task.bytes_written();
        return Ok(true);
    }
    if task.state == TaskState::Running {
        task.group.queues.iter_mut().try_for_each(|queue| fill(queue, client, now))?;
    }
    let slice = open.interval_ms;
    let mut records = 0;
    loop {
        let began = host.clock.monotonic();
        let turn = task.turn(now, limits::RECORDS_PER_LOOK).map_err(|e| ThreadError::of_task(&task.id, e))?;
        open.written = written_by_others + task.bytes_written();
        StreamThread::send_outbox(client, open, task)?;
        records += turn.records;
        if turn.records > 0 {
            let took = nanoseconds(host.clock.monotonic().saturating_sub(began));
            counters.process.spread(took, turn.records as u64);
            task.counters.busy_ns += took;
        }
        let over = records >= limits::RECORDS_PER_TURN || open.is_full() || host.clock.now().0 - now.0 >= slice;
        if !turn.more || over {
            break;
        }
    }
    let fired = task.punctuate_wall_clock(now).map_err(|e| ThreadError::of_task(&task.id, e))?;
    open.written = written_by_others + task.bytes_written();
    StreamThread::send_outbox(client, open, task)?;
    Ok(records > 0 || fired)
}

/// Brings what has arrived into a task's queue.
fn fill(queue: &mut PartitionQueue, client: &mut dyn Client, now: Timestamp) -> Result<(), BrokerError> {
    if !queue.is_started() {
        start(queue, client)?;
    }
    let has_room = queue.bytes_buffered() < limits::BYTES_BUFFERED_PER_PARTITION;
    if has_room && queue.buffered() <= limits::RECORDS_BUFFERED_PER_PARTITION / 2 {
        let room = limits::RECORDS_BUFFERED_PER_PARTITION - queue.buffered();
        match client.take(&queue.at, room) {
            Ok(arrived) => queue.extend(arrived),
            Err(error) => {
                queue.set_started(false);
                return Err(error);
            }
        }
    }
    if queue.buffered() == 0 {
        if let Some(position) = client.position(&queue.at) {
            queue.pass_to(position);
        }
        let end = client.end_seen(&queue.at)?;
        queue.set_caught_up(end.is_some_and(|end| queue.fetch_position() >= end), now);
    }
    Ok(())
}

/// Lets the log deliver from the queue's position on, or from the first record that is left.
fn start(queue: &mut PartitionQueue, client: &mut dyn Client) -> Result<(), BrokerError> {
    match client.start(&queue.at, queue.fetch_position()) {
        Err(BrokerError::OffsetGone { at, wanted, first }) => {
            tracing::warn!(partition = %at, wanted, first, "records were deleted before they were processed");
            queue.skip_to(first);
            client.start(&queue.at, first)?;
        }
        started => started?,
    }
    queue.set_started(true);
    Ok(())
}
