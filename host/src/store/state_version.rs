//! Of which version a node's state is, and how far it is on its way to a newer one: a cell of the host's own, beside those of the node. It is
//! written, undone, committed and restored with the state of which it tells.

use bytes::Bytes;

use super::{StoreError, TaskStores};

/// The version of the layout in which a node keeps its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateVersion {
    /// All of it is of this version.
    Whole(u32),
    /// A part of it is of one version, the rest of another.
    Between {
        /// That of what was there.
        from: u32,
        /// That which it will have.
        to: u32,
        /// How far it is, in the words of the component.
        cursor: Bytes,
    },
}

const WHOLE: u8 = 0;
const BETWEEN: u8 = 1;
/// Kind, and two versions.
const HEAD: usize = 9;

impl StateVersion {
    fn encode(&self) -> Bytes {
        let (kind, from, to, cursor): (_, _, _, &[u8]) = match self {
            Self::Whole(version) => (WHOLE, version, version, &[]),
            Self::Between { from, to, cursor } => (BETWEEN, from, to, cursor),
        };
        [&[kind][..], &from.to_be_bytes(), &to.to_be_bytes(), cursor].concat().into()
    }

    fn decode(bytes: &Bytes) -> Option<Self> {
        let (kind, versions) = bytes.get(..HEAD)?.split_first()?;
        let (from, to) = versions.split_at(size_of::<u32>());
        let (from, to) = (u32::from_be_bytes(from.try_into().ok()?), u32::from_be_bytes(to.try_into().ok()?));
        match *kind {
            WHOLE if bytes.len() == HEAD => Some(Self::Whole(to)),
            BETWEEN => Some(Self::Between { from, to, cursor: bytes.slice(HEAD..) }),
            _ => None,
        }
    }
}

impl TaskStores {
    /// Of which version the state of a node is; `None`: nobody has said so, as is the case up to version 0.
    pub fn state_version(&mut self, node: &str) -> Result<Option<StateVersion>, StoreError> {
        let Some(cell) = self.cell("", &cell_of(node))? else { return Ok(None) };
        let broken = || StoreError::Corrupted { store: "cells".into(), why: format!("the state version of '{node}' is broken") };
        StateVersion::decode(&cell).map(Some).ok_or_else(broken)
    }

    /// Says of which version the state of a node is.
    pub fn put_state_version(&mut self, node: &str, version: &StateVersion) -> Result<(), StoreError> {
        self.put_cell("", &cell_of(node), Some(version.encode()))
    }
}

/// No store, whose clocks are kept there, has such a name.
fn cell_of(node: &str) -> String {
    format!("={node}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_version_is_read_again_and_nothing_else_is() {
        let cases = [
            StateVersion::Whole(7),
            StateVersion::Between { from: 1, to: u32::MAX, cursor: Bytes::from_static(b"k\0") },
            StateVersion::Whole(0),
        ];
        for version in cases {
            assert_eq!(StateVersion::decode(&version.encode()), Some(version));
        }
        for broken in [&b""[..], b"\0\0\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0\0x", b"\x02\0\0\0\0\0\0\0\0"] {
            assert_eq!(StateVersion::decode(&Bytes::copy_from_slice(broken)), None, "{broken:?}");
        }
    }
}
