//! Cofferdam processors in Rust.
//!
//! A processor is a struct with the trait [`Processor`]: a configuration, the records it takes, and what it does with one. The same
//! code runs as a WebAssembly component in the host ([`export!`]) and natively in a unit test ([`testing`]).
//!
//! ```
//! use cofferdam_guest::{Access, Context, Description, Failure, KeyValue, NoConfig, Processor, Record, Setup, Text, export};
//! use cofferdam_guest::testing::TestContext;
//!
//! struct WordCount {
//!     counts: KeyValue<String, Text<u64>>,
//! }
//!
//! impl Processor for WordCount {
//!     type Config = NoConfig;
//!     type Input = Record<(), String>;
//!
//!     fn describe() -> Description {
//!         Description::new("Counts words.").store("counts", Access::ReadWrite, "how often each word came")
//!     }
//!
//!     fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
//!         Ok(Self { counts: setup.key_value("counts")? })
//!     }
//!
//!     fn process(&mut self, line: Record<(), String>, ctx: &mut Context) -> Result<(), Failure> {
//!         for word in line.value.split_whitespace() {
//!             let count = self.counts.get(word)?.map_or(0, |count| *count) + 1;
//!             self.counts.put(word, &Text(count))?;
//!             ctx.forward((word, Text(count)))?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! export!(WordCount);
//!
//! let mut test = TestContext::<WordCount>::new()?;
//! test.process(((), "to be or not to be"))?;
//! let counts = test.outputs::<String, Text<u64>>()?;
//! assert_eq!(counts.last().map(|record| (record.key.as_str(), *record.value)), Some(("be", 2)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Records come to a component in frames: many in one call. A processor sees none of that. It is called for each record in turn; keys and
//! values that it takes as [`Bytes`] are parts of the frame, and outputs are written straight into the next one. What it reads and writes
//! of its key-value stores is kept for the length of the frame, fetched together and written back together.
//!
//! Stores are of four kinds: [`KeyValue`], [`WindowStore`], [`SessionStore`], [`VersionedStore`]. The manifest says for how long they keep what.
//!
//! What differs from Kafka Streams: forwarded records are delivered when the call has returned, so code after a
//! [`forward`](Context::forward) runs *before* the children see the record.
//!
//! A processor's memory is a cache: the host may drop the instance and make another between any two calls. Only stores and cells are
//! state. There is no clock and no chance but [`Host::now`] and [`Host::random`].

// `derive(Inputs)` and the generated bindings name the crate from outside.
extern crate self as cofferdam_guest;

mod blobs;
mod bytes;
mod codec;
mod context;
mod copy;
mod description;
mod failure;
mod frame;
mod headers;
mod host;
mod incoming;
mod input;
mod migrate;
mod output;
mod ports;
mod processor;
mod record;
mod runner;
mod session_store;
mod store;
mod typed;
mod versioned_store;
mod view;
mod window_store;

#[cfg(not(target_arch = "wasm32"))]
#[path = "native.rs"]
mod backend;
#[cfg(target_arch = "wasm32")]
#[path = "wasm.rs"]
pub mod backend;

#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use crate::bytes::Bytes;
pub use codec::{CodecError, Decode, Encode, Json, Text, Verbatim};
/// ```
/// use cofferdam_guest::{Inputs, Record, Text, Update};
///
/// #[derive(Inputs)]
/// enum Sides {
///     /// Orders, as they come.
///     Orders(Record<String, String>),
///     /// What a customer owes.
///     #[role("balances")]
///     Balance(Update<String, Text<i64>>),
/// }
///
/// let cofferdam_guest::Roles::Exactly(roles) = Sides::roles() else { unreachable!() };
/// assert_eq!(roles.iter().map(|role| role.name).collect::<Vec<_>>(), ["orders", "balances"]);
/// ```
pub use cofferdam_guest_macros::Inputs;
pub use context::{Context, Setup};
pub use description::{Access, Carries, Description, PortDescription, StoreDescription, StoreKind};
pub use failure::Failure;
pub use headers::{Header, Headers};
pub use host::{Clock, Host, Level, OpenError, Origin};
pub use incoming::Incoming;
pub use input::{Inputs, Payload, Role, Roles, Takes};
pub use migrate::{Migrate, Step};
pub use output::{Draft, Outgoing, Routed};
pub use processor::{NoConfig, Processor};
pub use record::{Previous, RawOutput, RawRecord, Record, Update};
pub use session_store::{SessionEntries, SessionEntry, SessionReader, SessionStore};
pub use store::{Cell, Entries, Entry, KeyValue, KeyValueReader};
pub use versioned_store::{Version, VersionedPut, VersionedReader, VersionedStore, Versions};
pub use window_store::{WindowEntries, WindowEntry, WindowReader, WindowStore};

/// Milliseconds since 1970-01-01T00:00:00Z.
///
/// ```
/// let first_of_2001: cofferdam_guest::Timestamp = 978_307_200_000;
/// # assert!(first_of_2001 > 0);
/// ```
pub type Timestamp = i64;

#[doc(hidden)]
pub fn is_processor<P: Processor>() {}

#[doc(hidden)]
pub fn is_migrate<P: Migrate>() {}

/// Makes the processor what the component exports. Once in a crate whose `crate-type` is `["cdylib"]`; in a native build it does
/// nothing. `export!(Pass, migrate)`: the processor takes over the state of older versions, see [`Migrate`].
///
/// ```
/// # use cofferdam_guest::{export, Context, Failure, NoConfig, Processor, RawRecord, Setup};
/// struct Pass;
///
/// impl Processor for Pass {
///     type Config = NoConfig;
///     type Input = RawRecord;
///
///     fn init(_: NoConfig, _: &mut Setup) -> Result<Self, String> {
///         Ok(Self)
///     }
///
///     fn process(&mut self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
///         ctx.forward(record)
///     }
/// }
///
/// export!(Pass);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    (@also migrate $component:ident) => {
        $crate::backend::export_migrate!($component with_types_in $crate::backend::migrate);
    };
    (@is migrate $processor:ty) => {
        const _: fn() = $crate::is_migrate::<$processor>;
    };
    ($processor:ty $(, $also:ident)?) => {
        // Natively this says only that it is one, so that the compiler does not take it for unused.
        const _: fn() = $crate::is_processor::<$processor>;
        $($crate::export!(@is $also $processor);)?
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, missing_docs)]
        const _: () = {
            ::std::thread_local! {
                static NODE: $crate::backend::Slot<$processor> = const { $crate::backend::Slot::new(None) };
            }
            struct Component;
            impl $crate::backend::Component for Component {
                type Processor = $processor;
                fn with_slot<R>(work: impl FnOnce(&$crate::backend::Slot<$processor>) -> R) -> R {
                    NODE.with(work)
                }
            }
    $crate::backend::export_node!(Component with_types_in $crate::backend::node);
    $crate::backend::export_describe!(Component with_types_in $crate::backend::describe);
    $crate::backend::export_batch!(Component with_types_in $crate::backend::batch);
            $($crate::export!(@also $also Component);)?
        };
    };
}
