//! WASI 0.2 for components whose languages ask for it: no files, no sockets, no environment; clocks and random bits are the task's, stdout
//! and stderr go to the log. What `allow` of a processor grants (`granted`) is the machine's own instead.
//!
//! Answers are found by name and given as dynamic values, so that every 0.2.x fits and nothing that is not answered here exists. Languages'
//! runtimes ask rarely; what costs some hundred nanoseconds more does not matter.

use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceDynamic, ResourceType, Val};

use super::failing::GuestExit;
use super::granted;
use super::imports::{Given, split_version};
use super::state::State;
use crate::limits;

/// What the host answers to one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// A trap that names the function.
    Denied,
    /// Nothing, for a function without a result.
    Nothing,
    EmptyList,
    Environment,
    Absent,
    True,
    Ok,
    Closed,
    /// A new handle that stands for this.
    Handle(u32),
    Exit,
    CanWrite,
    Write,
    AllReady,
    MonotonicNow,
    MonotonicResolution,
    WallNow,
    WallResolution,
    RandomBytes,
    RandomNumber,
    RandomSeed,
    ErrorText,
}

const OTHER: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// Bytes that `check-write` promises to take.
const WRITE_BYTES: u64 = 4_096;

fn answer(interface: &str, function: &str) -> Answer {
    match (interface, function) {
        ("wasi:cli/environment", "get-environment") => Answer::Environment,
        ("wasi:cli/environment", "get-arguments") => Answer::EmptyList,
        ("wasi:cli/environment", "initial-cwd" | "get-initial-cwd") => Answer::Absent,
        ("wasi:cli/exit", _) => Answer::Exit,
        ("wasi:cli/stdin", "get-stdin") => Answer::Handle(OTHER),
        ("wasi:cli/stdout", "get-stdout") => Answer::Handle(STDOUT),
        ("wasi:cli/stderr", "get-stderr") => Answer::Handle(STDERR),
        ("wasi:filesystem/preopens", "get-directories") => Answer::EmptyList,
        ("wasi:clocks/monotonic-clock", "now") => Answer::MonotonicNow,
        ("wasi:clocks/monotonic-clock", "resolution" | "get-resolution") => Answer::MonotonicResolution,
        ("wasi:clocks/monotonic-clock", "subscribe-instant" | "subscribe-duration") => Answer::Handle(OTHER),
        ("wasi:clocks/wall-clock", "now") => Answer::WallNow,
        ("wasi:clocks/wall-clock", "resolution" | "get-resolution") => Answer::WallResolution,
        ("wasi:random/random", "get-random-bytes") | ("wasi:random/insecure", "get-insecure-random-bytes") => Answer::RandomBytes,
        ("wasi:random/random", "get-random-u64") | ("wasi:random/insecure", "get-insecure-random-u64") => Answer::RandomNumber,
        ("wasi:random/insecure-seed", "insecure-seed" | "get-insecure-seed") => Answer::RandomSeed,
        ("wasi:io/error", "[method]error.to-debug-string") => Answer::ErrorText,
        ("wasi:io/poll", "poll") => Answer::AllReady,
        ("wasi:io/poll", "[method]pollable.ready") => Answer::True,
        ("wasi:io/poll", "[method]pollable.block") => Answer::Nothing,
        ("wasi:io/streams", method) => stream_answer(method),
        (terminal, _) if terminal.starts_with("wasi:cli/terminal-") => Answer::Absent,
        _ => Answer::Denied,
    }
}

fn stream_answer(method: &str) -> Answer {
    match method.split_once('.').map_or(method, |(_, name)| name) {
        "subscribe" => Answer::Handle(OTHER),
        "check-write" => Answer::CanWrite,
        "write" | "blocking-write-and-flush" => Answer::Write,
        "flush" | "blocking-flush" => Answer::Ok,
        _ => Answer::Closed,
    }
}

/// What `check` says of an interface.
pub(super) fn given(interface: &str) -> Given {
    match interface {
        "wasi:cli/stdout" | "wasi:cli/stderr" => Given::Log,
        "wasi:cli/exit" => Given::Virtual,
        "wasi:filesystem/preopens" => Given::Empty,
        other if other.starts_with("wasi:clocks/") || other.starts_with("wasi:random/") => Given::Virtual,
        other if other.starts_with("wasi:cli/") || other.starts_with("wasi:io/") => Given::Empty,
        _ => Given::Denied,
    }
}

/// Defines every WASI interface that the component imports.
pub(super) fn add_to_linker(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    // One resource, `output-stream` for instance, stands in several interfaces; it must be the same host resource in each.
    let mut resources: Vec<ResourceType> = Vec::new();
    for (name, item) in component.component_type().imports(&engine) {
        let (interface, _) = split_version(name);
        let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
        if !interface.starts_with("wasi:") {
            continue;
        }
        let mut defined = linker.instance(name)?;
        for (member, item) in instance.exports(&engine) {
            match item.ty {
                ComponentItem::Resource(ty) => {
                    let number = number_of(&mut resources, ty);
                    defined.resource(member, ResourceType::host_dynamic(number), |_, _| Ok(()))?;
                }
                ComponentItem::ComponentFunc(function) => define(&mut defined, interface, member, &function, &mut resources)?,
                _ => {}
            }
        }
    }
    Ok(())
}

fn number_of(resources: &mut Vec<ResourceType>, ty: ResourceType) -> u32 {
    let at = resources.iter().position(|known| *known == ty).unwrap_or_else(|| {
        resources.push(ty);
        resources.len() - 1
    });
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn define(
    instance: &mut LinkerInstance<'_, State>,
    interface: &str,
    function: &str,
    ty: &ComponentFunc,
    resources: &mut Vec<ResourceType>,
) -> wasmtime::Result<()> {
    let answer = answer(interface, function);
    let name = format!("{interface}.{function}");
    let resource = match ty.results().next() {
        Some(Type::Own(resource)) => number_of(resources, resource),
        _ => 0,
    };
    instance.func_new(function, move |mut store, _, arguments, results| {
        if answer == Answer::Denied {
            return Err(store.data_mut().broken_rule(format!("not granted: {name}")));
        }
        let handles = release_handles(&mut store, arguments)?;
        if let Some(value) = respond(&mut store, answer, resource, &handles, arguments)?
            && let Some(result) = results.first_mut()
        {
            *result = value;
        }
        Ok(())
    })
}

/// What the handles among the arguments stand for. Borrowed ones must be given back before the function returns.
fn release_handles(store: &mut StoreContextMut<'_, State>, arguments: &[Val]) -> wasmtime::Result<Vec<u32>> {
    let mut handles = Vec::new();
    for argument in arguments {
        let one = std::slice::from_ref(argument);
        let values = if let Val::List(values) = argument { values } else { one };
        for value in values {
            if let Val::Resource(resource) = value {
                handles.push(ResourceDynamic::try_from_resource_any(*resource, &mut *store)?.rep());
            }
        }
    }
    Ok(handles)
}

fn respond(
    store: &mut StoreContextMut<'_, State>,
    answer: Answer,
    resource: u32,
    handles: &[u32],
    arguments: &[Val],
) -> wasmtime::Result<Option<Val>> {
    let state = store.data_mut();
    let value = match answer {
        Answer::Denied | Answer::Nothing => return Ok(None),
        Answer::EmptyList => Val::List(Vec::new()),
        Answer::Environment => Val::List(granted::environment(state).into_iter().map(|(name, value)| pair(name, value)).collect()),
        Answer::Absent => Val::Option(None),
        Answer::True => Val::Bool(true),
        Answer::Ok => Val::Result(Ok(None)),
        Answer::Closed => Val::Result(Err(Some(Box::new(Val::Variant("closed".into(), None))))),
        Answer::Handle(rep) => Val::Resource(ResourceDynamic::new_own(rep, resource).try_into_resource_any(&mut *store)?),
        Answer::Exit => return Err(wasmtime::Error::new(GuestExit)),
        Answer::CanWrite => Val::Result(Ok(Some(Box::new(Val::U64(WRITE_BYTES))))),
        Answer::Write => {
            write(state, handles, arguments);
            Val::Result(Ok(None))
        }
        Answer::AllReady => Val::List((0u32..).zip(handles).map(|(at, _)| Val::U32(at)).collect()),
        Answer::MonotonicNow => Val::U64(granted::monotonic_ns(state)),
        Answer::MonotonicResolution => Val::U64(1_000_000),
        Answer::WallNow => date_time(granted::wall_ms(state)),
        Answer::WallResolution => date_time(1),
        Answer::RandomBytes => random_bytes(state, arguments)?,
        Answer::RandomNumber => Val::U64(granted::random(state)),
        Answer::RandomSeed => Val::Tuple(vec![Val::U64(granted::random(state)), Val::U64(granted::random(state))]),
        Answer::ErrorText => Val::String("not granted".into()),
    };
    Ok(Some(value))
}

fn write(state: &mut State, handles: &[u32], arguments: &[Val]) {
    let Some(&stream @ (STDOUT | STDERR)) = handles.first() else { return };
    let Some(Val::List(values)) = arguments.get(1) else { return };
    let bytes: Vec<u8> = values.iter().filter_map(|value| if let Val::U8(byte) = value { Some(*byte) } else { None }).collect();
    state.print(&bytes, stream == STDERR);
}

fn pair(name: String, value: String) -> Val {
    Val::Tuple(vec![Val::String(name), Val::String(value)])
}

fn date_time(ms: u64) -> Val {
    let nanoseconds = u32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000;
    Val::Record(vec![("seconds".into(), Val::U64(ms / 1_000)), ("nanoseconds".into(), Val::U32(nanoseconds))])
}

fn random_bytes(state: &mut State, arguments: &[Val]) -> wasmtime::Result<Val> {
    let Some(&Val::U64(length)) = arguments.first() else { return Ok(Val::List(Vec::new())) };
    if length > limits::RANDOM_BYTES {
        let most = limits::RANDOM_BYTES;
        return Err(state.broken_rule(format!("{length} random bytes in one call; the limit is {most}")));
    }
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        bytes.extend(granted::random(state).to_le_bytes().map(Val::U8));
    }
    bytes.truncate(usize::try_from(length)?);
    Ok(Val::List(bytes))
}
