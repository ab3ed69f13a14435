//! Records that go through components many at a time give, byte for byte, what they give one after another: outputs, dead letters, changelogs,
//! stores and positions, on the simulated log, with stores in memory and on disk.
//!
//! `COFFERDAM_FRAME_CASES` asks for more apps than the usual number.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod app;
mod bench;

use proptest::prelude::*;

/// What `cargo test` has time for: about 10 s.
const CASES: u32 = 100;

fn cases() -> u32 {
    std::env::var("COFFERDAM_FRAME_CASES").map_or(CASES, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn components_give_the_same_many_at_a_time_and_one_after_another(app in app::app()) {
        let made = bench::make(&app.manifest());
        let (many, one) = (bench::run(&made, &app, true), bench::run(&made, &app, false));
        let differs = many.iter().zip(&one).find(|(many, one)| many != one);
        prop_assert_eq!(differs, None, "{}", app.manifest());
        prop_assert_eq!(many.len(), one.len(), "{}", app.manifest());
    }
}
