//! Errors as a person sees them, and the exit code that goes with them.

use std::process::ExitCode;

use crate::error::{Blame, Diagnostic};

/// Prints every problem to standard error. The code is 2 when one of them is the user's, else 1.
pub fn print(problems: &[Diagnostic]) -> ExitCode {
    for problem in problems {
        eprintln!("{problem}");
    }
    if let [_, _, ..] = problems {
        eprintln!("{} errors", problems.len());
    }
    let usage = problems.iter().any(|p| p.blame == Blame::Usage);
    ExitCode::from(if usage { 2 } else { 1 })
}
