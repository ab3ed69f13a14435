use cofferdam_guest::testing::TestContext;
use serde_json::{Value, json};

use super::Script;

/// What each operation gives.
fn run(test: &mut TestContext<Script>, op: &Value) -> Vec<Value> {
    test.process(((), op.to_string().as_str())).unwrap();
    let rows = test.raw_outputs().into_iter();
    rows.map(|row| serde_json::from_slice(&row.record.value.unwrap()).unwrap()).collect()
}

#[test]
fn operations_on_a_key_value_store_give_what_the_vectors_say() {
    let mut test = TestContext::with_config(json!({"kind": "key-value"})).unwrap();
    for (op, rows) in [
        (json!({"op": "put", "key": "b", "value": "1"}), json!([])),
        (json!({"op": "put_many", "writes": [["a", "2"], ["c", "3"], ["c", null]]}), json!([])),
        (json!({"op": "put_if_absent", "key": "a", "value": "9"}), json!([{"value": "2"}])),
        (json!({"op": "reverse_range", "from": null, "to": "b"}), json!([{"key": "b", "value": "1"}, {"key": "a", "value": "2"}])),
        (json!({"op": "prefix_scan", "prefix": "b"}), json!([{"key": "b", "value": "1"}])),
        (json!({"op": "delete", "key": "b"}), json!([{"value": "1"}])),
        (json!({"op": "get_many", "keys": ["b", "a"]}), json!([{"value": "2"}])),
        (json!({"op": "get", "key": null}), json!([{"error": "null-argument"}])),
    ] {
        assert_eq!(Value::Array(run(&mut test, &op)), rows, "{op}");
    }
}

#[test]
fn what_is_no_operation_is_told() {
    let mut test = TestContext::<Script>::with_config(json!({"kind": "key-value"})).unwrap();
    let failure = test.process(((), r#"{"op": "puts"}"#)).unwrap_err();
    assert!(failure.reason().starts_with("no operation of this store: unknown variant `puts`"), "{failure:?}");
}

#[test]
fn each_kind_of_store_has_its_operations() {
    for (kind, op, rows) in [
        ("window", json!({"op": "fetch_one", "key": "a", "start": 5}), json!([])),
        ("session", json!({"op": "fetch_session", "key": null, "start": 1, "end": 2}), json!([{"error": "null-argument"}])),
        ("versioned", json!({"op": "put", "key": "a", "value": "1", "ts": 7}), json!([{"put": true, "valid_to": null}])),
    ] {
        let mut test = TestContext::with_config(json!({"kind": kind})).unwrap();
        assert_eq!(Value::Array(run(&mut test, &op)), rows, "{kind}: {op}");
    }
}
