//! Guests and their stores.

use super::*;

/// Opens `s` in `init`, then does this for each record.
fn storing<'a>(init: &'a str, process: &'a str) -> Guest<'a> {
    Guest { imports: guest::STORES, items: guest::STORE_ITEMS, init, process, ..Guest::default() }
}

/// Puts the record's value under its key.
const PUT: &str = "(call $put (global.get $handle) (local.get $key-at) (local.get $key-len) (local.get $value-at) (local.get $value-len)
    (i32.const 0) (i64.const 0)) (i32.const 1024)";

#[test]
fn put_reaches_the_task_with_the_timestamp_of_the_record() {
    let mut running = start(&storing(&guest::open_store(true), PUT), with_store(StoreAccess::ReadWrite)).unwrap();
    running.process(0).unwrap();
    let row = running.env.as_deref_mut().unwrap().stores.get(0, b"k").unwrap().unwrap();
    assert_eq!((&row.value[..], row.timestamp), (&b"v"[..], Timestamp(7)));
}

#[test]
fn store_that_was_not_granted_is_refused_by_name() {
    let open = guest::open_store(true);
    let refused = start(&storing(&open, guest::NOTHING), setup()).err().unwrap().to_string();
    assert_eq!(refused, "init: the manifest gives this node no store, so none with the role 's'");
}

#[test]
fn write_through_a_read_handle_traps() {
    let mut running = start(&storing(&guest::open_store(false), PUT), with_store(StoreAccess::ReadWrite)).unwrap();
    assert_eq!(running.trap(0), "write to the store 's', which was opened for reading");
}

#[test]
fn store_granted_for_reading_is_not_opened_for_writing() {
    // The tag of the refusal, read-only is the third, becomes the address of init's own text: `read`, where 2 is.
    let init = format!(
        "(drop (block (result i32) {})) (i32.store (i32.const 1028) (i32.add (i32.const 700) (i32.load8_u (i32.const 772))))
         (i32.store (i32.const 1032) (i32.const 1)) (i32.const 1024)",
        guest::open_store(true)
    );
    let items = format!("{} (data (i32.const 700) \"012\")", guest::STORE_ITEMS);
    let guest = Guest { items: &items, ..storing(&init, guest::NOTHING) };
    let refused = start(&guest, with_store(StoreAccess::Read)).err().unwrap().to_string();
    assert_eq!(refused, "init: 2");
}

#[test]
fn close_may_not_write() {
    let close = "(call $put (global.get $handle) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0) (i64.const 0))";
    let open = guest::open_store(true);
    let mut running = start(&Guest { close, ..storing(&open, guest::NOTHING) }, with_store(StoreAccess::ReadWrite)).unwrap();
    running.node.close(&mut running.env);
    assert!(running.env.as_deref().unwrap().stores.is_clean());
}

#[test]
fn writes_of_one_call_meet_the_limit() {
    // A whole memory of 1 MiB, put again and again under the record's key.
    let process = "(loop $l (call $put (global.get $handle) (local.get $key-at) (local.get $key-len) (i32.const 0) (i32.const 1048576)
        (i32.const 0) (i64.const 0)) (br $l)) (unreachable)";
    let limits = NodeLimits { deadline: std::time::Duration::from_secs(60), ..NodeLimits::default() };
    let setup = NodeSetup { limits, ..with_store(StoreAccess::ReadWrite) };
    let mut running = start(&storing(&guest::open_store(true), process), setup).unwrap();
    assert_eq!(running.trap(0), "more than 256 MiB written to stores for one record");
    assert!(running.env.as_deref_mut().is_some());
}

/// Opens an iterator over everything.
const RANGE: &str =
    "(call $range (global.get $handle) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))";

#[test]
fn iterators_that_are_never_dropped_meet_the_limit() {
    let process = format!("(loop $l (drop {RANGE}) (br $l)) (unreachable)");
    let mut running = start(&storing(&guest::open_store(true), &process), with_store(StoreAccess::ReadWrite)).unwrap();
    assert_eq!(running.trap(0), "more than 64 iterators are open in one call");
}

#[test]
fn iterator_ends_with_its_call() {
    // Input 0 opens and reads, input 1 reads on.
    let process = format!(
        "(if (i32.eqz (local.get $input)) (then (i32.store (i32.const 3000) {RANGE})))
         (call $next (i32.load (i32.const 3000)) (i32.const 10) (i32.const 3008)) (i32.const 1024)"
    );
    let mut running = start(&storing(&guest::open_store(true), &process), with_store(StoreAccess::ReadWrite)).unwrap();
    running.process(0).unwrap();
    assert_eq!(running.trap(1), "an iterator was used after the call that opened it");
}
