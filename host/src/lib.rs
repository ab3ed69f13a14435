//! Cofferdam: a stream processing host in which every processor node is a sandboxed WebAssembly component.
//!
//! ARCHITECTURE.md tells the rooms and which way the arrows between them go; `tests/tidy.rs` holds them to it.

pub mod admin;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod component;
pub mod deploy;
pub mod disk;
pub mod error;
pub mod jsonl;
pub mod limits;
pub mod manifest;
pub mod node;
pub mod record;
pub mod runtime;
pub mod sandbox;
pub mod steps;
pub mod store;
pub mod task;
pub mod topology;
