//! The command, as a person sees it. Needs built guests (`make guests`).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::Path;
use std::process::Command;

/// Exit code and output for some vectors, by name.
fn run(vectors: &[(&str, String)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in vectors {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let ended = Command::new(env!("CARGO_BIN_EXE_conformance")).arg(folder.path()).output().unwrap();
    let shown = String::from_utf8(ended.stdout).unwrap() + &String::from_utf8(ended.stderr).unwrap();
    (ended.status.code(), shown.replace(folder.path().to_str().unwrap(), "DIR"))
}

/// A vector of an operator on one stream: key `a`, value `v1`, then wall clock.
fn vector(operator: &str, params: &str, expected: &str) -> String {
    format!(
        r#"{{"name": "n", "operator": "{operator}", "params": {params}, "inputs": {{"in": {{"kind": "stream"}}}},
            "steps": [{{"in": "in", "key": "a", "value": "v1", "ts": 7}}, {{"advance_wall_clock_ms": 5}}], "expect": [{expected}, []]}}"#
    )
}

const UPPER: &str = r#"{"mapper": "v -> null where v is null, else upper case of v"}"#;

#[test]
fn first_step_that_differs_is_shown_and_what_is_unknown_is_skipped_by_name() {
    let (code, shown) = run(&[
        ("a.json", vector("map-values", UPPER, r#"[{"key": "a", "value": "V1", "ts": 7}]"#)),
        ("b.json", vector("map-values", UPPER, r#"[{"key": "a", "value": "v1", "ts": 7}]"#)),
        ("c.json", vector("map-values", r#"{"mapper": "v -> v twice"}"#, "[]")),
        ("d.json", vector("map-values", &UPPER.replace('}', r#", "null_key_ms": 3}"#), "[]")),
        ("e.json", vector("turn-around", "{}", "[]")),
        ("f.json", "{}".to_owned()),
    ]);
    insta::assert_snapshot!(shown, @r#"
    FAILED  DIR/b.json
            step 0: in key "a" value "v1" ts 7
            expected [{"key":"a","ts":7,"value":"v1"}]
            got      [{"key":"a","ts":7,"value":"V1"}]
    FAILED  DIR/f.json
            is no vector: missing field `name` at line 1 column 2
    skipped   1  map-values: unknown function: mapper "v -> v twice"
    skipped   1  map-values: unknown parameter: null_key_ms 3
    skipped   1  turn-around: there is no such operator yet
    1 passed, 2 failed, 3 skipped
    "#);
    assert_eq!(code, Some(1));
}

#[test]
fn run_without_failures_succeeds_even_when_all_is_skipped() {
    let (code, shown) = run(&[("a.json", vector("turn-around", "{}", "[]"))]);
    assert_eq!((code, shown.lines().last()), (Some(0), Some("0 passed, 0 failed, 1 skipped")));
}

#[test]
fn nothing_to_run_is_a_mistake_of_the_caller() {
    let (code, shown) = run(&[]);
    assert_eq!((code, shown.as_str()), (Some(2), "error: there is no vector. hint: vectors end in .json\n"));
    assert!(!Path::new("nowhere").exists());
    let ended = Command::new(env!("CARGO_BIN_EXE_conformance")).arg("nowhere").output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
}
