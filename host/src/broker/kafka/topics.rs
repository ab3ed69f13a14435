//! Topics of a cluster in the words of the port: their settings read, compared and made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::errors::{failed, is_unknown};
use super::ffi::{Code, Handle, KafkaError, NewTopic};
use super::patience::{ANSWER_WAIT, Patience};
use crate::broker::admission::same_settings;
use crate::broker::port::{BrokerError, Cleanup, Timestamps, TopicInfo, TopicSpec};

/// A new topic is known to every broker within this time.
const NEW_TOPIC_WAIT: Duration = Duration::from_secs(30);
/// How often a new topic is looked for.
const NEW_TOPIC_LOOK: Duration = Duration::from_millis(20);
const NEW_TOPIC_LOOKS: u128 = NEW_TOPIC_WAIT.as_millis() / NEW_TOPIC_LOOK.as_millis();
const READ_SETTINGS: &str = "read the settings of topics";
/// Kafka 4 refuses records that are further ahead of its clock than an hour; replayed and derived records may be.
const ANY_TIME_AHEAD: i64 = i64::MAX;
/// The type of timestamps by which old data that is written anew is kept.
const APPEND_TIME: &str = "LogAppendTime";

/// The topics of a cluster.
#[derive(Debug)]
pub(super) struct Topics {
    admin: Arc<Handle>,
    patience: Patience,
    /// What was asked before.
    known: Mutex<BTreeMap<Arc<str>, TopicSpec>>,
}

impl Topics {
    pub fn new(admin: Arc<Handle>, patience: Patience) -> Self {
        Self { admin, patience, known: Mutex::default() }
    }

    /// The number of partitions now; `None` when there is no such topic.
    pub fn partitions(&self, topic: &str) -> Result<Option<u32>, BrokerError> {
        let what = || format!("look up topic '{topic}'");
        match self.patience.ask(&self.admin, what, || self.admin.partitions(topic, ANSWER_WAIT)) {
            Ok(count) => Ok(count.and_then(|count| u32::try_from(count).ok())),
            Err(unknown) if is_unknown(&unknown) => Ok(None),
            Err(error) => Err(failed(what(), &error)),
        }
    }

    /// As the cluster says now. The broker that answers may not have heard of a new topic yet of which another one has told: it is asked again.
    pub fn look_up(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicInfo>>, BrokerError> {
        for _ in 0..NEW_TOPIC_LOOKS {
            match self.look_once(names) {
                Err(Missed::Unknown(_)) => std::thread::park_timeout(NEW_TOPIC_LOOK),
                answer => return answer.map_err(Missed::into_error),
            }
        }
        self.look_once(names).map_err(Missed::into_error)
    }

    fn look_once(&self, names: &[Arc<str>]) -> Result<Vec<Option<TopicInfo>>, Missed> {
        // Each once: librdkafka does not understand an answer in which one comes twice.
        let mut there = BTreeMap::new();
        for name in names.iter().collect::<BTreeSet<_>>() {
            if let Some(count) = self.partitions(name).map_err(Missed::Failed)? {
                there.insert(name.clone(), count);
            }
        }
        let mut found = BTreeMap::new();
        if !there.is_empty() {
            let texts: Vec<&str> = there.keys().map(|name| &**name).collect();
            let what = || READ_SETTINGS.to_owned();
            let settings = self.patience.ask(&self.admin, what, || self.admin.topic_settings(&texts, ANSWER_WAIT));
            let settings = settings.map_err(|e| if is_unknown(&e) { Missed::Unknown(e) } else { Missed::Failed(failed(what(), &e)) })?;
            found.extend(there.iter().zip(settings).map(|((name, count), settings)| (name.clone(), spec(name, *count, &settings))));
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(found.clone());
        Ok(names.iter().map(|name| found.get(name).map(|spec| TopicInfo { spec: spec.clone() })).collect())
    }

    /// As it was when somebody looked last.
    pub fn spec(&self, name: &Arc<str>) -> Result<TopicSpec, BrokerError> {
        if let Some(spec) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(spec.clone());
        }
        self.spec_now(name)
    }

    /// As it is.
    pub fn spec_now(&self, name: &Arc<str>) -> Result<TopicSpec, BrokerError> {
        let found = self.look_up(std::slice::from_ref(name))?.into_iter().next().flatten();
        found.map(|info| info.spec).ok_or_else(|| BrokerError::UnknownTopic(name.clone()))
    }

    /// Makes those that are missing; one that is there has to be as asked.
    pub fn create(&self, specs: &[TopicSpec]) -> Result<(), BrokerError> {
        let names: Vec<Arc<str>> = specs.iter().map(|spec| spec.name.clone()).collect();
        let mut missing = Vec::new();
        for (asked, there) in specs.iter().zip(self.look_up(&names)?) {
            match there {
                Some(there) => same_settings(&there.spec, asked)?,
                None => missing.push(asked),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let new: Vec<NewTopic> = missing.iter().map(|spec| new_topic(spec)).collect();
        let made = self.admin.create_topics(&new, ANSWER_WAIT).map_err(|e| failed("make topics", &e))?;
        for (name, outcome) in made {
            match outcome {
                // Another host of the app was quicker.
                Err(error) if error.code == Code::RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS => {}
                outcome => outcome.map_err(|e| failed(format!("make topic '{name}'"), &e))?,
            }
        }
        self.wait_for(&missing)
    }

    /// Gives a topic more partitions.
    pub fn grow(&self, topic: &Arc<str>, partitions: u32) -> Result<(), BrokerError> {
        let what = || format!("give topic '{topic}' {partitions} partitions");
        let has_them = || Ok(self.partitions(topic)?.is_some_and(|count| count >= partitions));
        if !has_them()? {
            match self.admin.grow_topic(topic, partitions as usize, ANSWER_WAIT) {
                // Another host of the app was quicker.
                Err(error) if error.code == Code::RD_KAFKA_RESP_ERR_INVALID_PARTITIONS => {}
                grown => grown.map_err(|e| failed(what(), &e))?,
            }
            self.wait_until(what, has_them)?;
        }
        self.look_up(std::slice::from_ref(topic)).map(drop)
    }

    /// Deletes topics; one that is not there is no error.
    pub fn delete(&self, names: &[Arc<str>]) -> Result<(), BrokerError> {
        if names.is_empty() {
            return Ok(());
        }
        let texts: Vec<&str> = names.iter().map(|name| &**name).collect();
        let gone = self.admin.delete_topics(&texts, ANSWER_WAIT).map_err(|e| failed("delete topics", &e))?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| !names.contains(name));
        for (name, outcome) in gone {
            match outcome {
                Err(error) if is_unknown(&error) => {}
                outcome => outcome.map_err(|e| failed(format!("delete topic '{name}'"), &e))?,
            }
        }
        Ok(())
    }

    /// The answer to an order comes before every broker has heard of the topic.
    fn wait_for(&self, missing: &[&TopicSpec]) -> Result<(), BrokerError> {
        for spec in missing {
            self.wait_until(|| format!("see the new topic '{}'", spec.name), || Ok(self.partitions(&spec.name)?.is_some()))?;
        }
        let names: Vec<Arc<str>> = missing.iter().map(|spec| spec.name.clone()).collect();
        self.look_up(&names).map(drop)
    }

    fn wait_until(&self, what: impl Fn() -> String, is_so: impl Fn() -> Result<bool, BrokerError>) -> Result<(), BrokerError> {
        for _ in 0..NEW_TOPIC_LOOKS {
            if is_so()? {
                return Ok(());
            }
            std::thread::park_timeout(NEW_TOPIC_LOOK);
        }
        Err(failed(what(), &KafkaError::of(Code::RD_KAFKA_RESP_ERR__TIMED_OUT)))
    }
}

/// Why topics were not seen.
enum Missed {
    /// By one broker; another one knows all of them.
    Unknown(KafkaError),
    Failed(BrokerError),
}

impl Missed {
    fn into_error(self) -> BrokerError {
        match self {
            Self::Unknown(error) => failed(READ_SETTINGS, &error),
            Self::Failed(error) => error,
        }
    }
}

fn spec(name: &Arc<str>, partitions: u32, settings: &[(String, String)]) -> TopicSpec {
    let setting = |key: &str| settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let policy = setting("cleanup.policy").unwrap_or("delete");
    let cleanup = match (policy.contains("compact"), policy.contains("delete")) {
        (true, true) => Cleanup::CompactDelete,
        (true, false) => Cleanup::Compact,
        (false, _) => Cleanup::Delete,
    };
    // A topic that is compacted alone deletes nothing by time, whatever this setting says.
    let retention = setting("retention.ms").filter(|_| cleanup != Cleanup::Compact).and_then(|ms| ms.parse().ok());
    let lag = setting("min.compaction.lag.ms").filter(|_| cleanup != Cleanup::Delete).and_then(|ms| ms.parse().ok());
    TopicSpec {
        cleanup,
        retention: retention.map(Duration::from_millis),
        compaction_lag: Duration::from_millis(lag.unwrap_or(0)),
        timestamps: if setting("message.timestamp.type") == Some(APPEND_TIME) { Timestamps::OfTheAppend } else { Timestamps::OfTheirOwn },
        ..TopicSpec::new(name.clone(), partitions)
    }
}

/// Every setting that matters is said, none is left to the broker's defaults.
fn new_topic(spec: &TopicSpec) -> NewTopic {
    let policy = match spec.cleanup {
        Cleanup::Delete => "delete",
        Cleanup::Compact => "compact",
        Cleanup::CompactDelete => "compact,delete",
    };
    let retention = spec.retention.map_or_else(|| "-1".to_owned(), |time| time.as_millis().to_string());
    let timestamps = match spec.timestamps {
        Timestamps::OfTheirOwn => "CreateTime",
        Timestamps::OfTheAppend => APPEND_TIME,
    };
    NewTopic {
        name: spec.name.to_string(),
        partitions: i32::try_from(spec.partitions).unwrap_or(i32::MAX),
        replication: spec.replication.map_or(-1, i32::from),
        settings: vec![
            ("cleanup.policy", policy.to_owned()),
            ("retention.ms", retention),
            ("retention.bytes", "-1".to_owned()),
            ("min.compaction.lag.ms", spec.compaction_lag.as_millis().to_string()),
            ("message.timestamp.type", timestamps.to_owned()),
            ("message.timestamp.after.max.ms", ANY_TIME_AHEAD.to_string()),
        ],
    }
}
