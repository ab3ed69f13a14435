//! `do = "store"`: the operations of a key-value store, one a record, in the words of the conformance vectors.

use std::ops::Bound;

use cofferdam_guest::{Bytes, Context, Decode, Failure, Json, RawRecord};
use serde::Deserialize;

use crate::Rows;

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Put { key: String, value: Option<String> },
    PutIfAbsent { key: String, value: Option<String> },
    PutMany { writes: Vec<(String, Option<String>)> },
    Delete { key: String },
    Get { key: String },
    GetMany { keys: Vec<String> },
    Range { from: Option<String>, to: Option<String> },
    ReverseRange { from: Option<String>, to: Option<String> },
    All,
    ReverseAll,
    PrefixScan { prefix: String },
}

/// Forwards what the operation gives: the (old) value under the operation's key, or the rows.
pub(crate) fn run(rows: &Rows, record: &RawRecord, ctx: &mut Context) -> Result<(), Failure> {
    let op = Json::<Op>::decode(record.value.as_deref().unwrap_or_default())?.0;
    let bytes = |text: &Option<String>| text.clone().map(Bytes::from);
    let end = |key: Option<String>| key.map_or(Bound::Unbounded, |key| Bound::Included(Bytes::from(key)));
    match op {
        Op::Put { key, value: Some(value) } => rows.put(key.as_bytes(), &value.into()),
        Op::Put { key, value: None } => rows.delete(key.as_bytes()),
        Op::PutIfAbsent { key, value } => {
            let held = match bytes(&value) {
                Some(value) => rows.put_if_absent(key.as_bytes(), &value)?,
                None => rows.get(key.as_bytes())?,
            };
            found(ctx, key, held)
        }
        Op::PutMany { writes } => rows.put_many(writes.iter().map(|(key, value)| (key.as_bytes(), bytes(value)))),
        Op::Delete { key } => {
            let held = rows.get(key.as_bytes())?;
            rows.delete(key.as_bytes())?;
            found(ctx, key, held)
        }
        Op::Get { key } => {
            let held = rows.get(key.as_bytes())?;
            found(ctx, key, held)
        }
        Op::GetMany { keys } => {
            let held = rows.get_many(keys.iter().map(String::as_bytes))?;
            keys.into_iter().zip(held).try_for_each(|(key, held)| found(ctx, key, held))
        }
        Op::Range { from, to } => all(ctx, rows.range((end(from), end(to)))?),
        Op::ReverseRange { from, to } => all(ctx, rows.range_descending((end(from), end(to)))?),
        Op::All => all(ctx, rows.all()),
        Op::ReverseAll => all(ctx, rows.range_descending(..)?),
        Op::PrefixScan { prefix } => all(ctx, rows.prefix(prefix.as_bytes())),
    }
}

fn found(ctx: &mut Context, key: String, value: Option<Bytes>) -> Result<(), Failure> {
    value.map_or(Ok(()), |value| ctx.forward((key, value)))
}

fn all(ctx: &mut Context, entries: cofferdam_guest::Entries<'_, Bytes, Bytes>) -> Result<(), Failure> {
    for entry in entries {
        let entry = entry?;
        ctx.forward((entry.key, entry.value))?;
    }
    Ok(())
}
