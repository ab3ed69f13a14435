//! The public port of a host that runs: metrics and health, as Prometheus and an orchestrator see them; and that the documents about them
//! name what is there.
//!
//! Needs built guests (`make guests`).

#![allow(clippy::disallowed_methods, reason = "waits have a bound in real time")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::{Value, json};

/// Longest wait for something that a running host should do.
const BOUND: Duration = Duration::from_secs(60);

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A host at work in a folder of its own; killed when the test ends.
struct Host {
    dir: tempfile::TempDir,
    child: Child,
}

/// Counts and observes each record, then fails as its value says. `admin` is what `public` is.
fn manifest(check: &str, public: &str) -> String {
    format!(
        r#"
[app]
id = "probed"

[admin]
public = "{public}"

[topics.in]
partitions = 2

[sources.in]
topic = "in"

[processors.tell]
component = "probe.wasm"
from = ["in"]
config = {{ do = "tell" }}

[processors.check]
component = "probe.wasm"
from = ["tell"]
{check}

[sinks.out]
topic = "out"
from = ["check"]
"#
    )
}

fn folder(manifest: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let probe = repository().join("tests/guests/dist/probe.wasm");
    fs::copy(&probe, dir.path().join("probe.wasm")).unwrap_or_else(|e| panic!("{}: {e}: make guests", probe.display()));
    fs::write(dir.path().join("app.toml"), manifest).unwrap();
    dir
}

fn command(dir: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cofferdam"));
    command.args(line.split_whitespace()).current_dir(dir).env_remove("COFFERDAM_LOG").stdin(Stdio::null());
    command
}

impl Host {
    fn start(manifest: &str) -> Self {
        let dir = folder(manifest);
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let child = command(dir.path(), "run app.toml").stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Self { dir, child }
    }

    /// Looks again and again, until there is something to be seen.
    fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(seen) = look(self) {
                return seen;
            }
            let log = fs::read_to_string(self.dir.path().join("log")).unwrap();
            assert!(self.child.try_wait().unwrap().is_none(), "the host has ended: {log}");
            assert!(begun.elapsed() < BOUND, "{what}: not within {BOUND:?}: {log}");
        }
    }

    /// Where it says that its metrics are.
    fn address(&mut self) -> String {
        self.until("an address", |host| {
            let log = fs::read_to_string(host.dir.path().join("log")).unwrap();
            let (_, rest) = log.split_once("metrics at http://")?;
            Some(rest.split_once("/metrics\n")?.0.to_owned())
        })
    }

    fn produce(&self, lines: &str) {
        let mut child = command(self.dir.path(), "produce app.toml in").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    fn status(&self) -> Value {
        serde_json::from_slice(&command(self.dir.path(), "status app.toml --json").output().unwrap().stdout).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status, headers and body of an answer.
fn ask(address: &str, method: &str, path: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

fn health(address: &str, path: &str) -> (u16, Value) {
    let (status, _, body) = ask(address, "GET", path);
    (status, serde_json::from_str(&body).unwrap())
}

/// A page of metrics: the kind of each family, and the samples by all that stands before the number.
struct Metrics {
    families: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Metrics {
    fn of(address: &str) -> Self {
        let (status, head, body) = ask(address, "GET", "/metrics");
        assert_eq!(status, 200);
        assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
        Self::parse(&body)
    }

    /// As strict as a scraper: every sample stands below the type of its family, once, with a number.
    fn parse(text: &str) -> Self {
        let mut page = Self { families: BTreeMap::new(), samples: BTreeMap::new() };
        let mut family = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                family = name.to_owned();
                assert!(page.families.insert(family.clone(), kind.to_owned()).is_none(), "twice: {line}");
            } else if !line.starts_with("# HELP ") {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                let suffix = name.strip_prefix(family.as_str()).unwrap_or_else(|| panic!("below {family}: {line}"));
                let known: &[&str] = if page.families[&family] == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(known.contains(&suffix), "{line}");
                assert!(page.samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
            }
        }
        page
    }

    /// The sum of all series of a name whose labels hold these texts.
    fn sum(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let of_name = |series: &str| series.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'));
        let found: Vec<f64> = self
            .samples
            .iter()
            .filter(|(series, _)| of_name(series) && labels.iter().all(|label| series.contains(label)))
            .map(|(_, value)| *value)
            .collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }
}

#[test]
fn a_host_shows_metrics_and_health_until_a_task_parks_and_after() {
    let mut host = Host::start(&manifest("config = { do = \"fail\" }", "127.0.0.1:0"));
    let address = host.address();
    host.until("ready", |_| (health(&address, "/health/ready") == (200, json!({ "ok": true, "why": [] }))).then_some(()));
    // Of these keys the first goes to one partition, the others to the other.
    host.produce("{\"key\":\"a\",\"value\":\"good\",\"timestamp\":7000}\n{\"key\":\"d\",\"value\":\"better\",\"timestamp\":8000}\n");
    let all = host.until("two records", |_| {
        let page = Metrics::of(&address);
        (page.sum("cofferdam_task_process_total", &["app=\"probed\""]) == Some(2.0)).then_some(page)
    });
    assert_eq!(all.sum("cofferdam_task_process_total", &["task=\"in_1\"", "sub_topology=\"in\"", "partition=\"1\""]), Some(1.0));
    assert_eq!(all.sum("cofferdam_guest_seen_total", &["node=\"tell\""]), Some(2.0));
    assert_eq!(all.sum("cofferdam_guest_length_sum", &["node=\"tell\""]), Some(10.0));
    assert_eq!(all.sum("cofferdam_task_stream_time_seconds", &["task=\"in_1\""]), Some(8.0));
    assert_eq!(all.sum("cofferdam_thread_process_latency_seconds_count", &["thread=\"0\""]), Some(2.0));
    assert!(all.sum("cofferdam_thread_process_latency_seconds_sum", &[]).unwrap() > 0.0);
    let memory = |of: &str| all.sum(of, &["app=\"probed\""]).unwrap();
    let parts = memory("cofferdam_state_memory_bytes") + memory("cofferdam_overlay_bytes") + memory("cofferdam_instance_memory_bytes");
    assert!(memory("cofferdam_instance_memory_bytes") >= 65_536.0, "each guest has a page at the least");
    assert!(parts < memory("cofferdam_resident_memory_bytes"), "parts of the whole: {parts}");
    assert_eq!((all.sum("cofferdam_ready", &[]), all.sum("cofferdam_parked_tasks", &[])), (Some(1.0), Some(0.0)));
    documents_name_what_is_there(&all);

    host.produce("{\"key\":\"d\",\"value\":\"bad\",\"timestamp\":9000}\n");
    let why = host.until("a parked task", |_| {
        let (status, body) = health(&address, "/health/ready");
        (status == 503).then_some(body)
    });
    let reason = json!({ "task": "in_1", "state": "parked", "why": "bad-record in 'check' at in/1/1" });
    assert_eq!(why, json!({ "ok": false, "why": [reason] }));
    assert_eq!(health(&address, "/health/live"), (200, json!({ "ok": true, "why": [] })));
    let parked = Metrics::of(&address);
    assert_eq!((parked.sum("cofferdam_ready", &[]), parked.sum("cofferdam_parked_tasks", &[])), (Some(0.0), Some(1.0)));
    assert_eq!(parked.sum("cofferdam_task_state", &["task=\"in_1\"", "state=\"parked\""]), Some(1.0));
    assert_eq!(parked.sum("cofferdam_partition_lag_records", &["topic=\"in\"", "partition=\"1\""]), Some(1.0));
    assert!(parked.sum("cofferdam_partition_lag_seconds", &["partition=\"1\""]).unwrap() > 1e9, "its timestamp is of 1970");

    for (method, path, status) in [("POST", "/metrics", 405), ("GET", "/status", 404), ("GET", "/", 404), ("POST", "/resume", 404)] {
        assert_eq!(ask(&address, method, path).0, status, "{method} {path}");
    }
}

#[test]
fn a_call_that_lasts_is_named() {
    let check = "config = { do = \"loop\" }\nlimits = { deadline = \"60s\" }";
    let mut host = Host::start(&manifest(check, "127.0.0.1:0"));
    let address = host.address();
    host.until("ready", |_| (health(&address, "/health/ready").0 == 200).then_some(()));
    host.produce("{\"key\":\"d\",\"value\":\"loop\"}\n");
    let task = host.until("a call that lasts", |host| {
        let status = host.status();
        status["tasks"].as_array().unwrap().iter().find(|task| !task["in_call"].is_null()).cloned()
    });
    assert_eq!((&task["task"], &task["in_call"]["node"]), (&json!("in_1"), &json!("check")));
    assert!(task["in_call"]["for_ms"].as_i64().unwrap() >= 1_000, "{task}");
    assert!(task["why"].as_str().unwrap().starts_with("has been in a call of 'check' for "), "{task}");
    let page = Metrics::of(&address);
    assert!(page.sum("cofferdam_thread_call_seconds", &["thread=\"0\"", "task=\"in_1\"", "node=\"check\""]).unwrap() >= 1.0);
    assert_eq!(health(&address, "/health/live").0, 200, "it may take that long");
}

#[test]
fn a_port_that_is_taken_is_refused_with_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let dir = folder(&manifest("config = { do = \"pass\" }", &format!("127.0.0.1:{port}")));
    let output = command(dir.path(), "run app.toml --until-idle").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    let told = told.replace(&(port + 1).to_string(), "NEXT").replace(&port.to_string(), "PORT");
    assert_snapshot!(told, @r#"
        error[R036]: 'public' of [admin]: 127.0.0.1:PORT cannot be opened
          --> app.toml:6:10
        Caused by: Address already in use (os error 98)
        hint: write public = "127.0.0.1:NEXT" or another free port into [admin], or public = "none" to open no port
    "#);
    drop(taken);
    fs::write(dir.path().join("app.toml"), manifest("config = { do = \"pass\" }", "none")).unwrap();
    let output = command(dir.path(), "run app.toml --until-idle").output().unwrap();
    assert!(output.status.success() && !String::from_utf8(output.stderr).unwrap().contains("metrics at"));
}

/// Every metric that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c: char| !word(c)).filter(|w| w.starts_with("cofferdam_")).map(str::to_owned).collect()
}

/// Names in alerts, board and table are those of the host; the table has all of them.
fn documents_name_what_is_there(page: &Metrics) {
    let read = |file: &str| fs::read_to_string(repository().join("docs").join(file)).unwrap();
    let (table, alerts, board) = (read("metrics.md"), read("alerts.yml"), read("grafana.json"));
    let ours: BTreeSet<String> = page.families.keys().filter(|name| !name.starts_with("cofferdam_guest_")).cloned().collect();
    let family = |name: &str| {
        let mut stems = ["_bucket", "_sum", "_count"].iter().filter_map(|suffix| name.strip_suffix(suffix));
        let histogram = stems.find(|stem| page.families.get(*stem).is_some_and(|kind| kind == "histogram"));
        histogram.unwrap_or(name).to_owned()
    };
    for (file, text) in [("alerts.yml", &alerts), ("grafana.json", &board)] {
        let names: BTreeSet<String> = named(text).iter().map(|name| family(name)).collect();
        let unknown: Vec<&String> = names.difference(&ours).collect();
        assert!(names.len() > 5 && unknown.is_empty(), "{file} names what is not there: {unknown:?}");
    }
    let mut told = named(&table);
    told.retain(|name| !name.starts_with("cofferdam_guest_"));
    assert_eq!(told, ours, "left: docs/metrics.md; right: the host");
    assert_eq!(alerts.matches("- alert: ").count(), 6);
    let board: Value = serde_json::from_str(&board).unwrap();
    assert!(board["panels"].as_array().unwrap().iter().all(|panel| panel["targets"][0]["expr"].is_string()));
}
