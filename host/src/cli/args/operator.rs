//! The flags of the verbs with which an operator puts things right.

use std::path::PathBuf;

use clap::{ArgGroup, Subcommand};

use super::Where;
use crate::admin::RecordPlace;
use crate::deploy::ResetTo;

/// `dead-letters`.
#[derive(Debug, clap::Args)]
pub struct DeadLetters {
    /// What to do with them
    #[command(subcommand)]
    pub verb: LettersVerb,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum LettersVerb {
    /// List the dead letters of all dead-letter topics of an app
    List(ListLetters),
    /// Show one dead letter whole
    Show(ShowLetter),
    /// Write dead letters back to where their records came from, to be processed again
    Retry(RetryLetters),
}

/// `dead-letters list`.
#[derive(Debug, clap::Args)]
pub struct ListLetters {
    #[command(flatten)]
    pub at: Where,
    /// Those of this dead-letter topic only
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// As JSON, a letter a line
    #[arg(long)]
    pub json: bool,
}

/// `dead-letters show`.
#[derive(Debug, clap::Args)]
pub struct ShowLetter {
    #[command(flatten)]
    pub at: Where,
    /// The letter, as `list` names it
    #[arg(value_name = "TOPIC/PARTITION/OFFSET")]
    pub letter: RecordPlace,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `dead-letters retry`.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("which").required(true))]
#[command(override_usage = "cofferdam dead-letters retry [OPTIONS] <APP.toml> <TOPIC/PARTITION/OFFSET>...|--all")]
pub struct RetryLetters {
    #[command(flatten)]
    pub at: Where,
    /// The letters, as `list` names them
    #[arg(value_name = "TOPIC/PARTITION/OFFSET", group = "which")]
    pub letters: Vec<RecordPlace>,
    /// All that were not retried yet and came from a topic that the app reads
    #[arg(long, group = "which")]
    pub all: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `reset`.
#[derive(Debug, clap::Args)]
pub struct Reset {
    #[command(flatten)]
    pub at: Where,
    /// Where the sources begin again: `earliest`, `latest`, an offset (in each partition), or a time (RFC 3339; the first record at or after it)
    #[arg(long, value_name = "earliest|latest|OFFSET|TIME", default_value = "earliest")]
    pub to: ResetTo,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `deploy`.
#[derive(Debug, clap::Args)]
pub struct Deploy {
    /// The manifest
    #[arg(value_name = "APP.toml")]
    pub manifest: PathBuf,
    /// Folder of the log and of the state; stands for `runtime.state-dir`
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub cluster: super::Cluster,
    /// Sign it with this key of ed25519 (PKCS#8, PEM), for hosts that run with --trust
    #[arg(long, value_name = "KEY.pem")]
    pub sign: Option<PathBuf>,
    /// Say what would change, and publish nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `swap`.
#[derive(Debug, clap::Args)]
pub struct Swap {
    #[command(flatten)]
    pub at: Where,
    /// The processor
    #[arg(value_name = "PROCESSOR")]
    pub processor: String,
    /// The component that is to take over
    #[arg(value_name = "NEW.wasm")]
    pub component: PathBuf,
    /// While it is on trial, let the component before come back when a record takes more than N times as long
    #[arg(long, value_name = "N", value_parser = slowdown)]
    pub max_slowdown: Option<f64>,
}

/// `rollback`.
#[derive(Debug, clap::Args)]
pub struct Rollback {
    #[command(flatten)]
    pub at: Where,
    /// The processor
    #[arg(value_name = "PROCESSOR")]
    pub processor: String,
}

fn slowdown(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(times) if f64::is_finite(times) && times > 0.0 => Ok(times),
        _ => Err("it must be a number above 0, such as 1.5".into()),
    }
}
