//! The traits and the words of the port.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::waker::Waker;
use crate::record::{Arrived, ConsumedRecord, Offset, Record, RecordRef, Timestamp, TopicPartition};

/// Waits for records that are there, and that a cluster has not delivered yet.
const DELIVERY_WAITS: u32 = 20;
/// Each of them.
const DELIVERY_WAIT: Duration = Duration::from_millis(250);

/// What becomes of old records of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// Deleted after the retention.
    Delete,
    /// The last record of each key is kept.
    Compact,
    /// Both.
    CompactDelete,
}

/// Which time the records of a topic have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamps {
    /// That which they were sent with.
    OfTheirOwn,
    /// That of their append, as far as a cluster keeps and deletes them by it. The embedded log goes by it anyway, and leaves records as they
    /// were sent.
    OfTheAppend,
}

/// How a topic is to be made, or was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: Arc<str>,
    /// Its number of partitions, at least 1.
    pub partitions: u32,
    /// What becomes of old records.
    pub cleanup: Cleanup,
    /// How long records are kept, counted from the append; `None`: for ever.
    pub retention: Option<Duration>,
    /// How long a record is left alone by compaction, counted from the append.
    pub compaction_lag: Duration,
    /// Which time its records have.
    pub timestamps: Timestamps,
    /// Copies of each partition; `None`: the broker's default. The embedded log has one.
    pub replication: Option<u16>,
}

impl TopicSpec {
    /// A topic that deletes nothing.
    pub fn new(name: impl Into<Arc<str>>, partitions: u32) -> Self {
        Self {
            name: name.into(),
            partitions,
            cleanup: Cleanup::Delete,
            retention: None,
            compaction_lag: Duration::ZERO,
            timestamps: Timestamps::OfTheirOwn,
            replication: None,
        }
    }
}

/// A topic that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// How it was made.
    pub spec: TopicSpec,
}

/// A record on its way to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingRecord {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition; `None`: by the key, as Kafka's default partitioner (murmur2; without a key one partition for each batch of records).
    pub partition: Option<u32>,
    /// The record. Its `change` must have been packed or cleared.
    pub record: Record,
}

impl OutgoingRecord {
    /// The same, where it stands.
    pub fn as_ref(&self) -> OutgoingRef<'_> {
        OutgoingRef { topic: &self.topic, partition: self.partition, record: RecordRef::from(&self.record) }
    }
}

/// A record on its way to the log, wherever it stands.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingRef<'a> {
    /// See [`OutgoingRecord::topic`].
    pub topic: &'a Arc<str>,
    /// See [`OutgoingRecord::partition`].
    pub partition: Option<u32>,
    /// See [`OutgoingRecord::record`].
    pub record: RecordRef<'a>,
}

/// What a group keeps of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The next record to process.
    pub offset: Offset,
    /// The host's own note beside it: the task's stream time.
    pub metadata: String,
}

/// The topics of one sub-topology, which are given out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The topic whose partitions are given out: that with the most partitions, ties by name.
    pub driver: Arc<str>,
    /// Topics whose partitions of the same number go along, as far as they exist.
    pub companions: Vec<Arc<str>>,
}

/// What happened to a client's membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupEvent {
    /// These partitions (companions included) are the client's now. They deliver nothing before [`Client::start`].
    Assigned(Vec<TopicPartition>),
    /// These go to somebody else. What was processed may still be committed, and must be before the next call of `poll_group`.
    Revoked(Vec<TopicPartition>),
    /// These went to somebody else already: what was not committed is void.
    Lost(Vec<TopicPartition>),
}

/// Whether it makes sense to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same call again.
    Same,
    /// The transaction is void: abort, rewind, process again.
    Rewind,
    /// The group refuses this member: as `Rewind`, and [`Client::rejoin`].
    Rejoin,
    /// The writer of transactions is of no use any more: as `Rewind`; an abort brings another one.
    Recreate,
    /// Nobody knows whether the transaction stands: abort, then ask the group what is committed, and the changelogs what the state is.
    InDoubt,
    /// As `InDoubt`; and the writer of transactions is of no use any more, as in `Recreate`.
    FencedInDoubt,
    /// Never: the operator has to do something.
    Never,
}

/// A member of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// What it calls itself.
    pub name: String,
    /// What it has announced.
    pub announced: Option<Announcement>,
    /// Where it has connected from; empty where that is not known.
    pub host: String,
    /// Whether it is, or was before a restart, a thread of this very host.
    pub own: bool,
    /// The partitions that are its own now.
    pub partitions: Vec<TopicPartition>,
    /// False while the group shares out its partitions anew, and nobody knows whose they will be.
    pub settled: bool,
}

/// As a person looks for it.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.host.is_empty() { Ok(()) } else { write!(f, " at {}", self.host) }
    }
}

/// What the members of a host tell all others of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// A digest of the graph with which it came.
    pub graph: String,
    /// The number of the deployment with which it came, where it was deployed.
    pub deployment: Option<u64>,
    /// Where it answers, `host:port`; `None`: nowhere.
    pub address: Option<String>,
}

/// What the log could not do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    /// The topic is not there.
    #[error("topic '{0}' does not exist")]
    UnknownTopic(Arc<str>),
    /// The partition is not there.
    #[error("{0} does not exist")]
    UnknownPartition(TopicPartition),
    /// The topic is there, but not as it was asked for.
    #[error("topic '{topic}' has {setting} {there}, but {asked} is asked for")]
    TopicDiffers {
        /// The topic.
        topic: Arc<str>,
        /// Which setting.
        setting: &'static str,
        /// Its value.
        there: String,
        /// The value that was asked for.
        asked: String,
    },
    /// The log refuses this record and would refuse it again.
    #[error("{topic} refuses the record: {reason}")]
    Refused {
        /// Where it should have gone.
        topic: Arc<str>,
        /// Why not.
        reason: String,
    },
    /// The offset asked for is not there any more.
    #[error("offset {wanted} of {at} is gone; the first one is {first}")]
    OffsetGone {
        /// The partition.
        at: TopicPartition,
        /// What was asked for.
        wanted: Offset,
        /// The first that is there.
        first: Offset,
    },
    /// Another process holds the log.
    #[error("another process{} is using {path}", if *pid == 0 { String::new() } else { format!(" (pid {pid})") })]
    Locked {
        /// The state folder.
        path: String,
        /// Who holds it, where it is known; else 0.
        pid: u32,
    },
    /// The log itself failed: disk, network, corruption.
    #[error("{what}: {why}")]
    Failed {
        /// What was tried.
        what: String,
        /// What came back.
        why: String,
        /// Whether to try again.
        retry: Retry,
    },
}

/// How far a file has been produced; kept by the log in the same batch as the records. Only the embedded log can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadProgress {
    /// What is loaded: topic and digest of the file, as one key.
    pub key: String,
    /// Records of the file that are in the log.
    pub records: u64,
}

/// The log of one host. Shared by its threads.
pub trait Broker: Send + Sync {
    /// The topics of these names that exist, in the order asked; `None` where there is none.
    fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicInfo>>, BrokerError>;

    /// Makes topics. One that exists with the same settings is left alone.
    fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), BrokerError>;

    /// Gives a topic more partitions, this many in all; one that has as many already is left alone. On a log whose topics cannot grow: an error.
    fn grow_topic(&self, topic: &Arc<str>, partitions: u32) -> Result<(), BrokerError>;

    /// Deletes topics with all their records, and forgets what groups have committed of them. One that is not there is fine. Nobody may be
    /// reading or writing them: what such a one sends or commits afterwards is void, or refused.
    fn delete_topics(&self, names: &[Arc<str>]) -> Result<(), BrokerError>;

    /// First and end offset of a partition; the end is one behind the last committed record.
    fn bounds(&self, at: &TopicPartition) -> Result<(Offset, Offset), BrokerError>;

    /// What a group has committed; `None` where nothing.
    fn committed(&self, group: &str, at: &TopicPartition) -> Result<Option<Committed>, BrokerError>;

    /// The first record whose own timestamp is `time` or later, in the order of offsets; the end when there is none. May read the whole
    /// partition.
    fn offset_at(&self, at: &TopicPartition, time: Timestamp) -> Result<Offset, BrokerError>;

    /// Puts these in the place of what a group has committed; `None` forgets it. For a group without members. An error may leave a part done:
    /// the same call again completes it.
    fn set_committed(&self, group: &str, offsets: &[(TopicPartition, Option<Committed>)]) -> Result<(), BrokerError>;

    /// The members that a group has now. The embedded log knows none: whoever opens it is alone.
    fn members(&self, group: &str) -> Result<Vec<Member>, BrokerError>;

    /// What members that are made from now on tell of this host. Where nobody else can be a member, nobody is told. The first call counts.
    fn announce(&self, _announcement: Announcement) {}

    /// Clients of so many threads are about to be asked for: what takes long about them may begin.
    fn expect_clients(&self, _members: u32) {}

    /// A member of `group`: number `member` of the host's `members` stream threads.
    fn client(&self, group: &str, member: u32, members: u32) -> Result<Box<dyn Client>, BrokerError>;

    /// Reads without being a member.
    fn reader(&self) -> Result<Box<dyn Reader>, BrokerError>;

    /// Appends records outside of any group, durable when it returns. With `progress` that is kept in the same batch.
    fn produce(&self, records: Vec<OutgoingRecord>, progress: Option<LoadProgress>) -> Result<(), BrokerError>;

    /// Appends records, all or none, as the only writer of this name: who begins later takes the name from who began before, whose records are
    /// then refused (`Retry::Recreate`). `records` is asked for them once the name is taken and everything of the writer before is to be read, or
    /// never will be. None: nothing is written. Where one process holds the log it is the only one anyway.
    fn write_alone(&self, _writer: &str, records: &mut dyn FnMut() -> Result<Vec<OutgoingRecord>, BrokerError>) -> Result<(), BrokerError> {
        let records = records()?;
        if records.is_empty() { Ok(()) } else { self.produce(records, None) }
    }

    /// Deletes the records of a partition below `to`, for good; beyond the end it stops there. Never waits: false when the log is busy with
    /// cleaning and has done nothing.
    fn delete_before(&self, at: &TopicPartition, to: Offset) -> Result<bool, BrokerError>;

    /// How far something was loaded by `produce`; 0 when never.
    fn load_progress(&self, key: &str) -> Result<u64, BrokerError>;
}

/// Consumer, producer and membership of one stream thread. One open transaction at a time: it begins with the first `send` after a commit.
pub trait Client {
    /// Joins the group with these topics; before anything else. Called again it puts them in the place of those before: partitions of drivers that
    /// stay are not told of, those of others are revoked. One that stays keeps its companions, too.
    fn subscribe(&mut self, subscriptions: Vec<Subscription>) -> Result<(), BrokerError>;

    /// What happened to the membership since the last call. Does not block.
    fn poll_group(&mut self) -> Result<Vec<GroupEvent>, BrokerError>;

    /// What the group has committed for partitions that are this client's. `Retry::Same` while a transaction of theirs is open that somebody
    /// left behind.
    fn committed(&mut self, partitions: &[TopicPartition]) -> Result<Vec<Option<Committed>>, BrokerError>;

    /// Delivers an assigned partition from `offset` on; also how to rewind. Below the first offset: `OffsetGone`.
    fn start(&mut self, at: &TopicPartition, offset: Offset) -> Result<(), BrokerError>;

    /// Delivers nothing more of a partition until the next `start`.
    fn stop(&mut self, at: &TopicPartition) -> Result<(), BrokerError>;

    /// Up to `max` records of a partition that have arrived, fewer where they are large. Does not block. What came before an error is not told:
    /// the partition has to be started anew.
    fn take(&mut self, at: &TopicPartition, max: usize) -> Result<Arrived, BrokerError>;

    /// Where a started partition stands: behind the last record taken, and behind what is no record (markers of transactions, compacted ones).
    fn position(&mut self, at: &TopicPartition) -> Option<Offset>;

    /// The partition's end as last heard of; `None` when nothing was heard yet. An empty partition whose position is below has records on the way.
    fn end_seen(&mut self, at: &TopicPartition) -> Result<Option<Offset>, BrokerError>;

    /// Hands a record to the open transaction.
    fn send(&mut self, record: OutgoingRef<'_>) -> Result<(), BrokerError>;

    /// Makes everything sent since the last commit, and these offsets, durable and visible at once, or nothing of it. Whether this member may is
    /// judged by the offsets: who sends records commits an offset of each task that they are of. Where there are no transactions, the records
    /// are durable when it returns, and the group is told of the offsets, and judges, a little later, or in [`Client::confirm`].
    fn commit(&mut self, offsets: &[(TopicPartition, Committed)]) -> Result<(), BrokerError>;

    /// Between two transactions: waits until the group has every offset that was committed, and these once more, which are those of the last
    /// commit. True: it has them, and until now nobody else has come into the place of this member, or written for its tasks. False: it does
    /// not take them now. Where nobody else can be a member it is always true.
    fn confirm(&mut self, _offsets: &[(TopicPartition, Committed)]) -> Result<bool, BrokerError> {
        Ok(true)
    }

    /// Forgets everything sent since the last commit.
    fn abort(&mut self) -> Result<(), BrokerError>;

    /// Becomes a new member in the place of one that the group refuses. What that one had comes as `Lost`.
    fn rejoin(&mut self) -> Result<(), BrokerError> {
        Ok(())
    }

    /// The age at which the log gives up an open transaction; `None`: never.
    fn transaction_timeout(&self) -> Option<Duration> {
        None
    }

    /// Blocks until there may be something to take or to hear, or `at_most` is over.
    fn wait(&mut self, at_most: Duration);

    /// What ends a `wait` from outside, or the next one. A client that never blocks needs none.
    fn waker(&self) -> Waker {
        Waker::default()
    }

    /// Goes. `for_good`: its partitions go to others at once; else they are kept for a restart. Nothing may be called afterwards.
    fn leave(&mut self, for_good: bool) -> Result<(), BrokerError>;
}

/// A reader of committed records without a group: restore, global tables, `consume`.
pub trait Reader: Send {
    /// Reads up to `max` records of a partition from `from` on, fewer where they are large, into `into`; the offset to go on from, which may be beyond the last record
    /// read (transaction markers, compacted ones). Does not block; equal to `from` when there is nothing.
    /// Below the first offset: `OffsetGone`.
    fn read(&mut self, at: &TopicPartition, from: Offset, max: usize, into: &mut Vec<ConsumedRecord>) -> Result<Offset, BrokerError>;

    /// As `read`, for records that are there already: up to `end`, which lies not behind the partition's. Waits a while for them where the log
    /// does not deliver at once; equal to `from` when they did not come.
    fn read_up_to(
        &mut self,
        at: &TopicPartition,
        from: Offset,
        end: Offset,
        max: usize,
        into: &mut Vec<ConsumedRecord>,
    ) -> Result<Offset, BrokerError> {
        let mut waits = DELIVERY_WAITS;
        loop {
            let next = self.read(at, from, max, into)?;
            if next != from || from >= end || waits == 0 {
                return Ok(next);
            }
            waits -= 1;
            self.wait(DELIVERY_WAIT);
        }
    }

    /// Blocks until there may be something to read, or `at_most` is over. A log that delivers at once never blocks.
    fn wait(&mut self, _at_most: Duration) {}

    /// From now on records may come without their headers: who does not look at them saves a fifth of the time of reading.
    fn skip_headers(&mut self) {}

    /// Fetches nothing more of a partition until it is read again.
    fn close(&mut self, _at: &TopicPartition) {}
}
