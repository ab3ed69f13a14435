//! Unit tests of processors without WebAssembly: a context that feeds records and keeps what comes out, with stores in memory, a
//! virtual clock and seeded chance.
//!
//! It holds one processor, not a topology (`cofferdam test` does that). It refuses a port that is not declared, as the host does, and
//! enforces none of the host's limits. Each record comes as a frame of one, packed as the host packs it.
//!
//! ```
//! use cofferdam_guest::testing::TestContext;
//! use cofferdam_guest::{Context, Failure, NoConfig, Processor, Record, Setup};
//!
//! struct Upper;
//!
//! impl Processor for Upper {
//!     type Config = NoConfig;
//!     type Input = Record<Option<String>, String>;
//!
//!     fn init(_: NoConfig, _: &mut Setup) -> Result<Self, String> {
//!         Ok(Self)
//!     }
//!
//!     fn process(&mut self, record: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
//!         let upper = record.value.to_uppercase();
//!         ctx.forward(record.with_value(upper))
//!     }
//! }
//!
//! let mut test = TestContext::<Upper>::new()?;
//! test.process(Record::new("a", "hello", 1_000))?;
//! assert_eq!(test.outputs::<String, String>()?, [Record::new("a".into(), "HELLO".into(), 1_000)]);
//! assert_eq!(test.process(("a", ())).unwrap_err().to_string(), "bad record: value is null");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod alone;
#[cfg(test)]
mod frames;
mod looking;
mod shape;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::time::Duration;

use crate::bytes::Bytes;
use serde::Serialize;

use crate::Timestamp;
use crate::backend::{Backend, State, World};
use crate::context::{Context, Setup};
use crate::failure::Failure;
use crate::frame::{Frame, FrameWriter};
use crate::host::{Clock, Host, Origin};
use crate::input::Roles;
use crate::migrate::{Migrate, Step};
use crate::output::{Current, Draft, Outgoing};
use crate::processor::Processor;
use crate::record::{RawOutput, RawRecord};
use crate::runner::{Place, Runner, describe};
use crate::view::Views;

#[cfg(test)]
pub(crate) use frames::Dice;

pub use alone::{in_context, key_value, session_store, setup, setup_with, versioned_store, window_store};
pub use shape::StoreShape;

/// Drives one processor. See the [module](self).
///
/// ```
/// # use cofferdam_guest::testing::{Pass, TestContext};
/// let mut test = TestContext::<Pass>::new()?;
/// test.process(("key", "value"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TestContext<P> {
    runner: Runner<P>,
    backend: Backend,
    roles: Vec<String>,
    ports: Vec<String>,
    outputs: Vec<RawOutput>,
    /// That of the next record.
    offset: u64,
}

/// Calls the processor with a frame of records, in one way or another; the ports are there to name the outputs.
type Call<P> = fn(&mut Runner<P>, Bytes, &[String]) -> Result<Vec<RawOutput>, Failure>;

/// A frame of records that is to be processed.
#[derive(Default)]
struct Records {
    frame: FrameWriter,
    /// Stream time as of the last record.
    stream_time: Option<Timestamp>,
}

impl Records {
    /// Adds a record of an input; one that does not say its time gets the stream time so far, or 0.
    fn push(&mut self, input: usize, offset: u64, record: impl Outgoing) -> Result<(), Failure> {
        let current = Current { timestamp: self.stream_time.unwrap_or(0), ..Current::default() };
        let mut draft = Draft::begin(&mut self.frame, current, input as u32);
        record.write(&mut draft)?;
        let entry = draft.entry();
        let stream_time = self.stream_time.map_or(entry.timestamp, |time| time.max(entry.timestamp));
        (entry.origin, entry.stream_time) = (offset, stream_time);
        self.stream_time = Some(stream_time);
        draft.end();
        Ok(())
    }
}

impl<P: Processor> TestContext<P> {
    /// A processor with the configuration `{}`.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// assert!(TestContext::<Pass>::new().is_ok());
    /// ```
    ///
    /// # Errors
    /// What `init` says.
    pub fn new() -> Result<Self, String> {
        Self::with_config(serde_json::json!({}))
    }

    /// A processor with a configuration: anything that serde can write as JSON.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// let error = TestContext::<Pass>::with_config(serde_json::json!({"minutes": 60})).err();
    /// assert_eq!(error.as_deref(), Some("config: unknown field `minutes`, there are no fields at line 1 column 10"));
    /// ```
    ///
    /// # Errors
    /// What serde says of the configuration, or `init`.
    pub fn with_config(config: impl Serialize) -> Result<Self, String> {
        Self::with_stores(config, [])
    }

    /// A processor with a configuration and stores of these roles that keep what is said here.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, StoreShape, TestContext};
    /// # use std::time::Duration;
    /// let short = StoreShape::session(Duration::from_secs(60));
    /// assert!(TestContext::<Pass>::with_stores(serde_json::json!({}), [("visits", short)]).is_ok());
    /// ```
    ///
    /// # Errors
    /// What serde says of the configuration, or `init`.
    pub fn with_stores<'r>(config: impl Serialize, stores: impl IntoIterator<Item = (&'r str, StoreShape)>) -> Result<Self, String> {
        let config = serde_json::to_string(&config).map_err(|error| error.to_string())?;
        let (description, roles) = describe::<P>(Some(&config))?;
        let roles = match roles {
            Roles::Any(_) => vec!["in".to_owned()],
            Roles::Exactly(roles) => roles.iter().map(|role| role.name.to_owned()).collect(),
        };
        let granted = description.stores.into_iter().map(|store| (store.role, (store.kind, store.access))).collect();
        let ports: Vec<String> = description.ports.into_iter().map(|port| port.name).filter(|name| !name.is_empty()).collect();
        let mut world = World::new(granted, ports.clone());
        world.shapes = stores.into_iter().map(|(role, shape)| (role.to_owned(), shape)).collect();
        let backend = Backend::new(world);
        let place = Place { app: "test".into(), node: "test".into(), inputs: roles.clone(), ports: ports.clone() };
        let runner = Runner::init(place, &config, backend.clone())?;
        Ok(Self { runner, backend, roles, ports, outputs: Vec::new(), offset: 0 })
    }

    /// Processes a record of the first input; then fires the stream-time schedules that are due. A pair gets the stream time so far as
    /// its timestamp, or 0.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # let mut test = TestContext::<Pass>::new()?;
    /// test.process(("SFO", r#"{"delay": 9}"#))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The processor's; what the record had written and forwarded is undone.
    pub fn process(&mut self, record: impl Outgoing) -> Result<(), Failure> {
        self.process_index(0, record)
    }

    /// Processes a record of the input with this role.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # let mut test = TestContext::<Pass>::new()?;
    /// test.process_input("in", ("SFO", "12"))?;
    /// assert!(test.process_input("out", ("SFO", "12")).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The processor's; there is no such role.
    pub fn process_input(&mut self, role: &str, record: impl Outgoing) -> Result<(), Failure> {
        let index = self.roles.iter().position(|known| known == role);
        let index = index.ok_or_else(|| Failure::fatal(format!("there is no input `{role}`, but {}", self.roles.join(", "))))?;
        self.process_index(index, record)
    }

    /// Processes records of the first input in one call, as the host does when many have come; schedules that are due fire after the
    /// last one. When one fails, all are undone, and a host would come again with each alone.
    #[doc(hidden)]
    pub fn process_frame<R: Outgoing>(&mut self, records: impl IntoIterator<Item = R>) -> Result<(), Failure> {
        let mut frame = self.records();
        records.into_iter().enumerate().try_for_each(|(index, record)| frame.push(0, self.offset + index as u64, record))?;
        self.run(frame)
    }

    fn records(&self) -> Records {
        Records { stream_time: self.backend.stream_time(), ..Records::default() }
    }

    fn process_index(&mut self, input: usize, record: impl Outgoing) -> Result<(), Failure> {
        let mut frame = self.records();
        frame.push(input, self.offset, record)?;
        self.run(frame)
    }

    fn run(&mut self, records: Records) -> Result<(), Failure> {
        self.call(records, |runner, frame, ports| Ok(whole(read(runner.process_frame(frame)?.into()).outputs(ports))))
    }

    /// [`process`](TestContext::process) for a host that knows no frames.
    #[cfg(test)]
    fn process_typed(&mut self, record: impl Outgoing) -> Result<(), Failure> {
        let mut records = self.records();
        records.push(0, self.offset, record)?;
        self.call(records, |runner, frame, _| {
            let frame = read(frame);
            let (_, record) = frame.records().next().unwrap();
            runner.process(record.entry().slot, record.into_raw())
        })
    }

    fn call(&mut self, Records { mut frame, stream_time }: Records, call: Call<P>) -> Result<(), Failure> {
        let frame = Bytes::from(frame.take());
        let records = read(frame.clone());
        let Some(first) = records.records().next().map(|(_, record)| record.entry()) else { return Ok(()) };
        let before = self.begin(first.timestamp);
        self.set_position(Some(self.offset), Some(first.stream_time));
        self.offset += records.count() as u64;
        let returned = call(&mut self.runner, frame, &self.ports);
        self.set_position(None, stream_time);
        self.end(before, returned)?;
        self.fire(Clock::StreamTime, stream_time.unwrap_or(0))
    }

    fn set_position(&mut self, offset: Option<u64>, stream_time: Option<Timestamp>) {
        let mut world = self.backend.0.borrow_mut();
        world.position = offset.map(|offset| Origin { topic: "test".into(), partition: 0, offset });
        world.stream_time = stream_time;
    }

    fn begin(&mut self, row_time: Timestamp) -> State {
        let mut world = self.backend.0.borrow_mut();
        world.row_time = row_time;
        world.state.clone()
    }

    fn end(&mut self, before: State, returned: Result<Vec<RawOutput>, Failure>) -> Result<(), Failure> {
        let mut world = self.backend.0.borrow_mut();
        let forwarded = std::mem::take(&mut world.forwarded);
        match returned {
            Ok(returned) => {
                self.outputs.extend(forwarded.into_iter().chain(returned));
                Ok(())
            }
            Err(failure) => {
                world.state = before;
                Err(failure)
            }
        }
    }

    fn fire(&mut self, clock: Clock, now: Timestamp) -> Result<(), Failure> {
        let due: Vec<String> = {
            let mut world = self.backend.0.borrow_mut();
            let due = world.state.schedules.iter_mut().filter(|(_, schedule)| schedule.clock == clock && schedule.due <= now);
            due.map(|(name, schedule)| {
                schedule.due += ((now - schedule.due) / schedule.interval + 1) * schedule.interval;
                name.clone()
            })
            .collect()
        };
        for name in due {
            if self.backend.0.borrow().state.schedules.contains_key(&name) {
                let before = self.begin(now);
                let returned = self.runner.punctuate(&name, now);
                self.end(before, returned)?;
            }
        }
        Ok(())
    }

    /// Moves the wall clock, which stands at 0 at first, and fires the schedules that are due: each once, however far it moved.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # use std::time::Duration;
    /// # let mut test = TestContext::<Pass>::new()?;
    /// test.advance_wall_clock(Duration::from_secs(60))?;
    /// assert_eq!(test.host().now(), 60_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// That of `punctuate`.
    pub fn advance_wall_clock(&mut self, by: Duration) -> Result<(), Failure> {
        let now = {
            let mut world = self.backend.0.borrow_mut();
            world.now = world.now.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
            world.now
        };
        self.fire(Clock::WallClock, now)
    }

    /// Sets the seed of chance; 0 unless said.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # let mut test = TestContext::<Pass>::new()?;
    /// test.seed(7);
    /// let first = test.host().random();
    /// test.seed(7);
    /// assert_eq!(test.host().random(), first);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seed(&mut self, seed: u64) {
        self.backend.0.borrow_mut().random_state = seed;
    }

    /// Takes over state that a version `from` of the processor has left (see [`Migrate`]); the number of steps.
    ///
    /// # Errors
    /// The processor's; a cursor that stays where it was.
    pub fn migrate(&mut self, from: u32) -> Result<usize, Failure>
    where
        P: Migrate,
    {
        let (mut steps, mut cursor) = (0, None);
        loop {
            steps += 1;
            match self.runner.migrate(from, cursor.as_deref())? {
                Step::Done => return Ok(steps),
                Step::More(next) if cursor.as_ref() == Some(&next) => {
                    return Err(Failure::fatal("the same cursor twice: it would never end"));
                }
                Step::More(next) => cursor = Some(next),
            }
        }
    }

    /// Closes the processor.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// TestContext::<Pass>::new()?.close();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(mut self) {
        self.runner.close();
    }
}

fn read(frame: Bytes) -> Frame {
    whole(Frame::read(frame))
}

fn whole<T>(read: Result<T, &'static str>) -> T {
    match read {
        Ok(whole) => whole,
        Err(broken) => panic!("a frame is broken: {broken}"),
    }
}

fn host(backend: &Backend) -> Host {
    Host::new(backend.clone(), Rc::new(Views::default()))
}

/// A processor that passes everything on: for examples and tests of what stands around one.
///
/// ```
/// # use cofferdam_guest::testing::{Pass, TestContext};
/// let mut test = TestContext::<Pass>::new()?;
/// test.process(("key", "value"))?;
/// assert_eq!(test.raw_outputs().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pass;

impl Processor for Pass {
    type Config = crate::NoConfig;
    type Input = RawRecord;

    fn init(_: crate::NoConfig, _: &mut Setup) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
        ctx.forward(record)
    }
}
