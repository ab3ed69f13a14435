//! Stores of the kinds that know times. On value `bad` a record fails when it has written.

use cofferdam_guest::{Bytes, Context, Failure, RawRecord, SessionStore, Text, Timestamp, VersionedStore, WindowStore};

use crate::Stores;
use crate::behaviour::{Do, not_open};

const WINDOW_MS: i64 = 10;
const GAP_MS: i64 = 5;

/// Records without a key are dropped.
pub(crate) fn run(what: &Do, stores: &Stores, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
    let Some(key) = record.key.clone() else { return Ok(()) };
    let is_bad = record.value.as_deref() == Some(b"bad");
    match what {
        Do::Windows {} => count(stores.windows.as_ref().ok_or_else(not_open)?, key, record.timestamp, ctx)?,
        Do::Sessions {} => merge(stores.sessions.as_ref().ok_or_else(not_open)?, key, record.timestamp, ctx)?,
        _ => change(stores.versions.as_ref().ok_or_else(not_open)?, key, record, ctx)?,
    }
    if is_bad { Err(Failure::bad_record("bad, after it was written")) } else { Ok(()) }
}

fn count(windows: &WindowStore<Bytes, Text<u64>>, key: Bytes, time: Timestamp, ctx: &mut Context) -> Result<(), Failure> {
    let start = time - time.rem_euclid(WINDOW_MS);
    let count = windows.get(&key, start)?.map_or(0, |count| *count) + 1;
    windows.put(&key, start, &Text(count))?;
    let known = windows.fetch(&key, 0..=Timestamp::MAX)?.count();
    ctx.forward((key, format!("{start}: {count}, of {known}")))
}

fn merge(sessions: &SessionStore<Bytes, Text<u64>>, key: Bytes, time: Timestamp, ctx: &mut Context) -> Result<(), Failure> {
    let near = sessions.find(&key, time - GAP_MS, time + GAP_MS)?.collect::<Result<Vec<_>, _>>()?;
    let (mut start, mut end, mut count) = (time, time, 1);
    for session in near {
        (start, end) = (start.min(session.start), end.max(session.end));
        count += *session.value;
        sessions.delete(&key, session.start, session.end)?;
    }
    sessions.put(&key, start, end, &Text(count))?;
    ctx.forward((key, format!("{start}-{end}: {count}")))
}

fn change(versions: &VersionedStore<Bytes, Bytes>, key: Bytes, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
    let time = record.timestamp;
    match &record.value {
        Some(value) => versions.put(&key, value, time)?,
        None => versions.remove(&key, time)?,
    };
    let before = versions.get_as_of(&key, time - GAP_MS)?;
    ctx.forward((key, before.map(|version| version.value)))
}
