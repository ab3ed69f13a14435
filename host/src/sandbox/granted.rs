//! What of the machine a node is given: its clocks, its random bits and variables of its environment, each only where it was granted; else what is
//! the task's, which is the same under test and when a record is processed again.

use super::state::State;
use crate::clock::{Clock, SystemClock, machine_random};
use crate::manifest::Capability;

/// The wall clock, in milliseconds.
pub(super) fn wall_ms(state: &State) -> u64 {
    let now = if state.is_given(&Capability::Clock) { SystemClock.now() } else { state.now() };
    u64::try_from(now.0).unwrap_or(0)
}

/// A clock that never goes back, in nanoseconds.
pub(super) fn monotonic_ns(state: &State) -> u64 {
    if state.is_given(&Capability::Clock) {
        return u64::try_from(SystemClock.monotonic().as_nanos()).unwrap_or(u64::MAX);
    }
    wall_ms(state).saturating_mul(1_000_000)
}

/// Random bits.
pub(super) fn random(state: &mut State) -> u64 {
    if state.is_given(&Capability::Random) {
        match machine_random() {
            Ok(bytes) => return u64::from_le_bytes(bytes),
            Err(why) => tracing::warn!("the machine has no random bits ({why}): the task's are given"),
        }
    }
    state.random()
}

/// The variables that were granted and are set.
pub(super) fn environment(state: &State) -> Vec<(String, String)> {
    let value = |granted: &Capability| match granted {
        Capability::Variable(name) => Some((name.clone(), std::env::var(name).ok()?)),
        Capability::Clock | Capability::Random => None,
    };
    state.setup.allow.iter().filter_map(value).collect()
}
