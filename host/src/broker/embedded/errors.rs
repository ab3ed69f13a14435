//! How the log says that it failed.

use std::fmt::Display;

use crate::broker::port::{BrokerError, Retry};
use crate::disk::DiskError;

/// What is stored cannot be understood.
pub(super) fn corrupted(what: &str, why: impl Display) -> BrokerError {
    failed(format!("read {what}"), format!("the log is corrupted: {why}"))
}

/// Nothing that is tried again would help.
pub(super) fn failed(what: impl Into<String>, why: impl Display) -> BrokerError {
    BrokerError::Failed { what: what.into(), why: why.to_string(), retry: Retry::Never }
}

impl From<DiskError> for BrokerError {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Locked { path } => Self::Locked { path: path.display().to_string(), pid: 0 },
            error => failed("use the log", error),
        }
    }
}
