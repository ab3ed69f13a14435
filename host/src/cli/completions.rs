//! `completions`: what a shell needs to complete the command's verbs and flags.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::error::Diagnostic;

use super::args::{self, Args};

/// Prints the completions of a shell.
pub fn completions(args: &args::Completions) -> Result<ExitCode, Vec<Diagnostic>> {
    clap_complete::generate(args.shell, &mut Args::command(), "cofferdam", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
