//! `describe`: the topology, as text, JSON or Mermaid.

use std::process::ExitCode;

use crate::deploy::{Application, Overrides};
use crate::error::Diagnostic;
use crate::topology::{self, Paths};

use super::args;
use super::report::say;

/// Prints the topology of a manifest.
pub fn describe(args: &args::Describe) -> Result<ExitCode, Vec<Diagnostic>> {
    let app = Application::load(&args.manifest, &Overrides::default())?;
    let known = app.topology.topics.iter().map(|t| (t.name.clone(), t.partitions.unwrap_or(1))).collect();
    let partitions = topology::partitions(&app.topology, &known)?;
    let paths = Paths::new(&app.topology, |node| app.components.get(&*node.name).is_none_or(|component| component.takes_frames()));
    let text = if args.json {
        format!("{:#}", topology::describe_json(&app.topology, Some(&partitions), &paths))
    } else if args.mermaid {
        topology::describe_mermaid(&app.topology, &paths)
    } else {
        topology::describe_text(&app.topology, Some(&partitions), &paths)
    };
    say(text.trim_end());
    Ok(ExitCode::SUCCESS)
}
