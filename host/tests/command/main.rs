//! What a person sees: the command itself, run in an empty folder. Every text is a snapshot, so that a change of it is read.
//!
//! Needs built guests (`make guests examples`).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod api;
mod checking;
mod dead_letters;
mod describing;
mod failing;
mod help;
mod looking;
mod place;
mod projects;
mod query;
mod reset;
mod running;
