//! What a processor has read and written of its state since its frame began: a cache that is written back at the frame's end.
//!
//! It holds key-value stores and cells. Stores whose rows have times go to the host at each call: a write there may make other rows expire.
//!
//! It never outlives the frame, and never decides anything: with it and without it a processor reads the same and leaves the same
//! behind. Outside frames everything goes straight to the host. Stores and cells ask it; the context tells it which record is current.

mod ahead;
mod cell;
mod store;
mod table;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::rc::Rc;

use crate::Timestamp;
use crate::frame::{Cursor, Frame};

pub(crate) use cell::CellView;
pub(crate) use store::{Seen, StoreView};

/// One store or cell. A trait object, so that a component without state does not import what would write it.
pub(crate) trait View: Any + Debug {
    /// The store's name in the manifest, or the cell's.
    fn name(&self) -> &str;

    /// Hands over what was written. What was read or written stays known.
    fn write_back(&self);

    /// Drops everything; what was written and not handed over is lost.
    fn forget(&self);
}

/// The views of one processor: each store and each cell has one, however often it was opened.
#[derive(Debug, Default)]
pub(crate) struct Views {
    all: RefCell<Vec<Rc<dyn View>>>,
    running: Rc<Running>,
}

/// What is being processed: a frame, or something alone.
#[derive(Debug, Default)]
pub(crate) struct Running {
    /// None outside frames.
    frame: RefCell<Option<Frame>>,
    now: Cell<Moment>,
}

/// The record that is being processed, or the punctuation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    /// That of the record; in `punctuate` the time of the call.
    pub(crate) timestamp: Timestamp,
    /// Stands at the record.
    pub(crate) cursor: Cursor,
}

impl Running {
    /// None outside frames.
    pub(crate) fn moment(&self) -> Option<Moment> {
        self.in_frame().then(|| self.now.get())
    }

    /// The same, outside frames, too.
    #[inline(always)]
    pub(crate) fn now(&self) -> Moment {
        self.now.get()
    }

    /// Begins a record, or a punctuation.
    #[inline(always)]
    pub(crate) fn begin(&self, moment: Moment) {
        self.now.set(moment);
    }

    pub(crate) fn in_frame(&self) -> bool {
        self.frame.borrow().is_some()
    }

    /// Stream time as of the current record; negative before there is one. None outside frames.
    pub(crate) fn stream_time(&self) -> Option<Timestamp> {
        self.with_frame(|frame| frame.entry(self.now().cursor)).flatten().map(|entry| entry.stream_time)
    }

    /// Works on the frame, where there is one.
    fn with_frame<R>(&self, work: impl FnOnce(&Frame) -> R) -> Option<R> {
        self.frame.borrow().as_ref().map(work)
    }
}

impl Views {
    pub(crate) fn running(&self) -> &Rc<Running> {
        &self.running
    }

    pub(crate) fn find<V: View>(&self, name: &str) -> Option<Rc<V>> {
        self.all.borrow().iter().filter(|view| view.name() == name).find_map(|view| {
            let view: Rc<dyn Any> = view.clone();
            view.downcast::<V>().ok()
        })
    }

    pub(crate) fn add<V: View>(&self, view: V) -> Rc<V> {
        let view = Rc::new(view);
        self.all.borrow_mut().push(view.clone());
        view
    }

    pub(crate) fn begin_frame(&self, frame: &Frame) {
        self.running.frame.replace(Some(frame.clone()));
    }

    pub(crate) fn end_frame(&self) {
        self.all.borrow().iter().for_each(|view| view.write_back());
        self.abandon_frame();
    }

    /// Ends the frame as if nothing had been written: the host undoes it.
    pub(crate) fn abandon_frame(&self) {
        self.all.borrow().iter().for_each(|view| view.forget());
        self.running.frame.replace(None);
    }
}
