//! The rules that the test context takes over from the host.

use super::*;
use crate::{Access, Cell, Description, Headers, Inputs, KeyValue, NoConfig, Record, Text, Update};

/// Counts records; logs its schedules; fails on "bad" after it has written.
struct Clockwork {
    count: KeyValue<String, Text<u64>>,
    latest: Cell<i64>,
}

impl Processor for Clockwork {
    type Config = NoConfig;
    type Input = Record<(), String>;

    fn describe() -> Description {
        Description::new("").store("count", Access::ReadWrite, "").port("clock", "what has fired")
    }

    fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
        setup.schedule("stream", Duration::from_secs(1), Clock::StreamTime);
        setup.schedule("wall", Duration::from_millis(700), Clock::WallClock);
        setup.schedule_from("anchored", 250, Duration::from_secs(1), Clock::WallClock);
        Ok(Self { count: setup.key_value("count")?, latest: setup.cell("latest") })
    }

    fn process(&mut self, record: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        let count = self.count.get("all")?.map_or(0, |count| *count) + 1;
        self.count.put("all", &Text(count))?;
        self.latest.put(&record.timestamp)?;
        ctx.forward(("all", Text(count)))?;
        ctx.flush();
        match record.value.as_str() {
            "bad" => {
                ctx.schedule("taken back", Duration::from_secs(1), Clock::StreamTime);
                ctx.cancel("stream");
                Err(Failure::bad_record("bad"))
            }
            "lost" => ctx.forward_to("clocks", ("all", "")),
            "stop" => {
                ctx.cancel("stream");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn punctuate(&mut self, schedule: &str, time: Timestamp, ctx: &mut Context) -> Result<(), Failure> {
        ctx.forward_to("clock", (schedule, Text(time)))
    }
}

fn clock(test: &mut TestContext<Clockwork>) -> Vec<(String, i64, i64)> {
    let fired = test.outputs_of::<String, Text<i64>>("clock").unwrap();
    fired.into_iter().map(|record| (record.key, *record.value, record.timestamp)).collect()
}

#[test]
fn a_failing_record_takes_back_writes_and_outputs() {
    let mut test = TestContext::<Clockwork>::new().unwrap();
    test.process(Record::new((), "good", 5)).unwrap();
    assert_eq!(test.process(Record::new((), "bad", 9)), Err(Failure::bad_record("bad")));
    assert_eq!(test.store::<String, Text<u64>>("count").get_row("all"), Ok(Some((Text(1), 5))));
    assert_eq!(test.cell::<i64>("latest").get(), Ok(Some(5)));
    assert_eq!(test.outputs::<String, Text<u64>>().unwrap().len(), 1);
}

#[test]
fn a_failing_record_takes_back_its_schedules() {
    let mut test = TestContext::<Clockwork>::new().unwrap();
    assert!(test.process(Record::new((), "bad", 9)).is_err());
    test.process(Record::new((), "good", 10)).unwrap();
    let fired = test.outputs_of::<String, Text<i64>>("clock").unwrap();
    assert_eq!(fired.iter().map(|record| record.key.as_str()).collect::<Vec<_>>(), ["stream"]);
}

#[test]
fn a_port_that_is_not_declared_is_refused_as_by_the_host() {
    let mut test = TestContext::<Clockwork>::new().unwrap();
    let refused = Failure::fatal("output to the port 'clocks', which this node does not declare; it has clock");
    assert_eq!(test.process(Record::new((), "lost", 9)), Err(refused));
    assert_eq!(test.cell::<i64>("latest").get(), Ok(None));
    assert!(test.raw_outputs().is_empty());
}

#[test]
fn stream_time_schedules_fire_at_the_first_record_then_on_the_grid() {
    let mut test = TestContext::<Clockwork>::new().unwrap();
    for time in [250, 900, 1_000, 4_200, 4_100, 5_000] {
        test.process(Record::new((), "x", time)).unwrap();
    }
    let fired: Vec<i64> = clock(&mut test).iter().map(|(_, time, _)| *time).collect();
    assert_eq!(fired, [250, 1_000, 4_200, 5_000]);
    test.process(Record::new((), "stop", 9_000)).unwrap();
    assert!(clock(&mut test).is_empty(), "a cancelled schedule does not fire");
}

#[test]
fn wall_clock_schedules_fire_once_however_far_the_clock_moves() {
    let mut test = TestContext::<Clockwork>::new().unwrap();
    let mut at = |seconds: f64| {
        test.advance_wall_clock(Duration::from_secs_f64(seconds)).unwrap();
        clock(&mut test)
    };
    assert_eq!(at(0.25), [("anchored".to_owned(), 250, 250)]);
    assert_eq!(at(0.5), [("wall".to_owned(), 750, 750)]);
    assert_eq!(at(2.25), [("anchored".to_owned(), 3_000, 3_000), ("wall".to_owned(), 3_000, 3_000)]);
    assert_eq!(at(0.25), [("anchored".to_owned(), 3_250, 3_250)]);
    assert_eq!(at(0.25), [("wall".to_owned(), 3_500, 3_500)]);
}

#[test]
fn a_store_that_is_not_described_is_not_given() {
    let mut setup = setup(&["count"]);
    let error = setup.key_value::<String, String>("counts").unwrap_err();
    assert_eq!(error.to_string(), "store `counts` is not given to this node: `describe` names `count`");
}

#[test]
fn ranges_go_both_ways_and_see_writes_made_meanwhile() {
    let store = key_value::<u32, u32>();
    for number in 0..3_000 {
        store.put(&number, &number).unwrap();
    }
    let keys = |entries: crate::Entries<'_, u32, u32>| entries.map(|entry| entry.unwrap().key).collect::<Vec<_>>();
    assert_eq!(keys(store.range(3..6).unwrap()), [3, 4, 5]);
    assert_eq!(keys(store.range_descending(2_997..).unwrap()), [2_999, 2_998, 2_997]);
    #[allow(clippy::reversed_empty_ranges)]
    let inverted = 6..3;
    assert!(keys(store.range(inverted).unwrap()).is_empty());
    let mut all = store.all();
    let first = all.next().unwrap().unwrap();
    store.delete(&2_999).unwrap();
    assert_eq!((first.key, all.count()), (0, 2_998));
}

#[derive(Inputs)]
enum Sides {
    /// Numbers.
    Left(Record<String, Text<i64>>),
    #[role("the-table")]
    Right(Update<String, Text<i64>>),
}

/// Says what came, and by which input.
struct TwoInputs;

impl Processor for TwoInputs {
    type Config = NoConfig;
    type Input = Sides;

    fn init(_: NoConfig, _: &mut Setup) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, input: Sides, ctx: &mut Context) -> Result<(), Failure> {
        let role = ctx.role().unwrap_or_default().to_owned();
        match input {
            Sides::Left(record) => ctx.forward((record.key, Text(*record.value))),
            Sides::Right(update) => {
                let difference = update.value.map_or(0, |now| *now) - update.previous.map_or(0, |then| *then);
                ctx.forward((role, Text(difference)))
            }
        }
    }
}

#[test]
fn each_input_has_its_type() {
    let mut test = TestContext::<TwoInputs>::new().unwrap();
    test.process_input("left", ("a", "7")).unwrap();
    test.process_input("the-table", Update::new("a", Some("5"), Some("3"), 1)).unwrap();
    test.process_input("the-table", Update::new("a", None, Some("5"), 2)).unwrap();
    let outputs = test.outputs::<String, Text<i64>>().unwrap();
    let outputs: Vec<_> = outputs.iter().map(|record| (record.key.as_str(), *record.value)).collect();
    assert_eq!(outputs, [("a", 7), ("the-table", 2), ("the-table", -5)]);
    assert_eq!(test.process_input("left", ("a", "x")), Err(Failure::bad_record("value: `x`: invalid digit found in string")));
    assert_eq!(test.process_input("the-table", ("a", "1")), Err(Failure::fatal("the record is not an update of a table")));
    let broken = Update::new("a", Some("5"), Some("x"), 1);
    assert_eq!(test.process_input("the-table", broken).unwrap_err().reason(), "previous value: `x`: invalid digit found in string");
}

#[test]
fn a_pair_inherits_time_and_headers_of_the_input() {
    let mut test = TestContext::<TwoInputs>::new().unwrap();
    let mut headers = Headers::default();
    headers.push("trace", b"7f");
    test.process(Record { headers: headers.clone(), ..Record::new("a", "7", 40) }).unwrap();
    let output = test.raw_outputs().remove(0).record;
    assert_eq!((output.timestamp, output.headers), (40, headers));
}

/// Has a configuration, and no schema of it.
struct Threshold;

impl Processor for Threshold {
    type Config = std::collections::BTreeMap<String, u32>;
    type Input = Record<(), String>;

    fn init(_: Self::Config, _: &mut Setup) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, _: Self::Input, _: &mut Context) -> Result<(), Failure> {
        Ok(())
    }
}

#[test]
fn without_a_schema_a_configuration_is_any_object_and_none_where_there_is_none() {
    let schema = |described: Result<(Description, _), String>| described.unwrap().0.config_schema;
    assert_eq!(schema(describe::<Clockwork>(None)), None);
    assert_eq!(schema(describe::<Threshold>(None)), Some(serde_json::json!({"type": "object"})));
}
