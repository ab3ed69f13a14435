//! The trait that a processor implements.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Timestamp;
use crate::context::{Context, Setup};
use crate::description::Description;
use crate::failure::Failure;
use crate::host::Host;
use crate::input::Inputs;

/// A processor: one node of a topology, in one task.
///
/// ```
/// use cofferdam_guest::{Context, Failure, Json, Processor, Record, Setup};
/// use cofferdam_guest::testing::TestContext;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Config {
///     minutes: i64,
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct Flight {
///     delay: i64,
/// }
///
/// /// Passes on what is later than configured.
/// struct Alerts(Config);
///
/// impl Processor for Alerts {
///     type Config = Config;
///     type Input = Record<Option<String>, Json<Flight>>;
///
///     fn init(config: Config, _: &mut Setup) -> Result<Self, String> {
///         Ok(Self(config))
///     }
///
///     fn process(&mut self, flight: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
///         if flight.value.delay > self.0.minutes {
///             ctx.forward(flight)?;
///         }
///         Ok(())
///     }
/// }
///
/// let mut test = TestContext::<Alerts>::with_config(serde_json::json!({"minutes": 60}))?;
/// test.process(("SFO", r#"{"delay": 61}"#))?;
/// test.process(("SFO", r#"{"delay": 60}"#))?;
/// assert_eq!(test.raw_outputs().len(), 1);
/// let failure = test.process(("SFO", "{}")).unwrap_err();
/// assert_eq!(failure.reason(), "value: missing field `delay` at line 1 column 2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Processor: Sized + 'static {
    /// The configuration: `config` of the manifest, read by serde. [`NoConfig`] where there is none.
    type Config: DeserializeOwned;

    /// What it takes.
    type Input: Inputs;

    /// What it is. To be overridden by whoever has stores or ports.
    fn describe() -> Description {
        Description::new("")
    }

    /// What it is with this configuration: for processors whose ports and stores depend on it.
    ///
    /// ```
    /// # use cofferdam_guest::testing::TestContext;
    /// # use cofferdam_guest::{Context, Description, Failure, Processor, RawRecord, Setup};
    /// #[derive(serde::Deserialize)]
    /// struct Config {
    ///     ports: Vec<String>,
    /// }
    ///
    /// struct Copies(Vec<String>);
    ///
    /// impl Processor for Copies {
    ///     type Config = Config;
    ///     type Input = RawRecord;
    ///
    ///     fn describe_with(config: &Config) -> Result<Description, String> {
    ///         Ok(config.ports.iter().fold(Description::new("Copies to ports."), |told, port| told.port(port, "a copy")))
    ///     }
    ///
    ///     fn init(config: Config, _: &mut Setup) -> Result<Self, String> {
    ///         Ok(Self(config.ports))
    ///     }
    ///
    ///     fn process(&mut self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
    ///         self.0.iter().try_for_each(|port| ctx.forward_to(port, record.clone()))
    ///     }
    /// }
    ///
    /// let mut test = TestContext::<Copies>::with_config(serde_json::json!({"ports": ["left", "right"]}))?;
    /// test.process(("SFO", "12"))?;
    /// assert_eq!(test.outputs_of::<String, String>("right")?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Says what is wrong with the configuration.
    fn describe_with(_: &Self::Config) -> Result<Description, String> {
        Ok(Self::describe())
    }

    /// Makes the processor, before its first record. Stores, cells and schedules are asked for here.
    ///
    /// # Errors
    /// Says what is wrong with the configuration; the task stops.
    fn init(config: Self::Config, setup: &mut Setup) -> Result<Self, String>;

    /// Processes one record.
    ///
    /// # Errors
    /// See [`Failure`]: all that the source record has caused is undone.
    fn process(&mut self, input: Self::Input, ctx: &mut Context) -> Result<(), Failure>;

    /// A schedule is due ([`Host::schedule`]). `time` is that of its clock, and what outputs inherit.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use cofferdam_guest::testing::TestContext;
    /// use cofferdam_guest::{Clock, Context, Failure, NoConfig, Processor, RawRecord, Record, Setup, Text, Timestamp};
    ///
    /// /// Says each minute how many records have come.
    /// struct Count(u64);
    ///
    /// impl Processor for Count {
    ///     type Config = NoConfig;
    ///     type Input = RawRecord;
    ///
    ///     fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
    ///         setup.schedule("report", Duration::from_secs(60), Clock::WallClock);
    ///         Ok(Self(0))
    ///     }
    ///
    ///     fn process(&mut self, _: RawRecord, _: &mut Context) -> Result<(), Failure> {
    ///         self.0 += 1;
    ///         Ok(())
    ///     }
    ///
    ///     fn punctuate(&mut self, schedule: &str, _: Timestamp, ctx: &mut Context) -> Result<(), Failure> {
    ///         ctx.forward((schedule, Text(self.0)))
    ///     }
    /// }
    ///
    /// let mut test = TestContext::<Count>::new()?;
    /// test.process(("SFO", "12"))?;
    /// test.advance_wall_clock(Duration::from_secs(60))?;
    /// assert_eq!(test.outputs::<String, Text<u64>>()?, [Record::new("report".into(), Text(1), 60_000)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`process`](Processor::process); only there is no record that could be bad.
    fn punctuate(&mut self, _schedule: &str, _time: Timestamp, _ctx: &mut Context) -> Result<(), Failure> {
        Ok(())
    }

    /// The instance will not be called again. Stores can no longer be written. Not called after a panic.
    ///
    /// ```
    /// # use cofferdam_guest::testing::TestContext;
    /// # use cofferdam_guest::{Context, Failure, Host, NoConfig, Processor, RawRecord, Setup};
    /// # struct Tidy;
    /// impl Processor for Tidy {
    /// #   type Config = NoConfig;
    /// #   type Input = RawRecord;
    /// #   fn init(_: NoConfig, _: &mut Setup) -> Result<Self, String> { Ok(Self) }
    /// #   fn process(&mut self, _: RawRecord, _: &mut Context) -> Result<(), Failure> { Ok(()) }
    ///     fn close(&mut self, host: &Host) {
    ///         host.info("closed");
    ///     }
    /// }
    ///
    /// TestContext::<Tidy>::new()?.close();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn close(&mut self, _host: &Host) {}
}

/// The configuration of a processor that has none: anything in it is an error.
///
/// ```
/// # use cofferdam_guest::NoConfig;
/// assert!(serde_json::from_str::<NoConfig>("{}").is_ok());
/// assert!(serde_json::from_str::<NoConfig>(r#"{"minutes": 60}"#).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}
