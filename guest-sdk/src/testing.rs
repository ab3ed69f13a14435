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

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::Timestamp;
use crate::backend::{Backend, State, World};
use crate::codec::Decode;
use crate::context::{Context, Ports, Setup};
use crate::description::{Access, StoreKind};
use crate::failure::Failure;
use crate::frame::{Frame, FrameWriter};
use crate::host::{Clock, Host, Level, OpenError, Origin};
use crate::input::Roles;
use crate::migrate::{Migrate, Step};
use crate::output::{Current, Draft, Outgoing};
use crate::processor::Processor;
use crate::record::{RawOutput, RawRecord, Record};
use crate::runner::{Place, Runner, describe};
use crate::session_store::SessionStore;
use crate::store::{Cell, KeyValue};
use crate::versioned_store::VersionedStore;
use crate::view::Views;
use crate::window_store::WindowStore;

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
        let mut draft = Draft::begin(&mut self.frame, &current, input as u32);
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
        self.call(records, |runner, frame, ports| Ok(read(runner.process_frame(frame)?.into()).outputs(ports)))
    }

    /// [`process`](TestContext::process) for a host that knows no frames.
    #[cfg(test)]
    fn process_typed(&mut self, record: impl Outgoing) -> Result<(), Failure> {
        let mut records = self.records();
        records.push(0, self.offset, record)?;
        self.call(records, |runner, frame, _| {
            let frame = read(frame);
            let (entry, record) = frame.next(&mut frame.first()).unwrap();
            runner.process(entry.slot, record)
        })
    }

    fn call(&mut self, Records { mut frame, stream_time }: Records, call: Call<P>) -> Result<(), Failure> {
        let frame = Bytes::from(frame.take());
        let records = read(frame.clone());
        let Some((first, _)) = records.next(&mut records.first()) else { return Ok(()) };
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

    /// Takes what has come out of the default port since the last call.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # use cofferdam_guest::Record;
    /// # let mut test = TestContext::<Pass>::new()?;
    /// test.process(Record::new("SFO", "12", 5))?;
    /// assert_eq!(test.outputs::<String, String>()?, [Record::new("SFO".into(), "12".into(), 5)]);
    /// assert!(test.outputs::<String, String>()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Keys or values are not of these types.
    pub fn outputs<K: Decode, V: Decode>(&mut self) -> Result<Vec<Record<K, V>>, Failure> {
        self.take_typed(None)
    }

    /// Takes what has come out of a port since the last call.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # let mut test = TestContext::<Pass>::new()?;
    /// assert!(test.outputs_of::<String, String>("late")?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Keys or values are not of these types.
    pub fn outputs_of<K: Decode, V: Decode>(&mut self, port: &str) -> Result<Vec<Record<K, V>>, Failure> {
        self.take_typed(Some(port))
    }

    fn take_typed<K: Decode, V: Decode>(&mut self, port: Option<&str>) -> Result<Vec<Record<K, V>>, Failure> {
        let (taken, left) = std::mem::take(&mut self.outputs).into_iter().partition(|output| output.port.as_deref() == port);
        self.outputs = left;
        let taken: Vec<RawOutput> = taken;
        taken.into_iter().map(|output| Ok(output.record.decode()?)).collect()
    }

    /// Takes everything that has come out since the last call, of all ports, in order.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # let mut test = TestContext::<Pass>::new()?;
    /// test.process(("SFO", "12"))?;
    /// assert_eq!(test.raw_outputs()[0].record.value.as_deref(), Some(&b"12"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn raw_outputs(&mut self) -> Vec<RawOutput> {
        std::mem::take(&mut self.outputs)
    }

    /// A store of the processor, to fill it before or look into it after; also those that the processor only reads.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # let mut test = TestContext::<Pass>::new()?;
    /// assert_eq!(test.store::<String, u64>("counts").get("SFO")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn store<K, V>(&mut self, role: &str) -> KeyValue<K, V> {
        open_store(&self.backend, role)
    }

    /// A window store of the processor, to fill it before or look into it after.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # let mut test = TestContext::<Pass>::new()?;
    /// let delays = test.window_store::<String, u64>("delays");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn window_store<K, V>(&mut self, role: &str) -> WindowStore<K, V> {
        opened(&self.backend, role, StoreKind::Window, WindowStore::open)
    }

    /// A session store of the processor, to fill it before or look into it after.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # let mut test = TestContext::<Pass>::new()?;
    /// let visits = test.session_store::<String, u64>("visits");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn session_store<K, V>(&mut self, role: &str) -> SessionStore<K, V> {
        opened(&self.backend, role, StoreKind::Session, SessionStore::open)
    }

    /// A versioned store of the processor, to fill it before or look into it after.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # let mut test = TestContext::<Pass>::new()?;
    /// let rates = test.versioned_store::<String, u64>("rates");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn versioned_store<K, V>(&mut self, role: &str) -> VersionedStore<K, V> {
        opened(&self.backend, role, StoreKind::Versioned, VersionedStore::open)
    }

    /// A cell of the processor.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # let mut test = TestContext::<Pass>::new()?;
    /// assert_eq!(test.cell::<i64>("latest").get()?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cell<T>(&mut self, name: &str) -> Cell<T> {
        Cell::new(&host(&self.backend), name)
    }

    /// Clock, chance and schedules, as the processor sees them.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// assert_eq!(TestContext::<Pass>::new()?.host().now(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn host(&self) -> Host {
        host(&self.backend)
    }

    /// What was logged so far.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// # use cofferdam_guest::Level;
    /// let test = TestContext::<Pass>::new()?;
    /// test.host().info("ready");
    /// assert_eq!(test.logs(), [(Level::Info, "ready".to_owned())]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.backend.0.borrow().logs.clone()
    }

    /// What a counter stands at.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// let test = TestContext::<Pass>::new()?;
    /// test.host().count("dropped", 2);
    /// assert_eq!(test.counter("dropped"), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn counter(&self, name: &str) -> u64 {
        self.backend.0.borrow().counters.get(name).copied().unwrap_or(0)
    }

    /// The samples of a histogram.
    ///
    /// ```
    /// # use cofferdam_guest::testing::{Pass, TestContext};
    /// let test = TestContext::<Pass>::new()?;
    /// test.host().observe("delay", 1.5);
    /// assert_eq!(test.samples("delay"), [1.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn samples(&self, name: &str) -> Vec<f64> {
        self.backend.0.borrow().samples.get(name).cloned().unwrap_or_default()
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
    match Frame::read(frame) {
        Ok(frame) => frame,
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

fn world_with(roles: &[(&str, StoreKind)]) -> Backend {
    let granted = roles.iter().map(|(role, kind)| ((*role).to_owned(), (*kind, Access::ReadWrite))).collect();
    Backend::new(World::new(granted, Vec::new()))
}

fn open_store<K, V>(backend: &Backend, role: &str) -> KeyValue<K, V> {
    opened(backend, role, StoreKind::KeyValue, KeyValue::open)
}

/// A store of this role, whatever the processor may do there.
fn opened<S>(backend: &Backend, role: &str, kind: StoreKind, open: fn(&Host, &str) -> Result<S, OpenError>) -> S {
    {
        let mut world = backend.0.borrow_mut();
        if let Some(shape) = world.shapes.get(role).filter(|shape| shape.kind() != kind) {
            panic!("store `{role}` is a {} store in this test", shape.kind().name());
        }
        world.granted.insert(role.to_owned(), (kind, Access::ReadWrite));
    }
    match open(&host(backend), role) {
        Ok(store) => store,
        Err(error) => panic!("{error}"),
    }
}

/// Runs a piece of code as if it stood in `process`, for a record with neither key nor value at time 0, and gives what it forwarded.
///
/// ```
/// # use cofferdam_guest::testing::in_context;
/// let outputs = in_context(|ctx| ctx.forward(("SFO", "12")))?;
/// assert_eq!(outputs.len(), 1);
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
///
/// # Errors
/// The code's.
pub fn in_context(work: impl FnOnce(&mut Context) -> Result<(), Failure>) -> Result<Vec<RawOutput>, Failure> {
    let backend = world_with(&[]);
    {
        let mut world = backend.0.borrow_mut();
        world.stream_time = Some(0);
        world.position = Some(Origin { topic: "test".into(), partition: 0, offset: 0 });
    }
    let mut context = Context::new(host(&backend), "test".to_owned(), vec!["in".to_owned()], Ports::Any(Vec::new()));
    context.begin_record(0, &RawRecord::default());
    work(&mut context)?;
    let mut outputs = std::mem::take(&mut backend.0.borrow_mut().forwarded);
    outputs.append(&mut context.take_outputs());
    Ok(outputs)
}

/// A setup that gives key-value stores of these roles, to read and write.
///
/// ```
/// let mut setup = cofferdam_guest::testing::setup(&["counts"]);
/// assert!(setup.key_value::<String, u64>("counts").is_ok());
/// ```
pub fn setup(roles: &[&str]) -> Setup {
    setup_with(&roles.iter().map(|role| (*role, StoreKind::KeyValue)).collect::<Vec<_>>())
}

/// A setup that gives stores of these roles and kinds, to read and write.
///
/// ```
/// use cofferdam_guest::StoreKind;
/// let mut setup = cofferdam_guest::testing::setup_with(&[("counts", StoreKind::Window)]);
/// assert!(setup.window_store::<String, u64>("counts").is_ok());
/// assert_eq!(setup.key_value::<String, u64>("counts").unwrap_err().to_string(), "store `counts` is a window store");
/// ```
pub fn setup_with(roles: &[(&str, StoreKind)]) -> Setup {
    let host = host(&world_with(roles));
    Setup { app: "test".into(), node: "test".into(), inputs: vec!["in".into()], ports: Vec::new(), host }
}

/// A key-value store of its own, for tests of code that is handed one.
///
/// ```
/// let store = cofferdam_guest::testing::key_value::<String, u64>();
/// store.put("SFO", &7)?;
/// assert_eq!(store.get("SFO")?, Some(7));
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
pub fn key_value<K, V>() -> KeyValue<K, V> {
    open_store(&world_with(&[]), "test")
}

/// A window store of its own, for tests of code that is handed one. Nothing expires there.
///
/// ```
/// let store = cofferdam_guest::testing::window_store::<String, u64>();
/// store.put("SFO", 1_000, &7)?;
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
pub fn window_store<K, V>() -> WindowStore<K, V> {
    opened(&world_with(&[]), "test", StoreKind::Window, WindowStore::open)
}

/// A session store of its own, for tests of code that is handed one. Nothing expires there.
///
/// ```
/// let store = cofferdam_guest::testing::session_store::<String, u64>();
/// store.put("SFO", 10, 20, &7)?;
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
pub fn session_store<K, V>() -> SessionStore<K, V> {
    opened(&world_with(&[]), "test", StoreKind::Session, SessionStore::open)
}

/// A versioned store of its own, for tests of code that is handed one. Nothing expires there.
///
/// ```
/// let store = cofferdam_guest::testing::versioned_store::<String, u64>();
/// store.put("SFO", &7, 1_000)?;
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
pub fn versioned_store<K, V>() -> VersionedStore<K, V> {
    opened(&world_with(&[]), "test", StoreKind::Versioned, VersionedStore::open)
}

mod shape;

pub use shape::StoreShape;

#[cfg(test)]
mod frames;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use frames::Dice;
