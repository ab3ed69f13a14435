//! Records that the log does not take: the sink's policy decides, whether that is known before or only afterwards.

use super::bench::{Bench, Op, count, counting, line, op, pass, record, to};
use crate::record::Header;

#[test]
fn what_the_log_would_refuse_is_a_bad_record_of_its_sink() {
    let key_less: Op = op(|_, _, mut record, _, outputs| {
        record.key = record.key.filter(|k| &**k != b"none");
        outputs.push(to(0, record));
        Ok(())
    });
    let headers: Op = op(|_, _, mut record, _, outputs| {
        if record.key.as_deref() == Some(b"none") {
            record.headers = std::iter::repeat_n(Header { name: "h", value: None }, 1_001).collect();
        }
        outputs.push(to(0, record));
        Ok(())
    });
    let partition: Op = op(|_, _, record, _, outputs| {
        let partition = (record.key.as_deref() == Some(b"none")).then_some(9);
        outputs.push(crate::node::Output { slot: 0, partition, record });
        Ok(())
    });
    for (what, op) in [
        ("a record without a key cannot go to 'out', which is compacted by key", key_less),
        ("a record with 1001 headers is above the limit of 1000 (record headers)", headers),
        ("partition 9 of 'out' does not exist: it has 1", partition),
    ] {
        let compacted = "[topics.out]\ncleanup = \"compact\"\n";
        let records = [record("a", "1", 1), record("none", "2", 2), record("b", "3", 3)];
        let mut bench = Bench::new(&(line("pass", "") + compacted), &[("pass", op.clone())]);
        bench.produce("in", &records);
        bench.settle();
        assert_eq!(bench.parked("in_0").unwrap(), format!("bad-record in 'out' at in/0/1: {what}"));
        assert_eq!(bench.all("out"), ["a=1@1"]);

        let mut bench = Bench::new(&(line("pass", "") + "on-error = \"skip\"\n" + compacted), &[("pass", op)]);
        bench.produce("in", &records);
        bench.settle();
        assert_eq!(bench.all("out"), ["a=1@1", "b=3@3"]);
    }
}

#[test]
fn what_the_log_refuses_afterwards_is_found_again_at_its_sink() {
    let dead_letter = "on-error = { policy = \"dead-letter\", topic = \"letters\" }\n";
    let cases: [(&str, &[&str], &[&str], bool); 3] = [
        ("", &[], &[], true),
        ("on-error = \"skip\"\n", &["k=b#1@2", "k=c#2@3"], &[], false),
        (dead_letter, &["k=b#1@2", "k=c#2@3"], &["k=a@1"], false),
    ];
    for (policy, outputs, letters, parked) in cases {
        let toml = counting("").replace("[stores.counts]", &format!("{policy}[stores.counts]"));
        let mut bench = Bench::new(&toml, &[("count", count())]);
        bench.sim.refuse_next("out", "as asked");
        bench.produce("in", &[record("k", "a", 1), record("k", "b", 2), record("k", "c", 3)]);
        bench.settle();
        assert_eq!((bench.all("out"), bench.all("letters")), (owned(outputs), owned(letters)), "{policy}");
        let why = bench.parked("in_0");
        assert_eq!(why.is_some(), parked, "{policy}");
        if let Some(why) = why {
            assert_eq!(why, "bad-record in 'out' at in/0/0: out refuses the record: as asked");
        }
    }
}

#[test]
fn a_dead_letter_that_is_refused_parks_the_task_and_can_be_tried_again() {
    let policy = "on-error = { policy = \"dead-letter\", topic = \"letters\" }";
    let mut bench = Bench::new(&line("check", policy), &[("check", super::bench::fails(usize::MAX))]);
    bench.sim.refuse_next("letters", "as asked");
    bench.produce("in", &[record("k", "a", 1), record("k", "bad", 2)]);
    bench.settle();
    let why = "bad-record in 'check' at in/0/1: bad value; letters refuses its dead letter: as asked";
    assert_eq!(bench.parked("in_0").as_deref(), Some(why));
    assert_eq!(bench.all("out"), ["k=a@1"]);
    bench.members[0].commands.send(crate::runtime::Command::Resume(None)).unwrap();
    bench.settle();
    assert_eq!((bench.all("letters").len(), bench.parked("in_0")), (1, None));
}

#[test]
fn a_refused_record_of_one_task_costs_no_other_task_anything() {
    let settings = super::bench::Settings { partitions: 2, ..Default::default() };
    let mut bench = Bench::with(&line("pass", ""), &[("pass", pass())], settings);
    bench.start(1);
    bench.sim.refuse_next("out", "as asked");
    bench.produce_to("in", 0, record("a", "1", 1));
    bench.produce_to("in", 1, record("b", "2", 2));
    bench.settle();
    assert_eq!(bench.all("out"), ["b=2@2"]);
    assert!(bench.parked("in_0").is_some() && bench.parked("in_1").is_none());
}

fn owned(of: &[&str]) -> Vec<String> {
    of.iter().map(|s| (*s).to_owned()).collect()
}
