//! `consume`: the records of a topic, one line each.

use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};
use std::process::ExitCode;
use std::time::Duration;

use crate::admin::{Begin, CONTROL_SOCKET, ControlClient, Page, PageRequest};
use crate::error::Diagnostic;

use super::args;
use super::reach::App;
use super::topics;

/// How often `--follow` looks for records.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Prints what is there; with `--follow` also what comes, until there were `--max`.
pub fn consume(args: &args::Consume) -> Result<ExitCode, Vec<Diagnostic>> {
    let app = App::reach(&args.at)?;
    match print(args, app) {
        // Whoever read the lines has enough.
        Err(Ended::Printing(why)) if why.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(Ended::Printing(why)) => Err(vec![Diagnostic::run("R020", "standard output cannot be written").because(why)]),
        Err(Ended::Reading(problem)) => Err(vec![problem]),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

enum Ended {
    Printing(io::Error),
    Reading(Diagnostic),
}

impl From<Diagnostic> for Ended {
    fn from(problem: Diagnostic) -> Self {
        Self::Reading(problem)
    }
}

fn print(args: &args::Consume, app: App) -> Result<(), Ended> {
    let topic = topics::named(&app.manifest, &args.name)?;
    let begin = if args.from_end { Begin::End } else { Begin::Beginning };
    let mut printer =
        Printer { out: BufWriter::new(io::stdout().lock()), request: PageRequest { positions: Vec::new(), begin, max: args.max } };
    let ask = |request: &PageRequest| app.consume(&topic, request).map_err(|problem| topics::absent(&app.manifest, &args.name, problem));
    let mut more = printer.catch_up(ask)?;
    if !args.follow {
        return Ok(());
    }
    let socket = app.state_dir.join(CONTROL_SOCKET);
    // A folder that this process holds would keep a host from starting, and without one nothing comes.
    drop(app);
    while more {
        std::thread::park_timeout(LOOK_INTERVAL);
        if let Some(host) = ControlClient::connect(&socket)? {
            match printer.catch_up(|request| host.consume(&topic, request)) {
                // The host ended in between: its successor is waited for.
                Err(Ended::Reading(gone)) if gone.code == "R035" => {}
                caught_up => more = caught_up?,
            }
        }
    }
    Ok(())
}

struct Printer {
    out: BufWriter<StdoutLock<'static>>,
    request: PageRequest,
}

impl Printer {
    /// Prints pages until there is none; false when as many records as wanted were printed.
    fn catch_up(&mut self, ask: impl Fn(&PageRequest) -> Result<Page, Diagnostic>) -> Result<bool, Ended> {
        while self.request.max != Some(0) {
            let page = ask(&self.request)?;
            for line in &page.lines {
                writeln!(self.out, "{line}").map_err(Ended::Printing)?;
            }
            self.request.max = self.request.max.map(|most| most.saturating_sub(page.lines.len()));
            let at_the_end = page.lines.is_empty() && page.positions == self.request.positions;
            self.request.positions = page.positions;
            if at_the_end {
                break;
            }
        }
        self.out.flush().map_err(Ended::Printing)?;
        Ok(self.request.max != Some(0))
    }
}
