use super::*;
use crate::codec::{CodecError, Encode};
use crate::headers::Header;
use crate::output::{Current, Draft, Outgoing};
use crate::record::{Previous, RawRecord};
use crate::testing::Dice;

fn bytes(dice: &mut Dice) -> Option<Bytes> {
    let length = dice.below(4).checked_sub(1)? * dice.below(30);
    Some((0..length).map(|_| dice.below(256) as u8).collect())
}

fn record(dice: &mut Dice) -> RawRecord {
    let header = |dice: &mut Dice| Header { name: format!("h{}", dice.below(9)), value: bytes(dice).map(Vec::from) };
    let headers: Vec<Header> = (0..dice.below(4) / 2).map(|_| header(dice)).collect();
    let change = (dice.below(3) == 0).then(|| Previous { value: bytes(dice), latest: dice.below(2) == 0 });
    RawRecord { key: bytes(dice), value: bytes(dice), timestamp: dice.below(1_000) as i64 - 500, headers: headers.into(), change }
}

fn write(records: &[RawRecord], expected: usize) -> Vec<u8> {
    let mut frame = FrameWriter::default();
    frame.reset(expected, 100);
    for (index, record) in records.iter().enumerate() {
        let current = Current { cursor: Cursor { index, at: 0 }, ..Current::default() };
        let mut draft = Draft::begin(&mut frame, current, index as u32 % 3);
        record.clone().write(&mut draft).unwrap();
        draft.end();
    }
    frame.take()
}

fn try_read(frame: &Frame) -> Result<Vec<(Entry, RawRecord)>, &'static str> {
    let mut records = frame.records();
    let read = records.by_ref().map(|(_, record)| (record.entry(), record.into_raw())).collect();
    records.end().map(|()| read)
}

fn read_all(frame: &Frame) -> Vec<(Entry, RawRecord)> {
    try_read(frame).unwrap()
}

#[test]
fn what_was_written_is_read_whatever_was_expected() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let records: Vec<RawRecord> = (0..dice.below(20)).map(|_| record(&mut dice)).collect();
        let packed = write(&records, dice.below(40));
        let frame = Frame::read(packed.clone().into()).unwrap();
        let (entries, read): (Vec<Entry>, Vec<RawRecord>) = read_all(&frame).into_iter().unzip();
        assert_eq!(read, records, "seed {seed}");
        assert!(entries.iter().enumerate().all(|(index, entry)| (entry.origin, entry.slot) == (index as u64, index as u32 % 3)));
        // Headers that were never looked at go out as they came in.
        assert_eq!(write(&read, records.len()), packed, "seed {seed}");
    }
}

#[test]
fn what_is_larger_than_a_part_is_one_frame_too() {
    let value = |byte: u8, length: usize| RawRecord { value: Some(vec![byte; length].into()), ..record(&mut Dice(u64::from(byte))) };
    let sizes = [10, writer::PART_BYTES - 1_000, 2_000, writer::PART_BYTES * 2, 0, 7];
    let records: Vec<RawRecord> = sizes.iter().zip(0..).map(|(size, byte)| value(byte, *size)).collect();
    for expected in [1, 100] {
        let packed = write(&records, expected);
        let (entries, read): (Vec<Entry>, Vec<RawRecord>) = read_all(&Frame::read(packed.into()).unwrap()).into_iter().unzip();
        assert!(read == records, "expected {expected}");
        assert!(entries.iter().map(|entry| entry.origin).eq(0..records.len() as u64));
    }
}

#[test]
fn keys_are_found_without_reading_records() {
    let mut dice = Dice(7);
    let records: Vec<RawRecord> = (0..50).map(|_| record(&mut dice)).collect();
    let frame = Frame::read(write(&records, 50).into()).unwrap();
    let mut cursor = frame.first();
    let keys: Vec<Option<&[u8]>> = std::iter::from_fn(|| frame.next_key(&mut cursor)).collect();
    assert_eq!(keys, records.iter().map(|record| record.key.as_deref()).collect::<Vec<_>>());
}

#[test]
fn a_frame_is_laid_out_as_the_contract_says() {
    let mut frame = FrameWriter::default();
    let current = Current { timestamp: 5, cursor: Cursor { index: 3, at: 0 }, ..Current::default() };
    let mut draft = Draft::begin(&mut frame, current, 2);
    ("ab", ()).to_partition(6).write(&mut draft).unwrap();
    draft.end();
    let mut expected = b"CDF1\x01\0\0\0".to_vec();
    [5i64, 0, 3].iter().for_each(|long| expected.extend(long.to_le_bytes()));
    [2u32, 2, NONE, NO_CHANGE, 0, 7].iter().for_each(|word| expected.extend(word.to_le_bytes()));
    expected.extend(b"ab");
    assert_eq!(frame.take(), expected);
    assert_eq!(frame.take(), b"CDF1\0\0\0\0");
}

#[test]
fn a_broken_frame_is_told_or_read_but_never_a_panic() {
    let whole = write(&[record(&mut Dice(1)), record(&mut Dice(2))], 2);
    for end in 0..whole.len() {
        let read = Frame::read(Bytes::copy_from_slice(&whole[..end]));
        assert!(read.is_err() || read.is_ok_and(|frame| try_read(&frame).is_err()), "cut at {end}");
    }
    for at in 0..whole.len() {
        for byte in [0, 1, 0x7f, 0xfe, 0xff] {
            let mut broken = whole.clone();
            broken[at] = byte;
            let Ok(frame) = Frame::read(broken.into()) else { continue };
            let mut cursor = frame.first();
            assert!(std::iter::from_fn(|| frame.next_key(&mut cursor)).count() <= frame.count());
            assert!(frame.records().all(|(here, _)| frame.headers(here).len() < 1_000));
            if let Ok(records) = try_read(&frame) {
                assert!(records.iter().all(|(_, record)| record.headers.len() < 100));
            }
        }
    }
    let magic = Frame::read(Bytes::from(b"CDF2\0\0\0\0"));
    assert_eq!(magic.err(), Some("it begins with another magic number"));
}

/// Fails in the middle of its bytes.
struct Broken;

impl Encode for Broken {
    fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        bytes.extend(b"abc");
        Err(CodecError::new("broken"))
    }
}

#[test]
fn an_output_that_fails_leaves_no_trace() {
    let mut frame = FrameWriter::default();
    let current = Current::default();
    let mut write = |failing: bool| {
        let mut draft = Draft::begin(&mut frame, current, 0);
        if failing {
            assert_eq!(("key", Broken).write(&mut draft).unwrap_err().to_string(), "value of an output: broken");
            draft.discard();
        } else {
            ("key", "value").write(&mut draft).unwrap();
            draft.end();
        }
    };
    [false, true, false, true].into_iter().for_each(&mut write);
    let read = read_all(&Frame::read(frame.take().into()).unwrap());
    assert_eq!(read.iter().map(|(_, record)| record.value.as_deref()).collect::<Vec<_>>(), [Some(&b"value"[..]); 2]);
}
