//! Operations on a key-value store.

use cofferdam_guest::{Entries, KeyValue};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Key, Rows, end};

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Op {
    Put { key: Key, value: Option<String> },
    PutIfAbsent { key: Key, value: Option<String> },
    PutMany { writes: Vec<(Key, Option<String>)> },
    Delete { key: Key },
    Get { key: Key },
    GetMany { keys: Vec<Key> },
    Range { from: Key, to: Key },
    ReverseRange { from: Key, to: Key },
    All,
    ReverseAll,
    PrefixScan { prefix: String },
}

/// The old value where the operation gives one, or rows in their order.
pub(crate) fn run(store: &KeyValue<Key, String>, op: Op) -> Rows {
    match op {
        Op::Put { key, value: Some(value) } => store.put(&key, &value).map(|()| Vec::new()),
        Op::Put { key, value: None } => store.delete(&key).map(|()| Vec::new()),
        Op::PutIfAbsent { key, value: Some(value) } => Ok(found(store.put_if_absent(&key, &value)?)),
        Op::PutIfAbsent { key, value: None } | Op::Get { key } => Ok(found(store.get(&key)?)),
        Op::PutMany { writes } => {
            let writes: Vec<_> = writes.iter().map(|(key, value)| (key, value.clone())).collect();
            store.put_many(writes).map(|()| Vec::new())
        }
        Op::Delete { key } => {
            let held = store.get(&key)?;
            store.delete(&key)?;
            Ok(found(held))
        }
        Op::GetMany { keys } => Ok(store.get_many(&keys)?.into_iter().flat_map(found).collect()),
        Op::Range { from, to } => rows(store.range((end(from), end(to)))?),
        Op::ReverseRange { from, to } => rows(store.range_descending((end(from), end(to)))?),
        Op::All => rows(store.all()),
        Op::ReverseAll => rows(store.range_descending(..)?),
        Op::PrefixScan { prefix } => rows(store.prefix(prefix.as_bytes())),
    }
}

fn found(value: Option<String>) -> Vec<Value> {
    value.into_iter().map(|value| json!({"value": value})).collect()
}

fn rows(entries: Entries<'_, Key, String>) -> Rows {
    entries.map(|entry| entry.map(|entry| json!({"key": entry.key, "value": entry.value}))).collect()
}
