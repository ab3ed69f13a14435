//! The two places from which a processor speaks with the host: `init` and a call.

use std::ops::Deref;

use crate::Timestamp;
use crate::backend::Backend;
use crate::failure::Failure;
use crate::host::{Host, OpenError, Origin};
use crate::record::{Current, Outgoing, RawOutput, RawRecord};
use crate::store::{Cell, KeyValue, KeyValueReader};

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
        KeyValue::open(&self.host.backend, role)
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
        KeyValueReader::open(&self.host.backend, role)
    }

    /// A cell of this node. Cells need no declaration.
    ///
    /// ```
    /// # let mut setup = cofferdam_guest::testing::setup(&[]);
    /// let last_seen = setup.cell::<i64>("last-seen");
    /// assert_eq!(last_seen.get(), Ok(None));
    /// ```
    pub fn cell<T>(&mut self, name: &str) -> Cell<T> {
        Cell::new(&self.host.backend, name)
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
    outputs: Vec<RawOutput>,
    current: Current,
    inputs: Vec<String>,
    input: Option<usize>,
    node: String,
}

impl Context {
    pub(crate) fn new(backend: Backend, node: String, inputs: Vec<String>) -> Self {
        Self { host: Host { backend }, outputs: Vec::new(), current: Current::default(), inputs, input: None, node }
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
        let output = record.into_output(&self.current)?;
        self.outputs.push(output);
        Ok(())
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
        let output = record.into_output(&self.current)?;
        self.outputs.push(RawOutput { port: Some(port.to_owned()), ..output });
        Ok(())
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
        if !self.outputs.is_empty() {
            self.host.backend.forward(std::mem::take(&mut self.outputs));
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
        self.host.backend.position()
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

    pub(crate) fn begin_record(&mut self, input: u32, record: &RawRecord) {
        self.outputs.clear();
        self.input = Some(input as usize);
        self.current = Current { timestamp: record.timestamp, headers: record.headers.clone() };
    }

    pub(crate) fn begin_punctuation(&mut self, time: Timestamp) {
        self.outputs.clear();
        self.input = None;
        self.current = Current { timestamp: time, headers: Default::default() };
    }

    pub(crate) fn take_outputs(&mut self) -> Vec<RawOutput> {
        std::mem::take(&mut self.outputs)
    }
}

impl Deref for Context {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}
