//! Frames against records one by one: the same outputs, the same state. And what frames save.

use serde::Deserialize;

use super::*;
use crate::{
    Access, Cell, Description, Entries, Entry, Headers, Json, KeyValue, KeyValueReader, NoConfig, Record, SessionStore, Text,
    VersionedStore, WindowStore,
};

/// SplitMix64: a test says its seed, and fails again.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    fn key(&mut self) -> String {
        format!("k{}", self.below(12))
    }

    /// Now and then so large that an iterator needs more than one chunk, and rarely too large for the view.
    fn value(&mut self) -> String {
        let long = match self.below(120) {
            0 => 500_000,
            1..15 => 5_000,
            _ => 4,
        };
        "v".repeat(self.below(long)) + &self.below(10).to_string()
    }
}

/// What a record makes the processor do; it forwards what it sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Op {
    Get(String),
    GetAgain(String),
    GetOwn,
    GetMany(Vec<String>),
    Put(String, String),
    PutAt(String, String, Timestamp),
    PutIfAbsent(String, String),
    PutMany(Vec<(String, Option<String>)>),
    Delete(String),
    Count,
    Range(String, String),
    Prefix(String),
    /// Puts and deletes while it looks at all entries.
    ChangeAll(String, String),
    /// Put (or, none, delete) into the window that begins there; then show what is kept.
    Window(String, Timestamp, Option<String>),
    Session(String, Timestamp, Option<String>),
    Version(String, Timestamp, Option<String>),
    Cell,
    ClearCell,
    Where,
    Port(String),
    Flush,
    Fail,
}

impl Op {
    fn random(dice: &mut Dice) -> Self {
        let time = |dice: &mut Dice| dice.below(1_000) as Timestamp;
        let maybe = |dice: &mut Dice| (dice.below(4) > 0).then(|| dice.value());
        match dice.below(32) {
            0..3 => Self::Get(dice.key()),
            3 => Self::GetAgain(dice.key()),
            4..7 => Self::GetOwn,
            7 => Self::GetMany((0..dice.below(6)).map(|_| dice.key()).collect()),
            8..12 => Self::Put(dice.key(), dice.value()),
            12 => Self::PutAt(dice.key(), dice.value(), dice.below(100) as i64),
            13 => Self::PutIfAbsent(dice.key(), dice.value()),
            14 => Self::PutMany((0..dice.below(5)).map(|_| (dice.key(), (dice.below(3) > 0).then(|| dice.value()))).collect()),
            15 => Self::Delete(dice.key()),
            16 => Self::Count,
            17 => Self::Range(dice.key(), dice.key()),
            18 => Self::Prefix("k1".into()),
            19 => Self::ChangeAll(dice.key(), dice.value()),
            20 | 21 => Self::Cell,
            22 => Self::Where,
            23 => Self::Port(["late", "", "late"][dice.below(3)].into()),
            24 => Self::Flush,
            25 | 26 => Self::Window(dice.key(), time(dice), maybe(dice)),
            27 | 28 => Self::Session(dice.key(), time(dice), maybe(dice)),
            29 | 30 => Self::Version(dice.key(), time(dice), maybe(dice)),
            _ => [Self::ClearCell, Self::Fail, Self::Port("lost".into()), Self::Cell][dice.below(4)].clone(),
        }
    }
}

struct Script {
    rows: KeyValue<String, String>,
    again: KeyValueReader<String, Bytes>,
    cell: Cell<Text<u64>>,
    windows: WindowStore<String, String>,
    sessions: SessionStore<String, String>,
    versions: VersionedStore<String, String>,
}

impl Processor for Script {
    type Config = NoConfig;
    type Input = Record<Option<String>, Json<Vec<Op>>>;

    fn describe() -> Description {
        let rows = Description::new("").store("rows", Access::ReadWrite, "").port("late", "");
        let timed = rows.window_store("windows", Access::ReadWrite, "").session_store("sessions", Access::ReadWrite, "");
        timed.versioned_store("versions", Access::ReadWrite, "")
    }

    fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
        let (windows, sessions) = (setup.window_store("windows")?, setup.session_store("sessions")?);
        let (versions, cell) = (setup.versioned_store("versions")?, setup.cell("seen"));
        Ok(Self { again: setup.read_key_value("rows")?, rows: setup.key_value("rows")?, cell, windows, sessions, versions })
    }

    fn process(&mut self, record: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        let Record { key, value: Json(ops), .. } = record;
        for op in &ops {
            let seen = self.run(op, key.as_deref(), ctx)?;
            if !seen.is_empty() {
                ctx.forward((&key, seen))?;
            }
        }
        Ok(())
    }
}

impl Script {
    fn run(&self, op: &Op, own: Option<&str>, ctx: &mut Context) -> Result<String, Failure> {
        let shown = |row: Option<(String, Timestamp)>| format!("{row:?}");
        match op {
            Op::Get(key) => return Ok(shown(self.rows.get_row(key)?)),
            Op::GetAgain(key) => return Ok(format!("{:?}", self.again.get_row(key)?)),
            Op::GetOwn => return Ok(own.map(|key| self.rows.get_row(key)).transpose()?.map_or(String::new(), shown)),
            Op::GetMany(keys) => return Ok(format!("{:?}", self.rows.get_many(keys.iter().map(String::as_str))?)),
            Op::Put(key, value) => self.rows.put(key, value)?,
            Op::PutAt(key, value, at) => self.rows.put_at(key, value, *at)?,
            Op::PutIfAbsent(key, value) => return Ok(format!("{:?}", self.rows.put_if_absent(key, value)?)),
            Op::PutMany(writes) => self.rows.put_many(writes.iter().map(|(key, value)| (key.as_str(), value.clone())))?,
            Op::Delete(key) => self.rows.delete(key)?,
            Op::Count => return Ok(self.again.approximate_count().to_string()),
            Op::Range(from, to) => return listed(self.rows.range_descending(from.clone()..=to.clone())?),
            Op::Prefix(prefix) => return listed(self.rows.prefix(prefix.as_bytes())),
            Op::ChangeAll(key, value) => return self.change_all(key, value),
            Op::Window(key, start, value) => {
                match value {
                    Some(value) => self.windows.put(key, *start, value)?,
                    None => self.windows.delete(key, *start)?,
                }
                return shown_all(self.windows.fetch(key, start - 300..=start + 300)?.chain(self.windows.scan_descending(0..=*start)));
            }
            Op::Session(key, end, value) => {
                match value {
                    Some(value) => self.sessions.put(key, end - 10, *end, value)?,
                    None => self.sessions.delete(key, end - 10, *end)?,
                }
                return shown_all(self.sessions.find(key, end - 300, end + 300)?.chain(self.sessions.scan(*end..=2 * end)));
            }
            Op::Version(key, from, value) => {
                let put = match value {
                    Some(value) => self.versions.put(key, value, *from)?,
                    None => self.versions.remove(key, *from)?,
                };
                let kept = shown_all(self.versions.history(key, from - 300..=from + 300)?)?;
                return Ok(format!("{put:?} {:?} {kept}", self.versions.get_as_of(key, from - 100)?));
            }
            Op::Cell => {
                let seen = self.cell.get()?.map_or(0, |seen| *seen) + 1;
                self.cell.put(&Text(seen))?;
                return Ok(seen.to_string());
            }
            Op::ClearCell => self.cell.clear(),
            Op::Where => return Ok(format!("{:?} {:?} {}", ctx.position(), ctx.stream_time(), ctx.timestamp())),
            Op::Port(port) => ctx.forward_to(port, ("to", port.as_str()))?,
            Op::Flush => ctx.flush(),
            Op::Fail => return Err(Failure::bad_record("as told")),
        }
        Ok(String::new())
    }

    fn change_all(&self, key: &str, value: &str) -> Result<String, Failure> {
        let mut seen = String::new();
        for entry in self.rows.all() {
            let Entry { key: found, value: held, timestamp } = entry?;
            seen += &format!("{found}={}@{timestamp} ", held.len());
            self.rows.put(&format!("{found}+"), &value.to_owned())?;
            self.rows.delete(key)?;
            // Not without end: the keys that were just put come later.
            if found.ends_with("++") {
                self.rows.delete(&found)?;
                self.rows.delete(&format!("{found}+"))?;
            }
        }
        Ok(seen)
    }
}

fn shown_all<T: std::fmt::Debug>(rows: impl Iterator<Item = Result<T, Failure>>) -> Result<String, Failure> {
    rows.map(|row| row.map(|row| format!("{row:?}"))).collect()
}

fn listed(entries: Entries<'_, String, String>) -> Result<String, Failure> {
    entries.map(|entry| entry.map(|entry| format!("{}={}@{} ", entry.key, entry.value.len(), entry.timestamp))).collect()
}

type Scripted = Record<Option<String>, Json<Vec<Op>>>;

fn records(dice: &mut Dice) -> Vec<Scripted> {
    let one = |dice: &mut Dice| {
        let ops = (0..dice.below(6)).map(|_| Op::random(dice)).collect();
        let mut record = Record::new((dice.below(6) > 0).then(|| dice.key()), Json(ops), dice.below(1_000) as i64);
        if dice.below(4) == 0 {
            record.headers.push("trace", format!("{}", dice.below(100)));
        }
        record
    };
    (0..dice.below(60) + 1).map(|_| one(dice)).collect()
}

/// All records in frames, each record of a frame that fails alone again: as the host does.
fn in_frames(test: &mut TestContext<Script>, records: &[Scripted], dice: &mut Dice) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut left = records;
    while !left.is_empty() {
        let (frame, rest) = left.split_at(1 + dice.below(left.len()));
        left = rest;
        let (offset, stream_time) = (test.offset, test.backend.stream_time());
        if test.process_frame(frame.iter().cloned()).is_err() {
            test.offset = offset;
            test.backend.0.borrow_mut().stream_time = stream_time;
            failures.extend(frame.iter().filter_map(|record| test.process(record.clone()).err()));
        }
    }
    failures
}

#[test]
fn frames_give_and_leave_what_single_records_do() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let records = records(&mut dice);
        let (ms, config) = (Duration::from_millis(1), serde_json::json!({}));
        let (windows, sessions) = (StoreShape::window(ms, ms * 500).duplicates(), StoreShape::session(ms * 500));
        let shapes = [("windows", windows), ("sessions", sessions), ("versions", StoreShape::versioned(ms * 500))];
        let mut typed = TestContext::<Script>::with_stores(&config, shapes).unwrap();
        let expected: Vec<Failure> = records.iter().filter_map(|record| typed.process_typed(record.clone()).err()).collect();
        let mut packed = TestContext::<Script>::with_stores(&config, shapes).unwrap();
        let failures = in_frames(&mut packed, &records, &mut dice);
        assert_eq!(failures, expected, "seed {seed}");
        assert_eq!(packed.raw_outputs(), typed.raw_outputs(), "seed {seed}");
        assert_eq!(packed.backend.0.borrow().state, typed.backend.0.borrow().state, "seed {seed}");
    }
}

/// Counts its records by key.
struct Count {
    counts: KeyValue<String, u64>,
}

impl Processor for Count {
    type Config = NoConfig;
    type Input = Record<String, String>;

    fn describe() -> Description {
        Description::new("").store("counts", Access::ReadWrite, "")
    }

    fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
        Ok(Self { counts: setup.key_value("counts")? })
    }

    fn process(&mut self, record: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        let key = if record.value == "other" { "another key" } else { &record.key };
        let count = self.counts.get(key)?.unwrap_or(0) + 1;
        self.counts.put(key, &count)?;
        if record.value == "bad" { Err(Failure::bad_record("bad")) } else { ctx.forward((key, count)) }
    }
}

fn numbered(keys: std::ops::Range<usize>, value: &'static str) -> impl Iterator<Item = Record<String, &'static str>> {
    keys.map(move |key| Record::new(format!("key-{key}"), value, key as i64))
}

/// Calls of the host for the stores' sake while a frame is processed.
fn store_calls(test: &mut TestContext<Count>, records: impl Iterator<Item = Record<String, &'static str>>) -> usize {
    test.backend.0.borrow_mut().store_calls = 0;
    test.process_frame(records).unwrap();
    test.backend.0.borrow().store_calls
}

#[test]
fn a_frame_costs_one_read_and_one_write_once_the_processor_is_known() {
    let mut test = TestContext::<Count>::new().unwrap();
    let first = store_calls(&mut test, numbered(0..256, "x"));
    assert!(first <= 9, "{first} calls: windows of 2, 4, .. 128, the rest and one write");
    assert_eq!(store_calls(&mut test, numbered(100..356, "x")), 2);
    assert_eq!(store_calls(&mut test, numbered(7..8, "x")), 2);
    let counts = test.store::<String, u64>("counts");
    assert_eq!(counts.get_many(["key-99", "key-100", "key-355", "key-356"]), Ok(vec![Some(1), Some(2), Some(1), None]));
    assert_eq!(counts.get_row("key-120"), Ok(Some((2, 120))), "a row has the time of its record");
}

#[test]
fn one_hot_key_is_read_once_and_written_once() {
    let mut test = TestContext::<Count>::new().unwrap();
    let hot = (0..1_000).map(|time| Record::new("hot".to_owned(), "x", time));
    assert_eq!(store_calls(&mut test, hot), 2);
    assert_eq!(test.store::<String, u64>("counts").get_row("hot"), Ok(Some((1_000, 999))));
}

#[test]
fn other_keys_than_the_records_own_are_not_fetched_ahead() {
    let mut test = TestContext::<Count>::new().unwrap();
    assert_eq!(store_calls(&mut test, numbered(0..100, "other")), 2);
    assert_eq!(test.store::<String, u64>("counts").get("another key"), Ok(Some(100)));
}

#[test]
fn a_frame_that_fails_leaves_nothing_behind() {
    let mut test = TestContext::<Count>::new().unwrap();
    test.process_frame(numbered(0..3, "x")).unwrap();
    test.raw_outputs();
    let failing = numbered(0..5, "x").chain(numbered(2..3, "bad"));
    assert_eq!(test.process_frame(failing), Err(Failure::bad_record("bad")));
    assert!(test.raw_outputs().is_empty());
    test.process_frame(numbered(1..2, "x")).unwrap();
    assert_eq!(test.outputs::<String, u64>().unwrap().iter().map(|record| record.value).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_broken_frame_leaves_nothing_behind() {
    let mut test = TestContext::<Count>::new().unwrap();
    let mut records = test.records();
    numbered(0..3, "x").for_each(|record| records.push(0, 0, record).unwrap());
    let mut frame = records.frame.take();
    frame.pop();
    let failure = test.runner.process_frame(frame.into()).unwrap_err();
    assert_eq!(failure, Failure::fatal("the host's frame is broken: its lengths do not add up to its size"));
    test.process_frame(numbered(1..2, "x")).unwrap();
    assert_eq!(test.outputs::<String, u64>().unwrap().iter().map(|record| record.value).collect::<Vec<_>>(), [1]);
}

#[test]
fn more_rows_than_a_view_holds_are_written_in_parts() {
    let mut test = TestContext::<Count>::new().unwrap();
    test.process_frame(numbered(0..20_000, "x")).unwrap();
    test.process_frame(numbered(0..20_000, "x").chain(numbered(0..20_000, "x"))).unwrap();
    let counts = test.store::<String, u64>("counts");
    assert!(counts.all().all(|entry| entry.unwrap().value == 3));
    assert_eq!(counts.approximate_count(), 20_000);
}

#[test]
fn headers_go_from_a_record_to_its_own_outputs_alone() {
    let mut test = TestContext::<Count>::new().unwrap();
    let mut first = Record::new("a".to_owned(), "x", 1);
    first.headers.push("trace", "7f");
    test.process_frame([first.clone(), Record::new("b".to_owned(), "x", 2)]).unwrap();
    let headers: Vec<Headers> = test.raw_outputs().into_iter().map(|output| output.record.headers).collect();
    assert_eq!(headers, [first.headers, Headers::default()]);
}
