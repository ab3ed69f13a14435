//! Files that are named as components and are none, or not what they seem: `check` and `run` say what they are, and what to do.

use crate::guest::Guest;
use crate::host::{ended, place};

const MANIFEST: &str = "[app]\nid = \"loading\"\n\n[sources.in]\ntopic = \"in\"\n\n[processors.bad]\ncomponent = \"bad.wasm\"\nfrom = [\"in\"]\n\n\
                        [sinks.out]\ntopic = \"out\"\nfrom = [\"bad\"]\n";

/// A component of so many core instances, each with a memory of its own.
fn many_memories(count: usize) -> Vec<u8> {
    let instances = "(core instance (instantiate $m))".repeat(count);
    wat::parse_str(format!("(component (core module $m (memory 1)) {instances})")).unwrap()
}

/// A processor whose `process` takes a text instead of a record.
fn wrong_types() -> Vec<u8> {
    wat::parse_str(
        r#"(component
            (core module $m (memory (export "memory") 1) (func (export "f")) (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $node (export "init" (func $f)) (export "process" (func $f)) (export "punctuate" (func $f)) (export "close" (func $f)))
            (export "cofferdam:processor/node@0.1.0" (instance $node)))"#,
    )
    .unwrap()
}

#[test]
fn what_is_no_processor_is_told_apart() {
    let whole = Guest::default().component();
    let wat = |text: &str| wat::parse_str(text).unwrap();
    let cases: [(&str, Vec<u8>); 12] = [
        ("empty", Vec::new()),
        ("text", b"fn main() {}".to_vec()),
        ("binary", vec![0x7f, b'E', b'L', b'F', 0, 0, 0, 0]),
        ("core module", wat(&Guest::default().module())),
        ("cut", whole[..9].to_vec()),
        ("empty component", wat("(component)")),
        ("foreign import", wat(r#"(component (import "acme:db/client@1.0.0" (instance)))"#)),
        ("other version", wat(r#"(component (import "cofferdam:processor/context@0.2.0" (instance)))"#)),
        ("wrong types", wrong_types()),
        ("many memories", many_memories(9)),
        ("many instances", wat(&format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(257)))),
        ("many tables", wat(&format!("(component (core module $m {}) (core instance (instantiate $m)))", "(table 1 funcref)".repeat(17)))),
    ];
    let mut told = String::new();
    for (what, bytes) in cases {
        let place = place();
        place.write("app.toml", MANIFEST);
        place.write("bad.wasm", bytes);
        let (code, text) = ended(&place, "check app.toml");
        assert_eq!(ended(&place, "run app.toml --until-idle"), (code, text.clone()), "{what}: `run` says the same");
        told += &format!("{what}: {code:?}\n{}\n", place.plain(&text));
    }
    insta::assert_snapshot!(told, @r#"
        empty: Some(2)
        error[C101]: component 'bad.wasm' is empty
          --> app.toml:8:13
        hint: build it again, or copy it again

        text: Some(2)
        error[C101]: 'bad.wasm' is not a WebAssembly component
          --> app.toml:8:13
        Caused by: it does not begin as WebAssembly does
        hint: name the .wasm file that `cofferdam build` has made

        binary: Some(2)
        error[C101]: 'bad.wasm' is not a WebAssembly component
          --> app.toml:8:13
        Caused by: it does not begin as WebAssembly does
        hint: name the .wasm file that `cofferdam build` has made

        core module: Some(2)
        error[C102]: 'bad.wasm' is a core WebAssembly module, not a component
          --> app.toml:8:13
        hint: `cofferdam build` makes a component of a Rust package; for other modules use `wasm-tools component new`

        cut: Some(2)
        error[C103]: component 'bad.wasm' is cut off: it ends in the middle, after 9 bytes
          --> app.toml:8:13
        Caused by: failed to parse WebAssembly module: unexpected end-of-file (at offset 0x9)
        hint: build it again, or copy it again

        empty component: Some(2)
        error[C107]: component 'bad.wasm' is no processor: it does not export cofferdam:processor/node@0.1.0
          --> app.toml:8:13
        hint: implement `Processor` of the SDK, or the world `processor` in wit/

        foreign import: Some(2)
        error[C105]: component 'bad.wasm' imports 'acme:db/client@1.0.0', which this host does not give
          --> app.toml:8:13
        hint: a processor may import cofferdam:processor/* and WASI 0.2.x

        other version: Some(2)
        error[C106]: component 'bad.wasm' was made for version 0.2.0 of the contract
          --> app.toml:8:13
        Caused by: this host speaks 0.1.0
        hint: build it again with the SDK of this host (`cofferdam --version` tells which)

        wrong types: Some(2)
        error[C108]: component 'bad.wasm' does not fit the contract 0.1.0
          --> app.toml:8:13
        Caused by: node.init: expected 1-tuple, found 0-tuple
        hint: build it against the interfaces in wit/ of this host

        many memories: Some(2)
        error[C104]: component 'bad.wasm' cannot be compiled
          --> app.toml:8:13
        Caused by: The component transitively contains 9 Wasm linear memories, which exceeds the configured maximum of 8 in the pooling allocator
        hint: build it again

        many instances: Some(2)
        error[C104]: component 'bad.wasm' cannot be compiled
          --> app.toml:8:13
        Caused by: The component transitively contains 257 core module instances, which exceeds the configured maximum of 256 in the pooling allocator
        hint: build it again

        many tables: Some(2)
        error[C104]: component 'bad.wasm' cannot be compiled
          --> app.toml:8:13
        Caused by: module table does not fit in pooling allocator requirements: defined tables count of 17 exceeds the per-instance limit of 16
        hint: build it again
    "#);
}

#[test]
fn component_may_have_the_memories_of_its_adapters() {
    let place = place();
    place.write("app.toml", MANIFEST);
    place.write("bad.wasm", many_memories(8));
    assert!(ended(&place, "check app.toml").1.contains("error[C107]"));
}
