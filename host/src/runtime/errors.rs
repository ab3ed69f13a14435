//! From the class of an error to what is done about it: the one table.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::{BrokerError, Retry};
use crate::error::Diagnostic;
use crate::record::Timestamp;
use crate::store::StoreError;
use crate::task::{TaskError, TrialFailure};
use crate::topology::TaskId;

/// So long a topic may be missing before that ends the host.
const MISSING_PATIENCE: Duration = Duration::from_secs(10);
/// A thread that is thrown out of its group or of its transactions oftener than this has a twin,
const THROWN_OUT_AT_MOST: usize = 4;
/// when that happens within this time; one that had worked before has patience for twice as many.
const THROWN_OUT_WINDOW: Duration = Duration::from_secs(60);
/// So many commits in a row say that a thread has worked undisturbed.
const ESTABLISHED_COMMITS: usize = 20;

/// What a stream thread could not do.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// The log.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A task's state.
    #[error("task {}: {error}", .task.name)]
    State {
        /// Whose.
        task: TaskId,
        /// What.
        error: StoreError,
    },
    /// The log refused an output after its walk had ended; the walk will fail at its sink the next time.
    #[error("task {}: {topic} refuses a record: {reason}", .task.name)]
    Refused {
        /// Whose output.
        task: TaskId,
        /// Where to.
        topic: Arc<str>,
        /// Why not.
        reason: String,
    },
    /// A record failed while a node's version is on trial: the version before takes it.
    #[error("task {}: a version on trial failed: {}", .task.name, .failed.failure)]
    Trial {
        /// Where.
        task: TaskId,
        /// What.
        failed: Box<TrialFailure>,
    },
    /// A version cannot take over the state of the one before.
    #[error("task {}: {}", .task.name, .why.brief())]
    Migration {
        /// Whose state.
        task: TaskId,
        /// Why not.
        why: Box<Diagnostic>,
    },
    /// Somebody else acts under this thread's name.
    #[error("thrown out of the group or of its transactions for the {times}th time within a minute: {error}")]
    Twin {
        /// How often within a minute.
        times: usize,
        /// How it was told the last time.
        error: Box<ThreadError>,
    },
    /// The host broke its own rules.
    #[error("task {}: {what}", .task.name)]
    Defect {
        /// Where.
        task: TaskId,
        /// How.
        what: String,
    },
}

impl ThreadError {
    /// An error of a task's own.
    pub(super) fn of_task(task: &TaskId, error: TaskError) -> Self {
        match error {
            TaskError::Store(error) => Self::State { task: task.clone(), error },
            TaskError::OnTrial(failed) => Self::Trial { task: task.clone(), failed },
            TaskError::Migration(why) => Self::Migration { task: task.clone(), why },
            TaskError::Broken(failure) => Self::Defect { task: task.clone(), what: failure.to_string() },
        }
    }

    /// An error of a task's stores.
    pub(super) fn of_store(task: &TaskId, error: StoreError) -> Self {
        Self::State { task: task.clone(), error }
    }
}

/// What a stream thread does about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The transaction is aborted and every task goes back to the last commit.
    Rewind,
    /// As `Rewind`, after a while: time may heal it.
    RewindLater,
    /// As `Rewind`; besides, the thread joins its group as a new member.
    Rejoin,
    /// As `Rewind`; with the abort, a new writer of transactions takes the place of one that is of no use any more.
    Recreate,
    /// The transaction is aborted, and every task is made anew from what the log says: the commit may stand.
    AskTheLog,
    /// As `Rewind`; besides, this task's state is wiped and restored from its changelogs.
    WipeAndRestore(TaskId),
    /// The thread ends, and with it the host.
    Stop,
}

/// The table. Which row an error of a cluster belongs to stands in `broker/kafka/errors`.
///
/// | error | action |
/// |---|---|
/// | the log says that the transaction is void | rewind |
/// | the log is away, or busy with what must end first | rewind later |
/// | the group refuses this member | rejoin |
/// | the writer of transactions is fenced, by age or by a twin | recreate |
/// | nobody knows whether a commit stands, its writer fenced or not | ask the log |
/// | records were deleted before they were read | rewind, then on from the first that is left |
/// | the log refuses an output | rewind; the task knows which |
/// | a version on trial fails at a record | rewind; the version before takes it |
/// | state of an older version cannot be taken over | rewind; the task is parked |
/// | a task's database is corrupted | wipe and restore that task |
/// | a topic is missing | rewind later, for a while; then stop (`Missing`) |
/// | everything else: rights, disk full, a defect | stop |
///
/// A thread that is refused or fenced again and again has a twin: it stops (`Twins`).
pub fn action(error: &ThreadError) -> Action {
    match error {
        ThreadError::Broker(BrokerError::Failed { retry, .. }) => match retry {
            Retry::Rewind => Action::Rewind,
            Retry::Same => Action::RewindLater,
            Retry::Rejoin => Action::Rejoin,
            Retry::Recreate => Action::Recreate,
            Retry::InDoubt | Retry::FencedInDoubt => Action::AskTheLog,
            Retry::Never => Action::Stop,
        },
        ThreadError::Broker(BrokerError::OffsetGone { .. })
        | ThreadError::Refused { .. }
        | ThreadError::Trial { .. }
        | ThreadError::Migration { .. } => Action::Rewind,
        ThreadError::State { task, error: StoreError::Corrupted { .. } } => Action::WipeAndRestore(task.clone()),
        ThreadError::Broker(_) | ThreadError::State { .. } | ThreadError::Twin { .. } | ThreadError::Defect { .. } => Action::Stop,
    }
}

/// True when the group or the transactions go on without this thread: by the doings of a twin, or because it was away.
pub(super) fn is_thrown_out(error: &ThreadError) -> bool {
    matches!(error, ThreadError::Broker(BrokerError::Failed { retry: Retry::Rejoin | Retry::Recreate | Retry::FencedInDoubt, .. }))
}

/// True for a topic, or a partition of it, that is not there, or not yet.
pub(super) fn is_missing(error: &ThreadError) -> bool {
    matches!(error, ThreadError::Broker(BrokerError::UnknownTopic(_) | BrokerError::UnknownPartition(_)))
}

/// What the operator can do about an error that ends a thread.
pub(super) fn hint(error: &ThreadError) -> Option<&'static str> {
    match error {
        ThreadError::Twin { .. } => Some(
            "another host has the same instance-id, and both throw each other out: give each a state folder of its own, which names it, or another \
             --instance-id",
        ),
        ThreadError::State { error: StoreError::Disk { .. }, .. } => {
            Some("see to the disk of the state folder; the same command goes on where it stopped")
        }
        ThreadError::Broker(BrokerError::UnknownTopic(_) | BrokerError::UnknownPartition(_)) => Some(
            "a topic of the app is gone, or its user may not see it: make it again as it was, or let `run --create-topics` make it; the same command \
             goes on where it stopped",
        ),
        ThreadError::Broker(BrokerError::TopicDiffers { .. }) => {
            Some("give the topic the setting that is asked for; the same command goes on where it stopped")
        }
        ThreadError::Broker(BrokerError::Locked { .. }) => Some("stop that process, or give this one a --state-dir of its own"),
        ThreadError::Broker(BrokerError::Failed { retry: Retry::Never, .. }) => Some(
            "whoever keeps the log refuses it for good: mend what it says (rights, settings of [broker.client], a full disk); the same command goes on \
             where it stopped",
        ),
        ThreadError::State { error: StoreError::Kind { .. }, .. } | ThreadError::Defect { .. } => {
            Some("this is a defect of cofferdam; state and log are safe, and the same command goes on where it stopped")
        }
        // Not for long: the thread goes on after them.
        ThreadError::Broker(_)
        | ThreadError::State { .. }
        | ThreadError::Refused { .. }
        | ThreadError::Trial { .. }
        | ThreadError::Migration { .. } => None,
    }
}

/// A topic that is not there. A cluster that has just started may not know yet what it has, so for a while it is asked again.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// When it was missed first, and last.
    missed: Option<(Timestamp, Timestamp)>,
}

impl Missing {
    /// The thread has committed: nothing is missing.
    pub(super) fn committed(&mut self) {
        self.missed = None;
    }

    /// Whether an error at `now` may be one of a cluster that does not know yet what it has.
    pub(super) fn may_come(&mut self, error: &ThreadError, now: Timestamp) -> bool {
        if !is_missing(error) {
            return false;
        }
        let patience = i64::try_from(MISSING_PATIENCE.as_millis()).unwrap_or(i64::MAX);
        // A thread that was at peace in between, with nothing to commit, misses it anew.
        let missed = self.missed.filter(|(_, last)| (0..patience).contains(&(now.0 - last.0)));
        let since = missed.map_or(now, |(first, _)| first);
        self.missed = Some((since, now));
        now.0 - since.0 < patience
    }
}

/// Whether somebody else acts under this thread's name: both then throw each other out, again and again. A process that slept too long, or whose
/// cluster was away, is thrown out once.
#[derive(Debug, Default)]
pub(super) struct Twins {
    thrown_out: VecDeque<Timestamp>,
    /// Commits since the thread was thrown out, or since it began.
    commits: usize,
    /// It had worked undisturbed before this began: of the two, the other one is to go first.
    established: bool,
}

impl Twins {
    /// The thread has committed.
    pub(super) fn committed(&mut self) {
        self.commits = self.commits.saturating_add(1);
    }

    /// The thread was thrown out at `now`. How often within the window, when that is too often to be its own doing.
    pub(super) fn thrown_out(&mut self, now: Timestamp) -> Option<usize> {
        let window = i64::try_from(THROWN_OUT_WINDOW.as_millis()).unwrap_or(i64::MAX);
        self.thrown_out.retain(|at| (0..window).contains(&(now.0 - at.0)));
        if self.thrown_out.is_empty() {
            self.established = self.commits >= ESTABLISHED_COMMITS;
        }
        self.commits = 0;
        self.thrown_out.push_back(now);
        let at_most = if self.established { 2 * THROWN_OUT_AT_MOST } else { THROWN_OUT_AT_MOST };
        Some(self.thrown_out.len()).filter(|times| *times > at_most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_that_ends_a_thread_says_what_to_do() {
        let task = TaskId { sub_topology: 0, partition: 0, name: "in_0".into() };
        let at = crate::record::TopicPartition::new("in", 0);
        let text = || "as asked".to_owned();
        let failed = |retry| BrokerError::Failed { what: text(), why: text(), retry };
        let disk = StoreError::Disk { store: "s".into(), what: "write", why: text() };
        let errors = [
            ThreadError::Broker(BrokerError::UnknownTopic("in".into())),
            ThreadError::Broker(BrokerError::UnknownPartition(at)),
            ThreadError::Broker(BrokerError::TopicDiffers { topic: "in".into(), setting: "partitions", there: text(), asked: text() }),
            ThreadError::Broker(BrokerError::Locked { path: text(), pid: 1 }),
            ThreadError::Broker(failed(Retry::Never)),
            ThreadError::of_store(&task, disk),
            ThreadError::Twin { times: 5, error: Box::new(failed(Retry::Rejoin).into()) },
            ThreadError::Defect { task, what: text() },
        ];
        for error in errors {
            assert_eq!((action(&error), hint(&error).is_some()), (Action::Stop, true), "{error}");
        }
    }

    #[test]
    fn a_missing_topic_is_waited_for_until_patience_ends_and_anew_after_a_commit() {
        let gone = ThreadError::Broker(BrokerError::UnknownTopic("in".into()));
        let never = ThreadError::Broker(BrokerError::Failed { what: "w".into(), why: "y".into(), retry: Retry::Never });
        let mut missing = Missing::default();
        let said = [0, 9_999, 10_000, 11_000].map(|at| missing.may_come(&gone, Timestamp(at)));
        assert_eq!(said, [true, true, false, false]);
        // Long after it is another matter.
        assert!(missing.may_come(&gone, Timestamp(60_000)) && missing.may_come(&gone, Timestamp(69_999)));
        missing.committed();
        assert!(missing.may_come(&gone, Timestamp(72_000)) && !missing.may_come(&never, Timestamp(20_000)));
        // A wall clock that was set back begins anew, too.
        assert!(missing.may_come(&gone, Timestamp(0)));
    }

    #[test]
    fn a_thread_that_is_thrown_out_often_within_a_minute_has_a_twin() {
        let mut twins = Twins::default();
        let said = [0, 30_000, 61_000, 91_000, 92_000, 93_000, 94_000].map(|at| twins.thrown_out(Timestamp(at)));
        assert_eq!(said, [None, None, None, None, None, None, Some(5)]);
    }

    #[test]
    fn of_two_twins_the_one_that_worked_before_has_more_patience() {
        let mut twins = Twins::default();
        (0..ESTABLISHED_COMMITS).for_each(|_| twins.committed());
        let said: Vec<_> = (0..9).map(|at| twins.thrown_out(Timestamp(at))).collect();
        assert_eq!(said.iter().position(Option::is_some), Some(8));
    }
}
