//! The command: reads its arguments, calls the rooms below, prints what a person sees.
//!
//! The only user of clap and indicatif. It decides nothing about streams; every verb is a file here.

mod args;
mod check;
mod describe;
mod input;
mod logging;
mod output;
mod report;
mod run;
mod signals;
mod test;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Verb};

/// Runs the command; the exit code is 0, 1 (failed) or 2 (bad usage or manifest).
pub fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match args.verb {
        Verb::Run(run) => run::run(&run),
        Verb::Check(check) => check::check(&check),
        Verb::Describe(describe) => describe::describe(&describe),
        Verb::Test(test) => test::test(&test),
    };
    match outcome {
        Ok(code) => code,
        Err(problems) => report::print(&problems),
    }
}
