//! Keys of cells: node, a 0 byte, name. Nodes are named by the manifest, which allows no 0 byte, so no two cells share a key.

/// The key of a cell, written over `buffer`.
pub(super) fn key<'b>(node: &str, name: &str, buffer: &'b mut Vec<u8>) -> &'b [u8] {
    buffer.clear();
    buffer.extend_from_slice(node.as_bytes());
    buffer.push(0);
    buffer.extend_from_slice(name.as_bytes());
    buffer
}

/// The key of the cell in which a store keeps its clock: no node has an empty name.
pub(super) fn of_store<'b>(store: &str, buffer: &'b mut Vec<u8>) -> &'b [u8] {
    key("", store, buffer)
}

/// The bounds of all cells of a node: the first, and one behind the last.
pub(super) fn all_of(node: &str) -> (Vec<u8>, Vec<u8>) {
    (key(node, "", &mut Vec::new()).to_vec(), [node.as_bytes(), &[1]].concat())
}
