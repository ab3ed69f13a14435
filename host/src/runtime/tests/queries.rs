//! Stores asked from outside: by the thread that has the task, between two turns, from what is committed.

use std::collections::BTreeSet;
use std::ops::{Bound, Range};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use super::bench::{Bench, Settings, add_one, count, counting, op, pass, record, text};
use crate::error::Diagnostic;
use crate::limits;
use crate::runtime::query::Told;
use crate::runtime::{Away, Caller, Elsewhere, Found, FromOthers, Inquirer, Nobody, Step};
use crate::store::{CommittedRows, KeyRange, StoreRead, Times};

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
        self.inquirer_of(0..self.members.len())
    }

    /// That of a host with some of the members.
    fn inquirer_of(&self, members: Range<usize>) -> Inquirer {
        let callers = self.members[members].iter().map(|member| Caller::new(member.commands.clone(), member.board.clone()));
        Inquirer::new(self.plan.clone(), callers.collect())
    }

    /// Asks, and steps the threads until there is an answer.
    fn ask(&mut self, store: &str, partition: Option<u32>, keys: KeyRange) -> Result<Vec<String>, Diagnostic> {
        let (inquirer, store) = (self.inquirer(), store.to_owned());
        self.meanwhile(move || inquirer.read(&store, partition, read(keys), &Nobody)).map(|found| told(&found))
    }

    /// Steps the threads until somebody who asks them has an answer.
    fn meanwhile<T: Send + 'static>(&mut self, ask: impl FnOnce() -> T + Send + 'static) -> T {
        let asking = std::thread::spawn(ask);
        while !asking.is_finished() {
            (0..self.members.len()).for_each(|member| _ = self.step(member).unwrap());
            std::thread::yield_now();
        }
        asking.join().unwrap()
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
            *told = Some(inquirer.send(0, [0].into(), &read(everything())));
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
    let asked: Vec<_> = (0..limits::QUERIES_PER_STEP + 1).map(|_| inquirer.send(0, [0].into(), &read(everything()))).collect();
    let mut answered = || {
        let busy = bench.step(0).unwrap() == Step::Busy;
        (busy, asked.iter().filter(|told| told.try_recv().is_ok()).count())
    };
    assert_eq!([answered(), answered()], [(true, limits::QUERIES_PER_STEP), (false, 1)]);
}

/// Another host, as far as a query can tell.
struct Other {
    store: &'static str,
    inquirer: Inquirer,
    /// Every task that it was asked for.
    asked: Mutex<Vec<Away>>,
}

impl Elsewhere for Other {
    fn read(&self, away: Vec<Away>, read: &StoreRead) -> Result<FromOthers, Diagnostic> {
        self.asked.lock().unwrap().extend(away.iter().cloned());
        let partitions: BTreeSet<u32> = away.iter().map(|away| away.task.partition).collect();
        let Found { rows, more, missing, .. } = self.inquirer.read_here(self.store, &partitions, read)?;
        Ok(FromOthers { pages: vec![CommittedRows { rows, more }], missing, hint: None })
    }
}

#[test]
fn of_two_hosts_each_tells_the_same_and_asks_the_other_for_what_it_lacks() {
    let mut bench = Bench::with(&counting("backend = \"memory\""), &[("count", count())], four_partitions());
    bench.start(2);
    let keys: Vec<_> = (0..20).map(|n| format!("k{n:02}")).collect();
    bench.produce("in", &keys.iter().map(|key| record(key, "v", 1)).collect::<Vec<_>>());
    (0..2).for_each(|_| bench.advance(100));
    let everything_told: Vec<_> = keys.iter().map(|key| format!("{key}=1")).collect();
    for (own, other) in [(0..1, 1..2), (1..2, 0..1)] {
        let (own, other) = (bench.inquirer_of(own), bench.inquirer_of(other));
        let ask = |bench: &mut Bench, own: &Inquirer, read: StoreRead| {
            let (own, inquirer) = (own.clone(), other.clone());
            bench.meanwhile(move || {
                let other = Other { store: "counts", inquirer, asked: Mutex::default() };
                let found = own.read("counts", None, read, &other).unwrap();
                (found, other.asked.into_inner().unwrap())
            })
        };
        let mut of_the_other = 0;
        for key in &keys {
            let (found, asked) = ask(&mut bench, &own, read(one(key)));
            assert_eq!(told(&found), [format!("{key}=1")]);
            // By the partition of the topic that its tasks are dealt out by, and nothing but that.
            let at = crate::broker::partitioner::partition_of_key(key.as_bytes(), 4);
            assert!(asked.iter().all(|away| away.task.partition == at && away.driver == crate::record::TopicPartition::new("in", at)));
            assert!(asked.len() <= 1, "{asked:?}");
            of_the_other += asked.len();
        }
        assert!(of_the_other > 0 && of_the_other < keys.len(), "{of_the_other}");
        // Of a key that has no row nobody knows anything: everybody is asked, each task once.
        let (found, asked) = ask(&mut bench, &own, read(one("x")));
        assert_eq!((told(&found), asked.len()), (Vec::new(), 2));
        let (found, asked) = ask(&mut bench, &own, read(everything()));
        assert_eq!((told(&found), asked.len()), (everything_told.clone(), 2));
        // Page by page, none of which goes beyond what another task has still to tell.
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let (found, _) = ask(&mut bench, &own, StoreRead { after, max: 3, ..read(everything()) });
            assert!(found.rows.len() <= 3);
            pages.extend(told(&found));
            after = found.rows.last().map(|row| row.place.clone());
            if !found.more {
                break;
            }
        }
        assert_eq!(pages, everything_told);
    }
}

#[test]
fn a_host_that_is_asked_for_tasks_that_it_has_not_names_them() {
    let mut bench = Bench::with(&counting("backend = \"memory\""), &[("count", count())], four_partitions());
    bench.start(2);
    (0..2).for_each(|_| bench.advance(100));
    let of = |bench: &mut Bench, partitions: &[u32]| {
        let (inquirer, partitions) = (bench.inquirer_of(0..1), partitions.iter().copied().collect());
        bench.meanwhile(move || inquirer.read_here("counts", &partitions, &read(everything())))
    };
    let lacks: Vec<u32> = of(&mut bench, &[0, 1, 2, 3]).unwrap().missing.iter().map(|task| task.partition).collect();
    assert_eq!(lacks.len(), 2);
    assert_eq!(of(&mut bench, &lacks).unwrap_err().code, "R122");
    let has: Vec<u32> = (0..4).filter(|partition| !lacks.contains(partition)).collect();
    assert_eq!(of(&mut bench, &has).unwrap().missing, []);
    // One that the store does not have, either.
    assert_eq!(of(&mut bench, &[7]).unwrap_err().code, "R122");
}
