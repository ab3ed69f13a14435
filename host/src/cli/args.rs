//! The verbs and their flags.

mod operator;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::manifest::Capability;

pub use operator::{DeadLetters, Deploy, LettersVerb, ListLetters, Reset, RetryLetters, Rollback, ShowLetter, Swap};

/// Stream processing in which every processor is a sandboxed WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "cofferdam", version, max_term_width = 110)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Begin a project: manifest, processor, tests
    New(New),
    /// Build the components of a project
    Build(Build),
    /// Check a manifest and its components: everything that can be known before running
    Check(Check),
    /// Show the topology of a manifest
    Describe(Describe),
    /// Run step files: topologies on a virtual clock
    Test(Test),
    /// Run an application
    Run(Run),
    /// Append lines to a topic
    Produce(Produce),
    /// Print the records of a topic
    Consume(Consume),
    /// Show tasks and partitions
    Status(Status),
    /// Show what is in a store of the running app
    Query(Query),
    /// Let parked tasks try their record again
    Resume(Resume),
    /// Let another component take the place of a processor's while the app runs
    Swap(Swap),
    /// Let the component before a swap come back
    Rollback(Rollback),
    /// Publish an app to all of its hosts
    Deploy(Deploy),
    /// List dead letters, show one, or have them processed again
    DeadLetters(DeadLetters),
    /// Let an app begin anew: offsets, internal topics, state
    Reset(Reset),
    /// Explain the code of an error
    Explain(Explain),
    /// Print the completions of a shell
    Completions(Completions),
}

/// `run`.
#[derive(Clone, Debug, clap::Args)]
#[command(override_usage = "cofferdam run [OPTIONS] <APP.toml|--app <ID>>")]
pub struct Run {
    /// The manifest
    #[arg(value_name = "APP.toml", required_unless_present = "app")]
    pub manifest: Option<PathBuf>,
    /// Run what is deployed of the app with this id, and follow its deployments: on the cluster of --bootstrap, else in --state-dir; stands for the
    /// manifest
    #[arg(long, value_name = "ID", conflicts_with_all = ["manifest", "watch"])]
    pub app: Option<String>,
    /// With --app: a file with the sections [broker], [runtime] and [admin] of this host, of which a deployment says nothing
    #[arg(long, value_name = "HOST.toml", requires = "app")]
    pub host: Option<PathBuf>,
    /// Give components that are granted it this of the machine: `env:NAME`, `clock` or `random`; nothing unless said
    #[arg(long, value_name = "CAPABILITY")]
    pub allow: Vec<Capability>,
    /// With --app: take only what is signed with this key (a public key of ed25519, PEM), or with another one that is given so
    #[arg(long, value_name = "KEY.pem", requires = "app")]
    pub trust: Vec<PathBuf>,
    /// Produce the lines of FILE (`-`: standard input) to the topic of SOURCE, a source or table, before the app starts
    #[arg(long, value_name = "SOURCE=FILE", value_parser = pair)]
    pub input: Vec<(String, PathBuf)>,
    /// Write the topic of SINK, from its beginning, to FILE (`-`: standard output)
    #[arg(long, value_name = "SINK=FILE", value_parser = pair)]
    pub output: Vec<(String, PathBuf)>,
    /// End when everything that was produced is processed
    #[arg(long)]
    pub until_idle: bool,
    /// Swap a component in whenever its file changes; built again whenever its source does
    #[arg(long)]
    pub watch: bool,
    /// Produce the files of --input again, even those that were produced before
    #[arg(long)]
    pub again: bool,
    /// Stream threads; stands for `runtime.threads`
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub threads: Option<u32>,
    /// Folder of the log and of the state; stands for `runtime.state-dir`
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub cluster: Cluster,
    /// Kafka: name of this host among those of the app; stands for `runtime.instance-id`
    #[arg(long, value_name = "NAME")]
    pub instance_id: Option<String>,
    /// Where metrics and health are served, or `none`; stands for `admin.public`
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub public: Option<Address>,
    /// Where the admin API is served besides the control socket, or `none`; stands for `admin.listen`
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub listen: Option<Address>,
    /// Kafka: by which address other hosts of the app reach the admin API; stands for `admin.advertise`
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise: Option<String>,
    /// Kafka: make topics of sources, tables and sinks that do not exist
    #[arg(long)]
    pub create_topics: bool,
    /// Kafka: SIGTERM hands the tasks over at once, as SIGINT does; else they wait for this host to come back
    #[arg(long)]
    pub leave: bool,
    /// Agree to what else is asked first: on Kafka a file of --input is produced anew at each start
    #[arg(long)]
    pub yes: bool,
    /// Form of the log lines
    #[arg(long, value_enum, default_value_t = LogForm::Text)]
    pub log: LogForm,
    /// Keep keys of records out of logs and errors
    #[arg(long)]
    pub redact: bool,
}

/// Where something is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// There.
    At(String),
    /// Nowhere.
    Nowhere,
}

/// `check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The manifest
    #[arg(value_name = "APP.toml")]
    pub manifest: PathBuf,
    /// Print the ACLs that `run` needs on Kafka, as arguments of kafka-acls.sh, instead of the components
    #[arg(long)]
    pub acls: bool,
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

/// `new`.
#[derive(Debug, clap::Args)]
pub struct New {
    /// The project, and its folder; a path makes the folder there
    #[arg(value_name = "NAME")]
    pub path: PathBuf,
    /// Language of its processor
    #[arg(long, value_enum, default_value_t = Lang::Rust)]
    pub lang: Lang,
}

/// Language of a new project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Rust, with the SDK
    Rust,
    /// JavaScript, from plain bindings
    Js,
}

/// `build`.
#[derive(Debug, clap::Args)]
pub struct Build {
    /// Folder of a package or workspace: with a Cargo.toml, or a package.json that has a script `build`
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// A package of the workspace; all that are a `cdylib` unless said
    #[arg(short, long = "package", value_name = "NAME")]
    pub packages: Vec<String>,
    /// Folder for components of Rust; `components` in DIR unless said
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Build again whenever a source changes
    #[arg(long)]
    pub watch: bool,
}

/// Where a Kafka cluster is, and how it is spoken to.
#[derive(Clone, Debug, clap::Args)]
pub struct Cluster {
    /// Kafka: addresses of brokers; stands for `broker.bootstrap`
    #[arg(long, value_name = "HOST:PORT")]
    pub bootstrap: Option<String>,
    /// Kafka: properties of librdkafka, `key=value` a line; stands for keys of `broker.client`
    #[arg(long, value_name = "FILE")]
    pub client_config: Option<PathBuf>,
}

/// What the verbs that look into a log have in common.
#[derive(Debug, clap::Args)]
pub struct Where {
    /// The manifest
    #[arg(value_name = "APP.toml")]
    pub manifest: PathBuf,
    /// Folder of the log and of the state; stands for `runtime.state-dir`
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub cluster: Cluster,
}

/// `produce`.
#[derive(Debug, clap::Args)]
pub struct Produce {
    #[command(flatten)]
    pub at: Where,
    /// A source, table or topic
    #[arg(value_name = "SOURCE|TOPIC")]
    pub name: String,
    /// The lines; `-`: standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
}

/// `consume`.
#[derive(Debug, clap::Args)]
pub struct Consume {
    #[command(flatten)]
    pub at: Where,
    /// A sink, source, table or topic
    #[arg(value_name = "SINK|TOPIC")]
    pub name: String,
    /// Begin at the first record (the default)
    #[arg(long, conflicts_with = "from_end")]
    pub from_beginning: bool,
    /// Begin behind the last record
    #[arg(long, requires = "follow")]
    pub from_end: bool,
    /// Wait for further records
    #[arg(long)]
    pub follow: bool,
    /// End after N records
    #[arg(long, value_name = "N")]
    pub max: Option<usize>,
}

/// `status`.
#[derive(Debug, clap::Args)]
pub struct Status {
    #[command(flatten)]
    pub at: Where,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `query`.
#[derive(Debug, clap::Args)]
pub struct Query {
    #[command(flatten)]
    pub at: Where,
    /// The store: of `[stores.NAME]`, or a table
    #[arg(value_name = "STORE")]
    pub store: String,
    /// Rows of this key; all unless said
    #[arg(value_name = "KEY", conflicts_with_all = ["from", "to", "prefix"])]
    pub key: Option<String>,
    /// Rows from this key on
    #[arg(long, value_name = "KEY", conflicts_with = "prefix")]
    pub from: Option<String>,
    /// Rows up to this key, which is among them
    #[arg(long, value_name = "KEY", conflicts_with = "prefix")]
    pub to: Option<String>,
    /// Rows whose keys begin so
    #[arg(long, value_name = "TEXT")]
    pub prefix: Option<String>,
    /// Windows that start, sessions that lie and versions that held at this time or later (RFC 3339, or milliseconds)
    #[arg(long, value_name = "TIME", conflicts_with = "as_of")]
    pub since: Option<String>,
    /// The same, at this time or earlier
    #[arg(long, value_name = "TIME", conflicts_with = "as_of")]
    pub until: Option<String>,
    /// The version that held at this time
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Ask the task of this partition alone
    #[arg(long, value_name = "N")]
    pub partition: Option<u32>,
    /// Show N rows at most; 100 unless said, as JSON all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Keys that are given are base64
    #[arg(long)]
    pub base64: bool,
    /// As JSON, a row a line
    #[arg(long)]
    pub json: bool,
}

/// `resume`.
#[derive(Debug, clap::Args)]
pub struct Resume {
    #[command(flatten)]
    pub at: Where,
    /// A task, as `status` names it; all unless said
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
}

/// `explain`.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// The code, as in `error[M003]`; without it all codes are listed
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// `completions`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
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

fn address(text: &str) -> Result<Address, String> {
    if text == "none" {
        return Ok(Address::Nowhere);
    }
    crate::manifest::check_address(text).map(|()| Address::At(text.to_owned())).map_err(|why| format!("it {why}"))
}
