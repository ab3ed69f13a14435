//! `describe`: the topology, as text, JSON or Mermaid.

use std::process::ExitCode;

use crate::deploy::{Application, Overrides};
use crate::error::Diagnostic;
use crate::topology::{self, NodeKind, TopologyNode};

use super::args;
use super::report::say;

/// Prints the topology of a manifest.
pub fn describe(args: &args::Describe) -> Result<ExitCode, Vec<Diagnostic>> {
    let app = Application::load(&args.manifest, &Overrides::default())?;
    let known = app.topology.topics.iter().map(|t| (t.name.clone(), t.partitions.unwrap_or(1))).collect();
    let partitions = topology::partitions(&app.topology, &known)?;
    let text = if args.json {
        format!("{:#}", topology::describe_json(&app.topology, Some(&partitions)))
    } else if args.mermaid {
        topology::describe_mermaid(&app.topology)
    } else {
        topology::describe_text(&app.topology, Some(&partitions)) + &singles(&app)
    };
    say(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// The nodes that take one record a call, and why.
fn singles(app: &Application) -> String {
    let lines: String = app.topology.nodes.iter().filter_map(|node| single(app, node)).map(|line| format!("  {line}\n")).collect();
    if lines.is_empty() { lines } else { format!("\none record a call\n{lines}") }
}

fn single(app: &Application, node: &TopologyNode) -> Option<String> {
    let (NodeKind::Processor(processor), Some(loaded)) = (&node.kind, app.components.get(&*node.name)) else { return None };
    if !loaded.takes_frames() {
        return Some(format!("{}: {} does not export `batch`", node.name, loaded.name()));
    }
    let mut stores = processor.grants.iter().map(|grant| &app.topology.stores[grant.store]);
    stores.find(|store| store.shape.expires()).map(|store| format!("{}: rows of store {} expire", node.name, store.name))
}
