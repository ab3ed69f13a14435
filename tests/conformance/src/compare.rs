//! What came, in the words of a vector, against what should have come.

use cofferdam::record::Record;
use cofferdam::store::Row;
use serde_json::{Map, Value, json};

use crate::topology::{Out, OutForm, Topology};

/// An output as vectors write it; `None` for one that they do not.
pub fn output(topology: &Topology, sink: &str, record: &Record) -> Option<Value> {
    let Out { label, form } = topology.outs.get(sink)?;
    if *form == OutForm::Row {
        let row = record.value.as_deref().and_then(|value| serde_json::from_slice(value).ok());
        return Some(row.unwrap_or_else(|| text(record.value.as_deref())));
    }
    let ts = if *form == OutForm::Line { -1 } else { record.timestamp.0 };
    let mut output = json!({"key": text(record.key.as_deref()), "value": text(record.value.as_deref()), "ts": ts});
    if let Some(label) = label {
        output["out"] = label.as_str().into();
    }
    Some(output)
}

fn text(bytes: Option<&[u8]>) -> Value {
    bytes.map(String::from_utf8_lossy).into()
}

/// Holds the outputs of a step against what should have come, in order.
pub fn outputs(expected: &[Value], got: &[Value]) -> Result<(), String> {
    if expected == got { Ok(()) } else { Err(difference(expected, got)) }
}

/// Holds the rows of a store against what should be in it. What a row leaves out is not compared.
pub fn rows(expected: &[Value], rows: &[(impl AsRef<[u8]>, Row)]) -> Result<(), String> {
    let of_row = |(at, (key, row)): (usize, &(_, Row))| {
        let key: &[u8] = AsRef::as_ref(key);
        let mut fields = Map::new();
        let stated = |field: &str| expected.get(at).is_none_or(|row| row.get(field).is_some());
        for (field, value) in [("key", text(Some(key))), ("value", text(Some(&row.value))), ("ts", row.timestamp.0.into())] {
            if stated(field) {
                fields.insert(field.to_owned(), value);
            }
        }
        Value::Object(fields)
    };
    outputs(expected, &rows.iter().enumerate().map(of_row).collect::<Vec<_>>())
}

fn difference(expected: &[Value], got: &[Value]) -> String {
    let shown = |all: &[Value]| all.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    format!("expected [{}]\ngot      [{}]", shown(expected), shown(got))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cofferdam::record::Timestamp;

    use super::*;

    #[test]
    fn row_is_compared_by_what_the_vector_says_of_it() {
        let row = |value: &str, ts| Row { value: Bytes::copy_from_slice(value.as_bytes()), timestamp: Timestamp(ts) };
        let there = [("a", row("1", 10)), ("b", row("2", 20))];
        assert_eq!(rows(&[json!({"key": "a", "value": "1"}), json!({"key": "b", "value": "2", "ts": 20})], &there), Ok(()));
        let wrong = rows(&[json!({"key": "a", "value": "1"}), json!({"key": "b", "value": "2", "ts": 21})], &there).unwrap_err();
        assert!(wrong.contains("21") && wrong.contains("20"), "{wrong}");
        assert!(rows(&[json!({"key": "a", "value": "1"})], &there).is_err());
        assert!(rows(&[], &there).is_err());
    }
}
