//! Values that are read and passed on byte for byte.

use std::borrow::Cow;
use std::ops::Deref;

use super::{CodecError, Decode, Encode};

/// A value that was read, together with its bytes: forwarded, it is what came in, to the last blank.
///
/// ```
/// use cofferdam_guest::{Decode, Encode, Json, Verbatim};
/// # use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Flight {
///     origin: String,
/// }
///
/// let bytes = br#"{ "origin": "SFO", "aircraft": "B737" }"#.to_vec();
/// let flight = Verbatim::<Json<Flight>>::decode(bytes.clone())?;
/// assert_eq!(flight.origin, "SFO");
/// assert_eq!(flight.into_bytes()?, Some(bytes));
/// # Ok::<(), cofferdam_guest::CodecError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verbatim<T> {
    bytes: Vec<u8>,
    value: T,
}

impl<T> Encode for Verbatim<T> {
    fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError> {
        Ok(Cow::Borrowed(&self.bytes))
    }

    fn into_bytes(self) -> Result<Option<Vec<u8>>, CodecError> {
        Ok(Some(self.bytes))
    }
}

impl<T: Decode> Decode for Verbatim<T> {
    fn decode(bytes: Vec<u8>) -> Result<Self, CodecError> {
        Ok(Self { value: T::decode(bytes.clone())?, bytes })
    }
}

impl<T> Deref for Verbatim<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
