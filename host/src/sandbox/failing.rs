//! Why a call ended: from what wasmtime says to what a person can use.

use std::collections::BTreeSet;
use std::time::Duration;

use wasmtime::{FrameInfo, PoolConcurrencyLimitError, Trap, WasmBacktrace};

use super::engine::Deadline;
use super::exceptions::{self, Exception};
use super::guest_log::one_line;
use super::state::State;
use crate::limits;
use crate::node::Failure;

/// The guest ended itself (`wasi:cli/exit`), as languages do after an uncaught exception.
#[derive(Debug, thiserror::Error)]
#[error("the component called exit")]
pub(super) struct GuestExit;

/// How wasmtime's error begins when a guest gives more than `limits::HOST_CALL_BYTES`; its type is private.
const TOO_MUCH_COPIED: &str = "too much data is being copied";

/// What a call that did not return ended with.
pub(super) fn failure(error: &wasmtime::Error, state: &mut State, deadline: Deadline) -> Failure {
    let stderr = std::mem::take(&mut state.call.stderr);
    match state.call.ended.take() {
        Some(Failure::Trap { reason, .. }) => Failure::Trap { reason, frames: frames(error) },
        Some(other) => other,
        None => {
            let Exception { message, stack } = exceptions::read(&stderr);
            let said = state.call.last_error.clone().or(message).map(|text| one_line(&text, limits::REASON_BYTES));
            let frames = if stack.is_empty() { frames(error) } else { shown(stack) };
            let reason = reason(error, state, deadline, said.clone());
            if said.is_some_and(|said| said == reason) {
                state.call.held_since = None;
            }
            Failure::Trap { reason, frames }
        }
    }
}

fn reason(error: &wasmtime::Error, state: &State, deadline: Deadline, said: Option<String>) -> String {
    if state.memory.over_limit() {
        return format!("memory over the limit of {}", size(state.setup.limits.memory_bytes));
    }
    if error.is::<GuestExit>() {
        return said.unwrap_or_else(|| GuestExit.to_string());
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return format!("the host has no room for another instance, it holds {}", limits::INSTANCES);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => format!("deadline of {} missed", seconds(deadline.duration)),
        Some(Trap::StackOverflow) => format!("stack overflow, the limit is {}", size(limits::WASM_STACK_BYTES)),
        Some(Trap::UnreachableCodeReached) => said.unwrap_or_else(|| "unreachable".into()),
        // Languages keep a stack of their own in memory; below its end there is nothing.
        Some(Trap::MemoryOutOfBounds) if recurses(error) => "stack overflow: the guest used up the stack in its memory".into(),
        Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        None => match error.root_cause().to_string() {
            fuel if fuel.starts_with(TOO_MUCH_COPIED) => format!("more than {} given to the host at once", size(limits::HOST_CALL_BYTES)),
            other => one_line(&other, limits::REASON_BYTES),
        },
    }
}

/// The guest's own frames, innermost first, with file and line where the component carries them. What Rust's panics pass through on their way
/// out is left out, so is what lies between the host and the processor, and a function that calls itself stands there once.
fn frames(error: &wasmtime::Error) -> Vec<String> {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let mut names: Vec<String> = trace.frames().iter().flat_map(names).collect();
    let own = names.iter().position(|name| !PANIC_MACHINERY.iter().any(|part| name.starts_with(part))).unwrap_or(0);
    names.drain(..own);
    names.dedup();
    if !names.iter().all(|name| is_plumbing(name)) {
        names.retain(|name| !is_plumbing(name));
    }
    shown(names)
}

/// Frames are named by the component, as it likes: so many, and so much of each.
fn shown(mut names: Vec<String>) -> Vec<String> {
    names.truncate(limits::FRAMES_SHOWN);
    names.iter().map(|name| one_line(name, limits::FRAME_BYTES)).collect()
}

/// What lies between the host and the processor's own functions: the export, and the SDK around it.
fn is_plumbing(name: &str) -> bool {
    name.starts_with("cofferdam:processor/") || name.trim_start_matches('<').starts_with("cofferdam_guest::")
}

const PANIC_MACHINERY: [&str; 4] = ["__rustc::", "std::", "core::", "bytes::abort"];

fn names(frame: &FrameInfo) -> Vec<String> {
    let function = frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), demangled);
    if frame.symbols().is_empty() {
        return vec![function];
    }
    let symbols = frame.symbols().iter().map(|symbol| {
        let name = symbol.name().map_or_else(|| function.clone(), demangled);
        match (symbol.file(), symbol.line()) {
            (Some(file), Some(line)) => format!("{name} ({file}:{line})"),
            _ => name,
        }
    });
    symbols.collect()
}

/// Whether the innermost frames are so many of so few functions that only a recursion without end explains them.
fn recurses(error: &wasmtime::Error) -> bool {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return false };
    let frames = trace.frames();
    let functions: BTreeSet<u32> = frames.iter().map(FrameInfo::func_index).collect();
    frames.len() >= limits::FRAMES_SHOWN && functions.len() <= limits::FRAMES_SHOWN / 4
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// A number of bytes for a person: `64 MiB`, `1.5 KiB`.
pub(super) fn size(bytes: usize) -> String {
    let (unit, name) = match bytes {
        0..1024 => return format!("{bytes} bytes"),
        1024..1_048_576 => (1024, "KiB"),
        _ => (1_048_576, "MiB"),
    };
    if bytes.is_multiple_of(unit) {
        return format!("{} {name}", bytes / unit);
    }
    // Rounded up, so that what is over a limit never reads like the limit.
    let tenths = (bytes * 10).div_ceil(unit);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// A duration for a person: `1 s`, `250 ms`.
pub(super) fn seconds(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms.is_multiple_of(1_000) { format!("{} s", ms / 1_000) } else { format!("{ms} ms") }
}
