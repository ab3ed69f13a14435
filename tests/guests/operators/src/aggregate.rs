//! Aggregations without windows, of streams and of tables. A result is as old as the youngest record in it.

use cofferdam_guest::{Context, Failure, Record, Update};

use crate::functions::{Aggregator, TableAggregator};
use crate::{Change, Rows, Texts};

/// Records without a key or a value do not count.
pub(crate) fn run(aggregator: &Aggregator, rows: &Rows, record: Texts, ctx: &mut Context) -> Result<(), Failure> {
    let (Some(key), Some(value)) = (record.key, record.value) else { return Ok(()) };
    let held = rows.get_row(&key)?;
    let timestamp = held.as_ref().map_or(record.timestamp, |(_, held)| record.timestamp.max(*held));
    let aggregate = aggregator.add(held.map(|(aggregate, _)| aggregate), value);
    match &aggregate {
        Some(aggregate) => rows.put_at(&key, aggregate, timestamp)?,
        None => rows.delete(&key)?,
    }
    ctx.forward(Record::new(key, aggregate, timestamp))
}

/// The old value goes out, where there is an aggregate, and the new one comes in.
pub(crate) fn run_table(aggregator: &TableAggregator, rows: &Rows, change: Change, ctx: &mut Context) -> Result<(), Failure> {
    let held = rows.get_row(&change.key)?;
    let timestamp = held.as_ref().map_or(change.timestamp, |(_, held)| change.timestamp.max(*held));
    let before = held.map(|(aggregate, _)| aggregate);
    let without = match (&before, &change.previous) {
        (Some(held), Some(previous)) => Some(aggregator.remove(held, previous)),
        _ => before.clone(),
    };
    let now = match &change.value {
        Some(value) => Some(aggregator.add(without, value)),
        None => without,
    };
    if let Some(now) = &now {
        rows.put_at(&change.key, now, timestamp)?;
    }
    ctx.forward(Update::new(change.key, now, before, timestamp))
}
