//! `reset`: an app begins anew.

use std::process::ExitCode;
use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::embedded::StateFolder;
use crate::clock::{Clock, SystemClock};
use crate::deploy::{self, Application, Cluster, HostOf, Overrides, Reset};
use crate::error::Diagnostic;
use crate::manifest::Broker as BrokerSection;

use super::args;
use super::reach::{self, Held};
use super::report::{confirmed, say};
use super::table::{Align, table};

/// Says what will be done, asks, and does it.
pub fn reset(args: &args::Reset) -> Result<ExitCode, Vec<Diagnostic>> {
    let cluster = reach::cluster(&args.at.cluster, None);
    let overrides = Overrides { threads: None, state_dir: args.at.state_dir.clone(), cluster, ..Overrides::default() };
    let app = Application::load(&args.at.manifest, &overrides)?;
    let (_folder, log) = take(&app, &overrides.cluster).map_err(|e| vec![e])?;
    let members = log.members(&app.topology.app).map_err(|e| vec![Diagnostic::run("B002", "the log failed").because(e)])?;
    if !members.is_empty() {
        let names: Vec<String> = members.iter().map(ToString::to_string).collect();
        return Err(vec![running(&format!("the app is running: its group has the members {}", names.join(", ")))]);
    }
    let reset = Reset::plan(&app, &*log, args.to)?;
    text(&reset).iter().for_each(|line| say(line));
    if args.dry_run {
        say("nothing was changed: --dry-run");
        return Ok(ExitCode::SUCCESS);
    }
    let nobody = || Diagnostic::usage("R085", "a reset cannot be undone, and there is no terminal to ask at");
    if !(args.yes || confirmed("Go on? This cannot be undone.", nobody).map_err(|e| vec![e])?) {
        say("nothing was changed");
        return Ok(ExitCode::FAILURE);
    }
    reset.carry_out(&*log, &app.state_dir).map_err(|e| vec![e])?;
    say("done");
    Ok(ExitCode::SUCCESS)
}

/// The log of the app, and its state folder, which no host may hold.
fn take(app: &Application, cluster: &Cluster) -> Result<(Arc<StateFolder>, Arc<dyn Broker>), Diagnostic> {
    if let BrokerSection::Kafka(section) = &app.manifest.broker {
        let folder = deploy::lock_folder(&app.state_dir)?;
        let broker = deploy::open_cluster(&app.manifest, section, cluster, Some(HostOf { folder: Some(&folder), told: None }))?;
        return Ok((folder, Arc::new(broker)));
    }
    reach::log_is_there(&app.state_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match reach::hold(&app.state_dir, &clock)? {
        Held::Here(open) => Ok((open.folder, Arc::new(open.log))),
        Held::ByHost(_) => Err(running(&format!("a host is running on the state folder {}", app.state_dir.display()))),
    }
}

fn running(what: &str) -> Diagnostic {
    Diagnostic::usage("R082", what)
        .hint("stop it first, on every machine: a host keeps offsets and state in memory, and would commit them again")
}

fn text(reset: &Reset) -> Vec<String> {
    let mut lines = vec![format!("reset of {}", reset.app), String::new(), "committed offsets".to_owned()];
    let headings =
        [("topic", Align::Left), ("partition", Align::Right), ("committed", Align::Right), ("new", Align::Right), ("", Align::Left)];
    let rows = reset.offsets.iter().map(|moved| {
        let from = moved.from.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
        let note = if moved.is_table { "table" } else { "" };
        [moved.at.topic.to_string(), moved.at.partition.to_string(), from, moved.to.to_string(), note.to_owned()]
    });
    lines.extend(table(headings, &rows.collect::<Vec<_>>()).into_iter().map(indented));
    if !reset.topics.is_empty() {
        lines.extend([String::new(), "topics to delete".to_owned()]);
        lines.extend(reset.topics.iter().map(indented));
    }
    if let Some(state) = &reset.state {
        lines.extend([String::new(), "state to delete".to_owned(), indented(state.display())]);
    }
    lines.push(String::new());
    lines
        .push("The next run processes the records from the new offsets on, and writes its outputs behind those that are there.".to_owned());
    if reset.offsets.iter().any(|moved| moved.is_table) {
        lines.push("Tables are read from their first record in any case: their rows come from there.".to_owned());
    }
    lines.push(
        "Records of --input files stay in their topics and are not produced again. Dead letters stay, retried ones as such.".to_owned(),
    );
    lines.push(String::new());
    lines
}

fn indented(what: impl std::fmt::Display) -> String {
    format!("  {what}").trim_end().to_owned()
}
