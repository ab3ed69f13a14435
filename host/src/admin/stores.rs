//! What is in the stores of a running host, as the last commit has left it: the words of a query, and of its answer.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Bound;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::desk::Desk;
use super::forward::Forward;
use crate::error::Diagnostic;
use crate::jsonl;
use crate::limits;
use crate::runtime::{Found, Inquirer, Nobody};
use crate::store::{CommittedRow, KeyRange, RowPlace, StoreRead, Times};
use crate::topology::StoreKind;

/// Base64 as a URL can hold it (RFC 4648, section 5), padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Which rows of a store; as it stands in a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StoreQuery {
    /// The first key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The last key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What keys begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The first time: milliseconds, or RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The time at which a version held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Most rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where the answer before has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The partition whose task is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// How keys are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
}

/// How keys are written in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As they are.
    Text,
    /// In base64, as a URL can hold it.
    Base64,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Base64 => "base64",
        })
    }
}

/// A store of the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreReport {
    /// Its name.
    pub name: String,
    /// `key-value`, `window`, `session` or `versioned`.
    pub kind: String,
    /// Tasks of this host that have a part of it.
    pub tasks: Vec<String>,
    /// Tasks of other hosts, or of none at the moment.
    pub missing: Vec<String>,
}

/// A row of a store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoreRow {
    /// Its key, as a record line has it.
    pub key: Box<RawValue>,
    /// Its value, as a record line has it.
    pub value: Box<RawValue>,
    /// Its timestamp in milliseconds.
    pub timestamp: i64,
    /// The begin of its window, session or validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    /// The end of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<i64>,
}

/// Rows of a store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoreRows {
    /// The rows: by key, then time; windows and sessions of all keys by time, then key.
    pub rows: Vec<StoreRow>,
    /// What `after` has to be for those that follow; null: these are the last.
    pub after: Option<String>,
    /// Tasks whose rows are not among them, since no host that can be asked has them.
    pub missing: Vec<String>,
}

impl Desk {
    /// The stores of the app, by name.
    pub fn stores(&self) -> Result<Vec<StoreReport>, Diagnostic> {
        let stores = self.inquirer()?.stores();
        let host = self.look();
        let here: BTreeSet<&str> = host.iter().flat_map(|host| &host.tasks).map(|task| &*task.id.name).collect();
        let report = |store: crate::runtime::StoreStatus| {
            let names = store.tasks.iter().map(|task| task.name.to_string());
            let (tasks, missing) = names.partition(|name: &String| here.contains(name.as_str()));
            StoreReport { name: store.name.to_string(), kind: store.kind.to_string(), tasks, missing }
        };
        Ok(stores.into_iter().map(report).collect())
    }

    /// Rows of a store: those of a key, or a page of a range. Of a key that has none it is an error.
    pub fn query(&self, store: &str, key: Option<&str>, query: &StoreQuery) -> Result<StoreRows, Diagnostic> {
        let inquirer = self.inquirer()?;
        let read = query.read(store, inquirer.kind(store)?, key)?;
        let Found { rows, more, missing, hint } = match &self.peers {
            Some(peers) => inquirer.read(store, query.partition, read, &Forward::new(peers, store, key, query))?,
            None => inquirer.read(store, query.partition, read, &Nobody)?,
        };
        let missing: Vec<String> = missing.iter().map(|task| task.name.to_string()).collect();
        if let Some(key) = key
            && rows.is_empty()
        {
            return Err(no_row(store, key, query, &missing, hint));
        }
        let after = rows.last().filter(|_| more).map(|row| BASE64.encode(row.place.encode()));
        Ok(StoreRows { rows: rows.iter().map(told).collect::<Result<_, _>>()?, after, missing })
    }

    pub(super) fn inquirer(&self) -> Result<Inquirer, Diagnostic> {
        let Some(host) = &self.host else {
            let hint = "stores are asked while the app runs: `cofferdam run APP.toml`";
            return Err(Diagnostic::usage("R030", "no host is running this app").hint(hint));
        };
        let why = "the host has not started its stream threads yet, or is just ending";
        host.inquirer().ok_or_else(|| Diagnostic::run("R091", why).hint("try it again"))
    }
}

fn no_row(store: &str, key: &str, query: &StoreQuery, missing: &[String], hint: Option<String>) -> Diagnostic {
    let timed = query.since.is_some() || query.until.is_some() || query.as_of.is_some();
    let when = if timed { " at that time" } else { "" };
    let problem = Diagnostic::run("R121", format!("store '{store}' has no row of the key '{key}'{when}"));
    match missing {
        [] => problem,
        missing => {
            let why = hint.map_or_else(String::new, |hint| format!("; {hint}"));
            problem.hint(format!("tasks that are not on this host may have it: {}{why}", missing.join(", ")))
        }
    }
}

fn told(row: &CommittedRow) -> Result<StoreRow, Diagnostic> {
    let json = |bytes: &[u8]| {
        RawValue::from_string(jsonl::print_bytes(Some(bytes)))
            .map_err(|why| Diagnostic::run("R034", "the answer was cut short").because(why))
    };
    Ok(StoreRow {
        key: json(row.key())?,
        value: json(&row.value)?,
        timestamp: row.timestamp.0,
        start: row.span.map(|(start, _)| start),
        end: row.span.and_then(|(_, end)| end),
    })
}

impl StoreQuery {
    pub(super) fn read(&self, store: &str, kind: StoreKind, key: Option<&str>) -> Result<StoreRead, Diagnostic> {
        self.must_fit(store, kind, key)?;
        let max = self.limit.unwrap_or(limits::QUERY_ROWS).min(limits::QUERY_ROWS);
        if max == 0 {
            return Err(unfit("a limit of 0 leaves nothing to tell", "a limit is 1 or more"));
        }
        let after = self.after.as_ref().map(|after| {
            let place = BASE64.decode(after).ok().and_then(|bytes| RowPlace::decode(bytes.into()));
            place.ok_or_else(|| unfit("'after' is no end of an answer", "give it as the answer before has told it"))
        });
        Ok(StoreRead { keys: self.keys(key)?, times: self.times()?, after: after.transpose()?, max, bytes: limits::QUERY_BYTES })
    }

    /// Refuses what a kind of store does not know, and what excludes each other.
    fn must_fit(&self, store: &str, kind: StoreKind, key: Option<&str>) -> Result<(), Diagnostic> {
        let range = self.from.is_some() || self.to.is_some();
        let while_ = self.since.is_some() || self.until.is_some();
        if key.is_some() && (range || self.prefix.is_some()) || range && self.prefix.is_some() {
            return Err(unfit("a key, a range and a prefix exclude each other", "give one of them"));
        }
        if while_ && self.as_of.is_some() {
            return Err(unfit("'as-of' excludes 'since' and 'until'", "as-of is one time; since and until are the first and the last"));
        }
        if while_ && kind == StoreKind::KeyValue {
            return Err(unfit(&format!("'{store}' is a key-value store: its rows have no time"), "leave 'since' and 'until' out"));
        }
        if self.as_of.is_some() && kind != StoreKind::Versioned {
            return Err(unfit(&format!("'{store}' is a {kind} store: it has no versions"), "leave 'as-of' out"));
        }
        if key.is_none() && kind == StoreKind::Versioned {
            return Err(unfit(
                &format!("'{store}' is a versioned store: it is asked for one key"),
                "give a key; `as-of` tells what held at a time",
            ));
        }
        Ok(())
    }

    fn keys(&self, key: Option<&str>) -> Result<KeyRange, Diagnostic> {
        if let Some(key) = key {
            return Ok(KeyRange::One(self.bytes("the key", key)?));
        }
        if let Some(prefix) = &self.prefix {
            return Ok(KeyRange::prefix(self.bytes("'prefix'", prefix)?));
        }
        let bound = |what: &str, key: &Option<String>| {
            let key = key.as_ref().map(|key| self.bytes(what, key)).transpose()?;
            Ok::<_, Diagnostic>(key.map_or(Bound::Unbounded, Bound::Included))
        };
        Ok(KeyRange::Between(bound("'from'", &self.from)?, bound("'to'", &self.to)?))
    }

    fn bytes(&self, what: &str, text: &str) -> Result<Bytes, Diagnostic> {
        match self.encoding.unwrap_or(Encoding::Text) {
            Encoding::Text => Ok(Bytes::copy_from_slice(text.as_bytes())),
            Encoding::Base64 => {
                let url_safe = text.replace('+', "-").replace('/', "_");
                let decoded = BASE64.decode(url_safe).map(Bytes::from);
                decoded.map_err(|why| unfit(&format!("{what} is not base64: {why}"), "with encoding=base64 every key is written so"))
            }
        }
    }

    fn times(&self) -> Result<Times, Diagnostic> {
        let time = |name: &str, text: &Option<String>| text.as_ref().map(|text| time(name, text)).transpose();
        if let Some(at) = time("as-of", &self.as_of)? {
            return Ok(Times::AsOf(at));
        }
        match (time("since", &self.since)?, time("until", &self.until)?) {
            (None, None) => Ok(Times::Any),
            (first, last) => Ok(Times::Between(first.unwrap_or(i64::MIN), last.unwrap_or(i64::MAX))),
        }
    }
}

fn time(name: &str, text: &str) -> Result<i64, Diagnostic> {
    let ms = text.parse().ok().or_else(|| text.parse().ok().map(jiff::Timestamp::as_millisecond));
    ms.ok_or_else(|| unfit(&format!("'{name}' is no time"), "a time is whole milliseconds since 1970, or such as 2026-01-31T18:00:00Z"))
}

fn unfit(what: &str, hint: &str) -> Diagnostic {
    Diagnostic::usage("R125", what).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> StoreQuery {
        serde_json::from_str(text).unwrap()
    }

    fn refusal(text: &str, kind: StoreKind, key: Option<&str>) -> String {
        query(text).read("s", kind, key).unwrap_err().message
    }

    #[test]
    fn what_a_kind_of_store_does_not_know_is_refused() {
        use StoreKind::{KeyValue, Session, Versioned, Window};
        let cases = [
            (r#"{"from": "a"}"#, KeyValue, Some("k"), "a key, a range and a prefix exclude each other"),
            (r#"{"from": "a", "prefix": "b"}"#, KeyValue, None, "a key, a range and a prefix exclude each other"),
            (r#"{"since": "1", "as-of": "1"}"#, Versioned, Some("k"), "'as-of' excludes 'since' and 'until'"),
            (r#"{"since": "1"}"#, KeyValue, None, "'s' is a key-value store: its rows have no time"),
            (r#"{"as-of": "1"}"#, Session, Some("k"), "'s' is a session store: it has no versions"),
            ("{}", Versioned, None, "'s' is a versioned store: it is asked for one key"),
            (r#"{"limit": 0}"#, KeyValue, None, "a limit of 0 leaves nothing to tell"),
            (r#"{"since": "noon"}"#, Window, None, "'since' is no time"),
            (r#"{"after": "xyz"}"#, Window, None, "'after' is no end of an answer"),
        ];
        for (text, kind, key, message) in cases {
            assert_eq!(refusal(text, kind, key), message, "{text}");
        }
        assert!(refusal(r#"{"encoding": "base64"}"#, KeyValue, Some("?")).starts_with("the key is not base64"));
        assert!(serde_json::from_str::<StoreQuery>(r#"{"form": "a"}"#).is_err());
    }

    #[test]
    fn a_query_says_which_rows_it_means() {
        let read = |text: &str, key| query(text).read("s", StoreKind::Window, key).unwrap();
        let between = |from, to| KeyRange::Between(Bound::Included(Bytes::from_static(from)), to);
        assert_eq!(read(r#"{"prefix": "ab"}"#, None).keys, between(b"ab", Bound::Excluded(Bytes::from_static(b"ac"))));
        assert_eq!(read(r#"{"prefix": "_w", "encoding": "base64"}"#, None).keys, between(b"\xff", Bound::Unbounded));
        assert_eq!(read(r#"{"encoding": "base64"}"#, Some("_-8=")).keys, KeyRange::One(Bytes::from_static(b"\xff\xef")));
        assert_eq!(read(r#"{"encoding": "base64"}"#, Some("/+8")).keys, KeyRange::One(Bytes::from_static(b"\xff\xef")));
        assert_eq!(read(r#"{"since": "1970-01-01T00:00:01Z"}"#, None).times, Times::Between(1_000, i64::MAX));
        assert_eq!((read("{}", None).max, read(r#"{"limit": 5000}"#, None).max), (limits::QUERY_ROWS, limits::QUERY_ROWS));
    }
}
