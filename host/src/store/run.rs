//! Rows that a restore has gathered, in the order in which they came; and from there in the order of their keys.

/// Rows that a restore has gathered. Keys and values stand one behind the other in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Run {
    rows: Vec<Place>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// Decides most comparisons without a look at the key itself.
    prefix: u64,
    at: usize,
    key: u32,
    /// `None`: a delete.
    value: Option<u32>,
}

/// The first bytes of a key as a number that orders as they do; shorter keys are filled up with zeros.
pub(super) fn prefix(key: &[u8]) -> u64 {
    let mut first = [0; 8];
    let length = key.len().min(8);
    first[..length].copy_from_slice(&key[..length]);
    u64::from_be_bytes(first)
}

/// A key, and its value or none where it is deleted.
pub(super) type Write<'a> = (&'a [u8], Option<&'a [u8]>);

impl Run {
    /// Adds a row; `None` deletes.
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.rows.push(Place { prefix: prefix(key), at: self.bytes.len(), key: length(key), value: value.map(length) });
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// With room for as many rows as another one has.
    pub fn like(other: &Self) -> Self {
        Self { rows: Vec::with_capacity(other.rows.len()), bytes: Vec::with_capacity(other.bytes.len()) }
    }

    /// Bytes that it takes up.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<Place>()
    }

    /// The last write of each key, in the order of the keys.
    pub fn sorted(&mut self) -> Vec<Write<'_>> {
        let bytes = &self.bytes;
        let key = |row: &Place| &bytes[row.at..][..row.key as usize];
        // Stable: the last write of a key stays its last.
        self.rows.sort_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| key(a).cmp(key(b))));
        let same = |a: &Place, b: &Place| a.prefix == b.prefix && key(a) == key(b);
        let value = |row: &Place| row.value.map(|value| &bytes[row.at + row.key as usize..][..value as usize]);
        self.rows.chunk_by(same).filter_map(<[_]>::last).map(|row| (key(row), value(row))).collect()
    }

    /// Forgets its rows, and keeps the room for others.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.bytes.clear();
    }
}
