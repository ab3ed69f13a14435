//! Opening stores: what a node was granted, and what its handles stand for.

use super::bindings::cofferdam::processor::stores::{Access, Kind, OpenError};
use super::setup::StoreGrant;
use super::state::{Phase, State};
use crate::record::Timestamp;
use crate::store::{StoreError, TaskStores};
use crate::topology::{StoreAccess, StoreKind, StoreShape};

/// What a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenStore {
    /// Index in the grants of the node.
    grant: usize,
    /// Index in the task's stores.
    store: usize,
    writable: bool,
}

impl State {
    /// Opens a store and gives its handle. The same store opened in the same way is the same handle.
    pub(super) fn open(&mut self, role: &str, kind: StoreKind, access: Access) -> wasmtime::Result<Result<u32, OpenError>> {
        self.env("stores.open")?;
        let grants = &self.setup.grants;
        let Some((at, grant)) = grants.iter().enumerate().find(|(_, grant)| grant.role == role) else {
            return Ok(Err(OpenError::NotGranted(not_granted(grants, role))));
        };
        if grant.shape.kind() != kind {
            return Ok(Err(OpenError::WrongKind(kind_to_guest(grant.shape.kind()))));
        }
        let writable = access == Access::ReadWrite;
        if writable && grant.access == StoreAccess::Read {
            return Ok(Err(OpenError::ReadOnly));
        }
        let open = OpenStore { grant: at, store: grant.index, writable };
        let handle = self.open_stores.iter().position(|known| *known == open).unwrap_or_else(|| {
            self.open_stores.push(open);
            self.open_stores.len() - 1
        });
        Ok(Ok(u32::try_from(handle)?))
    }

    /// The store behind a handle, for reading: its index in the task's stores.
    pub(super) fn readable(&mut self, handle: u32) -> wasmtime::Result<usize> {
        match self.open_stores.get(handle as usize) {
            Some(open) => Ok(open.store),
            None => Err(self.broken_rule("no such store handle")),
        }
    }

    /// What the store behind a handle keeps, and for how long.
    pub(super) fn shape(&mut self, handle: u32) -> wasmtime::Result<StoreShape> {
        match self.open_stores.get(handle as usize) {
            Some(open) => Ok(self.setup.grants[open.grant].shape),
            None => Err(self.broken_rule("no such store handle")),
        }
    }

    /// The store behind a handle, for writing.
    pub(super) fn writable(&mut self, handle: u32) -> wasmtime::Result<usize> {
        let Some(open) = self.open_stores.get(handle as usize).copied() else {
            return Err(self.broken_rule("no such store handle"));
        };
        self.check_not_closing()?;
        if !open.writable {
            let role = self.setup.grants[open.grant].role.clone();
            return Err(self.broken_rule(format!("write to the store '{role}', which was opened for reading")));
        }
        Ok(open.store)
    }

    pub(super) fn check_not_closing(&mut self) -> wasmtime::Result<()> {
        if self.phase == Phase::Close {
            return Err(self.broken_rule("`close` may not write to stores"));
        }
        Ok(())
    }

    /// Works on the task's stores. The closure also gets the timestamp of rows that are written without one.
    pub(super) fn with_stores<R>(&mut self, work: impl FnOnce(&mut TaskStores, Timestamp) -> Result<R, StoreError>) -> wasmtime::Result<R> {
        let env = self.env("stores")?;
        let timestamp = env.row_timestamp;
        work(&mut env.stores, timestamp).map_err(|error| self.store_failed(error))
    }
}

fn not_granted(grants: &[StoreGrant], role: &str) -> String {
    if grants.is_empty() {
        return format!("the manifest gives this node no store, so none with the role '{role}'");
    }
    let roles: Vec<&str> = grants.iter().map(|grant| grant.role.as_str()).collect();
    format!("the manifest gives this node no store with the role '{role}'; it gives {}", roles.join(", "))
}

/// A kind in the contract's words.
pub(super) fn kind_to_guest(kind: StoreKind) -> Kind {
    match kind {
        StoreKind::KeyValue => Kind::KeyValue,
        StoreKind::Window => Kind::Window,
        StoreKind::Session => Kind::Session,
        StoreKind::Versioned => Kind::Versioned,
    }
}

/// A kind in the host's words.
pub(super) fn kind_from_guest(kind: Kind) -> StoreKind {
    match kind {
        Kind::KeyValue => StoreKind::KeyValue,
        Kind::Window => StoreKind::Window,
        Kind::Session => StoreKind::Session,
        Kind::Versioned => StoreKind::Versioned,
    }
}
