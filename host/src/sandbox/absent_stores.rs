//! The resources of store kinds that this host does not have yet: they cannot be opened, so nobody can hold a handle to use the rest.

use wasmtime::component::Resource;

use super::bindings::cofferdam::processor::stores as wit;
use super::bindings::cofferdam::processor::stores::{
    Access, Bound, HostSession, HostSessionEntries, HostVersioned, HostVersions, HostWindow, HostWindowEntries, OpenError, Order, Session,
    SessionEntries, SessionEntry, SessionKey, Version, Versioned, VersionedPut, Versions, Window, WindowEntries, WindowEntry, WindowKey,
    WindowWrite,
};
use super::state::State;
use crate::topology::StoreKind;

impl State {
    fn no_handle<T>(&mut self) -> wasmtime::Result<T> {
        Err(self.broken_rule("no such store handle"))
    }
}

impl HostWindow for State {
    fn open(&mut self, name: String, access: Access) -> wasmtime::Result<Result<Resource<Window>, OpenError>> {
        Ok(State::open(self, &name, StoreKind::Window, access)?.map(Resource::new_own))
    }
    fn size_ms(&mut self, _: Resource<Window>) -> wasmtime::Result<u64> {
        self.no_handle()
    }
    fn retention_ms(&mut self, _: Resource<Window>) -> wasmtime::Result<u64> {
        self.no_handle()
    }
    fn get(&mut self, _: Resource<Window>, _: Vec<u8>, _: i64) -> wasmtime::Result<Option<wit::Row>> {
        self.no_handle()
    }
    fn get_many(&mut self, _: Resource<Window>, _: Vec<WindowKey>) -> wasmtime::Result<Vec<Option<wit::Row>>> {
        self.no_handle()
    }
    fn get_many_packed(&mut self, _: Resource<Window>, _: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        self.no_handle()
    }
    fn put(&mut self, _: Resource<Window>, _: Vec<u8>, _: i64, _: Option<Vec<u8>>, _: Option<i64>) -> wasmtime::Result<()> {
        self.no_handle()
    }
    fn put_many(&mut self, _: Resource<Window>, _: Vec<WindowWrite>) -> wasmtime::Result<()> {
        self.no_handle()
    }
    fn put_many_packed(&mut self, _: Resource<Window>, _: Vec<u8>) -> wasmtime::Result<()> {
        self.no_handle()
    }
    fn fetch(&mut self, _: Resource<Window>, _: Vec<u8>, _: i64, _: i64, _: Order) -> wasmtime::Result<Resource<WindowEntries>> {
        self.no_handle()
    }
    fn fetch_range(
        &mut self,
        _: Resource<Window>,
        _: Bound,
        _: Bound,
        _: i64,
        _: i64,
        _: Order,
    ) -> wasmtime::Result<Resource<WindowEntries>> {
        self.no_handle()
    }
    fn scan(&mut self, _: Resource<Window>, _: i64, _: i64, _: Order) -> wasmtime::Result<Resource<WindowEntries>> {
        self.no_handle()
    }
    fn drop(&mut self, _: Resource<Window>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl HostWindowEntries for State {
    fn next(&mut self, _: Resource<WindowEntries>, _: u32) -> wasmtime::Result<Vec<WindowEntry>> {
        self.no_handle()
    }
    fn next_packed(&mut self, _: Resource<WindowEntries>, _: u32) -> wasmtime::Result<Vec<u8>> {
        self.no_handle()
    }
    fn drop(&mut self, _: Resource<WindowEntries>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl HostSession for State {
    fn open(&mut self, name: String, access: Access) -> wasmtime::Result<Result<Resource<Session>, OpenError>> {
        Ok(State::open(self, &name, StoreKind::Session, access)?.map(Resource::new_own))
    }
    fn retention_ms(&mut self, _: Resource<Session>) -> wasmtime::Result<u64> {
        self.no_handle()
    }
    fn get(&mut self, _: Resource<Session>, _: SessionKey) -> wasmtime::Result<Option<Vec<u8>>> {
        self.no_handle()
    }
    fn put(&mut self, _: Resource<Session>, _: SessionKey, _: Vec<u8>) -> wasmtime::Result<()> {
        self.no_handle()
    }
    fn delete(&mut self, _: Resource<Session>, _: SessionKey) -> wasmtime::Result<()> {
        self.no_handle()
    }
    fn find(&mut self, _: Resource<Session>, _: Vec<u8>, _: i64, _: i64, _: Order) -> wasmtime::Result<Resource<SessionEntries>> {
        self.no_handle()
    }
    fn find_range(
        &mut self,
        _: Resource<Session>,
        _: Bound,
        _: Bound,
        _: i64,
        _: i64,
        _: Order,
    ) -> wasmtime::Result<Resource<SessionEntries>> {
        self.no_handle()
    }
    fn drop(&mut self, _: Resource<Session>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl HostSessionEntries for State {
    fn next(&mut self, _: Resource<SessionEntries>, _: u32) -> wasmtime::Result<Vec<SessionEntry>> {
        self.no_handle()
    }
    fn drop(&mut self, _: Resource<SessionEntries>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl HostVersioned for State {
    fn open(&mut self, name: String, access: Access) -> wasmtime::Result<Result<Resource<Versioned>, OpenError>> {
        Ok(State::open(self, &name, StoreKind::Versioned, access)?.map(Resource::new_own))
    }
    fn get(&mut self, _: Resource<Versioned>, _: Vec<u8>) -> wasmtime::Result<Option<Version>> {
        self.no_handle()
    }
    fn get_as_of(&mut self, _: Resource<Versioned>, _: Vec<u8>, _: i64) -> wasmtime::Result<Option<Version>> {
        self.no_handle()
    }
    fn put(&mut self, _: Resource<Versioned>, _: Vec<u8>, _: Option<Vec<u8>>, _: i64) -> wasmtime::Result<VersionedPut> {
        self.no_handle()
    }
    fn history(&mut self, _: Resource<Versioned>, _: Vec<u8>, _: i64, _: i64, _: Order) -> wasmtime::Result<Resource<Versions>> {
        self.no_handle()
    }
    fn drop(&mut self, _: Resource<Versioned>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl HostVersions for State {
    fn next(&mut self, _: Resource<Versions>, _: u32) -> wasmtime::Result<Vec<Version>> {
        self.no_handle()
    }
    fn drop(&mut self, _: Resource<Versions>) -> wasmtime::Result<()> {
        Ok(())
    }
}
