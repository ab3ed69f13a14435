//! What typed stores of all kinds have in common: how keys and values become bytes, and what it means when bytes are not what they should be.

use std::borrow::Borrow;
use std::ops::{Bound, RangeBounds};
use std::rc::Rc;

use crate::Timestamp;
use crate::codec::{CodecError, Encode};
use crate::description::Access;
use crate::failure::Failure;
use crate::view::Running;

/// The bytes of both ends of a range of keys.
pub(crate) type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// A store as a processor has opened it.
#[derive(Debug)]
pub(crate) struct Opened {
    role: Rc<str>,
    access: Access,
    running: Rc<Running>,
}

impl Opened {
    pub(crate) fn new(role: &str, access: Access, running: Rc<Running>) -> Self {
        Self { role: role.into(), access, running }
    }

    /// The bytes of a key or a value.
    pub(crate) fn bytes_of(&self, what: &str, of: &(impl Encode + ?Sized)) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        self.append(what, of, &mut bytes).map(|()| bytes)
    }

    /// Appends the bytes of a key or a value.
    pub(crate) fn append(&self, what: &str, of: &(impl Encode + ?Sized), bytes: &mut Vec<u8>) -> Result<(), Failure> {
        of.encode(bytes).map_err(|error| Failure::bad_record(format!("store `{}`: {}", self.role, error.of(what))))
    }

    /// The bytes of both ends of a range of keys.
    pub(crate) fn bounds_of<K: Encode>(&self, keys: &impl RangeBounds<K>) -> Result<Bounds, Failure> {
        let bytes = |key: Bound<&K>| -> Result<Bound<Vec<u8>>, Failure> {
            Ok(match key {
                Bound::Unbounded => Bound::Unbounded,
                Bound::Included(key) => Bound::Included(self.bytes_of("key", key.borrow())?),
                Bound::Excluded(key) => Bound::Excluded(self.bytes_of("key", key.borrow())?),
            })
        };
        Ok((bytes(keys.start_bound())?, bytes(keys.end_bound())?))
    }

    /// A row that is not what the types say: somebody else's data, or a state of another layout.
    pub(crate) fn unreadable(&self, what: &str, error: CodecError) -> Failure {
        let reason = format!("store `{}`: {}", self.role, error.of(what));
        match self.access {
            Access::Read => Failure::BadRecord(reason),
            Access::ReadWrite => Failure::Fatal(reason),
        }
    }

    /// The timestamp of a row that is written without one. Within a frame the host knows that of its first record.
    pub(crate) fn time_of_row(&self, own: Option<Timestamp>) -> Option<Timestamp> {
        own.or(self.running.moment().map(|moment| moment.timestamp))
    }
}
