//! The log itself, shared by its clients, readers and the cleaner.

use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::catalog::{Catalog, Partition, Topic};
use super::clean::Cleaner;
use super::commit::Committer;
use super::errors::corrupted;
use super::folder::StateFolder;
use super::layout;
use super::transaction::Transaction;
use crate::broker::admission::{admit, admit_topic, same_settings};
use crate::broker::partitioner::Partitioner;
use crate::broker::port::{BrokerError, Committed, LoadProgress, OutgoingRecord, TopicSpec};
use crate::clock::Clock;
use crate::disk::{Batch, Budget, Database, Direction, Durability, Options, Sync};
use crate::record::{Offset, RecordRef, TopicPartition};

pub(super) struct Log {
    pub(super) database: Database,
    pub(super) catalog: RwLock<Catalog>,
    committer: Committer,
    /// Locked for a moment at each commit, so that nobody misses it between looking and going to sleep.
    arrival: Mutex<()>,
    arrived: Condvar,
    clock: Arc<dyn Clock>,
    producer: Mutex<Partitioner>,
    pub(super) cleaner: Mutex<Cleaner>,
    /// Closed after the database.
    _folder: Arc<StateFolder>,
}

impl Log {
    pub(super) fn open(folder: Arc<StateFolder>, clock: Arc<dyn Clock>, budget: &Budget) -> Result<Self, BrokerError> {
        let options = Options { families: &layout::FAMILIES, durability: Durability::Logged, budget, create_if_missing: true };
        let database = Database::open(&folder.path().join("log"), &options)?;
        let catalog = RwLock::new(Catalog::read(&database)?);
        let cleaner = Mutex::new(Cleaner::new(clock.now()));
        Ok(Self {
            database,
            catalog,
            committer: Committer::default(),
            arrival: Mutex::default(),
            arrived: Condvar::new(),
            clock,
            producer: Mutex::default(),
            cleaner,
            _folder: folder,
        })
    }

    pub(super) fn topic(&self, name: &str) -> Result<Arc<Topic>, BrokerError> {
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        catalog.find(name).cloned().ok_or_else(|| BrokerError::UnknownTopic(name.into()))
    }

    pub(super) fn topics(&self) -> Vec<Arc<Topic>> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner).all()
    }

    pub(super) fn partition(&self, at: &TopicPartition) -> Result<Partition, BrokerError> {
        self.topic(&at.topic)?.partition(at.partition)
    }

    pub(super) fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), BrokerError> {
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        for spec in specs {
            if let Some(there) = catalog.find(&spec.name) {
                same_settings(&there.spec, spec)?;
                continue;
            }
            admit_topic(spec)?;
            let retention = spec.retention.map(|kept| Duration::from_millis(layout::ms(kept)));
            let compaction_lag = Duration::from_millis(layout::ms(spec.compaction_lag));
            let topic = Topic::new(catalog.next_id(), TopicSpec { replication: None, retention, compaction_lag, ..spec.clone() });
            let mut batch = Batch::new();
            batch.put(self.database.family(layout::TOPICS)?, spec.name.as_bytes(), &layout::encode_topic(topic.id, &topic.spec));
            self.database.write(batch, Sync::Yes)?;
            catalog.insert(Arc::new(topic));
        }
        Ok(())
    }

    pub(super) fn committed(&self, group: &str, at: &TopicPartition) -> Result<Option<Committed>, BrokerError> {
        let key = self.partition(at)?.id().offset_key(group);
        let offsets = self.database.family(layout::OFFSETS)?;
        let Some(row) = self.committer.between_commits(|| offsets.get(&key))? else { return Ok(None) };
        let committed = layout::decode_committed(&row);
        committed.map(Some).ok_or_else(|| corrupted(&format!("what group '{group}' has committed of {at}"), "it cannot be understood"))
    }

    /// The lowest offset that a group has committed of a partition; `None`: no group has.
    pub(super) fn lowest_committed(&self, partition: &Partition) -> Result<Option<Offset>, BrokerError> {
        let (prefix, mut lowest, mut bad) = (partition.id().key(), None::<Offset>, false);
        let visit = |key: &[u8], row: &[u8]| {
            if !key.starts_with(&prefix) {
                return ControlFlow::Break(());
            }
            match layout::decode_committed(row) {
                Some(committed) => lowest = Some(lowest.map_or(committed.offset, |least| least.min(committed.offset))),
                None => bad = true,
            }
            ControlFlow::Continue(())
        };
        self.database.family(layout::OFFSETS)?.visit(Bound::Included(&prefix), Bound::Unbounded, Direction::Ascending, visit)?;
        if bad {
            return Err(corrupted(&format!("what a group has committed of {}", partition.name()), "it cannot be understood"));
        }
        Ok(lowest)
    }

    pub(super) fn load_progress(&self, key: &str) -> Result<u64, BrokerError> {
        let Some(row) = self.database.family(layout::LOADS)?.get(key.as_bytes())? else { return Ok(0) };
        let records = row.try_into().map(u64::from_be_bytes);
        records.map_err(|_| corrupted(&format!("how far '{key}' is loaded"), "it cannot be understood"))
    }

    pub(super) fn produce(&self, records: &[OutgoingRecord], progress: Option<LoadProgress>) -> Result<(), BrokerError> {
        let mut transaction = Transaction::default();
        {
            let mut partitioner = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
            let mut topic: Option<Arc<Topic>> = None;
            for outgoing in records {
                let topic = match topic.take().filter(|topic| topic.spec.name == outgoing.topic) {
                    Some(same) => topic.insert(same),
                    None => topic.insert(self.topic(&outgoing.topic)?),
                };
                let partition = admit(&topic.spec, outgoing.as_ref(), &mut partitioner)?;
                transaction.push(topic.partition(partition)?, RecordRef::from(&outgoing.record));
            }
            partitioner.batch_done();
        }
        transaction.rows = progress.map(|p| (layout::LOADS, p.key.into_bytes(), p.records.to_be_bytes().to_vec())).into_iter().collect();
        self.commit(transaction)
    }

    pub(super) fn commit(&self, transaction: Transaction) -> Result<(), BrokerError> {
        if transaction.is_empty() {
            return Ok(());
        }
        self.committer.commit(&self.database, transaction, self.clock.now())?;
        self.tell_arrival();
        Ok(())
    }

    /// Whoever waits looks again.
    pub(super) fn tell_arrival(&self) {
        drop(self.arrival.lock());
        self.arrived.notify_all();
    }

    /// Blocks until `there` says so, looking after each commit, or `at_most` is over.
    pub(super) fn wait_until(&self, at_most: Duration, there: impl Fn() -> bool) {
        let guard = self.arrival.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.arrived.wait_timeout_while(guard, at_most, |()| !there()));
    }
}
