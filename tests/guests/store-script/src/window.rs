//! Operations on a window store.

use cofferdam_guest::{Failure, Timestamp, WindowEntries, WindowEntry, WindowStore};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Key, Rows, end};

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Op {
    Put { key: Key, value: Option<String>, start: Timestamp },
    FetchOne { key: Key, start: Timestamp },
    Fetch { key: Key, from: Timestamp, to: Timestamp },
    BackwardFetch { key: Key, from: Timestamp, to: Timestamp },
    FetchKeys { key_from: Key, key_to: Key, from: Timestamp, to: Timestamp },
    FetchAll { from: Timestamp, to: Timestamp },
    All,
}

/// One key's rows by start, or those of many by key, then start.
pub(crate) fn run(store: &WindowStore<Key, String>, op: Op) -> Rows {
    match op {
        Op::Put { key, value: Some(value), start } => store.put(&key, start, &value).map(|()| Vec::new()),
        Op::Put { key, value: None, start } => store.delete(&key, start).map(|()| Vec::new()),
        Op::FetchOne { key, start } => Ok(store.get(&key, start)?.map(|value| json!({"value": value})).into_iter().collect()),
        Op::Fetch { key, from, to } => rows(store.fetch(&key, from..=to)?, started),
        Op::BackwardFetch { key, from, to } => rows(store.fetch_descending(&key, from..=to)?, started),
        Op::FetchKeys { key_from, key_to, from, to } => {
            rows(store.fetch_range((end(key_from), end(key_to)), from..=to)?, |entry| keyed(entry, store.size_ms()))
        }
        Op::FetchAll { from, to } => rows(store.fetch_range(.., from..=to)?, |entry| keyed(entry, store.size_ms())),
        Op::All => rows(store.all(), |entry| keyed(entry, store.size_ms())),
    }
}

fn rows(entries: WindowEntries<'_, Key, String>, shown: impl Fn(WindowEntry<Key, String>) -> Value) -> Result<Vec<Value>, Failure> {
    entries.map(|entry| entry.map(&shown)).collect()
}

fn started(entry: WindowEntry<Key, String>) -> Value {
    json!({"start": entry.start, "value": entry.value})
}

fn keyed(entry: WindowEntry<Key, String>, size: i64) -> Value {
    json!({"key": entry.key, "window": [entry.start, entry.start + size], "value": entry.value})
}
