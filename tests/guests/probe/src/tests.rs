use cofferdam_guest::testing::TestContext;
use cofferdam_guest::{Failure, Record, Text};
use serde_json::json;

use super::Probe;

type Case<'a> = (serde_json::Value, &'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)]);
type Pairs = Vec<(Option<String>, Option<String>)>;

fn run(config: serde_json::Value, records: &[(&str, &str)]) -> (Pairs, Vec<Failure>) {
    let mut test = TestContext::<Probe>::with_config(config).unwrap();
    let failures = records.iter().filter_map(|record| test.process(*record).err()).collect();
    let outputs = test.raw_outputs().into_iter().map(|output| output.record.decode::<Option<String>, Option<String>>().unwrap());
    (outputs.map(|record| (record.key, record.value)).collect(), failures)
}

fn pairs(expected: &[(&str, &str)]) -> Pairs {
    expected.iter().map(|(key, value)| (Some((*key).to_owned()), Some((*value).to_owned()))).collect()
}

#[test]
fn each_well_behaved_behaviour_does_what_its_name_says() {
    let cases: &[Case] = &[
        (json!({"do": "pass"}), &[("a", "1")], &[("a", "1")]),
        (json!({"do": "filter"}), &[("a", "1"), ("b", "2")], &[("b", "2")]),
        (json!({"do": "upper"}), &[("a", "x")], &[("a", "X")]),
        (json!({"do": "words"}), &[("a", "to be")], &[("to", "to"), ("be", "be")]),
        (json!({"do": "count"}), &[("a", "x"), ("b", "x"), ("a", "x")], &[("a", "1"), ("b", "1"), ("a", "2")]),
        (json!({"do": "roles"}), &[("a", "x")], &[("a", "left: x")]),
        (json!({"do": "place"}), &[("a", "x")], &[("a", "test/0@0 stream=0 task=test_0")]),
        (json!({"do": "early"}), &[("a", "x")], &[("a", "x/1"), ("a", "x/2")]),
        (json!({"do": "cell"}), &[("a", "x"), ("a", "x")], &[("a", "1"), ("a", "2")]),
        (json!({"do": "windows"}), &[("a", "x"), ("a", "x")], &[("a", "0: 1, of 1"), ("a", "0: 2, of 1")]),
        (json!({"do": "sessions"}), &[("a", "x"), ("a", "x")], &[("a", "0-0: 1"), ("a", "0-0: 2")]),
        (json!({"do": "busy", "span-ms": 10}), &[("a", "44"), ("a", "x")], &[("a", "x")]),
        (json!({"do": "changes"}), &[("a", "x")], &[("a", "stream: x")]),
        (json!({"do": "walk", "mode": "twice"}), &[("a", "x")], &[("a", "x/test1"), ("a", "x/test2")]),
        (json!({"do": "transient", "times": 1}), &[("a", "1"), ("a", "2")], &[("a", "2")]),
    ];
    for (config, records, expected) in cases {
        assert_eq!(run(config.clone(), records).0, pairs(expected), "{config}");
    }
}

#[test]
fn each_failure_has_its_class() {
    let (outputs, failures) = run(json!({"do": "fail"}), &[("a", "bad"), ("a", "x"), ("a", "transient"), ("a", "fatal")]);
    assert_eq!(outputs, pairs(&[("a", "x")]));
    let why = "the value says so";
    assert_eq!(failures, [Failure::bad_record(why), Failure::transient(why), Failure::fatal(why)]);
    assert_eq!(run(json!({"do": "filter"}), &[("a", "x")]).1, [Failure::bad_record("value: `x` is no number")]);
}

#[test]
fn a_failing_write_is_taken_back() {
    let mut test = TestContext::<Probe>::with_config(json!({"do": "write-then-fail"})).unwrap();
    test.process(("a", "good")).unwrap();
    test.process(("a", "bad")).unwrap_err();
    assert_eq!(test.store::<String, String>("rows").get("a"), Ok(Some("good".into())));
    assert_eq!(test.raw_outputs().len(), 1);
}

#[test]
fn a_join_reads_the_table_and_tells_what_it_lacks() {
    let mut test = TestContext::<Probe>::with_config(json!({"do": "join"})).unwrap();
    test.store::<String, String>("table").put("a", &"row".to_owned()).unwrap();
    test.process(("a", "x")).unwrap();
    test.process(("b", "y")).unwrap();
    assert_eq!(test.outputs::<String, String>().unwrap(), [Record::new("a".into(), "x+row".into(), 0)]);
    assert_eq!(test.outputs_of::<String, String>("unmatched").unwrap(), [Record::new("b".into(), "y".into(), 0)]);
}

#[test]
fn punctuation_forwards_counts_and_forgets_them() {
    let mut test =
        TestContext::<Probe>::with_config(json!({"do": "punctuate", "stream-time-interval-ms": 1000, "cancel-after": 2})).unwrap();
    for time in [500, 900, 1_500, 9_000] {
        test.process(Record::new("a", "x", time)).unwrap();
    }
    let outputs: Vec<_> = test.outputs::<String, String>().unwrap().into_iter().map(|record| (record.key, record.value)).collect();
    let expected = [("#", "stream stream=500 system=0"), ("a", "1"), ("#", "stream stream=1500 system=0"), ("a", "2")];
    assert_eq!(outputs, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(test.store::<String, Text<u64>>("counts").get("a"), Ok(Some(Text(1))));
}

#[test]
fn a_typo_in_the_configuration_is_told() {
    let error = TestContext::<Probe>::with_config(json!({"do": "panic", "nth": 1, "x": 2})).err().unwrap();
    assert!(error.contains("unknown field `x`"), "{error}");
}
