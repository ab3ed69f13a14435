//! `resume`: parked tasks try their record again.

use std::process::ExitCode;

use crate::error::Diagnostic;

use super::args;
use super::reach::App;
use super::report::say;

/// Lets one task or all go on, and says which were parked.
pub fn resume(args: &args::Resume) -> Result<ExitCode, Vec<Diagnostic>> {
    let app = App::reach(&args.at)?;
    let resumed = app.resume(args.task.as_deref()).map_err(|e| vec![e])?;
    match (&resumed[..], &args.task) {
        ([], Some(task)) => say(&format!("{task} is not parked")),
        ([], None) => say("no task is parked"),
        (tasks, _) => tasks.iter().for_each(|task| say(&format!("{task} tries its record again"))),
    }
    Ok(ExitCode::SUCCESS)
}
