//! What is accepted, and the exact words for what is not (snapshots beside this file; a person reads them).

use std::fmt::Write as _;
use std::time::Duration;

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

/// What only the parser can know: the schema lets texts with these parts pass.
pub(super) const BEYOND_THE_SCHEMA: &[&str] = &[
    "1GiB1",
    "2GiB",
    "\"1MiB\"",
    "1KiB",
    "0s",
    "Mars/Phobos",
    "%!",
    "localhost",
    "ca.pem",
    "host 1",
    "repartition = true }\n# sink",
    "twice",
    "stock:",
    "://",
    "nan",
    "mixed",
    "70000",
    "10h10",
    "\"..\"\n# app",
    "# too short",
    "# 0",
];

fn with_app(part: &str) -> String {
    format!("[app]\nid = \"shop\"\n\n{part}\n")
}

fn processor(part: &str) -> String {
    format!("[processors.x]\ncomponent = \"x.wasm\"\n{part}")
}

/// Bad manifests, each with the theme that it belongs to.
pub(super) fn refused() -> Vec<(String, &'static str)> {
    let digest = "0".repeat(63);
    let mut cases: Vec<(String, &'static str)> = Vec::new();
    let mut theme = |name: &'static str, parts: &[&str]| cases.extend(parts.iter().map(|p| (with_app(p), name)));
    theme(
        "unknown_keys",
        &[
            "[source.flights]\ntopic = \"flights\"",
            "[app2]\nid = \"x\"",
            "[broker]\nknd = \"embedded\"",
            "[runtime]\nthread = 2\nstate_dir = \"x\"",
            "[topics.t]\npartition = 2",
            "[sources.s]\ntopci = \"flights\"\ntopic = \"flights\"",
            "[sources.s]\ntopic = \"t\"\ntimestamp = { field = \"/a\", formt = \"%Y\" }",
            "[sources.s]\ntopic = \"t\"\non_error = \"skip\"",
            "[sources.s]\ntopic = \"t\"\non-error = { polciy = \"skip\" }",
            "[sources.s]\ntopic = \"t\"\non-error = { policy = \"skip\", retry = { mx = 3 } }",
            "[tables.t]\ntopic = \"t\"\nstart = \"latest\"",
            "[processors.p]\ncomponent = \"p.wasm\"\nform = [\"a\"]",
            "[processors.p]\ncomponent = \"p.wasm\"\nfrom = { form = \"a\", from = \"a\" }",
            "[processors.p]\ncomponent = \"p.wasm\"\nstores = [{ store = \"s\", acces = \"read\" }]",
            "[processors.p]\ncomponent = \"p.wasm\"\nlimits = { memroy = \"1MiB\" }",
            "[stores.s]\nbackned = \"memory\"",
            "[sinks.s]\ntopic = \"t\"\nfroms = \"a\"",
        ],
    );
    theme(
        "missing_keys",
        &[
            "[sources.s]\nstart = \"latest\"",
            "[tables.t]",
            "[processors.p]\nfrom = \"a\"",
            "[sinks.s]\nfrom = \"a\"",
            "[sources.s]\ntopic = \"t\"\ntimestamp = { zone = \"UTC\" }",
            "[sources.s]\ntopic = \"t\"\non-error = { policy = \"dead-letter\" }",
            "[processors.p]\ncomponent = \"p.wasm\"\nfrom = { repartition = true }",
            "[processors.p]\ncomponent = \"p.wasm\"\nstores = [{ access = \"read\" }]",
        ],
    );
    theme(
        "wrong_types",
        &[
            "[sources]\nflights = \"flights\"",
            "[[sources.s]]\ntopic = \"t\"",
            "[runtime]\nthreads = \"two\"",
            "[runtime]\ncommit-interval = 100",
            "[sources.s]\ntopic = 5",
            "[sources.s]\ntopics = \"a\"",
            "[sources.s]\ntopic = \"t\"\ntimestamp = \"/date\"",
            "[sources.s]\ntopic = \"t\"\non-error = true",
            "[tables.t]\ntopic = \"t\"\nchangelog = \"yes\"",
            &processor("from = 3"),
            &processor("from = [\"a\", 3]"),
            &processor("from = [[\"a\"]]"),
            &processor("inputs = [\"a\"]"),
            &processor("inputs = { left = 1.5 }"),
            &processor("stores = \"s\""),
            &processor("stores = [1979-05-27]"),
            &processor("from = { from = { from = \"a\" } }"),
        ],
    );
    theme(
        "bad_values",
        &[
            "[app2]\n\n[broker]\nkind = \"embeded\"",
            "[runtime]\nthreads = 0",
            "[runtime]\nthreads = -1\nstate-dir = \"\"",
            "[runtime]\ncommit-interval = \"100\"",
            "[runtime]\nmax-task-idle = \"10h10\"",
            "[runtime]\nmemory = \"1MiB\"",
            "[topics.t]\npartitions = 0\ncleanup = \"compacted\"\npartitioner = \"murmur3\"",
            "[sources.s]\ntopic = \"t\"\nstart = \"beginning\"",
            "[sources.s]\ntopics = []",
            "[sources.s]\ntopic = \"t\"\ntimestamp = { field = \"date.time\" }",
            "[sources.s]\ntopic = \"t\"\ntimestamp = { field = \"/date\", format = \"%!\" }",
            "[sources.s]\ntopic = \"t\"\ntimestamp = { field = \"/date\", zone = \"Mars/Phobos\" }",
            "[sources.s]\ntopic = \"t\"\non-error = \"ignore\"",
            "[sources.s]\ntopic = \"t\"\non-error = \"dead-letter\"",
            &processor("from = []"),
            &processor("limits = { memory = \"64MB\" }"),
            &processor("limits = { memory = \"2GiB\" }"),
            &processor("limits = { memory = \"1KiB\" }"),
            &processor("limits = { deadline = \"0s\" }"),
            &processor("limits = { outputs = 0 }"),
            &processor(&format!("digest = \"sha256:{digest}\"")),
            &processor("stores = [{ store = \"s\", access = \"write\" }]"),
            &processor("config = { factor = nan }"),
            "[stores.s]\nkind = \"keyvalue\"",
            "[stores.s]\nbackend = \"rocks\"",
            "[admin]\npublic = \"9464\"",
            "[admin]\npublic = \":9464\"",
            "[admin]\npublic = \"0.0.0.0:http\"",
            "[admin]\npublic = \"0.0.0.0:70000\"",
            "[admin]\npublic = \"::1:9464\"",
            "[admin]\npublic = \"http://0.0.0.0:9464\"",
        ],
    );
    theme(
        "bad_names",
        &[
            "[runtime]\ninstance-id = \"host 1\"",
            "[sources.\"by.origin\"]\ntopic = \"t\"",
            "[sources.Flights]\ntopic = \"t\"",
            "[stores._s]",
            "[topics.\"a b\"]",
            "[sources.s]\ntopic = \"a/b\"",
            "[sources.s]\ntopic = \"..\"",
            &processor("from = \"a.b.c\""),
            &processor("from = \"a.\""),
            &processor("from = \"A\""),
        ],
    );
    theme(
        "contradictions",
        &[
            "[broker]\nbootstrap = \"localhost:9092\"",
            "[broker]\nkind = \"embedded\"\nclient = { \"ssl.ca.location\" = \"ca.pem\" }",
            "[sources.s]\ntopic = \"a\"\ntopics = [\"b\"]",
            "[sources.s]\ntopic = \"t\"\non-error = { policy = \"skip\", topic = \"bad\" }",
            &processor("from = \"a\"\ninputs = { left = \"b\" }"),
            "[sinks.s]\ntopic = \"t\"\nfrom = { from = \"a\", repartition = true }\n# sink",
        ],
    );
    theme(
        "repetitions",
        &[
            "# twice\n[sources.s]\ntopic = \"a\"\n\n[sinks.s]\ntopic = \"b\"",
            "# twice\n[tables.s]\ntopic = \"a\"\n\n[stores.s]",
            "# twice\n[sources.s]\ntopics = [\"a\", \"b\", \"a\"]",
            &processor("from = [\"a\", \"b.c\", \"a\", \"b.c\"] # twice"),
            &processor("stores = [\"a\", { store = \"a\", access = \"read\" }] # twice"),
        ],
    );
    theme(
        "stores",
        &[
            "[stores.s]\nkind = \"windows\"",
            "[stores.s]\nkind = \"window\"",
            "[stores.s]\nkind = \"window\"\nwindow = \"1h\"\nretention = \"59m\" # too short",
            "[stores.s]\nkind = \"window\"\nwindow = \"1h\"\nretention = 24\nduplicates = \"yes\"",
            "[stores.s]\nkind = \"session\"",
            "[stores.s]\nkind = \"session\"\nretention = \"1h\"\nduplicates = true\nwindow = \"1h\"",
            "[stores.s]\nkind = \"versioned\"\nhistory = \"1h\"\nsegment-interval = \"300ms\" # too short",
            "[stores.s]\nkind = \"versioned\"\nhistory = \"0ms\"\nsegment-interval = \"0ms\" # too short",
            "[stores.s]\nkind = \"versioned\"\nretention = \"1h\"\nttl = \"1h\"",
            "[stores.s]\nhistory = \"1h\"\nretention = \"7d\"\nwindow = \"1h\"",
            "[stores.s]\nttl = \"0ms\" # 0",
            "[stores.s]\nttl = \"7\"",
        ],
    );
    theme(
        "not_there_yet",
        &[
            "[global-tables.g]\ntopic = \"t\"",
            "[admin]\nlisten = \"127.0.0.1:9000\"\npublic = \"none\"",
            "[processors.p]\ncomponent = \"oci://ghcr.io/a/b:1\"",
            "[processors.p]\ncomponent = \"stock:join\"",
            "[processors.p]\ncomponent = \"stock:tabel\"",
            &processor("allow = [\"wasi:filesystem/types\"]"),
        ],
    );
    let whole = [
        "",
        "[app]\n",
        "[app]\nid = \"a b\"\nguarantee = \"exactly_once\"\n",
        "[app]\nid = \"\"\n",
        "[app]\nid = \"..\"\n# app",
        "app = \"x\"\n",
        "[app]\nid = \"a\n",
        "[app]\nid = \"a\"\n[app]\nid = \"b\"\n",
    ];
    cases.extend(whole.iter().map(|text| ((*text).to_owned(), "the_whole_file")));
    cases
}

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
    assert_eq!(model::default_public_address(true), Some("127.0.0.1:9464"));
}
