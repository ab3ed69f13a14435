//! The sandbox: WebAssembly components at work as processor nodes.
//!
//! Compiles components, checks what they import and export, and runs them behind [`node::Node`](crate::node::Node): one instance a node and
//! task, each in a wasmtime store of its own, with named limits on time, memory, stack and output. Task state is lent to an instance for a
//! call and taken back after it, so a trap costs an instance and nothing else.
//!
//! This is the only user of wasmtime. It opens no socket, no file but compiled code of its own (`compiled`), and neither for a guest; and it never knows a broker or a
//! topology's shape. `runtime` makes nodes of it, `check` and the manifest's expansion ask it what a component says of itself.

#[doc(hidden)]
pub mod bench;
mod bindings;
mod cells;
mod compiled;
mod component_node;
mod context;
mod describe;
mod engine;
mod entries;
mod exceptions;
mod failing;
mod fit;
mod frame;
mod frame_length;
mod granted;
mod guest_log;
mod imports;
mod instance;
mod iterators;
mod key_value;
mod loaded;
mod memory;
mod metrics;
mod migration;
mod open_stores;
mod outputs;
mod packed;
mod session;
mod setup;
mod state;
mod versioned;
mod wasi;
mod window;

#[cfg(test)]
mod tests;

pub use compiled::CompiledCode;
pub use component_node::ComponentNode;
pub use describe::describe;
pub use engine::Engine;
#[doc(hidden)]
pub use frame::read_any as read_any_frame;
pub use imports::{Given, Import};
pub use loaded::{Loaded, load, load_all};
pub use metrics::{GuestMetrics, HISTOGRAM_BOUNDS, MetricValue};
pub use setup::{NodeLimits, NodeSetup, StoreGrant};
