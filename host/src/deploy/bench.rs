//! An app on the simulated log and the virtual clock, on one thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::sim::SimBroker;
use crate::clock::VirtualClock;
use crate::error::Diagnostic;
use crate::steps::{Bench, Stage};

use super::application::Application;
use super::bind::{BindSettings, bind};
use super::topics::ExternalTopics;

/// Seed of the guests' random bits, so that a test that passes passes again.
const SEED: u64 = 1;

/// A bench for one test. `partitions`: of every topic; `tasks_folder`: of the state, `None`: all of it in memory.
pub fn bench(app: &Application, partitions: u32, tasks_folder: Option<PathBuf>, clock: VirtualClock) -> Result<Bench, Vec<Diagnostic>> {
    let clock = Arc::new(clock);
    let broker = SimBroker::new(clock.clone());
    let settings = BindSettings {
        tasks_folder,
        commit_floor: Duration::ZERO,
        topics: ExternalTopics::Own { partitions: Some(partitions) },
        seed: SEED,
        redact_keys: false,
    };
    let plan = bind(app, Arc::new(broker.clone()), clock.clone(), &settings)?;
    let sources = app.input_names().into_iter().filter_map(|n| Some((n.to_owned(), app.input_topic(n)?.0))).collect();
    Bench::new(Stage { plan, broker, clock, sources, outputs: app.observed_topics() }).map_err(|e| vec![e])
}
