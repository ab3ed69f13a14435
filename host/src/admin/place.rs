//! Where a record lies, as the command line writes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::record::{Offset, TopicPartition};

/// The place of a record; written `topic/partition/offset`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RecordPlace {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: Offset,
}

impl RecordPlace {
    /// The record of a partition at `offset`.
    pub fn new(at: &TopicPartition, offset: Offset) -> Self {
        Self { topic: at.topic.to_string(), partition: at.partition, offset }
    }

    /// Whether it is a place in this partition.
    pub fn is_in(&self, at: &TopicPartition) -> bool {
        *self.topic == *at.topic && self.partition == at.partition
    }
}

impl From<RecordPlace> for String {
    fn from(place: RecordPlace) -> Self {
        place.to_string()
    }
}

impl TryFrom<String> for RecordPlace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

impl FromStr for RecordPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next().map(str::parse), parts.next().map(str::parse), parts.next()) {
            (Some(topic), Some(Ok(partition)), Some(Ok(offset)), None) if !topic.is_empty() => {
                Ok(Self { topic: topic.to_owned(), partition, offset })
            }
            _ => Err("it must be TOPIC/PARTITION/OFFSET, as `dead-letters list` writes it".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place: RecordPlace = "bad-flights/2/1234".parse().unwrap();
        assert_eq!(place, RecordPlace { topic: "bad-flights".into(), partition: 2, offset: 1234 });
        assert_eq!(place.to_string(), "bad-flights/2/1234");
        for broken in ["", "bad-flights", "bad-flights/2", "bad-flights/2/x", "bad-flights/-2/1", "/2/1", "bad-flights/2/1/", "a/b/2/1"] {
            assert!(broken.parse::<RecordPlace>().is_err(), "{broken}");
        }
    }
}
