//! The store scripts of the conformance vectors, on both backends: in one transaction, with a commit after each step, and made anew from the
//! changelogs again and again.

use std::ops::Bound;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::kinds::{Kept, in_chunks};
use super::*;

/// When what a script has done is committed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Commits {
    Never,
    Always,
    AlwaysAndRestored,
}

fn vectors(folder: &Path, found: &mut Vec<Value>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            vectors(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap());
        }
    }
}

fn ms(of: &Value) -> Duration {
    Duration::from_millis(of.as_u64().unwrap())
}

fn shape(vector: &Value) -> StoreShape {
    let params = &vector["params"];
    match vector["operator"].as_str().unwrap() {
        "store/key-value" => StoreShape::KeyValue { ttl: None },
        "store/window" => StoreShape::Window {
            size: ms(&params["window_size_ms"]),
            retention: ms(&params["retention_ms"]),
            duplicates: params["retain_duplicates"].as_bool().unwrap(),
        },
        "store/session" => StoreShape::Session { retention: ms(&params["retention_ms"]) },
        "store/versioned" => {
            let segment = params["segment_interval_ms"].as_u64().map(Duration::from_millis);
            StoreShape::Versioned { history: ms(&params["history_retention_ms"]), segment }
        }
        other => panic!("{other}"),
    }
}

/// One step of a script.
struct Step<'s>(&'s Map<String, Value>);

impl Step<'_> {
    fn op(&self) -> &str {
        self.0["op"].as_str().unwrap()
    }

    fn bytes(&self, field: &str) -> Option<Bytes> {
        self.0[field].as_str().map(|text| Bytes::copy_from_slice(text.as_bytes()))
    }

    fn key(&self) -> Bytes {
        self.bytes("key").unwrap()
    }

    fn number(&self, field: &str) -> i64 {
        self.0[field].as_i64().unwrap()
    }

    fn keys(&self, from: &str, to: &str) -> (Bound<Bytes>, Bound<Bytes>) {
        let bound = |field| self.bytes(field).map_or(Unbounded, Included);
        (bound(from), bound(to))
    }

    fn order(&self) -> ScanOrder {
        if ["backward", "reverse"].iter().any(|word| self.op().starts_with(word)) { ScanOrder::Descending } else { ScanOrder::Ascending }
    }
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8(bytes.to_vec()).unwrap().into()
}

fn found(value: Option<Bytes>) -> Value {
    value.map_or(json!([]), |value| json!([{ "value": text(&value) }]))
}

fn key_value(kept: &mut Kept, step: &Step<'_>) -> Value {
    let value = |row: Option<Row>| found(row.map(|row| row.value));
    let row = |value: Option<Bytes>| value.map(|value| Row { value, timestamp: Timestamp(0) });
    match step.op() {
        "put" => kept.stores().put(0, &step.key(), row(step.bytes("value"))).unwrap(),
        "get" => return value(kept.stores().get(0, &step.key()).unwrap()),
        "delete" | "put_if_absent" => {
            let held = kept.stores().get(0, &step.key()).unwrap();
            if step.op() == "delete" {
                kept.stores().put(0, &step.key(), None).unwrap();
            } else if let (None, Some(value)) = (&held, step.bytes("value")) {
                kept.stores().put(0, &step.key(), row(Some(value))).unwrap();
            }
            return value(held);
        }
        "prefix_scan" => {
            let prefix = step.bytes("prefix").unwrap();
            let rows = kept.stores().scan(0, Included(&prefix), Unbounded, ScanOrder::Ascending, usize::MAX).unwrap();
            return rows
                .iter()
                .filter(|(key, _)| key.starts_with(&prefix))
                .map(|(key, row)| json!({"key": text(key), "value": text(&row.value)}))
                .collect();
        }
        _ => {
            let (lower, upper) = if step.op().ends_with("all") { (Unbounded, Unbounded) } else { step.keys("from", "to") };
            let rows = kept.stores().scan(0, as_slice(&lower), as_slice(&upper), step.order(), usize::MAX).unwrap();
            return rows.iter().map(|(key, row)| json!({"key": text(key), "value": text(&row.value)})).collect();
        }
    }
    json!([])
}

fn as_slice(bound: &Bound<Bytes>) -> Bound<&[u8]> {
    bound.as_ref().map(|key| &key[..])
}

fn window(kept: &mut Kept, step: &Step<'_>, size_ms: i64) -> Value {
    let stores = kept.stores();
    let mut store = stores.windows(0).unwrap();
    let starts = || (step.number("from"), step.number("to"));
    match step.op() {
        "put" => {
            let row = step.bytes("value").map(|value| Row { value, timestamp: Timestamp(step.number("start")) });
            store.put(&step.key(), step.number("start"), row);
            json!([])
        }
        "fetch_one" => found(store.get(&step.key(), step.number("start")).unwrap().map(|row| row.value)),
        "fetch" | "backward_fetch" => {
            let rows = in_chunks(step.order(), 2, |next| store.fetch(&step.key(), starts(), next).unwrap());
            rows.iter().map(|(at, row)| json!({"start": at.start(), "value": text(&row.value)})).collect()
        }
        op => {
            let mut rows = match op {
                "fetch_keys" => {
                    let (lower, upper) = step.keys("key_from", "key_to");
                    in_chunks(step.order(), 2, |next| store.fetch_range((as_slice(&lower), as_slice(&upper)), starts(), next).unwrap())
                }
                "fetch_all" => in_chunks(step.order(), 2, |next| store.scan(starts(), next).unwrap()),
                "all" => in_chunks(step.order(), 2, |next| store.scan((i64::MIN, i64::MAX), next).unwrap()),
                op => panic!("{op}"),
            };
            rows.sort_by(|(a, _), (b, _)| (a.key(), a.start()).cmp(&(b.key(), b.start())));
            let row = |(at, row): &(WindowKey, Row)| json!({"key": text(at.key()), "window": [at.start(), at.start() + size_ms], "value": text(&row.value)});
            rows.iter().map(row).collect()
        }
    }
}

fn session(kept: &mut Kept, step: &Step<'_>) -> Value {
    let stores = kept.stores();
    let mut store = stores.sessions(0).unwrap();
    let which = || match step.0.get("earliest_end") {
        Some(_) => Touching { earliest_end: step.number("earliest_end"), latest_start: step.number("latest_start") },
        None => Touching { earliest_end: i64::MIN, latest_start: i64::MAX },
    };
    let mut rows = match step.op() {
        "put" => {
            store.put(&step.key(), step.number("start"), step.number("end"), step.bytes("value"));
            return json!([]);
        }
        "remove" => {
            store.put(&step.key(), step.number("start"), step.number("end"), None);
            return json!([]);
        }
        "fetch_session" => return found(store.get(&step.key(), step.number("start"), step.number("end")).unwrap()),
        "find_sessions_keys" => {
            let (lower, upper) = step.keys("key_from", "key_to");
            in_chunks(step.order(), 2, |next| store.find_range((as_slice(&lower), as_slice(&upper)), which(), next).unwrap())
        }
        _ => in_chunks(step.order(), 2, |next| store.find(&step.key(), which(), next).unwrap()),
    };
    if step.op() == "find_sessions_keys" {
        rows.sort_by(|(a, _), (b, _)| (a.key(), a.start(), a.end()).cmp(&(b.key(), b.start(), b.end())));
    }
    rows.iter().map(|(at, value)| json!({"key": text(at.key()), "window": [at.start(), at.end()], "value": text(value)})).collect()
}

fn versioned(kept: &mut Kept, step: &Step<'_>) -> Value {
    let stores = kept.stores();
    let mut store = stores.versioned(0).unwrap();
    let version = |version: Option<Version>| {
        version.map_or(json!([]), |version| json!([{"value": text(&version.value), "valid_from": version.valid_from}]))
    };
    match step.op() {
        "put" => match store.put(&step.key(), step.bytes("value"), step.number("ts")).unwrap() {
            VersionedPut::Latest => json!([{"put": true, "valid_to": null}]),
            VersionedPut::Until(end) => json!([{"put": true, "valid_to": end}]),
            VersionedPut::Expired => json!([{"put": false, "valid_to": null}]),
        },
        "delete" => {
            let held = store.get_as_of(&step.key(), step.number("ts")).unwrap();
            let put = store.put(&step.key(), None, step.number("ts")).unwrap();
            version(held.filter(|_| put != VersionedPut::Expired))
        }
        "get" => version(store.get(&step.key()).unwrap()),
        "get_as_of" => version(store.get_as_of(&step.key(), step.number("as_of")).unwrap()),
        "history" => {
            let times = (step.number("from"), step.number("to"));
            let rows = in_chunks(ScanOrder::Ascending, 2, |next: Next<'_, i64>| {
                let part = store.history(&step.key(), times, next.order, next.after.copied(), next.max).unwrap();
                part.into_iter().map(|version| (version.valid_from, version)).collect()
            });
            let backwards = store.history(&step.key(), times, ScanOrder::Descending, None, usize::MAX).unwrap();
            assert_eq!(backwards.into_iter().rev().collect::<Vec<_>>(), rows.iter().map(|(_, v)| v.clone()).collect::<Vec<_>>());
            rows.iter().map(|(_, v)| json!({"value": text(&v.value), "valid_from": v.valid_from, "valid_to": v.valid_to})).collect()
        }
        op => panic!("{op}"),
    }
}

#[test]
fn store_scripts_give_what_kafka_streams_gave() {
    let mut all = Vec::new();
    vectors(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/store"), &mut all);
    // Beside them there may be step files, of which the command makes a whole topology.
    all.retain(|vector| vector.get("operator").is_some());
    assert!(all.len() >= 18, "{} store scripts are there", all.len());
    for vector in &all {
        let shape = shape(vector);
        for backend in [Backend::RocksDb, Backend::Memory] {
            for commits in [Commits::Never, Commits::Always, Commits::AlwaysAndRestored] {
                run(vector, shape, backend, commits);
            }
        }
    }
}

fn run(vector: &Value, shape: StoreShape, backend: Backend, commits: Commits) {
    let mut kept = Kept::new(StoreConfig { shape, ..config("s", backend) });
    let (steps, expected) = (vector["steps"].as_array().unwrap(), vector["expect"].as_array().unwrap());
    assert_eq!(steps.len(), expected.len());
    for (at, (step, expected)) in steps.iter().zip(expected).enumerate() {
        if *expected == json!([{"error": "null-argument"}]) {
            // A key that is null does not come so far.
            continue;
        }
        let step = Step(step.as_object().unwrap());
        let gave = match shape {
            StoreShape::KeyValue { .. } => key_value(&mut kept, &step),
            StoreShape::Window { size, .. } => window(&mut kept, &step, size.as_millis() as i64),
            StoreShape::Session { .. } => session(&mut kept, &step),
            StoreShape::Versioned { .. } => versioned(&mut kept, &step),
        };
        assert_eq!(gave, *expected, "{}, {backend}, {commits:?}, step {at}: {:?}", vector["name"], step.0);
        if commits != Commits::Never {
            kept.commit();
        }
        // A database takes its time to open.
        if commits == Commits::AlwaysAndRestored && (backend == Backend::Memory || at % 16 == 15) {
            kept.make_anew();
        }
    }
}
