//! Components that cannot be loaded, and what a user is told.

use super::*;
use crate::error::Diagnostic;
use crate::sandbox::{Given, Import, describe};

fn refusal(bytes: &[u8]) -> Diagnostic {
    load(engine(), "plugin.wasm", bytes).unwrap_err()
}

#[test]
fn what_is_no_component_is_told_apart() {
    let whole = Guest::default().component();
    let module = wat::parse_str(Guest::default().module()).unwrap();
    let empty = wat::parse_str("(component)").unwrap();
    let foreign = wat::parse_str(r#"(component (import "acme:db/client@1.0.0" (instance)) (import "go" (func)))"#).unwrap();
    let future = wat::parse_str(r#"(component (import "cofferdam:processor/context@0.2.0" (instance)))"#).unwrap();
    let cases: [(&[u8], &str, &str); 8] = [
        (b"", "C101", "component 'plugin.wasm' is empty"),
        (b"hello", "C101", "'plugin.wasm' is not a WebAssembly component"),
        (&module, "C102", "'plugin.wasm' is a core WebAssembly module, not a component"),
        (&whole[..whole.len() / 2], "C103", "component 'plugin.wasm' is cut off: it ends in the middle, after"),
        (&whole[..6], "C103", "component 'plugin.wasm' is cut off: it ends in the middle, after 6 bytes"),
        (&foreign, "C105", "component 'plugin.wasm' imports 'acme:db/client@1.0.0', 'go', which this host does not give"),
        (&future, "C106", "component 'plugin.wasm' was made for version 0.2.0 of the contract"),
        (&empty, "C107", "component 'plugin.wasm' is no processor: it does not export cofferdam:processor/node@0.1.0"),
    ];
    for (bytes, code, message) in cases {
        let told = refusal(bytes);
        assert_eq!(told.code, code, "{told}");
        assert!(told.message.starts_with(message), "{told}");
        assert!(told.hint.is_some(), "{told}");
    }
}

#[test]
fn every_cut_is_told_as_a_cut() {
    let whole = Guest::default().component();
    for end in (8..whole.len()).step_by(97) {
        // A cut between two sections leaves something whole that is no processor.
        assert!(["C103", "C104", "C107"].contains(&refusal(&whole[..end]).code), "cut at {end}: {}", refusal(&whole[..end]));
    }
}

const FILES: &str = "package wasi:filesystem@0.2.12;
    interface types { resource descriptor { sync: func() -> u32; } }
    interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; remove-all: func(); }";
const WORLD: &str = "package test:guest;
    world guest { include cofferdam:processor/processor@0.1.0; import wasi:filesystem/preopens@0.2.12; }";

#[test]
fn file_system_is_empty_and_everything_else_of_it_is_denied() {
    let guest = Guest {
        imports: r#"(import "wasi:filesystem/preopens@0.2.12" "get-directories" (func $directories (param i32)))
            (import "wasi:filesystem/preopens@0.2.12" "remove-all" (func $remove))"#,
        process: "(call $directories (i32.const 3000))
            (if (i32.load (i32.const 3004)) (then (unreachable)))
            (if (i32.eq (local.get $input) (i32.const 1)) (then (call $remove)))
            (i32.const 1024)",
        packages: &[FILES, WORLD],
        ..Guest::default()
    };
    let mut running = running(&guest);
    running.process(0).unwrap();
    assert_eq!(running.trap(1), "not granted: wasi:filesystem/preopens.remove-all");
    let imports = loaded(&guest).imports().to_vec();
    assert!(imports.contains(&Import { name: "wasi:filesystem/types@0.2.12".into(), given: Given::Denied }), "{imports:?}");
    assert!(imports.contains(&Import { name: "wasi:filesystem/preopens@0.2.12".into(), given: Given::Empty }), "{imports:?}");
}

const IO: &str = "package wasi:io@0.2.3;
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
    }";
const STDERR: &str = "package wasi:cli@0.2.3;
    interface exit { exit: func(status: result); }
    interface stderr { use wasi:io/streams@0.2.3.{output-stream}; get-stderr: func() -> output-stream; }";
const PRINTING: &str = "package test:guest;
    world guest { include cofferdam:processor/processor@0.1.0; import wasi:cli/stderr@0.2.3; import wasi:cli/exit@0.2.3; }";

#[test]
fn uncaught_exception_of_another_language_is_the_reason() {
    let guest = Guest {
        imports: r#"(import "wasi:cli/stderr@0.2.3" "get-stderr" (func $stderr (result i32)))
            (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
            (import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))"#,
        items: r#"(data (i32.const 600) "TypeError: no tea\0a    at process (count.js:3)\0a")"#,
        process: "(call $write (call $stderr) (i32.const 600) (i32.const 46) (i32.const 3000)) (call $exit (i32.const 1)) (unreachable)",
        packages: &[IO, STDERR, PRINTING],
        ..Guest::default()
    };
    match running(&guest).process(0) {
        Err(Failure::Trap { reason, frames }) => {
            assert_eq!((reason.as_str(), frames), ("TypeError: no tea", vec!["at process (count.js:3)".to_owned()]));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn component_without_describe_says_nothing() {
    assert_eq!(describe(&loaded(&Guest::default()), None), Ok(None));
}
