//! A versioned store (KIP-889): every key's history. The latest version of a key never expires; those before it stand in segments of time, each
//! in that in which it ended, and leave a segment at a time.
//!
//! What lies at a segment's border follows Kafka Streams' `RocksDBVersionedStore`, whose segments can be seen from outside: a history that
//! ends in one segment does not show a version that ends in a later one, and a deletion of a key without versions is known in its own
//! segment only.

use bytes::Bytes;

use super::at_work::AtWork;
use super::layout::plain;
use super::versions::{Begun, SegmentVersions};
use super::{Row, ScanOrder, StoreError, changelog};
use crate::record::Timestamp;

/// How versions are kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VersionedRules {
    pub(super) history_ms: i64,
    /// Length of a segment in milliseconds, at least 1.
    pub(super) segment_ms: i64,
}

impl VersionedRules {
    /// Length of a segment where the manifest does not say it (Kafka Streams' choice).
    pub(super) fn segment_ms(history_ms: i64) -> i64 {
        match history_ms {
            ..=60_000 => (history_ms / 3).max(2_000),
            60_001..=300_000 => (history_ms / 5).max(20_000),
            300_001..=3_600_000 => (history_ms / 12).max(60_000),
            _ => (history_ms / 24).max(300_000),
        }
    }

    /// Towards 0, as Kafka Streams divides.
    fn segment(&self, time: i64) -> i64 {
        time / self.segment_ms
    }

    /// The first segment that has not expired.
    pub(super) fn first_segment(&self, expired: i64) -> i64 {
        self.segment(expired)
    }
}

/// A version that holds, or held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The value.
    pub value: Bytes,
    /// When it begins to hold.
    pub valid_from: i64,
    /// When it ceases to; `None` while it is the latest.
    pub valid_to: Option<i64>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionedPut {
    /// It is the latest version now.
    Latest,
    /// It came late and holds until then.
    Until(i64),
    /// It lies before the history, and was not kept.
    Expired,
}

/// A versioned store in the running transaction.
#[derive(Debug)]
pub struct Versioned<'t> {
    pub(super) work: AtWork<'t>,
    pub(super) rules: VersionedRules,
    /// Bytes that were written besides what was put.
    pub(super) rewritten: usize,
}

/// A row's latest version.
fn latest_of(row: Row) -> Version {
    Version { value: row.value, valid_from: row.timestamp.0, valid_to: None }
}

impl Versioned<'_> {
    /// Times before this one have expired.
    fn expired(&self) -> i64 {
        self.work.clock.expired(self.rules.history_ms)
    }

    fn latest(&self, key: &[u8]) -> Result<Option<Version>, StoreError> {
        Ok(self.work.get(&plain::row(key))?.map(latest_of))
    }

    fn put_latest(&mut self, key: &[u8], version: Option<(i64, Bytes)>) {
        let row = version.map(|(begin, value)| Row { value, timestamp: Timestamp(begin) });
        self.work.put(&plain::row(key), row);
    }

    fn read(&self, segment: i64, key: &[u8]) -> Result<Option<SegmentVersions>, StoreError> {
        let row = self.work.get(&plain::timed(segment, key))?;
        row.map(|row| SegmentVersions::decode(row.value)).transpose().map_err(|why| self.work.rows.corrupted(why))
    }

    fn write(&mut self, segment: i64, key: &[u8], versions: &SegmentVersions) {
        let row = Row { value: versions.encode(), timestamp: Timestamp(versions.end) };
        self.rewritten += row.value.len();
        self.work.put(&plain::timed(segment, key), Some(row));
    }

    /// The segments in which versions that end at `time` or later may stand.
    fn segments_from(&self, time: i64) -> std::ops::RangeInclusive<i64> {
        let first = self.rules.first_segment(self.expired());
        self.rules.segment(time).max(first)..=self.rules.segment(self.work.clock.observed)
    }

    /// A segment that has not expired.
    fn live_segment(&self, time: i64) -> Option<i64> {
        Some(self.rules.segment(time)).filter(|segment| *segment >= self.rules.first_segment(self.expired()))
    }

    /// Bytes that `put` has written besides what it was given: the versions of a key in one segment are one row, and after a late one the latest
    /// goes into the changelog again.
    pub fn rewritten(&self) -> usize {
        self.rewritten
    }

    /// The latest version of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Version>, StoreError> {
        self.latest(key)
    }

    /// The version that held at a time.
    pub fn get_as_of(&self, key: &[u8], as_of: i64) -> Result<Option<Version>, StoreError> {
        let latest = self.latest(key)?.filter(|latest| latest.valid_from <= as_of);
        if latest.is_some() || as_of < self.expired() {
            return Ok(latest);
        }
        for segment in self.segments_from(as_of).rev() {
            let Some(versions) = self.read(segment, key)? else { continue };
            if versions.end <= as_of {
                return Ok(None);
            }
            if versions.begin() > as_of {
                continue;
            }
            let mut all = versions.iter();
            let held = all.find(|(begin, _, _)| *begin <= as_of);
            return Ok(held.and_then(|(begin, end, value)| Some(Version { value: value?.clone(), valid_from: begin, valid_to: Some(end) })));
        }
        Ok(None)
    }

    /// Up to `max` versions that held in `first..=last`, by time; goes on behind the one that begins at `after`.
    pub fn history(
        &self,
        key: &[u8],
        (first, last): (i64, i64),
        order: ScanOrder,
        after: Option<i64>,
        max: usize,
    ) -> Result<Vec<Version>, StoreError> {
        let mut found: Vec<Version> = self.latest(key)?.into_iter().filter(|latest| latest.valid_from <= last).collect();
        if last >= self.expired() {
            let newest = self.rules.segment(last).min(*self.segments_from(i64::MIN).end());
            for segment in (*self.segments_from(i64::MIN).start()..=newest).rev() {
                let Some(versions) = self.read(segment, key)? else { continue };
                let within = versions.iter().filter(|(begin, end, _)| *begin <= last && *end > first);
                found.extend(
                    within
                        .filter_map(|(begin, end, value)| Some(Version { value: value?.clone(), valid_from: begin, valid_to: Some(end) })),
                );
            }
        }
        if order == ScanOrder::Ascending {
            found.reverse();
        }
        let is_ahead = |version: &Version| match (order, after) {
            (_, None) => true,
            (ScanOrder::Ascending, Some(after)) => version.valid_from > after,
            (ScanOrder::Descending, Some(after)) => version.valid_from < after,
        };
        Ok(found.into_iter().filter(is_ahead).take(max).collect())
    }

    /// Puts a version; `None` deletes from then on. It goes into the changelog as a record of its own.
    pub fn put(&mut self, key: &[u8], value: Option<Bytes>, valid_from: i64) -> Result<VersionedPut, StoreError> {
        if valid_from < self.expired() {
            return Ok(VersionedPut::Expired);
        }
        self.work.note(changelog::version(key, value.clone(), valid_from));
        let put = self.keep(key, value, valid_from)?;
        if let VersionedPut::Until(_) = put {
            self.note_latest(key)?;
        }
        Ok(put)
    }

    /// Compaction keeps the last record of a key: after a late one the latest version follows again.
    fn note_latest(&mut self, key: &[u8]) -> Result<(), StoreError> {
        if let Some(latest) = self.latest(key)? {
            self.rewritten += latest.value.len();
            self.work.note(changelog::version(key, Some(latest.value), latest.valid_from));
            return Ok(());
        }
        for segment in self.segments_from(i64::MIN).rev() {
            if let Some(versions) = self.read(segment, key)? {
                // Nothing is valid behind the end of the newest ones: the key was deleted there.
                self.work.note(changelog::version(key, None, versions.end));
                break;
            }
        }
        Ok(())
    }

    /// As `put`, for what stands in the changelog already.
    pub(super) fn keep(&mut self, key: &[u8], value: Option<Bytes>, at: i64) -> Result<VersionedPut, StoreError> {
        if at < self.expired() {
            return Ok(VersionedPut::Expired);
        }
        self.work.observe(at);
        let latest = self.latest(key)?;
        if let Some(latest) = latest.as_ref().filter(|latest| latest.valid_from <= at) {
            if latest.valid_from < at {
                self.end_version(key, (latest.valid_from, Some(latest.value.clone())), at)?;
            }
            self.put_latest(key, value.map(|value| (at, value)));
            return Ok(VersionedPut::Latest);
        }
        // The begin of the next later version, as far as is known.
        let mut next = latest.map(|latest| latest.valid_from);
        for segment in self.segments_from(at).rev() {
            let Some(versions) = self.read(segment, key)? else { continue };
            if versions.end <= at {
                break;
            }
            if versions.begin() <= at {
                return self.put_among(key, segment, versions, (at, value)).map(VersionedPut::Until);
            }
            next = Some(versions.begin());
        }
        match (next, value) {
            (Some(next), value) => self.put_before(key, (at, value), next),
            (None, Some(value)) => {
                self.put_latest(key, Some((at, value)));
                Ok(VersionedPut::Latest)
            }
            (None, None) => self.put_deletion(key, at),
        }
    }

    /// A version ends: it goes into the segment of its end, behind what is there.
    fn end_version(&mut self, key: &[u8], version: Begun, end: i64) -> Result<(), StoreError> {
        let Some(segment) = self.live_segment(end) else { return Ok(()) };
        let versions = match self.read(segment, key)? {
            None => SegmentVersions::new(version, end),
            Some(mut versions) => {
                versions.append(version, end);
                versions
            }
        };
        self.write(segment, key, &versions);
        Ok(())
    }

    /// Puts a version where another one holds; tells when it ends.
    fn put_among(&mut self, key: &[u8], segment: i64, mut versions: SegmentVersions, version: Begun) -> Result<i64, StoreError> {
        let at = version.0;
        let Some((place, end)) = versions.find(at) else { return Ok(versions.end) };
        match versions.get(place).cloned() {
            Some(held) if held.0 != at && self.rules.segment(at) != segment => {
                // The one that held ends in an earlier segment now.
                self.end_version(key, held, at)?;
                versions.replace(place, version);
            }
            Some(held) if held.0 != at => versions.insert(place, version),
            _ => versions.replace(place, version),
        }
        self.write(segment, key, &versions);
        Ok(end)
    }

    /// Puts a version that ends where a later one begins, and before which nothing is known.
    fn put_before(&mut self, key: &[u8], version: Begun, end: i64) -> Result<VersionedPut, StoreError> {
        let Some(segment) = self.live_segment(end) else { return Ok(VersionedPut::Expired) };
        let versions = match self.read(segment, key)? {
            None => SegmentVersions::new(version, end),
            Some(mut versions) if versions.end <= version.0 => {
                versions.append(version, end);
                versions
            }
            Some(mut versions) => {
                versions.insert_oldest(version);
                versions
            }
        };
        self.write(segment, key, &versions);
        Ok(VersionedPut::Until(end))
    }

    /// Deletes a key of which nothing later is known. A deletion is no latest version, for it would never expire.
    fn put_deletion(&mut self, key: &[u8], at: i64) -> Result<VersionedPut, StoreError> {
        let Some(segment) = self.live_segment(at) else { return Ok(VersionedPut::Expired) };
        let versions = match self.read(segment, key)? {
            None => SegmentVersions::new((at, None), at),
            Some(versions) if versions.end == at => return Ok(VersionedPut::Latest),
            Some(mut versions) => {
                let deleted = (versions.end, None);
                versions.append(deleted, at);
                versions
            }
        };
        self.write(segment, key, &versions);
        Ok(VersionedPut::Latest)
    }
}
