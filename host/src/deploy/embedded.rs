//! The embedded log of an app, opened by one process, and the thread that keeps it clean.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::broker::BrokerError;
use crate::broker::embedded::{EmbeddedLog, StateFolder};
use crate::clock::Clock;
use crate::disk::Budget;
use crate::error::Diagnostic;
use crate::limits;

/// How often the log is cleaned.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(5);

/// How long a step of cleaning that left something to do is followed by nothing, so that those who append come in between.
const MAINTENANCE_PAUSE: Duration = Duration::from_millis(10);

/// A state folder and its log, held by this process.
pub struct OpenLog {
    /// The folder, locked.
    pub folder: Arc<StateFolder>,
    /// The log in it.
    pub log: EmbeddedLog,
}

/// Takes a state folder for this process; made when absent.
pub fn lock_folder(state_dir: &Path) -> Result<Arc<StateFolder>, Diagnostic> {
    Ok(Arc::new(StateFolder::lock(state_dir).map_err(|e| refused(state_dir, &e))?))
}

/// Takes a state folder for this process and opens the log in it. Both are made when absent.
pub fn open_log(state_dir: &Path, clock: Arc<dyn Clock>) -> Result<OpenLog, Diagnostic> {
    let folder = lock_folder(state_dir)?;
    let log = EmbeddedLog::open(
        folder.clone(),
        clock,
        &Budget::new(limits::LOG_CACHE_BYTES + limits::LOG_WRITE_BUFFERS_BYTES, limits::LOG_WRITE_BUFFERS_BYTES),
    )
    .map_err(|e| refused(state_dir, &e))?;
    Ok(OpenLog { folder, log })
}

fn refused(state_dir: &Path, error: &BrokerError) -> Diagnostic {
    match error {
        BrokerError::Locked { pid, .. } => {
            let holder = if *pid == 0 { String::new() } else { format!(" (pid {pid})") };
            Diagnostic::run("B003", format!("the state folder {} is in use by another process{holder}", state_dir.display()))
                .hint("one process at a time runs an app on the embedded log; while it does, `produce`, `consume`, `status`, `resume` and `dead-letters` reach it")
        }
        _ => Diagnostic::run("B004", format!("the log in {} cannot be opened", state_dir.display())).because(error),
    }
}

/// Cleans a log in the background until dropped: retention, compaction.
pub struct Maintenance {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Maintenance {
    /// Starts the thread.
    pub fn start(log: EmbeddedLog, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let clean = move || {
            let mut wait = MAINTENANCE_INTERVAL;
            loop {
                match stopped.recv_timeout(wait) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
                wait = match log.maintain(clock.now(), limits::MAINTENANCE_STEP_BYTES) {
                    Ok(done) if done.more => MAINTENANCE_PAUSE,
                    Ok(_) => MAINTENANCE_INTERVAL,
                    Err(why) => {
                        tracing::warn!("old records of the log could not be cleaned: {why}");
                        MAINTENANCE_INTERVAL
                    }
                };
            }
        };
        let thread = std::thread::Builder::new().name("maintenance".into()).spawn(clean)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Maintenance {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
