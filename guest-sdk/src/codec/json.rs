//! Values as JSON, through serde. An error names the field that is wrong.

use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CodecError, Decode, Encode};

/// A value as JSON: any type with serde's `Serialize` and `Deserialize`.
///
/// ```
/// use cofferdam_guest::{Decode, Encode, Json};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Flight {
///     origin: String,
///     delay: i64,
/// }
///
/// let flight = Json::<Flight>::decode(br#"{"origin": "SFO", "delay": 9}"#)?;
/// assert_eq!(flight.origin, "SFO");
/// assert_eq!(flight.encoded()?, br#"{"origin":"SFO","delay":9}"#);
///
/// let error = Json::<Flight>::decode(br#"{"origin": "SFO", "delay": "late"}"#).err().map(|error| error.to_string());
/// assert_eq!(error.as_deref(), Some(r#"field `delay`: invalid type: string "late", expected i64 at line 1 column 33"#));
/// # Ok::<(), cofferdam_guest::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> Encode for Json<T> {
    fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        serde_json::to_writer(bytes, &self.0).map_err(|error| CodecError::new(error.to_string()))
    }
}

impl<T: DeserializeOwned> Decode for Json<T> {
    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        serde_json::from_slice(bytes).map(Self).map_err(|error| explain(bytes, &error))
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// serde_json says where in the text; this adds which field that is. (A missing field is named by serde itself.)
fn explain(text: &[u8], error: &serde_json::Error) -> CodecError {
    if !error.is_data() {
        return CodecError::new(format!("not JSON: {error}"));
    }
    let before: usize = text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    let path = path_at(text, before + error.column());
    CodecError::new(if path.is_empty() { error.to_string() } else { format!("field `{path}`: {error}") })
}

enum Level {
    Object { key: String, key_comes: bool },
    Array { index: usize },
}

/// The path (`a.b[2]`) of the value that ends at `end`. Reads valid JSON; on anything else it is only less exact.
fn path_at(text: &[u8], end: usize) -> String {
    let mut levels: Vec<Level> = Vec::new();
    let mut at = 0;
    while at < end.min(text.len()) {
        match text[at] {
            b'{' => levels.push(Level::Object { key: String::new(), key_comes: true }),
            b'[' => levels.push(Level::Array { index: 0 }),
            b'}' | b']' => drop(levels.pop()),
            b',' => match levels.last_mut() {
                Some(Level::Object { key_comes, .. }) => *key_comes = true,
                Some(Level::Array { index }) => *index += 1,
                None => {}
            },
            b'"' => {
                let close = closing_quote(text, at + 1);
                if let Some(Level::Object { key, key_comes: key_comes @ true }) = levels.last_mut() {
                    *key = String::from_utf8_lossy(&text[at + 1..close]).into_owned();
                    *key_comes = false;
                }
                at = close;
            }
            _ => {}
        }
        at += 1;
    }
    let mut path = String::new();
    for level in &levels {
        match level {
            Level::Object { key, .. } if path.is_empty() => path.push_str(key),
            Level::Object { key, .. } => path.extend([".", key]),
            Level::Array { index } => path.push_str(&format!("[{index}]")),
        }
    }
    path.chars().take(128).collect()
}

fn closing_quote(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Outer {
        name: String,
        legs: Vec<Leg>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Leg {
        miles: u32,
    }

    #[test]
    fn an_error_names_the_field() {
        let cases = [
            (r#"{"name":"a","legs":[{"miles":1},{"miles":-1}]}"#, "field `legs[1].miles`: invalid value"),
            ("{\n \"name\": 7,\n \"legs\":[]}", "field `name`: invalid type: integer `7`"),
            (r#"{"name":"\"{,","legs":[{}]}"#, "field `legs[0]`: missing field `miles`"),
            (r#"{"legs":[]}"#, "missing field `name`"),
            (r#"{"name":"#, "not JSON: EOF while parsing"),
            ("SFO", "not JSON: expected value"),
            ("[1]", "field `[0]`: invalid type: integer `1`, expected a string"),
        ];
        for (text, expected) in cases {
            let error = Json::<Outer>::decode(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
