//! From the class of an error to what is done about it: the one table.

use std::sync::Arc;

use crate::broker::{BrokerError, Retry};
use crate::store::StoreError;
use crate::task::TaskError;
use crate::topology::TaskId;

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
    /// As `Rewind`; besides, this task's state is wiped and restored from its changelogs.
    WipeAndRestore(TaskId),
    /// The thread ends, and with it the host.
    Stop,
}

/// The table.
///
/// | error | action |
/// |---|---|
/// | the log says that the transaction is void, or that the same call may succeed | rewind |
/// | records were deleted before they were read | rewind, then on from the first that is left |
/// | the log refuses an output | rewind; the task knows which |
/// | a task's database is corrupted | wipe and restore that task |
/// | everything else: disk full, missing topic, a defect | stop |
pub fn action(error: &ThreadError) -> Action {
    match error {
        ThreadError::Broker(BrokerError::Failed { retry: Retry::Rewind | Retry::Same, .. } | BrokerError::OffsetGone { .. })
        | ThreadError::Refused { .. } => Action::Rewind,
        ThreadError::State { task, error: StoreError::Corrupted { .. } } => Action::WipeAndRestore(task.clone()),
        ThreadError::Broker(_) | ThreadError::State { .. } | ThreadError::Defect { .. } => Action::Stop,
    }
}
