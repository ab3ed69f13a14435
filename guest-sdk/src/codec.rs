//! How typed keys and values become bytes and come back. Never looks at more than one key or value.

mod json;
mod text;
mod verbatim;

use std::borrow::Cow;
use std::fmt;

pub use json::Json;
pub use text::Text;
pub use verbatim::Verbatim;

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
/// Given: `Vec<u8>`, `[u8]`, `String`, `str` (UTF-8), `i32`, `u32` (4 bytes), `i64`, `u64`, `f64` (8 bytes, big endian, as Kafka's
/// serializers), [`Text`] for numbers as decimal text, [`Json`], [`Verbatim`], `Option` for what may be null, `()` for null.
///
/// ```
/// use std::borrow::Cow;
/// use cofferdam_guest::{CodecError, Decode, Encode};
///
/// /// Two letters.
/// struct State([u8; 2]);
///
/// impl Encode for State {
///     fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError> {
///         Ok(Cow::Borrowed(&self.0))
///     }
/// }
///
/// impl Decode for State {
///     fn decode(bytes: Vec<u8>) -> Result<Self, CodecError> {
///         bytes.try_into().map(Self).map_err(|_| CodecError::new("a state has two letters"))
///     }
/// }
///
/// assert_eq!(State(*b"TX").encode()?, &b"TX"[..]);
/// assert!(State::decode(b"Texas".to_vec()).is_err());
/// # Ok::<(), CodecError>(())
/// ```
pub trait Encode {
    /// The bytes. An error where the value has none.
    fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError>;

    /// The bytes, or none for null. Only `Option` and `()` are ever null.
    ///
    /// ```
    /// # use cofferdam_guest::Encode;
    /// assert_eq!("SFO".encode_nullable()?.as_deref(), Some(&b"SFO"[..]));
    /// assert_eq!(None::<String>.encode_nullable()?, None);
    /// # Ok::<(), cofferdam_guest::CodecError>(())
    /// ```
    fn encode_nullable(&self) -> Result<Option<Cow<'_, [u8]>>, CodecError> {
        self.encode().map(Some)
    }

    /// [`encode_nullable`](Encode::encode_nullable) of an owned value: what holds its bytes already gives them away.
    ///
    /// ```
    /// # use cofferdam_guest::Encode;
    /// assert_eq!(vec![1, 2].into_bytes()?, Some(vec![1, 2]));
    /// assert_eq!(().into_bytes()?, None);
    /// # Ok::<(), cofferdam_guest::CodecError>(())
    /// ```
    fn into_bytes(self) -> Result<Option<Vec<u8>>, CodecError>
    where
        Self: Sized,
    {
        Ok(self.encode_nullable()?.map(Cow::into_owned))
    }
}

/// A type that is read from the bytes of a key or a value. See [`Encode`] for the types given and an own one.
///
/// ```
/// use cofferdam_guest::Decode;
/// assert_eq!(u64::decode(vec![0, 0, 0, 0, 0, 0, 1, 0]), Ok(256));
/// assert_eq!(u64::decode(vec![1]).unwrap_err().to_string(), "1 bytes where u64 has 8");
/// assert_eq!(String::decode_null().unwrap_err().to_string(), "is null");
/// assert_eq!(Option::<String>::decode_null(), Ok(None));
/// ```
pub trait Decode: Sized {
    /// Reads the bytes.
    fn decode(bytes: Vec<u8>) -> Result<Self, CodecError>;

    /// What null stands for; an error, but for `Option` and `()`.
    fn decode_null() -> Result<Self, CodecError> {
        Err(CodecError::null())
    }
}

/// Reads a key or a value that may be null.
pub(crate) fn decode_nullable<T: Decode>(bytes: Option<Vec<u8>>) -> Result<T, CodecError> {
    match bytes {
        Some(bytes) => T::decode(bytes),
        None => T::decode_null(),
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError> {
        (**self).encode()
    }

    fn encode_nullable(&self) -> Result<Option<Cow<'_, [u8]>>, CodecError> {
        (**self).encode_nullable()
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError> {
        self.as_ref().ok_or_else(CodecError::null)?.encode()
    }

    fn encode_nullable(&self) -> Result<Option<Cow<'_, [u8]>>, CodecError> {
        self.as_ref().map_or(Ok(None), T::encode_nullable)
    }

    fn into_bytes(self) -> Result<Option<Vec<u8>>, CodecError> {
        self.map_or(Ok(None), T::into_bytes)
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(bytes: Vec<u8>) -> Result<Self, CodecError> {
        T::decode(bytes).map(Some)
    }

    fn decode_null() -> Result<Self, CodecError> {
        Ok(None)
    }
}

/// Null; whatever the bytes are, they are not looked at.
impl Decode for () {
    fn decode(_: Vec<u8>) -> Result<Self, CodecError> {
        Ok(())
    }

    fn decode_null() -> Result<Self, CodecError> {
        Ok(())
    }
}

impl Encode for () {
    fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError> {
        Err(CodecError::null())
    }

    fn encode_nullable(&self) -> Result<Option<Cow<'_, [u8]>>, CodecError> {
        Ok(None)
    }
}

impl Encode for [u8] {
    fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError> {
        Ok(Cow::Borrowed(self))
    }
}

impl Encode for Vec<u8> {
    fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError> {
        Ok(Cow::Borrowed(self))
    }

    fn into_bytes(self) -> Result<Option<Vec<u8>>, CodecError> {
        Ok(Some(self))
    }
}

impl Decode for Vec<u8> {
    fn decode(bytes: Vec<u8>) -> Result<Self, CodecError> {
        Ok(bytes)
    }
}

impl Encode for str {
    fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError> {
        Ok(Cow::Borrowed(self.as_bytes()))
    }
}

impl Encode for String {
    fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError> {
        Ok(Cow::Borrowed(self.as_bytes()))
    }

    fn into_bytes(self) -> Result<Option<Vec<u8>>, CodecError> {
        Ok(Some(self.into_bytes()))
    }
}

impl Decode for String {
    fn decode(bytes: Vec<u8>) -> Result<Self, CodecError> {
        String::from_utf8(bytes).map_err(|error| CodecError::new(format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to())))
    }
}

macro_rules! big_endian {
    ($($number:ty)*) => {$(
        impl Encode for $number {
            fn encode(&self) -> Result<Cow<'_, [u8]>, CodecError> {
                Ok(Cow::Owned(self.to_be_bytes().to_vec()))
            }
        }

        impl Decode for $number {
            fn decode(bytes: Vec<u8>) -> Result<Self, CodecError> {
                const NAME: &str = stringify!($number);
                let length = bytes.len();
                bytes.try_into().map(Self::from_be_bytes).map_err(|_| {
                    CodecError::new(format!("{length} bytes where {NAME} has {}", size_of::<$number>()))
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
        assert_eq!((-2i64).encode().unwrap(), &[255, 255, 255, 255, 255, 255, 255, 254][..]);
        assert_eq!(258u32.encode().unwrap(), &[0, 0, 1, 2][..]);
        assert_eq!(f64::decode(1.5f64.to_be_bytes().to_vec()), Ok(1.5));
    }

    #[test]
    fn null_is_only_what_may_be_null() {
        assert_eq!(decode_nullable::<Option<u64>>(None), Ok(None));
        assert_eq!(decode_nullable::<()>(Some(vec![1])), Ok(()));
        assert_eq!(decode_nullable::<u64>(None).unwrap_err().of("key").to_string(), "key is null");
        assert_eq!(decode_nullable::<String>(Some(vec![255])).unwrap_err().of("value").to_string(), "value: not UTF-8 at byte 0");
        assert_eq!(None::<u64>.into_bytes(), Ok(None));
        assert_eq!(Some("x").into_bytes(), Ok(Some(b"x".to_vec())));
        assert!(None::<u64>.encode().is_err());
    }
}
