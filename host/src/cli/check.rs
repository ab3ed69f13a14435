//! `check`: everything that can be known before running.

use std::process::ExitCode;

use crate::deploy::{Application, Overrides};
use crate::error::Diagnostic;
use crate::topology;

use super::args;
use super::report::{counted, say};

/// Checks a manifest and its components, and prints what each of them asks of the host.
pub fn check(args: &args::Check) -> Result<ExitCode, Vec<Diagnostic>> {
    let app = Application::load(&args.manifest, &Overrides::default())?;
    app.topology.warnings.iter().for_each(|w| eprintln!("{w}\n"));
    let known = app.topology.topics.iter().map(|t| (t.name.clone(), t.partitions.unwrap_or(1))).collect();
    topology::partitions(&app.topology, &known)?;
    if args.acls {
        topology::acls(&app.topology, app.manifest.app.guarantee).iter().for_each(|line| say(line));
        return Ok(ExitCode::SUCCESS);
    }
    for (node, loaded) in &app.components {
        say(&format!("{node}: {}", loaded.name()));
        match app.descriptions.get(node) {
            Some(description) => say(&format!("    {}", description.doc)),
            None => say("    it does not describe itself"),
        }
        if !loaded.takes_frames() {
            say("    takes one record a call");
        }
        for import in loaded.imports() {
            say(&format!("    imports {} ({})", import.name, import.given));
        }
        let processor = app.manifest.processors.iter().find(|processor| *processor.name.value == **node);
        for granted in processor.iter().flat_map(|processor| &processor.allow) {
            say(&format!("    is granted {granted}, by hosts that run with --allow {granted}"));
        }
    }
    let topology = &app.topology;
    let counts = [
        counted(topology.nodes.len() as u64, "node", "nodes"),
        counted(topology.stores.len() as u64, "store", "stores"),
        counted(topology.sub_topologies.len() as u64, "sub-topology", "sub-topologies"),
    ];
    say(&format!("{}: ok ({})", topology.app, counts.join(", ")));
    Ok(ExitCode::SUCCESS)
}
