//! Frames on their way to a guest, and back.

use std::hint::black_box;

use cofferdam::node::{Caused, Frame, Output, SourceRecord};
use cofferdam::record::{Record, Timestamp};
use cofferdam::sandbox::bench::{FrameReader, write_frame};

use crate::Case;
use crate::data::{record, record_with_headers};

/// A run of records, each of a source record of its own.
pub(crate) struct Run {
    pub(crate) records: Vec<Caused>,
    pub(crate) causes: Vec<SourceRecord>,
}

impl Run {
    pub(crate) fn new(count: usize, record: fn(usize) -> Record) -> Self {
        let output = |number| Output { slot: 0, partition: None, record: record(number) };
        let records = (0..count).zip(0..).map(|(number, cause)| Caused { cause, output: output(number) });
        let causes = (0..count).map(|number| SourceRecord { offset: number as u64, stream_time: Timestamp(number as i64) });
        Self { records: records.collect(), causes: causes.collect() }
    }

    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame::given(0, &self.records, &self.causes)
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (count, what, record) in [(1, "", record as fn(usize) -> Record), (256, "", record), (256, " with headers", record_with_headers)] {
        cases.push(write(format!("frame/write {count}{what}"), Run::new(count, record)));
        cases.push(read(format!("frame/read {count}{what}"), &Run::new(count, record)));
        cases.push(pass_on(format!("frame/pass on {count}{what}"), Run::new(count, record)));
    }
    cases
}

fn write(name: String, run: Run) -> Case {
    let mut bytes = Vec::new();
    Case::new(name, run.records.len(), move || {
        bytes.clear();
        write_frame(black_box(run.frame()), &mut bytes);
        black_box(&bytes);
    })
}

/// Offsets count from 0 and there is no port: so what goes to a guest is also what one may give that passes everything on.
fn read(name: String, run: &Run) -> Case {
    let (frame, reader, causes) = given(run);
    let mut outputs = Vec::new();
    Case::new(name, causes.len(), move || {
        outputs.clear();
        reader.read(&causes, black_box(&frame).clone(), &mut outputs).expect("the frame is whole");
        assert_eq!(outputs.len(), causes.len());
    })
}

/// From one guest to the next.
fn pass_on(name: String, run: Run) -> Case {
    let (frame, reader, causes) = given(&run);
    Case::new(name, causes.len(), move || {
        let passed = reader.pass_on(&causes, black_box(&frame).clone(), &run.causes).expect("the frame is whole");
        assert_eq!(passed.len(), causes.len());
    })
}

fn given(run: &Run) -> (Vec<u8>, FrameReader, Vec<u32>) {
    let mut frame = Vec::new();
    write_frame(run.frame(), &mut frame);
    (frame, FrameReader::without_ports(), run.records.iter().map(|incoming| incoming.cause).collect())
}
