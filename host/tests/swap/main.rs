//! Components that change while the app runs: taken over, refused, rolled back; by the command, with components built from source.
//!
//! Needs built guests (`make guests examples`).

#![allow(clippy::disallowed_methods, reason = "waits have a bound in real time")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod deployed;
#[path = "../../src/sandbox/tests/guest.rs"]
#[allow(dead_code, reason = "the sandbox's own tests use all of it")]
mod guest;
mod migrating;
mod offered;
#[path = "../command/place.rs"]
#[allow(dead_code, reason = "the tests of the command use all of it")]
mod place;
mod planned;
mod refused;
mod taking_over;
mod watching;

use std::collections::BTreeMap;

use guest::{Guest, PASS};
use place::{Place, Running};

/// Names the cluster on which the tests of records run, where there is one.
const BOOTSTRAP: &str = "COFFERDAM_TEST_BOOTSTRAP";

/// One source, one processor, one sink; `more` belongs to the processor.
fn manifest(app: &str, component: &str, more: &str) -> String {
    let broker = std::env::var(BOOTSTRAP).map_or_else(
        |_| String::new(),
        |bootstrap| format!("[broker]\nkind = \"kafka\"\nbootstrap = \"{bootstrap}\"\n\n[admin]\npublic = \"none\"\n\n"),
    );
    format!(
        "[app]\nid = \"{app}\"\n\n{broker}[topics.{app}-in]\npartitions = 2\n\n[runtime]\nthreads = 2\n\n[sources.in]\ntopic = \"{app}-in\"\n\n\
         [processors.p]\ncomponent = \"{component}\"\nfrom = [\"in\"]\n{more}\n[sinks.out]\ntopic = \"{app}-out\"\nfrom = [\"p\"]\n"
    )
}

/// Starts the app, and waits for both of its tasks.
fn start(place: &Place) -> Running<'_> {
    let mut host = place.start(if std::env::var(BOOTSTRAP).is_ok() { "run app.toml --create-topics" } else { "run app.toml" });
    host.until("in_0 ");
    host.until("in_1 ");
    host
}

/// Starts what is deployed in the folder, and waits for both of its tasks.
fn start_deployed<'a>(place: &'a Place, app: &str, flags: &str) -> Running<'a> {
    let mut host = place.start(&format!("run --app {app} --state-dir .cofferdam --public none {flags}"));
    host.until("in_0 ");
    host.until("in_1 ");
    host
}

/// A component that gives each record its own name (two letters) as value; `first` comes before that.
fn named(name: &str, first: &str) -> Vec<u8> {
    let value = "(local.set $value (i32.const 1)) (local.set $value-at (i32.const 700)) (local.set $value-len (i32.const 2))";
    let items = format!("(data (i32.const 700) \"{name}\")");
    Guest { items: &items, process: &format!("{first} {value} {PASS}"), ..Guest::default() }.component()
}

/// Traps at each hundredth record, by its time.
const TRAPS: &str = "(if (i64.eq (i64.rem_u (local.get $time) (i64.const 100)) (i64.const 99)) (then unreachable))";

/// A folder with an app that names `aa`, and `bb` beside it.
fn place(app: &str) -> Place {
    let place = Place::new();
    place.write("app.toml", manifest(app, "aa.wasm", ""));
    place.write("aa.wasm", named("aa", ""));
    place.write("bb.wasm", named("bb", ""));
    place
}

/// Records whose keys are these numbers.
fn produce(place: &Place, numbers: std::ops::Range<u32>) {
    let count = numbers.len();
    place.write("records", numbers.map(|n| format!("{{\"key\":\"{n}\",\"value\":\"x\",\"timestamp\":{n}}}\n")).collect::<String>());
    assert_eq!(
        place.session(&["produce app.toml in records"]),
        format!("$ cofferdam produce app.toml in records\n{count} records produced\n")
    );
}

/// Waits until so many records are there; how often each number has come, and under which name the last time.
fn names(place: &Place, count: usize) -> BTreeMap<u32, Vec<String>> {
    let output = place.output(&format!("consume app.toml out --follow --max {count}"));
    let mut names: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        names.entry(record["key"].as_str().unwrap().parse().unwrap()).or_default().push(record["value"].as_str().unwrap().to_owned());
    }
    names
}

/// What a command says, to the letter.
fn said(place: &Place, line: &str) -> String {
    let output = place.output(line);
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

/// What `status` tells of the processor.
fn status(place: &Place) -> serde_json::Value {
    let status: serde_json::Value = serde_json::from_slice(&place.output("status app.toml --json").stdout).unwrap();
    status["processors"][0].clone()
}

/// The part of a digest that a person is shown.
fn short(bytes: &[u8]) -> String {
    cofferdam::component::digest(bytes)["sha256:".len()..][..12].to_owned()
}
