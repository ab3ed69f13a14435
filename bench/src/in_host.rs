//! What `bench_filter_map.wasm` does, without a sandbox: the same records, in the same frames.

use bytes::Bytes;
use cofferdam::error::Diagnostic;
use cofferdam::limits;
use cofferdam::node::{Caused, Failure, Frame, Lent, Node, Output, VersionId};
use cofferdam::record::{Record, Timestamp};
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
        outputs.extend(marked(&record).map(output));
        Ok(())
    }

    fn frame_records(&self) -> usize {
        limits::FRAME_RECORDS
    }

    fn process_frame(&mut self, _: &mut Lent, frame: Frame<'_>, outputs: &mut Vec<Caused>) -> Result<(), Failure> {
        for (cause, record) in frame.causes().zip(frame.records()) {
            outputs.extend(marked(&record).map(|record| Caused { cause, output: output(record) }));
        }
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

fn output(record: Record) -> Output {
    Output { slot: 0, partition: None, record }
}

fn marked(record: &Record) -> Option<Record> {
    let value = record.value.as_ref().filter(|value| value.get(15).is_some_and(|byte| byte % 2 == 0))?;
    let mut marked = Vec::with_capacity(value.len() + 1);
    marked.extend_from_slice(value);
    marked.push(b'!');
    Some(Record { value: Some(Bytes::from(marked)), ..record.clone() })
}
