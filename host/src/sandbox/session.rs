//! The resources `session` and `session-entries`.

use std::ops::Bound as KeyBound;

use bytes::Bytes;
use wasmtime::component::Resource;

use super::bindings::cofferdam::processor::stores::{
    Access, Bound, HostSession, HostSessionEntries, OpenError, Order, Session, SessionEntries, SessionEntry, SessionKey,
};
use super::iterators::{AtMost, Place, Progress};
use super::key_value::{bound, scan_order};
use super::state::State;
use super::window::milliseconds;
use crate::store::{self, Next, StoreError, TaskStores, Touching};
use crate::topology::{StoreKind, StoreShape};

/// Which sessions an iterator shows.
#[derive(Debug)]
enum Which {
    Of(Vec<u8>, Touching),
    Between(KeyBound<Vec<u8>>, KeyBound<Vec<u8>>, Touching),
    Ending(i64, i64),
}

/// Where an iterator over a session store stands.
#[derive(Debug)]
pub(super) struct SessionCursor {
    store: usize,
    which: Which,
    progress: Progress<store::SessionKey>,
}

impl SessionCursor {
    fn read(&mut self, stores: &mut TaskStores, at_most: AtMost) -> Result<Vec<(store::SessionKey, Bytes)>, StoreError> {
        let Self { store, which, progress } = self;
        let order = progress.order;
        progress.read(
            at_most,
            |at, value: &Bytes| at.key().len() + value.len(),
            |after, max| {
                let next = Next { order, after, max };
                let mut sessions = stores.sessions(*store)?;
                match which {
                    Which::Of(key, touching) => sessions.find(key, *touching, next),
                    Which::Between(lower, upper, touching) => {
                        sessions.find_range((lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice)), *touching, next)
                    }
                    Which::Ending(first, last) => sessions.scan((*first, *last), next),
                }
            },
        )
    }
}

impl State {
    fn sessions(&mut self, handle: &Resource<Session>, which: Which, order: Order) -> wasmtime::Result<Resource<SessionEntries>> {
        let store = self.readable(handle.rep())?;
        let progress = Progress::new(scan_order(order));
        self.iterate(Place::Sessions(SessionCursor { store, which, progress })).map(Resource::new_own)
    }

    fn put_session(&mut self, handle: &Resource<Session>, at: &SessionKey, value: Option<Vec<u8>>) -> wasmtime::Result<()> {
        let store = self.writable(handle.rep())?;
        self.check_row(at.key.len(), value.as_ref().map_or(0, Vec::len), None)?;
        // Its entry in the index by time.
        self.count_written(at.key.len())?;
        if at.start > at.end {
            return Err(self.broken_rule(format!("a session from {} to {} ends before it begins", at.start, at.end)));
        }
        self.with_stores(|stores, _| {
            stores.sessions(store)?.put(&at.key, at.start, at.end, value.map(Bytes::from));
            Ok(())
        })
    }
}

impl HostSession for State {
    fn open(&mut self, name: String, access: Access) -> wasmtime::Result<Result<Resource<Session>, OpenError>> {
        Ok(State::open(self, &name, StoreKind::Session, access)?.map(Resource::new_own))
    }

    fn retention_ms(&mut self, handle: Resource<Session>) -> wasmtime::Result<u64> {
        match self.shape(handle.rep())? {
            StoreShape::Session { retention } => Ok(milliseconds(retention)),
            _ => Err(self.broken_rule("no such store handle")),
        }
    }

    fn get(&mut self, handle: Resource<Session>, at: SessionKey) -> wasmtime::Result<Option<Vec<u8>>> {
        let store = self.readable(handle.rep())?;
        let value = self.with_stores(|stores, _| stores.sessions(store)?.get(&at.key, at.start, at.end))?;
        Ok(value.map(Vec::from))
    }

    fn put(&mut self, handle: Resource<Session>, at: SessionKey, value: Vec<u8>) -> wasmtime::Result<()> {
        self.put_session(&handle, &at, Some(value))
    }

    fn delete(&mut self, handle: Resource<Session>, at: SessionKey) -> wasmtime::Result<()> {
        self.put_session(&handle, &at, None)
    }

    fn find(
        &mut self,
        handle: Resource<Session>,
        key: Vec<u8>,
        earliest_end: i64,
        latest_start: i64,
        order: Order,
    ) -> wasmtime::Result<Resource<SessionEntries>> {
        self.sessions(&handle, Which::Of(key, Touching { earliest_end, latest_start }), order)
    }

    fn find_range(
        &mut self,
        handle: Resource<Session>,
        lower: Bound,
        upper: Bound,
        earliest_end: i64,
        latest_start: i64,
        order: Order,
    ) -> wasmtime::Result<Resource<SessionEntries>> {
        self.sessions(&handle, Which::Between(bound(lower), bound(upper), Touching { earliest_end, latest_start }), order)
    }

    fn scan(&mut self, handle: Resource<Session>, first: i64, last: i64, order: Order) -> wasmtime::Result<Resource<SessionEntries>> {
        self.sessions(&handle, Which::Ending(first, last), order)
    }

    fn drop(&mut self, _handle: Resource<Session>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl HostSessionEntries for State {
    fn next(&mut self, handle: Resource<SessionEntries>, max: u32) -> wasmtime::Result<Vec<SessionEntry>> {
        let rows = self.chunk(handle.rep(), AtMost::rows(max), |place, stores, at_most| match place {
            Place::Sessions(cursor) => Some(cursor.read(stores, at_most)),
            _ => None,
        })?;
        let entry = |(at, value): (store::SessionKey, Bytes)| SessionEntry {
            key: SessionKey { key: at.key().to_vec(), start: at.start(), end: at.end() },
            value: value.into(),
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    fn drop(&mut self, handle: Resource<SessionEntries>) -> wasmtime::Result<()> {
        self.iterators.drop(handle.rep());
        Ok(())
    }
}
