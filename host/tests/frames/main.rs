//! Records that go through components many at a time give, byte for byte, what they give one after another: outputs, dead letters, changelogs,
//! stores and positions, on the simulated log, with stores in memory and on disk.
//!
//! `COFFERDAM_FRAME_CASES` asks for more apps than the usual number.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod app;
mod bench;
mod counted;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use bench::Ran;

/// What `cargo test` has time for: about 10 s.
const CASES: u32 = 100;

/// Of all apps, those in which some node was given many records a call: one in so many at least.
const FRAMED_DIVISOR: u32 = 3;

fn cases() -> u32 {
    std::env::var("COFFERDAM_FRAME_CASES").map_or(CASES, |cases| cases.parse().unwrap())
}

#[test]
fn components_give_the_same_many_at_a_time_and_one_after_another() {
    let config = ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() };
    let framed = Cell::new(0);
    TestRunner::new(config)
        .run(&app::app(), |app| {
            framed.set(framed.get() + u32::from(both_ways(&app)? > 0));
            Ok(())
        })
        .unwrap_or_else(|why| panic!("{why}"));
    assert!(framed.get() >= cases() / FRAMED_DIVISOR, "only {} of {} apps had frames of more than one record", framed.get(), cases());
}

/// Answers how many calls had more than one record, where they may.
fn both_ways(app: &app::App) -> Result<u64, TestCaseError> {
    let made = bench::make(&app.manifest());
    let (Ran { told: many, frames }, Ran { told: one, frames: none }) = (bench::run(&made, app, true), bench::run(&made, app, false));
    let differs = many.iter().zip(&one).find(|(many, one)| many != one);
    prop_assert_eq!(differs, None, "{}", app.manifest());
    prop_assert_eq!(many.len(), one.len(), "{}", app.manifest());
    prop_assert_eq!(none, 0, "without frames each call has one record");
    Ok(frames)
}
