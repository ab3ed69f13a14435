//! Bytes that are shared. In a component crate `bytes` costs more than it saves: each part that is cut or dropped is a call through a table of
//! functions, and goes through memory; here it is a count.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Bound, Deref, RangeBounds};
use std::rc::Rc;

/// Bytes that are shared, not copied: part of the frame in which a record has come. What is kept beyond the call should be copied, for it
/// keeps the whole frame.
///
/// ```
/// # use cofferdam_guest::Bytes;
/// let value = Bytes::from("to be or not to be");
/// let word = value.slice(..2);
/// assert_eq!((&word[..], word.as_ptr()), (&b"to"[..], value.as_ptr()));
/// ```
#[derive(Clone)]
pub struct Bytes {
    whole: Rc<Vec<u8>>,
    begin: usize,
    end: usize,
}

impl Bytes {
    /// None at all.
    ///
    /// ```
    /// # use cofferdam_guest::Bytes;
    /// assert!(Bytes::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::from(Vec::new())
    }

    /// A copy.
    ///
    /// ```
    /// # use cofferdam_guest::Bytes;
    /// assert_eq!(Bytes::copy_from_slice(b"SFO"), b"SFO"[..]);
    /// ```
    pub fn copy_from_slice(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }

    /// A part, which shares them.
    ///
    /// ```
    /// # use cofferdam_guest::Bytes;
    /// let bytes = Bytes::from("SFO-JFK");
    /// assert_eq!((bytes.slice(..3), bytes.slice(4..)), (Bytes::from("SFO"), Bytes::from("JFK")));
    /// ```
    ///
    /// # Panics
    /// When the range goes beyond the end, or ends before it begins.
    #[inline(always)]
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let begin = match range.start_bound() {
            Bound::Included(&at) => at,
            Bound::Excluded(&at) => at + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&at) => at + 1,
            Bound::Excluded(&at) => at,
            Bound::Unbounded => self.len(),
        };
        if begin > end || end > self.len() {
            out_of_range(begin, end, self.len());
        }
        self.part(begin, end)
    }

    /// The same, for a range that is there.
    #[inline(always)]
    pub(crate) fn part(&self, begin: usize, end: usize) -> Self {
        debug_assert!(begin <= end && end <= self.len());
        Self { whole: self.whole.clone(), begin: self.begin + begin, end: self.begin + end }
    }
}

#[cold]
#[inline(never)]
fn out_of_range(begin: usize, end: usize, length: usize) -> ! {
    panic!("range {begin}..{end} of {length} bytes");
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.whole[self.begin..self.end]
    }
}

impl AsRef<[u8]> for Bytes {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "b\"{}\"", self.escape_ascii())
    }
}

impl From<Vec<u8>> for Bytes {
    #[inline]
    fn from(bytes: Vec<u8>) -> Self {
        Self { begin: 0, end: bytes.len(), whole: Rc::new(bytes) }
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from_slice(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Bytes {
    fn from(bytes: &[u8; N]) -> Self {
        Self::copy_from_slice(bytes)
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self::copy_from_slice(text.as_bytes())
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.to_vec()
    }
}

impl FromIterator<u8> for Bytes {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        Self::from(Vec::from_iter(bytes))
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl PartialOrd for Bytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bytes {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

macro_rules! compared {
    ($($other:ty)*) => {$(
        impl PartialEq<$other> for Bytes {
            fn eq(&self, other: &$other) -> bool {
                **self == *AsRef::<[u8]>::as_ref(other)
            }
        }
    )*};
}
compared!([u8] &[u8] Vec<u8> str &str String);

impl<const N: usize> PartialEq<[u8; N]> for Bytes {
    fn eq(&self, other: &[u8; N]) -> bool {
        **self == *other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Bytes {
    fn eq(&self, other: &&[u8; N]) -> bool {
        **self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_parts_share_the_same_bytes() {
        let whole = Bytes::from("to be or not to be");
        let part = whole.slice(3..12);
        assert_eq!(part.slice(..=1).as_ptr(), whole[3..].as_ptr());
        assert_eq!((part.slice(6..), part.slice(9..)), (Bytes::from("not"), Bytes::new()));
        assert_eq!(format!("{:?}", Bytes::from(b"a\"\n\xff")), r#"b"a\"\n\xff""#);
    }

    #[test]
    #[should_panic(expected = "range 1..4 of 3 bytes")]
    fn a_part_does_not_reach_beyond_its_whole() {
        _ = Bytes::from("to be").slice(..3).slice(1..4);
    }
}
