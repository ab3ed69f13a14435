//! The command: reads its arguments, calls the rooms below, prints what a person sees.
//!
//! The only user of clap and indicatif. It decides nothing about streams; every verb is a file here.

mod agreement;
mod args;
mod build;
mod check;
mod completions;
mod consume;
mod dead_letters;
mod deploy;
mod describe;
mod explain;
mod follow;
mod ground;
mod handle;
mod input;
mod lines;
mod logging;
mod neighbours;
mod new;
mod output;
mod process_memory;
mod produce;
mod query;
mod reach;
mod reload;
mod report;
mod reset;
mod resume;
mod run;
mod signals;
mod sources;
mod status;
mod swap;
mod table;
mod test;
mod topics;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, LogForm, Verb};

/// Runs the command; the exit code is 0, 1 (failed) or 2 (bad usage or manifest).
pub fn main() -> ExitCode {
    process_memory::give_back_soon();
    let args = Args::parse();
    let json = matches!(&args.verb, Verb::Run(run) if run.log == LogForm::Json);
    let outcome = match args.verb {
        Verb::New(new) => new::new(&new),
        Verb::Build(build) => build::build(&build),
        Verb::Check(check) => check::check(&check),
        Verb::Describe(describe) => describe::describe(&describe),
        Verb::Test(test) => test::test(&test),
        Verb::Run(run) => run::run(&run),
        Verb::Produce(produce) => produce::produce(&produce),
        Verb::Consume(consume) => consume::consume(&consume),
        Verb::Query(query) => query::query(&query),
        Verb::Status(status) => status::status(&status),
        Verb::Resume(resume) => resume::resume(&resume),
        Verb::Swap(swap) => swap::swap(&swap),
        Verb::Rollback(rollback) => swap::roll_back(&rollback),
        Verb::Deploy(deploy) => deploy::deploy(&deploy),
        Verb::DeadLetters(letters) => dead_letters::dead_letters(&letters),
        Verb::Reset(reset) => reset::reset(&reset),
        Verb::Explain(explain) => explain::explain(&explain),
        Verb::Completions(completions) => completions::completions(&completions),
    };
    match outcome {
        Ok(code) => code,
        Err(problems) if json => report::print_json(&problems),
        Err(problems) => report::print(&problems),
    }
}
