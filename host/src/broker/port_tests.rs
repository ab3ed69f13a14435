//! What the port promises, as one suite. Every adapter runs all of it.

use std::time::Duration;

use bytes::Bytes;

use super::partitioner::partition_of_key;
use super::port::{
    Broker, BrokerError, Cleanup, Client, Committed, GroupEvent, LoadProgress, OutgoingRecord, Subscription, Timestamps, TopicSpec,
};
use crate::limits;
use crate::record::{ConsumedRecord, Header, Headers, Offset, Record, Timestamp, TopicPartition};

/// Runs every rule on a broker of its own, which must be empty.
pub(super) fn check_port<B: Broker>(mut empty_broker: impl FnMut() -> B) {
    for (rule, check) in RULES {
        println!("rule: {rule}");
        check(&empty_broker());
    }
}

type Rule = (&'static str, fn(&dyn Broker));

const RULES: &[Rule] = &[
    ("records come back as they were sent", records_come_back_as_they_were_sent),
    ("a commit shows everything at once, before it nothing is seen", a_commit_shows_everything_at_once),
    ("an aborted transaction leaves nothing", an_aborted_transaction_leaves_nothing),
    ("what a dropped client sent is void", what_a_dropped_client_sent_is_void),
    ("committed offsets are kept for each group", committed_offsets_are_kept_for_each_group),
    ("take goes on where it stopped", take_goes_on_where_it_stopped),
    ("only started partitions deliver", only_started_partitions_deliver),
    ("keys decide the partition", keys_decide_the_partition),
    ("what is not there is named", what_is_not_there_is_named),
    ("bad records are refused", bad_records_are_refused),
    ("topics are made once", topics_are_made_once),
    ("members share the partitions", members_share_the_partitions),
    ("a member that subscribes anew keeps what stays", a_member_that_subscribes_anew_keeps_what_stays),
    ("produce is all or nothing, progress included", produce_is_all_or_nothing),
    ("a reader needs no group", a_reader_needs_no_group),
    ("many records keep their order", many_records_keep_their_order),
    ("a deleted topic is gone whole", a_deleted_topic_is_gone_whole),
    ("committed offsets can be moved and forgotten", committed_offsets_can_be_moved_and_forgotten),
    ("a time leads to the first record at or after it", a_time_leads_to_the_first_record_at_or_after_it),
];

pub(super) fn topic(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec::new(name, partitions)
}

pub(super) fn record(key: &str, value: &str) -> Record {
    Record { key: Some(Bytes::copy_from_slice(key.as_bytes())), value: Some(Bytes::copy_from_slice(value.as_bytes())), ..Record::default() }
}

pub(super) fn to(topic: &str, partition: u32, record: Record) -> OutgoingRecord {
    OutgoingRecord { topic: topic.into(), partition: Some(partition), record }
}

pub(super) fn at(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

/// Everything from `from` on.
pub(super) fn read_from(broker: &dyn Broker, at: &TopicPartition, mut from: Offset) -> Vec<ConsumedRecord> {
    let mut reader = broker.reader().unwrap();
    let mut records = Vec::new();
    loop {
        let next = reader.read(at, from, 100, &mut records).unwrap();
        if next == from {
            return records;
        }
        from = next;
    }
}

pub(super) fn values(records: &[ConsumedRecord]) -> Vec<(Offset, &str)> {
    records.iter().map(|r| (r.offset, std::str::from_utf8(r.record.value.as_deref().unwrap_or_default()).unwrap())).collect()
}

/// A member that has all partitions of `topic` and has not started any.
pub(super) fn sole_member(broker: &dyn Broker, topic: &str) -> Box<dyn Client> {
    let mut client = broker.client("group", 0, 1).unwrap();
    client.subscribe(vec![Subscription { driver: topic.into(), companions: Vec::new() }]).unwrap();
    assert!(matches!(&client.poll_group().unwrap()[..], [GroupEvent::Assigned(_)]));
    client
}

/// Takes up to `max` records to the end of `into`; how many.
pub(super) fn take(client: &mut dyn Client, at: &TopicPartition, max: usize, into: &mut Vec<ConsumedRecord>) -> usize {
    let arrived = client.take(at, max).unwrap();
    into.extend(arrived.owned(0, max));
    arrived.len()
}

fn take_all(client: &mut dyn Client, at: &TopicPartition) -> Vec<ConsumedRecord> {
    let mut records = Vec::new();
    while take(client, at, 100, &mut records) > 0 {}
    records
}

fn records_come_back_as_they_were_sent(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 1)]).unwrap();
    let bytes = |b: &'static [u8]| Some(Bytes::from_static(b));
    let headers = [("a", Some(&b"1"[..])), ("", None), ("a", Some(b"")), ("ä", Some(b"\xff"))].map(|(name, value)| Header { name, value });
    let headers: Headers = headers.into_iter().collect();
    let mut sent = Vec::new();
    for key in [None, bytes(b""), bytes(b"key\0\xff")] {
        for value in [None, bytes(b""), bytes(b"value")] {
            for timestamp in [0, -1, i64::MIN, i64::MAX, 1_000] {
                for headers in [Headers::default(), headers.clone()] {
                    let timestamp = Timestamp(timestamp);
                    sent.push(Record { key: key.clone(), value: value.clone(), timestamp, headers, change: None });
                }
            }
        }
    }
    broker.produce(sent.iter().map(|r| to("t", 0, r.clone())).collect(), None).unwrap();
    let expected: Vec<_> = sent.into_iter().enumerate().map(|(offset, record)| ConsumedRecord { offset: offset as u64, record }).collect();
    assert_eq!(read_from(broker, &at("t", 0), 0), expected);
    let mut client = sole_member(broker, "t");
    client.start(&at("t", 0), 0).unwrap();
    assert_eq!(take_all(&mut *client, &at("t", 0)), expected);
}

fn a_commit_shows_everything_at_once(broker: &dyn Broker) {
    broker.create_topics(&[topic("in", 1), topic("a", 1), topic("b", 2)]).unwrap();
    let mut client = sole_member(broker, "in");
    for (topic, partition, value) in [("b", 1, "1"), ("a", 0, "2"), ("b", 1, "3")] {
        client.send(to(topic, partition, record("k", value)).as_ref()).unwrap();
    }
    assert_eq!(broker.bounds(&at("b", 1)).unwrap(), (0, 0));
    assert!(read_from(broker, &at("b", 1), 0).is_empty());
    client.commit(&[(at("in", 0), Committed { offset: 0, metadata: "m".into() })]).unwrap();
    assert_eq!(values(&read_from(broker, &at("b", 1), 0)), [(0, "1"), (1, "3")]);
    assert_eq!(values(&read_from(broker, &at("a", 0), 0)), [(0, "2")]);
    assert_eq!(broker.bounds(&at("b", 1)).unwrap(), (0, 2));
    assert_eq!(broker.bounds(&at("b", 0)).unwrap(), (0, 0));
    client.commit(&[]).unwrap();
    assert_eq!(broker.bounds(&at("b", 1)).unwrap(), (0, 2), "an empty commit appends nothing");
}

fn an_aborted_transaction_leaves_nothing(broker: &dyn Broker) {
    broker.create_topics(&[topic("in", 1), topic("out", 1)]).unwrap();
    let mut client = sole_member(broker, "in");
    client.send(to("out", 0, record("k", "void")).as_ref()).unwrap();
    client.abort().unwrap();
    client.send(to("out", 0, record("k", "good")).as_ref()).unwrap();
    client.commit(&[]).unwrap();
    assert_eq!(values(&read_from(broker, &at("out", 0), 0)), [(0, "good")]);
}

fn what_a_dropped_client_sent_is_void(broker: &dyn Broker) {
    broker.create_topics(&[topic("in", 1), topic("out", 1)]).unwrap();
    for leave in [false, true] {
        let mut client = sole_member(broker, "in");
        client.send(to("out", 0, record("k", "void")).as_ref()).unwrap();
        client.leave(leave).unwrap();
        drop(client);
    }
    let mut client = sole_member(broker, "in");
    client.commit(&[]).unwrap();
    assert_eq!(broker.bounds(&at("out", 0)).unwrap(), (0, 0));
}

fn committed_offsets_are_kept_for_each_group(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 2)]).unwrap();
    let mut client = sole_member(broker, "t");
    let parts = [at("t", 0), at("t", 1)];
    assert_eq!(client.committed(&parts).unwrap(), [None, None]);
    let committed = |offset, metadata: &str| Committed { offset, metadata: metadata.into() };
    client.commit(&[(at("t", 1), committed(7, "stream time"))]).unwrap();
    assert_eq!(client.committed(&parts).unwrap(), [None, Some(committed(7, "stream time"))]);
    client.commit(&[(at("t", 1), committed(9, "")), (at("t", 0), committed(1, "ä"))]).unwrap();
    assert_eq!(client.committed(&parts).unwrap(), [Some(committed(1, "ä")), Some(committed(9, ""))]);
    assert_eq!(broker.committed("group", &at("t", 1)).unwrap(), Some(committed(9, "")));
    for other in ["", "grou", "group2"] {
        assert_eq!(broker.committed(other, &at("t", 1)).unwrap(), None);
    }
}

fn take_goes_on_where_it_stopped(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 1)]).unwrap();
    let here = at("t", 0);
    for batch in 0..3 {
        let records = (0..5).map(|i| to("t", 0, record("k", &format!("{}", batch * 5 + i)))).collect();
        broker.produce(records, None).unwrap();
    }
    let mut client = sole_member(broker, "t");
    assert_eq!(client.end_seen(&here).unwrap(), Some(15));
    client.start(&here, 2).unwrap();
    let mut taken = Vec::new();
    for (max, expected) in [(0, 0), (1, 1), (7, 7), (100, 5), (100, 0)] {
        assert_eq!(take(&mut *client, &here, max, &mut taken), expected);
    }
    assert_eq!(taken.iter().map(|r| r.offset).collect::<Vec<_>>(), (2..15).collect::<Vec<_>>());
    broker.produce(vec![to("t", 0, record("k", "15"))], None).unwrap();
    client.wait(Duration::from_secs(60));
    assert_eq!(values(&take_all(&mut *client, &here)), [(15, "15")]);
    client.start(&here, 14).unwrap();
    assert_eq!(values(&take_all(&mut *client, &here)), [(14, "14"), (15, "15")], "start is how to rewind");
    client.start(&here, 16).unwrap();
    assert!(take_all(&mut *client, &here).is_empty());
}

fn only_started_partitions_deliver(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 1)]).unwrap();
    let here = at("t", 0);
    broker.produce(vec![to("t", 0, record("k", "0")), to("t", 0, record("k", "1"))], None).unwrap();
    let mut client = sole_member(broker, "t");
    assert!(take_all(&mut *client, &here).is_empty(), "not started");
    client.start(&here, 0).unwrap();
    client.take(&here, 1).unwrap();
    client.stop(&here).unwrap();
    assert!(take_all(&mut *client, &here).is_empty(), "stopped");
    client.start(&here, 1).unwrap();
    assert_eq!(values(&take_all(&mut *client, &here)), [(1, "1")]);
}

fn keys_decide_the_partition(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 4)]).unwrap();
    let keys: Vec<String> = (0..40).map(|i| format!("key-{i}")).collect();
    let by_key = |key: &String| OutgoingRecord { topic: "t".into(), partition: None, record: record(key, key) };
    broker.produce(keys.iter().map(by_key).collect(), None).unwrap();
    for partition in 0..4 {
        let found = read_from(broker, &at("t", partition), 0);
        let expected: Vec<&String> = keys.iter().filter(|key| partition_of_key(key.as_bytes(), 4) == partition).collect();
        assert_eq!(
            found.iter().map(|r| r.record.key.as_deref().unwrap()).collect::<Vec<_>>(),
            expected.iter().map(|k| k.as_bytes()).collect::<Vec<_>>()
        );
    }
    let ends = || (0..4).map(|p| broker.bounds(&at("t", p)).unwrap().1).collect::<Vec<_>>();
    for batch in 0..4 {
        let before = ends();
        let keyless = || OutgoingRecord { topic: "t".into(), partition: None, record: Record::default() };
        broker.produce(vec![keyless(), keyless(), keyless()], None).unwrap();
        let grown: Vec<u64> = ends().iter().zip(&before).map(|(now, before)| now - before).collect();
        let mut expected = [0; 4];
        expected[batch] = 3;
        assert_eq!(grown, expected, "records without key share a partition, each batch takes the next");
    }
}

fn what_is_not_there_is_named(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 2)]).unwrap();
    let mut client = sole_member(broker, "t");
    let mut reader = broker.reader().unwrap();
    for (gone, expected) in [(at("gone", 0), "topic 'gone' does not exist"), (at("t", 2), "t/2 does not exist")] {
        let errors = [
            broker.bounds(&gone).unwrap_err(),
            broker.committed("group", &gone).unwrap_err(),
            client.committed(std::slice::from_ref(&gone)).unwrap_err(),
            client.end_seen(&gone).unwrap_err(),
            client.send(to(&gone.topic, gone.partition, record("k", "v")).as_ref()).unwrap_err(),
            broker.produce(vec![to(&gone.topic, gone.partition, record("k", "v"))], None).unwrap_err(),
            reader.read(&gone, 0, 1, &mut Vec::new()).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.to_string(), expected);
        }
    }
    let mut lost = broker.client("other", 0, 1).unwrap();
    let error = lost.subscribe(vec![Subscription { driver: "gone".into(), companions: Vec::new() }]).and_then(|()| lost.poll_group());
    assert_eq!(error.unwrap_err().to_string(), "topic 'gone' does not exist");
}

fn bad_records_are_refused(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 1), TopicSpec { cleanup: Cleanup::Compact, ..topic("compacted", 1) }]).unwrap();
    let header = Header { name: "h", value: None };
    let cases = [
        (
            "t",
            Record { value: Some(vec![0; limits::RECORD_BYTES + 1].into()), ..Record::default() },
            "t refuses the record: it has 16777217 bytes, the limit is 16777216",
        ),
        (
            "t",
            Record { headers: std::iter::repeat_n(header, 1_001).collect(), ..Record::default() },
            "t refuses the record: it has 1001 headers, the limit is 1000",
        ),
        ("compacted", Record::default(), "compacted refuses the record: it has no key, and the topic is compacted by key"),
    ];
    let mut client = sole_member(broker, "t");
    client.send(to("t", 0, record("k", "before")).as_ref()).unwrap();
    for (topic, record, expected) in cases {
        assert_eq!(client.send(to(topic, 0, record).as_ref()).unwrap_err().to_string(), expected);
    }
    client.send(to("t", 0, record("k", "after")).as_ref()).unwrap();
    client.commit(&[]).unwrap();
    assert_eq!(values(&read_from(broker, &at("t", 0), 0)), [(0, "before"), (1, "after")], "the rest of the transaction stands");
    let largest = Record { value: Some(vec![7; limits::RECORD_BYTES].into()), ..Record::default() };
    broker.produce(vec![to("t", 0, largest.clone())], None).unwrap();
    assert_eq!(read_from(broker, &at("t", 0), 2), [ConsumedRecord { offset: 2, record: largest }]);
}

fn topics_are_made_once(broker: &dyn Broker) {
    let there = TopicSpec { retention: Some(Duration::from_secs(7 * 86_400)), ..topic("t", 2) };
    broker.create_topics(&[there.clone(), topic("u", 1)]).unwrap();
    broker.produce(vec![to("t", 1, record("k", "v"))], None).unwrap();
    broker.create_topics(&[topic("u", 1), there.clone(), TopicSpec { replication: Some(3), ..there.clone() }]).unwrap();
    assert_eq!(broker.bounds(&at("t", 1)).unwrap(), (0, 1), "making it again changes nothing");
    let infos = broker.topics(&["u".into(), "gone".into(), "t".into()]).unwrap();
    assert_eq!(infos.into_iter().map(|info| info.map(|i| i.spec)).collect::<Vec<_>>(), [Some(topic("u", 1)), None, Some(there.clone())]);
    let cases = [
        (TopicSpec { partitions: 3, ..there.clone() }, "topic 't' has partitions 2, but 3 is asked for"),
        (TopicSpec { cleanup: Cleanup::CompactDelete, ..there.clone() }, "topic 't' has cleanup delete, but compact,delete is asked for"),
        (TopicSpec { retention: None, ..there.clone() }, "topic 't' has retention 7d, but for ever is asked for"),
        (TopicSpec { compaction_lag: Duration::from_secs(60), ..there.clone() }, "topic 't' has compaction lag 0ms, but 1m is asked for"),
        (
            TopicSpec { timestamps: Timestamps::OfTheAppend, ..there },
            "topic 't' has timestamps of their own, but of the append is asked for",
        ),
        (topic("none", 0), "create topic 'none': 0 partitions were asked for, 1 to 10000 are possible"),
    ];
    for (asked, expected) in cases {
        assert_eq!(broker.create_topics(&[topic("v", 1), asked]).unwrap_err().to_string(), expected);
    }
}

fn members_share_the_partitions(broker: &dyn Broker) {
    broker.create_topics(&[topic("a", 3), topic("b", 2), topic("c", 1)]).unwrap();
    let subscriptions = || {
        let subscription = |driver: &str, companions: &[&str]| Subscription {
            driver: driver.into(),
            companions: companions.iter().map(|&c| c.into()).collect(),
        };
        vec![subscription("a", &["b"]), subscription("c", &[])]
    };
    let expected = [vec![at("a", 0), at("b", 0), at("a", 2)], vec![at("a", 1), at("b", 1), at("c", 0)]];
    let mut clients: Vec<_> = (0..2).map(|member| broker.client("group", member, 2).unwrap()).collect();
    for (client, expected) in clients.iter_mut().zip(expected) {
        client.subscribe(subscriptions()).unwrap();
        assert_eq!(client.poll_group().unwrap(), [GroupEvent::Assigned(expected)]);
        assert_eq!(client.poll_group().unwrap(), []);
    }
    broker.produce(vec![to("a", 1, record("k", "v"))], None).unwrap();
    let error = clients[0].start(&at("a", 1), 0).unwrap_err();
    assert_eq!(error.to_string(), "start a/1: the partition is not this member's");
}

fn a_member_that_subscribes_anew_keeps_what_stays(broker: &dyn Broker) {
    broker.create_topics(&[topic("s-a", 2), topic("s-b", 2), topic("s-c", 2), topic("s-d", 1)]).unwrap();
    let subscription = |driver: &str, companions: &[&str]| Subscription {
        driver: driver.into(),
        companions: companions.iter().map(|&c| c.into()).collect(),
    };
    let mut client = broker.client("again", 0, 1).unwrap();
    client.subscribe(vec![subscription("s-a", &["s-d"]), subscription("s-b", &[])]).unwrap();
    assert!(matches!(&client.poll_group().unwrap()[..], [GroupEvent::Assigned(all)] if all.len() == 5));
    broker.produce(vec![to("s-b", 1, record("k", "stays"))], None).unwrap();
    client.start(&at("s-b", 1), 0).unwrap();
    client.subscribe(vec![subscription("s-b", &[])]).unwrap();
    let mut gone = client.poll_group().unwrap();
    if let [GroupEvent::Revoked(gone)] = &mut gone[..] {
        gone.sort();
    }
    let left = [at("s-a", 0), at("s-a", 1), at("s-d", 0)];
    assert_eq!(gone, [GroupEvent::Revoked(left.to_vec())]);
    // Until it asks again.
    let committed = |offset| Committed { offset, ..Committed::default() };
    client.commit(&[(at("s-a", 0), committed(3))]).unwrap();
    client.subscribe(vec![subscription("s-b", &[]), subscription("s-c", &["s-d"])]).unwrap();
    assert_eq!(client.poll_group().unwrap(), [GroupEvent::Assigned(vec![at("s-c", 0), at("s-d", 0), at("s-c", 1)])]);
    assert_eq!(
        client.commit(&[(at("s-a", 0), committed(4))]).unwrap_err().to_string(),
        "commit an offset of s-a/0: the partition is not this member's"
    );
    client.abort().unwrap();
    // What stays goes on where it was.
    assert_eq!(client.take(&at("s-b", 1), 10).unwrap().len(), 1);
}

fn produce_is_all_or_nothing(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 1)]).unwrap();
    let progress = |records| Some(LoadProgress { key: "t file".into(), records });
    assert_eq!(broker.load_progress("t file").unwrap(), 0);
    broker.produce(vec![to("t", 0, record("k", "0"))], progress(1)).unwrap();
    let bad = vec![to("t", 0, record("k", "1")), to("t", 9, record("k", "2"))];
    assert!(matches!(broker.produce(bad, progress(3)), Err(BrokerError::UnknownPartition(_))));
    assert_eq!((broker.bounds(&at("t", 0)).unwrap(), broker.load_progress("t file").unwrap()), ((0, 1), 1));
    broker.produce(vec![], progress(4)).unwrap();
    assert_eq!(broker.load_progress("t file").unwrap(), 4);
    assert_eq!(broker.load_progress("t").unwrap(), 0);
}

fn a_reader_needs_no_group(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 2)]).unwrap();
    broker.produce((0..10).map(|i| to("t", i % 2, record("k", &i.to_string()))).collect(), None).unwrap();
    let mut reader = broker.reader().unwrap();
    let mut records = Vec::new();
    assert_eq!(reader.read(&at("t", 1), 1, 3, &mut records).unwrap(), 4);
    assert_eq!(reader.read(&at("t", 0), 3, 100, &mut records).unwrap(), 5);
    assert_eq!(reader.read(&at("t", 0), 5, 100, &mut records).unwrap(), 5);
    assert_eq!(values(&records), [(1, "3"), (2, "5"), (3, "7"), (3, "6"), (4, "8")]);
}

fn many_records_keep_their_order(broker: &dyn Broker) {
    const COUNT: u64 = 20_000;
    broker.create_topics(&[topic("t", 1)]).unwrap();
    let mut client = sole_member(broker, "t");
    for batch in 0..4 {
        for i in 0..COUNT / 4 {
            client.send(to("t", 0, record("key", &format!("{:0100}", batch * COUNT / 4 + i))).as_ref()).unwrap();
        }
        client.commit(&[]).unwrap();
    }
    let expected = |records: &[ConsumedRecord], from: u64| {
        assert_eq!(records.len() as u64, COUNT - from);
        for (record, offset) in records.iter().zip(from..) {
            assert_eq!(record.offset, offset);
            assert_eq!(record.record.value.as_deref().unwrap(), format!("{offset:0100}").as_bytes());
        }
    };
    for from in [0, 1, 4_999, 5_000, 19_999] {
        expected(&read_from(broker, &at("t", 0), from), from);
        client.start(&at("t", 0), from).unwrap();
        expected(&take_all(&mut *client, &at("t", 0)), from);
    }
}

fn a_deleted_topic_is_gone_whole(broker: &dyn Broker) {
    broker.create_topics(&[topic("stays", 1), topic("gone", 2), topic("t", 1)]).unwrap();
    let committed = Committed { offset: 2, metadata: "m".into() };
    for name in ["stays", "gone"] {
        broker.produce((0..3).map(|i| to(name, 0, record("k", &i.to_string()))).collect(), None).unwrap();
        broker.set_committed("group", &[(at(name, 0), Some(committed.clone()))]).unwrap();
    }
    broker.delete_topics(&["gone".into(), "never-there".into()]).unwrap();
    assert_eq!(broker.topics(&["gone".into()]).unwrap(), [None]);
    assert!(matches!(broker.bounds(&at("gone", 0)), Err(BrokerError::UnknownTopic(_))));
    assert!(matches!(broker.produce(vec![to("gone", 0, record("k", "v"))], None), Err(BrokerError::UnknownTopic(_))));
    broker.create_topics(&[topic("gone", 1)]).unwrap();
    assert_eq!((broker.bounds(&at("gone", 0)).unwrap(), broker.committed("group", &at("gone", 0)).unwrap()), ((0, 0), None));
    broker.produce(vec![to("gone", 0, record("k", "new"))], None).unwrap();
    assert_eq!(values(&read_from(broker, &at("gone", 0), 0)), [(0, "new")]);
    assert_eq!(values(&read_from(broker, &at("stays", 0), 1)), [(1, "1"), (2, "2")]);
    assert_eq!(broker.committed("group", &at("stays", 0)).unwrap(), Some(committed));
}

fn committed_offsets_can_be_moved_and_forgotten(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 3)]).unwrap();
    let (first, second) = (Committed { offset: 7, metadata: "m".into() }, Committed { offset: 0, metadata: String::new() });
    let set = |group: &str, partition, committed: &Committed| broker.set_committed(group, &[(at("t", partition), Some(committed.clone()))]);
    set("group", 0, &first).unwrap();
    set("group", 1, &first).unwrap();
    set("other", 0, &first).unwrap();
    broker.set_committed("group", &[(at("t", 0), Some(second.clone())), (at("t", 1), None), (at("t", 2), None)]).unwrap();
    let all = |group: &str| [0, 1, 2].map(|partition| broker.committed(group, &at("t", partition)).unwrap());
    assert_eq!(all("group"), [Some(second), None, None]);
    assert_eq!(all("other"), [Some(first.clone()), None, None]);
    assert_eq!(set("group", 3, &first).unwrap_err().to_string(), "t/3 does not exist");
    assert!(broker.members("group").unwrap().is_empty());
}

fn a_time_leads_to_the_first_record_at_or_after_it(broker: &dyn Broker) {
    broker.create_topics(&[topic("t", 2)]).unwrap();
    let times = [10, 30, 20, 30, 40];
    let outgoing = times.map(|ms| to("t", 0, Record { timestamp: Timestamp(ms), ..record("k", "v") }));
    broker.produce(outgoing.to_vec(), None).unwrap();
    let found = |partition, ms| broker.offset_at(&at("t", partition), Timestamp(ms)).unwrap();
    assert_eq!([0, 10, 11, 25, 30, 31, 40, 41].map(|ms| found(0, ms)), [0, 0, 1, 1, 1, 4, 4, 5]);
    assert_eq!(found(1, 0), 0, "the end of an empty partition");
    while !broker.delete_before(&at("t", 0), 2).unwrap() {}
    assert_eq!(found(0, 0), 2);
}
