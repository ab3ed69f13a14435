//! Texts that mean more than themselves: durations, sizes, names.

use std::time::Duration;

use crate::error::nearest;
use crate::limits;

/// Reads `100ms`, `1h`, `1h30m`, `7d`. The error says what is wrong with it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let mut rest = text;
    let mut millis = 0u64;
    if rest.is_empty() {
        return Err("is empty".to_owned());
    }
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest)?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| unknown_unit(unit))?;
        millis = number.checked_mul(*factor).and_then(|n| n.checked_add(millis)).ok_or("is too long")?;
        rest = after;
    }
    if i64::try_from(millis).is_err() {
        return Err("is too long".to_owned());
    }
    Ok(Duration::from_millis(millis))
}

/// A duration as a manifest says it, in the largest unit that fits.
pub fn duration_text(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units.into_iter().find(|(length, _)| ms > 0 && ms.is_multiple_of(*length));
    unit.map_or_else(|| format!("{ms}ms"), |(length, name)| format!("{}{name}", ms / length))
}

/// Reads `512KiB`, `64MiB`, `1GiB`, `4096B`. The error says what is wrong with it.
pub fn parse_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let (number, unit, after) = number_and_unit(text)?;
    if !after.is_empty() {
        return Err(format!("has '{after}' behind the unit"));
    }
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| match nearest(unit, UNITS.map(|(n, _)| n)) {
        Some(meant) if !unit.is_empty() => format!("has the unknown unit '{unit}': did you mean '{meant}'?"),
        _ => unknown_unit(unit),
    })?;
    number.checked_mul(*factor).ok_or_else(|| "is too large".to_owned())
}

fn unknown_unit(unit: &str) -> String {
    if unit.is_empty() { "has no unit".to_owned() } else { format!("has the unknown unit '{unit}'") }
}

fn number_and_unit(text: &str) -> Result<(u64, &str, &str), String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    if number.is_empty() {
        return Err("does not begin with a whole number".to_owned());
    }
    let number = number.parse().map_err(|_| "has too large a number".to_owned())?;
    let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(letters);
    Ok((number, unit.trim(), after))
}

/// Checks the name of a node or a store. The error says what is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() {
        return Err("is empty".to_owned());
    }
    if name.len() > limits::NAME_BYTES {
        return Err(format!("is longer than {} bytes", limits::NAME_BYTES));
    }
    if let Some(odd) = name.chars().find(|c| !allowed(*c)) {
        return Err(format!("contains '{odd}'"));
    }
    if name.starts_with(['-', '_']) {
        return Err("does not begin with a letter or digit".to_owned());
    }
    Ok(())
}

/// A size as `parse_size` takes it, in the largest unit of which it is a whole number.
pub fn size_text(bytes: usize) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let whole = units.iter().find(|(_, shift)| bytes.trailing_zeros() >= *shift);
    whole.map_or_else(|| format!("{bytes}B"), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

/// Checks a topic's name by Kafka's rules. The error says what is wrong with it.
pub fn check_topic(name: &str) -> Result<(), String> {
    check_kafka_name(name, limits::TOPIC_NAME_BYTES)
}

/// Checks an app id: a topic's prefix. The error says what is wrong with it.
pub fn check_app_id(name: &str) -> Result<(), String> {
    check_kafka_name(name, limits::APP_ID_BYTES)
}

fn check_kafka_name(name: &str, max: usize) -> Result<(), String> {
    if name.is_empty() {
        return Err("is empty".to_owned());
    }
    if name == "." || name == ".." {
        return Err("is only dots".to_owned());
    }
    if name.len() > max {
        return Err(format!("is longer than {max} bytes"));
    }
    match name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        Some(odd) => Err(format!("contains '{odd}'")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let ok = [("100ms", 100), ("0s", 0), ("1s", 1_000), ("1h30m", 5_400_000), ("7d", 604_800_000), ("10 m", 600_000)];
        for (text, millis) in ok {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        let bad = [
            ("", "is empty"),
            ("10", "has no unit"),
            ("h", "does not begin with a whole number"),
            ("-1s", "does not begin with a whole number"),
            ("1.5h", "has the unknown unit '.'"),
            ("10sec", "has the unknown unit 'sec'"),
            ("99999999999999999999s", "has too large a number"),
            ("9999999999999999d", "is too long"),
        ];
        for (text, why) in bad {
            assert_eq!(parse_duration(text), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn sizes_have_a_binary_unit() {
        let ok = [("64MiB", 64 << 20), ("1GiB", 1 << 30), ("4096B", 4096), ("512 KiB", 512 << 10)];
        for (text, bytes) in ok {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        let bad = [
            ("64", "has no unit"),
            ("64MB", "has the unknown unit 'MB': did you mean 'MiB'?"),
            ("64mib", "has the unknown unit 'mib'"),
            ("1GiB1", "has '1' behind the unit"),
            ("99999999999GiB", "is too large"),
        ];
        for (text, why) in bad {
            assert_eq!(parse_size(text), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn names_fit_folders_topics_and_references() {
        for name in ["a", "by-origin", "0_x", "a".repeat(100).as_str()] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let bad = [("", "is empty"), ("a.b", "contains '.'"), ("Ab", "contains 'A'"), ("-a", "does not begin with a letter or digit")];
        for (name, why) in bad {
            assert_eq!(check_name(name), Err(why.to_owned()), "{name}");
        }
        assert!(check_name(&"a".repeat(101)).is_err());
        for topic in ["Flights.2001", "a", &"t".repeat(249)] {
            assert_eq!(check_topic(topic), Ok(()), "{topic}");
        }
        for topic in ["", ".", "..", "a b", "ä", &"t".repeat(250)] {
            assert!(check_topic(topic).is_err(), "{topic}");
        }
    }
}
