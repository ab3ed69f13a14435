//! Stream threads on the simulated log, with nodes in plain Rust and a virtual clock.

mod bench;
mod commits;
mod crash;
mod fairness;
mod filling;
mod frames;
mod groups;
mod migrations;
mod order;
mod policies;
mod punctuation;
mod queries;
mod refusals;
mod replans;
mod restoring;
mod swaps;
mod telling;
