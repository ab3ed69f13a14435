//! The other half: failures of each class, traps, and everything that a limit must stop.

use std::hint::black_box;

use cofferdam_guest::{Clock, Context, Failure, RawRecord, Record};

use crate::Rows;
use crate::behaviour::Do;

pub(crate) fn run(what: &Do, calls: u64, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
    let value = record.value.as_deref().unwrap_or_default();
    match what {
        Do::Fail {} => match value {
            b"bad" | b"transient" | b"fatal" => return Err(failure(&String::from_utf8_lossy(value), "the value says so")),
            _ => {}
        },
        Do::Transient { times } if calls <= *times => return Err(failure("transient", &format!("call {calls} of {times}"))),
        Do::Busy { span_ms } if value == b"44" && ctx.now() / span_ms % 2 == 0 => return Err(failure("transient", "it is busy")),
        Do::BadEvery { nth } if calls.is_multiple_of(*nth) => return Err(failure("bad", &format!("call {calls}"))),
        Do::Panic { nth } if calls == *nth => panic!("call {calls}, as configured"),
        Do::PanicAt { offset } if ctx.position().is_some_and(|at| at.offset == *offset) => panic!("offset {offset}, as configured"),
        Do::Trap {} if value == b"boom" => trap(),
        Do::Loop {} if value == b"loop" => never_return(),
        Do::Memory { by_page } if value == b"grow" => grow(*by_page),
        Do::Outputs { count, bytes, early } if value == b"flood" => return flood(*count, *bytes, *early, &record, ctx),
        Do::Logs { lines, bytes } => (0..*lines).for_each(|line| ctx.info(format_args!("{line} {}", "x".repeat(*bytes)))),
        Do::Metrics { names } => (0..*names).for_each(|name| ctx.count(&format!("metric_{name}"), 1)),
        Do::Recursion {} if value == b"deep" => drop(black_box(deeper(1))),
        Do::Headers { count } if value == b"flood" => {
            let mut loaded = record;
            (0..*count).for_each(|header| loaded.headers.push(format!("h{header}"), "x"));
            return ctx.forward(loaded);
        }
        Do::Sizes { key, value: bytes, header } if value == b"large" => {
            let mut large = Record::new("k".repeat(*key), "v".repeat(*bytes), record.timestamp);
            large.headers.push("h", "x".repeat(*header));
            return ctx.forward(large);
        }
        Do::Schedules { count, interval_ms } if value == b"flood" => {
            let interval = std::time::Duration::from_millis(*interval_ms);
            (0..*count).for_each(|schedule| ctx.schedule(&format!("s{schedule}"), interval, Clock::WallClock));
        }
        Do::Sleep {} if value == b"sleep" => {
            let begun = ctx.now();
            while black_box(ctx.now()) == begun {}
        }
        Do::Say { text } => {
            ctx.info(text);
            if value == b"bad" {
                return Err(Failure::bad_record(text));
            }
        }
        Do::NoSuchPort {} if value == b"lost" => return ctx.forward_to("nowhere", record),
        _ => {}
    }
    ctx.forward(record)
}

pub(crate) fn failure(how: &str, why: &str) -> Failure {
    match how {
        "transient" => Failure::transient(why),
        "fatal" => Failure::fatal(why),
        "panic" => panic!("{why}"),
        "loop" => never_return(),
        _ => Failure::bad_record(why),
    }
}

/// Not a panic: nothing is logged, only the trap is seen.
fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    panic!("a trap")
}

pub(crate) fn never_return() -> ! {
    let mut rounds = 0u64;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}

fn grow(by_page: bool) -> ! {
    if by_page {
        loop {
            one_page_more();
        }
    }
    let mut held = Vec::new();
    loop {
        held.push(black_box(vec![1u8; 1 << 20]));
        black_box(&held);
    }
}

fn one_page_more() {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::memory_grow::<0>(1);
}

fn flood(count: u64, bytes: usize, early: bool, record: &RawRecord, ctx: &mut Context) -> Result<(), Failure> {
    for number in 1..=count {
        ctx.forward((record.key.clone(), "x".repeat(bytes)))?;
        if early && number % 1_000 == 0 {
            ctx.flush();
        }
    }
    Ok(())
}

#[allow(unconditional_recursion)]
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    black_box(deeper(black_box(depth + 1))) + frame[3]
}

pub(crate) fn leak_iterators(rows: &Rows, count: u64, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
    if record.value.as_deref() == Some(b"flood") {
        (0..count).for_each(|_| std::mem::forget(rows.all()));
    }
    ctx.forward(record)
}

pub(crate) fn delete_without_end(rows: &Rows, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
    if record.value.as_deref() == Some(b"flood") {
        (0u64..).try_for_each(|key| rows.delete(key.to_be_bytes().as_slice()))?;
    }
    ctx.forward(record)
}
