//! What one host asks another one for, and is told: rows of some tasks, as they lie in the store. Whoever is asked so tells of its own tasks
//! alone, and asks nobody else: no query goes round.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::stores::StoreQuery;
use crate::error::Diagnostic;
use crate::limits;
use crate::record::Timestamp;
use crate::runtime::Found;
use crate::store::{CommittedRow, CommittedRows, RowPlace};

/// The header that a query of another host has, and no other query: a [`Hop`] as JSON.
pub(super) const HEADER: &str = "cofferdam-hop";

/// Which tasks a host is asked for by another one. Which rows, its words say as those of everybody do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hop {
    /// `app.id`: at an address that is told there may be somebody else by now.
    pub app: String,
    /// Partitions of the tasks.
    pub partitions: BTreeSet<u32>,
    /// Bytes of rows with which each task's page ends.
    pub bytes: usize,
}

/// What it tells.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HopRows {
    rows: Vec<HopRow>,
    more: bool,
    /// Partitions whose tasks it does not have.
    missing: BTreeSet<u32>,
}

/// A row with the place that it has among others.
#[derive(Debug, Serialize, Deserialize)]
struct HopRow {
    place: String,
    value: String,
    timestamp: i64,
    span: Option<(i64, Option<i64>)>,
}

impl HopRows {
    fn new(found: &Found) -> Self {
        let row = |row: &CommittedRow| HopRow {
            place: BASE64.encode(row.place.encode()),
            value: BASE64.encode(&row.value),
            timestamp: row.timestamp.0,
            span: row.span,
        };
        let missing = found.missing.iter().map(|task| task.partition).collect();
        Self { rows: found.rows.iter().map(row).collect(), more: found.more, missing }
    }

    /// Rows, and partitions that are not there; `None`: nothing that a host says.
    pub(super) fn read(self) -> Option<(CommittedRows, BTreeSet<u32>)> {
        let bytes = |text: &str| BASE64.decode(text).ok().map(Bytes::from);
        let row = |row: &HopRow| {
            let place = RowPlace::decode(bytes(&row.place)?)?;
            Some(CommittedRow { place, value: bytes(&row.value)?, timestamp: Timestamp(row.timestamp), span: row.span })
        };
        let rows = self.rows.iter().map(row).collect::<Option<Vec<_>>>()?;
        if self.more && rows.is_empty() {
            return None;
        }
        Some((CommittedRows { rows, more: self.more }, self.missing))
    }
}

impl Desk {
    /// Rows of tasks of this host, for another one.
    pub(super) fn query_for(&self, hop: &Hop, store: &str, key: Option<&str>, query: &StoreQuery) -> Result<HopRows, Diagnostic> {
        if *hop.app != *self.app {
            let problem = Diagnostic::run("R122", format!("this host runs the app '{}', and not '{}'", self.app, hop.app));
            return Err(problem.hint("it has another one's address: its port was another host's before"));
        }
        let inquirer = self.inquirer()?;
        let mut read = query.read(store, inquirer.kind(store)?, key)?;
        read.bytes = hop.bytes.min(limits::QUERY_BYTES);
        inquirer.read_here(store, &hop.partitions, &read).map(|found| HopRows::new(&found))
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use super::*;
    use crate::store::{KeyRange, StoreRead, Times, merge};
    use crate::topology::StoreKind;

    fn row(key: &str, time: i64) -> CommittedRow {
        let place = [&time.to_be_bytes()[..], &0_u64.to_be_bytes(), key.as_bytes()].concat();
        let place = RowPlace::decode(place.into()).unwrap();
        CommittedRow { place, value: Bytes::from_static(b"\0\xff"), timestamp: Timestamp(time + 5), span: Some((time, Some(time + 10))) }
    }

    #[test]
    fn rows_are_read_as_they_were_told_and_take_their_places_among_others() {
        let found = Found { rows: vec![row("a", 1), row("a", 3)], more: true, missing: Vec::new(), hint: None };
        let told = serde_json::to_string(&HopRows::new(&found)).unwrap();
        let (page, missing) = serde_json::from_str::<HopRows>(&told).unwrap().read().unwrap();
        assert_eq!((&page.rows, page.more, missing), (&found.rows, true, BTreeSet::new()));
        let keys = KeyRange::Between(Bound::Unbounded, Bound::Unbounded);
        let read = StoreRead { keys, times: Times::Any, after: None, max: 10, bytes: 1 };
        let own = CommittedRows { rows: vec![row("b", 2), row("b", 4)], more: false };
        let both = merge(vec![own, page], &read, StoreKind::Window);
        assert_eq!(both, CommittedRows { rows: vec![row("a", 1), row("b", 2), row("a", 3)], more: true });
    }

    #[test]
    fn what_no_host_says_is_no_answer() {
        for rows in [r#"{"place":"?","value":"","timestamp":0,"span":null}"#, r#"{"place":"AAAA","value":"","timestamp":0,"span":null}"#] {
            let told: HopRows = serde_json::from_str(&format!(r#"{{"rows":[{rows}],"more":false,"missing":[]}}"#)).unwrap();
            assert!(told.read().is_none(), "{rows}");
        }
        // More of nothing would be asked for without end.
        assert!(serde_json::from_str::<HopRows>(r#"{"rows":[],"more":true,"missing":[]}"#).unwrap().read().is_none());
    }
}
