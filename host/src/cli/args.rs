//! The verbs and their flags.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Stream processing in which every processor is a sandboxed WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "cofferdam", version, max_term_width = 110, propagate_version = true)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run an application
    Run(Run),
    /// Check a manifest and its components: everything that can be known before running
    Check(Check),
    /// Show the topology of a manifest
    Describe(Describe),
    /// Run step files: topologies on a virtual clock
    Test(Test),
}

/// `run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// The manifest
    #[arg(value_name = "APP.toml")]
    pub manifest: PathBuf,
    /// Produce the lines of FILE (`-`: standard input) to the topic of SOURCE, a source or table, before the app starts
    #[arg(long, value_name = "SOURCE=FILE", value_parser = pair)]
    pub input: Vec<(String, PathBuf)>,
    /// Write the topic of SINK, from its beginning, to FILE (`-`: standard output)
    #[arg(long, value_name = "SINK=FILE", value_parser = pair)]
    pub output: Vec<(String, PathBuf)>,
    /// End when everything that was produced is processed
    #[arg(long)]
    pub until_idle: bool,
    /// Produce the files of --input again, even those that were produced before
    #[arg(long)]
    pub again: bool,
    /// Stream threads; stands for `runtime.threads`
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub threads: Option<u32>,
    /// Folder of the log and of the state; stands for `runtime.state-dir`
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Form of the log lines
    #[arg(long, value_enum, default_value_t = LogForm::Text)]
    pub log: LogForm,
    /// Keep keys of records out of logs and errors
    #[arg(long)]
    pub redact: bool,
}

/// `check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The manifest
    #[arg(value_name = "APP.toml")]
    pub manifest: PathBuf,
}

/// `describe`.
#[derive(Debug, clap::Args)]
pub struct Describe {
    /// The manifest
    #[arg(value_name = "APP.toml")]
    pub manifest: PathBuf,
    /// As JSON
    #[arg(long, conflicts_with = "mermaid")]
    pub json: bool,
    /// As a Mermaid diagram
    #[arg(long)]
    pub mermaid: bool,
}

/// `test`.
#[derive(Debug, clap::Args)]
pub struct Test {
    /// Step files, or folders that are searched for them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

fn pair(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("it must be NAME=FILE".into()),
    }
}
