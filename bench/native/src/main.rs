//! What the benchmark on Kafka needs beside the host: the work of its apps done with librdkafka's C API and nothing else (no sandbox, no
//! stores, no recovery: the least that the client costs), and the tools that fill topics and look at what comes out of an app, and when.

#![allow(unsafe_code, reason = "it is written against the C API, as the fastest program would be")]
#![allow(clippy::disallowed_methods, reason = "it measures")]

mod app;
mod client;
mod first;
mod latency;
mod load;
mod process;
mod records;
mod restore;
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
    /// Fills a topic. Keys have 8 bytes.
    Load(Load),
    /// Does the work, until SIGTERM.
    App(App),
    /// Waits until a topic is full, and says what two processes needed meanwhile, as one JSON object.
    Watch(Watch),
    /// Waits for the first record of a topic: prints `ready` when it listens, and `came` when the record is there.
    First(First),
    /// Sends records at a steady rate, and says after how long they came out of an app, as one JSON object.
    Latency(Latency),
    /// Reads a changelog into a hash map, and says how fast, as one JSON object.
    Restore(Whole),
    /// Reads a topic and keeps nothing of it, and says how fast, as one JSON object.
    Consume(Whole),
}

#[derive(clap::Args)]
struct Load {
    bootstrap: String,
    topic: String,
    records: u64,
    /// Different keys, evenly spread.
    keys: u64,
    /// The keys come one after another, not by chance.
    #[arg(long)]
    in_turn: bool,
    #[arg(long, default_value_t = load::VALUE_BYTES)]
    value_bytes: usize,
}

#[derive(clap::Args)]
struct App {
    bootstrap: String,
    workload: Workload,
    source: String,
    sink: String,
    group: String,
    threads: usize,
    /// Where `count` writes its counts.
    #[arg(long, required_if_eq("workload", "count"))]
    changelog: Option<String>,
    /// What `join` joins with; it is read before anything else.
    #[arg(long, required_if_eq("workload", "join"))]
    table: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Workload {
    /// Each record as it came.
    Copy,
    /// Half of the records, with a byte more.
    FilterMap,
    /// How often each key has come, kept in a hash map and written to a changelog.
    Count,
    /// Each record with the value that its key has in a table, kept in a hash map.
    Join,
}

#[derive(clap::Args)]
struct Watch {
    bootstrap: String,
    topic: String,
    /// Records that the topic has at the end.
    expected: i64,
    /// The process that fills it.
    #[arg(long)]
    app: u32,
    /// The broker's.
    #[arg(long)]
    broker: u32,
    /// Transactions write it: their ends have offsets too, so that there are some more than records.
    #[arg(long)]
    markers: bool,
    /// Seconds after which it gives up.
    #[arg(long, default_value_t = 300)]
    limit: u64,
}

#[derive(clap::Args)]
struct First {
    bootstrap: String,
    topic: String,
    /// Seconds after which it gives up.
    #[arg(long, default_value_t = 60)]
    limit: u64,
}

#[derive(clap::Args)]
struct Latency {
    bootstrap: String,
    /// Where it sends. The keys are numbers, from 0.
    source: String,
    /// Where each of them comes out once, under its key.
    sink: String,
    /// Records a second.
    #[arg(long)]
    rate: u32,
    /// Seconds whose records are not counted.
    #[arg(long)]
    warm_up: u32,
    /// Seconds whose records are.
    #[arg(long)]
    seconds: u32,
    /// The process between source and sink.
    #[arg(long)]
    app: u32,
}

#[derive(clap::Args)]
struct Whole {
    bootstrap: String,
    topic: String,
}

fn main() -> Result<()> {
    match Args::parse().command {
        Command::Load(args) => load::run(&args),
        Command::App(args) => app::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::First(args) => first::run(&args),
        Command::Latency(args) => latency::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Consume(args) => restore::consume(&args),
    }
}
