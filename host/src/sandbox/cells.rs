//! The interface `stores`, apart from its resources: what was granted, and cells.

use bytes::Bytes;

use super::bindings::cofferdam::processor::stores::{Access, Grant, Host};
use super::failing::size;
use super::guest_log::one_line;
use super::open_stores::kind_to_guest;
use super::state::State;
use crate::limits;
use crate::topology::StoreAccess;

impl Host for State {
    fn granted(&mut self) -> wasmtime::Result<Vec<Grant>> {
        self.env("stores.granted")?;
        let grants = self.setup.grants.iter().map(|grant| Grant {
            role: grant.role.clone(),
            store: grant.store.to_string(),
            kind: kind_to_guest(grant.shape.kind()),
            access: match grant.access {
                StoreAccess::Read => Access::Read,
                StoreAccess::ReadWrite => Access::ReadWrite,
            },
        });
        Ok(grants.collect())
    }

    fn get_cell(&mut self, name: String) -> wasmtime::Result<Option<Vec<u8>>> {
        let node = self.setup.name.clone();
        let cell = self.with_stores(|stores, _| stores.cell(&node, &name))?;
        Ok(cell.map(Vec::from))
    }

    fn put_cell(&mut self, name: String, value: Option<Vec<u8>>) -> wasmtime::Result<()> {
        self.env("stores.put-cell")?;
        self.check_not_closing()?;
        self.check_name("a cell", &name)?;
        let bytes = value.as_ref().map_or(0, Vec::len);
        if bytes > limits::CELL_BYTES {
            let (bytes, most) = (size(bytes), size(limits::CELL_BYTES));
            let name = one_line(&name, limits::GUEST_NAME_BYTES);
            return Err(self.broken_rule(format!("the cell '{name}' was given {bytes}; the limit is {most}")));
        }
        self.count_written(name.len() + bytes)?;
        let node = self.setup.name.clone();
        self.with_stores(|stores, _| stores.put_cell(&node, &name, value.map(Bytes::from)))
    }
}
