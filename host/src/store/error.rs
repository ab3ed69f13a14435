//! What the state could not do.

use std::sync::Arc;

use crate::disk::DiskError;
use crate::topology::StoreKind;

/// What the state could not do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or its database failed.
    #[error("store '{store}': {what}: {why}")]
    Disk {
        /// The store, or the task's database.
        store: Arc<str>,
        /// What was tried.
        what: &'static str,
        /// What came back.
        why: String,
    },
    /// What is on disk cannot be understood; wiping it and restoring heals it.
    #[error("store '{store}' is corrupted: {why}")]
    Corrupted {
        /// The store.
        store: Arc<str>,
        /// Where it breaks.
        why: String,
    },
    /// Somebody still has the task's database open: in this process, a stream thread that has not let go of the task yet.
    #[error("store '{store}': {why}")]
    Locked {
        /// The task's database.
        store: Arc<str>,
        /// Where.
        why: String,
    },
    /// Somebody outside asked for rows of which there are too few among those that would have to be looked at.
    #[error("store '{store}': more than {} rows would have to be passed over", crate::limits::QUERY_ROWS_PASSED)]
    PassedOver {
        /// The store.
        store: Arc<str>,
    },
    /// It was used as a store of another kind.
    #[error("'{store}' is a {kind} store and was used as another kind")]
    Kind {
        /// The store.
        store: Arc<str>,
        /// Its kind.
        kind: StoreKind,
    },
}

impl StoreError {
    /// A failure of the database, seen from a store.
    pub(super) fn of(store: &Arc<str>, why: DiskError) -> Self {
        let store = Arc::clone(store);
        match why {
            DiskError::Corrupted { path, why } => Self::Corrupted { store, why: format!("{}: {why}", path.display()) },
            DiskError::Io { path, what, why } => Self::Disk { store, what, why: format!("{}: {why}", path.display()) },
            DiskError::Locked { .. } => Self::Locked { store, why: why.to_string() },
            DiskError::Missing { .. } | DiskError::UnknownFamily { .. } => Self::Disk { store, what: "opening", why: why.to_string() },
        }
    }
}
