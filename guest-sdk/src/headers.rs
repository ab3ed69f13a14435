//! Headers of a record: bytes of its frame until somebody looks at them.

use std::cell::OnceCell;
use std::ops::Deref;
use std::rc::Rc;

use crate::bytes::Bytes;

/// The length of a value that is null.
const NONE: u32 = u32::MAX;

/// One header. Names may repeat; a value of none is Kafka's null.
///
/// ```
/// # use cofferdam_guest::Header;
/// let header = Header { name: "trace".into(), value: Some(b"7f".to_vec()) };
/// # assert_eq!(header.name, "trace");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name. Those that begin with `cofferdam.` are the host's.
    pub name: String,
    /// The value.
    pub value: Option<Vec<u8>>,
}

/// The headers of a record, in order. Cheap to clone: outputs share the input's until one is changed.
///
/// ```
/// # use cofferdam_guest::Headers;
/// let mut headers = Headers::default();
/// headers.push("trace", b"7f");
/// let shared = headers.clone();
/// headers.push("trace", b"80");
/// assert_eq!(headers.last_value("trace"), Some(&b"80"[..]));
/// assert_eq!(shared.len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Headers(Option<Rc<List>>);

/// As packed in a frame, as read, or both. Never empty.
#[derive(Clone, Debug, Default)]
struct List {
    packed: Option<Bytes>,
    read: OnceCell<Vec<Header>>,
}

impl List {
    fn headers(&self) -> &Vec<Header> {
        self.read.get_or_init(|| self.packed.as_deref().map_or_else(Vec::new, unpack))
    }

    fn into_vec(self) -> Vec<Header> {
        let Self { packed, read } = self;
        read.into_inner().unwrap_or_else(|| packed.as_deref().map_or_else(Vec::new, unpack))
    }
}

impl Headers {
    /// Adds a header at the end.
    ///
    /// ```
    /// # let mut headers = cofferdam_guest::Headers::default();
    /// headers.push("source", b"import");
    /// assert_eq!(headers.len(), 1);
    /// ```
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        let header = Header { name: name.into(), value: Some(value.into()) };
        let mut headers = std::mem::take(self).into_vec();
        headers.push(header);
        *self = Self::from(headers);
    }

    /// Removes every header of a name.
    ///
    /// ```
    /// # let mut headers = cofferdam_guest::Headers::default();
    /// headers.push("source", b"import");
    /// headers.remove("source");
    /// assert!(headers.is_empty());
    /// ```
    pub fn remove(&mut self, name: &str) {
        if self.iter().any(|header| header.name == name) {
            let mut headers = std::mem::take(self).into_vec();
            headers.retain(|header| header.name != name);
            *self = Self::from(headers);
        }
    }

    /// The value of the last header of a name; none when there is none, or its value is null.
    ///
    /// ```
    /// # let headers = cofferdam_guest::Headers::default();
    /// assert_eq!(headers.last_value("trace"), None);
    /// ```
    pub fn last_value(&self, name: &str) -> Option<&[u8]> {
        self.iter().rev().find(|header| header.name == name)?.value.as_deref()
    }

    /// Those of a frame: `packed` is not empty.
    pub(crate) fn packed(packed: Bytes) -> Self {
        Self(Some(Rc::new(List { packed: Some(packed), read: OnceCell::new() })))
    }

    /// Whether there are none; asked without reading them.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Appends them as a frame has them: unread ones in one piece.
    pub(crate) fn pack(&self, into: &mut Vec<u8>) {
        match self.0.as_deref() {
            None => {}
            Some(List { packed: Some(packed), .. }) => into.extend_from_slice(packed),
            Some(list) => list.headers().iter().for_each(|header| pack(header, into)),
        }
    }

    /// How many bytes `pack` appends.
    pub(crate) fn packed_bytes(&self) -> usize {
        let bytes = |header: &Header| 8 + header.name.len() + header.value.as_ref().map_or(0, Vec::len);
        match self.0.as_deref() {
            None => 0,
            Some(List { packed: Some(packed), .. }) => packed.len(),
            Some(list) => list.headers().iter().map(bytes).sum(),
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Header> {
        self.0.map_or_else(Vec::new, |list| Rc::unwrap_or_clone(list).into_vec())
    }
}

impl From<Vec<Header>> for Headers {
    fn from(headers: Vec<Header>) -> Self {
        Self((!headers.is_empty()).then(|| Rc::new(List { packed: None, read: headers.into() })))
    }
}

impl Deref for Headers {
    type Target = [Header];

    fn deref(&self) -> &[Header] {
        self.0.as_deref().map_or(&[], |list| list.headers())
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Headers {}

fn pack(header: &Header, into: &mut Vec<u8>) {
    into.extend_from_slice(&(header.name.len() as u32).to_le_bytes());
    into.extend_from_slice(header.name.as_bytes());
    match &header.value {
        Some(value) => {
            into.extend_from_slice(&(value.len() as u32).to_le_bytes());
            into.extend_from_slice(value);
        }
        None => into.extend_from_slice(&NONE.to_le_bytes()),
    }
}

/// What is cut off is left out: the host has checked the frame.
fn unpack(mut packed: &[u8]) -> Vec<Header> {
    std::iter::from_fn(|| unpack_one(&mut packed)).collect()
}

fn unpack_one(packed: &mut &[u8]) -> Option<Header> {
    let length = unpack_length(packed)?;
    let name = String::from_utf8_lossy(packed.split_off(..length as usize)?).into_owned();
    let value = match unpack_length(packed)? {
        NONE => None,
        length => Some(packed.split_off(..length as usize)?.to_vec()),
    };
    Some(Header { name, value })
}

fn unpack_length(packed: &mut &[u8]) -> Option<u32> {
    let (length, rest) = packed.split_first_chunk::<4>()?;
    *packed = rest;
    Some(u32::from_le_bytes(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Header> {
        let header = |name: &str, value: Option<&[u8]>| Header { name: name.into(), value: value.map(<[u8]>::to_vec) };
        vec![header("a", Some(b"1")), header("", None), header("a", Some(b"")), header("key", Some(b"long value"))]
    }

    fn packed(headers: &Headers) -> Vec<u8> {
        let mut bytes = Vec::new();
        headers.pack(&mut bytes);
        bytes
    }

    #[test]
    fn headers_of_a_frame_are_those_that_were_packed() {
        let bytes = packed(&Headers::from(some()));
        let read = Headers::packed(bytes.clone().into());
        assert_eq!(packed(&read), bytes);
        assert_eq!(*read, some());
        assert_eq!(packed(&read), bytes);
        assert_eq!(read.into_vec(), some());
    }

    #[test]
    fn a_change_is_not_seen_by_those_who_share_them() {
        let shared = Headers::packed(packed(&Headers::from(some())).into());
        let mut changed = shared.clone();
        changed.remove("a");
        changed.push("b", "2");
        assert_eq!(*shared, some());
        assert_eq!(changed.iter().map(|header| header.name.as_str()).collect::<Vec<_>>(), ["", "key", "b"]);
        assert_eq!(*Headers::packed(packed(&changed).into()), *changed);
    }

    #[test]
    fn without_headers_nothing_is_written() {
        let mut headers = Headers::from(some());
        ["a", "", "key"].iter().for_each(|name| headers.remove(name));
        assert_eq!((packed(&headers), headers.len()), (Vec::new(), 0));
    }
}
