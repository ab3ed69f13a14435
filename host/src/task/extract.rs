//! Where a record's event time comes from: its own timestamp, or a field of its JSON value.

use jiff::Timestamp as Instant;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::record::{RecordRef, Timestamp};
use crate::topology::TimestampFrom;

/// Takes the event time out of a record.
#[derive(Debug)]
pub enum TimestampExtractor {
    /// The record's own timestamp.
    Own,
    /// A field of the value.
    Field(Box<FieldExtractor>),
}

/// A field of the JSON value, and how its text is read.
#[derive(Debug)]
pub struct FieldExtractor {
    pointer: String,
    format: Option<String>,
    zone: TimeZone,
}

impl TimestampExtractor {
    /// The extractor of a source; an error says what is wrong with the setting.
    pub fn new(from: Option<&TimestampFrom>) -> Result<Self, String> {
        let Some(from) = from else { return Ok(Self::Own) };
        let zone = TimeZone::get(&from.zone).map_err(|e| format!("time zone '{}': {e}", from.zone))?;
        Ok(Self::Field(Box::new(FieldExtractor { pointer: from.field.clone(), format: from.format.clone(), zone })))
    }

    /// The event time, never negative. An error is a fault of the record, and says of what.
    pub fn extract(&self, record: RecordRef<'_>) -> Result<Timestamp, String> {
        let time = match self {
            Self::Own => record.timestamp,
            Self::Field(field) => field.extract(record)?,
        };
        if time.0 < 0 { Err(format!("the timestamp {time} is before 1970")) } else { Ok(time) }
    }
}

impl FieldExtractor {
    fn extract(&self, record: RecordRef<'_>) -> Result<Timestamp, String> {
        let value = record.value.ok_or("the value is null, so it has no timestamp field")?;
        let json: Value = serde_json::from_slice(value).map_err(|e| format!("the value is not JSON: {e}"))?;
        let field = json.pointer(&self.pointer).ok_or_else(|| format!("the value has no field {}", self.pointer))?;
        match (field, &self.format) {
            (Value::String(text), Some(format)) => self.parse(text, format),
            (Value::String(text), None) => {
                let instant: Instant = text.parse().map_err(|e| format!("{}: {e}", self.pointer))?;
                Ok(Timestamp(instant.as_millisecond()))
            }
            (Value::Number(number), None) => {
                number.as_i64().map(Timestamp).ok_or_else(|| format!("{}: {number} is not a whole number of milliseconds", self.pointer))
            }
            _ => Err(format!("{}: {field} is not a time", self.pointer)),
        }
    }

    fn parse(&self, text: &str, format: &str) -> Result<Timestamp, String> {
        let explain = |e: jiff::Error| format!("{}: '{text}' does not match '{format}': {e}", self.pointer);
        let parsed = strtime::parse(format, text).map_err(explain)?;
        if parsed.offset().is_some() {
            return Ok(Timestamp(parsed.to_timestamp().map_err(explain)?.as_millisecond()));
        }
        let civil: DateTime = match parsed.to_datetime() {
            Ok(civil) => civil,
            // A format of a date alone means its midnight.
            Err(_) => parsed.to_date().map_err(explain)?.to_datetime(jiff::civil::Time::midnight()),
        };
        let zoned = self.zone.to_ambiguous_timestamp(civil).compatible().map_err(explain)?;
        Ok(Timestamp(zoned.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extract(field: &str, format: Option<&str>, zone: &str, value: &str) -> Result<i64, String> {
        let from = TimestampFrom { field: field.into(), format: format.map(Into::into), zone: zone.into() };
        let record = RecordRef::plain(0, super::Timestamp(0), None, Some(value.as_bytes()));
        TimestampExtractor::new(Some(&from))?.extract(record).map(|t| t.0)
    }

    #[test]
    fn field_of_the_value_gives_the_event_time() {
        let cases = [
            ("/date", Some("%Y/%m/%d %H:%M"), "UTC", r#"{"date":"2001/01/10 18:20"}"#, 979_150_800_000),
            ("/date", Some("%Y/%m/%d %H:%M"), "Europe/Berlin", r#"{"date":"2001/01/10 18:20"}"#, 979_147_200_000),
            ("/date", Some("%Y-%m-%d"), "UTC", r#"{"date":"2001-01-10"}"#, 979_084_800_000),
            ("/at/0", None, "UTC", r#"{"at":[17]}"#, 17),
            ("/at", None, "UTC", r#"{"at":"1970-01-01T00:00:01Z"}"#, 1000),
        ];
        for (field, format, zone, value, expected) in cases {
            assert_eq!(extract(field, format, zone, value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn bad_field_says_what_is_wrong() {
        for (value, part) in [
            ("no json", "not JSON"),
            (r#"{"other":1}"#, "no field /date"),
            (r#"{"date":"tomorrow"}"#, "does not match"),
            (r#"{"date":true}"#, "true is not a time"),
        ] {
            let error = extract("/date", Some("%Y/%m/%d %H:%M"), "UTC", value).unwrap_err();
            assert!(error.contains(part), "{value}: {error}");
        }
        assert!(extract("/date", None, "UTC", r#"{"date":-1}"#).unwrap_err().contains("before 1970"));
    }
}
