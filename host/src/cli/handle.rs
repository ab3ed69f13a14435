//! The running host, as the desk and the command's own loop see it: none before its inputs are produced.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::admin::{AppTopics, HostControl, RollBackRequest, SwapReport, SwapRequest};
use crate::component::Component;
use crate::deploy::{Offer, Plugins, Swapped};
use crate::error::{Diagnostic, in_one};
use crate::runtime::{Conductor, Host, HostExit, HostPlan, HostSettings, HostStatus, Inquirer, NodeVersion, Note, Passage};

use super::swap;

/// A host that may not be there yet, or not any more. Clones are the same one.
#[derive(Clone, Default)]
pub struct Handle {
    host: Arc<Mutex<Option<Host>>>,
    plugins: Arc<Mutex<Option<Arc<Plugins>>>>,
    /// Held while components change, or the plan.
    changing: Arc<Mutex<()>>,
}

impl HostControl for Handle {
    fn look(&self) -> Option<HostStatus> {
        self.lock().as_ref().map(Host::look)
    }

    fn inquirer(&self) -> Option<Inquirer> {
        self.lock().as_ref().map(Host::inquirer)
    }

    fn topics(&self) -> Option<AppTopics> {
        self.lock().as_ref().map(|host| topics(host.plan()))
    }

    fn resume(&self, task: Option<&str>) {
        if let Some(host) = &*self.lock() {
            host.resume(task);
        }
    }

    fn swap(&self, request: &SwapRequest) -> Result<SwapReport, Diagnostic> {
        let SwapRequest { processor, component, name, max_slowdown } = request;
        let component = Component::new(name, component.clone());
        self.take(&Offer { processor, component: &component, max_slowdown: *max_slowdown })
    }

    fn roll_back(&self, request: &RollBackRequest) -> Result<SwapReport, Diagnostic> {
        let _alone = alone(&self.changing);
        let (plugins, host) = self.conducted()?;
        plugins.roll_back(&host, &request.processor).map(|swapped| told(&request.processor, swapped))
    }
}

impl Handle {
    /// Starts the stream threads.
    pub fn start(&self, plan: HostPlan, threads: u32, plugins: Plugins) -> Result<(), Diagnostic> {
        *alone(&self.plugins) = Some(Arc::new(plugins));
        *self.lock() = Some(Host::start(plan, HostSettings { threads })?);
        Ok(())
    }

    /// Lets a component take the place of a processor's.
    pub fn take(&self, offer: &Offer<'_>) -> Result<SwapReport, Diagnostic> {
        let _alone = alone(&self.changing);
        let (plugins, host) = self.conducted()?;
        plugins.swap(&host, offer).map(|swapped| told(offer.processor, swapped)).map_err(in_one)
    }

    /// The plan that it works by.
    pub fn plan(&self) -> Option<Arc<HostPlan>> {
        self.lock().as_ref().map(|host| host.plan().clone())
    }

    /// The way to another plan of the same app; `None`: nothing would stay.
    pub fn passage(&self, plan: HostPlan, note: Option<Note>) -> Option<Arc<Passage>> {
        self.lock().as_ref()?.passage(plan, note)
    }

    /// Lets the threads give back what does not stay.
    pub fn retire(&self, passage: &Arc<Passage>) {
        if let Some(host) = &*self.lock() {
            host.retire(passage);
        }
    }

    /// Whether they all have, or do within the time.
    pub fn is_retired(&self, passage: &Passage, patience: Duration) -> bool {
        let threads = self.lock().as_ref().map_or(usize::MAX, Host::threads);
        passage.is_retired(threads, patience)
    }

    /// Lets them take the new plan, which has these components. Ends when they have, or when `go_on` says no between two looks.
    pub fn replan(&self, passage: &Arc<Passage>, plugins: Plugins, look: Duration, go_on: impl Fn() -> bool) {
        let _alone = alone(&self.changing);
        let threads = {
            let mut host = self.lock();
            let Some(host) = &mut *host else { return };
            let mut current = alone(&self.plugins);
            if let Some(before) = &*current {
                plugins.carry(before, passage.nodes());
            }
            *current = Some(Arc::new(plugins));
            host.replan(passage);
            host.threads()
        };
        while !passage.is_over(threads, look) && go_on() {}
    }

    /// Which version each processor runs; none before the threads are started.
    pub fn versions(&self) -> Vec<NodeVersion> {
        self.lock().as_ref().map_or_else(Vec::new, Host::versions)
    }

    /// Ends them.
    pub fn stop(&self, leave: bool) -> Result<(), Diagnostic> {
        // Taken out first, so that the lock is not held while the threads end.
        let host = self.lock().take();
        match host.map(|host| host.stop(leave)) {
            Some(HostExit::Failed(failure)) => Err(failure),
            Some(HostExit::Stopped) | None => Ok(()),
        }
    }

    /// The host, held still.
    pub fn lock(&self) -> MutexGuard<'_, Option<Host>> {
        alone(&self.host)
    }

    /// A swap takes its time, and nobody else has to wait for it.
    fn conducted(&self) -> Result<(Arc<Plugins>, Conductor), Diagnostic> {
        let conductor = self.lock().as_ref().map(Host::conductor);
        match (alone(&self.plugins).clone(), conductor) {
            (Some(plugins), Some(conductor)) => Ok((plugins, conductor)),
            _ => Err(Diagnostic::run("R091", "the host has not started its stream threads yet, or is just ending").hint("try it again")),
        }
    }
}

/// What is behind these locks is whole at every moment.
fn alone<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What an app reads, and where its failed records go.
pub fn topics(plan: &HostPlan) -> AppTopics {
    let read = (0..plan.topology.sub_topologies.len()).flat_map(|sub| plan.source_topics(sub)).collect();
    AppTopics { read, letters: plan.topology.letter_topics() }
}

/// The answer; in the log, too, when there is something to tell.
fn told(processor: &str, swapped: Swapped) -> SwapReport {
    let report = SwapReport {
        from: swapped.from.to_string(),
        to: swapped.to.to_string(),
        pause_us: u64::try_from(swapped.taken_over.pause.as_micros()).unwrap_or(u64::MAX),
        on_trial: swapped.on_trial,
        state: swapped.state,
    };
    if report.from != report.to {
        tracing::info!("{}", swap::told(processor, &report));
    }
    report
}
