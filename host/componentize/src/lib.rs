//! Turns a Rust package into a WebAssembly component.
