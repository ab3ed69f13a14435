//! Stores asked from outside: by the thread that has the task, between two turns, from what is committed.

use std::ops::Bound;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use super::bench::{Bench, Settings, add_one, count, counting, op, pass, record, text};
use crate::error::Diagnostic;
use crate::limits;
use crate::runtime::query::Told;
use crate::runtime::{Caller, Found, Inquirer, Step};
use crate::store::{KeyRange, StoreRead, Times};

fn read(keys: KeyRange) -> StoreRead {
    StoreRead { keys, times: Times::Any, after: None, max: limits::QUERY_ROWS, bytes: limits::QUERY_BYTES }
}

fn one(key: &str) -> KeyRange {
    KeyRange::One(Bytes::copy_from_slice(key.as_bytes()))
}

fn everything() -> KeyRange {
    KeyRange::Between(Bound::Unbounded, Bound::Unbounded)
}

impl Bench {
    fn inquirer(&self) -> Inquirer {
        Inquirer::new(
            self.plan.clone(),
            self.members.iter().map(|member| Caller::new(member.commands.clone(), member.board.clone())).collect(),
        )
    }

    /// Asks, and steps the threads until there is an answer.
    fn ask(&mut self, store: &str, partition: Option<u32>, keys: KeyRange) -> Result<Vec<String>, Diagnostic> {
        let (inquirer, store) = (self.inquirer(), store.to_owned());
        let asking = std::thread::spawn(move || inquirer.read(&store, partition, read(keys)));
        while !asking.is_finished() {
            (0..self.members.len()).for_each(|member| _ = self.step(member).unwrap());
            std::thread::yield_now();
        }
        asking.join().unwrap().map(|found| told(&found))
    }
}

fn told(found: &Found) -> Vec<String> {
    let rows = found.rows.iter().map(|row| format!("{}={}", text(&Some(row.key().clone())), text(&Some(row.value.clone()))));
    rows.chain(found.missing.iter().map(|task| format!("without {task}"))).collect()
}

fn four_partitions() -> Settings {
    Settings { partitions: 4, commit_floor: Duration::from_millis(50), ..Settings::default() }
}

#[test]
fn a_key_is_asked_of_its_task_and_a_range_of_all() {
    let mut bench = Bench::with(&counting("backend = \"memory\""), &[("count", count())], four_partitions());
    bench.start(2);
    let keys: Vec<_> = (0..20).map(|n| format!("k{n:02}")).collect();
    bench.produce("in", &keys.iter().map(|key| record(key, "v", 1)).collect::<Vec<_>>());
    (0..2).for_each(|_| bench.advance(100));
    for key in &keys {
        assert_eq!(bench.ask("counts", None, one(key)).unwrap(), [format!("{key}=1")]);
    }
    assert_eq!(bench.ask("counts", None, everything()).unwrap(), keys.iter().map(|key| format!("{key}=1")).collect::<Vec<_>>());
    let parts: Vec<_> = (0..4).map(|partition| bench.ask("counts", Some(partition), everything()).unwrap()).collect();
    assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), keys.len());
    assert!(parts.iter().all(|part| !part.is_empty() && part.len() < keys.len()));
    assert_eq!(bench.ask("counts", None, one("x")).unwrap(), [""; 0]);
    let refused = bench.ask("count", None, one("x")).unwrap_err();
    assert_eq!((refused.code, refused.hint.as_deref()), ("R120", Some("did you mean 'counts'?")));
    assert_eq!(bench.ask("counts", Some(4), one("x")).unwrap_err().code, "R125");
}

#[test]
fn a_key_that_a_processor_has_made_up_is_found_in_the_task_that_wrote_it() {
    let total = op(|place, _, _, env, _| add_one(place, env, b"total").map(|_| ()));
    let mut bench = Bench::with(&counting("backend = \"memory\""), &[("count", total)], four_partitions());
    bench.start(1);
    // Every partition but the one that the key would be in.
    let own = crate::broker::partitioner::partition_of_key(b"total", 4);
    bench.produce_to("in", (own + 1) % 4, record("k", "v", 1));
    bench.advance(100);
    assert_eq!(bench.ask("counts", None, one("total")).unwrap(), ["total=1"]);
}

#[test]
fn what_is_not_committed_is_not_told() {
    let mut bench = Bench::with(
        &counting("backend = \"memory\""),
        &[("count", count())],
        Settings { commit_floor: Duration::from_millis(50), ..Settings::default() },
    );
    bench.start(1);
    bench.produce("in", &[record("a", "v", 1)]);
    bench.advance(100);
    bench.produce("in", &[record("a", "v", 1), record("b", "v", 1)]);
    // Processed, and not committed before the floor of 50 ms is over.
    bench.step(0).unwrap();
    assert_eq!(bench.rows("counts"), ["a=2", "b=1"]);
    assert_eq!(bench.ask("counts", None, everything()).unwrap(), ["a=1"]);
    assert_eq!(bench.rows("counts"), ["a=2", "b=1"]);
    bench.advance(100);
    assert_eq!(bench.ask("counts", None, everything()).unwrap(), ["a=2", "b=1"]);
}

#[test]
fn a_task_that_restores_says_so_and_one_that_is_elsewhere_is_named() {
    let mut bench = Bench::with(&counting("backend = \"memory\""), &[("count", count())], four_partitions());
    let refused = bench.ask("counts", Some(2), everything()).unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), ("R122", "task in_2 of store 'counts' is not on this host"));
    bench.start(1);
    bench.produce("in", &(0..40_000).map(|n| record(&n.to_string(), "v", 1)).collect::<Vec<_>>());
    bench.advance(100);
    bench.start(1);
    bench.step(0).unwrap();
    assert_eq!(bench.ask("counts", None, everything()).unwrap_err().code, "R123");
}

/// Where the answer comes, once somebody has asked; and for each record whether it was there before the record.
type Seen = (Option<Receiver<Told>>, Vec<bool>);

#[test]
fn somebody_who_asks_has_an_answer_after_one_turn_and_not_after_all_of_them() {
    let mut bench = Bench::with(&counting("backend = \"memory\""), &[("count", pass())], four_partitions());
    let inquirer: Arc<Mutex<Option<Inquirer>>> = Arc::default();
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let (asking, seeing) = (inquirer.clone(), seen.clone());
    let op = op(move |_, _, _, _, _| {
        let (told, answered) = &mut *seeing.lock().unwrap();
        answered.push(told.as_ref().is_some_and(|told| told.try_recv().is_ok()));
        // Asks in the middle of a turn.
        if let Some(inquirer) = asking.lock().unwrap().take() {
            *told = Some(inquirer.send(0, Some(0), &read(everything())));
        }
        Ok(())
    });
    bench.set_ops(&[("count", op)]);
    bench.start(1);
    bench.settle();
    *inquirer.lock().unwrap() = Some(bench.inquirer());
    (0..4).for_each(|partition| bench.produce_to("in", partition, record("k", "v", 1)));
    bench.settle();
    assert_eq!(seen.lock().unwrap().1, [false, true, false, false]);
}

#[test]
fn a_thread_answers_a_bounded_number_of_queries_in_a_step() {
    let mut bench = Bench::new(&counting("backend = \"memory\""), &[("count", count())]);
    bench.settle();
    let inquirer = bench.inquirer();
    let asked: Vec<_> = (0..limits::QUERIES_PER_STEP + 1).map(|_| inquirer.send(0, None, &read(everything()))).collect();
    let mut answered = || {
        let busy = bench.step(0).unwrap() == Step::Busy;
        (busy, asked.iter().filter(|told| told.try_recv().is_ok()).count())
    };
    assert_eq!([answered(), answered()], [(true, limits::QUERIES_PER_STEP), (false, 1)]);
}
