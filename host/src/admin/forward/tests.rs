//! A query on its way: hosts that answer as they are told to, at ports of this machine.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::ops::Bound;
use std::sync::Mutex;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::*;
use crate::admin::hop;
use crate::admin::way::Way;
use crate::broker::{Announcement, Member};
use crate::clock::SystemClock;
use crate::record::TopicPartition;
use crate::store::{KeyRange, Times};
use crate::topology::TaskId;

/// What was asked: path with query, and for which partitions.
type Asked = Arc<Mutex<Vec<(String, Vec<u32>)>>>;

/// A host that gives these answers, one after the other, and the last one again and again.
struct Host {
    address: String,
    asked: Asked,
    _serving: Serving,
}

type Script = (Asked, Arc<Mutex<VecDeque<(u16, Value)>>>);

impl Host {
    fn new(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let (asked, answers) = (Asked::default(), Arc::new(Mutex::new(answers.into_iter().collect())));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        listener.set_nonblocking(true).unwrap();
        let runtime = Serving::runtime().unwrap();
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).unwrap()
        };
        let router = Router::new().fallback(answer).with_state((asked.clone(), answers));
        let serving = Serving::start("host", runtime, listener, router).unwrap();
        Self { address, asked, _serving: serving }
    }

    fn asked(&self) -> Vec<(String, Vec<u32>)> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State((asked, answers)): State<Script>, uri: Uri, headers: HeaderMap) -> Response {
    let hop: Hop = serde_json::from_slice(headers[hop::HEADER].as_bytes()).unwrap();
    assert_eq!((&*hop.app, hop.bytes), ("app", 77));
    asked.lock().unwrap().push((uri.to_string(), hop.partitions.into_iter().collect()));
    let mut answers = answers.lock().unwrap();
    let (status, body) = if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() };
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

fn rows(keys: &[&str], missing: &[u32]) -> (u16, Value) {
    use base64::Engine as _;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let row =
        |key: &&str| json!({"place": base64(&[&[0; 16], key.as_bytes()].concat()), "value": base64(b"v"), "timestamp": 1, "span": null});
    (200, json!({"rows": keys.iter().map(row).collect::<Vec<_>>(), "more": false, "missing": missing}))
}

fn refused(status: u16, code: &str) -> (u16, Value) {
    (status, json!({"code": code, "error": "no", "causes": [], "hint": null}))
}

fn member(address: &str, partitions: &[u32]) -> Member {
    let announced = Some(Announcement { graph: "g".into(), deployment: None, address: Some(address.to_owned()) });
    let partitions = partitions.iter().map(|&partition| TopicPartition::new("in", partition)).collect();
    Member { announced, partitions, ..Member::default() }
}

/// A group that says these one after the other, and the last one again and again.
fn peers(groups: Vec<Vec<Member>>) -> Peers {
    let groups = Mutex::new(VecDeque::from(groups));
    let members = move || {
        let mut groups = groups.lock().unwrap();
        Ok(if groups.len() > 1 { groups.pop_front().unwrap() } else { groups[0].clone() })
    };
    Peers::of(Box::new(members), "app", "g", Way::on_own_machine(), Arc::new(SystemClock))
}

fn task(partition: u32) -> TaskId {
    TaskId { sub_topology: 0, partition, name: format!("in_{partition}").into() }
}

fn ask(peers: &Peers, partitions: &[u32]) -> Result<(Vec<String>, FromOthers), Diagnostic> {
    let keys = KeyRange::Between(Bound::Unbounded, Bound::Unbounded);
    let read = StoreRead { keys, times: Times::Any, after: None, max: 10, bytes: 77 };
    let away = partitions.iter().map(|&partition| Away { task: task(partition), driver: TopicPartition::new("in", partition) });
    let query = StoreQuery { prefix: Some("a/b".into()), partition: Some(3), ..StoreQuery::default() };
    let from = Forward::new(peers, "counts", None, &query).read(away.collect(), &read)?;
    let mut keys: Vec<String> =
        from.pages.iter().flat_map(|page| &page.rows).map(|row| String::from_utf8(row.key().to_vec()).unwrap()).collect();
    keys.sort();
    Ok((keys, from))
}

#[test]
fn each_host_is_asked_once_for_what_it_has() {
    let (a, b) = (Host::new([rows(&["x", "z"], &[])]), Host::new([rows(&["y"], &[])]));
    let group = vec![member(&a.address, &[0, 4]), member(&a.address, &[2]), member(&b.address, &[1])];
    let (keys, from) = ask(&peers(vec![group]), &[0, 1, 2]).unwrap();
    assert_eq!((keys, from.missing, from.hint), (vec!["x".into(), "y".into(), "z".into()], vec![], None));
    let uri = "/stores/counts?prefix=a%2Fb".to_owned();
    assert_eq!((a.asked(), b.asked()), (vec![(uri.clone(), vec![0, 2])], vec![(uri, vec![1])]));
}

#[test]
fn what_has_moved_is_asked_once_more_where_it_is_now() {
    // The one lacks all that it is asked for, the other a part of it.
    let (a, b) = (Host::new([refused(421, "R122")]), Host::new([rows(&["y"], &[2]), rows(&["x", "z"], &[])]));
    let before = vec![member(&a.address, &[0]), member(&b.address, &[1, 2])];
    let after = vec![member(&b.address, &[0, 1, 2])];
    let (keys, from) = ask(&peers(vec![before, after]), &[0, 1, 2]).unwrap();
    assert_eq!((keys, from.missing, from.hint), (vec!["x".into(), "y".into(), "z".into()], vec![], None));
    let partitions = |host: &Host| host.asked().into_iter().map(|(_, partitions)| partitions).collect::<Vec<_>>();
    assert_eq!((partitions(&a), partitions(&b)), (vec![vec![0]], vec![vec![1, 2], vec![0, 2]]));
}

#[test]
fn a_host_that_lacks_what_the_group_says_it_has_is_not_asked_for_ever() {
    let a = Host::new([refused(421, "R122")]);
    let (keys, from) = ask(&peers(vec![vec![member(&a.address, &[0])]]), &[0]).unwrap();
    assert_eq!((keys, from.missing, a.asked().len()), (Vec::new(), vec![task(0)], 2));
    assert!(from.hint.unwrap().starts_with("the task is moving"));
}

#[test]
fn what_a_host_says_of_a_store_is_passed_on_and_whoever_is_no_host_of_the_app_is_not_believed() {
    for (status, code) in [(503, "R123"), (500, "R124"), (400, "R126")] {
        let a = Host::new([refused(status, code)]);
        let problem = ask(&peers(vec![vec![member(&a.address, &[0])]]), &[0]).unwrap_err();
        assert_eq!((problem.code, problem.causes), (code, vec![format!("so says the host at {}", a.address)]));
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let strange = [(200, json!({"rows": "none"})), (200, json!([])), (500, json!("?")), refused(404, "R120"), refused(401, "R132")];
    let hosts: Vec<Host> = strange.into_iter().map(|answer| Host::new([answer])).collect();
    for address in hosts.iter().map(|host| &host.address).chain([&closed]) {
        let (keys, from) = ask(&peers(vec![vec![member(address, &[0])]]), &[0]).unwrap();
        assert_eq!((keys, from.missing), (Vec::new(), vec![task(0)]));
        let hint = from.hint.unwrap();
        assert!(hint.starts_with(&format!("the host that has it, at {address}, does not answer: ")), "{hint}");
    }
}

#[test]
fn a_task_that_nobody_can_be_asked_for_is_missing_and_says_why() {
    let closed = Member { announced: Some(Announcement { graph: "g".into(), deployment: None, address: None }), ..member("", &[0]) };
    let group = vec![closed, member("10.0.0.7:9500", &[1]), Member { own: true, ..member("127.0.0.1:1", &[2]) }];
    let cases = [(0, "`listen` of [admin]"), (1, "at 10.0.0.7:9500, and this one has no way"), (2, "just coming"), (3, "no host has it")];
    for (partition, part) in cases {
        let (_, from) = ask(&peers(vec![group.clone()]), &[partition]).unwrap();
        assert_eq!(from.missing, [task(partition)]);
        let hint = from.hint.unwrap();
        assert!(hint.contains(part), "{hint}");
    }
    let failing = Peers::of(
        Box::new(|| Err(crate::broker::BrokerError::UnknownTopic("t".into()))),
        "app",
        "g",
        Way::on_own_machine(),
        Arc::new(SystemClock),
    );
    let (_, from) = ask(&failing, &[0]).unwrap();
    assert_eq!((from.missing, from.hint.as_deref()), (vec![task(0)], Some("who has it is not known now: topic 't' does not exist")));
}

#[test]
fn so_many_queries_are_under_way_at_a_time_and_no_more() {
    let a = Host::new([rows(&["x"], &[])]);
    let peers = peers(vec![vec![member(&a.address, &[0])]]);
    let mut under_way: Vec<_> = (0..limits::FORWARDS).map(|_| peers.place().unwrap()).collect();
    assert_eq!(ask(&peers, &[0]).unwrap_err().code, "R123");
    under_way.pop();
    assert_eq!(ask(&peers, &[0]).unwrap().0, ["x"]);
    assert_eq!(ask(&peers, &[0]).unwrap().0, ["x"]);
}
