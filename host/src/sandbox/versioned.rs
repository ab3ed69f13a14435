//! The resources `versioned` and `versions`.

use bytes::Bytes;
use wasmtime::component::Resource;

use super::bindings::cofferdam::processor::stores::{
    Access, HostVersioned, HostVersions, OpenError, Order, Version, Versioned, VersionedPut, Versions,
};
use super::iterators::{AtMost, Place, Progress};
use super::key_value::scan_order;
use super::state::State;
use crate::store::{self, StoreError, TaskStores};
use crate::topology::StoreKind;

/// Where an iterator over a key's versions stands.
#[derive(Debug)]
pub(super) struct VersionCursor {
    store: usize,
    key: Vec<u8>,
    times: (i64, i64),
    progress: Progress<i64>,
}

impl VersionCursor {
    fn read(&mut self, stores: &mut TaskStores, at_most: AtMost) -> Result<Vec<(i64, store::Version)>, StoreError> {
        let Self { store, key, times, progress } = self;
        let order = progress.order;
        progress.read(
            at_most,
            |_, version: &store::Version| version.value.len(),
            |after, max| {
                let versions = stores.versioned(*store)?.history(key, *times, order, after.copied(), max)?;
                Ok(versions.into_iter().map(|version| (version.valid_from, version)).collect())
            },
        )
    }
}

fn to_guest(version: store::Version) -> Version {
    Version { value: Some(version.value.into()), valid_from: version.valid_from, valid_to: version.valid_to }
}

impl HostVersioned for State {
    fn open(&mut self, name: String, access: Access) -> wasmtime::Result<Result<Resource<Versioned>, OpenError>> {
        Ok(State::open(self, &name, StoreKind::Versioned, access)?.map(Resource::new_own))
    }

    fn get(&mut self, handle: Resource<Versioned>, key: Vec<u8>) -> wasmtime::Result<Option<Version>> {
        let store = self.readable(handle.rep())?;
        let version = self.with_stores(|stores, _| stores.versioned(store)?.get(&key))?;
        Ok(version.map(to_guest))
    }

    fn get_as_of(&mut self, handle: Resource<Versioned>, key: Vec<u8>, as_of: i64) -> wasmtime::Result<Option<Version>> {
        let store = self.readable(handle.rep())?;
        let version = self.with_stores(|stores, _| stores.versioned(store)?.get_as_of(&key, as_of))?;
        Ok(version.map(to_guest))
    }

    fn put(
        &mut self,
        handle: Resource<Versioned>,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
        valid_from: i64,
    ) -> wasmtime::Result<VersionedPut> {
        let store = self.writable(handle.rep())?;
        self.check_row(key.len(), value.as_ref().map_or(0, Vec::len), None)?;
        let (put, rewritten) = self.with_stores(|stores, _| {
            let mut versions = stores.versioned(store)?;
            let put = versions.put(&key, value.map(Bytes::from), valid_from)?;
            Ok((put, versions.rewritten()))
        })?;
        // All versions of a key and segment are one row: who puts many of them writes each of them many times.
        self.count_written(rewritten)?;
        Ok(match put {
            store::VersionedPut::Latest => VersionedPut::Latest,
            store::VersionedPut::Until(end) => VersionedPut::Until(end),
            store::VersionedPut::Expired => VersionedPut::Expired,
        })
    }

    fn history(
        &mut self,
        handle: Resource<Versioned>,
        key: Vec<u8>,
        first: i64,
        last: i64,
        order: Order,
    ) -> wasmtime::Result<Resource<Versions>> {
        let store = self.readable(handle.rep())?;
        let progress = Progress::new(scan_order(order));
        self.iterate(Place::Versions(VersionCursor { store, key, times: (first, last), progress })).map(Resource::new_own)
    }

    fn drop(&mut self, _handle: Resource<Versioned>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl HostVersions for State {
    fn next(&mut self, handle: Resource<Versions>, max: u32) -> wasmtime::Result<Vec<Version>> {
        let rows = self.chunk(handle.rep(), AtMost::rows(max), |place, stores, at_most| match place {
            Place::Versions(cursor) => Some(cursor.read(stores, at_most)),
            _ => None,
        })?;
        Ok(rows.into_iter().map(|(_, version)| to_guest(version)).collect())
    }

    fn drop(&mut self, handle: Resource<Versions>) -> wasmtime::Result<()> {
        self.iterators.drop(handle.rep());
        Ok(())
    }
}
