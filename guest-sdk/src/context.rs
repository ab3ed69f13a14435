//! The two places from which a processor speaks with the host: `init` and a call.

use std::cell::OnceCell;
use std::ops::Deref;
use std::rc::Rc;

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::failure::Failure;
use crate::frame::{Cursor, Entry, Frame, FrameWriter};
use crate::host::{Host, OpenError, Origin};
use crate::output::{Current, Draft, Outgoing};
use crate::ports::Ports;
use crate::record::RawOutput;
use crate::session_store::{SessionReader, SessionStore};
use crate::store::{Cell, KeyValue, KeyValueReader};
use crate::versioned_store::{VersionedReader, VersionedStore};
use crate::view::{Moment, Running};
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
    running: Rc<Running>,
    /// What is being processed; empty in `punctuate`.
    frame: Frame,
    outputs: FrameWriter,
    /// The first output to a port that is not declared.
    refused: Option<Failure>,
    /// The host's answer, asked for once in a frame.
    first_position: OnceCell<Option<Origin>>,
}

impl Context {
    pub(crate) fn new(host: Host, node: String, inputs: Vec<String>, ports: Ports) -> Self {
        Self {
            running: host.views.running().clone(),
            host,
            node,
            inputs,
            ports,
            frame: Frame::default(),
            outputs: FrameWriter::default(),
            refused: None,
            first_position: OnceCell::new(),
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

    #[inline(always)]
    fn forward_in(&mut self, slot: u32, record: impl Outgoing) -> Result<(), Failure> {
        let Moment { timestamp, cursor } = self.running.now();
        let current = Current { timestamp, cursor, frame: Some(&self.frame) };
        let mut draft = Draft::begin(&mut self.outputs, current, slot);
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
        if self.running.in_frame() {
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
        if !self.running.in_frame() {
            return self.host.backend.position();
        }
        let first = self.first_position.get_or_init(|| self.host.backend.position()).as_ref()?;
        Some(Origin { offset: self.entry()?.origin, ..first.clone() })
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
        self.running.now().timestamp
    }

    fn entry(&self) -> Option<Entry> {
        self.frame.entry(self.running.now().cursor)
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
        self.inputs.get(self.entry()?.slot as usize).map(String::as_str)
    }

    /// Begins a record that comes alone: the one of this frame.
    pub(crate) fn begin_alone(&mut self, frame: &Frame) {
        self.begin(frame.clone(), 1, 0);
    }

    pub(crate) fn begin_punctuation(&mut self, time: Timestamp) {
        self.begin(Frame::default(), 1, 0);
        self.running.begin(Moment { timestamp: time, ..Moment::default() });
    }

    /// Begins a frame: as many outputs as records are expected, and as large ones.
    pub(crate) fn begin_frame(&mut self, frame: &Frame) {
        self.begin(frame.clone(), frame.count(), frame.size());
        self.first_position.take();
        self.host.views.begin_frame(frame);
    }

    fn begin(&mut self, frame: Frame, outputs: usize, bytes: usize) {
        self.frame = frame;
        self.outputs.reset(outputs, bytes);
        self.refused = None;
    }

    /// Begins the record of a frame that is at the cursor.
    #[inline(always)]
    pub(crate) fn begin_entry(&mut self, cursor: Cursor, timestamp: Timestamp) {
        self.running.begin(Moment { timestamp, cursor });
    }

    /// Ends a frame: what was written goes to the host. Gives the outputs.
    pub(crate) fn end_frame(&mut self) -> Vec<u8> {
        self.host.views.end_frame();
        self.frame = Frame::default();
        self.outputs.take()
    }

    /// Ends a frame that failed.
    pub(crate) fn abandon_frame(&mut self) {
        self.host.views.abandon_frame();
        self.frame = Frame::default();
        self.outputs.reset(0, 0);
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
        let outputs = Frame::read(Bytes::from(self.outputs.take()));
        match outputs.and_then(|outputs| outputs.outputs(self.ports.names())) {
            Ok(outputs) => outputs,
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
