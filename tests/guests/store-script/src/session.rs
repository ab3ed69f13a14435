//! Operations on a session store.

use cofferdam_guest::{Failure, SessionEntries, SessionEntry, SessionStore, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::{Key, Rows, end};

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Op {
    Put { key: Key, value: Option<String>, start: Timestamp, end: Timestamp },
    Remove { key: Key, start: Timestamp, end: Timestamp },
    FetchSession { key: Key, start: Timestamp, end: Timestamp },
    Fetch { key: Key },
    BackwardFetch { key: Key },
    FindSessions { key: Key, earliest_end: Timestamp, latest_start: Timestamp },
    BackwardFindSessions { key: Key, earliest_end: Timestamp, latest_start: Timestamp },
    FindSessionsKeys { key_from: Key, key_to: Key, earliest_end: Timestamp, latest_start: Timestamp },
}

/// One key's sessions by end, then start; those of many by key, then start, then end.
pub(crate) fn run(store: &SessionStore<Key, String>, op: Op) -> Rows {
    match op {
        Op::Put { key, value: Some(value), start, end } => store.put(&key, start, end, &value).map(|()| Vec::new()),
        Op::Put { key, value: None, start, end } | Op::Remove { key, start, end } => store.delete(&key, start, end).map(|()| Vec::new()),
        Op::FetchSession { key, start, end } => Ok(store.get(&key, start, end)?.map(|value| json!({"value": value})).into_iter().collect()),
        Op::Fetch { key } => Ok(shown(read(store.fetch(&key)?)?)),
        Op::BackwardFetch { key } => Ok(shown(read(store.fetch_descending(&key)?)?)),
        Op::FindSessions { key, earliest_end, latest_start } => Ok(shown(read(store.find(&key, earliest_end, latest_start)?)?)),
        Op::BackwardFindSessions { key, earliest_end, latest_start } => {
            Ok(shown(read(store.find_descending(&key, earliest_end, latest_start)?)?))
        }
        Op::FindSessionsKeys { key_from, key_to, earliest_end, latest_start } => {
            let mut sessions = read(store.find_range((end(key_from), end(key_to)), earliest_end, latest_start)?)?;
            sessions.sort_by(|a, b| (&a.key, a.start, a.end).cmp(&(&b.key, b.start, b.end)));
            Ok(shown(sessions))
        }
    }
}

type Session = SessionEntry<Key, String>;

fn read(entries: SessionEntries<'_, Key, String>) -> Result<Vec<Session>, Failure> {
    entries.collect()
}

fn shown(sessions: Vec<Session>) -> Vec<serde_json::Value> {
    let row = |session: Session| json!({"key": session.key, "window": [session.start, session.end], "value": session.value});
    sessions.into_iter().map(row).collect()
}
