//! Operations on a versioned store.

use cofferdam_guest::{Timestamp, Version, VersionedPut, VersionedStore};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Key, Rows};

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Op {
    Put { key: Key, value: Option<String>, ts: Timestamp },
    Delete { key: Key, ts: Timestamp },
    Get { key: Key },
    GetAsOf { key: Key, as_of: Timestamp },
    History { key: Key, from: Timestamp, to: Timestamp },
}

/// What became of a write, or versions by time.
pub(crate) fn run(store: &VersionedStore<Key, String>, op: Op) -> Rows {
    match op {
        Op::Put { key, value: Some(value), ts } => Ok(vec![written(store.put(&key, &value, ts)?)]),
        Op::Put { key, value: None, ts } => Ok(vec![written(store.remove(&key, ts)?)]),
        Op::Delete { key, ts } => Ok(held(store.delete(&key, ts)?)),
        Op::Get { key } => Ok(held(store.get(&key)?)),
        Op::GetAsOf { key, as_of } => Ok(held(store.get_as_of(&key, as_of)?)),
        Op::History { key, from, to } => {
            let version = |v: Version<String>| json!({"value": v.value, "valid_from": v.valid_from, "valid_to": v.valid_to});
            store.history(&key, from..=to)?.map(|found| found.map(version)).collect()
        }
    }
}

fn written(put: VersionedPut) -> Value {
    match put {
        VersionedPut::Latest => json!({"put": true, "valid_to": null}),
        VersionedPut::Until(valid_to) => json!({"put": true, "valid_to": valid_to}),
        VersionedPut::Expired => json!({"put": false, "valid_to": null}),
    }
}

fn held(version: Option<Version<String>>) -> Vec<Value> {
    version.map(|version| json!({"value": version.value, "valid_from": version.valid_from})).into_iter().collect()
}
