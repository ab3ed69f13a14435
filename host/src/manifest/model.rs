//! A manifest as it was written, checked section by section. What only the whole can tell (names that lead nowhere, cycles) is `topology`'s.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::capability::Capability;
use super::words::{
    Backend, Cleanup, ComponentRef, Guarantee, Name, OnError, Partitioner, Spanned, Start, StoreAccess, StoreShape, TimestampFrom,
};
use crate::error::Place;

/// A manifest. Lists are in the order of the file.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The file, as the user named it.
    pub path: PathBuf,
    /// `[app]`.
    pub app: App,
    /// `[broker]`.
    pub broker: Broker,
    /// `[runtime]`.
    pub runtime: Runtime,
    /// `[admin]`.
    pub admin: Admin,
    /// `[topics.*]`.
    pub topics: Vec<Topic>,
    /// `[sources.*]`.
    pub sources: Vec<Source>,
    /// `[tables.*]`.
    pub tables: Vec<Table>,
    /// `[processors.*]`.
    pub processors: Vec<Processor>,
    /// `[stores.*]`.
    pub stores: Vec<Store>,
    /// `[sinks.*]`.
    pub sinks: Vec<Sink>,
}

impl Manifest {
    /// The folder that paths in the manifest are relative to; empty where the command was started in it.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// `runtime.state-dir`, found from where the command was started.
    pub fn state_dir(&self) -> PathBuf {
        self.folder().join(&self.runtime.state_dir)
    }

    /// `admin.public`, or its default: `HOST:PORT` where metrics and health are served; `None`: nowhere.
    pub fn public_address(&self) -> Option<&str> {
        match &self.admin.public {
            Some(Address::At(address)) => Some(&address.value),
            Some(Address::Nowhere) => None,
            None => default_public_address(matches!(self.broker, Broker::Kafka(_))),
        }
    }

    /// `admin.listen`: `HOST:PORT` where the admin API is served; `None`: on the control socket alone.
    pub fn admin_address(&self) -> Option<&str> {
        match &self.admin.listen {
            Some(Address::At(address)) => Some(&address.value),
            Some(Address::Nowhere) | None => None,
        }
    }
}

/// Where metrics and health are served unless `admin.public` says so. On Kafka a host is one of several, and somebody watches over them; on
/// the embedded log it is often a command that a person runs, perhaps twice at a time, and no port is opened unasked.
pub fn default_public_address(broker_is_kafka: bool) -> Option<&'static str> {
    broker_is_kafka.then_some("127.0.0.1:9464")
}

/// `[app]`: who it is.
#[derive(Clone, Debug)]
pub struct App {
    /// Consumer group; prefix of internal topics.
    pub id: Name,
    /// Exactly once, unless said.
    pub guarantee: Guarantee,
}

/// `[broker]`: the log that records come from and go to.
#[derive(Clone, Debug, Default)]
pub enum Broker {
    /// A durable log in the state folder, one process.
    #[default]
    Embedded,
    /// A Kafka cluster.
    Kafka(KafkaBroker),
}

/// `kind = "kafka"`.
#[derive(Clone, Debug)]
pub struct KafkaBroker {
    /// Where `kind` stands.
    pub place: Place,
    /// `bootstrap`; the command line may give it instead.
    pub bootstrap: Option<Spanned<String>>,
    /// `[broker.client]`: properties of librdkafka, with `${NAME}` as written.
    pub client: Vec<(Name, String)>,
}

/// `[runtime]`: how this host runs the application.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Stream threads.
    pub threads: u32,
    /// The state folder, relative to the manifest. See [`Manifest::state_dir`].
    pub state_dir: PathBuf,
    /// Name of this host among those of the app; unless given, one is made and kept in the state folder.
    pub instance_id: Option<Name>,
    /// Longest time between two commits under load.
    pub commit_interval: Duration,
    /// How long a task waits for a partition that has run dry (KIP-695).
    pub max_task_idle: Duration,
    /// Memory of the state of all tasks: running transactions, cached blocks, unflushed writes.
    pub memory_bytes: usize,
}

/// `[admin]`: where the host shows how it is, and where it is led.
#[derive(Clone, Debug, Default)]
pub struct Admin {
    /// `public`; `None`: not said. See [`Manifest::public_address`].
    pub public: Option<Address>,
    /// `listen`; `None`: not said. See [`Manifest::admin_address`].
    pub listen: Option<Address>,
    /// `advertise`: `HOST:PORT` by which other hosts reach `listen`; `None`: by that itself.
    pub advertise: Option<Spanned<String>>,
    /// `tls-cert` and `tls-key`: without them `listen` is a loopback address.
    pub tls: Option<Tls>,
    /// `peer-token` and `peer-ca`: without them no other host is asked by way of TLS.
    pub peers: Option<Peers>,
}

/// Files for TLS, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, and those that lead to a known one.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Files by which the hosts of an app know each other, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    /// What each shows the others.
    pub token: PathBuf,
    /// Certificates of those who vouch for the others'.
    pub ca: PathBuf,
}

/// Where something is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `HOST:PORT`.
    At(Spanned<String>),
    /// `none`: nowhere.
    Nowhere,
}

impl Address {
    /// Where the address stands.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::At(address) => Some(address.place.clone()),
            Self::Nowhere => None,
        }
    }
}

/// `[topics.*]`: what is not as by default.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: Name,
    /// How many partitions, when we make it.
    pub partitions: Option<u32>,
    /// What becomes of old records, when we make it.
    pub cleanup: Option<Cleanup>,
    /// How long records are kept; `None`: for ever on the embedded log.
    pub retention: Option<Duration>,
    /// Copies of each partition; `None`: the broker's default.
    pub replication: Option<u16>,
    /// Who wrote the keys.
    pub partitioner: Partitioner,
}

/// `[sources.*]`: topics that come in as a stream.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name.
    pub name: Name,
    /// Its topics, at least one.
    pub topics: Vec<Name>,
    /// Where a group without a committed offset begins.
    pub start: Start,
    /// Where the event time comes from; `None`: the record's own.
    pub timestamp: Option<TimestampFrom>,
    /// What happens when a record's time cannot be told.
    pub on_error: OnError,
}

/// `[tables.*]`: a topic that comes in as a table, kept in a store of the same name.
#[derive(Clone, Debug)]
pub struct Table {
    /// Name of the table and of its store.
    pub name: Name,
    /// Its topic.
    pub topic: Name,
    /// Where the event time comes from; `None`: the record's own.
    pub timestamp: Option<TimestampFrom>,
    /// What happens when a record cannot be taken.
    pub on_error: OnError,
    /// True: a changelog of its own, whatever the topic's cleanup.
    pub changelog: bool,
    /// Where its store lives.
    pub backend: Backend,
}

/// `[processors.*]`: a component at work.
#[derive(Clone, Debug)]
pub struct Processor {
    /// Its name.
    pub name: Name,
    /// Where its bytes come from.
    pub component: Spanned<ComponentRef>,
    /// What they must hash to: `sha256:` and 64 hex digits.
    pub digest: Option<Name>,
    /// Where its records come from.
    pub inputs: Inputs,
    /// The stores that it may open.
    pub stores: StoreGrants,
    /// What it is told at the start.
    pub config: Config,
    /// What happens when it fails.
    pub on_error: OnError,
    /// What it may use.
    pub limits: Limits,
    /// What of the host it is given, each once.
    pub allow: Vec<Spanned<Capability>>,
}

/// `from` or `inputs` of a processor.
#[derive(Clone, Debug)]
pub enum Inputs {
    /// `from`: a list without roles; empty when neither key is there.
    From(Vec<Edge>),
    /// `inputs`: by role.
    Roles(Vec<RoleInput>),
}

/// One role and what flows into it.
#[derive(Clone, Debug)]
pub struct RoleInput {
    /// The role.
    pub role: Name,
    /// At least one.
    pub edges: Vec<Edge>,
}

/// An edge, named from its lower end.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The node above.
    pub node: Arc<str>,
    /// Its port; `None`: the default one.
    pub port: Option<Arc<str>>,
    /// True: through a topic of its own, by key.
    pub repartition: bool,
    /// Where it stands.
    pub place: Place,
}

/// `stores` of a processor.
#[derive(Clone, Debug)]
pub enum StoreGrants {
    /// Without roles; empty when the key is not there.
    Listed(Vec<StoreGrant>),
    /// By role.
    Roles(Vec<(Name, StoreGrant)>),
}

/// A store that a processor may open.
#[derive(Clone, Debug)]
pub struct StoreGrant {
    /// The store.
    pub store: Name,
    /// What it may do there; `None`: not said.
    pub access: Option<StoreAccess>,
}

/// `config` of a processor.
#[derive(Clone, Debug)]
pub struct Config {
    /// As JSON; an empty object without one.
    pub value: serde_json::Value,
    /// Where each part stands, by JSON pointer; empty without a config.
    pub places: BTreeMap<String, Place>,
}

impl Config {
    /// The config as compact JSON text.
    pub fn json(&self) -> String {
        self.value.to_string()
    }
}

/// `limits` of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a guest's memory.
    pub memory_bytes: usize,
    /// Longest call.
    pub deadline: Duration,
    /// Most outputs of one call, `forward` included.
    pub outputs: usize,
}

/// `[stores.*]`: state of processors.
#[derive(Clone, Debug)]
pub struct Store {
    /// Its name.
    pub name: Name,
    /// Its kind, and for how long it keeps what.
    pub shape: StoreShape,
    /// Where it lives.
    pub backend: Backend,
}

/// `[sinks.*]`: a topic that is written.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Its name.
    pub name: Name,
    /// Its topic.
    pub topic: Name,
    /// What flows into it; empty when the key is not there.
    pub from: Vec<Edge>,
    /// What happens when the broker refuses a record.
    pub on_error: OnError,
}
