//! A cluster, as the host sees it: topics, offsets, and clients for its threads.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::announced;
use super::client::{KafkaClient, committed};
use super::coordinated::Coordinated;
use super::delivery::{Delivery, ExactlyOnce};
use super::errors::{failed, is_unknown, refused};
use super::ffi::{Code, GroupMember, Handle, KafkaError, NO_OFFSET, PartitionList};
use super::group::number;
use super::patience::ANSWER_WAIT;
use super::producer::Producer;
use super::reader::KafkaReader;
use super::settings::KafkaSettings;
use super::topics::Topics;
use crate::broker::port::{
    Announcement, Broker, BrokerError, Client, Committed, LoadProgress, Member, OutgoingRecord, Reader, Retry, TopicInfo, TopicSpec,
};
use crate::record::{Offset, Timestamp, TopicPartition};

/// How often somebody tries to become the only writer of a name; each takes a second at most.
const WRITER_TRIES: usize = 30;

/// A Kafka cluster.
pub struct KafkaBroker {
    settings: KafkaSettings,
    admin: Arc<Handle>,
    groups: Coordinated,
    topics: Arc<Topics>,
    /// For `produce`; made when it is needed first.
    producer: Mutex<Option<Producer>>,
    announced: OnceLock<Announcement>,
}

impl KafkaBroker {
    /// Connects in the background; the first question waits for it.
    pub fn new(settings: KafkaSettings) -> Result<Self, BrokerError> {
        let admin = settings.admin().map_err(|e| refused(&e))?;
        let topics = Arc::new(Topics::new(admin.clone(), settings.patience.clone()));
        let groups = Coordinated::new(&settings);
        Ok(Self { settings, admin, groups, topics, producer: Mutex::default(), announced: OnceLock::new() })
    }

    fn member(&self, member: GroupMember) -> Member {
        let (name, announced) = announced::read(&member.client);
        let partitions = member.partitions.iter().filter_map(|(topic, number)| {
            let partition = u32::try_from(*number).ok()?;
            Some(TopicPartition::new(topic.as_str(), partition))
        });
        Member {
            name: name.to_owned(),
            announced,
            own: self.settings.is_own(&member.instance),
            partitions: partitions.collect(),
            settled: member.settled,
            host: member.host,
        }
    }

    fn produce_with(&self, producer: &mut Producer, records: &[OutgoingRecord]) -> Result<(), BrokerError> {
        records.iter().try_for_each(|record| producer.send(&self.topics, record.as_ref()))?;
        producer.flush()
    }
}

impl Broker for KafkaBroker {
    fn topics(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicInfo>>, BrokerError> {
        self.topics.look_up(names)
    }

    fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), BrokerError> {
        self.topics.create(specs)
    }

    fn bounds(&self, at: &TopicPartition) -> Result<(Offset, Offset), BrokerError> {
        let what = || format!("ask for the end of {at}");
        match self.settings.patience.ask(&self.admin, what, || self.admin.watermarks(&at.topic, number(at.partition), ANSWER_WAIT)) {
            Ok((first, end)) => Ok((Offset::try_from(first).unwrap_or(0), Offset::try_from(end).unwrap_or(0))),
            Err(unknown) if is_unknown(&unknown) => Err(BrokerError::UnknownPartition(at.clone())),
            Err(error) => Err(failed(what(), &error)),
        }
    }

    fn committed(&self, group: &str, at: &TopicPartition) -> Result<Option<Committed>, BrokerError> {
        let asked = |e: &KafkaError| failed(format!("ask for the committed offset of {at}"), e);
        let list = PartitionList::of([(&*at.topic, number(at.partition), NO_OFFSET)]).map_err(|e| asked(&e))?;
        let found = self.groups.ask(|client| client.group_offsets(group, &list, ANSWER_WAIT)).map_err(|e| asked(&e))?;
        Ok(found.into_iter().next().and_then(committed))
    }

    fn client(&self, _group: &str, member: u32, _members: u32) -> Result<Box<dyn Client>, BrokerError> {
        let settings = KafkaSettings { announced: self.announced.get().cloned(), ..self.settings.clone() };
        Ok(Box::new(KafkaClient::new(&settings, self.topics.clone(), member)?))
    }

    fn reader(&self) -> Result<Box<dyn Reader>, BrokerError> {
        Ok(Box::new(KafkaReader::new(&self.settings)))
    }

    fn produce(&self, records: Vec<OutgoingRecord>, _progress: Option<LoadProgress>) -> Result<(), BrokerError> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = match producer.take() {
            Some(open) => open,
            None => Producer::new(&self.settings, "input".to_owned(), 0)?,
        };
        // One that has failed is not used again.
        self.produce_with(&mut open, &records)?;
        *producer = Some(open);
        Ok(())
    }

    fn write_alone(&self, writer: &str, records: &mut dyn FnMut() -> Result<Vec<OutgoingRecord>, BrokerError>) -> Result<(), BrokerError> {
        let mut delivery = ExactlyOnce::named(&self.settings, writer.to_owned(), 0)?;
        let mut tries = 1;
        loop {
            match delivery.make_ready() {
                // The writer before has an open transaction, which is being ended.
                Err(BrokerError::Failed { retry: Retry::Same, .. }) if tries < WRITER_TRIES => tries += 1,
                ready => break ready?,
            }
        }
        let records = records()?;
        if records.is_empty() {
            return Ok(());
        }
        records.iter().try_for_each(|record| delivery.send(&self.topics, record.as_ref()))?;
        delivery.commit(&self.admin, &[])
    }

    fn delete_before(&self, at: &TopicPartition, to: Offset) -> Result<bool, BrokerError> {
        let list = PartitionList::of([(&*at.topic, number(at.partition), i64::try_from(to).unwrap_or(i64::MAX))]);
        let deleted = list.and_then(|list| self.admin.delete_records(&list, ANSWER_WAIT));
        deleted.map(|()| true).map_err(|e| failed(format!("delete records of {at}"), &e))
    }

    fn grow_topic(&self, topic: &Arc<str>, partitions: u32) -> Result<(), BrokerError> {
        self.topics.grow(topic, partitions)
    }

    fn delete_topics(&self, names: &[Arc<str>]) -> Result<(), BrokerError> {
        self.topics.delete(names)
    }

    fn set_committed(&self, group: &str, offsets: &[(TopicPartition, Option<Committed>)]) -> Result<(), BrokerError> {
        let failed = |e: &KafkaError| failed(format!("set the offsets of group '{group}'"), e);
        let (mut set, mut forget) = (PartitionList::new().map_err(|e| failed(&e))?, PartitionList::new().map_err(|e| failed(&e))?);
        let (mut to_set, mut to_forget) = (0, 0);
        for (at, committed) in offsets {
            let added = match committed {
                Some(Committed { offset, metadata }) => {
                    to_set += 1;
                    set.add(&at.topic, number(at.partition), i64::try_from(*offset).unwrap_or(i64::MAX), metadata)
                }
                None => {
                    to_forget += 1;
                    forget.add(&at.topic, number(at.partition), NO_OFFSET, "")
                }
            };
            added.map_err(|e| failed(&e))?;
        }
        if to_set > 0 {
            self.groups.ask(|client| client.set_group_offsets(group, &set, ANSWER_WAIT)).map_err(|e| failed(&e))?;
        }
        if to_forget > 0 {
            match self.groups.ask(|client| client.forget_group_offsets(group, &forget, ANSWER_WAIT)) {
                // There is nothing to forget of a group that never was.
                Err(error) if error.code == Code::RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND => {}
                forgotten => forgotten.map_err(|e| failed(&e))?,
            }
        }
        Ok(())
    }

    fn members(&self, group: &str) -> Result<Vec<Member>, BrokerError> {
        let what = || format!("ask for the members of group '{group}'");
        match self.settings.patience.ask(&self.admin, what, || self.groups.ask(|client| client.group_members(group, ANSWER_WAIT))) {
            Ok(members) => Ok(members.into_iter().map(|member| self.member(member)).collect()),
            Err(error) if error.code == Code::RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND => Ok(Vec::new()),
            Err(error) => Err(failed(what(), &error)),
        }
    }

    fn announce(&self, announcement: Announcement) {
        let _ = self.announced.set(announcement);
    }

    fn expect_clients(&self, members: u32) {
        let begun = (0..members).try_for_each(|thread| self.settings.begin_producers(thread)).and_then(|()| self.groups.begin());
        if let Err(why) = begun {
            // Whoever asks for it then is told.
            tracing::debug!("a client cannot be made yet: {why}");
        }
    }

    fn offset_at(&self, at: &TopicPartition, time: Timestamp) -> Result<Offset, BrokerError> {
        let asked = |e: &KafkaError| failed(format!("ask for the offset of a time in {at}"), e);
        let list = PartitionList::of([(&*at.topic, number(at.partition), time.0)]).map_err(|e| asked(&e))?;
        self.admin.offsets_for_times(&list, ANSWER_WAIT).map_err(|e| asked(&e))?;
        let found = list.entries().into_iter().next();
        if let Some(code) = found.as_ref().and_then(|entry| entry.error) {
            return Err(asked(&KafkaError::of(code)));
        }
        // Below zero: no record is so late.
        match found.and_then(|entry| Offset::try_from(entry.offset).ok()) {
            Some(offset) => Ok(offset),
            None => self.bounds(at).map(|(_, end)| end),
        }
    }

    /// A cluster keeps no such note: a file that is given again is produced again.
    fn load_progress(&self, _key: &str) -> Result<u64, BrokerError> {
        Ok(0)
    }
}
