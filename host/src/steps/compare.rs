//! What came against what should have come.

use std::fmt::{self, Write as _};

use bytes::Bytes;

use crate::jsonl;
use crate::record::Record;
use crate::store::Row;

use super::file::{Expected, ExpectedRow};

/// The first thing in a file that is not as expected, ready to be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The step, from 0; `None`: the final content of a store.
    pub step: Option<usize>,
    /// What was done there.
    pub input: String,
    /// A diff: lines that begin with `-` were expected, with `+` came.
    pub diff: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => writeln!(f, "step {step}: {}", self.input)?,
            None => writeln!(f, "at the end: {}", self.input)?,
        }
        write!(f, "{}", self.diff)
    }
}

/// True when an output is the expected one. Values that differ as bytes may still be the same JSON.
pub(super) fn matches(expected: &Expected, out: &str, record: &Record) -> bool {
    expected.out.as_deref().is_none_or(|name| name == out)
        && expected.key.as_ref().is_none_or(|key| same(key.as_ref(), record.key.as_ref()))
        && expected.value.as_ref().is_none_or(|value| same(value.as_ref(), record.value.as_ref()))
        && expected.timestamp.is_none_or(|t| t == record.timestamp.0)
}

fn same(expected: Option<&Bytes>, actual: Option<&Bytes>) -> bool {
    match (expected, actual) {
        (None, None) => true,
        (Some(a), Some(b)) => a == b || json(a).is_some_and(|a| Some(a) == json(b)),
        _ => false,
    }
}

/// An object or array; scalars are compared as text.
fn json(bytes: &Bytes) -> Option<serde_json::Value> {
    serde_json::from_slice(bytes).ok().filter(|v: &serde_json::Value| v.is_object() || v.is_array())
}

/// The diff of a step's outputs; `None` when they are as expected, in order.
pub(super) fn outputs(expected: &[Expected], actual: &[(String, Record)]) -> Option<String> {
    let same = expected.len() == actual.len() && expected.iter().zip(actual).all(|(e, (out, r))| matches(e, out, r));
    if same {
        return None;
    }
    let mut diff = String::new();
    for at in 0..expected.len().max(actual.len()) {
        match (expected.get(at), actual.get(at)) {
            (Some(e), Some((out, r))) if matches(e, out, r) => line(&mut diff, ' ', &shown(Some(out), r)),
            (e, a) => {
                if let Some(e) = e {
                    line(&mut diff, '-', &shown_expected(e));
                }
                if let Some((out, r)) = a {
                    line(&mut diff, '+', &shown(Some(out), r));
                }
            }
        }
    }
    Some(diff)
}

/// The diff of a store's rows; `None` when they are as expected.
pub(super) fn rows(expected: &[ExpectedRow], actual: &[(Bytes, Row)]) -> Option<String> {
    let mut diff = String::new();
    let mut differs = false;
    let mut expected: Vec<&ExpectedRow> = expected.iter().collect();
    expected.sort_by(|a, b| a.key.cmp(&b.key));
    let mut actual = actual.iter().peekable();
    for e in expected {
        while let Some((key, row)) = actual.next_if(|(key, _)| *key < e.key) {
            differs = true;
            line(&mut diff, '+', &shown(None, &as_record(key, row)));
        }
        match actual.next_if(|(key, _)| *key == e.key) {
            Some((key, row)) => {
                let fits = same(e.value.as_ref(), Some(&row.value)) && e.timestamp.is_none_or(|t| t == row.timestamp.0);
                if !fits {
                    line(&mut diff, '-', &shown_row(e));
                }
                differs |= !fits;
                line(&mut diff, if fits { ' ' } else { '+' }, &shown(None, &as_record(key, row)));
            }
            None => {
                differs = true;
                line(&mut diff, '-', &shown_row(e));
            }
        }
    }
    for (key, row) in actual {
        differs = true;
        line(&mut diff, '+', &shown(None, &as_record(key, row)));
    }
    differs.then_some(diff)
}

fn line(diff: &mut String, sign: char, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(diff, "  {sign} {text}");
}

fn shown(out: Option<&str>, record: &Record) -> String {
    let text = jsonl::print(record);
    out.map_or_else(|| text.clone(), |out| format!("{out} {text}"))
}

fn as_record(key: &Bytes, row: &Row) -> Record {
    Record { key: Some(key.clone()), value: Some(row.value.clone()), timestamp: row.timestamp, ..Record::default() }
}

fn shown_row(row: &ExpectedRow) -> String {
    let timestamp = crate::record::Timestamp(row.timestamp.unwrap_or_default());
    jsonl::print(&Record { key: Some(row.key.clone()), value: row.value.clone(), timestamp, ..Record::default() })
}

fn shown_expected(expected: &Expected) -> String {
    let record = Record {
        key: expected.key.clone().flatten(),
        value: expected.value.clone().flatten(),
        timestamp: crate::record::Timestamp(expected.timestamp.unwrap_or_default()),
        ..Record::default()
    };
    let mut text = shown(expected.out.as_deref(), &record);
    for (stated, field) in
        [(expected.key.is_some(), "key"), (expected.value.is_some(), "value"), (expected.timestamp.is_some(), "timestamp")]
    {
        if !stated {
            let _ = write!(text, " (any {field})");
        }
    }
    text
}
