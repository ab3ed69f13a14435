//! The shell around stream threads: gives each an operating system thread and the clock, and knows when all of them are through.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::broker::BrokerError;
use crate::error::Diagnostic;
use crate::limits;
use crate::record::{Offset, Timestamp, TopicPartition};
use crate::topology::{NodeKind, TaskId};

use super::board::{ThreadBoard, Told};
use super::caller::Caller;
use super::conductor::Conductor;
use super::errors::{ThreadError, hint};
use super::passage::{Note, Passage};
use super::plan::HostPlan;
use super::query::Inquirer;
use super::status::{Command, Condition, HostStatus, InCall, MemoryStatus, NodeVersion, TaskStatus, ThreadStatus};
use super::thread::{Step, StreamThread};

/// Longest time that a thread waits without looking at its commands.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// What the shell is told.
#[derive(Clone, Copy, Debug)]
pub struct HostSettings {
    /// Number of stream threads, at least 1.
    pub threads: u32,
}

/// How a host ended, or stands.
#[derive(Debug)]
pub enum HostExit {
    /// Every thread stopped as told.
    Stopped,
    /// A thread failed.
    Failed(Diagnostic),
}

/// The running stream threads of one app.
pub struct Host {
    plan: Arc<HostPlan>,
    started: Timestamp,
    threads: Vec<Running>,
    conductor: Conductor,
}

struct Running {
    caller: Caller,
    board: ThreadBoard,
    handle: Option<JoinHandle<Result<(), ThreadError>>>,
}

impl Host {
    /// Starts the stream threads.
    pub fn start(plan: HostPlan, settings: HostSettings) -> Result<Self, Diagnostic> {
        let plan = Arc::new(plan);
        let started = plan.clock.now();
        let mut threads = Vec::new();
        for number in 0..settings.threads {
            let (commands, heard) = channel();
            let board = ThreadBoard::default();
            let (shared, mine) = (plan.clone(), board.clone());
            let count = settings.threads;
            let body = move || StreamThread::new(shared.clone(), number, count, heard, mine).and_then(|t| run(t, &shared));
            let name = format!("stream-{number}");
            let handle = std::thread::Builder::new()
                .name(name)
                .spawn(body)
                .map_err(|e| Diagnostic::run("R001", "a stream thread cannot be started").because(e))?;
            let caller = Caller::new(commands, board.clone());
            threads.push(Running { caller, board, handle: Some(handle) });
        }
        let conductor = Conductor::new(plan.clone(), threads.iter().map(|thread: &Running| thread.caller.clone()).collect());
        Ok(Self { plan, started, threads, conductor })
    }

    /// Every task's status, by sub-topology, then partition.
    pub fn status(&self) -> Vec<TaskStatus> {
        self.tasks_and_threads().0
    }

    /// All that the host tells of itself.
    pub fn look(&self) -> HostStatus {
        let (tasks, threads) = self.tasks_and_threads();
        let memory = MemoryStatus {
            overlays: self.threads.iter().map(|t| t.board.told().overlay_bytes).sum(),
            cache: self.plan.budget.bytes_in_use(),
            guests: self.plan.nodes.guest_memory_bytes(),
        };
        HostStatus { tasks, threads, guests: self.plan.nodes.readings(), versions: self.plan.versions(), memory }
    }

    /// Which version each processor runs.
    pub fn versions(&self) -> Vec<NodeVersion> {
        self.plan.versions()
    }

    /// Who leads its threads from version to version.
    pub fn conductor(&self) -> Conductor {
        self.conductor.clone()
    }

    /// Who asks its stores.
    pub fn inquirer(&self) -> Inquirer {
        Inquirer::new(self.plan.clone(), self.threads.iter().map(|thread| thread.caller.clone()).collect())
    }

    fn tasks_and_threads(&self) -> (Vec<TaskStatus>, Vec<ThreadStatus>) {
        let now = self.plan.clock.now();
        let mut tasks = Vec::new();
        let mut threads = Vec::new();
        for (thread, number) in self.threads.iter().zip(0..) {
            let (mut its_tasks, status) = thread.look(&self.plan, number, self.started, now);
            tasks.append(&mut its_tasks);
            threads.push(status);
        }
        tasks.sort_by(|a, b| a.id.cmp(&b.id));
        (tasks, threads)
    }

    /// The way to another plan of the same app, log and settings; `None`: nothing of what runs would stay. `note`: for others of the group.
    pub fn passage(&self, new: HostPlan, note: Option<Note>) -> Option<Arc<Passage>> {
        Passage::between(self.plan.clone(), new, note).map(Arc::new)
    }

    /// The first step: threads give back what does not stay.
    pub fn retire(&self, passage: &Arc<Passage>) {
        self.command(&Command::Retire(passage.clone()));
    }

    /// The second step, once every thread of every host of the group has made the first: threads take the new plan. Nobody may swap before all have.
    pub fn replan(&mut self, passage: &Arc<Passage>) {
        passage.carry_versions();
        self.command(&Command::Replan(passage.clone()));
        self.plan = passage.plan().clone();
        self.conductor = Conductor::new(self.plan.clone(), self.threads.iter().map(|thread| thread.caller.clone()).collect());
    }

    /// The plan that it works by.
    pub fn plan(&self) -> &Arc<HostPlan> {
        &self.plan
    }

    /// The number of its stream threads.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Parked tasks try again: this one, or all.
    pub fn resume(&self, which: Option<&str>) {
        self.command(&Command::Resume(which.map(Into::into)));
    }

    fn command(&self, command: &Command) {
        for thread in &self.threads {
            // A thread that has ended hears nothing; `ended` tells of it.
            thread.caller.tell(command.clone());
        }
    }

    /// The first failure of a thread that has ended by itself.
    pub fn ended(&mut self) -> Option<HostExit> {
        let over = self.threads.iter_mut().find(|t| t.handle.as_ref().is_some_and(JoinHandle::is_finished))?;
        over.handle.take().map(join)
    }

    /// Commits, closes, and waits for every thread.
    pub fn stop(mut self, leave: bool) -> HostExit {
        self.stop_in_place(leave)
    }

    /// As `stop`, for a host that somebody else still looks at.
    pub fn stop_in_place(&mut self, leave: bool) -> HostExit {
        self.command(&Command::Stop { leave });
        let mut exit = HostExit::Stopped;
        for handle in self.threads.iter_mut().filter_map(|t| t.handle.take()) {
            if let HostExit::Failed(failure) = join(handle) {
                exit = HostExit::Failed(failure);
            }
        }
        exit
    }

    /// True when every task is parked: nothing will move any more without an operator.
    pub fn all_parked(&self) -> bool {
        let status = self.status();
        // A thread that has not told yet may have tasks that work.
        let all = if self.plan.alone { status.len() == self.plan.task_count() } else { !status.is_empty() };
        all && status.iter().all(|t| matches!(t.condition, Condition::Parked { .. }))
    }

    /// True when every task has told that it has committed its partitions, of sources and of internal topics, to their ends; parked ones aside.
    ///
    /// Two looks with the same ends in between are needed: a task that was looked at late may have written to a topic looked at early.
    pub fn idle(&self) -> Result<bool, BrokerError> {
        let first = self.committed_to_the_end()?;
        Ok(first.is_some() && first == self.committed_to_the_end()?)
    }

    /// The ends of all source partitions; `None` while one of them is ahead of what is committed, or its task has not told.
    fn committed_to_the_end(&self) -> Result<Option<Vec<Offset>>, BrokerError> {
        let status = self.status();
        let mut ends = Vec::new();
        for sub in 0..self.plan.topology.sub_topologies.len() {
            for topic in self.plan.source_topics(sub) {
                for partition in 0..self.plan.partitions.get(&topic).copied().unwrap_or(0) {
                    let at = TopicPartition::new(topic.clone(), partition);
                    let (first, end) = self.plan.broker.bounds(&at)?;
                    let task = TaskId::new(&self.plan.topology, sub, partition);
                    let task = status.iter().find(|t| t.id == task);
                    if task.is_some_and(|t| matches!(t.condition, Condition::Parked { .. })) {
                        continue;
                    }
                    // What the task itself has told, so that its counters are those of the end, too.
                    let told = match task {
                        None if !self.plan.alone => self.plan.broker.committed(&self.plan.topology.app, &at)?.map(|c| c.offset),
                        task => {
                            let told = task.filter(|t| !matches!(t.condition, Condition::Restoring { .. } | Condition::Migrating { .. }));
                            told.and_then(|t| t.partitions.iter().find(|p| p.at == at)).map(|p| p.committed)
                        }
                    };
                    // Below the first offset nothing is left to process.
                    if told.is_none_or(|committed| committed.max(first) < end) {
                        return Ok(None);
                    }
                    ends.push(end);
                }
            }
        }
        Ok(Some(ends))
    }
}

impl Running {
    /// The thread from outside, and its tasks as it told of them.
    fn look(&self, plan: &HostPlan, number: u32, started: Timestamp, now: Timestamp) -> (Vec<TaskStatus>, ThreadStatus) {
        let sign = self.board.look(now);
        let Told { mut tasks, counters, last_commit, .. } = self.board.told();
        let call = sign.beat.call().and_then(|(node, partition)| Some((plan.topology.nodes.get(node.0)?, partition)));
        let deadline = call.and_then(|(node, _)| match &node.kind {
            NodeKind::Processor(processor) => Some(processor.deadline),
            NodeKind::Source(_) | NodeKind::Sink(_) => None,
        });
        let for_ms = now.0 - sign.since.0;
        let lasts = u128::try_from(for_ms).is_ok_and(|ms| ms >= limits::DELAY_SHOWN.as_millis());
        let in_call = call.filter(|_| lasts).map(|(node, partition)| InCall {
            node: node.name.clone(),
            task: TaskId::new(&plan.topology, node.sub_topology, partition),
            for_ms,
        });
        for task in tasks.iter_mut().filter(|t| in_call.as_ref().is_some_and(|call| call.task == t.id)) {
            task.in_call = in_call.clone();
        }
        let status = ThreadStatus {
            number,
            alive: self.handle.as_ref().is_some_and(|handle| !handle.is_finished()),
            // Calls count, too: a step of slow ones may take long.
            moved: sign.stepped.unwrap_or(started).max(sign.since),
            patience: limits::STEP_OVERDUE + deadline.unwrap_or_default(),
            last_commit: last_commit.unwrap_or(started),
            assigned: tasks.len(),
            counters,
            in_call,
        };
        (tasks, status)
    }
}

fn run(mut thread: StreamThread, plan: &HostPlan) -> Result<(), ThreadError> {
    loop {
        let now = plan.clock.now();
        match thread.step(now)? {
            Step::Busy => {}
            Step::Idle { until } => {
                let due = until.map(|at| Duration::from_millis(u64::try_from(at.0 - now.0).unwrap_or(0)));
                thread.wait(due.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT));
            }
            Step::Stopped => return Ok(()),
        }
    }
}

fn join(handle: JoinHandle<Result<(), ThreadError>>) -> HostExit {
    let name = handle.thread().name().unwrap_or("stream").to_owned();
    match handle.join() {
        Ok(Ok(())) => HostExit::Stopped,
        Ok(Err(error)) => {
            let hint = hint(&error);
            let failure = Diagnostic::run("R002", format!("thread {name} failed")).because(error);
            HostExit::Failed(match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            let failure = Diagnostic::run("R003", format!("thread {name} panicked: {}", text.unwrap_or_default()));
            HostExit::Failed(
                failure.hint("this is a defect of cofferdam; state and log are safe, and the same command goes on where it stopped"),
            )
        }
    }
}
