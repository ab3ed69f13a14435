//! The versions of one key whose time has ended, in one segment, and their layout as the value of a row.
//!
//! They stand without gaps, newest first: each ends where the next newer one begins. A deletion is a version without a value. A row can be
//! *empty*: it then tells that the key was deleted at a time of which nothing else is known.

use bytes::{Buf, Bytes};

/// A version: when it begins, and its value; `None`: the key was deleted.
pub(super) type Begun = (i64, Option<Bytes>);

/// The versions of one key in one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentVersions {
    /// When the newest one ends.
    pub(super) end: i64,
    /// Newest first; never without one.
    list: Vec<Begun>,
}

/// Length of a deletion's value in the layout.
const DELETED: u32 = u32::MAX;

impl SegmentVersions {
    /// One version that ends at `end`. With `end` equal to its begin it is empty.
    pub(super) fn new(version: Begun, end: i64) -> Self {
        Self { end, list: vec![version] }
    }

    /// When the oldest one begins.
    pub(super) fn begin(&self) -> i64 {
        self.list.last().map_or(self.end, |(begin, _)| *begin)
    }

    fn is_empty(&self) -> bool {
        self.end == self.begin()
    }

    /// The versions with their ends, newest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, i64, Option<&Bytes>)> {
        let ends = std::iter::once(self.end).chain(self.list.iter().map(|(begin, _)| *begin));
        let all: Vec<_> = self.list.iter().zip(ends).map(|((begin, value), end)| (*begin, end, value.as_ref())).collect();
        all.into_iter()
    }

    /// The place of the version that holds at a time between begin and end, and when it ends.
    pub(super) fn find(&self, at: i64) -> Option<(usize, i64)> {
        let place = self.list.iter().position(|(begin, _)| *begin <= at)?;
        let newer = place.checked_sub(1).and_then(|newer| self.list.get(newer));
        Some((place, newer.map_or(self.end, |(begin, _)| *begin)))
    }

    pub(super) fn get(&self, place: usize) -> Option<&Begun> {
        self.list.get(place)
    }

    pub(super) fn replace(&mut self, place: usize, version: Begun) {
        if let Some(old) = self.list.get_mut(place) {
            *old = version;
        }
    }

    /// Puts a version before, in time behind, the one at this place.
    pub(super) fn insert(&mut self, place: usize, version: Begun) {
        self.list.insert(place.min(self.list.len()), version);
    }

    /// Puts a version before all others.
    pub(super) fn insert_oldest(&mut self, version: Begun) {
        if self.is_empty() {
            self.list = vec![version];
        } else {
            self.list.push(version);
        }
    }

    /// Puts a version behind all others. What lies between their end and its begin was deleted; what they say of later times is void.
    pub(super) fn append(&mut self, version: Begun, end: i64) {
        let begin = version.0;
        if begin < self.end {
            self.list.retain(|(other, _)| *other < begin);
            self.end = begin;
        }
        if self.list.is_empty() || self.is_empty() {
            self.list.clear();
        }
        if self.end != begin {
            self.list.insert(0, (self.end, None));
        }
        self.list.insert(0, version);
        self.end = end;
    }

    /// The layout: end, number of versions, begin and length of each, their values.
    pub(super) fn encode(&self) -> Bytes {
        let values: usize = self.list.iter().filter_map(|(_, value)| value.as_ref()).map(Bytes::len).sum();
        let mut bytes = Vec::with_capacity(12 + self.list.len() * 12 + values);
        bytes.extend_from_slice(&self.end.to_be_bytes());
        // A row has at most RECORD_BYTES and a length for each.
        bytes.extend_from_slice(&(self.list.len() as u32).to_be_bytes());
        for (begin, value) in &self.list {
            bytes.extend_from_slice(&begin.to_be_bytes());
            bytes.extend_from_slice(&value.as_ref().map_or(DELETED, |value| value.len() as u32).to_be_bytes());
        }
        for (_, value) in &self.list {
            bytes.extend_from_slice(value.as_deref().unwrap_or_default());
        }
        bytes.into()
    }

    /// Reads the layout. The error says what is wrong with the bytes.
    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, String> {
        let broken = || "a row of versions ends too early".to_owned();
        let end = bytes.try_get_i64().map_err(|_| broken())?;
        let count = bytes.try_get_u32().map_err(|_| broken())? as usize;
        let table_bytes = count.checked_mul(12).filter(|length| *length <= bytes.len() && count > 0).ok_or_else(broken)?;
        let mut table = bytes.split_to(table_bytes);
        let mut list = Vec::with_capacity(count);
        while table.has_remaining() {
            let (begin, length) = (table.get_i64(), table.get_u32());
            let value = match length {
                DELETED => None,
                length if length as usize <= bytes.len() => Some(bytes.split_to(length as usize)),
                _ => return Err(broken()),
            };
            list.push((begin, value));
        }
        if bytes.is_empty() { Ok(Self { end, list }) } else { Err("a row of versions has bytes behind its end".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_comes_back_and_broken_bytes_are_told() {
        let mut versions = SegmentVersions::new((-3, Some(Bytes::from_static(b"a"))), 5);
        versions.append((9, Some(Bytes::new())), 12);
        versions.insert_oldest((-7, None));
        let bytes = versions.encode();
        assert_eq!(SegmentVersions::decode(bytes.clone()), Ok(versions.clone()));
        let all: Vec<_> = versions.iter().map(|(begin, end, value)| (begin, end, value.map(Bytes::len))).collect();
        assert_eq!(all, [(9, 12, Some(0)), (5, 9, None), (-3, 5, Some(1)), (-7, -3, None)]);
        for length in 0..bytes.len() {
            assert!(SegmentVersions::decode(bytes.slice(..length)).is_err(), "{length}");
        }
        assert!(SegmentVersions::decode([&bytes[..], b"x"].concat().into()).is_err());
    }

    #[test]
    fn version_that_begins_before_the_end_takes_the_rest_away() {
        let value = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        let mut versions = SegmentVersions::new((1, value("a")), 4);
        versions.append((4, value("b")), 9);
        let mut cut = versions.clone();
        cut.append((6, value("c")), 7);
        let begins = |versions: &SegmentVersions| versions.iter().map(|(begin, end, _)| (begin, end)).collect::<Vec<_>>();
        assert_eq!(begins(&cut), [(6, 7), (4, 6), (1, 4)]);
        versions.append((0, value("d")), 2);
        assert_eq!(begins(&versions), [(0, 2)]);
    }
}
