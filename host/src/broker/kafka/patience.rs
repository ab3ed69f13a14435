//! Questions to a cluster that does not answer yet: asked again, for a host that starts minutes long, since its cluster may start with it.

#![allow(clippy::disallowed_methods, reason = "how long librdkafka has taken, in real time")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::errors::retry;
use super::ffi::{Code, Event, Handle, KafkaError};
use crate::broker::port::Retry;
use crate::clock::{Clock, SystemClock};

/// Longest wait for one answer of the cluster.
pub(super) const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// How long a host that starts asks again.
const START_PATIENCE: Duration = Duration::from_secs(300);
/// Waits that are shorter are not worth a line of the log.
const QUIET: Duration = Duration::from_secs(2);
/// Between two questions of which the answer was "not now".
const PAUSE: Duration = Duration::from_millis(100);

/// How long a question is asked again that the cluster has not answered.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Until the machine's clock says this, and in any case [`ANSWER_WAIT`].
    until: Duration,
    /// Set by somebody who does not want to wait any longer.
    told: Arc<AtomicBool>,
}

impl Patience {
    /// A command's: somebody waits for it.
    pub fn of_command() -> Self {
        Self { until: SystemClock.monotonic(), told: Arc::default() }
    }

    /// That of a host that starts now. `told`: it is to stop.
    pub fn of_host(told: Arc<AtomicBool>) -> Self {
        Self { until: SystemClock.monotonic() + START_PATIENCE, told }
    }

    /// Asks until the answer is another one than "not now", or it shows that there will be none. `what` is tried, for the log.
    pub(super) fn ask<T>(
        &self,
        handle: &Arc<Handle>,
        what: impl Fn() -> String,
        ask: impl Fn() -> Result<T, KafkaError>,
    ) -> Result<T, KafkaError> {
        let began = SystemClock.monotonic();
        let until = self.until.max(began + ANSWER_WAIT);
        let mut said = false;
        loop {
            let error = match ask() {
                Err(error) if retry(&error) == Retry::Same => error,
                answer => return answer,
            };
            if let Some(refusal) = refusal(handle) {
                return Err(refusal);
            }
            if SystemClock.monotonic() >= until || self.told.load(Ordering::Relaxed) {
                return Err(error);
            }
            if !said && SystemClock.monotonic() >= began + QUIET {
                said = true;
                tracing::warn!("{}: no answer of the cluster yet ({error}); asked again", what());
            }
            // A time-out was wait enough.
            if error.code != Code::RD_KAFKA_RESP_ERR__TIMED_OUT {
                std::thread::park_timeout(PAUSE);
            }
        }
    }
}

/// What a broker that was reached, and does not believe this client or is not believed, has left among the errors of the handle.
fn refusal(handle: &Arc<Handle>) -> Option<KafkaError> {
    let queue = handle.main_queue()?;
    let errors =
        std::iter::from_fn(|| queue.poll(Duration::ZERO)).filter_map(|event| if let Event::Error(e) = event { Some(e) } else { None });
    let is_refusal = |e: &KafkaError| matches!(e.code, Code::RD_KAFKA_RESP_ERR__SSL | Code::RD_KAFKA_RESP_ERR__AUTHENTICATION);
    errors.filter(is_refusal).last()
}
