//! `describe`: the topology, as text, JSON or Mermaid.

use std::process::ExitCode;

use crate::deploy::{Application, Overrides};
use crate::error::Diagnostic;
use crate::topology;

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

/// The nodes whose components have no packed path.
fn singles(app: &Application) -> String {
    let singles = app.components.iter().filter(|(_, loaded)| !loaded.takes_frames());
    let lines: String = singles.map(|(node, loaded)| format!("  {node}: {} does not export `batch`\n", loaded.name())).collect();
    if lines.is_empty() { lines } else { format!("\none record a call\n{lines}") }
}
