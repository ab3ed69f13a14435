//! Hostile and plain guests, written by hand: a core module in text around the body of one `process`, made a component.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A guest whose parts replace those that do nothing.
pub(super) struct Guest<'a> {
    /// Imports of the core module.
    pub imports: &'a str,
    /// Functions, globals and data besides.
    pub items: &'a str,
    /// Body of `init`; leaves the address of its result.
    pub init: &'a str,
    /// Body of `process`; leaves the address of its result.
    pub process: &'a str,
    /// Body of `close`.
    pub close: &'a str,
    /// WIT packages besides the contract; the last holds the world `guest`.
    pub packages: &'a [&'a str],
}

/// Address of a result that is all zero: ok, and nothing in it.
pub(super) const NOTHING: &str = "(i32.const 1024)";

impl Default for Guest<'_> {
    fn default() -> Self {
        Self { imports: "", items: "", init: NOTHING, process: NOTHING, close: "", packages: &[] }
    }
}

const LOG: &str = r#"(import "cofferdam:processor/context@0.1.0" "log" (func $log (param i32 i32 i32)))"#;

/// Imports `$log`.
pub(super) fn with_log() -> Guest<'static> {
    Guest { imports: LOG, ..Guest::default() }
}

/// Imports of the key-value store that the guests here use.
pub(super) const STORES: &str = r#"
    (import "cofferdam:processor/stores@0.1.0" "[static]key-value.open" (func $open (param i32 i32 i32 i32)))
    (import "cofferdam:processor/stores@0.1.0" "[method]key-value.put" (func $put (param i32 i32 i32 i32 i32 i32 i64)))
    (import "cofferdam:processor/stores@0.1.0" "[method]key-value.range"
        (func $range (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "cofferdam:processor/stores@0.1.0" "[method]entries.next" (func $next (param i32 i32 i32)))"#;

/// Opens the store `s` (text at 512), keeps the handle in `$handle`, and answers `init` with what `open` said.
pub(super) fn open_store(read_write: bool) -> String {
    let access = i32::from(read_write);
    format!(
        "(call $open (i32.const 512) (i32.const 1) (i32.const {access}) (i32.const 768))
         (global.set $handle (i32.load (i32.const 772)))
         (i32.store8 (i32.const 1024) (i32.load8_u (i32.const 768)))
         (i32.store (i32.const 1028) (i32.load (i32.const 776)))
         (i32.store (i32.const 1032) (i32.load (i32.const 780)))
         (i32.const 1024)"
    )
}

/// The name of the store that [`open_store`] opens, and the global that keeps its handle.
pub(super) const STORE_ITEMS: &str = r#"(global $handle (mut i32) (i32.const 0)) (data (i32.const 512) "s")"#;

/// Gives the record out again, at the default port.
pub(super) const PASS: &str = "
    (i32.store (i32.const 2072) (local.get $key)) (i32.store (i32.const 2076) (local.get $key-at)) (i32.store (i32.const 2080) (local.get $key-len))
    (i32.store (i32.const 2084) (local.get $value)) (i32.store (i32.const 2088) (local.get $value-at)) (i32.store (i32.const 2092) (local.get $value-len))
    (i64.store (i32.const 2096) (local.get $time))
    (i32.store (i32.const 2104) (local.get $headers-at)) (i32.store (i32.const 2108) (local.get $headers-len))
    (i32.store (i32.const 2112) (local.get $change)) (i32.store (i32.const 2116) (local.get $previous))
    (i32.store (i32.const 2120) (local.get $previous-at)) (i32.store (i32.const 2124) (local.get $previous-len))
    (i32.store (i32.const 2128) (local.get $latest))
    (i32.store (i32.const 1028) (i32.const 2048)) (i32.store (i32.const 1032) (i32.const 1))
    (i32.const 1024)";

impl Guest<'_> {
    /// The component.
    pub(super) fn component(&self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let (mut package, _) = resolve.push_dir("../wit").unwrap();
        for (at, text) in self.packages.iter().enumerate() {
            package = resolve.push_str(format!("{at}.wit"), text).unwrap();
        }
        let name = if self.packages.is_empty() { "processor" } else { "guest" };
        let world = resolve.select_world(&[package], Some(name)).unwrap();
        let mut module = wat::parse_str(self.module()).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
    }

    /// The core module.
    pub(super) fn module(&self) -> String {
        let Self { imports, items, init, process, close, .. } = self;
        format!(
            r#"(module
                {imports}
                (memory (export "memory") 32)
                (global $free (mut i32) (i32.const 8192))
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                    (global.set $free (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                (func (export "cofferdam:processor/node@0.1.0#init")
                    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                    {init})
                (func $process (export "cofferdam:processor/node@0.1.0#process") (param $input i32)
                    (param $key i32) (param $key-at i32) (param $key-len i32)
                    (param $value i32) (param $value-at i32) (param $value-len i32) (param $time i64)
                    (param $headers-at i32) (param $headers-len i32)
                    (param $change i32) (param $previous i32) (param $previous-at i32) (param $previous-len i32) (param $latest i32)
                    (result i32) (local $i i32)
                    {process})
                (func (export "cabi_post_cofferdam:processor/node@0.1.0#process") (param i32) (global.set $free (i32.const 8192)))
                (func (export "cofferdam:processor/node@0.1.0#punctuate") (param i32 i32 i64) (result i32) (i32.const 1024))
                (func (export "cofferdam:processor/node@0.1.0#close") {close})
                {items})"#
        )
    }
}
