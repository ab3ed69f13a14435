//! Records as lines of JSON: the form of files, of `produce` and of `consume`.
//!
//! A record line is an object that has `value` and nothing but `key`, `value`, `timestamp` and `headers`; every other line is a value, byte
//! for byte. In a record line a string stands for its text, any other JSON for its compact text, null for nothing, and
//! `{"base64": "..."}` for bytes that are not UTF-8.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::record::{Header, Headers, HeadersRef, Record, Timestamp};

/// A line that is a record line but a broken one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A field is not what it should be.
    #[error("'{field}' {why}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads a line. `timestamp` is that of records which state none.
pub fn parse(line: &[u8], timestamp: Timestamp) -> Result<Record, LineError> {
    let Some(fields) = record_fields(line) else {
        return Ok(Record { value: Some(Bytes::copy_from_slice(line)), timestamp, ..Record::default() });
    };
    let mut record = Record { timestamp, ..Record::default() };
    for (name, raw) in &fields {
        match &**name {
            "key" => record.key = bytes_of("key", raw)?,
            "value" => record.value = bytes_of("value", raw)?,
            "timestamp" => record.timestamp = timestamp_of(raw)?,
            _ => record.headers = headers_of(raw)?,
        }
    }
    Ok(record)
}

/// The fields of a record line; `None` for every other line.
fn record_fields(line: &[u8]) -> Option<BTreeMap<Cow<'_, str>, &RawValue>> {
    if line.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        return None;
    }
    let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(line).ok()?;
    let known = |name: &Cow<'_, str>| matches!(&**name, "key" | "value" | "timestamp" | "headers");
    (fields.contains_key("value") && fields.keys().all(known)).then_some(fields)
}

/// The bytes that a field of a record line stands for.
pub fn bytes_of(field: &'static str, raw: &RawValue) -> Result<Option<Bytes>, LineError> {
    let text = raw.get();
    let fail = |why: String| LineError::Field { field, why };
    match text.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => {
            let text: String = serde_json::from_str(text).map_err(|e| fail(e.to_string()))?;
            Ok(Some(text.into()))
        }
        Some(b'{') => match base64_of(text) {
            Some(encoded) => {
                let bytes = BASE64.decode(&*encoded).map_err(|e| fail(format!("is not base64: {e}")))?;
                Ok(Some(bytes.into()))
            }
            None => Ok(Some(compact(text).into())),
        },
        _ => Ok(Some(compact(text).into())),
    }
}

/// The text of `{"base64": "..."}`; `None` for every other object.
fn base64_of(text: &str) -> Option<String> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    if fields.len() != 1 {
        return None;
    }
    serde_json::from_str(fields.get("base64")?.get()).ok()
}

fn timestamp_of(raw: &RawValue) -> Result<Timestamp, LineError> {
    let fail = |why: &str| LineError::Field { field: "timestamp", why: why.to_owned() };
    let ms: i64 = serde_json::from_str(raw.get()).map_err(|_| fail("is not a whole number of milliseconds"))?;
    if ms < 0 { Err(fail("is before 1970")) } else { Ok(Timestamp(ms)) }
}

/// Headers: an object of names and values, or a list of `[name, value]` where a name comes twice or the order matters.
fn headers_of(raw: &RawValue) -> Result<Headers, LineError> {
    let fail = |why: String| LineError::Field { field: "headers", why };
    let pairs: Vec<(String, &RawValue)> = if raw.get().starts_with('[') {
        serde_json::from_str(raw.get()).map_err(|e| fail(format!("is not a list of [name, value]: {e}")))?
    } else {
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).map_err(|e| fail(format!("is not an object: {e}")))?;
        fields.into_iter().collect()
    };
    let mut packed = Vec::new();
    for (name, raw) in pairs {
        Header { name: &name, value: bytes_of("headers", raw)?.as_deref() }.pack(&mut packed);
    }
    Ok(Headers::of_packed(packed.into()))
}

/// JSON text without the whitespace between its tokens; everything else byte for byte.
pub fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string || !matches!(c, ' ' | '\t' | '\n' | '\r') {
            out.push(c);
        }
        in_string = if in_string { escaped || c != '"' } else { c == '"' };
        escaped = in_string && !escaped && c == '\\';
    }
    out
}

/// Writes a record as one line, without the line's end.
pub fn print(record: &Record) -> String {
    let mut line = String::with_capacity(64 + record.size());
    line.push_str("{\"key\":");
    push_bytes(&mut line, record.key.as_deref());
    line.push_str(",\"value\":");
    push_bytes(&mut line, record.value.as_deref());
    line.push_str(",\"timestamp\":");
    line.push_str(&record.timestamp.to_string());
    if !record.headers.is_empty() {
        line.push_str(",\"headers\":");
        push_headers(&mut line, record.headers.as_ref());
    }
    line.push('}');
    line
}

/// Writes a key, a value or a header's value as it stands in a record line: JSON.
pub fn print_bytes(bytes: Option<&[u8]>) -> String {
    let mut text = String::new();
    push_bytes(&mut text, bytes);
    text
}

/// Objects and arrays as JSON, other text as a string, other bytes as base64.
fn push_bytes(line: &mut String, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else { return line.push_str("null") };
    match std::str::from_utf8(bytes) {
        Ok(text) if is_json_container(text) => line.push_str(&compact(text)),
        Ok(text) => line.push_str(&serde_json::Value::from(text).to_string()),
        Err(_) => {
            line.push_str("{\"base64\":\"");
            line.push_str(&BASE64.encode(bytes));
            line.push_str("\"}");
        }
    }
}

fn is_json_container(text: &str) -> bool {
    matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'[')) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn push_headers(line: &mut String, headers: HeadersRef<'_>) {
    // An object has no order: it is used only where its own, sorted one is that of the headers.
    let unique = headers.iter().is_sorted_by(|a, b| a.name < b.name);
    line.push(if unique { '{' } else { '[' });
    for (at, header) in headers.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let name = serde_json::Value::from(header.name);
        line.push_str(&if unique { format!("{comma}{name}:") } else { format!("{comma}[{name},") });
        push_bytes(line, header.value);
        line.push_str(if unique { "" } else { "]" });
    }
    line.push(if unique { '}' } else { ']' });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> (Option<Bytes>, Option<Bytes>, i64) {
        let record = parse(line.as_bytes(), Timestamp(7)).unwrap();
        (record.key, record.value, record.timestamp.0)
    }

    #[test]
    fn record_line_is_one_with_value_and_no_foreign_field() {
        let cases: [(&str, Option<&str>, Option<&str>, i64); 9] = [
            (r#"{"key":"a","value":"b","timestamp":5}"#, Some("a"), Some("b"), 5),
            (r#"{"value":null,"key":"a"}"#, Some("a"), None, 7),
            (r#"{"value": {"x" : [1, 2.50], "y":" \" z"}}"#, None, Some(r#"{"x":[1,2.50],"y":" \" z"}"#), 7),
            (r#"{"value":1e3,"key":5}"#, Some("5"), Some("1e3"), 7),
            (r#"{"value":{"base64":"/w=="}}"#, None, None, 7),
            (r#"{"key":"a"}"#, None, Some(r#"{"key":"a"}"#), 7),
            (r#"{"value":1,"other":2}"#, None, Some(r#"{"value":1,"other":2}"#), 7),
            ("plain text ", None, Some("plain text "), 7),
            ("", None, Some(""), 7),
        ];
        for (line, key, value, timestamp) in cases {
            let value = if line.contains("base64") { Some(Bytes::from_static(b"\xff")) } else { value.map(|v| v.to_owned().into()) };
            assert_eq!(parsed(line), (key.map(|k| k.to_owned().into()), value, timestamp), "{line}");
        }
    }

    #[test]
    fn broken_record_line_names_the_field() {
        for (line, expected) in [
            (r#"{"value":1,"timestamp":"x"}"#, "'timestamp' is not a whole number of milliseconds"),
            (r#"{"value":1,"timestamp":-1}"#, "'timestamp' is before 1970"),
            (r#"{"value":{"base64":"?"}}"#, "'value' is not base64"),
        ] {
            let error = parse(line.as_bytes(), Timestamp(0)).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn what_is_printed_reads_back_the_same() {
        let value = |v: &'static [u8]| Some(Bytes::from_static(v));
        let headers =
            |all: [(&'static str, Option<&'static [u8]>); 2]| all.into_iter().map(|(name, value)| Header { name, value }).collect();
        let records = [
            Record { key: value(b"k"), value: value(b"{\"a\": [1]}"), timestamp: Timestamp(1), ..Record::default() },
            Record { key: None, value: None, ..Record::default() },
            Record { key: value(b"5"), value: value(b"\xff\x00"), ..Record::default() },
            Record { value: value(b"x"), headers: headers([("a", Some(b"1")), ("b", None)]), ..Record::default() },
            Record { value: value(b"x"), headers: headers([("a", Some(b"1")), ("a", Some(b"2"))]), ..Record::default() },
        ];
        let lines = [
            r#"{"key":"k","value":{"a":[1]},"timestamp":1}"#,
            r#"{"key":null,"value":null,"timestamp":0}"#,
            r#"{"key":"5","value":{"base64":"/wA="},"timestamp":0}"#,
            r#"{"key":null,"value":"x","timestamp":0,"headers":{"a":"1","b":null}}"#,
            r#"{"key":null,"value":"x","timestamp":0,"headers":[["a","1"],["a","2"]]}"#,
        ];
        for (record, line) in records.iter().zip(lines) {
            assert_eq!(print(record), line);
            assert_eq!(print(&parse(line.as_bytes(), Timestamp(9)).unwrap()), line);
        }
    }
}
