//! Guests that break rules, by mistake or on purpose.

use super::super::guest_log::one_line;
use super::*;
use crate::limits;

fn doing(process: &'static str) -> Guest<'static> {
    Guest { process, ..Guest::default() }
}

#[test]
fn endless_loop_is_stopped_by_the_deadline() {
    let mut running = running(&doing("(loop $l (br $l)) (unreachable)"));
    assert_eq!(running.trap(0), "deadline of 100 ms missed");
}

#[test]
fn memory_bomb_meets_the_limit_by_name() {
    let mut running = running(&doing("(loop $l (drop (memory.grow (i32.const 16))) (br $l)) (unreachable)"));
    assert_eq!(running.trap(0), "memory over the limit of 64 MiB");
}

#[test]
fn memory_that_is_too_large_from_the_start_is_refused() {
    let tight = NodeSetup { limits: NodeLimits { memory_bytes: 1 << 20, ..NodeLimits::default() }, ..setup() };
    let refused = start(&Guest::default(), tight).err().map(|failure| failure.to_string());
    assert_eq!(refused.as_deref(), Some("init: memory over the limit of 1 MiB"));
}

#[test]
fn deep_recursion_meets_the_stack_limit() {
    let items = "(func $deep (param i32) (result i32) (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (local.get 0)))";
    let mut running = running(&Guest { items, process: "(call $deep (i32.const 0))", ..Guest::default() });
    assert_eq!(running.trap(0), "stack overflow, the limit is 512 KiB");
}

#[test]
fn trap_costs_one_record_and_the_next_instance_goes_on() {
    // Counts its records at 3000, in memory, and traps on input 1.
    let process = format!(
        "(if (i32.eq (local.get $input) (i32.const 1)) (then (unreachable)))
         (i32.store (i32.const 3000) (i32.add (i32.load (i32.const 3000)) (i32.const 1)))
         (local.set $time (i64.extend_i32_u (i32.load (i32.const 3000)))) {}",
        guest::PASS
    );
    let mut running = running(&Guest { process: &process, ..Guest::default() });
    running.process(0).unwrap();
    running.process(0).unwrap();
    assert_eq!(running.trap(1), "unreachable");
    running.process(0).unwrap();
    let counts: Vec<i64> = running.outputs.iter().map(|output| output.record.timestamp.0).collect();
    assert_eq!(counts, [1, 2, 1], "memory is a cache: it begins anew");
}

#[test]
fn panic_message_is_the_reason_and_frames_are_named() {
    let guest = Guest {
        process: "(call $log (i32.const 4) (i32.const 600) (i32.const 38)) (call $boom) (unreachable)",
        items: r#"(func $boom (unreachable)) (data (i32.const 600) "panicked at src/lib.rs:7:5:\0aout of tea")"#,
        ..guest::with_log()
    };
    let Err(Failure::Trap { reason, frames }) = running(&guest).process(0) else { panic!("a trap was expected") };
    assert_eq!(reason, "panicked at src/lib.rs:7:5: out of tea");
    assert_eq!(frames, ["boom", "process"]);
}

#[test]
fn error_line_of_an_earlier_call_is_no_reason() {
    let guest = Guest {
        process: "(if (i32.eq (local.get $input) (i32.const 1)) (then (unreachable)))
            (call $log (i32.const 4) (i32.const 600) (i32.const 3)) (i32.const 1024)",
        items: r#"(data (i32.const 600) "old")"#,
        ..guest::with_log()
    };
    let mut running = running(&guest);
    running.process(0).unwrap();
    assert_eq!(running.trap(1), "unreachable");
}

#[test]
fn outputs_beyond_the_limits_are_bad_records() {
    let outputs = |ptr: usize, len: usize| {
        format!("(i32.store (i32.const 1028) (i32.const {ptr})) (i32.store (i32.const 1032) (i32.const {len})) (i32.const 1024)")
    };
    // One output at 65536 with a negative time, or 1,001 headers; twelve of 1.5 MiB; very many empty ones.
    let negative = format!("(i64.store (i32.const 65584) (i64.const -1)) {}", outputs(65_536, 1));
    let headers =
        format!("(i32.store (i32.const 65592) (i32.const 131072)) (i32.store (i32.const 65596) (i32.const 1001)) {}", outputs(65_536, 1));
    let many_large = (0..12).map(|at| {
        let base = 65_536 + at * 88;
        let (disc, ptr, len) = (base + 36, base + 40, base + 44);
        format!("(i32.store (i32.const {disc}) (i32.const 1)) (i32.store (i32.const {ptr}) (i32.const 0)) (i32.store (i32.const {len}) (i32.const 1572864))")
    });
    let many_large = many_large.collect::<String>() + &outputs(65_536, 12);
    let cases = [
        (outputs(65_536, 10_001), "10001 outputs returned by one call; the limit is 10000 (`forward` takes more)"),
        (negative, "an output has the timestamp -1; it may not be negative"),
        (headers, "an output has 1001 headers; the limit is 1000"),
        (many_large, "18 MiB of outputs returned by one call; the limit is 16 MiB (`forward` takes more)"),
    ];
    for (process, reason) in cases {
        // Copying so much may take long on a busy machine, and this is not about the deadline.
        let limits = NodeLimits { deadline: std::time::Duration::from_secs(60), ..NodeLimits::default() };
        let mut patient = start(&Guest { process: &process, ..Guest::default() }, NodeSetup { limits, ..setup() }).unwrap();
        match patient.process(0) {
            Err(Failure::BadRecord(text)) => assert_eq!(text, reason),
            other => panic!("{reason}: {other:?}"),
        }
    }
}

#[test]
fn calls_for_one_record_have_their_time_together() {
    let mut running = running(&doing(guest::NOTHING));
    let taken = |running: &mut Running, time| running.env.as_deref_mut().unwrap().effort.time = time;
    taken(&mut running, limits::WALK_TIME - limits::DEADLINE_TICK);
    running.process(0).unwrap();
    taken(&mut running, limits::WALK_TIME);
    match running.process(0) {
        Err(Failure::BadRecord(text)) => assert_eq!(text, "the calls for one record have taken 60 s together, which is the limit"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn time_of_a_call_is_counted() {
    let mut running = running(&doing("(loop $l (br $l)) (unreachable)"));
    running.trap(0);
    let time = running.env.as_deref().map(|env| env.effort.time).unwrap_or_default();
    assert!(time >= std::time::Duration::from_millis(100) && time <= limits::CALL_DEADLINE, "{time:?}");
}

#[test]
fn text_of_a_guest_is_one_line() {
    let cases = [("two\nlines\r\n\n of text", "two lines of text"), ("a\tb\u{1b}[31m\rc\u{85}", "a b\u{fffd}[31m\u{fffd}c"), ("", "")];
    for (text, line) in cases {
        assert_eq!(one_line(text, 100), line, "{text:?}");
    }
    assert_eq!(one_line("0123456789\u{20ac}", 12), "0123456789");
    assert_eq!(one_line(&"\u{7}".repeat(12), 12), "\u{fffd}".repeat(4));
}

#[test]
fn outputs_of_a_call_are_limited_by_the_manifest() {
    let few = NodeSetup { limits: NodeLimits { outputs: 2, ..NodeLimits::default() }, ..setup() };
    let process = "(i32.store (i32.const 1028) (i32.const 65536)) (i32.store (i32.const 1032) (i32.const 3)) (i32.const 1024)";
    let outcome = start(&doing(process), few).unwrap().process(0);
    assert_eq!(outcome.unwrap_err().to_string(), "more than 2 outputs of one call (`limits.outputs`)");
}

#[test]
fn undeclared_port_is_fatal() {
    let process = format!(
        "(i32.store (i32.const 2048) (i32.const 1)) (i32.store (i32.const 2052) (i32.const 600)) (i32.store (i32.const 2056) (i32.const 4)) {}",
        guest::PASS
    );
    let mut running = running(&Guest { process: &process, items: r#"(data (i32.const 600) "lost")"#, ..Guest::default() });
    match running.process(0) {
        Err(Failure::Fatal(text)) => assert_eq!(text, "output to the port 'lost', which this node does not declare; it has left"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn forward_is_for_records_only() {
    let imports = r#"(import "cofferdam:processor/context@0.1.0" "forward" (func $forward (param i32 i32)))"#;
    let init = "(call $forward (i32.const 0) (i32.const 0)) (i32.const 1024)";
    let refused = start(&Guest { imports, init, ..Guest::default() }, setup()).err().unwrap().to_string();
    assert!(refused.starts_with("init: `init` may not forward records"), "{refused}");
}

#[test]
fn log_lines_come_at_a_limited_rate() {
    let flood = "(loop $l (call $log (i32.const 2) (i32.const 600) (i32.const 5))
        (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 250)))) (i32.const 1024)";
    let guest = Guest { process: flood, items: r#"(data (i32.const 600) "hello")"#, ..guest::with_log() };
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).without_time().finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut running = running(&guest);
        running.process(0).unwrap();
        running.env.as_deref_mut().unwrap().now = Timestamp(2_000);
        running.node.after_commit(&mut running.env).unwrap();
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("hello").count(), limits::LOG_LINES_PER_SECOND as usize);
    assert!(text.contains("150 suppressed"), "{text}");
    assert!(text.contains(r#"hello node="node" task="sub_0""#), "{text}");
}

#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Lines {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn instance_that_has_grown_is_replaced_after_a_commit() {
    let process = format!(
        "(drop (memory.grow (i32.const 600)))
         (i32.store (i32.const 3000) (i32.add (i32.load (i32.const 3000)) (i32.const 1)))
         (local.set $time (i64.extend_i32_u (i32.load (i32.const 3000)))) {}",
        guest::PASS
    );
    let mut running = running(&Guest { process: &process, ..Guest::default() });
    running.process(0).unwrap();
    running.node.after_commit(&mut running.env).unwrap();
    running.process(0).unwrap();
    let counts: Vec<i64> = running.outputs.iter().map(|output| output.record.timestamp.0).collect();
    assert_eq!(counts, [1, 1]);
}

#[test]
fn name_of_a_schedule_is_checked_before_it_is_shown() {
    let imports = r#"(import "cofferdam:processor/context@0.1.0" "schedule" (func $schedule (param i32 i32 i64 i32 i32 i64)))"#;
    let process =
        "(call $schedule (i32.const 4096) (i32.const 65536) (i64.const 0) (i32.const 1) (i32.const 0) (i64.const 0)) (unreachable)";
    let mut running = running(&Guest { imports, process, ..Guest::default() });
    assert_eq!(running.trap(0), "the name of a schedule has 65536 bytes; the limit is 255");
}
