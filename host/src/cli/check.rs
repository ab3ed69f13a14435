//! `check`: everything that can be known before running.

use std::process::ExitCode;

use crate::deploy::{Application, Overrides};
use crate::error::Diagnostic;

use super::args;

/// Checks a manifest and its components, and prints what each of them asks of the host.
pub fn check(args: &args::Check) -> Result<ExitCode, Vec<Diagnostic>> {
    let app = Application::load(&args.manifest, &Overrides::default())?;
    app.topology.warnings.iter().for_each(|w| eprintln!("{w}"));
    for (node, loaded) in &app.components {
        println!("{node}: {}", loaded.name());
        match app.descriptions.get(node) {
            Some(description) => println!("    {}", description.doc),
            None => println!("    it does not describe itself"),
        }
        for import in loaded.imports() {
            println!("    imports {}: {}", import.name, import.given);
        }
    }
    let topology = &app.topology;
    let (nodes, stores, subs) = (topology.nodes.len(), topology.stores.len(), topology.sub_topologies.len());
    println!("{}: {nodes} nodes, {stores} stores, {subs} sub-topologies: ok", topology.app);
    Ok(ExitCode::SUCCESS)
}
