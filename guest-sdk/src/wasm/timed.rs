//! Handles of window, session and versioned stores.

use std::ops::Bound;

use super::{Backend, RawRow, lower_access, lower_bound, order, stores, told};
use crate::Timestamp;
use crate::description::Access;
use crate::host::OpenError;
use crate::versioned_store::VersionedPut;

impl Backend {
    pub(crate) fn open_window(&self, role: &str, access: Access) -> Result<WindowHandle, OpenError> {
        stores::Window::open(role, lower_access(access)).map(WindowHandle).map_err(|error| told(role, error))
    }

    pub(crate) fn open_session(&self, role: &str, access: Access) -> Result<SessionHandle, OpenError> {
        stores::Session::open(role, lower_access(access)).map(SessionHandle).map_err(|error| told(role, error))
    }

    pub(crate) fn open_versioned(&self, role: &str, access: Access) -> Result<VersionedHandle, OpenError> {
        stores::Versioned::open(role, lower_access(access)).map(VersionedHandle).map_err(|error| told(role, error))
    }
}

#[derive(Debug)]
pub(crate) struct WindowHandle(stores::Window);

impl WindowHandle {
    pub(crate) fn size_ms(&self) -> u64 {
        self.0.size_ms()
    }

    pub(crate) fn retention_ms(&self) -> u64 {
        self.0.retention_ms()
    }

    pub(crate) fn get(&self, key: &[u8], start: Timestamp) -> Option<RawRow> {
        self.0.get(key, start)
    }

    pub(crate) fn put(&self, key: &[u8], start: Timestamp, value: Option<&[u8]>, timestamp: Option<Timestamp>) {
        self.0.put(key, start, value, timestamp);
    }

    pub(crate) fn fetch(&self, key: &[u8], first: Timestamp, last: Timestamp, descending: bool) -> WindowEntriesHandle {
        WindowEntriesHandle(self.0.fetch(key, first, last, order(descending)))
    }

    pub(crate) fn fetch_range(
        &self,
        lower: Bound<Vec<u8>>,
        upper: Bound<Vec<u8>>,
        first: Timestamp,
        last: Timestamp,
        descending: bool,
    ) -> WindowEntriesHandle {
        WindowEntriesHandle(self.0.fetch_range(&lower_bound(lower), &lower_bound(upper), first, last, order(descending)))
    }

    pub(crate) fn scan(&self, first: Timestamp, last: Timestamp, descending: bool) -> WindowEntriesHandle {
        WindowEntriesHandle(self.0.scan(first, last, order(descending)))
    }
}

#[derive(Debug)]
pub(crate) struct WindowEntriesHandle(stores::WindowEntries);

impl WindowEntriesHandle {
    pub(crate) fn next_packed(&mut self, max_bytes: u32) -> Vec<u8> {
        self.0.next_packed(max_bytes)
    }
}

#[derive(Debug)]
pub(crate) struct RawSession {
    pub(crate) key: Vec<u8>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) value: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct SessionHandle(stores::Session);

impl SessionHandle {
    pub(crate) fn retention_ms(&self) -> u64 {
        self.0.retention_ms()
    }

    pub(crate) fn get(&self, key: &[u8], start: Timestamp, end: Timestamp) -> Option<Vec<u8>> {
        self.0.get(&stores::SessionKey { key: key.to_vec(), start, end })
    }

    pub(crate) fn put(&self, key: &[u8], start: Timestamp, end: Timestamp, value: Option<&[u8]>) {
        let at = stores::SessionKey { key: key.to_vec(), start, end };
        match value {
            Some(value) => self.0.put(&at, value),
            None => self.0.delete(&at),
        }
    }

    pub(crate) fn find(&self, key: &[u8], earliest_end: Timestamp, latest_start: Timestamp, descending: bool) -> SessionEntriesHandle {
        SessionEntriesHandle(self.0.find(key, earliest_end, latest_start, order(descending)))
    }

    pub(crate) fn find_range(
        &self,
        lower: Bound<Vec<u8>>,
        upper: Bound<Vec<u8>>,
        earliest_end: Timestamp,
        latest_start: Timestamp,
        descending: bool,
    ) -> SessionEntriesHandle {
        let (lower, upper) = (lower_bound(lower), lower_bound(upper));
        SessionEntriesHandle(self.0.find_range(&lower, &upper, earliest_end, latest_start, order(descending)))
    }

    pub(crate) fn scan(&self, first: Timestamp, last: Timestamp, descending: bool) -> SessionEntriesHandle {
        SessionEntriesHandle(self.0.scan(first, last, order(descending)))
    }
}

#[derive(Debug)]
pub(crate) struct SessionEntriesHandle(stores::SessionEntries);

impl SessionEntriesHandle {
    pub(crate) fn next(&mut self, max: u32) -> Vec<RawSession> {
        let raw = |entry: stores::SessionEntry| {
            let stores::SessionKey { key, start, end } = entry.key;
            RawSession { key, start, end, value: entry.value }
        };
        self.0.next(max).into_iter().map(raw).collect()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct RawVersion {
    pub(crate) value: Vec<u8>,
    pub(crate) valid_from: Timestamp,
    pub(crate) valid_to: Option<Timestamp>,
}

/// A version without a value is a gap.
fn lift(version: stores::Version) -> Option<RawVersion> {
    Some(RawVersion { value: version.value?, valid_from: version.valid_from, valid_to: version.valid_to })
}

#[derive(Debug)]
pub(crate) struct VersionedHandle(stores::Versioned);

impl VersionedHandle {
    pub(crate) fn get(&self, key: &[u8]) -> Option<RawVersion> {
        self.0.get(key).and_then(lift)
    }

    pub(crate) fn get_as_of(&self, key: &[u8], as_of: Timestamp) -> Option<RawVersion> {
        self.0.get_as_of(key, as_of).and_then(lift)
    }

    pub(crate) fn put(&self, key: &[u8], value: Option<&[u8]>, valid_from: Timestamp) -> VersionedPut {
        match self.0.put(key, value, valid_from) {
            stores::VersionedPut::Latest => VersionedPut::Latest,
            stores::VersionedPut::Until(end) => VersionedPut::Until(end),
            stores::VersionedPut::Expired => VersionedPut::Expired,
        }
    }

    pub(crate) fn history(&self, key: &[u8], first: Timestamp, last: Timestamp, descending: bool) -> VersionsHandle {
        VersionsHandle(self.0.history(key, first, last, order(descending)))
    }
}

#[derive(Debug)]
pub(crate) struct VersionsHandle(stores::Versions);

impl VersionsHandle {
    pub(crate) fn next(&mut self, max: u32) -> Vec<RawVersion> {
        self.0.next(max).into_iter().filter_map(lift).collect()
    }
}
