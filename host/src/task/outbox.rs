//! What a task has for the log: records of walks that ended well, and of the one that is running.

use std::sync::Arc;

use crate::broker::{OutgoingRecord, OutgoingRef};
use crate::node::PackedFrame;

use super::plan::LocalNode;
use super::refusal::{Cause, Origin};

/// Records on their way to the log, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    parcels: Vec<Parcel>,
    size: OutboxSize,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OutboxSize {
    pub records: usize,
    /// Of their keys, values and headers, as the limits count.
    pub bytes: usize,
}

/// A point to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutboxMark {
    parcels: usize,
    size: OutboxSize,
}

/// Records that came together.
#[derive(Debug)]
pub struct Parcel(Content);

#[derive(Debug)]
enum Content {
    /// One, and whom to blame when it is refused.
    Record(OutgoingRecord, Origin),
    /// What a component gave for a sink in one piece.
    Frame(SinkFrame),
}

/// A frame at a sink. It is addressed: the origins of its records are the offsets of their causes.
#[derive(Debug)]
pub(super) struct SinkFrame {
    pub frame: PackedFrame,
    pub topic: Arc<str>,
    pub sink: LocalNode,
    /// Index of the queue of its causes.
    pub queue: usize,
}

impl Outbox {
    pub(super) fn mark(&self) -> OutboxMark {
        OutboxMark { parcels: self.parcels.len(), size: self.size }
    }

    /// Forgets what came since.
    pub(super) fn go_back(&mut self, to: OutboxMark) {
        self.parcels.truncate(to.parcels);
        self.size = to.size;
    }

    pub(super) fn size(&self) -> OutboxSize {
        self.size
    }

    pub(super) fn push(&mut self, record: OutgoingRecord, origin: Origin) {
        self.size += OutboxSize { records: 1, bytes: record.record.size() };
        self.parcels.push(Parcel(Content::Record(record, origin)));
    }

    /// `bytes`: of all its records.
    pub(super) fn push_frame(&mut self, frame: SinkFrame, bytes: usize) {
        self.size += OutboxSize { records: frame.frame.len(), bytes };
        self.parcels.push(Parcel(Content::Frame(frame)));
    }

    pub(super) fn clear(&mut self) {
        self.go_back(OutboxMark { parcels: 0, size: OutboxSize::default() });
    }

    /// All of it, in order.
    pub(super) fn drain(&mut self) -> std::vec::Drain<'_, Parcel> {
        self.size = OutboxSize::default();
        self.parcels.drain(..)
    }
}

impl Parcel {
    /// Hands over record by record until one fails: with whom to blame for that, see [`super::Task::refused`].
    pub fn send<E>(&self, mut send: impl FnMut(OutgoingRef<'_>) -> Result<(), E>) -> Result<(), (Origin, E)> {
        match &self.0 {
            Content::Record(record, origin) => send(record.as_ref()).map_err(|error| (*origin, error)),
            Content::Frame(SinkFrame { frame, topic, sink, queue }) => frame.records().try_for_each(|(partition, record)| {
                send(OutgoingRef { topic, partition, record }).map_err(|error| {
                    let cause = Cause::Record { queue: *queue, offset: record.offset };
                    (Origin { cause, node: *sink, letter: false }, error)
                })
            }),
        }
    }
}

impl std::ops::AddAssign for OutboxSize {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.bytes += other.bytes;
    }
}

impl std::ops::Sub for OutboxSize {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { records: self.records - other.records, bytes: self.bytes - other.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::packed_frame::write;
    use crate::node::{Caused, Frame, Output, SourceRecord};
    use crate::record::{Offset, Record, Timestamp};

    /// The record that stands at an index of a frame's; its size is 3.
    fn record(number: usize) -> Record {
        Record { value: Some(format!("{number:03}").into()), ..Record::default() }
    }

    fn outbox() -> Outbox {
        let topic: Arc<str> = "out".into();
        let sources: Vec<_> = [10, 20].map(|offset| SourceRecord { offset, stream_time: Timestamp(0) }).into();
        let causes = vec![0, 1, 1];
        let output = |number| Output { slot: 0, partition: None, record: record(number) };
        let outputs: Vec<_> = causes.iter().zip(0..).map(|(&cause, number)| Caused { cause, output: output(number) }).collect();
        let mut bytes = Vec::new();
        write(Frame::given(0, &outputs, &[sources[0]; 2]), &mut bytes);
        let mut frame = PackedFrame::new(bytes, causes, Some(0), false);
        frame.tell_causes(&sources);
        let mut outbox = Outbox::default();
        let alone = OutgoingRecord { topic: topic.clone(), partition: Some(3), record: record(7) };
        outbox.push(alone, Origin { cause: Cause::Punctuation(4), node: 5, letter: true });
        outbox.push_frame(SinkFrame { frame, topic, sink: 2, queue: 6 }, 9);
        outbox
    }

    #[test]
    fn a_refused_record_of_a_frame_is_blamed_on_its_cause() {
        let of_frame = |offset: Offset| Origin { cause: Cause::Record { queue: 6, offset }, node: 2, letter: false };
        let alone = Origin { cause: Cause::Punctuation(4), node: 5, letter: true };
        for (refused, blamed) in [(7, Some(alone)), (0, Some(of_frame(10))), (1, Some(of_frame(20))), (2, Some(of_frame(20))), (9, None)] {
            let mut sent = Vec::new();
            let result = outbox().drain().try_for_each(|parcel| {
                parcel.send(|outgoing| {
                    sent.push((outgoing.partition, outgoing.record.copied()));
                    if outgoing.record.value == record(refused).value.as_deref() { Err(()) } else { Ok(()) }
                })
            });
            assert_eq!(result.err().map(|(origin, ())| origin), blamed);
            let all: [_; 4] = [(Some(3), record(7)), (None, record(0)), (None, record(1)), (None, record(2))];
            assert!(all.starts_with(&sent) && (blamed.is_some() || sent.len() == 4), "{sent:?}");
        }
    }

    #[test]
    fn it_goes_back_to_where_it_was() {
        let mut outbox = outbox();
        assert_eq!(outbox.size(), OutboxSize { records: 4, bytes: 12 });
        let mark = outbox.mark();
        outbox.push(
            OutgoingRecord { topic: "out".into(), partition: None, record: record(8) },
            Origin { cause: Cause::Punctuation(0), node: 0, letter: false },
        );
        outbox.go_back(mark);
        assert_eq!((outbox.size(), outbox.drain().count()), (OutboxSize { records: 4, bytes: 12 }, 2));
        assert_eq!(outbox.size(), OutboxSize::default());
    }
}
