//! What wasmtime makes of `wit/`. Everything a guest may export is bound by interface, so that optional interfaces may be absent.

#![allow(missing_docs, clippy::all, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "full-processor",
    imports: { default: trappable },
    require_store_data_send: false,
    ownership: Borrowing { duplicate_if_necessary: true },
});
