//! What is accepted, and the exact words for what is not (snapshots beside this file; a person reads them).

mod refused;

use std::fmt::Write as _;
use std::time::Duration;

pub(super) use refused::{BEYOND_THE_SCHEMA, refused};

use super::*;
use crate::error::Severity;

/// The smallest manifest, and one that uses every key.
pub(super) const ACCEPTED: &[&str] = &[
    "[app]\nid = \"a\"\n",
    r#"
[app]
id = "flight-delays"
guarantee = "at-least-once"

[broker]
kind = "embedded"

[runtime]
threads = 2
state-dir = "state"
commit-interval = "50ms"
max-task-idle = "1s"
memory = "64MiB"

[admin]
public = "[::1]:9464"
listen = "0.0.0.0:9500"
tls-cert = "host.pem"
tls-key = "host.key"
advertise = "host-1.example:9500"
peer-token = "peers.token"
peer-ca = "ca.pem"

[topics.flights]
partitions = 4
cleanup = "compact,delete"
retention = "7d"
replication = 3
partitioner = "crc32"

[topics."Other.topic"]
cleanup = "compact"

[sources.flights]
topic = "flights"
start = "latest"
timestamp = { field = "/date", format = "%Y/%m/%d %H:%M", zone = "Europe/Berlin" }
on-error = { policy = "dead-letter", topic = "bad-flights" }

[sources.more]
topics = ["a", "b"]
on-error = "skip"

[tables.airports]
topic = "airports"
timestamp = { field = "/updated" }
on-error = "fail"
changelog = true
backend = "memory"

[processors.join]
component = "target/join.wasm"
digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
inputs = { left = { from = ["by-origin", "more"], repartition = true }, right = "airports", rest = ["by-origin.odd"] }
stores = { state = "delays", names = { store = "airports", access = "read" } }
config = { op = "max", nested = { list = [1, 2.5, true, 1979-05-27] } }
on-error = { policy = "dead-letter", topic = "bad-flights", retry = { max = 5, backoff = "1s" } }
limits = { memory = "32MiB", deadline = "500ms", outputs = 10 }

[processors.by-origin]
component = "stock:table"
from = ["flights", { from = "more", repartition = true }]
stores = ["by-origin", { store = "delays", access = "read-write" }]

[stores.delays]
kind = "key-value"
backend = "memory"

[stores.by-origin]

[sinks.out]
topic = "out"
from = "join"
on-error = { policy = "skip" }

[sinks.odd]
topic = "odd"
from = ["join.odd", "by-origin.even"]
"#,
    "[app]\nid = \"a\"\nguarantee = \"at-least-once\"\n[broker]\nkind = \"kafka\"\nbootstrap = \"k1:9092,k2:9092\"\n\
     client = { \"security.protocol\" = \"SSL\", \"fetch.max.bytes\" = 1048576, \"enable.ssl.certificate.verification\" = true }\n\
     [runtime]\ninstance-id = \"host-1\"\n",
    "[app]\nid = \"a\"\n[stores.k]\nttl = \"7d\"\n[stores.w]\nkind = \"window\"\nwindow = \"0ms\"\nretention = \"0ms\"\nduplicates = true\n\
     [stores.v]\nkind = \"versioned\"\nhistory = \"0ms\"\n[stores.x]\nkind = \"versioned\"\nhistory = \"1s\"\nsegment-interval = \"100ms\"\n\
     [stores.s]\nkind = \"session\"\nretention = \"1h\"\nbackend = \"memory\"\n",
];

#[test]
fn every_mistake_is_told_in_exact_words() {
    let mut themes: Vec<(&str, String)> = Vec::new();
    for (text, theme) in refused() {
        let errors = Manifest::parse("app.toml", &text).expect_err(&text);
        assert!(!errors.is_empty() && errors.iter().all(|e| e.severity == Severity::Error && e.place.is_some()), "{text}");
        if themes.last().is_none_or(|(name, _)| *name != theme) {
            themes.push((theme, String::new()));
        }
        let Some((_, page)) = themes.last_mut() else { continue };
        let shown = text.strip_prefix("[app]\nid = \"shop\"\n\n").unwrap_or(&text);
        for line in shown.trim_end().lines() {
            writeln!(page, "| {line}").unwrap();
        }
        for error in errors {
            writeln!(page, "{error}").unwrap();
        }
        writeln!(page).unwrap();
    }
    for (theme, page) in themes {
        insta::assert_snapshot!(theme, page);
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once_in_the_order_of_the_file() {
    let text = "[app]\nid = \"a b\"\n\n[sinks.out]\ntopc = \"x\"\n\n[sources.s]\ntopic = 1\n";
    let errors = Manifest::parse("app.toml", text).unwrap_err();
    let lines: Vec<(&str, u32)> = errors.iter().map(|e| (e.code, e.place.as_ref().unwrap().line)).collect();
    assert_eq!(lines, [("M006", 2), ("M002", 4), ("M003", 5), ("M004", 8)]);
}

#[test]
fn columns_count_letters_not_bytes() {
    let errors = Manifest::parse("app.toml", "[app]\nid = \"a\"\n[topics.\"ö\"]\n[runtime]\n\"ä\" = 1\n").unwrap_err();
    let places: Vec<(u32, u32)> = errors.iter().map(|e| (e.place.as_ref().unwrap().line, e.place.as_ref().unwrap().column)).collect();
    assert_eq!(places, [(3, 9), (5, 1)]);
}

#[test]
fn every_key_arrives() {
    let manifest = Manifest::parse("apps/flights/app.toml", ACCEPTED[1]).unwrap();
    assert_eq!(&*manifest.app.id.value, "flight-delays");
    assert_eq!(manifest.app.guarantee, Guarantee::AtLeastOnce);
    assert_eq!(manifest.state_dir(), Path::new("apps/flights/state"));
    assert_eq!((manifest.runtime.threads, manifest.runtime.commit_interval), (2, Duration::from_millis(50)));
    assert_eq!((manifest.runtime.max_task_idle, manifest.runtime.memory_bytes), (Duration::from_secs(1), 64 << 20));
    assert_eq!(manifest.public_address(), Some("[::1]:9464"));
    assert_eq!(manifest.admin_address(), Some("0.0.0.0:9500"));
    assert_eq!(manifest.admin.advertise.as_ref().map(|address| &*address.value), Some("host-1.example:9500"));
    assert_eq!(manifest.admin.peers, Some(model::Peers { token: "peers.token".into(), ca: "ca.pem".into() }));
    let topic = &manifest.topics[0];
    assert_eq!((topic.partitions, topic.cleanup, topic.replication), (Some(4), Some(Cleanup::CompactDelete), Some(3)));
    assert_eq!((topic.retention, topic.partitioner), (Some(Duration::from_secs(7 * 86_400)), Partitioner::Crc32));
    assert_eq!(&*manifest.topics[1].name.value, "Other.topic");
    assert_eq!(manifest.sources[0].start, Start::Latest);
    let timestamp = manifest.sources[0].timestamp.as_ref().unwrap();
    assert_eq!((timestamp.format.as_deref(), timestamp.zone.as_str()), (Some("%Y/%m/%d %H:%M"), "Europe/Berlin"));
    assert_eq!(manifest.sources[0].on_error.policy, FailurePolicy::DeadLetter("bad-flights".into()));
    assert_eq!(manifest.sources[1].on_error.policy, FailurePolicy::Skip);
    assert_eq!(manifest.sources[1].topics.len(), 2);
    assert_eq!((manifest.tables[0].changelog, manifest.tables[0].backend), (true, Backend::Memory));
    assert_eq!((manifest.sinks[0].from.len(), manifest.sinks[1].from.len()), (1, 2));
}

#[test]
fn processors_keep_the_order_of_the_file_and_every_form_of_an_edge() {
    let manifest = Manifest::parse("app.toml", ACCEPTED[1]).unwrap();
    let [join, by_origin] = &manifest.processors[..] else { panic!() };
    assert_eq!((&*join.name.value, &*by_origin.name.value), ("join", "by-origin"));
    let Inputs::Roles(roles) = &join.inputs else { panic!() };
    let shown: Vec<String> =
        roles.iter().flat_map(|r| r.edges.iter().map(|e| format!("{}<{}.{:?} {}", r.role, e.node, e.port, e.repartition))).collect();
    assert_eq!(
        shown,
        ["left<by-origin.None true", "left<more.None true", "right<airports.None false", "rest<by-origin.Some(\"odd\") false"]
    );
    let StoreGrants::Roles(stores) = &join.stores else { panic!() };
    assert_eq!(stores[1].1.access, Some(StoreAccess::Read));
    let Inputs::From(edges) = &by_origin.inputs else { panic!() };
    assert_eq!((edges[0].repartition, edges[1].repartition), (false, true));
    assert_eq!((join.limits.memory_bytes, join.limits.deadline, join.limits.outputs), (32 << 20, Duration::from_millis(500), 10));
    assert_eq!((join.on_error.retries, join.on_error.backoff), (5, Duration::from_secs(1)));
    assert_eq!(by_origin.component.value, ComponentRef::Stock("table".to_owned()));
}

#[test]
fn config_becomes_json_and_keeps_its_places() {
    let manifest = Manifest::parse("app.toml", ACCEPTED[1]).unwrap();
    let config = &manifest.processors[0].config;
    assert_eq!(config.json(), r#"{"nested":{"list":[1,2.5,true,"1979-05-27"]},"op":"max"}"#);
    assert_eq!(manifest.processors[1].config.json(), "{}");
    let pointers: Vec<&str> = config.places.keys().map(String::as_str).collect();
    assert_eq!(pointers, ["", "/nested", "/nested/list", "/nested/list/0", "/nested/list/1", "/nested/list/2", "/nested/list/3", "/op"]);
    assert_eq!(config.places["/op"].column, 12);
}

#[test]
fn file_that_cannot_be_read_is_named() {
    let errors = Manifest::load(Path::new("/nowhere/app.toml")).unwrap_err();
    assert_eq!(errors[0].code, "M001");
    assert_eq!(errors[0].message, "the manifest /nowhere/app.toml cannot be read");
}

#[test]
fn no_port_is_opened_unasked_on_the_embedded_log() {
    let address = |admin: &str| {
        let manifest = Manifest::parse("app.toml", &format!("[app]\nid = \"a\"\n{admin}")).unwrap();
        manifest.public_address().map(str::to_owned)
    };
    assert_eq!(address(""), None);
    assert_eq!(address("[admin]\npublic = \"none\""), None);
    assert_eq!(address("[admin]\npublic = \"0.0.0.0:9464\"").as_deref(), Some("0.0.0.0:9464"));
    assert_eq!(Manifest::parse("a", "[app]\nid = \"a\"\n[admin]\nlisten = \"none\"").unwrap().admin_address(), None);
    assert_eq!(model::default_public_address(true), Some("127.0.0.1:9464"));
}
