//! The view of a cell: read once and written once in a frame.

use std::cell::RefCell;
use std::rc::Rc;

use crate::backend::Backend;

use super::{Running, View};

#[derive(Debug)]
pub(crate) struct CellView {
    name: String,
    running: Rc<Running>,
    backend: Backend,
    held: RefCell<Held>,
}

#[derive(Debug)]
enum Held {
    Unknown,
    /// As the host has it.
    Read(Option<Vec<u8>>),
    /// As the host does not have it yet.
    Written(Option<Vec<u8>>),
}

impl CellView {
    pub(crate) fn new(name: &str, running: Rc<Running>, backend: Backend) -> Self {
        Self { name: name.to_owned(), running, backend, held: RefCell::new(Held::Unknown) }
    }

    fn in_frame(&self) -> bool {
        self.running.in_frame()
    }

    /// Shows the bytes, none where there are none.
    pub(crate) fn get<R>(&self, show: impl FnOnce(Option<&[u8]>) -> R) -> R {
        if !self.in_frame() {
            return show(self.backend.get_cell(&self.name).as_deref());
        }
        let mut held = self.held.borrow_mut();
        if let Held::Unknown = *held {
            *held = Held::Read(self.backend.get_cell(&self.name));
        }
        match &*held {
            Held::Read(value) | Held::Written(value) => show(value.as_deref()),
            Held::Unknown => show(None),
        }
    }

    pub(crate) fn put(&self, value: Option<&[u8]>) {
        if !self.in_frame() {
            return self.backend.put_cell(&self.name, value);
        }
        let mut held = self.held.borrow_mut();
        match (&mut *held, value) {
            // The buffer is used again.
            (Held::Written(Some(old)), Some(value)) => {
                old.clear();
                old.extend_from_slice(value);
            }
            (held, value) => *held = Held::Written(value.map(<[u8]>::to_vec)),
        }
    }
}

impl View for CellView {
    fn name(&self) -> &str {
        &self.name
    }

    fn write_back(&self) {
        let mut held = self.held.borrow_mut();
        if let Held::Written(value) = &mut *held {
            self.backend.put_cell(&self.name, value.as_deref());
            *held = Held::Read(value.take());
        }
    }

    fn forget(&self) {
        self.held.replace(Held::Unknown);
    }
}
