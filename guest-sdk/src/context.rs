//! The two places from which a processor speaks with the host: `init` and a call.

use std::cell::OnceCell;
use std::ops::Deref;

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::failure::Failure;
use crate::frame::{Cursor, Entry, Frame, FrameWriter};
use crate::headers::Headers;
use crate::host::{Host, OpenError, Origin};
use crate::output::{Current, Draft, Outgoing};
use crate::ports::Ports;
use crate::record::{RawOutput, RawRecord};
use crate::session_store::{SessionReader, SessionStore};
use crate::store::{Cell, KeyValue, KeyValueReader};
use crate::versioned_store::{VersionedReader, VersionedStore};
use crate::view::Moment;
use crate::window_store::{WindowReader, WindowStore};

/// What `init` learns, and where it gets its stores.
///
/// ```
/// use cofferdam_guest::{Cell, KeyValue, Setup, Text};
///
/// fn open(setup: &mut Setup) -> Result<(KeyValue<String, Text<u64>>, Cell<i64>), String> {
///     Ok((setup.key_value("counts")?, setup.cell("last-seen")))
/// }
/// # let mut setup = cofferdam_guest::testing::setup(&["counts"]);
/// # assert!(open(&mut setup).is_ok());
/// ```
#[derive(Debug)]
pub struct Setup {
    /// `app.id` of the manifest.
    pub app: String,
    /// The node's name in the manifest.
    pub node: String,
    /// The roles of the inputs.
    pub inputs: Vec<String>,
    /// The output ports.
    pub ports: Vec<String>,
    pub(crate) host: Host,
}

impl Setup {
    /// Opens a key-value store to read and write it. Declare it in [`describe`](crate::Processor::describe).
    ///
    /// ```
    /// # use cofferdam_guest::{KeyValue, Text};
    /// # let mut setup = cofferdam_guest::testing::setup(&["counts"]);
    /// let counts: KeyValue<String, Text<u64>> = setup.key_value("counts")?;
    /// assert!(setup.key_value::<String, String>("count").is_err());
    /// # Ok::<(), cofferdam_guest::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// The manifest gives this node no such store, or only to read.
    pub fn key_value<K, V>(&mut self, role: &str) -> Result<KeyValue<K, V>, OpenError> {
        KeyValue::open(&self.host, role)
    }

    /// Opens a key-value store to read it: a table's, or one that another node writes.
    ///
    /// ```
    /// # use cofferdam_guest::KeyValueReader;
    /// # let mut setup = cofferdam_guest::testing::setup(&["airports"]);
    /// let airports: KeyValueReader<String, String> = setup.read_key_value("airports")?;
    /// assert_eq!(airports.get("SFO"), Ok(None));
    /// # Ok::<(), cofferdam_guest::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// The manifest gives this node no such store.
    pub fn read_key_value<K, V>(&mut self, role: &str) -> Result<KeyValueReader<K, V>, OpenError> {
        KeyValueReader::open(&self.host, role)
    }

    /// Opens a window store to read and write it. Declare it in [`describe`](crate::Processor::describe).
    ///
    /// ```
    /// # use cofferdam_guest::WindowStore;
    /// # let mut setup = cofferdam_guest::testing::setup_with(&[("delays", cofferdam_guest::StoreKind::Window)]);
    /// let delays: WindowStore<String, u64> = setup.window_store("delays")?;
    /// # Ok::<(), cofferdam_guest::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// The manifest gives this node no such store, or one of another kind, or only to read.
    pub fn window_store<K, V>(&mut self, role: &str) -> Result<WindowStore<K, V>, OpenError> {
        WindowStore::open(&self.host, role)
    }

    /// Opens a window store to read it: one that another node writes.
    ///
    /// ```
    /// # use cofferdam_guest::WindowReader;
    /// # let mut setup = cofferdam_guest::testing::setup_with(&[("delays", cofferdam_guest::StoreKind::Window)]);
    /// let delays: WindowReader<String, u64> = setup.read_window_store("delays")?;
    /// # Ok::<(), cofferdam_guest::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// The manifest gives this node no such store, or one of another kind.
    pub fn read_window_store<K, V>(&mut self, role: &str) -> Result<WindowReader<K, V>, OpenError> {
        WindowReader::open(&self.host, role)
    }

    /// Opens a session store to read and write it. Declare it in [`describe`](crate::Processor::describe).
    ///
    /// ```
    /// # use cofferdam_guest::SessionStore;
    /// # let mut setup = cofferdam_guest::testing::setup_with(&[("visits", cofferdam_guest::StoreKind::Session)]);
    /// let visits: SessionStore<String, u64> = setup.session_store("visits")?;
    /// # Ok::<(), cofferdam_guest::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// The manifest gives this node no such store, or one of another kind, or only to read.
    pub fn session_store<K, V>(&mut self, role: &str) -> Result<SessionStore<K, V>, OpenError> {
        SessionStore::open(&self.host, role)
    }

    /// Opens a session store to read it: one that another node writes.
    ///
    /// ```
    /// # use cofferdam_guest::SessionReader;
    /// # let mut setup = cofferdam_guest::testing::setup_with(&[("visits", cofferdam_guest::StoreKind::Session)]);
    /// let visits: SessionReader<String, u64> = setup.read_session_store("visits")?;
    /// # Ok::<(), cofferdam_guest::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// The manifest gives this node no such store, or one of another kind.
    pub fn read_session_store<K, V>(&mut self, role: &str) -> Result<SessionReader<K, V>, OpenError> {
        SessionReader::open(&self.host, role)
    }

    /// Opens a versioned store to read and write it. Declare it in [`describe`](crate::Processor::describe).
    ///
    /// ```
    /// # use cofferdam_guest::VersionedStore;
    /// # let mut setup = cofferdam_guest::testing::setup_with(&[("rates", cofferdam_guest::StoreKind::Versioned)]);
    /// let rates: VersionedStore<String, u64> = setup.versioned_store("rates")?;
    /// # Ok::<(), cofferdam_guest::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// The manifest gives this node no such store, or one of another kind, or only to read.
    pub fn versioned_store<K, V>(&mut self, role: &str) -> Result<VersionedStore<K, V>, OpenError> {
        VersionedStore::open(&self.host, role)
    }

    /// Opens a versioned store to read it: one that another node writes.
    ///
    /// ```
    /// # use cofferdam_guest::VersionedReader;
    /// # let mut setup = cofferdam_guest::testing::setup_with(&[("rates", cofferdam_guest::StoreKind::Versioned)]);
    /// let rates: VersionedReader<String, u64> = setup.read_versioned_store("rates")?;
    /// # Ok::<(), cofferdam_guest::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// The manifest gives this node no such store, or one of another kind.
    pub fn read_versioned_store<K, V>(&mut self, role: &str) -> Result<VersionedReader<K, V>, OpenError> {
        VersionedReader::open(&self.host, role)
    }

    /// A cell of this node. Cells need no declaration.
    ///
    /// ```
    /// # let mut setup = cofferdam_guest::testing::setup(&[]);
    /// let last_seen = setup.cell::<i64>("last-seen");
    /// assert_eq!(last_seen.get(), Ok(None));
    /// ```
    pub fn cell<T>(&mut self, name: &str) -> Cell<T> {
        Cell::new(&self.host, name)
    }
}

impl Deref for Setup {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

/// One call's view of the host: takes the outputs, knows the record's time and place.
///
/// ```
/// # use cofferdam_guest::testing::in_context;
/// let outputs = in_context(|ctx| {
///     for word in "to be".split(' ') {
///         ctx.forward((word, "1"))?;
///     }
///     Ok(())
/// })?;
/// assert_eq!(outputs.len(), 2);
/// # Ok::<(), cofferdam_guest::Failure>(())
/// ```
#[derive(Debug)]
pub struct Context {
    host: Host,
    node: String,
    inputs: Vec<String>,
    ports: Ports,
    /// The input of the current record.
    input: Option<usize>,
    current: Current,
    outputs: FrameWriter,
    /// The first output to a port that is not declared.
    refused: Option<Failure>,
    /// None outside frames.
    place: Option<Place>,
}

/// Where a frame's current record comes from.
#[derive(Debug, Default)]
struct Place {
    offset: u64,
    /// The host's answer, asked for once in a frame.
    first: OnceCell<Option<Origin>>,
}

impl Context {
    pub(crate) fn new(host: Host, node: String, inputs: Vec<String>, ports: Ports) -> Self {
        Self {
            host,
            node,
            inputs,
            ports,
            input: None,
            current: Current::default(),
            outputs: FrameWriter::default(),
            refused: None,
            place: None,
        }
    }

    /// The node's name in the manifest.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// assert_eq!(ctx.node(), "test");
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Sends a record to every child that is attached to the node itself. It is delivered when the call has returned; children never
    /// run inside it.
    ///
    /// ```
    /// # use cofferdam_guest::{testing::in_context, Record};
    /// # let outputs = in_context(|ctx| {
    /// ctx.forward(("SFO", "12"))?;
    /// ctx.forward(Record::new("SFO", "13", 2_000))?;
    /// # Ok(()) })?;
    /// assert_eq!(outputs[1].record.timestamp, 2_000);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    ///
    /// # Errors
    /// The key or the value has no bytes.
    pub fn forward(&mut self, record: impl Outgoing) -> Result<(), Failure> {
        self.forward_in(0, record)
    }

    /// Sends a record to the children attached to a port, `from = ["node.port"]`. Declare it in
    /// [`describe`](crate::Processor::describe).
    ///
    /// ```
    /// # use cofferdam_guest::testing::in_context;
    /// # let outputs = in_context(|ctx| {
    /// ctx.forward_to("late", ("SFO", "90"))?;
    /// # Ok(()) })?;
    /// assert_eq!(outputs[0].port.as_deref(), Some("late"));
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    ///
    /// # Errors
    /// The key or the value has no bytes.
    pub fn forward_to(&mut self, port: &str, record: impl Outgoing) -> Result<(), Failure> {
        if let Some(slot) = self.ports.slot(port) {
            return self.forward_in(slot, record);
        }
        // The call goes on and fails at its end.
        if self.refused.is_none() {
            self.refused = Some(self.ports.refuse(port));
        }
        Ok(())
    }

    #[inline]
    fn forward_in(&mut self, slot: u32, record: impl Outgoing) -> Result<(), Failure> {
        let mut draft = Draft::begin(&mut self.outputs, &self.current, slot);
        match record.write(&mut draft) {
            Ok(()) => {
                draft.end();
                Ok(())
            }
            Err(error) => {
                draft.discard();
                Err(error.into())
            }
        }
    }

    /// Hands what was forwarded so far over to the host, for a call that forwards very many records: they need not fit into the
    /// processor's memory. Order and meaning stay the same.
    ///
    /// ```
    /// # use cofferdam_guest::testing::in_context;
    /// # let outputs = in_context(|ctx| {
    /// for number in 0..10_000u64 {
    ///     ctx.forward((number, ()))?;
    ///     if number % 1_000 == 999 {
    ///         ctx.flush();
    ///     }
    /// }
    /// # Ok(()) })?;
    /// assert_eq!(outputs.len(), 10_000);
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn flush(&mut self) {
        if self.outputs.is_empty() {
            return;
        }
        if self.place.is_some() {
            self.host.backend.forward_frame(&self.outputs.take());
        } else {
            let outputs = self.take_outputs();
            self.host.backend.forward(outputs);
        }
    }

    /// The place that the current record comes from; none in `punctuate`.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// assert_eq!(ctx.position().map(|origin| origin.offset), Some(0));
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn position(&self) -> Option<Origin> {
        let Some(place) = &self.place else { return self.host.backend.position() };
        let first = place.first.get_or_init(|| self.host.backend.position()).as_ref()?;
        Some(Origin { offset: place.offset, ..first.clone() })
    }

    /// Time of the current record; in `punctuate` that of the call.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// assert_eq!(ctx.timestamp(), 0);
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn timestamp(&self) -> Timestamp {
        self.current.timestamp
    }

    /// The role of the input that the current record came by; none in `punctuate`.
    ///
    /// ```
    /// # cofferdam_guest::testing::in_context(|ctx| {
    /// assert_eq!(ctx.role(), Some("in"));
    /// # Ok(()) })?;
    /// # Ok::<(), cofferdam_guest::Failure>(())
    /// ```
    pub fn role(&self) -> Option<&str> {
        self.inputs.get(self.input?).map(String::as_str)
    }

    /// Begins a record that comes alone.
    pub(crate) fn begin_record(&mut self, input: u32, record: &RawRecord) {
        self.outputs.reset(1, 0);
        self.refused = None;
        self.set_record(0, input, record.timestamp, &record.headers);
    }

    #[inline]
    fn set_record(&mut self, index: usize, input: u32, timestamp: Timestamp, headers: &Headers) {
        self.input = Some(input as usize);
        self.current = Current { timestamp, headers: headers.clone(), index: index as u64 };
    }

    pub(crate) fn begin_punctuation(&mut self, time: Timestamp) {
        self.outputs.reset(1, 0);
        self.refused = None;
        self.input = None;
        self.current = Current { timestamp: time, ..Current::default() };
    }

    /// Begins a frame: as many outputs as records are expected, and as large ones.
    pub(crate) fn begin_frame(&mut self, frame: &Frame) {
        self.outputs.reset(frame.count(), frame.size());
        self.refused = None;
        self.place = Some(Place::default());
        self.host.views.begin_frame(frame);
    }

    /// Begins the record of a frame that is at the cursor.
    #[inline]
    pub(crate) fn begin_entry(&mut self, cursor: Cursor, entry: &Entry, headers: &Headers) {
        self.set_record(cursor.index, entry.slot, entry.timestamp, headers);
        self.host.stream_time = Some(entry.stream_time);
        if let Some(place) = &mut self.place {
            place.offset = entry.origin;
        }
        self.host.views.begin_record(Moment { timestamp: entry.timestamp, cursor });
    }

    /// Ends a frame: what was written goes to the host. Gives the outputs.
    pub(crate) fn end_frame(&mut self) -> Vec<u8> {
        self.host.views.end_frame();
        self.leave_frame();
        self.outputs.take()
    }

    /// Ends a frame that failed.
    pub(crate) fn abandon_frame(&mut self) {
        self.host.views.abandon_frame();
        self.leave_frame();
        self.outputs.reset(0, 0);
    }

    fn leave_frame(&mut self) {
        self.place = None;
        self.host.stream_time = None;
    }

    /// Ends a record or a punctuation.
    ///
    /// # Errors
    /// It has sent something to a port that is not declared.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        self.refused.take().map_or(Ok(()), Err)
    }

    /// The outputs of a call without a frame.
    pub(crate) fn take_outputs(&mut self) -> Vec<RawOutput> {
        match Frame::read(Bytes::from(self.outputs.take())) {
            Ok(frame) => frame.outputs(self.ports.names()),
            Err(broken) => panic!("the outputs are no frame: {broken}; does an `encode` take bytes away?"),
        }
    }
}

impl Deref for Context {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}
