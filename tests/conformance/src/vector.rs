//! A vector's file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// What Kafka Streams gave for a sequence of inputs.
pub struct Vector {
    /// Operator, variant and sequence.
    pub operator: String,
    /// All that the operator needs to know.
    pub params: Map<String, Value>,
    /// Its inputs; none in the script of a store.
    pub inputs: BTreeMap<String, InputKind>,
    /// What was done.
    pub steps: Vec<Step>,
    /// What each step gave.
    pub expect: Vec<Vec<Value>>,
    /// Final content of the stores named.
    pub stores: BTreeMap<String, Vec<Value>>,
}

/// What an input is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    /// Records.
    Stream,
    /// Updates.
    Table,
    /// Updates, the whole of them on every host.
    GlobalTable,
}

/// One step.
#[derive(Debug)]
pub enum Step {
    /// A record arrives.
    Record(RecordStep),
    /// Time passes.
    Advance(AdvanceStep),
    /// A store is used: `op` and what it takes.
    Operation(Map<String, Value>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordStep {
    /// The input.
    pub r#in: String,
    pub key: Option<String>,
    pub value: Option<String>,
    /// In milliseconds.
    pub ts: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdvanceStep {
    pub advance_wall_clock_ms: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "name")]
    _name: String,
    operator: String,
    params: Map<String, Value>,
    inputs: BTreeMap<String, RawInput>,
    steps: Vec<Value>,
    expect: Vec<Vec<Value>>,
    #[serde(default)]
    stores: BTreeMap<String, Vec<Value>>,
    #[serde(default, rename = "notes")]
    _notes: IgnoredAny,
    #[serde(default, rename = "dropped_at")]
    _dropped_at: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInput {
    kind: InputKind,
}

impl Vector {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("cannot be read: {e}"))?;
        Self::parse(&text)
    }

    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = serde_json::from_str(text).map_err(|e| format!("is no vector: {e}"))?;
        if raw.steps.len() != raw.expect.len() {
            let (steps, expect) = (raw.steps.len(), raw.expect.len());
            return Err(format!("is no vector: {steps} steps, but 'expect' has {expect} entries"));
        }
        let steps = raw.steps.into_iter().enumerate().map(|(at, step)| Step::read(at, step)).collect::<Result<_, _>>()?;
        let inputs = raw.inputs.into_iter().map(|(name, input)| (name, input.kind)).collect();
        Ok(Self { operator: raw.operator, params: raw.params, inputs, steps, expect: raw.expect, stores: raw.stores })
    }
}

impl Step {
    fn read(at: usize, step: Value) -> Result<Self, String> {
        let shown = step.to_string();
        let known = |key: &str| step.get(key).is_some();
        let read = match (known("in"), known("advance_wall_clock_ms"), known("op")) {
            (true, false, false) => serde_json::from_value(step).map(Self::Record),
            (false, true, false) => serde_json::from_value(step).map(Self::Advance),
            (false, false, true) => serde_json::from_value(step).map(Self::Operation),
            _ => return Err(format!("is no vector: step {at} is neither a record, nor a time, nor an operation: {shown}")),
        };
        read.map_err(|e| format!("is no vector: step {at}: {e}: {shown}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_steps(steps: &str, expect: &str) -> Result<Vector, String> {
        Vector::parse(&format!(
            r#"{{"name": "n", "operator": "map", "params": {{}}, "inputs": {{"in": {{"kind": "stream"}}}}, "steps": {steps}, "expect": {expect}}}"#
        ))
    }

    #[test]
    fn each_kind_of_step_is_known_and_any_other_is_refused() {
        let steps = r#"[{"in": "in", "key": null, "value": "v", "ts": 1}, {"advance_wall_clock_ms": 5}, {"op": "get", "key": "a"}]"#;
        let vector = with_steps(steps, "[[], [], []]").unwrap();
        assert!(matches!(&vector.steps[..], [Step::Record(_), Step::Advance(_), Step::Operation(_)]));
        for (step, why) in [
            (r#"{"key": "a"}"#, "neither a record, nor a time, nor an operation"),
            (r#"{"in": "in", "key": 1, "value": null, "ts": 1}"#, "invalid type"),
            (r#"{"in": "in", "key": "a", "value": null, "ts": 1, "header": "x"}"#, "unknown field `header`"),
            (r#"{"advance_wall_clock_ms": -1}"#, "invalid value"),
        ] {
            let refused = with_steps(&format!("[{step}]"), "[[]]").err().unwrap();
            assert!(refused.contains(why), "{step}: {refused}");
        }
        assert!(with_steps("[]", "[[]]").err().unwrap().contains("0 steps, but 'expect' has 1 entries"));
    }
}
