//! The file: what it says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::jsonl;

/// A step file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StepFileError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It is not what a step file should be.
    #[error("is not a step file: {0}")]
    Format(#[from] serde_json::Error),
    /// Its lists do not fit together.
    #[error("{0}")]
    Shape(String),
}

/// One step file.
#[derive(Debug)]
pub struct StepFile {
    /// `name`, else the file's.
    pub name: String,
    /// The topology, resolved against the file's folder.
    pub manifest: PathBuf,
    /// Partitions of every topic; 1 unless the file says otherwise.
    pub partitions: u32,
    /// What is done.
    pub steps: Vec<Step>,
    /// What each step gives.
    pub expect: Vec<Vec<Expected>>,
    /// Final content of the stores named.
    pub stores: BTreeMap<String, Vec<ExpectedRow>>,
}

/// One step.
#[derive(Debug)]
pub enum Step {
    /// A record arrives.
    Record {
        /// At this source or table.
        source: String,
        /// Its key.
        key: Option<Bytes>,
        /// Its value.
        value: Option<Bytes>,
        /// Its timestamp.
        timestamp: i64,
    },
    /// Time passes.
    AdvanceWallClock {
        /// So many milliseconds.
        ms: i64,
    },
}

/// One expected output. What it leaves out is not compared.
#[derive(Debug, Default)]
pub struct Expected {
    /// The key, where stated.
    pub key: Option<Option<Bytes>>,
    /// The value, where stated.
    pub value: Option<Option<Bytes>>,
    /// The timestamp, where stated.
    pub timestamp: Option<i64>,
    /// The sink or dead-letter topic, where stated.
    pub out: Option<String>,
}

/// One expected row of a store.
#[derive(Debug)]
pub struct ExpectedRow {
    /// Its key.
    pub key: Bytes,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its timestamp, where stated.
    pub timestamp: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    name: Option<String>,
    manifest: PathBuf,
    #[serde(default = "one")]
    partitions: u32,
    steps: Vec<RawStep>,
    expect: Vec<Vec<RawExpected>>,
    #[serde(default)]
    stores: BTreeMap<String, Vec<RawRow>>,
    // What a file may say for its readers alone.
    #[serde(default, rename = "params")]
    _params: IgnoredAny,
    #[serde(default, rename = "operator")]
    _operator: IgnoredAny,
    #[serde(default, rename = "inputs")]
    _inputs: IgnoredAny,
    #[serde(default, rename = "notes")]
    _notes: IgnoredAny,
    #[serde(default, rename = "dropped_at")]
    _dropped_at: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    r#in: Option<String>,
    key: Option<Box<RawValue>>,
    value: Option<Box<RawValue>>,
    ts: Option<i64>,
    advance_wall_clock_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpected {
    #[serde(default, deserialize_with = "stated")]
    key: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "stated")]
    value: Option<Box<RawValue>>,
    ts: Option<i64>,
    out: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRow {
    key: Box<RawValue>,
    #[serde(default, deserialize_with = "stated")]
    value: Option<Box<RawValue>>,
    ts: Option<i64>,
}

fn one() -> u32 {
    1
}

/// Keeps the difference between a field that is null and one that is not there.
fn stated<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

impl StepFile {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, StepFileError> {
        let raw: RawFile = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        if raw.steps.len() != raw.expect.len() {
            let (steps, expect) = (raw.steps.len(), raw.expect.len());
            return Err(StepFileError::Shape(format!("{steps} steps, but 'expect' has {expect} entries: there must be one for each step")));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let stem = || path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        Ok(Self {
            name: raw.name.unwrap_or_else(stem),
            manifest: folder.join(raw.manifest),
            partitions: raw.partitions.max(1),
            steps: raw.steps.into_iter().enumerate().map(|(at, s)| step(at, s)).collect::<Result<_, _>>()?,
            expect: raw.expect.into_iter().map(|e| e.into_iter().map(expected).collect()).collect::<Result<_, _>>()?,
            stores: raw.stores.into_iter().map(|(name, rows)| Ok((name, rows_of(rows)?))).collect::<Result<_, StepFileError>>()?,
        })
    }
}

fn step(at: usize, raw: RawStep) -> Result<Step, StepFileError> {
    let shape = |what: &str| StepFileError::Shape(format!("step {at} {what}"));
    match (raw.r#in, raw.advance_wall_clock_ms) {
        (Some(source), None) => Ok(Step::Record {
            source,
            key: bytes(raw.key.as_deref())?,
            value: bytes(raw.value.as_deref())?,
            timestamp: raw.ts.ok_or_else(|| shape("has no 'ts'"))?,
        }),
        (None, Some(ms)) if ms >= 0 => Ok(Step::AdvanceWallClock { ms }),
        (None, Some(_)) => Err(shape("turns the clock back")),
        _ => Err(shape("is neither a record ('in', 'key', 'value', 'ts') nor 'advance_wall_clock_ms'")),
    }
}

fn expected(raw: RawExpected) -> Result<Expected, StepFileError> {
    let field = |f: Option<Box<RawValue>>| f.map(|raw| bytes(Some(&raw))).transpose();
    Ok(Expected { key: field(raw.key)?, value: field(raw.value)?, timestamp: raw.ts, out: raw.out })
}

fn rows_of(rows: Vec<RawRow>) -> Result<Vec<ExpectedRow>, StepFileError> {
    let row = |raw: RawRow| {
        let key = bytes(Some(&raw.key))?.unwrap_or_default();
        Ok(ExpectedRow { key, value: bytes(raw.value.as_deref())?, timestamp: raw.ts })
    };
    rows.into_iter().map(row).collect()
}

fn bytes(raw: Option<&RawValue>) -> Result<Option<Bytes>, StepFileError> {
    let Some(raw) = raw else { return Ok(None) };
    jsonl::bytes_of("step", raw).map_err(|e| StepFileError::Shape(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_key_is_refused_and_what_is_for_readers_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("steps.json");
        let read = |more: &str| {
            std::fs::write(&path, format!(r#"{{"manifest": "app.toml", "steps": [], "expect": [], {more}}}"#)).unwrap();
            StepFile::read(&path).map(|_| ()).map_err(|e| e.to_string())
        };
        assert_eq!(read(r#""params": {"a": 1}, "operator": "map", "inputs": {}, "notes": ["n"], "dropped_at": [1]"#), Ok(()));
        let refused = read(r#""store": {}"#).unwrap_err();
        assert!(
            refused.starts_with("is not a step file: unknown field `store`, expected one of ") && refused.contains("`stores`"),
            "{refused}"
        );
    }
}
