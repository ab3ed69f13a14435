//! Values as the text that they print as.

use std::fmt::Display;
use std::io::Write;
use std::ops::{Deref, DerefMut};
use std::str::FromStr;

use super::{CodecError, Decode, Encode, utf8};

/// A value written as text: `Text(42)` is the two bytes `42`. For everything that prints and parses.
///
/// ```
/// use cofferdam_guest::{Decode, Encode, Text};
/// assert_eq!(Text(42u64).encoded()?, b"42");
/// assert_eq!(*Text::<u64>::decode(b"42")?, 42);
/// assert_eq!(Text::<u64>::decode(b"4x").unwrap_err().to_string(), "`4x`: invalid digit found in string");
/// # Ok::<(), cofferdam_guest::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<T>(pub T);

impl<T: Display> Encode for Text<T> {
    fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        write!(bytes, "{}", self.0).map_err(|error| CodecError::new(error.to_string()))
    }
}

impl<T: FromStr<Err: Display>> Decode for Text<T> {
    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let text = utf8(bytes)?;
        text.parse().map(Self).map_err(|error| CodecError::new(format!("`{text:.64}`: {error}")))
    }
}

impl<T> Deref for Text<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Text<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
