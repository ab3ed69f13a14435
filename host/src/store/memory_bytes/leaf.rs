//! Some rows that stand together in memory, in order.

use std::cmp::Ordering;
use std::ops::{Bound, Range};

use crate::store::run::prefix;

/// Bytes of the rows of a leaf, above which it is split. Larger ones make each new row dearer, smaller ones the way to the leaf.
const LEAF_BYTES: usize = 8 << 10;

/// Some rows, by key.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    /// Where the rows are, in the order of their keys.
    rows: Vec<Place>,
    /// Keys and values, each key before its value, in any order, with gaps.
    bytes: Vec<u8>,
    /// Bytes that belong to no row any more.
    gaps: usize,
}

/// Where a row is: lengths and place in the leaf's bytes, which are below 4 GiB since two rows that are larger than a leaf share none.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Decides most comparisons without a look at the key itself.
    prefix: u64,
    at: u32,
    key: u32,
    value: u32,
}

impl Place {
    fn key(&self) -> Range<usize> {
        self.at as usize..(self.at + self.key) as usize
    }

    fn value(&self) -> Range<usize> {
        (self.at + self.key) as usize..(self.at + self.key + self.value) as usize
    }

    fn length(&self) -> usize {
        (self.key + self.value) as usize
    }
}

impl Leaf {
    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.find(key).ok().map(|ix| &self.bytes[self.rows[ix].value()])
    }

    /// Puts a row. Says whether its key is new.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> bool {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let found = self.find(key);
        if let Ok(ix) = found {
            let row = &mut self.rows[ix];
            if value.len() <= row.value as usize {
                self.gaps += row.value as usize - value.len();
                row.value = length(value);
                let place = row.value();
                self.bytes[place].copy_from_slice(value);
                self.close_gaps();
                return false;
            }
            self.gaps += row.length();
        }
        let at = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let row = Place { prefix: prefix(key), at, key: length(key), value: length(value) };
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        match found {
            Ok(ix) => self.rows[ix] = row,
            Err(ix) => self.rows.insert(ix, row),
        }
        self.close_gaps();
        found.is_err()
    }

    /// Removes a row. Says whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let Ok(ix) = self.find(key) else { return false };
        self.gaps += self.rows.remove(ix).length();
        self.close_gaps();
        true
    }

    /// Removes the rows from `from` (included) to `to` (excluded). Says how many there were.
    pub fn remove_range(&mut self, from: &[u8], to: &[u8]) -> usize {
        let place = |key: &[u8]| self.find(key).unwrap_or_else(|ix| ix);
        let rows = place(from)..place(to);
        let count = rows.len();
        self.gaps += self.rows.drain(rows).map(|row| row.length()).sum::<usize>();
        self.close_gaps();
        count
    }

    /// The rows between two bounds that are the right way round, in order.
    pub fn range(&self, lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        let place = |key: &[u8]| self.find(key);
        let from = match lower {
            Bound::Unbounded => 0,
            Bound::Included(key) => place(key).unwrap_or_else(|ix| ix),
            Bound::Excluded(key) => place(key).map_or_else(|ix| ix, |ix| ix + 1),
        };
        let to = match upper {
            Bound::Unbounded => self.rows.len(),
            Bound::Included(key) => place(key).map_or_else(|ix| ix, |ix| ix + 1),
            Bound::Excluded(key) => place(key).unwrap_or_else(|ix| ix),
        };
        self.rows[from..to.max(from)].iter().map(|row| (&self.bytes[row.key()], &self.bytes[row.value()]))
    }

    /// The least key.
    pub fn first(&self) -> Option<&[u8]> {
        self.rows.first().map(|row| &self.bytes[row.key()])
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of its rows, and of their places.
    pub fn size(&self) -> usize {
        self.bytes.len() - self.gaps + self.rows.len() * size_of::<Place>()
    }

    /// Bytes that it has taken for them.
    #[cfg(test)]
    pub fn room(&self) -> usize {
        self.bytes.capacity() + self.rows.capacity() * size_of::<Place>()
    }

    /// Keeps the first of its rows when it has become too large, and gives away the others, in order, in leaves of about the same size.
    pub fn split(&mut self) -> Vec<Leaf> {
        let size = self.size();
        if size <= LEAF_BYTES || self.rows.len() < 2 {
            return Vec::new();
        }
        let part = size / size.div_ceil(LEAF_BYTES);
        let (mut parts, mut begin, mut filled) = (Vec::new(), 0, 0);
        for (ix, row) in self.rows.iter().enumerate() {
            let more = row.length() + size_of::<Place>();
            // Half a row too many is better than half a leaf too few.
            if ix > begin && filled + more / 2 > part {
                parts.push(self.copy(begin..ix));
                (begin, filled) = (ix, 0);
            }
            filled += more;
        }
        parts.push(self.copy(begin..self.rows.len()));
        *self = parts.remove(0);
        parts
    }

    /// Some of its rows, without gaps.
    fn copy(&self, rows: Range<usize>) -> Self {
        let rows = &self.rows[rows];
        let mut bytes = Vec::with_capacity(rows.iter().map(Place::length).sum());
        let moved = |row: &Place| {
            let at = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&self.bytes[row.at as usize..][..row.length()]);
            Place { at, ..*row }
        };
        let rows = rows.iter().map(moved).collect();
        Self { rows, bytes, gaps: 0 }
    }

    /// Makes the rows stand close to each other again, when gaps take up more than they do.
    fn close_gaps(&mut self) {
        if self.gaps > self.bytes.len() / 2 {
            *self = self.copy(0..self.rows.len());
        }
    }

    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let first = prefix(key);
        let from = self.rows.partition_point(|row| row.prefix < first);
        let same = |row: &Place| row.prefix == first;
        match &self.rows[from..] {
            // Often there is just one.
            [row, others @ ..] if same(row) && !others.first().is_some_and(same) => match self.bytes[row.key()].cmp(key) {
                Ordering::Less => Err(from + 1),
                Ordering::Equal => Ok(from),
                Ordering::Greater => Err(from),
            },
            [row, ..] if !same(row) => Err(from),
            rows => {
                let rows = &rows[..rows.partition_point(same)];
                rows.binary_search_by(|row| self.bytes[row.key()].cmp(key)).map(|ix| from + ix).map_err(|ix| from + ix)
            }
        }
    }
}
