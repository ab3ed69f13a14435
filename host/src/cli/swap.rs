//! `swap` and `rollback`: another component in the place of a processor's, while the app runs.

use std::process::ExitCode;

use crate::admin::{RollBackRequest, SwapReport, SwapRequest, span};
use crate::component::{self, short};
use crate::error::Diagnostic;
use crate::manifest::Broker;

use super::args;
use super::reach::App;
use super::report::say;

/// Lets a component take over, and says how long records had to wait.
pub fn swap(args: &args::Swap) -> Result<ExitCode, Vec<Diagnostic>> {
    let name = args.component.display().to_string();
    let component = args.component.canonicalize().map_err(|why| {
        let problem = Diagnostic::usage("C001", format!("the component {name} cannot be read")).because(why);
        vec![problem.hint("build it (`cofferdam build`); the path is relative to where the command was started")]
    })?;
    let component = component::in_file(&component, &name).map_err(|e| vec![e])?.bytes;
    let request = SwapRequest { processor: args.processor.clone(), component, name, max_slowdown: args.max_slowdown };
    let app = App::reach(&args.at)?;
    let report = app.swap(&request).map_err(|e| vec![e])?;
    say(&told(&args.processor, &report));
    say_where(&app);
    Ok(ExitCode::SUCCESS)
}

/// Lets the component before come back.
pub fn roll_back(args: &args::Rollback) -> Result<ExitCode, Vec<Diagnostic>> {
    let app = App::reach(&args.at)?;
    let report = app.roll_back(&RollBackRequest { processor: args.processor.clone() }).map_err(|e| vec![e])?;
    say(&told(&args.processor, &report));
    say_where(&app);
    Ok(ExitCode::SUCCESS)
}

/// The app may have hosts that were not asked.
fn say_where(app: &App) {
    if matches!(app.manifest.broker, Broker::Kafka(_)) {
        say("on this host only, until it is started again; `deploy` changes all hosts of an app");
    }
}

/// What a swap came to, in a line.
pub fn told(processor: &str, report: &SwapReport) -> String {
    let (from, to) = (short(&report.from), short(&report.to));
    if report.from == report.to {
        return format!("{processor}: {to} works already");
    }
    let trial = if report.on_trial { ", on trial" } else { "" };
    let pause = if report.pause_us < 1_000 {
        format!("{} us", report.pause_us)
    } else {
        span(i64::try_from(report.pause_us.div_ceil(1_000)).unwrap_or(i64::MAX))
    };
    let Some((old, new)) = report.state else {
        return format!("{processor}: {to} in place of {from}{trial}; records waited {pause} at most");
    };
    format!(
        "{processor}: {to} in place of {from}; it takes over the state from version {old} to {new} before the next record, see `status`. There is \
         no way back: the manifest has to name this component before the next start"
    )
}
