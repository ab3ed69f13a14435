//! Which dead letters were retried: a compacted topic of the app, read whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::place::RecordPlace;
use crate::broker::{Broker, BrokerError, Cleanup, OutgoingRecord, TopicSpec};
use crate::record::{Record, Timestamp, TopicPartition};
use crate::topology;

/// Marks read at a time.
const READ_MARKS: usize = 1_000;

/// What is noted of a letter: the value of its mark, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Where its record had come from. A letter that says otherwise is another one, in a topic that was made anew.
    from: String,
    /// When it was retried, in milliseconds.
    time: i64,
}

/// All marks of an app, by the letter's place.
#[derive(Debug, Default)]
pub(super) struct Marks(BTreeMap<String, Mark>);

impl Marks {
    /// Reads them; none where nothing was ever retried.
    pub(super) fn read(broker: &dyn Broker, app: &str) -> Result<Self, BrokerError> {
        let at = TopicPartition::new(topology::retried_letters(app), 0);
        if broker.topics(std::slice::from_ref(&at.topic))?.iter().all(Option::is_none) {
            return Ok(Self::default());
        }
        let (mut offset, end) = broker.bounds(&at)?;
        let mut reader = broker.reader()?;
        let mut marks = BTreeMap::new();
        let mut records = Vec::new();
        while offset < end {
            records.clear();
            let next = reader.read_up_to(&at, offset, end, READ_MARKS, &mut records)?;
            if next == offset {
                break;
            }
            offset = next;
            for record in records.drain(..).map(|consumed| consumed.record) {
                let key = record.key.map(|key| String::from_utf8_lossy(&key).into_owned());
                let mark = record.value.and_then(|value| serde_json::from_slice(&value).ok());
                marks.extend(key.zip(mark));
            }
        }
        Ok(Self(marks))
    }

    /// When the letter at a place, of the record from `from`, was retried last, in milliseconds.
    pub(super) fn of(&self, letter: &RecordPlace, from: &RecordPlace) -> Option<i64> {
        self.0.get(&letter.to_string()).filter(|mark| mark.from == from.to_string()).map(|mark| mark.time)
    }

    /// The mark that a letter was retried now.
    pub(super) fn mark(app: &str, letter: &RecordPlace, from: &RecordPlace, now: Timestamp) -> OutgoingRecord {
        let value = serde_json::json!(Mark { from: from.to_string(), time: now.0 }).to_string();
        let record = Record { key: Some(letter.to_string().into()), value: Some(value.into()), timestamp: now, ..Record::default() };
        OutgoingRecord { topic: topology::retried_letters(app), partition: Some(0), record }
    }

    /// Makes the topic of the marks where it is missing.
    pub(super) fn ensure_topic(broker: &dyn Broker, app: &str) -> Result<(), BrokerError> {
        let name: Arc<str> = topology::retried_letters(app);
        broker.create_topics(&[TopicSpec { cleanup: Cleanup::Compact, ..TopicSpec::new(name, 1) }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::sim::SimBroker;
    use crate::clock::VirtualClock;

    #[test]
    fn a_mark_is_of_one_letter_and_its_record() {
        let broker = SimBroker::new(Arc::new(VirtualClock::default()));
        let place = |text: &str| text.parse::<RecordPlace>().unwrap();
        let (letter, from) = (place("bad/0/3"), place("in/1/7"));
        assert_eq!(Marks::read(&broker, "app").unwrap().of(&letter, &from), None);
        Marks::ensure_topic(&broker, "app").unwrap();
        for time in [5, 8] {
            broker.produce(vec![Marks::mark("app", &letter, &from, Timestamp(time))], None).unwrap();
        }
        let marks = Marks::read(&broker, "app").unwrap();
        assert_eq!(marks.of(&letter, &from), Some(8));
        assert_eq!(marks.of(&place("bad/0/4"), &from), None);
        assert_eq!(marks.of(&letter, &place("in/1/8")), None, "another record's letter, in a topic that was made anew");
        assert_eq!(Marks::read(&broker, "other").unwrap().of(&letter, &from), None);
    }
}
