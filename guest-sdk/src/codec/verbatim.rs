//! Values that are read and passed on byte for byte.

use std::ops::Deref;

use crate::bytes::Bytes;

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
/// let bytes = br#"{ "origin": "SFO", "aircraft": "B737" }"#;
/// let flight = Verbatim::<Json<Flight>>::decode(bytes)?;
/// assert_eq!(flight.origin, "SFO");
/// assert_eq!(flight.encoded()?, bytes);
/// # Ok::<(), cofferdam_guest::CodecError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verbatim<T> {
    bytes: Bytes,
    value: T,
}

impl<T> Encode for Verbatim<T> {
    fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        self.bytes.encode(bytes)
    }
}

impl<T: Decode> Decode for Verbatim<T> {
    const KEEPS_BYTES: bool = true;

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Ok(Self { value: T::decode(bytes)?, bytes: Bytes::copy_from_slice(bytes) })
    }

    fn decode_shared(bytes: Bytes) -> Result<Self, CodecError> {
        Ok(Self { value: T::decode_shared(bytes.clone())?, bytes })
    }
}

impl<T> Deref for Verbatim<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
