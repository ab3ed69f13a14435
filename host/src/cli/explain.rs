//! `explain CODE`: what an error means and what to do about it.

use std::process::ExitCode;

use crate::error::{self, Diagnostic};

use super::args;
use super::report::say;

/// Explains a code, or lists all of them.
pub fn explain(args: &args::Explain) -> Result<ExitCode, Vec<Diagnostic>> {
    let Some(code) = &args.code else {
        error::all_codes().for_each(|known| say(&format!("{}  {}", known.code, known.title)));
        return Ok(ExitCode::SUCCESS);
    };
    let Some(known) = error::explain(code) else {
        let problem = Diagnostic::usage("R070", format!("there is no code '{code}'"));
        return Err(vec![problem.hint("`cofferdam explain` lists all codes")]);
    };
    say(known.to_string().trim_end());
    Ok(ExitCode::SUCCESS)
}
