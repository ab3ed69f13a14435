//! What the benchmark on Kafka needs beside the host: the work of its apps done with librdkafka's C API and nothing else (no sandbox, no
//! stores, no recovery: the least that the client costs), and the tools that load a topic and watch another one fill.

#![allow(unsafe_code, reason = "it is written against the C API, as the fastest program would be")]
#![allow(clippy::disallowed_methods, reason = "it measures")]

mod app;
mod client;
mod load;
mod process;
mod watch;

use anyhow::Result;
use clap::{Parser, ValueEnum};

#[derive(Parser)]
#[command(about)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Fills a topic: keys of 8 bytes, values of 100.
    Load(Load),
    /// Does the work, until SIGTERM.
    App(App),
    /// Waits until a topic is full, and says what two processes needed meanwhile, as one JSON object.
    Watch(Watch),
}

#[derive(clap::Args)]
struct Load {
    bootstrap: String,
    topic: String,
    records: u64,
    /// Different keys, evenly spread.
    keys: u64,
}

#[derive(clap::Args)]
struct App {
    bootstrap: String,
    workload: Workload,
    source: String,
    sink: String,
    /// Written by `count` alone.
    changelog: String,
    group: String,
    threads: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Workload {
    /// Each record as it came.
    Copy,
    /// Half of the records, with a byte more.
    FilterMap,
    /// How often each key has come, kept in a hash map and written to a changelog.
    Count,
}

#[derive(clap::Args)]
struct Watch {
    bootstrap: String,
    topic: String,
    partitions: i32,
    /// Records that the topic has at the end.
    expected: i64,
    /// The process that fills it.
    #[arg(long)]
    app: u32,
    /// The broker's.
    #[arg(long)]
    broker: u32,
    /// Seconds after which it gives up.
    #[arg(long, default_value_t = 300)]
    limit: u64,
}

fn main() -> Result<()> {
    match Args::parse().command {
        Command::Load(args) => load::run(&args),
        Command::App(args) => app::run(&args),
        Command::Watch(args) => watch::run(&args),
    }
}
