//! What a processor takes: one kind of record on any input, or roles with a type each.

use crate::codec::Decode;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::record::{RawRecord, Record, Update};

/// What an input takes.
///
/// ```
/// # use cofferdam_guest::{Payload, Record, Takes, Update};
/// assert_eq!(<Record<String, String> as Payload>::TAKES, Takes::Either);
/// assert_eq!(<Update<String, String> as Payload>::TAKES, Takes::Updates);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Records of a stream.
    Records,
    /// Updates of a table.
    Updates,
    /// Either.
    Either,
}

/// One input of a processor with roles.
///
/// ```
/// # use cofferdam_guest::{Role, Takes};
/// let role = Role::new("flights", Takes::Either, "what is to be joined");
/// assert_eq!(role.name, "flights");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name: the key under `inputs` in the manifest.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// One line about it.
    pub doc: &'static str,
}

impl Role {
    /// A role.
    ///
    /// ```
    /// # use cofferdam_guest::{Role, Takes};
    /// assert_eq!(Role::new("left", Takes::Records, "").takes, Takes::Records);
    /// ```
    pub fn new(name: &'static str, takes: Takes, doc: &'static str) -> Self {
        Self { name, takes, doc }
    }
}

/// The inputs that a processor has.
///
/// ```
/// # use cofferdam_guest::{Inputs, Record, Roles, Takes};
/// assert_eq!(Record::<String, String>::roles(), Roles::Any(Takes::Either));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roles {
    /// Any number, all alike; each entry of `from` in the manifest is one.
    Any(Takes),
    /// Exactly these.
    Exactly(Vec<Role>),
}

/// What [`process`](crate::Processor::process) is called with. A [`Record`], [`Update`] or [`RawRecord`] where all inputs are alike;
/// else an enum with `#[derive(Inputs)]`, one variant for each role.
///
/// ```
/// use cofferdam_guest::{Inputs, Json, Record, Roles, Update};
/// # use serde::Deserialize;
/// # #[derive(Deserialize)] struct Flight {}
/// # #[derive(Deserialize)] struct Airport {}
///
/// #[derive(Inputs)]
/// enum In {
///     /// What is to be joined.
///     Flights(Record<String, Json<Flight>>),
///     /// With what.
///     #[role("places")]
///     Airports(Update<String, Json<Airport>>),
/// }
///
/// let Roles::Exactly(roles) = In::roles() else { panic!() };
/// assert_eq!((roles[0].name, roles[0].doc), ("flights", "What is to be joined."));
/// assert_eq!(roles[1].name, "places");
/// ```
pub trait Inputs: Sized {
    /// The roles, in the order of their indexes.
    fn roles() -> Roles;

    /// Reads a record of this input.
    ///
    /// # Errors
    /// The record is not what the input's type says: [`Failure::BadRecord`].
    fn decode(input: u32, record: Incoming<'_>) -> Result<Self, Failure>;
}

/// What one input can hold.
///
/// ```
/// # use cofferdam_guest::{Payload, RawRecord, Takes};
/// assert_eq!(RawRecord::TAKES, Takes::Either);
/// ```
pub trait Payload: Sized {
    /// What such an input takes.
    const TAKES: Takes;

    /// Reads a record.
    ///
    /// # Errors
    /// Key or value are not what the type says: [`Failure::BadRecord`]. An [`Update`] was asked for and a stream record came:
    /// [`Failure::Fatal`].
    fn from_incoming(record: Incoming<'_>) -> Result<Self, Failure>;
}

impl<K: Decode, V: Decode> Payload for Record<K, V> {
    const TAKES: Takes = Takes::Either;

    #[inline(always)]
    fn from_incoming(record: Incoming<'_>) -> Result<Self, Failure> {
        Ok(Self { key: record.key()?, value: record.value()?, timestamp: record.timestamp(), headers: record.headers() })
    }
}

impl<K: Decode, V: Decode> Payload for Update<K, V> {
    const TAKES: Takes = Takes::Updates;

    fn from_incoming(record: Incoming<'_>) -> Result<Self, Failure> {
        record.into_raw().decode_update()
    }
}

impl Payload for RawRecord {
    const TAKES: Takes = Takes::Either;

    #[inline]
    fn from_incoming(record: Incoming<'_>) -> Result<Self, Failure> {
        Ok(record.into_raw())
    }
}

macro_rules! alike {
    ($([$($parameter:ident)*] $payload:ty),*) => {$(
        impl<$($parameter: Decode),*> Inputs for $payload {
            fn roles() -> Roles {
                Roles::Any(<Self as Payload>::TAKES)
            }

            #[inline(always)]
            fn decode(_: u32, record: Incoming<'_>) -> Result<Self, Failure> {
                Self::from_incoming(record)
            }
        }
    )*};
}
alike!([K V] Record<K, V>, [K V] Update<K, V>, [] RawRecord);
