//! The headers of a record.

use std::ops::Deref;

use bytes::Bytes;

use super::Header;
use crate::limits;

/// The headers of a record, in order. Most records have none: then they are one word, and no memory is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(
    /// Never an empty list.
    #[expect(clippy::box_collection, reason = "a list alone is three words")]
    Option<Box<Vec<Header>>>,
);

impl Headers {
    pub(super) const fn none() -> Self {
        Self(None)
    }

    /// Bytes that they take up in a record, as the limits count.
    pub(super) fn size(&self) -> usize {
        let part = |header: &Header| limits::HEADER_BYTES + header.name.len() + header.value.as_ref().map_or(0, Bytes::len);
        self.iter().map(part).sum()
    }

    /// Adds one behind the others.
    pub fn push(&mut self, header: Header) {
        self.0.get_or_insert_default().push(header);
    }

    /// Keeps those of which it is true.
    pub fn retain(&mut self, is_kept: impl FnMut(&Header) -> bool) {
        if let Some(list) = &mut self.0 {
            list.retain(is_kept);
            if list.is_empty() {
                self.0 = None;
            }
        }
    }
}

impl Deref for Headers {
    type Target = [Header];

    fn deref(&self) -> &[Header] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl From<Vec<Header>> for Headers {
    fn from(list: Vec<Header>) -> Self {
        Self((!list.is_empty()).then(|| Box::new(list)))
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        headers.into_iter().collect::<Vec<_>>().into()
    }
}

impl Extend<Header> for Headers {
    fn extend<I: IntoIterator<Item = Header>>(&mut self, headers: I) {
        headers.into_iter().for_each(|header| self.push(header));
    }
}

impl IntoIterator for Headers {
    type Item = Header;
    type IntoIter = std::vec::IntoIter<Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(|list| *list).unwrap_or_default().into_iter()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = std::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
