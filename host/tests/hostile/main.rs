//! Guests that want to harm, all of them built from source and run by the command itself: none hurts the host, its memory, or the task of
//! another. On the embedded log; all attacks at once on Kafka, too, where the environment names one (tests/kafka does).
//!
//! Needs built guests (`make guests`).

#![allow(clippy::disallowed_methods, reason = "waits have a bound in real time")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod all_at_once;
mod attacks;
mod fuzz;
#[path = "../../src/sandbox/tests/guest.rs"]
#[allow(dead_code, reason = "the sandbox's own tests use all of it")]
mod guest;
mod host;
mod loading;
mod made_by_hand;
#[path = "../command/place.rs"]
#[allow(dead_code, reason = "the tests of the command use all of it")]
mod place;
mod starting;

use std::time::Duration;

/// Longest wait for something that a running host should do.
const BOUND: Duration = Duration::from_secs(120);

/// Most that a host may ever take up with two threads at work: what the limits of two walks come to, and what the machine code of all
/// components takes.
const HOST_BYTES: u64 = 1_500 << 20;
