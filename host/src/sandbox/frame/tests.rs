use proptest::prelude::*;

use bytes::Bytes;

use super::*;
use crate::node::packed_frame::{ENTRY_BYTES, HEAD_BYTES, LATE, write};
use crate::node::{Caused, Frame, Output, SourceRecord};
use crate::record::{Header, Previous, Record, Timestamp};
use crate::sandbox::NodeLimits;

fn setup(outputs: usize) -> NodeSetup {
    let limits = NodeLimits { outputs, ..NodeLimits::default() };
    NodeSetup { ports: vec!["left".into(), "right".into()], limits, ..NodeSetup::nobodys() }
}

fn part() -> impl Strategy<Value = Option<Bytes>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..6).prop_map(Bytes::from))
}

fn record() -> impl Strategy<Value = Record> {
    let change = prop::option::of((part(), any::<bool>()).prop_map(|(value, latest)| Previous { value, latest }));
    (part(), part(), 0..i64::MAX, prop::collection::vec(("[a-zé]{0,3}", part()), 0..3), change).prop_map(
        |(key, value, timestamp, headers, change)| Record {
            key,
            value,
            timestamp: Timestamp(timestamp),
            headers: headers.iter().map(|(name, value)| Header { name, value: value.as_deref() }).collect(),
            change,
        },
    )
}

/// As the host gives them: two entries for each source record.
fn written(records: &[Record]) -> (Vec<u8>, Vec<Caused>) {
    let output = |record: &Record| Output { slot: 0, partition: None, record: record.clone() };
    let incoming: Vec<Caused> = records.iter().zip(0..).map(|(record, at)| Caused { cause: at / 2, output: output(record) }).collect();
    let mut bytes = Vec::new();
    write(Frame::given(1, &incoming, &sources(records.len())), &mut bytes);
    (bytes, incoming)
}

fn sources(count: usize) -> Vec<SourceRecord> {
    (0..count).map(|at| SourceRecord { offset: 100 + at as u64, stream_time: Timestamp(at as i64) }).collect()
}

/// Makes outputs of the entries of a table: by the port `slot`, and to the partition that `route` says.
fn passed_on(mut frame: Vec<u8>, slot: u32, route: u32) -> Bytes {
    let (entries, _) = frame[HEAD_BYTES..].as_chunks_mut::<ENTRY_BYTES>();
    for (at, entry) in entries.iter_mut().enumerate() {
        entry[8..16].fill(0);
        entry[16..24].copy_from_slice(&(at as u64).to_le_bytes());
        entry[24..28].copy_from_slice(&slot.to_le_bytes());
        let late = u32::from_le_bytes(entry[44..48].try_into().unwrap()) & LATE;
        entry[44..48].copy_from_slice(&(route | late).to_le_bytes());
    }
    frame.into()
}

fn read(setup: &NodeSetup, causes: &[u32], frame: &Bytes) -> Result<Vec<Caused>, Failure> {
    let mut outputs = Vec::new();
    Taken::default().check(setup, causes, frame.to_vec(), true)?.unpack(&mut outputs);
    Ok(outputs)
}

proptest! {
    #[test]
    fn what_is_passed_on_comes_out_as_it_went_in(records in prop::collection::vec(record(), 0..8), slot in 0..3_u32, route in 0..5_u32) {
        let (frame, incoming) = written(&records);
        let (table, data) = frame.split_at(HEAD_BYTES + records.len() * ENTRY_BYTES);
        let mut frame = passed_on(table.to_vec(), slot, route).to_vec();
        frame.extend_from_slice(data);
        let causes: Vec<u32> = incoming.iter().map(|incoming| incoming.cause).collect();
        let outputs = read(&setup(usize::MAX), &causes, &frame.into()).unwrap();
        let expected: Vec<Caused> = incoming
            .into_iter()
            .map(|Caused { cause, output }| Caused { cause, output: Output { slot, partition: route.checked_sub(1), ..output } })
            .collect();
        prop_assert_eq!(outputs, expected);
    }

    #[test]
    fn what_goes_on_in_one_piece_is_what_would_be_written(records in prop::collection::vec(record(), 0..8), route in 0..5_u32, input in 0..3_u32) {
        let (frame, incoming) = written(&records);
        let (table, data) = frame.split_at(HEAD_BYTES + records.len() * ENTRY_BYTES);
        let mut frame = passed_on(table.to_vec(), 2, route).to_vec();
        frame.extend_from_slice(data);
        let causes: Vec<u32> = incoming.iter().map(|incoming| incoming.cause).collect();
        let mut packed = Taken::default().check(&setup(usize::MAX), &causes, frame, true).unwrap();
        prop_assert_eq!(packed.goes_by(2, true), !records.is_empty());
        prop_assert_eq!(packed.goes_by(2, false), !records.is_empty() && records.iter().all(|record| record.change.is_none()));
        prop_assert!(!packed.goes_by(1, true));
        packed.tell_causes(&sources(records.len()));
        let to_sink: Vec<_> = packed.records().map(|(partition, record)| (partition, record.offset, record.copied())).collect();
        let plain = |Caused { cause, output }: &Caused| (route.checked_sub(1), 100 + u64::from(*cause), Record { change: None, ..output.record.clone() });
        prop_assert_eq!(to_sink, incoming.iter().map(plain).collect::<Vec<_>>());
        packed.address(input, &sources(records.len()));
        let mut expected = Vec::new();
        write(Frame::given(input, &incoming, &sources(records.len())), &mut expected);
        prop_assert_eq!(packed.bytes(), expected);
        prop_assert_eq!(packed.first(), incoming.first().map(|first| (first.cause, first.output.record.timestamp)));
    }

    #[test]
    fn a_hostile_frame_is_an_error_or_holds_each_byte_once(
        records in prop::collection::vec(record(), 0..4),
        wrong in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (mut frame, incoming) = written(&records);
        for (at, byte) in wrong {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        if let Some(cut) = cut {
            frame.truncate(cut.index(frame.len()));
        }
        let causes: Vec<u32> = incoming.iter().map(|incoming| incoming.cause).collect();
        let frame = Bytes::from(frame);
        if let Ok(outputs) = read(&setup(usize::MAX), &causes, &frame) {
            let part = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
            let headers = |record: &Record| record.headers.iter().map(|h| 8 + h.name.len() + h.value.map_or(0, <[u8]>::len)).sum::<usize>();
            let bytes = |Caused { output: Output { record, .. }, .. }: &Caused| {
                part(&record.key) + part(&record.value) + record.change.as_ref().map_or(0, |c| part(&c.value)) + headers(record)
            };
            prop_assert_eq!(outputs.iter().map(bytes).sum::<usize>(), frame.len() - HEAD_BYTES - outputs.len() * ENTRY_BYTES);
        }
    }
}

#[test]
fn broken_frames_are_refused() {
    let (one, _) = written(&[Record { key: Some("k".into()), ..Record::default() }]);
    let with = |at: usize, bytes: &[u8]| {
        let mut frame = passed_on(one[..HEAD_BYTES + ENTRY_BYTES].to_vec(), 0, 0).to_vec();
        frame.extend_from_slice(b"k");
        frame[at..at + bytes.len()].copy_from_slice(bytes);
        Bytes::from(frame)
    };
    let refused = |frame: &Bytes| read(&setup(2), &[0], frame).unwrap_err().to_string();
    assert!(read(&setup(2), &[0], &with(0, b"")).is_ok());
    assert_eq!(refused(&Bytes::new()), "a frame ends before its table does");
    assert_eq!(refused(&with(4, &[255; 4])), "a frame ends before its table does");
    assert_eq!(refused(&with(0, b"CDF2")), "a frame does not begin as frames do");
    assert_eq!(refused(&with(HEAD_BYTES + 28, &[2])), "the lengths of a frame do not add up to its bytes");
    assert_eq!(refused(&with(HEAD_BYTES + 16, &[1])), "an output of a frame has an origin that is not there, or not in order");
    assert_eq!(refused(&with(HEAD_BYTES + 24, &[3])), "output to port number 3, but this node declares 2");
    assert_eq!(refused(&with(HEAD_BYTES, &[255; 8])), "an output has the timestamp -1; it may not be negative");
    assert_eq!(read(&setup(0), &[0], &with(0, b"")).unwrap_err().to_string(), "more than 0 outputs of one call (`limits.outputs`)");
}

#[test]
fn the_corpus_of_the_fuzzer_is_read_to_its_end() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/frame");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 24, "{files:?}");
    files.iter().for_each(|file| read_any(&std::fs::read(file).unwrap()));
}
