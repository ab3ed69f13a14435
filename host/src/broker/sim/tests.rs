//! The port's suite, and the hooks that only a simulation has.

use std::sync::Arc;

use super::SimBroker;
use crate::broker::port::{Broker, BrokerError, Client, Committed, GroupEvent, Retry, Subscription};
use crate::broker::port_tests::{at, check_port, read_from, record, sole_member, to, topic, values};
use crate::clock::VirtualClock;

fn sim() -> SimBroker {
    SimBroker::new(Arc::new(VirtualClock::default()))
}

fn member(sim: &SimBroker, number: u32, members: u32) -> Box<dyn Client> {
    let mut client = sim.client("group", number, members).unwrap();
    client.subscribe(vec![Subscription { driver: "in".into(), companions: Vec::new() }]).unwrap();
    client
}

fn moved(offset: u64) -> Committed {
    Committed { offset, metadata: String::new() }
}

#[test]
fn the_simulated_log_keeps_the_ports_rules() {
    check_port(sim);
}

#[test]
fn the_order_of_all_appends_is_that_of_commits_and_sends() {
    let clock = Arc::new(VirtualClock::default());
    let sim = SimBroker::new(clock.clone());
    sim.create_topics(&[topic("in", 2), topic("out", 2)]).unwrap();
    let (mut a, mut b) = (member(&sim, 0, 2), member(&sim, 1, 2));
    a.send(to("out", 1, record("k", "a1")).as_ref()).unwrap();
    b.send(to("out", 0, record("k", "b1")).as_ref()).unwrap();
    a.send(to("out", 0, record("k", "a2")).as_ref()).unwrap();
    b.commit(&[]).unwrap();
    clock.advance_ms(5);
    a.commit(&[]).unwrap();
    let log = sim.appended_since(0);
    let seen: Vec<_> = log.iter().map(|r| (r.at.to_string(), r.offset, r.appended_at.0, r.record.value.as_deref().unwrap())).collect();
    assert_eq!(seen, [("out/0".into(), 0, 0, &b"b1"[..]), ("out/1".into(), 0, 5, b"a1"), ("out/0".into(), 1, 5, b"a2")]);
    assert_eq!((sim.appended_count(), sim.appended_since(2).len(), sim.appended_since(9).len()), (3, 1, 0));
}

#[test]
fn a_failed_commit_does_nothing_and_wants_an_abort() {
    let sim = sim();
    sim.create_topics(&[topic("in", 1), topic("out", 1)]).unwrap();
    let mut client = sole_member(&sim, "in");
    sim.fail_next_commit(BrokerError::Failed { what: "commit".into(), why: "as asked".into(), retry: Retry::Rewind });
    client.send(to("out", 0, record("k", "1")).as_ref()).unwrap();
    assert_eq!(client.commit(&[(at("in", 0), moved(1))]).unwrap_err().to_string(), "commit: as asked");
    let again = client.commit(&[]).unwrap_err().to_string();
    assert_eq!(again, "commit: the transaction has failed and must be aborted");
    assert_eq!(client.committed(&[at("in", 0)]).unwrap(), [None]);
    client.abort().unwrap();
    client.send(to("out", 0, record("k", "2")).as_ref()).unwrap();
    client.commit(&[(at("in", 0), moved(1))]).unwrap();
    assert_eq!(values(&read_from(&sim, &at("out", 0), 0)), [(0, "2")]);
}

#[test]
fn a_partition_changes_hands_only_after_its_old_owner_polled_again() {
    let sim = sim();
    sim.create_topics(&[topic("in", 2)]).unwrap();
    let mut old = member(&sim, 0, 1);
    assert_eq!(old.poll_group().unwrap(), [GroupEvent::Assigned(vec![at("in", 0), at("in", 1)])]);
    let mut new = member(&sim, 1, 2);
    assert_eq!(new.poll_group().unwrap(), []);
    sim.rebalance("group", 2);
    assert_eq!(new.poll_group().unwrap(), [], "the old owner has not heard yet");
    assert_eq!(old.poll_group().unwrap(), [GroupEvent::Revoked(vec![at("in", 1)])]);
    assert_eq!(new.poll_group().unwrap(), [], "the old owner may still commit");
    old.commit(&[(at("in", 1), moved(3))]).unwrap();
    assert_eq!(old.poll_group().unwrap(), []);
    let late = old.commit(&[(at("in", 1), moved(4))]).unwrap_err();
    assert!(matches!(late, BrokerError::Failed { retry: Retry::Rewind, .. }), "{late}");
    assert_eq!(new.poll_group().unwrap(), [GroupEvent::Assigned(vec![at("in", 1)])]);
    assert_eq!(new.committed(&[at("in", 1)]).unwrap(), [Some(moved(3))]);
    new.leave(false).unwrap();
    drop(new);
    sim.rebalance("group", 1);
    assert_eq!(old.poll_group().unwrap(), [GroupEvent::Assigned(vec![at("in", 1)])], "what a closed member had is free at once");
}

#[test]
fn a_member_that_lost_its_partitions_commits_nothing_of_them() {
    let sim = sim();
    sim.create_topics(&[topic("in", 1), topic("out", 1)]).unwrap();
    sim.produce(vec![to("in", 0, record("k", "1"))], None).unwrap();
    let mut client = sole_member(&sim, "in");
    client.start(&at("in", 0), 0).unwrap();
    client.send(to("out", 0, record("k", "void")).as_ref()).unwrap();
    sim.lose("group", 0);
    assert!(client.commit(&[(at("in", 0), moved(1))]).is_err());
    client.abort().unwrap();
    assert_eq!(client.poll_group().unwrap(), [GroupEvent::Lost(vec![at("in", 0)])]);
    assert_eq!(client.take(&at("in", 0), 9).unwrap().len(), 0);
    assert_eq!(client.poll_group().unwrap(), [GroupEvent::Assigned(vec![at("in", 0)])]);
    assert_eq!((sim.appended_count(), client.committed(&[at("in", 0)]).unwrap()), (1, vec![None]));
}

#[test]
fn a_second_client_of_a_number_fences_the_first() {
    let sim = sim();
    sim.create_topics(&[topic("in", 1), topic("out", 1)]).unwrap();
    let mut first = sole_member(&sim, "in");
    first.send(to("out", 0, record("k", "zombie")).as_ref()).unwrap();
    let mut second = sole_member(&sim, "in");
    let fenced = "act as member 0 of the group: another client has taken its place";
    assert_eq!(first.commit(&[]).unwrap_err().to_string(), fenced);
    drop(first);
    second.send(to("out", 0, record("k", "alive")).as_ref()).unwrap();
    second.commit(&[(at("in", 0), moved(0))]).unwrap();
    assert_eq!(values(&read_from(&sim, &at("out", 0), 0)), [(0, "alive")]);
}

#[test]
fn faults_of_a_fetch_and_of_a_send_come_when_asked_for() {
    let sim = sim();
    sim.create_topics(&[topic("in", 1)]).unwrap();
    let here = at("in", 0);
    sim.produce((0..3).map(|i| to("in", 0, record("k", &i.to_string()))).collect(), None).unwrap();
    let mut client = sole_member(&sim, "in");
    client.start(&here, 0).unwrap();
    sim.hold(&here);
    assert_eq!((client.take(&here, 9).unwrap().len(), client.end_seen(&here).unwrap()), (0, Some(3)));
    sim.release(&here);
    assert_eq!(client.take(&here, 9).unwrap().len(), 3);

    sim.refuse_next("in", "as asked");
    assert_eq!(client.send(to("in", 0, record("k", "v")).as_ref()).unwrap_err().to_string(), "in refuses the record: as asked");
    client.send(to("in", 0, record("k", "v")).as_ref()).unwrap();

    sim.truncate_before(&here, 2).unwrap();
    assert_eq!(client.start(&here, 1).unwrap_err().to_string(), "offset 1 of in/0 is gone; the first one is 2");
    client.start(&here, 2).unwrap();
    assert_eq!((sim.bounds(&here).unwrap(), values(&read_from(&sim, &here, 2))), ((2, 3), vec![(2, "2")]));
    sim.truncate_before(&here, 99).unwrap();
    assert_eq!(sim.bounds(&here).unwrap(), (3, 3));
}

#[test]
fn members_are_known_until_they_go() {
    let sim = sim();
    sim.create_topics(&[topic("in", 2)]).unwrap();
    let (a, b) = (member(&sim, 0, 2), member(&sim, 1, 2));
    let named = || sim.members("group").unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(named(), ["member 0", "member 1"]);
    assert!(sim.members("other").unwrap().is_empty());
    drop(a);
    assert_eq!(named(), ["member 1"]);
    drop(b);
    assert!(named().is_empty());
}
