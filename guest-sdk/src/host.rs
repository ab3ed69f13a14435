//! What a processor may ask of the host besides stores: time, chance, place, schedules, log, metrics.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::Timestamp;
use crate::backend::Backend;
use crate::description::Access;
use crate::view::{CellView, StoreView, Views};

/// The place in the source topic that the current record comes from.
///
/// ```
/// # use cofferdam_guest::{testing::in_context, Origin};
/// in_context(|ctx| {
///     assert_eq!(ctx.position(), Some(Origin { topic: "test".into(), partition: 0, offset: 0 }));
///     Ok(())
/// })?;
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Topic of the source.
    pub topic: String,
    /// Partition of the topic.
    pub partition: u32,
    /// Offset in the partition.
    pub offset: u64,
}

/// Which clock drives a schedule.
///
/// ```
/// # use cofferdam_guest::{testing::in_context, Clock};
/// # use std::time::Duration;
/// in_context(|ctx| Ok(ctx.schedule("flush", Duration::from_secs(60), Clock::StreamTime)))?;
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The task's stream time: advances only with records.
    StreamTime,
    /// The wall clock; a virtual one under test and replay.
    WallClock,
}

/// How much a log line matters.
///
/// ```
/// # use cofferdam_guest::Level;
/// assert!(Level::Error > Level::Info);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For who follows a single record.
    Trace,
    /// For who looks for a mistake.
    Debug,
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warn,
    /// Something failed.
    Error,
}

/// Why a store was not opened. As `?` in `init` it becomes the message.
///
/// ```
/// # use cofferdam_guest::OpenError;
/// let message: String = OpenError::ReadOnly { role: "airports".into() }.into();
/// assert_eq!(message, "store `airports` is read-only here");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The manifest gives this node no store of that role.
    NotGranted {
        /// The role.
        role: String,
        /// What it gives instead.
        detail: String,
    },
    /// The store is of another kind.
    WrongKind {
        /// The role.
        role: String,
        /// The kind it has.
        kind: &'static str,
    },
    /// The store can only be opened for reading.
    ReadOnly {
        /// The role.
        role: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGranted { role, detail } if detail.is_empty() => write!(out, "store `{role}` is not given to this node"),
            Self::NotGranted { role, detail } => write!(out, "store `{role}` is not given to this node: {detail}"),
            Self::WrongKind { role, kind } => write!(out, "store `{role}` is a {kind} store"),
            Self::ReadOnly { role } => write!(out, "store `{role}` is read-only here"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<OpenError> for String {
    fn from(error: OpenError) -> Self {
        error.to_string()
    }
}

/// What [`Setup`](crate::Setup) and [`Context`](crate::Context) have in common.
///
/// ```
/// use cofferdam_guest::Host;
/// # use cofferdam_guest::testing::in_context;
/// fn coin(host: &Host) -> bool {
///     host.random() % 2 == 0
/// }
/// in_context(|ctx| Ok(drop(coin(ctx))))?;
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct Host {
    pub(crate) backend: Backend,
    pub(crate) views: Rc<Views>,
}

impl Host {
    pub(crate) fn new(backend: Backend, views: Rc<Views>) -> Self {
        Self { backend, views }
    }

    /// Opens a key-value store: one view for each store, whatever the roles under which it is opened.
    pub(crate) fn open_key_value(&self, role: &str, access: Access) -> Result<Rc<StoreView>, OpenError> {
        let handle = self.backend.open_key_value(role, access)?;
        let name = self.backend.store_name(role);
        let Some(view) = self.views.find::<StoreView>(&name) else {
            return Ok(self.views.add(StoreView::new(&name, self.views.running().clone(), handle)));
        };
        if access == Access::ReadWrite {
            view.set_handle(handle);
        }
        Ok(view)
    }

    pub(crate) fn open_cell(&self, name: &str) -> Rc<CellView> {
        let new = || self.views.add(CellView::new(name, self.views.running().clone(), self.backend.clone()));
        self.views.find::<CellView>(name).unwrap_or_else(new)
    }

    /// The wall clock; virtual under test and replay. Stands still during a call.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// let started = ctx.now();
    /// assert_eq!(ctx.now(), started);
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn now(&self) -> Timestamp {
        self.backend.now()
    }

    /// Random bits; seeded under test and replay.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// let sampled = ctx.random() % 100 == 0;
    /// # let _ = sampled;
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn random(&self) -> u64 {
        self.backend.random()
    }

    /// The task that this instance works for, as `<sub-topology>_<partition>`.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// assert_eq!(ctx.task(), "test_0");
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn task(&self) -> String {
        self.backend.task()
    }

    /// The highest timestamp that the task has seen, the current record's included; none before its first record.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// assert_eq!(ctx.stream_time(), Some(0));
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn stream_time(&self) -> Option<Timestamp> {
        // Negative: there is none yet.
        self.views.running().stream_time().map_or_else(|| self.backend.stream_time(), |time| (time >= 0).then_some(time))
    }

    /// Asks for [`punctuate(name, time)`](crate::Processor::punctuate) every `interval` (at least 1 ms) of a clock.
    ///
    /// The first stream-time call comes with the first record, the first wall-clock call one interval from now. A schedule lives until
    /// [`cancel`](Host::cancel) or the end of the task; asking again with the same interval and clock keeps its phase.
    ///
    /// ```
    /// # use cofferdam_guest::{testing::in_context, Clock};
    /// # use std::time::Duration;
    /// # in_context(|ctx| {
    /// ctx.schedule("report", Duration::from_secs(10), Clock::WallClock);
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn schedule(&self, name: &str, interval: Duration, clock: Clock) {
        self.backend.schedule(name, whole_millis(interval), clock, None);
    }

    /// [`schedule`](Host::schedule) with calls at `start` plus whole intervals only, never before now.
    ///
    /// ```
    /// # use cofferdam_guest::{testing::in_context, Clock};
    /// # use std::time::Duration;
    /// # in_context(|ctx| {
    /// ctx.schedule_from("hourly", 0, Duration::from_secs(3_600), Clock::StreamTime);
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn schedule_from(&self, name: &str, start: Timestamp, interval: Duration, clock: Clock) {
        self.backend.schedule(name, whole_millis(interval), clock, Some(start));
    }

    /// Ends a schedule. Without one of that name, nothing happens.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// ctx.cancel("report");
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn cancel(&self, name: &str) {
        self.backend.cancel(name);
    }

    /// Writes one line to the host's log, with node and task. The host may cut long lines and drop lines that come too fast.
    ///
    /// ```
    /// # use cofferdam_guest::{testing::in_context, Level};
    /// # in_context(|ctx| {
    /// ctx.log(Level::Warn, format_args!("{} flights without a destination", 3));
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn log(&self, level: Level, message: impl fmt::Display) {
        self.backend.log(level, &message.to_string());
    }

    /// [`log`](Host::log) at [`Level::Info`].
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// ctx.info("table read");
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn info(&self, message: impl fmt::Display) {
        self.log(Level::Info, message);
    }

    /// [`log`](Host::log) at [`Level::Warn`].
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// ctx.warn(format_args!("no airport {}", "XXX"));
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn warn(&self, message: impl fmt::Display) {
        self.log(Level::Warn, message);
    }

    /// Adds to a counter of this node, metric `cofferdam_guest_<name>_total`.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// ctx.count("dropped", 1);
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn count(&self, name: &str, by: u64) {
        self.backend.count(name, by);
    }

    /// Adds a sample to a histogram of this node, metric `cofferdam_guest_<name>`.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// ctx.observe("delay_minutes", 12.0);
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn observe(&self, name: &str, value: f64) {
        self.backend.observe(name, value);
    }
}

fn whole_millis(interval: Duration) -> u64 {
    u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1)
}
