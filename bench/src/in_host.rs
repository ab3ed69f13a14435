//! What `bench_filter_map.wasm` does, without a sandbox: the same records, in the same frames.

use bytes::Bytes;
use cofferdam::error::Diagnostic;
use cofferdam::limits;
use cofferdam::node::{Caused, Failure, Frame, Lent, Node, Output, VersionId};
use cofferdam::record::{Record, RecordRef, Timestamp};
use cofferdam::runtime::NodeFactory;
use cofferdam::topology::{NodeIx, TaskId};

/// Makes such nodes, whatever the manifest says.
pub struct InHost;

impl NodeFactory for InHost {
    fn make(&self, _: NodeIx, _: VersionId, _: &TaskId, _: &mut Lent) -> Result<Box<dyn Node>, Diagnostic> {
        Ok(Box::new(FilterMap))
    }
}

struct FilterMap;

impl Node for FilterMap {
    fn process(&mut self, _: &mut Lent, _: u32, record: Record, outputs: &mut Vec<Output>) -> Result<(), Failure> {
        let mut marked = Marked::default();
        marked.add(0, RecordRef::from(&record));
        outputs.extend(marked.outputs().map(|caused| caused.output));
        Ok(())
    }

    fn frame_records(&self) -> usize {
        limits::FRAME_RECORDS
    }

    fn process_frame(&mut self, _: &mut Lent, frame: Frame<'_>, outputs: &mut Vec<Caused>) -> Result<(), Failure> {
        let mut marked = Marked::default();
        frame.iter().for_each(|incoming| marked.add(incoming.cause, incoming.record));
        outputs.extend(marked.outputs());
        Ok(())
    }

    fn punctuate(&mut self, _: &mut Lent, _: &str, _: Timestamp, _: &mut Vec<Output>) -> Result<(), Failure> {
        Ok(())
    }

    fn after_commit(&mut self, _: &mut Lent) -> Result<(), Failure> {
        Ok(())
    }

    fn close(&mut self, _: &mut Lent) {}
}

/// The records that pass, of one frame: their bytes share one piece of memory.
#[derive(Default)]
struct Marked<'a> {
    bytes: Vec<u8>,
    passed: Vec<Passed<'a>>,
}

struct Passed<'a> {
    cause: u32,
    record: RecordRef<'a>,
    /// Where its key and its value end.
    key: usize,
    value: usize,
}

impl<'a> Marked<'a> {
    /// Adds a record, if it passes.
    fn add(&mut self, cause: u32, record: RecordRef<'a>) {
        let Some(value) = record.value.filter(|value| value.get(15).is_some_and(|byte| byte % 2 == 0)) else { return };
        self.bytes.extend_from_slice(record.key.unwrap_or_default());
        let key = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.bytes.push(b'!');
        self.passed.push(Passed { cause, record, key, value: self.bytes.len() });
    }

    fn outputs(self) -> impl Iterator<Item = Caused> {
        let (bytes, mut begin) = (Bytes::from(self.bytes), 0);
        self.passed.into_iter().map(move |Passed { cause, record, key, value }| {
            let first = std::mem::replace(&mut begin, value);
            let made = Record {
                key: record.key.map(|_| bytes.slice(first..key)),
                value: Some(bytes.slice(key..value)),
                timestamp: record.timestamp,
                headers: record.headers.copied(),
                change: record.change.cloned(),
            };
            Caused { cause, output: Output { slot: 0, partition: None, record: made } }
        })
    }
}
