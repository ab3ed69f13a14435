//! Operators on tables: what goes out is what has changed in their result.

use cofferdam_guest::{Context, Failure, Timestamp, Update};
use serde::Deserialize;

use crate::functions::{group, holds, shown};
use crate::{Change, Op, ReadRows, Rows};

pub(crate) fn run(op: &Op, result: Option<&Rows>, change: Change, ctx: &mut Context) -> Result<(), Failure> {
    match op {
        Op::TableFilter { when, not, always, .. } => {
            let passes = |value: &String| holds(when, Some(&change.key), Some(value)) != *not;
            let (value, previous) = (change.value.clone().filter(passes), change.previous.clone().filter(passes));
            if value.is_none() && previous.is_none() && !always {
                return Ok(());
            }
            give(result, Update { value, previous, ..change }, ctx)
        }
        Op::TableMap { mapper, .. } => {
            let mapped = |value: Option<String>| value.and_then(|value| mapper.map(Some(change.key.clone()), Some(value)).1);
            let (value, previous) = (mapped(change.value.clone()), mapped(change.previous.clone()));
            give(result, Update { value, previous, ..change }, ctx)
        }
        Op::Regroup {} => regroup(&change, ctx),
        _ => ctx.forward(change),
    }
}

/// Writes a row of the result into its store, where it has one, and sends it on.
fn give(result: Option<&Rows>, change: Change, ctx: &mut Context) -> Result<(), Failure> {
    match (result, &change.value) {
        (Some(rows), Some(value)) => rows.put_at(&change.key, value, change.timestamp)?,
        (Some(rows), None) => rows.delete(&change.key)?,
        (None, _) => {}
    }
    ctx.forward(change)
}

/// Leaves the old group and enters the new one; one update where the group is the same.
fn regroup(change: &Change, ctx: &mut Context) -> Result<(), Failure> {
    let old = change.previous.as_deref().and_then(group);
    let new = change.value.as_deref().and_then(group);
    match (old, new) {
        (Some((before, old)), Some((group, new))) if before == group => {
            ctx.forward(Update::new(group, Some(new), Some(old), change.timestamp))
        }
        (old, new) => {
            if let Some((group, old)) = old {
                ctx.forward(Update::new(group, None, Some(old), change.timestamp))?;
            }
            new.map_or(Ok(()), |(group, new)| ctx.forward(Update::new(group, Some(new), None, change.timestamp)))
        }
    }
}

/// Whose rows are there even without one of the other side.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sides {
    Inner,
    Left,
    Outer,
}

/// Two tables, row by row.
pub(crate) struct TableJoin {
    pub(crate) between: String,
    pub(crate) sides: Sides,
    pub(crate) left: ReadRows,
    pub(crate) right: ReadRows,
    pub(crate) result: Option<Rows>,
}

impl TableJoin {
    pub(crate) fn run(&self, change: Change, ctx: &mut Context) -> Result<(), Failure> {
        let from_left = ctx.role() == Some("left");
        let other = if from_left { &self.right } else { &self.left };
        let row: Option<(String, Timestamp)> = other.get_row(&change.key)?;
        let timestamp = row.as_ref().map_or(change.timestamp, |(_, timestamp)| change.timestamp.max(*timestamp));
        let other = row.map(|(value, _)| value);
        // A side without which there is nothing to say, now or before.
        let silent = match self.sides {
            Sides::Inner => other.is_none(),
            Sides::Left if from_left => change.value.is_none() && change.previous.is_none() && other.is_none(),
            Sides::Left => other.is_none(),
            Sides::Outer => change.value.is_none() && change.previous.is_none() && other.is_none(),
        };
        if silent {
            return Ok(());
        }
        let joined = |this: &Option<String>| if from_left { self.join(this, &other) } else { self.join(&other, this) };
        let (value, previous) = (joined(&change.value), joined(&change.previous));
        give(self.result.as_ref(), Update { value, previous, timestamp, ..change }, ctx)
    }

    fn join(&self, left: &Option<String>, right: &Option<String>) -> Option<String> {
        let present = match self.sides {
            Sides::Inner => left.is_some() && right.is_some(),
            Sides::Left => left.is_some(),
            Sides::Outer => left.is_some() || right.is_some(),
        };
        present.then(|| format!("{}{}{}", shown(left.as_deref()), self.between, shown(right.as_deref())))
    }
}
