//! How typed keys and values become bytes and come back. Never looks at more than one key or value.

mod json;
mod text;
mod verbatim;

use std::fmt;

use crate::bytes::Bytes;

pub use json::Json;
pub use text::Text;
pub use verbatim::Verbatim;

use crate::copy::append;
use crate::failure::Failure;

/// Bytes that are not what they should be, or a value that has no bytes.
///
/// As `?` in a processor it becomes a [`Failure::BadRecord`].
///
/// ```
/// use cofferdam_guest::{CodecError, Failure};
/// let failure: Failure = CodecError::new("not an airport").into();
/// assert_eq!(failure, Failure::bad_record("not an airport"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecError {
    message: String,
    null: bool,
}

impl CodecError {
    /// An error that says what is wrong; key or value need not be named.
    ///
    /// ```
    /// # use cofferdam_guest::CodecError;
    /// assert_eq!(CodecError::new("7 bytes instead of 8").to_string(), "7 bytes instead of 8");
    /// ```
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), null: false }
    }

    /// There is nothing, where there must be something.
    ///
    /// ```
    /// # use cofferdam_guest::CodecError;
    /// assert_eq!(CodecError::null().to_string(), "is null");
    /// ```
    pub fn null() -> Self {
        Self { message: "is null".into(), null: true }
    }

    /// The same, saying of what: `key is null`, `value: not UTF-8`.
    #[cold]
    #[inline(never)]
    pub(crate) fn of(self, what: &str) -> Self {
        let separator = if self.null { " " } else { ": " };
        Self { message: format!("{what}{separator}{}", self.message), null: false }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for CodecError {}

impl From<CodecError> for Failure {
    fn from(error: CodecError) -> Self {
        Self::BadRecord(error.message)
    }
}

/// A type that becomes the bytes of a key or a value. The other way is [`Decode`].
///
/// Given: [`Bytes`](crate::Bytes), `Vec<u8>`, `[u8]`, `String`, `str` (UTF-8), `i32`, `u32` (4 bytes), `i64`, `u64`, `f64` (8 bytes, big
/// endian, as Kafka's serializers), [`Text`] for numbers as decimal text, [`Json`], [`Verbatim`], `Option` for what may be null, `()` for
/// null.
///
/// ```
/// use cofferdam_guest::{CodecError, Decode, Encode};
///
/// /// Two letters.
/// struct State([u8; 2]);
///
/// impl Encode for State {
///     fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
///         bytes.extend(self.0);
///         Ok(())
///     }
/// }
///
/// impl Decode for State {
///     fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
///         bytes.try_into().map(Self).map_err(|_| CodecError::new("a state has two letters"))
///     }
/// }
///
/// assert_eq!(State(*b"TX").encoded()?, b"TX");
/// assert!(State::decode(b"Texas").is_err());
/// # Ok::<(), CodecError>(())
/// ```
pub trait Encode {
    /// Appends the bytes. An error where the value has none; what was appended before it does not count.
    fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Its bytes, where it is nothing but bytes: those that `encode` would append, which nobody has to call then.
    ///
    /// ```
    /// # use cofferdam_guest::Encode;
    /// assert_eq!("SFO".as_encoded(), Some(&b"SFO"[..]));
    /// assert_eq!(7u64.as_encoded(), None);
    /// ```
    fn as_encoded(&self) -> Option<&[u8]> {
        None
    }

    /// Whether it is null and has no bytes. Only `Option` and `()` ever are.
    ///
    /// ```
    /// # use cofferdam_guest::Encode;
    /// assert!(None::<String>.is_null() && ().is_null());
    /// assert!(!Some("").is_null());
    /// ```
    fn is_null(&self) -> bool {
        false
    }

    /// The bytes alone.
    ///
    /// ```
    /// # use cofferdam_guest::Encode;
    /// assert_eq!(258u32.encoded()?, [0, 0, 1, 2]);
    /// # Ok::<(), cofferdam_guest::CodecError>(())
    /// ```
    fn encoded(&self) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes)?;
        Ok(bytes)
    }
}

/// A type that is read from the bytes of a key or a value. See [`Encode`] for the types given and an own one.
///
/// ```
/// use cofferdam_guest::Decode;
/// assert_eq!(u64::decode(&[0, 0, 0, 0, 0, 0, 1, 0]), Ok(256));
/// assert_eq!(u64::decode(&[1]).unwrap_err().to_string(), "1 bytes where u64 has 8");
/// assert_eq!(String::decode_null().unwrap_err().to_string(), "is null");
/// assert_eq!(Option::<String>::decode_null(), Ok(None));
/// ```
pub trait Decode: Sized {
    /// Reads the bytes.
    fn decode(bytes: &[u8]) -> Result<Self, CodecError>;

    /// Whether [`decode_shared`](Decode::decode_shared) keeps the bytes. Where it does not, `decode` is called, which costs less.
    const KEEPS_BYTES: bool = false;

    /// The same for bytes that may be kept: they are a part of the frame in which the record came. For types that would copy them.
    ///
    /// ```
    /// # use cofferdam_guest::{Bytes, Decode};
    /// let frame = Bytes::from(b"SFO 12");
    /// let key = Bytes::decode_shared(frame.slice(..3))?;
    /// assert_eq!(key.as_ptr(), frame.as_ptr());
    /// # Ok::<(), cofferdam_guest::CodecError>(())
    /// ```
    fn decode_shared(bytes: Bytes) -> Result<Self, CodecError> {
        Self::decode(&bytes)
    }

    /// What null stands for; an error, but for `Option` and `()`.
    fn decode_null() -> Result<Self, CodecError> {
        Err(CodecError::null())
    }
}

/// Reads a key or a value that may be null.
pub(crate) fn decode_nullable<T: Decode>(bytes: Option<Bytes>) -> Result<T, CodecError> {
    match bytes {
        Some(bytes) if T::KEEPS_BYTES => T::decode_shared(bytes),
        Some(bytes) => T::decode(&bytes),
        None => T::decode_null(),
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        (**self).encode(bytes)
    }

    fn as_encoded(&self) -> Option<&[u8]> {
        (**self).as_encoded()
    }

    fn is_null(&self) -> bool {
        (**self).is_null()
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        self.as_ref().ok_or_else(CodecError::null)?.encode(bytes)
    }

    fn as_encoded(&self) -> Option<&[u8]> {
        self.as_ref()?.as_encoded()
    }

    fn is_null(&self) -> bool {
        self.as_ref().is_none_or(T::is_null)
    }
}

impl<T: Decode> Decode for Option<T> {
    const KEEPS_BYTES: bool = T::KEEPS_BYTES;

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        T::decode(bytes).map(Some)
    }

    fn decode_shared(bytes: Bytes) -> Result<Self, CodecError> {
        T::decode_shared(bytes).map(Some)
    }

    fn decode_null() -> Result<Self, CodecError> {
        Ok(None)
    }
}

/// Null; whatever the bytes are, they are not looked at.
impl Decode for () {
    fn decode(_: &[u8]) -> Result<Self, CodecError> {
        Ok(())
    }

    fn decode_null() -> Result<Self, CodecError> {
        Ok(())
    }
}

impl Encode for () {
    fn encode(&self, _: &mut Vec<u8>) -> Result<(), CodecError> {
        Err(CodecError::null())
    }

    fn is_null(&self) -> bool {
        true
    }
}

macro_rules! as_they_are {
    ($($bytes:ty)*) => {$(
        impl Encode for $bytes {
            #[inline]
            fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
                append(bytes, self.as_ref());
                Ok(())
            }

            fn as_encoded(&self) -> Option<&[u8]> {
                Some(self.as_ref())
            }
        }
    )*};
}
as_they_are!([u8] Vec<u8> Bytes str String);

/// Copies nothing when it comes with a record or out of a store.
impl Decode for Bytes {
    const KEEPS_BYTES: bool = true;

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Ok(Self::copy_from_slice(bytes))
    }

    #[inline(always)]
    fn decode_shared(bytes: Bytes) -> Result<Self, CodecError> {
        Ok(bytes)
    }
}

impl Decode for Vec<u8> {
    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Ok(bytes.to_vec())
    }
}

impl Decode for String {
    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        utf8(bytes).map(str::to_owned)
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, CodecError> {
    std::str::from_utf8(bytes).map_err(|error| CodecError::new(format!("not UTF-8 at byte {}", error.valid_up_to())))
}

macro_rules! big_endian {
    ($($number:ty)*) => {$(
        impl Encode for $number {
            fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
                bytes.extend_from_slice(&self.to_be_bytes());
                Ok(())
            }
        }

        impl Decode for $number {
            fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
                const NAME: &str = stringify!($number);
                bytes.try_into().map(Self::from_be_bytes).map_err(|_| {
                    CodecError::new(format!("{} bytes where {NAME} has {}", bytes.len(), size_of::<$number>()))
                })
            }
        }
    )*};
}
big_endian!(i32 u32 i64 u64 f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_laid_out_as_kafkas_serializers_do() {
        assert_eq!((-2i64).encoded().unwrap(), [255, 255, 255, 255, 255, 255, 255, 254]);
        assert_eq!(258u32.encoded().unwrap(), [0, 0, 1, 2]);
        assert_eq!(f64::decode(&1.5f64.to_be_bytes()), Ok(1.5));
    }

    #[test]
    fn null_is_only_what_may_be_null() {
        assert_eq!(decode_nullable::<Option<u64>>(None), Ok(None));
        assert_eq!(decode_nullable::<()>(Some(vec![1].into())), Ok(()));
        assert_eq!(decode_nullable::<u64>(None).unwrap_err().of("key").to_string(), "key is null");
        let not_text = decode_nullable::<String>(Some(vec![255].into()));
        assert_eq!(not_text.unwrap_err().of("value").to_string(), "value: not UTF-8 at byte 0");
        assert!(None::<u64>.is_null() && Some(()).is_null() && (&&None::<u64>).is_null());
        assert_eq!(Some("x").encoded(), Ok(b"x".to_vec()));
        assert!(None::<u64>.encoded().is_err());
    }

    #[test]
    fn bytes_of_a_frame_are_kept_and_not_copied() {
        let frame = Bytes::from(b"{\"a\":1}");
        let key = decode_nullable::<Option<Bytes>>(Some(frame.slice(1..))).unwrap().unwrap();
        assert_eq!(key.as_ptr(), frame[1..].as_ptr());
    }
}
