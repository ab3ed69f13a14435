//! Operators on streams that keep nothing.

use cofferdam_guest::{Context, Failure};

use crate::functions::holds;
use crate::{Op, Texts, visit};

pub(crate) fn run(op: &Op, record: Texts, ctx: &mut Context) -> Result<(), Failure> {
    match op {
        Op::Filter { when, not } if holds(when, record.key.as_deref(), record.value.as_deref()) == *not => Ok(()),
        Op::Map { mapper } => {
            let (key, value) = mapper.map(record.key.clone(), record.value.clone());
            ctx.forward(record.with_key(key).with_value(value))
        }
        Op::Words { key } => words(*key, &record, ctx),
        Op::Peek {} => {
            ctx.forward_to("log", record.clone())?;
            ctx.forward(record)
        }
        Op::Split { branches, rest } => {
            let fits = |branch: &crate::Predicate| holds(branch, record.key.as_deref(), record.value.as_deref());
            match branches.iter().position(fits) {
                Some(at) => ctx.forward_to(&format!("branch-{at}"), record),
                None if *rest => ctx.forward_to("rest", record),
                None => Ok(()),
            }
        }
        Op::Visit { name, mode } => visit::run(name, *mode, record, ctx),
        _ => ctx.forward(record),
    }
}

fn words(as_key: bool, record: &Texts, ctx: &mut Context) -> Result<(), Failure> {
    for word in record.value.as_deref().unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
        if as_key {
            ctx.forward((word, record.key.clone()))?;
        } else {
            ctx.forward((record.key.clone(), word))?;
        }
    }
    Ok(())
}
