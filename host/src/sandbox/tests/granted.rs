//! What a manifest grants of the machine.

use super::guest::PASS;
use super::*;
use crate::manifest::Capability;

const CLI: &str = "package wasi:cli@0.2.3; interface environment { get-environment: func() -> list<tuple<string, string>>; }";
const CLOCKS: &str = "package wasi:clocks@0.2.3; interface monotonic-clock { now: func() -> u64; }";
const RANDOM: &str = "package wasi:random@0.2.3; interface random { get-random-u64: func() -> u64; }";
const WORLD: &str = "package test:guest; world guest { include cofferdam:processor/processor@0.1.0; import wasi:cli/environment@0.2.3; \
                     import wasi:clocks/monotonic-clock@0.2.3; import wasi:random/random@0.2.3; }";

/// Forwards, in eight bytes each: how many variables there are, the clock, random bits; behind them the name of the first variable.
const TELL: &str = "
    (call $environment (i32.const 3000))
    (i64.store (i32.const 3100) (i64.extend_i32_u (i32.load (i32.const 3004))))
    (i64.store (i32.const 3108) (call $now))
    (i64.store (i32.const 3116) (call $random))
    (local.set $value (i32.const 1)) (local.set $value-at (i32.const 3100)) (local.set $value-len (i32.const 24))
    (if (i32.load (i32.const 3004)) (then
        (memory.copy (i32.const 3124) (i32.load (i32.load (i32.const 3000))) (i32.load offset=4 (i32.load (i32.const 3000))))
        (local.set $value-len (i32.add (i32.const 24) (i32.load offset=4 (i32.load (i32.const 3000)))))))";

/// What a node sees that is granted this: variables, the clock, random bits, the first variable's name.
fn seen(allow: Vec<Capability>) -> (u64, u64, u64, String) {
    let process = format!("{TELL} {PASS}");
    let guest = Guest {
        imports: r#"(import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))
            (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $now (result i64)))
            (import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))"#,
        process: &process,
        packages: &[CLI, CLOCKS, RANDOM, WORLD],
        ..Guest::default()
    };
    let mut running = start(&guest, NodeSetup { allow, ..setup() }).unwrap();
    running.process(0).unwrap();
    let value = running.outputs.remove(0).record.value.unwrap();
    let number = |at: usize| u64::from_le_bytes(value[at..at + 8].try_into().unwrap());
    (number(0), number(8), number(16), String::from_utf8(value[24..].to_vec()).unwrap())
}

#[test]
fn what_is_granted_is_the_machines_and_nothing_else_is() {
    let (variables, now, chance, name) = seen(Vec::new());
    assert_eq!((variables, &*name), (0, ""));
    assert_eq!((variables, now, chance, name), seen(Vec::new()), "the same for each task");
    // Of two that are granted one is set.
    let path = Capability::Variable("PATH".into());
    let unset = Capability::Variable("COFFERDAM_NOBODY_SETS_THIS".into());
    assert_eq!(seen(vec![path, unset]), (1, now, chance, "PATH".to_owned()));
    let (variables, machine, still, _) = seen(vec![Capability::Clock]);
    assert_eq!((variables, still), (0, chance));
    assert_ne!(machine, now);
    assert!(seen(vec![Capability::Clock]).1 >= machine, "it never goes back");
    let one = seen(vec![Capability::Random]);
    assert_eq!((one.0, one.1), (0, now));
    assert!(one.2 != chance && seen(vec![Capability::Random]).2 != one.2, "each time others");
}
