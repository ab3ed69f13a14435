//! The port's suite, and what only a log on disk promises: durability, one order of commits, retention, compaction.

#![allow(clippy::disallowed_methods, reason = "real files take real time")]

mod crash;

use std::collections::BTreeMap;
use std::ops::Bound::Unbounded;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::transaction::Transaction;
use super::{EmbeddedLog, StateFolder, layout};
use crate::broker::port::{Broker, Cleanup, Committed, LoadProgress, OutgoingRecord, Subscription, Timestamps, TopicSpec};
use crate::broker::port_tests::{at, check_port, read_from, record, sole_member, to, topic, values};
use crate::clock::VirtualClock;
use crate::disk::{Batch, Budget, Direction, Sync};
use crate::limits;
use crate::record::{Record, RecordRef, Timestamp};

const DAY_MS: i64 = 86_400_000;

fn open_with_clock(path: &Path, clock: Arc<VirtualClock>) -> EmbeddedLog {
    let folder = Arc::new(StateFolder::lock(path).unwrap());
    EmbeddedLog::open(folder, clock, &Budget::new(1 << 20, 16 << 20)).unwrap()
}

fn open(path: &Path) -> EmbeddedLog {
    open_with_clock(path, Arc::default())
}

fn compacted(name: &str) -> TopicSpec {
    TopicSpec { cleanup: Cleanup::Compact, ..topic(name, 1) }
}

fn put(log: &EmbeddedLog, topic: &str, rows: &[(String, Option<String>)]) {
    let outgoing = rows.iter().map(|(key, value)| {
        let value = value.as_ref().map(|value| Bytes::copy_from_slice(value.as_bytes()));
        to(topic, 0, Record { value, ..record(key, "") })
    });
    log.produce(outgoing.collect(), None).unwrap();
}

/// What a store that reads the whole topic holds in the end.
fn last_by_key(log: &EmbeddedLog, topic: &str) -> BTreeMap<Bytes, Bytes> {
    let mut rows = BTreeMap::new();
    for consumed in read_from(log, &at(topic, 0), log.bounds(&at(topic, 0)).unwrap().0) {
        let key = consumed.record.key.unwrap();
        match consumed.record.value {
            Some(value) => rows.insert(key, value),
            None => rows.remove(&key),
        };
    }
    rows
}

/// Maintains in small steps until there is nothing more to do; how many records were compacted away, and how many offsets expired.
fn maintain(log: &EmbeddedLog, now: i64) -> (u64, u64) {
    let (mut compacted, mut expired) = (0, 0);
    for _ in 0..100_000 {
        let step = log.maintain(Timestamp(now), 1_000).unwrap();
        compacted += step.records_compacted;
        expired += step.offsets_expired;
        if !step.more {
            return (compacted, expired);
        }
    }
    panic!("maintenance does not come to an end");
}

#[test]
fn the_embedded_log_keeps_the_ports_rules() {
    let mut dirs = Vec::new();
    check_port(|| {
        dirs.push(tempfile::tempdir().unwrap());
        open(dirs.last().unwrap().path())
    });
}

#[test]
fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let retained = TopicSpec { cleanup: Cleanup::CompactDelete, retention: Some(Duration::from_millis(1_500)), ..topic("retained", 2) };
    let committed = Committed { offset: 2, metadata: "m".into() };
    {
        let log = open(dir.path());
        log.create_topics(&[topic("in", 2), retained.clone()]).unwrap();
        let progress = LoadProgress { key: "in file".into(), records: 3 };
        log.produce((0..3).map(|i| to("in", 1, record("k", &i.to_string()))).collect(), Some(progress)).unwrap();
        let mut client = sole_member(&log, "in");
        client.send(to("retained", 0, record("k", "v")).as_ref()).unwrap();
        client.commit(&[(at("in", 1), committed.clone())]).unwrap();
        client.send(to("retained", 0, record("k", "void")).as_ref()).unwrap();
    }
    let log = open(dir.path());
    log.create_topics(&[topic("in", 2), retained.clone(), topic("new", 1)]).unwrap();
    assert_eq!(log.all_topics().iter().map(|t| t.spec.clone()).collect::<Vec<_>>(), [topic("in", 2), retained, topic("new", 1)]);
    assert_eq!([at("in", 0), at("in", 1), at("new", 0)].map(|at| log.bounds(&at).unwrap()), [(0, 0), (0, 3), (0, 0)]);
    assert_eq!(values(&read_from(&log, &at("in", 1), 1)), [(1, "1"), (2, "2")]);
    assert_eq!(values(&read_from(&log, &at("retained", 0), 0)), [(0, "v")]);
    assert_eq!((log.committed("group", &at("in", 1)).unwrap(), log.load_progress("in file").unwrap()), (Some(committed), 3));
    log.produce(vec![to("in", 1, record("k", "3"))], None).unwrap();
    assert_eq!(values(&read_from(&log, &at("in", 1), 2)), [(2, "2"), (3, "3")]);
}

#[test]
fn a_second_process_is_told_who_holds_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let client = log.client("group", 0, 1).unwrap();
    drop(log);
    let error = StateFolder::lock(dir.path()).unwrap_err().to_string();
    assert_eq!(error, format!("another process (pid {}) is using {}", std::process::id(), dir.path().display()));
    drop(client);
    open(dir.path());
}

#[test]
fn concurrent_commits_lie_whole_one_behind_the_other() {
    const THREADS: usize = 4;
    const COMMITS: usize = 25;
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topics(&[topic("in", 4), topic("a", 1), topic("b", 1)]).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &log;
            scope.spawn(move || {
                let mut client = log.client("group", thread as u32, THREADS as u32).unwrap();
                client.subscribe(vec![Subscription { driver: "in".into(), companions: vec![] }]).unwrap();
                for commit in 0..COMMITS {
                    for _ in 0..3 {
                        client.send(to("a", 0, record("k", &format!("{thread} {commit}"))).as_ref()).unwrap();
                    }
                    client.send(to("b", 0, record("k", &format!("{thread} {commit}"))).as_ref()).unwrap();
                    client.commit(&[(at("in", thread as u32), Committed { offset: commit as u64 + 1, metadata: String::new() })]).unwrap();
                }
            });
        }
        // Who sees an offset sees the records of its commit, too.
        let committed_by = |thread: usize| log.committed("group", &at("in", thread as u32)).unwrap().map_or(0, |c| c.offset);
        loop {
            let committed: u64 = (0..THREADS).map(committed_by).sum();
            let end = log.bounds(&at("b", 0)).unwrap().1;
            assert!(committed <= end, "{committed} commits are seen, and {end} records of them");
            if committed == (THREADS * COMMITS) as u64 {
                break;
            }
        }
    });
    let (a, b) = (read_from(&log, &at("a", 0), 0), read_from(&log, &at("b", 0), 0));
    assert_eq!((a.len(), b.len()), (THREADS * COMMITS * 3, THREADS * COMMITS));
    let expected: Vec<_> = b.iter().flat_map(|r| [r.record.value.clone(), r.record.value.clone(), r.record.value.clone()]).collect();
    assert_eq!(a.iter().map(|r| r.record.value.clone()).collect::<Vec<_>>(), expected, "both topics tell the same order of commits");
    for thread in 0..THREADS as u32 {
        assert_eq!(log.committed("group", &at("in", thread)).unwrap().unwrap().offset, COMMITS as u64);
    }
}

#[test]
fn behind_a_write_that_failed_nothing_is_appended_until_the_log_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    {
        let log = open(dir.path());
        log.create_topics(&[topic("in", 1)]).unwrap();
        log.produce(vec![to("in", 0, record("k", "0"))], None).unwrap();
        let mut broken = Transaction::default();
        broken.push(log.log.partition(&at("in", 0)).unwrap(), RecordRef::from(&record("k", "broken")));
        broken.rows.push(("no-such-family", Vec::new(), Vec::new()));
        let why = log.log.commit(broken).unwrap_err().to_string();
        let error = log.produce(vec![to("in", 0, record("k", "1"))], None).unwrap_err().to_string();
        assert_eq!(error, format!("append to the log: an earlier write has failed: {why}"));
        assert_eq!(values(&read_from(&log, &at("in", 0), 0)), [(0, "0")]);
    }
    let log = open(dir.path());
    log.produce(vec![to("in", 0, record("k", "1"))], None).unwrap();
    assert_eq!(values(&read_from(&log, &at("in", 0), 0)), [(0, "0"), (1, "1")]);
}

#[test]
fn a_waiting_client_is_woken_by_a_commit_of_another_thread() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topics(&[topic("in", 1)]).unwrap();
    let mut client = sole_member(&log, "in");
    client.start(&at("in", 0), 0).unwrap();
    let long = Duration::from_secs(600);
    std::thread::scope(|scope| {
        scope.spawn(|| log.produce(vec![to("in", 0, record("k", "v"))], None).unwrap());
        let began = Instant::now();
        client.wait(long);
        assert!(began.elapsed() < long);
    });
    assert_eq!(client.take(&at("in", 0), 9).unwrap().len(), 1);
}

#[test]
fn a_partition_that_nobody_takes_from_keeps_nobody_awake() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topics(&[topic("in", 1)]).unwrap();
    log.produce(vec![to("in", 0, record("k", "1")), to("in", 0, record("k", "2"))], None).unwrap();
    let mut client = sole_member(&log, "in");
    client.start(&at("in", 0), 0).unwrap();
    client.wait(Duration::from_secs(600));
    client.take(&at("in", 0), 1).unwrap();
    client.wait(Duration::from_secs(600));
    let (began, short) = (Instant::now(), Duration::from_millis(20));
    client.wait(short);
    assert!(began.elapsed() >= short, "one record is left, but the last look at it is two waits ago");
}

#[test]
fn expired_records_are_deleted_and_their_offsets_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(VirtualClock::default());
    let log = open_with_clock(dir.path(), clock.clone());
    let kept_for = |ms| TopicSpec { retention: Some(Duration::from_millis(ms)), ..topic("in", 1) };
    log.create_topics(&[kept_for(1_000), topic("for-ever", 1)]).unwrap();
    let here = at("in", 0);
    for value in ["0", "1", "2"] {
        // Old event times have no say: retention counts from the append.
        log.produce(vec![to("in", 0, record("k", value)), to("for-ever", 0, record("k", value))], None).unwrap();
        clock.advance_ms(400);
    }
    let mut client = sole_member(&log, "in");
    client.start(&here, 0).unwrap();
    assert_eq!(maintain(&log, 1_000), (0, 0), "exactly as old as the retention is not too old");
    assert_eq!(maintain(&log, 1_001), (0, 1));
    assert_eq!((log.bounds(&here).unwrap(), values(&read_from(&log, &here, 1))), ((1, 3), vec![(1, "1"), (2, "2")]));
    let gone = "offset 0 of in/0 is gone; the first one is 1";
    assert_eq!(client.take(&here, 9).unwrap_err().to_string(), gone);
    assert_eq!(client.start(&here, 0).unwrap_err().to_string(), gone);
    assert_eq!(log.reader().unwrap().read(&here, 0, 9, &mut Vec::new()).unwrap_err().to_string(), gone);
    assert_eq!(maintain(&log, 10_000), (0, 2), "the newest record expires, too");
    drop(client);
    drop(log);
    let log = open_with_clock(dir.path(), clock);
    assert_eq!(log.bounds(&here).unwrap(), (3, 3), "the end is known without records");
    log.produce(vec![to("in", 0, record("k", "3"))], None).unwrap();
    assert_eq!(values(&read_from(&log, &here, 3)), [(3, "3")]);
    assert_eq!(log.bounds(&at("for-ever", 0)).unwrap(), (0, 3));
}

#[test]
fn compaction_keeps_the_last_record_of_each_key_and_all_offsets() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topics(&[compacted("c")]).unwrap();
    let here = at("c", 0);
    let mut seed = 1_u64;
    for round in 0..5 {
        for commit in 0..30 {
            let rows: Vec<_> = (0..80)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let key = format!("key-{}", (seed >> 33) % 300);
                    (key, (!(seed >> 50).is_multiple_of(5)).then(|| format!("{seed:050}")))
                })
                .collect();
            put(&log, "c", &rows[..1 + commit * 79 / 29]);
        }
        let (before, expected) = (read_from(&log, &here, 0), last_by_key(&log, "c"));
        let (dropped, _) = maintain(&log, 0);
        let after = read_from(&log, &here, 0);
        assert_eq!(dropped as usize, before.len() - after.len());
        assert!(after.len() <= 300 + 1_000, "round {round}: {} records are left", after.len());
        assert!(after.iter().all(|record| before.contains(record)), "no record changes its offset or its content");
        assert_eq!(last_by_key(&log, "c"), expected);
        assert_eq!(after.last(), before.last(), "the newest record stays");
        for from in (0..log.bounds(&here).unwrap().1).step_by(37) {
            let found = read_from(&log, &here, from);
            assert_eq!(found, after.iter().filter(|r| r.offset >= from).cloned().collect::<Vec<_>>(), "read from {from}");
        }
    }
    let (bounds, expected) = (log.bounds(&here).unwrap(), read_from(&log, &here, 0));
    drop(log);
    let log = open(dir.path());
    assert_eq!((log.bounds(&here).unwrap(), read_from(&log, &here, 0)), (bounds, expected));
}

#[test]
fn compaction_stays_behind_what_every_group_has_committed() {
    for compaction_lag in [Duration::ZERO, Duration::from_secs(10)] {
        compaction_stays_behind_what_is_committed(compaction_lag);
    }
}

fn compaction_stays_behind_what_is_committed(compaction_lag: Duration) {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topics(&[TopicSpec { compaction_lag, ..compacted("c") }]).unwrap();
    for commit in 0..15 {
        put(&log, "c", &(0..100).map(|i| (format!("key-{}", i % 10), Some(format!("{commit}")))).collect::<Vec<_>>());
    }
    let commit = |group: &str, offset: u64| {
        let mut member = log.client(group, 0, 1).unwrap();
        member.subscribe(vec![Subscription { driver: "c".into(), companions: Vec::new() }]).unwrap();
        member.commit(&[(at("c", 0), Committed { offset, metadata: String::new() })]).unwrap();
    };
    commit("fast", 1_150);
    commit("slow", 10);
    let now = i64::try_from(compaction_lag.as_millis()).unwrap() + 1;
    assert_eq!(maintain(&log, now), (0, 0), "the slow group needs what is replaced later");
    commit("slow", 1_050);
    let below = || -> BTreeMap<_, _> {
        let records = read_from(&log, &at("c", 0), 0).into_iter().filter(|r| r.offset < 1_050);
        records.map(|r| (r.record.key.unwrap(), r.record.value.unwrap())).collect()
    };
    let before = below();
    assert!(maintain(&log, now).0 > 900);
    assert_eq!(below(), before, "what a restore up to the committed offset reads");
}

#[test]
fn compaction_leaves_young_records_alone() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(VirtualClock::default());
    let lagging = TopicSpec { compaction_lag: Duration::from_secs(10), timestamps: Timestamps::OfTheAppend, ..compacted("c") };
    let log = open_with_clock(dir.path(), clock.clone());
    log.create_topics(std::slice::from_ref(&lagging)).unwrap();
    let round = |log: &EmbeddedLog, value: &str| {
        (0..15).for_each(|_| put(log, "c", &(0..100).map(|i| (format!("key-{}", i % 10), Some(value.to_owned()))).collect::<Vec<_>>()));
    };
    round(&log, "old");
    clock.advance_ms(6_000);
    round(&log, "young");
    let below = |log: &EmbeddedLog, offset| read_from(log, &at("c", 0), 0).iter().filter(|record| record.offset < offset).count();
    assert_eq!(maintain(&log, 10_000), (0, 0), "exactly as old as the lag is not old");
    drop(log);
    let log = open_with_clock(dir.path(), clock);
    log.create_topics(&[lagging]).unwrap();
    let (dropped, _) = maintain(&log, 10_001);
    assert_eq!((dropped, below(&log, 1_500), below(&log, 3_000)), (1_490, 10, 1_510));
    assert!(maintain(&log, 16_001).0 > 1_400);
    assert_eq!(last_by_key(&log, "c").values().next().map(|value| &value[..]), Some(&b"young"[..]));
}

#[test]
fn small_chunks_grow_together() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topics(&[compacted("c")]).unwrap();
    for commit in 0..20 {
        put(&log, "c", &(0..50).map(|i| (format!("key-{commit}-{i}"), Some("v".into()))).collect::<Vec<_>>());
    }
    let chunks = || {
        let records = log.log.database.family(layout::RECORDS).unwrap();
        records.scan(Unbounded, Unbounded, Direction::Ascending, usize::MAX).unwrap().len()
    };
    assert_eq!(chunks(), 20);
    while log.maintain(Timestamp(0), 1 << 20).unwrap().more {}
    assert_eq!((chunks(), read_from(&log, &at("c", 0), 0).len()), (1, 1_000));
}

#[test]
fn tombstones_are_kept_for_a_day_in_which_the_log_was_open() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(VirtualClock::default());
    let rows: Vec<_> = (0..1_100).map(|i| (format!("key-{i}"), None)).collect();
    {
        let log = open_with_clock(dir.path(), clock.clone());
        log.create_topics(&[compacted("c")]).unwrap();
        put(&log, "c", &rows);
        assert_eq!(maintain(&log, DAY_MS), (0, 0));
    }
    clock.advance_ms(10 * DAY_MS);
    let log = open_with_clock(dir.path(), clock.clone());
    put(&log, "c", &rows);
    assert_eq!(maintain(&log, 10 * DAY_MS + 1), (1_100, 0), "a store may still have to hear of them: one of each stays");
    put(&log, "c", &(0..1_100).map(|i| (format!("new-{i}"), None)).collect::<Vec<_>>());
    assert_eq!(maintain(&log, 11 * DAY_MS + 1), (2_199, 0), "the newest record stays, whatever it is");
    drop(log);
    let log = open_with_clock(dir.path(), clock);
    assert_eq!(read_from(&log, &at("c", 0), 0).iter().map(|r| r.offset).collect::<Vec<_>>(), [3_299]);
}

#[test]
fn a_broken_chunk_is_an_error_that_names_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topics(&[topic("in", 1)]).unwrap();
    log.produce(vec![to("in", 0, record("k", "v"))], None).unwrap();
    let partition = log.log.partition(&at("in", 0)).unwrap();
    let mut batch = Batch::new();
    batch.put(log.log.database.family(layout::RECORDS).unwrap(), &partition.id().chunk_key(0), b"\x01nonsense");
    log.log.database.write(batch, Sync::No).unwrap();
    let error = log.reader().unwrap().read(&at("in", 0), 0, 9, &mut Vec::new()).unwrap_err().to_string();
    assert_eq!(error, "read the chunk of in/0 that ends at offset 0: the log is corrupted: it is shorter than a chunk's head");
}

#[test]
fn a_deleted_topic_stays_deleted_and_its_successor_inherits_nothing() {
    let dir = tempfile::tempdir().unwrap();
    {
        let log = open(dir.path());
        log.create_topics(&[topic("stays", 1), compacted("gone")]).unwrap();
        put(&log, "gone", &(0..1_500).map(|i| (format!("key-{}", i % 10), Some("v".into()))).collect::<Vec<_>>());
        assert!(log.maintain(Timestamp(0), 1).unwrap().more, "a compaction is under way");
        let mut late = sole_member(&log, "gone");
        late.send(to("gone", 0, record("k", "late")).as_ref()).unwrap();
        log.delete_topics(&["gone".into()]).unwrap();
        late.commit(&[]).unwrap();
        while log.maintain(Timestamp(0), 1_000).unwrap().more {}
        assert_eq!(log.all_topics().len(), 1);
    }
    let log = open(dir.path());
    assert_eq!(log.all_topics().iter().map(|t| t.spec.clone()).collect::<Vec<_>>(), [topic("stays", 1)]);
    log.create_topics(&[compacted("gone")]).unwrap();
    assert_eq!(log.bounds(&at("gone", 0)).unwrap(), (0, 0));
    put(&log, "gone", &[("key".into(), Some("new".into()))]);
    drop(log);
    let log = open(dir.path());
    assert_eq!(values(&read_from(&log, &at("gone", 0), 0)), [(0, "new")]);
}

/// `cargo test -p cofferdam --lib --release speed -- --nocapture` prints figures; nothing depends on them.
#[test]
fn speed_of_append_and_take_is_printed() {
    let count = if cfg!(debug_assertions) { 20_000 } else { 2_000_000 };
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topics(&[topic("in", 1), topic("out", 4)]).unwrap();
    let mut client = sole_member(&log, "in");
    let (topic, value): (Arc<str>, _) = ("out".into(), Bytes::from(vec![b'x'; 90]));
    let mut began = Instant::now();
    for i in 0..count {
        let record = Record { key: Some(Bytes::from(format!("{i:010}"))), value: Some(value.clone()), ..Record::default() };
        client.send(OutgoingRecord { topic: topic.clone(), partition: None, record }.as_ref()).unwrap();
        if i % 10_000 == 9_999 {
            client.commit(&[]).unwrap();
        }
    }
    let per_second = |began: Instant| (f64::from(count) / began.elapsed().as_secs_f64()) as u64;
    println!("append: {} records/s in commits of 10,000", per_second(began));
    drop(client);
    let mut client = sole_member(&log, "out");
    began = Instant::now();
    for partition in (0..4).map(|partition| at("out", partition)) {
        client.start(&partition, 0).unwrap();
        while !client.take(&partition, 1_000).unwrap().is_empty() {}
    }
    println!("take: {} records/s", per_second(began));
}

#[test]
fn large_records_end_a_read_early_and_none_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.create_topics(&[topic("t", 1)]).unwrap();
    let large = "x".repeat(limits::TAKE_BYTES / 2);
    for _ in 0..5 {
        log.produce(vec![to("t", 0, record("k", &large))], None).unwrap();
    }
    let mut reader = log.reader().unwrap();
    let (mut read, mut position) = (Vec::new(), 0);
    for end in [2, 4, 5] {
        position = reader.read(&at("t", 0), position, 100, &mut read).unwrap();
        assert_eq!((position, read.len() as u64), (end, end));
    }
}

#[test]
fn whoever_waits_for_records_is_woken_from_outside() {
    const BOUND: Duration = Duration::from_secs(60);
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let (tell, told) = std::sync::mpsc::channel();
    let (give, given) = std::sync::mpsc::channel();
    let waiting = std::thread::spawn(move || {
        let mut client = log.client("group", 0, 1).unwrap();
        give.send(client.waker()).unwrap();
        // What came before the wait ends it as well.
        (0..2).for_each(|_| {
            client.wait(BOUND * 60);
            tell.send(()).unwrap();
        });
    });
    let waker = given.recv_timeout(BOUND).unwrap();
    (0..2).for_each(|_| {
        waker.wake();
        told.recv_timeout(BOUND).unwrap();
    });
    waiting.join().unwrap();
}
