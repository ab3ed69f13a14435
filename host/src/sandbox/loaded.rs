//! Components: compiled once, checked against the contract, shared by all tasks and threads.

use std::sync::Arc;

use wasmtime::component::{Component as Code, InstancePre};

use super::bindings::exports::cofferdam::processor::{batch, describe, migrate, node};
use super::component_node::ComponentNode;
use super::engine::Engine;
use super::fit;
use super::imports::{self, CONTRACT, CONTRACT_VERSION, Import, fits_contract, other_contract, split_version};
use super::setup::NodeSetup;
use super::state::State;
use super::wasi;
use crate::clock::{Clock as _, SystemClock};
use crate::component::{Component, digest};
use crate::error::Diagnostic;
use crate::node::{Failure, Lent};

/// A component that is ready to be instantiated.
pub struct Loaded {
    pub(super) name: Arc<str>,
    pub(super) pre: InstancePre<State>,
    pub(super) node: node::GuestIndices,
    pub(super) describe: Option<describe::GuestIndices>,
    pub(super) batch: Option<batch::GuestIndices>,
    pub(super) migrate: Option<migrate::GuestIndices>,
    digest: Arc<str>,
    imports: Vec<Import>,
    /// Keeps deadlines passing for as long as the component can run.
    pub(super) engine: Engine,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("name", &self.name).field("imports", &self.imports).finish_non_exhaustive()
    }
}

impl Loaded {
    /// What it is called: in the manifest, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest of its bytes.
    pub fn digest(&self) -> &Arc<str> {
        &self.digest
    }

    /// The interfaces that it imports, and what it is given for them.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// Whether it has the packed path: many records a call.
    pub fn takes_frames(&self) -> bool {
        self.batch.is_some()
    }

    /// Whether it takes over the state of an older version.
    pub fn migrates(&self) -> bool {
        self.migrate.is_some()
    }

    /// The engine that runs it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Makes a node of a task: an instance that has passed its `init`. A failure here is never the fault of a record.
    pub fn instantiate(self: &Arc<Self>, setup: NodeSetup, env: &mut Lent) -> Result<ComponentNode, Failure> {
        ComponentNode::start(self.clone(), setup, None, env)
    }

    /// As `instantiate`, over state that is of an older version than this one: it is to be taken over before the first record.
    pub fn instantiate_behind(self: &Arc<Self>, setup: NodeSetup, version: u32, env: &mut Lent) -> Result<ComponentNode, Failure> {
        ComponentNode::start(self.clone(), setup, Some(version), env)
    }
}

/// Compiles and checks one component. `name` is for messages.
pub fn load(engine: &Engine, name: &str, bytes: &[u8]) -> Result<Arc<Loaded>, Diagnostic> {
    load_known(engine, name, &digest(bytes), bytes)
}

fn load_known(engine: &Engine, name: &str, digest: &str, bytes: &[u8]) -> Result<Arc<Loaded>, Diagnostic> {
    check_header(name, bytes)?;
    let component = code(engine, name, digest, bytes)?;
    let imports = imports::list(name, engine.wasm(), &component)?;
    check_exports(name, engine.wasm(), &component)?;
    let misfit = |e: wasmtime::Error| {
        Diagnostic::usage("C108", format!("component '{name}' does not fit the contract {CONTRACT_VERSION}"))
            .because(format!("{e:#}"))
            .hint("build it against the interfaces in wit/ of this host")
    };
    let mut linker = engine.linker();
    wasi::add_to_linker(&mut linker, &component).map_err(misfit)?;
    let pre = linker.instantiate_pre(&component).map_err(misfit)?;
    let has = |interface: &str| component.get_export_index(None, format!("{CONTRACT}{interface}@{CONTRACT_VERSION}")).is_some();
    let node = node::GuestIndices::new(&pre).map_err(misfit)?;
    let describe = has("describe").then(|| describe::GuestIndices::new(&pre)).transpose().map_err(misfit)?;
    let batch = has("batch").then(|| batch::GuestIndices::new(&pre)).transpose().map_err(misfit)?;
    let migrate = has("migrate").then(|| migrate::GuestIndices::new(&pre)).transpose().map_err(misfit)?;
    fit::check(&pre).map_err(misfit)?;
    let (name, digest) = (name.into(), digest.into());
    Ok(Arc::new(Loaded { name, pre, node, describe, batch, migrate, digest, imports, engine: engine.clone() }))
}

/// Loads several components side by side, in their order.
pub fn load_all(engine: &Engine, components: &[&Component]) -> Vec<Result<Arc<Loaded>, Diagnostic>> {
    std::thread::scope(|scope| {
        let load = |c: &Component| load_known(engine, &c.name, &c.digest, &c.bytes);
        let threads: Vec<_> = components.iter().map(|&c| (&c.name, scope.spawn(move || load(c)))).collect();
        let results = threads.into_iter().map(|(name, thread)| {
            thread
                .join()
                .unwrap_or_else(|_| Err(Diagnostic::run("C104", format!("compiling component '{name}' failed inside the compiler"))))
        });
        results.collect()
    })
}

/// From bytes to machine code: the one slow step, taken once a machine where compiled code is kept.
fn code(engine: &Engine, name: &str, digest: &str, bytes: &[u8]) -> Result<Code, Diagnostic> {
    let Some(compiled) = engine.compiled() else { return compile(engine, name, bytes) };
    if let Some(code) = compiled.find(engine.wasm(), digest) {
        return Ok(code);
    }
    let began = SystemClock.monotonic();
    let code = compile(engine, name, bytes)?;
    tracing::debug!("{name} was compiled in {} ms", SystemClock.monotonic().saturating_sub(began).as_millis());
    compiled.keep(engine.wasm(), digest, &code);
    Ok(code)
}

fn compile(engine: &Engine, name: &str, bytes: &[u8]) -> Result<Code, Diagnostic> {
    Code::from_binary(engine.wasm(), bytes).map_err(|e| {
        let why = format!("{e:#}");
        // A section that ends in the middle, or that does not even begin within the file.
        if why.contains("unexpected end") || why.contains("is out of bounds (bound = ") {
            return Diagnostic::usage("C103", format!("component '{name}' is cut off: it ends in the middle, after {} bytes", bytes.len()))
                .because(why)
                .hint("build it again, or copy it again");
        }
        Diagnostic::usage("C104", format!("component '{name}' cannot be compiled")).because(why).hint("build it again")
    })
}

/// Tells what is no component at all from what is broken.
fn check_header(name: &str, bytes: &[u8]) -> Result<(), Diagnostic> {
    const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";
    if bytes.starts_with(&MODULE) {
        return Err(Diagnostic::usage("C102", format!("'{name}' is a core WebAssembly module, not a component"))
            .hint("`cofferdam build` makes a component of a Rust package; for other modules use `wasm-tools component new`"));
    }
    if bytes.is_empty() {
        return Err(Diagnostic::usage("C101", format!("component '{name}' is empty")).hint("build it again, or copy it again"));
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(Diagnostic::usage("C101", format!("'{name}' is not a WebAssembly component"))
            .because("it does not begin as WebAssembly does")
            .hint("name the .wasm file that `cofferdam build` has made"));
    }
    Ok(())
}

fn check_exports(name: &str, engine: &wasmtime::Engine, component: &Code) -> Result<(), Diagnostic> {
    let ty = component.component_type();
    let ours: Vec<(&str, &str)> = ty.exports(engine).filter_map(|(export, _)| export.strip_prefix(CONTRACT)).map(split_version).collect();
    match ours.iter().find(|(interface, _)| *interface == "node") {
        Some((_, version)) if fits_contract(version) => Ok(()),
        Some((_, version)) => Err(other_contract(name, version)),
        None => Err(Diagnostic::usage(
            "C107",
            format!("component '{name}' is no processor: it does not export {CONTRACT}node@{CONTRACT_VERSION}"),
        )
        .hint("implement `Processor` of the SDK, or the world `processor` in wit/")),
    }
}
