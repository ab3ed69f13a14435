//! Dead letters: listed, shown, and written back to where their records came from.
//!
//! A letter stays in its topic. That it was retried is noted in a compacted topic of the app, `<app>-dead-letters-retried`: the key is the
//! letter's place, the value says of which record it was, and when. First the records are written back, then they are marked: a crash, or
//! another host, in between may have them retried twice, and never loses one.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::desk::{Desk, failed};
use super::marks::Marks;
use super::place::RecordPlace;
use crate::broker::{BrokerError, OutgoingRecord, Reader};
use crate::error::{self, Diagnostic};
use crate::jsonl;
use crate::record::{ConsumedRecord, Header, Offset, Record, TopicPartition};
use crate::task::{LetterHeaders, without_letter_headers};

/// Letters that one page holds at most.
const PAGE_LETTERS: usize = 1_000;
/// Records read at a time.
const READ_RECORDS: usize = 64;
/// Bytes of records that are written back at a time.
const RETRY_BYTES: usize = 4 << 20;

/// A dead letter, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Where it lies.
    pub at: RecordPlace,
    /// Where the record lay that failed.
    pub from: RecordPlace,
    /// The node that failed.
    pub node: String,
    /// What kind of failure: `bad-record`, `transient`, `trap`.
    pub exception: String,
    /// Why.
    pub message: String,
    /// Time of the record in milliseconds.
    pub time: i64,
    /// When it was retried, in milliseconds; the last time, if several.
    pub retried: Option<i64>,
    /// Whether the app reads the topic that the record came from.
    pub is_read: bool,
}

/// A dead letter, whole.
#[derive(Debug, Serialize, Deserialize)]
pub struct WholeLetter {
    /// What `list` shows of it.
    pub letter: Letter,
    /// The guest's own frames, innermost first.
    pub stacktrace: Vec<String>,
    /// The record's key, as in a record line.
    pub key: Box<RawValue>,
    /// The record's value, as in a record line.
    pub value: Box<RawValue>,
    /// The record's headers, without those that make it a dead letter.
    pub headers: Vec<(String, Box<RawValue>)>,
}

/// Asks for dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LettersRequest {
    /// Of this topic; `None`: of all dead-letter topics of the app.
    pub topic: Option<String>,
    /// Where to read on; partitions without a place are read from their beginning.
    pub positions: Vec<RecordPlace>,
}

/// Some dead letters. A page without letters and with the positions of the request: there are no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LettersPage {
    /// By topic, then partition, then offset.
    pub letters: Vec<Letter>,
    /// Where to read on.
    pub positions: Vec<RecordPlace>,
}

/// Asks to write letters back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// Which; each counts once.
    pub letters: Vec<RecordPlace>,
    /// True: only say what would be done.
    pub dry_run: bool,
}

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    /// Which.
    pub letter: RecordPlace,
    /// `topic/partition` that it goes back to.
    pub to: String,
    /// When it was retried before, in milliseconds: it is left alone.
    pub before: Option<i64>,
}

/// A letter with its record.
struct Found {
    headers: LetterHeaders,
    record: Record,
}

impl Desk {
    /// The next dead letters.
    pub fn letters(&self, request: &LettersRequest) -> Result<LettersPage, Diagnostic> {
        let topics = match &request.topic {
            Some(topic) => vec![self.letter_topic(topic)?],
            None => self.topics().letters,
        };
        let marks = Marks::read(&*self.broker, &self.app).map_err(failed)?;
        let mut reader = self.broker.reader().map_err(failed)?;
        let mut page = LettersPage::default();
        for (topic, info) in topics.iter().zip(self.broker.topics(&topics).map_err(failed)?) {
            for partition in 0..info.map_or(0, |info| info.spec.partitions) {
                let at = TopicPartition::new(topic.clone(), partition);
                let (first, _) = self.broker.bounds(&at).map_err(failed)?;
                let place = request.positions.iter().find(|place| place.is_in(&at));
                let from = place.map_or(first, |place| place.offset.max(first));
                let next = self.fill(&mut page.letters, &mut *reader, &at, from, &marks)?;
                page.positions.push(RecordPlace::new(&at, next));
            }
        }
        Ok(page)
    }

    /// Adds letters of a partition until it has no more or the page is full; where to read on.
    fn fill(
        &self,
        letters: &mut Vec<Letter>,
        reader: &mut dyn Reader,
        at: &TopicPartition,
        mut offset: Offset,
        marks: &Marks,
    ) -> Result<Offset, Diagnostic> {
        let mut records: Vec<ConsumedRecord> = Vec::new();
        let (_, end) = self.broker.bounds(at).map_err(failed)?;
        while letters.len() < PAGE_LETTERS && offset < end {
            records.clear();
            let next = match reader.read_up_to(at, offset, end, READ_RECORDS.min(PAGE_LETTERS - letters.len()), &mut records) {
                // Deleted meanwhile: by its retention, or by whoever has dealt with them.
                Err(BrokerError::OffsetGone { first, .. }) => first,
                next => next.map_err(failed)?,
            };
            if next == offset {
                break;
            }
            offset = next;
            // A sink may write to the same topic: what has no such headers is no letter.
            let found = records.iter().filter_map(|r| Some((r, LetterHeaders::read(&r.record)?)));
            letters.extend(found.map(|(r, headers)| self.letter_of(at, r.offset, &r.record, headers, marks)));
        }
        Ok(offset)
    }

    /// One letter, whole.
    pub fn letter(&self, at: &RecordPlace) -> Result<WholeLetter, Diagnostic> {
        let topic = self.letter_topic(&at.topic)?;
        let mut reader = self.broker.reader().map_err(failed)?;
        let Found { headers, record } = self.find(&mut *reader, at)?;
        let marks = Marks::read(&*self.broker, &self.app).map_err(failed)?;
        let stacktrace = headers.stacktrace.lines().map(str::to_owned).collect();
        let partition = TopicPartition::new(topic, at.partition);
        let letter = self.letter_of(&partition, at.offset, &record, headers, &marks);
        let record = without_letter_headers(record);
        let json = |bytes: Option<&[u8]>| {
            RawValue::from_string(jsonl::print_bytes(bytes)).map_err(|e| Diagnostic::run("R034", "the answer was cut short").because(e))
        };
        let header = |header: Header<'_>| Ok((header.name.to_owned(), json(header.value)?));
        Ok(WholeLetter {
            letter,
            stacktrace,
            key: json(record.key.as_deref())?,
            value: json(record.value.as_deref())?,
            headers: record.headers.iter().map(header).collect::<Result<_, Diagnostic>>()?,
        })
    }

    /// Writes letters back to the partitions that their records came from. Nothing is written when one of them cannot be.
    pub fn retry(&self, request: &RetryRequest) -> Result<Vec<Retried>, Diagnostic> {
        // Two commands at a time would both find a letter not retried yet.
        let _alone = self.retrying.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = Marks::read(&*self.broker, &self.app).map_err(failed)?;
        let mut reader = self.broker.reader().map_err(failed)?;
        let mut answers = Vec::new();
        let mut seen = BTreeSet::new();
        for at in request.letters.iter().filter(|at| seen.insert((*at).clone())) {
            self.letter_topic(&at.topic)?;
            let Found { headers, .. } = self.find(&mut *reader, at)?;
            self.can_go_back(at, &headers.from)?;
            let before = marks.of(at, &RecordPlace::new(&headers.from, headers.offset));
            answers.push(Retried { letter: at.clone(), to: headers.from.to_string(), before });
        }
        if !request.dry_run {
            let due: Vec<&RecordPlace> = answers.iter().filter(|a| a.before.is_none()).map(|a| &a.letter).collect();
            self.write_back(&mut *reader, &due)?;
        }
        Ok(answers)
    }

    fn write_back(&self, reader: &mut dyn Reader, due: &[&RecordPlace]) -> Result<(), Diagnostic> {
        let (mut records, mut marks, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (number, at) in due.iter().enumerate() {
            let Found { headers, record } = self.find(reader, at)?;
            let record = without_letter_headers(record);
            bytes += record.size();
            let LetterHeaders { from, offset, .. } = headers;
            marks.push(Marks::mark(&self.app, at, &RecordPlace::new(&from, offset), self.clock.now()));
            records.push(OutgoingRecord { topic: from.topic, partition: Some(from.partition), record });
            if bytes >= RETRY_BYTES || number + 1 == due.len() {
                Marks::ensure_topic(&*self.broker, &self.app).map_err(failed)?;
                self.broker.produce(std::mem::take(&mut records), None).map_err(failed)?;
                self.broker.produce(std::mem::take(&mut marks), None).map_err(failed)?;
                bytes = 0;
            }
        }
        Ok(())
    }

    /// Finds the record at a place, if it is a letter.
    fn find(&self, reader: &mut dyn Reader, at: &RecordPlace) -> Result<Found, Diagnostic> {
        let partition = TopicPartition::new(&*at.topic, at.partition);
        let mut records = Vec::new();
        let end = match self.broker.bounds(&partition) {
            Ok((_, end)) => end,
            Err(BrokerError::UnknownTopic(_) | BrokerError::UnknownPartition(_)) => 0,
            Err(why) => return Err(failed(why)),
        };
        match reader.read_up_to(&partition, at.offset, end, 1, &mut records) {
            Ok(_) => {}
            Err(BrokerError::OffsetGone { .. } | BrokerError::UnknownTopic(_) | BrokerError::UnknownPartition(_)) => {}
            Err(why) => return Err(failed(why)),
        }
        let absent = || {
            Diagnostic::usage("R080", format!("there is no dead letter {at}"))
                .hint("`cofferdam dead-letters list` shows all that are there")
        };
        let record = records.into_iter().find(|r| r.offset == at.offset).ok_or_else(absent)?.record;
        match LetterHeaders::read(&record) {
            Some(headers) => Ok(Found { headers, record }),
            None => Err(Diagnostic::usage("R080", format!("{at} is a record, but no dead letter"))
                .hint("a dead letter has the headers '__streams.errors.topic', '.partition' and '.offset'")),
        }
    }

    /// Whether the partition that a record came from is still there.
    fn can_go_back(&self, letter: &RecordPlace, to: &TopicPartition) -> Result<(), Diagnostic> {
        let found = self.broker.topics(std::slice::from_ref(&to.topic)).map_err(failed)?.into_iter().next().flatten();
        if found.is_some_and(|info| to.partition < info.spec.partitions) {
            return Ok(());
        }
        Err(Diagnostic::usage("R081", format!("the dead letter {letter} came from {to}, which does not exist any more"))
            .hint("`cofferdam dead-letters show` prints the record; `cofferdam produce` takes it to another topic"))
    }

    fn letter_topic(&self, topic: &str) -> Result<Arc<str>, Diagnostic> {
        let letters = self.topics().letters;
        let found = letters.iter().find(|known| ***known == *topic).cloned();
        found.ok_or_else(|| {
            let problem = Diagnostic::usage("R080", format!("'{topic}' is no dead-letter topic of this app"));
            if letters.is_empty() {
                return problem.hint("no node of the app has on-error with policy = \"dead-letter\"");
            }
            problem.hint(error::suggest(topic, "dead-letter topics", letters.iter().map(|t| &**t)))
        })
    }

    fn letter_of(&self, at: &TopicPartition, offset: Offset, record: &Record, headers: LetterHeaders, marks: &Marks) -> Letter {
        let (at, from) = (RecordPlace::new(at, offset), RecordPlace::new(&headers.from, headers.offset));
        Letter {
            retried: marks.of(&at, &from),
            is_read: self.topics().read.contains(&headers.from.topic),
            at,
            from,
            node: headers.node,
            exception: headers.exception,
            message: headers.message,
            time: record.timestamp.0,
        }
    }
}
