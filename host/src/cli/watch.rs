//! The command's own loop while the host works: outputs, idleness, signals, the progress line.

use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::error::Diagnostic;
use crate::runtime::{Condition, HostExit, TaskStatus};

use super::follow::{Following, Next};
use super::handle::Handle;
use super::input::Loaded;
use super::output::Output;
use super::process_memory;
use super::report::counted;
use super::signals::{Ear, Told};

/// How often the command looks after outputs, idleness and signals.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// The command's own loop while the host works.
pub struct Watch<'a> {
    pub host: Handle,
    pub ear: &'a Ear,
    pub outputs: Vec<Output>,
    pub stdin: Option<JoinHandle<Result<Loaded, Diagnostic>>>,
    pub following: Option<Following>,
    pub until_idle: bool,
    pub bar: ProgressBar,
    /// The start is over: no task waits for state.
    pub started: bool,
}

/// Why there is nothing more to watch.
pub enum End {
    /// Everything is processed.
    Idle,
    /// A signal.
    Told(Told),
    /// Something was deployed that the host has to begin anew with.
    Deployed(Box<Next>),
}

impl Watch<'_> {
    /// Until there is nothing more to watch, or a failure.
    pub fn watch(&mut self) -> Result<End, Diagnostic> {
        let mut more = false;
        loop {
            let told = if more { self.ear.heard() } else { self.ear.wait(LOOK_INTERVAL) };
            if let Some(told) = told {
                tracing::info!("stopping");
                return Ok(End::Told(told));
            }
            if let Some(next) = self.following.as_ref().and_then(|following| following.next.try_recv().ok()) {
                return Ok(End::Deployed(next));
            }
            more = false;
            for output in &mut self.outputs {
                more |= output.pump()?;
            }
            if self.stdin.as_ref().is_some_and(JoinHandle::is_finished)
                && let Some(pump) = self.stdin.take()
            {
                let loaded = pump.join().unwrap_or_else(|_| Err(Diagnostic::run("R011", "standard input could not be produced")))?;
                tracing::info!("standard input has ended after {} records", loaded.produced);
            }
            if self.is_done()? {
                return Ok(End::Idle);
            }
        }
    }

    /// Looks once at the host: whether the work is done.
    fn is_done(&mut self) -> Result<bool, Diagnostic> {
        let mut guard = self.host.lock();
        let Some(host) = &mut *guard else { return Ok(false) };
        if let Some(exit) = host.ended() {
            return Err(match exit {
                HostExit::Failed(failure) => failure,
                HostExit::Stopped => Diagnostic::run("R002", "a stream thread ended though nobody told it to"),
            });
        }
        let status = host.status();
        tell(&self.bar, &status);
        if !self.started && !status.is_empty() && status.iter().all(|task| matches!(task.condition, Condition::Running)) {
            self.started = true;
            process_memory::give_back_code();
        }
        if host.all_parked() {
            return Err(parked(&status));
        }
        // What the tasks themselves know is looked at first: the rest asks the log.
        let lags = status.iter().any(|task| task.lag() > 0 && !is_parked(task));
        let waits = self.stdin.is_some() || !self.until_idle || lags;
        if waits || !host.idle().map_err(|e| Diagnostic::run("B002", "the log failed").because(e))? {
            return Ok(false);
        }
        let status = host.status();
        if status.iter().any(is_parked) {
            return Err(parked(&status));
        }
        let processed: u64 = status.iter().map(|t| t.counters.from_inputs).sum();
        tracing::info!("everything is processed: {} in this run", counted(processed, "record", "records"));
        Ok(true)
    }
}

fn is_parked(task: &TaskStatus) -> bool {
    matches!(task.condition, Condition::Parked { .. })
}

/// Parked tasks that an error names; they mostly have the same cause.
const TASKS_NAMED: usize = 5;

fn parked(status: &[TaskStatus]) -> Diagnostic {
    let all: Vec<&TaskStatus> = status.iter().filter(|t| is_parked(t)).collect();
    let what = if all.len() == status.len() {
        "every task is parked".to_owned()
    } else {
        format!("{} of {} tasks are parked", all.len(), status.len())
    };
    let mut problem = Diagnostic::run("R006", what);
    for task in all.iter().take(TASKS_NAMED) {
        if let Condition::Parked { why, .. } = &task.condition {
            problem = problem.because(format_args!("task {}: {why}", task.id.name));
        }
    }
    if all.len() > TASKS_NAMED {
        problem = problem.because(format_args!("and {} more", all.len() - TASKS_NAMED));
    }
    problem.hint("nothing is lost: after a repair the same command goes on at these records; `on-error` of a node can skip such records or put them aside")
}

fn tell(bar: &ProgressBar, status: &[TaskStatus]) {
    let processed: u64 = status.iter().map(|t| t.counters.processed).sum();
    let lag: u64 = status.iter().map(TaskStatus::lag).sum();
    bar.set_message(format!("{processed} records processed, {lag} to go"));
    bar.tick();
}
