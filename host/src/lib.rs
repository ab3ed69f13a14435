//! Cofferdam: a stream processing host in which every processor node is a sandboxed WebAssembly component.
