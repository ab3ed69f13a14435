//! The properties of librdkafka's clients: the host's own choices, the user's `[broker.client]`, and what the host's guarantees rest on,
//! which nobody may change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::announced;
use super::ffi::{ConfigError, Handle, Kind};
use super::patience::Patience;
use crate::broker::port::Announcement;
use crate::limits;
use crate::manifest::Guarantee;

/// How to reach a cluster, and as whom.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// `broker.bootstrap`: `host:port`, several with commas.
    pub bootstrap: String,
    /// `broker.client`: properties of librdkafka.
    pub client: Vec<(String, String)>,
    /// `app.id`: the consumer group.
    pub app: Arc<str>,
    /// Name of this host in the group; its threads append their numbers.
    pub instance: String,
    /// `app.guarantee`.
    pub guarantee: Guarantee,
    /// How long a cluster that does not answer is asked again.
    pub patience: Patience,
    /// What the members of this host tell all others, see [`Announcement`].
    pub announced: Option<Announcement>,
    /// Producers that are on their way to the cluster, under their names. Clones are the same.
    pub early: EarlyProducers,
}

/// Producers made before anybody has asked for them, so that they are connected by then. librdkafka's connects twice, first to hear of the brokers;
/// and one without transactions asks for its id before it is connected, and then again after 500 ms.
#[derive(Clone, Debug, Default)]
pub struct EarlyProducers(Arc<Mutex<BTreeMap<String, Arc<Handle>>>>);

impl EarlyProducers {
    fn put(&self, name: &str, handle: Arc<Handle>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), handle);
    }

    fn take(&self, name: &str) -> Option<Arc<Handle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    fn has(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }
}

/// A property of `[broker.client]` that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct PropertyError {
    /// Its name; empty when librdkafka refuses the whole.
    pub key: String,
    /// Why.
    pub why: String,
}

/// Properties that the host sets itself, with what there is instead.
pub const FIXED_PROPERTIES: &[(&str, &str)] = &[
    ("bootstrap.servers", "it is broker.bootstrap"),
    ("metadata.broker.list", "it is broker.bootstrap"),
    ("group.id", "it is app.id"),
    ("group.instance.id", "it is made of app.id and runtime.instance-id"),
    ("group.protocol", "the host needs the classic protocol: static members of the new one cannot come back after a crash"),
    ("transactional.id", "it is made of app.id and runtime.instance-id"),
    ("partition.assignment.strategy", "tasks move one by one: it is cooperative-sticky"),
    ("enable.auto.commit", "offsets are committed with the outputs that they stand for"),
    ("enable.auto.offset.store", "offsets are committed with the outputs that they stand for"),
    ("auto.offset.reset", "it is 'start' of a source"),
    ("isolation.level", "records of aborted transactions are never read"),
    ("enable.idempotence", "the order of a partition's records rests on it"),
    ("enable.partition.eof", "librdkafka would pass over a record after such an event; positions tell the end instead"),
    ("delivery.report.only.error", "commits rest on it"),
    ("partitioner", "the host chooses the partition, by murmur2 as Kafka's own clients do"),
    ("message.max.bytes", "a record has at most 16 MiB; what the topic takes is the topic's own setting"),
];

/// How long a session may be silent before its partitions go to others.
const SESSION_TIMEOUT_MS: &str = "15000";
/// A member that joins or leaves is heard of this often.
const HEARTBEAT_MS: &str = "1000";
/// A transaction that is older is aborted by the cluster: until then, whoever reads what it wrote to waits for it.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Its name among librdkafka's properties.
const TRANSACTION_TIMEOUT_KEY: &str = "transaction.timeout.ms";

impl KafkaSettings {
    /// Says which of the user's properties cannot be used. Needs no cluster.
    pub fn check(&self) -> Result<(), PropertyError> {
        let fixed = |key: &str| FIXED_PROPERTIES.iter().find(|(fixed, _)| *fixed == key);
        if let Some((key, why)) = self.client.iter().find_map(|(key, _)| fixed(key)) {
            return Err(PropertyError { key: (*key).to_owned(), why: format!("it cannot be set: {why}") });
        }
        match self.guarantee {
            Guarantee::ExactlyOnce => self.transactional(&self.transactional_ids(0)[0]).map(drop),
            Guarantee::AtLeastOnce => self.producer("check").map(drop),
        }?;
        self.admin().map(drop)
    }

    /// Makes the producers of a thread, which it finds connected when it begins.
    pub(super) fn begin_producers(&self, thread: u32) -> Result<(), PropertyError> {
        let names = match self.guarantee {
            Guarantee::ExactlyOnce => self.transactional_ids(thread).to_vec(),
            Guarantee::AtLeastOnce => vec![thread.to_string()],
        };
        for name in names.iter().filter(|name| !self.early.has(name)) {
            let handle = match self.guarantee {
                Guarantee::ExactlyOnce => self.transactional(name),
                Guarantee::AtLeastOnce => self.producer(name),
            };
            self.early.put(name, handle?);
        }
        Ok(())
    }

    /// The age at which the cluster aborts a transaction.
    pub(super) fn transaction_timeout(&self) -> Duration {
        let given = self.client.iter().rev().find(|(key, _)| key == TRANSACTION_TIMEOUT_KEY);
        given.and_then(|(_, ms)| ms.parse().ok()).map_or(TRANSACTION_TIMEOUT, Duration::from_millis)
    }

    /// A consumer that is no member: questions, orders, and reading without a group.
    pub(super) fn admin(&self) -> Result<Arc<Handle>, PropertyError> {
        self.open(Kind::Consumer, &format!("{}-{}", self.app, self.instance), &[("isolation.level", "read_uncommitted")])
    }

    /// A reader without membership. The group's name is needed and never joined.
    pub(super) fn reader(&self) -> Result<Arc<Handle>, PropertyError> {
        self.open(Kind::Consumer, &format!("{}-{}-reader", self.app, self.instance), &[("isolation.level", "read_committed")])
    }

    /// The consumer of a stream thread: a static member of the group.
    pub(super) fn member(&self, thread: u32) -> Result<Arc<Handle>, PropertyError> {
        let id = self.thread_id(thread);
        let own = [("isolation.level", "read_committed"), ("group.instance.id", id.as_str())];
        self.open(Kind::Consumer, &announced::written(&id, self.announced.as_ref()), &own)
    }

    /// A producer without transactions.
    pub(super) fn producer(&self, name: &str) -> Result<Arc<Handle>, PropertyError> {
        if let Some(early) = self.early.take(name) {
            return Ok(early);
        }
        self.open(Kind::Producer, &format!("{}-{}-{name}", self.app, self.instance), &[])
    }

    /// A producer of transactions, those of this name.
    pub(super) fn transactional(&self, id: &str) -> Result<Arc<Handle>, PropertyError> {
        if let Some(early) = self.early.take(id) {
            return Ok(early);
        }
        self.open(Kind::Producer, id, &[("transactional.id", id)])
    }

    /// One thread's name as a member of the group.
    fn thread_id(&self, thread: u32) -> String {
        format!("{}-{}-{thread}", self.app, self.instance)
    }

    /// Whether a member of the group is one of this host's threads, or was before a restart.
    pub(super) fn is_own(&self, instance: &str) -> bool {
        let number = instance.strip_prefix(&format!("{}-{}-", self.app, self.instance));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    }

    /// The names of its two writers of transactions, which no thread of another app has: neither an app nor a host has a slash in its name, and
    /// without one the app `a` on the host `b-c` could be taken for the app `a-b` on `c`. They begin with `<app>-`, as do the rights that `check` lists.
    pub(super) fn transactional_ids(&self, thread: u32) -> [String; 2] {
        ["a", "b"].map(|which| format!("{}-/{}-{thread}-{which}", self.app, self.instance))
    }

    fn open(&self, kind: Kind, client_id: &str, own: &[(&str, &str)]) -> Result<Arc<Handle>, PropertyError> {
        let max_bytes = (limits::RECORD_BYTES + (1 << 20)).to_string();
        let transaction_timeout = TRANSACTION_TIMEOUT.as_millis().to_string();
        let transactional = own.iter().any(|(key, _)| *key == "transactional.id");
        let chosen: &[(&str, &str)] = match kind {
            Kind::Consumer => &[
                ("session.timeout.ms", SESSION_TIMEOUT_MS),
                ("heartbeat.interval.ms", HEARTBEAT_MS),
                // A long poll of one partition would hold up the first fetch of another.
                ("fetch.wait.max.ms", "100"),
                // What waits longer has left the processor's caches when it is taken; few wait, so it is soon looked whether there is room.
                ("fetch.queue.backoff.ms", "2"),
                ("queued.min.messages", "10000"),
                ("queued.max.messages.kbytes", "16384"),
            ],
            // A record may be on its way as long as its transaction.
            Kind::Producer if transactional => &[
                ("linger.ms", "5"),
                ("batch.num.messages", "10000"),
                ("batch.size", "1000000"),
                (TRANSACTION_TIMEOUT_KEY, &transaction_timeout),
                // The answer "the last transaction is not over yet" comes as often as not, and is over soon.
                ("retry.backoff.ms", "10"),
            ],
            Kind::Producer => {
                &[("linger.ms", "5"), ("batch.num.messages", "10000"), ("batch.size", "1000000"), ("message.timeout.ms", "120000")]
            }
        };
        let fixed: &[(&str, &str)] = match kind {
            Kind::Consumer => &[
                ("group.id", &self.app),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("auto.offset.reset", "error"),
                ("partition.assignment.strategy", "cooperative-sticky"),
                // Taken in a batch, such an event counts as a record, and the next rebalance goes on one record too far.
                ("enable.partition.eof", "false"),
                ("allow.auto.create.topics", "false"),
            ],
            Kind::Producer => &[("enable.idempotence", "true"), ("delivery.report.only.error", "true"), ("message.max.bytes", &max_bytes)],
        };
        let both = [
            ("client.id", client_id),
            // An outage ends for the client soon after it has ended for the cluster.
            ("reconnect.backoff.max.ms", "500"),
            ("socket.keepalive.enable", "true"),
            // A topic that grows is noticed within this time.
            ("topic.metadata.refresh.interval.ms", "30000"),
        ];
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let mut properties: Vec<(String, String)> = both.iter().chain(chosen).map(owned).collect();
        properties.extend(self.client.iter().cloned());
        properties.extend([&("bootstrap.servers", self.bootstrap.as_str())].into_iter().chain(fixed).chain(own).map(owned));
        Handle::open(kind, &properties).map_err(|ConfigError { key, why }| PropertyError { key, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_apps_have_a_writer_of_one_name() {
        let of = |app: &str, instance: &str| {
            let settings = KafkaSettings {
                bootstrap: "localhost:9092".to_owned(),
                client: Vec::new(),
                app: app.into(),
                instance: instance.to_owned(),
                guarantee: Guarantee::ExactlyOnce,
                patience: Patience::of_command(),
                announced: None,
                early: EarlyProducers::default(),
            };
            settings.check().unwrap();
            settings.transactional_ids(1)
        };
        let (one, other) = (of("orders", "eu-orders-0"), of("orders-eu", "orders-0"));
        let all: std::collections::BTreeSet<_> = one.iter().chain(&other).collect();
        assert_eq!(all.len(), 4);
        assert!(one.iter().all(|name| name.starts_with("orders-")) && other.iter().all(|name| name.starts_with("orders-eu-")));
    }
}
