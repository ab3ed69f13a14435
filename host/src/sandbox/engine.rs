//! The engine: one a host. Settings, the pool of instances, the host functions, and the thread that makes deadlines pass.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig, ProfilingStrategy, WasmBacktraceDetails};

use super::bindings::cofferdam::processor::{context, stores, types};
use super::compiled::CompiledCode;
use super::memory::GuestMemory;
use super::state::State;
use crate::error::Diagnostic;
use crate::limits;

/// Compiles components and gives instances room. A cheap handle.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    wasm: wasmtime::Engine,
    linker: Linker<State>,
    compiled: Option<CompiledCode>,
    ticks: Ticks,
    memory: GuestMemory,
    _ticker: Ticker,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    /// Starts the engine and its ticker. With `compiled`, a component is compiled only where its code is not there yet.
    pub fn new(compiled: Option<CompiledCode>) -> Result<Self, Diagnostic> {
        Self::started(compiled, ProfilingStrategy::None)
    }

    /// As `new`; besides, tells `perf` what the guests' functions are called and where they lie, in `/tmp/perf-PID.map`. Their code is the same.
    pub fn with_perf_map(compiled: Option<CompiledCode>) -> Result<Self, Diagnostic> {
        Self::started(compiled, ProfilingStrategy::PerfMap)
    }

    fn started(compiled: Option<CompiledCode>, profiling: ProfilingStrategy) -> Result<Self, Diagnostic> {
        let failed = |e: wasmtime::Error| Diagnostic::run("C100", "the WebAssembly engine could not be started").because(format!("{e:#}"));
        let wasm = wasmtime::Engine::new(settings(true).profiler(profiling)).or_else(|e| {
            // A narrow address space (`ulimit -v`) has no room for the pool; instances then cost some microseconds more.
            tracing::warn!("no room for a pool of {} instances, they are allocated one by one: {e:#}", limits::INSTANCES);
            wasmtime::Engine::new(settings(false).profiler(profiling)).map_err(failed)
        })?;
        let linker = host_functions(&wasm).map_err(failed)?;
        let ticks = Ticks::default();
        let ticker = Ticker::start(wasm.clone(), ticks.clone())
            .map_err(|e| Diagnostic::run("C100", "the WebAssembly engine could not be started").because(e))?;
        Ok(Self(Arc::new(Inner { wasm, linker, compiled, ticks, memory: GuestMemory::default(), _ticker: ticker })))
    }

    pub(super) fn wasm(&self) -> &wasmtime::Engine {
        &self.0.wasm
    }

    pub(super) fn compiled(&self) -> Option<&CompiledCode> {
        self.0.compiled.as_ref()
    }

    pub(super) fn ticks(&self) -> Ticks {
        self.0.ticks.clone()
    }

    pub(super) fn memory(&self) -> GuestMemory {
        self.0.memory.clone()
    }

    /// Bytes of the memories of all its instances.
    pub fn memory_bytes(&self) -> usize {
        self.0.memory.bytes()
    }

    /// A linker with `context` and `stores`, for one component's WASI to be added.
    pub(super) fn linker(&self) -> Linker<State> {
        self.0.linker.clone()
    }
}

fn settings(pooled: bool) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .max_wasm_stack(limits::WASM_STACK_BYTES)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(limits::FRAMES_SHOWN))
        .generate_address_map(true)
        .parallel_compilation(true);
    if pooled {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    }
    config
}

fn pool() -> PoolingAllocationConfig {
    let core = limits::INSTANCES.saturating_mul(limits::CORE_INSTANCES_PER_INSTANCE);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(limits::INSTANCES)
        .total_memories(limits::INSTANCES)
        .max_memories_per_component(limits::MEMORIES_PER_COMPONENT)
        .total_core_instances(core)
        .total_tables(core)
        .max_core_instances_per_component(limits::CORE_INSTANCES_PER_COMPONENT)
        .max_tables_per_component(limits::CORE_INSTANCES_PER_COMPONENT)
        .max_tables_per_module(16)
        .max_memory_size(limits::GUEST_MEMORY_CEILING_BYTES)
        .table_elements(limits::TABLE_ELEMENTS);
    pool
}

fn host_functions(wasm: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(wasm);
    types::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    context::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    stores::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// How long a call may take, in the ticker's count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) duration: Duration,
    /// After so many ticks, a call that begins now has had at least that long.
    pub(super) ticks: u64,
}

impl Deadline {
    pub(super) fn new(duration: Duration) -> Self {
        let ticks = duration.as_nanos().div_ceil(limits::DEADLINE_TICK.as_nanos());
        Self { duration, ticks: u64::try_from(ticks).unwrap_or(u64::MAX >> 1).saturating_add(1) }
    }
}

/// How often deadlines have ticked: the one clock of the sandbox.
#[derive(Clone, Debug, Default)]
pub(super) struct Ticks(Arc<AtomicU64>);

impl Ticks {
    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Time since `begun`, as exact as a tick.
    pub(super) fn since(&self, begun: u64) -> Duration {
        let ticks = self.now().saturating_sub(begun);
        limits::DEADLINE_TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
    }
}

/// Moves the epoch on until it is dropped.
struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(wasm: wasmtime::Engine, ticks: Ticks) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = Builder::new().name("deadline-ticker".into()).spawn(move || {
            while stopped.recv_timeout(limits::DEADLINE_TICK) == Err(RecvTimeoutError::Timeout) {
                wasm.increment_epoch();
                ticks.0.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It can only have ended; a panic of its own has been printed already.
            let _ = thread.join();
        }
    }
}
