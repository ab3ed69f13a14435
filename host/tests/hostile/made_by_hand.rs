//! Components that no SDK makes: they lie about addresses, handles and texts, or ask for what no processor needs.

use crate::guest::{Guest, PASS, STORE_ITEMS, STORES, open_store};

/// Passes every record on, after this where the value begins as `harm` does.
fn on_harm(harm: &str) -> String {
    format!("(if (i32.eq (i32.load8_u (local.get $value-at)) (i32.const 104)) (then {harm})) {PASS}")
}

fn doing(harm: &str) -> Vec<u8> {
    made("", "", harm)
}

fn made(imports: &str, items: &str, harm: &str) -> Vec<u8> {
    Guest { imports, items, process: &on_harm(harm), ..Guest::default() }.component()
}

fn with_store(read_write: bool, harm: &str) -> Vec<u8> {
    let (init, process) = (open_store(read_write), on_harm(harm));
    Guest { imports: STORES, items: STORE_ITEMS, init: &init, process: &process, ..Guest::default() }.component()
}

/// An output to a port whose name is no text.
pub(crate) fn port_that_is_no_text() -> Vec<u8> {
    let port = "(i32.store (i32.const 2048) (i32.const 1)) (i32.store (i32.const 2052) (i32.const 600)) (i32.store (i32.const 2056) (i32.const 2))";
    made("", r#"(data (i32.const 600) "\ff\fe")"#, port)
}

/// A failure of a kind that is none of the three.
pub(crate) fn unknown_kind_of_failure() -> Vec<u8> {
    doing("(i32.store (i32.const 1024) (i32.const 1)) (i32.store (i32.const 1028) (i32.const 9)) (return (i32.const 1024))")
}

/// Outputs where no memory is.
pub(crate) fn outputs_beyond_memory() -> Vec<u8> {
    doing("(i32.store (i32.const 1028) (i32.const 2147418112)) (i32.store (i32.const 1032) (i32.const 1)) (return (i32.const 1024))")
}

/// A result at an address where none can be.
pub(crate) fn crooked_result() -> Vec<u8> {
    doing("(return (i32.const 1027))")
}

/// A thousand outputs of 2 MiB each: all of them are the same whole memory.
pub(crate) fn outputs_over_each_other() -> Vec<u8> {
    let value = |at: u32, word: &str| format!("(i32.store offset={at} (i32.mul (local.get $i) (i32.const 88)) {word})");
    doing(&format!(
        "(loop $l {} {} {} (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 1000))))
         (i32.store (i32.const 1028) (i32.const 65536)) (i32.store (i32.const 1032) (i32.const 1000)) (return (i32.const 1024))",
        value(65_572, "(i32.const 1)"),
        value(65_576, "(i32.const 0)"),
        value(65_580, "(i32.const 2097152)"),
    ))
}

/// Forwards records of 1,000 empty headers without end: to the eye they have no bytes at all.
pub(crate) fn empty_headers() -> Vec<u8> {
    let imports = r#"(import "cofferdam:processor/context@0.1.0" "forward" (func $forward (param i32 i32)))"#;
    let flood = "(i32.store (i32.const 65592) (i32.const 131072)) (i32.store (i32.const 65596) (i32.const 1000))
        (loop $l (call $forward (i32.const 65536) (i32.const 1)) (br $l))";
    made(imports, "", flood)
}

/// Calls itself without end, on the stack that the host keeps.
pub(crate) fn recursion() -> Vec<u8> {
    let deep = "(func $deep (param i32) (result i32) (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (local.get 0)))";
    made("", deep, "(drop (call $deep (i32.const 0)))")
}

const PUT: &str = "(i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0) (i64.const 0)";

/// Puts into a store by a handle that it was never given.
pub(crate) fn invented_handle() -> Vec<u8> {
    with_store(true, &format!("(call $put (i32.const 77) {PUT})"))
}

/// Iterates over a store as if its handle were an iterator's.
pub(crate) fn handle_of_another_kind() -> Vec<u8> {
    with_store(true, "(call $next (global.get $handle) (i32.const 1) (i32.const 3000))")
}

/// Puts into a store that it has opened for reading.
pub(crate) fn write_to_what_it_reads() -> Vec<u8> {
    with_store(false, &format!("(call $put (global.get $handle) {PUT})"))
}

/// Opens a store for writing at its start, and tells the number of the way in which that failed.
pub(crate) fn writer() -> Vec<u8> {
    let init = format!(
        "(drop (block (result i32) {})) (i32.store (i32.const 1028) (i32.add (i32.const 700) (i32.load8_u (i32.const 772))))
         (i32.store (i32.const 1032) (i32.const 1)) (i32.const 1024)",
        open_store(true)
    );
    let items = format!("{STORE_ITEMS} (data (i32.const 700) \"012\")");
    Guest { imports: STORES, items: &items, init: &init, ..Guest::default() }.component()
}

/// Puts cells of ever new names, of 28 bits each.
pub(crate) fn cells() -> Vec<u8> {
    let imports = r#"(import "cofferdam:processor/stores@0.1.0" "put-cell" (func $put-cell (param i32 i32 i32 i32 i32)))"#;
    let bits = |shift: u32, mask: u32| format!("(i32.and (i32.shl (local.get $i) (i32.const {shift})) (i32.const {mask}))");
    let name = format!("(i32.or (i32.or {} {}) (i32.or {} {}))", bits(0, 0x7f), bits(1, 0x7f00), bits(2, 0x7f_0000), bits(3, 0x7f00_0000));
    let flood = format!(
        "(loop $l (i32.store (i32.const 600) {name}) (call $put-cell (i32.const 600) (i32.const 4) (i32.const 1) (i32.const 0) (i32.const 0))
         (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $l))"
    );
    made(imports, "", &flood)
}

/// Asks for a schedule that is always due.
pub(crate) fn schedule_without_interval() -> Vec<u8> {
    let imports = r#"(import "cofferdam:processor/context@0.1.0" "schedule" (func $schedule (param i32 i32 i64 i32 i32 i64)))"#;
    let ask = "(call $schedule (i32.const 600) (i32.const 4) (i64.const 0) (i32.const 1) (i32.const 0) (i64.const 0))";
    made(imports, r#"(data (i32.const 600) "tick")"#, ask)
}

/// Grows its table until it may not any more.
pub(crate) fn table() -> Vec<u8> {
    let grow = "(loop $l (br_if $l (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))";
    made("", "(table $t 1 funcref)", grow)
}

/// A module's start function that never returns.
pub(crate) fn start_without_end() -> Vec<u8> {
    made("", "(func $begin (loop $l (br $l))) (start $begin)", "")
}

const FILES: &str = "package wasi:filesystem@0.2.3;
    interface types { resource descriptor { sync: func() -> u32; } }
    interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; remove-all: func(); }";
const SOCKETS: &str = "package wasi:sockets@0.2.3; interface tcp-create-socket { create-tcp-socket: func() -> u32; }";
const IO: &str = "package wasi:io@0.2.3; interface poll { resource pollable { block: func(); } }";
const CLOCKS: &str = "package wasi:clocks@0.2.3;
    interface monotonic-clock { use wasi:io/poll@0.2.3.{pollable}; now: func() -> u64; subscribe-duration: func(when: u64) -> pollable; }";
const CLI: &str = "package wasi:cli@0.2.3; interface environment { get-environment: func() -> list<tuple<string, string>>; }";

fn with_wasi(world: &str, packages: &[&str], imports: &str, harm: &str) -> Vec<u8> {
    let world = format!("package test:guest; world guest {{ include cofferdam:processor/processor@0.1.0; {world} }}");
    let packages: Vec<&str> = packages.iter().copied().chain([world.as_str()]).collect();
    Guest { imports, process: &on_harm(harm), packages: &packages, ..Guest::default() }.component()
}

/// Deletes what it may of the file system.
pub(crate) fn files() -> Vec<u8> {
    let imports = r#"(import "wasi:filesystem/preopens@0.2.3" "remove-all" (func $remove))"#;
    with_wasi("import wasi:filesystem/preopens@0.2.3;", &[FILES], imports, "(call $remove)")
}

/// Opens a socket.
pub(crate) fn sockets() -> Vec<u8> {
    let imports = r#"(import "wasi:sockets/tcp-create-socket@0.2.3" "create-tcp-socket" (func $socket (result i32)))"#;
    with_wasi("import wasi:sockets/tcp-create-socket@0.2.3;", &[SOCKETS], imports, "(drop (call $socket))")
}

/// Traps when it finds a folder or an environment variable, when the clock moves, or when it has slept an hour.
pub(crate) fn spy() -> Vec<u8> {
    let world = "import wasi:filesystem/preopens@0.2.3; import wasi:cli/environment@0.2.3; import wasi:clocks/monotonic-clock@0.2.3;";
    let imports = r#"(import "wasi:filesystem/preopens@0.2.3" "get-directories" (func $directories (param i32)))
        (import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))
        (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $now (result i64)))
        (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $alarm (param i64) (result i32)))
        (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $sleep (param i32)))"#;
    let look = "(call $directories (i32.const 3000)) (if (i32.load (i32.const 3004)) (then (unreachable)))
        (call $environment (i32.const 3000)) (if (i32.load (i32.const 3004)) (then (unreachable)))
        (i64.store (i32.const 3008) (call $now)) (call $sleep (call $alarm (i64.const 3600000000000)))
        (if (i64.ne (i64.load (i32.const 3008)) (call $now)) (then (unreachable)))";
    with_wasi(world, &[IO, FILES, CLI, CLOCKS], imports, look)
}

/// Has the packed path, on which it passes everything on, after this where the value has four bytes: the harm's, at `$entry` of the table.
fn packed(harm: &str) -> Vec<u8> {
    packed_with("", harm)
}

fn packed_with(imports: &str, harm: &str) -> Vec<u8> {
    let frames = format!(
        r#"(func (export "cofferdam:processor/batch@0.1.0#process-frame") (param $at i32) (param $len i32) (result i32)
            (local $i i32) (local $entry i32)
            (i32.store (i32.const 1028) (local.get $at)) (i32.store (i32.const 1032) (local.get $len))
            (block $done (loop $next
                (br_if $done (i32.eq (local.get $i) (i32.load offset=4 (local.get $at))))
                (local.set $entry (i32.add (local.get $at) (i32.add (i32.const 8) (i32.mul (local.get $i) (i32.const 48)))))
                (i64.store offset=16 (local.get $entry) (i64.extend_i32_u (local.get $i)))
                (i32.store offset=24 (local.get $entry) (i32.const 0))
                (if (i32.eq (i32.load offset=32 (local.get $entry)) (i32.const 4)) (then {harm}))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br $next)))
            (i32.const 1024))
        (func (export "cabi_post_cofferdam:processor/batch@0.1.0#process-frame") (param i32) (global.set $free (i32.const 8192)))"#
    );
    let world =
        "package test:guest; world guest { include cofferdam:processor/processor@0.1.0; include cofferdam:processor/batch-part@0.1.0; }";
    Guest { imports, items: &frames, packages: &[world], ..Guest::default() }.component()
}

/// A frame that ends before its bytes do.
pub(crate) fn short_frame() -> Vec<u8> {
    packed("(i32.store (i32.const 1032) (i32.sub (local.get $len) (i32.const 1)))")
}

/// A frame whose outputs come from a record that was never given.
pub(crate) fn frame_of_nobody() -> Vec<u8> {
    packed("(i64.store offset=16 (local.get $entry) (i64.const 99))")
}

/// A frame whose lengths come to more than there is memory.
pub(crate) fn frame_beyond_memory() -> Vec<u8> {
    packed("(i32.store offset=32 (local.get $entry) (i32.const -3))")
}

/// A frame that claims more entries than fit into it.
pub(crate) fn frame_of_many() -> Vec<u8> {
    packed("(i32.store offset=4 (local.get $at) (i32.const -1)) (return (i32.const 1024))")
}

const FORWARD_FRAME: &str = r#"(import "cofferdam:processor/context@0.1.0" "forward-frame" (func $forward-frame (param i32 i32)))"#;

/// A frame that is handed over early and has not even its head.
pub(crate) fn headless_frame() -> Vec<u8> {
    packed_with(FORWARD_FRAME, "(call $forward-frame (local.get $at) (i32.const 7))")
}

/// A frame that is handed over where no frame came.
pub(crate) fn frame_out_of_place() -> Vec<u8> {
    made(FORWARD_FRAME, "", "(call $forward-frame (i32.const 0) (i32.const 8))")
}

fn packed_store_call(name: &str, parameters: &str, call: &str) -> Vec<u8> {
    let import = format!(
        r#"{STORES} (import "cofferdam:processor/stores@0.1.0" "[method]key-value.{name}" (func $packed (param i32 i32 i32{parameters})))"#
    );
    let (init, process) = (open_store(true), on_harm(call));
    Guest { imports: &import, items: STORE_ITEMS, init: &init, process: &process, ..Guest::default() }.component()
}

/// Puts many rows, of which there is only the table, and not all of it.
pub(crate) fn short_blobs() -> Vec<u8> {
    let table = "(i32.store (i32.const 65536) (i32.const 99))";
    packed_store_call("put-many-packed", "", &format!("{table} (call $packed (global.get $handle) (i32.const 65536) (i32.const 8))"))
}

/// Gets the rows of more keys than one call may name.
pub(crate) fn many_blobs() -> Vec<u8> {
    let table = "(i32.store (i32.const 65536) (i32.const -1))";
    let call = "(call $packed (global.get $handle) (i32.const 65536) (i32.const 8) (i32.const 3000))";
    packed_store_call("get-many-packed", " i32", &format!("{table} {call}"))
}
