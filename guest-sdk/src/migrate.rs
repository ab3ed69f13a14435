//! State of an older version, and how a processor takes it over.

use crate::failure::Failure;
use crate::host::Host;
use crate::processor::Processor;

/// What a step of [`Migrate::migrate`] came to.
///
/// ```
/// use cofferdam_guest::Step;
///
/// let next = |last: Option<&str>| last.map_or(Step::Done, |key| Step::More(key.into()));
/// assert_eq!(next(None), Step::Done);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// All state is of this processor's version now.
    Done,
    /// There is more: the next call is given this cursor, of 4 KiB at most. It must not be the one that this call was given.
    More(Vec<u8>),
}

/// A processor that takes over the state which an older version of it has left. Its [`describe`](Processor::describe) gives a larger
/// [`state_version`](crate::Description::state_version) than that one, and it is exported as `export!(Counts, migrate)`.
///
/// The host calls `migrate` after `init` and before the first record, until it is [`Step::Done`]. What a step writes is committed together
/// with its cursor; after a crash the next step goes on from there. So nothing but the cursor may be kept from step to step, and a step should do
/// as much as is done in some milliseconds: other processors wait for it.
///
/// ```
/// use std::ops::Bound;
///
/// use cofferdam_guest::testing::TestContext;
/// use cofferdam_guest::{Access, Context, Description, Failure, Host, KeyValue, Migrate, NoConfig, Processor, RawRecord, Setup, Step, Text, export};
///
/// /// Kept seconds up to version 0, keeps milliseconds.
/// struct Delays {
///     delays: KeyValue<String, Text<u64>>,
/// }
///
/// impl Processor for Delays {
///     type Config = NoConfig;
///     type Input = RawRecord;
///
///     fn describe() -> Description {
///         Description::new("Delays.").store("delays", Access::ReadWrite, "in milliseconds").state_version(1)
///     }
///
///     fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
///         Ok(Self { delays: setup.key_value("delays")? })
///     }
///
///     fn process(&mut self, _: RawRecord, _: &mut Context) -> Result<(), Failure> {
///         Ok(())
///     }
/// }
///
/// impl Migrate for Delays {
///     fn migrate(&mut self, _: u32, cursor: Option<&[u8]>, _: &Host) -> Result<Step, Failure> {
///         let from = cursor.map_or(Bound::Unbounded, |key| Bound::Excluded(String::from_utf8_lossy(key).into_owned()));
///         let rows: Vec<_> = self.delays.range((from, Bound::Unbounded))?.take(100).collect::<Result<_, _>>()?;
///         for row in &rows {
///             self.delays.put(&row.key, &Text(*row.value * 1_000))?;
///         }
///         Ok(rows.last().map_or(Step::Done, |row| Step::More(row.key.clone().into_bytes())))
///     }
/// }
///
/// export!(Delays, migrate);
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut test = TestContext::<Delays>::new()?;
/// test.store::<String, Text<u64>>("delays").put("SFO", &Text(7))?;
/// assert_eq!(test.migrate(0)?, 2);
/// assert_eq!(test.store::<String, Text<u64>>("delays").get("SFO")?, Some(Text(7_000)));
/// # Ok(())
/// # }
/// ```
pub trait Migrate: Processor {
    /// Does one step of the way from the version `from`, first without a cursor.
    ///
    /// # Errors
    /// Says why the state cannot be taken over. In the first step the version before stays at work; later the task stands still.
    fn migrate(&mut self, from: u32, cursor: Option<&[u8]>, host: &Host) -> Result<Step, Failure>;
}
