//! The headers of a record.

use std::fmt;

use bytes::Bytes;

use super::{Pieces, RESERVED_HEADER_PREFIX};
use crate::limits;

/// Length of a value that is null.
const NULL: u32 = u32::MAX;
/// Bytes of the two lengths of a header.
const LENGTH_BYTES: usize = 8;
/// Why headers are refused.
const CUT: &str = "headers end in the middle";

/// A header. Names may repeat; order is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name. Those that begin with [`RESERVED_HEADER_PREFIX`] belong to the host.
    pub name: &'a str,
    /// Its value; `None` is Kafka's null.
    pub value: Option<&'a [u8]>,
}

/// The headers of a record, in order, in one piece of memory: for each the length of the name (u32, little endian), the name (UTF-8), the
/// length of the value (the same; all ones: null), the value. So they stand in frames, too. Most records have none: then no memory is taken.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(
    /// Never empty, and sound.
    Option<Bytes>,
);

/// Headers, wherever they stand.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct HeadersRef<'a>(
    /// Sound.
    &'a [u8],
);

impl Headers {
    /// See [`HeadersRef::of_packed`].
    pub(crate) fn of_packed(packed: Bytes) -> Self {
        Self((!packed.is_empty()).then_some(packed))
    }

    /// The same, where they stand.
    pub fn as_ref(&self) -> HeadersRef<'_> {
        HeadersRef(self.0.as_deref().unwrap_or_default())
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Header<'_>> {
        self.as_ref().iter()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Adds one behind the others.
    pub fn push(&mut self, header: Header<'_>) {
        let packed = self.as_ref().0;
        let mut all = Vec::with_capacity(packed.len() + header.packed_bytes());
        all.extend_from_slice(packed);
        header.pack(&mut all);
        self.0 = Some(all.into());
    }

    /// Keeps those of which it is true.
    pub fn retain(&mut self, is_kept: impl Fn(Header<'_>) -> bool) {
        let Some(packed) = &self.0 else { return };
        let first: usize = self.iter().take_while(|header| is_kept(*header)).map(Header::packed_bytes).sum();
        if first == packed.len() {
            return;
        }
        *self = if HeadersRef(&packed[first..]).iter().any(&is_kept) {
            self.iter().filter(|header| is_kept(*header)).collect()
        } else {
            Self::of_packed(packed.slice(..first))
        };
    }

    /// The value of the first one of that name, without a copy.
    pub(super) fn value_of(&self, name: &str) -> Option<Bytes> {
        let packed = self.0.as_ref()?;
        Some(packed.slice_ref(self.iter().find(|header| header.name == name)?.value?))
    }
}

impl<'a> HeadersRef<'a> {
    /// What comes out of a guest. Answers how many headers there are, and their size in a record, as the limits count; of more than a record may
    /// have, the first ones.
    pub(crate) fn check(packed: &[u8]) -> Result<(usize, usize), &'static str> {
        let (mut rest, mut count, mut bytes) = (packed, 0, 0);
        // One more than may be there: the record is refused for it.
        while !rest.is_empty() && count <= limits::RECORD_HEADERS {
            let header = Header::cut(&mut rest)?;
            count += 1;
            bytes += header.size();
        }
        Ok((count, bytes))
    }

    /// Those that [`Header::pack`] has written, or that have been checked.
    pub(crate) fn of_packed(packed: &'a [u8]) -> Self {
        Self(packed)
    }

    /// With memory of their own.
    pub fn copied(self) -> Headers {
        Headers::of_packed(Bytes::copy_from_slice(self.0))
    }

    /// As they stand in a frame.
    pub(crate) fn packed(self) -> &'a [u8] {
        self.0
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Header<'a>> {
        let mut rest = self.0;
        // An error is not possible: they are sound.
        std::iter::from_fn(move || if rest.is_empty() { None } else { Header::cut(&mut rest).ok() })
    }

    /// True without any.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Whether there are some that belong to the host.
    pub fn has_reserved(self) -> bool {
        self.iter().any(|header| header.name.starts_with(RESERVED_HEADER_PREFIX))
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Bytes that they take up in a record, as the limits count.
    pub(super) fn size(self) -> usize {
        self.iter().map(Header::size).sum()
    }
}

impl<'a> Header<'a> {
    /// Takes the first one off packed headers.
    fn cut(rest: &mut &'a [u8]) -> Result<Self, &'static str> {
        let length = cut_length(rest)?;
        let name = std::str::from_utf8(cut(rest, length)?).map_err(|_| "the name of a header is not UTF-8")?;
        let value = match cut_length(rest)? {
            NULL => None,
            length => Some(cut(rest, length)?),
        };
        Ok(Self { name, value })
    }

    fn size(self) -> usize {
        limits::HEADER_BYTES + self.name.len() + self.value.map_or(0, <[u8]>::len)
    }

    fn packed_bytes(self) -> usize {
        LENGTH_BYTES + self.name.len() + self.value.map_or(0, <[u8]>::len)
    }

    /// Writes it behind others.
    pub(crate) fn pack(self, into: &mut Vec<u8>) {
        pack(self.name, self.value.as_slice(), into);
    }
}

/// Writes a header whose value has these parts; without parts it is null.
fn pack(name: &str, value: &[&[u8]], into: &mut Vec<u8>) {
    let bytes = if value.is_empty() { NULL } else { length(value.iter().map(|part| part.len()).sum()) };
    into.extend_from_slice(&length(name.len()).to_le_bytes());
    into.extend_from_slice(name.as_bytes());
    into.extend_from_slice(&bytes.to_le_bytes());
    value.iter().for_each(|part| into.extend_from_slice(part));
}

fn cut_length(rest: &mut &[u8]) -> Result<u32, &'static str> {
    let (length, behind) = rest.split_first_chunk::<4>().ok_or(CUT)?;
    *rest = behind;
    Ok(u32::from_le_bytes(*length))
}

fn cut<'a>(rest: &mut &'a [u8], length: u32) -> Result<&'a [u8], &'static str> {
    let (taken, behind) = rest.split_at_checked(length as usize).ok_or(CUT)?;
    *rest = behind;
    Ok(taken)
}

/// Records are far smaller.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NULL - 1)
}

/// Packs the headers of many records into memory that they share.
#[derive(Debug, Default)]
pub struct HeaderPacker {
    /// The headers of the record that is being made.
    packed: Vec<u8>,
    pieces: Pieces,
}

impl HeaderPacker {
    /// With such pieces.
    pub fn new(pieces: Pieces) -> Self {
        Self { packed: Vec::new(), pieces }
    }

    /// Adds one to the record's headers.
    pub fn add(&mut self, header: Header<'_>) {
        header.pack(&mut self.packed);
    }

    /// Adds one with a value of two parts.
    pub fn add_parts(&mut self, name: &str, value: [&[u8]; 2]) {
        pack(name, &value, &mut self.packed);
    }

    /// Forgets what was added since the last time.
    pub fn clear(&mut self) {
        self.packed.clear();
    }

    /// The headers that were added since the last time.
    pub fn done(&mut self) -> Headers {
        let headers = if self.packed.is_empty() { Headers::default() } else { Headers(Some(self.pieces.copy(&self.packed))) };
        self.packed.clear();
        headers
    }
}

impl<'a> FromIterator<Header<'a>> for Headers {
    fn from_iter<I: IntoIterator<Item = Header<'a>>>(headers: I) -> Self {
        let mut packed = Vec::new();
        headers.into_iter().for_each(|header| header.pack(&mut packed));
        Self::of_packed(packed.into())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Debug for HeadersRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::PIECE_BYTES;

    const NULL_VALUE: Header<'static> = Header { name: "a", value: None };
    const EMPTY: Header<'static> = Header { name: "", value: Some(b"") };
    const OTHER: Header<'static> = Header { name: "b", value: Some(b"value") };

    #[test]
    fn they_come_out_as_they_went_in() {
        let mut headers: Headers = [NULL_VALUE, EMPTY].into_iter().collect();
        headers.push(OTHER);
        headers.push(NULL_VALUE);
        assert!(headers.iter().eq([NULL_VALUE, EMPTY, OTHER, NULL_VALUE]));
        assert_eq!((headers.len(), headers.as_ref().size()), (4, 4 * limits::HEADER_BYTES + 1 + 6 + 1));
        assert_eq!(HeadersRef::check(headers.as_ref().packed()), Ok((4, headers.as_ref().size())));
        let all = headers.clone();
        headers.retain(|header| header.name != "a");
        assert!(headers.iter().eq([EMPTY, OTHER]));
        for kept in ["a", "", "b"] {
            let mut some = all.clone();
            some.retain(|header| header.name == kept);
            assert!(some.iter().eq(all.iter().filter(|header| header.name == kept)), "{kept}");
        }
        let mut prefix = all.clone();
        prefix.push(OTHER);
        prefix.push(OTHER);
        prefix.retain(|header| header.name != "b");
        assert!(prefix.iter().eq([NULL_VALUE, EMPTY, NULL_VALUE]));
        let mut cut = all.clone();
        cut.push(Header { name: "last", value: None });
        cut.retain(|header| header.name != "last");
        assert_eq!(cut, all);
        assert_eq!(headers.value_of("b").as_deref(), Some(&b"value"[..]));
        assert_eq!((headers.value_of("a"), headers.value_of("")), (None, Some(Bytes::new())));
        headers.retain(|_| false);
        assert!(headers.is_empty() && headers == Headers::default());
    }

    #[test]
    fn what_ends_in_the_middle_is_refused() {
        let packed = [NULL_VALUE, OTHER].into_iter().collect::<Headers>();
        let packed = packed.as_ref().packed();
        let first = NULL_VALUE.packed_bytes();
        for end in (1..packed.len()).filter(|end| *end != first) {
            assert_eq!(HeadersRef::check(&packed[..end]), Err(CUT), "{end}");
        }
        assert_eq!(HeadersRef::check(&[1, 0, 0, 0, 0xff, 0, 0, 0, 0]), Err("the name of a header is not UTF-8"));
    }

    #[test]
    fn records_share_pieces() {
        let mut packer = HeaderPacker::default();
        let shared = [0, 1].map(|_| {
            packer.add(OTHER);
            packer.done()
        });
        let [one, other] = shared.each_ref().map(|headers| headers.as_ref().packed().as_ptr_range());
        assert_eq!(one.end, other.start);
        let large = vec![7; PIECE_BYTES / 3];
        let value = Header { name: "large", value: Some(&large) };
        let mut all = Vec::new();
        for count in [1, 0, 2, 4, 1] {
            (0..count).for_each(|_| packer.add(value));
            all.push((count, packer.done()));
        }
        for (count, headers) in all {
            assert!(headers.iter().eq(std::iter::repeat_n(value, count)));
        }
    }
}
