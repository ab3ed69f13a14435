//! What a processor says about itself before it runs: `cofferdam check` compares it with the manifest.

use crate::input::Roles;

/// Whether a store is written.
///
/// ```
/// # use cofferdam_guest::{Access, Description};
/// let description = Description::new("Joins.").store("airports", Access::Read, "names of airports");
/// assert_eq!(description.stores[0].access, Access::Read);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only; the one way to open a table's store.
    Read,
    /// Read and write.
    ReadWrite,
}

/// What a port carries.
///
/// ```
/// # use cofferdam_guest::{Carries, Description};
/// let description = Description::new("A table.").default_port(Carries::Updates, "what has changed");
/// assert_eq!(description.ports[0].carries, Carries::Updates);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carries {
    /// Records of a stream.
    Records,
    /// Updates of a table.
    Updates,
    /// Whatever the input of this role carries.
    Like(String),
}

/// An output port.
///
/// ```
/// # use cofferdam_guest::Description;
/// assert_eq!(Description::new("Splits.").port("late", "delayed flights").ports[0].name, "late");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortDescription {
    /// Its name, as in `node.port`; empty for the default port.
    pub name: String,
    /// What it carries.
    pub carries: Carries,
    /// One line about it.
    pub doc: String,
}

/// The kind of a store.
///
/// ```
/// # use cofferdam_guest::{Access, Description, StoreKind};
/// assert_eq!(Description::new("Counts.").window_store("counts", Access::ReadWrite, "by hour").stores[0].kind, StoreKind::Window);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Values by key.
    KeyValue,
    /// Values by key and window.
    Window,
    /// Values by key and session.
    Session,
    /// Histories of values by key.
    Versioned,
}

impl StoreKind {
    /// As the manifest has it.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KeyValue => "key-value",
            Self::Window => "window",
            Self::Session => "session",
            Self::Versioned => "versioned",
        }
    }
}

/// A store that the processor opens.
///
/// ```
/// # use cofferdam_guest::{Access, Description};
/// assert_eq!(Description::new("Counts.").store("counts", Access::ReadWrite, "so far").stores[0].role, "counts");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreDescription {
    /// Its role; the manifest says which store plays it.
    pub role: String,
    /// Its kind.
    pub kind: StoreKind,
    /// Whether it is written.
    pub access: Access,
    /// One line about it.
    pub doc: String,
}

/// What a processor is: a paragraph, its ports, its stores. The inputs come from [`Processor::Input`](crate::Processor::Input).
///
/// ```
/// use cofferdam_guest::{Access, Description};
///
/// let description = Description::new("Adds the airport's name to a flight.")
///     .port("unmatched", "flights from an airport that the table does not know")
///     .store("airports", Access::Read, "the table of airports");
/// assert_eq!(description.state_version, 0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// One paragraph.
    pub doc: String,
    /// The output ports. The default port need not be named when it carries records of a stream.
    pub ports: Vec<PortDescription>,
    /// The stores.
    pub stores: Vec<StoreDescription>,
    /// JSON Schema (2020-12) of the configuration.
    pub config_schema: Option<serde_json::Value>,
    /// Version of the layout of the state.
    pub state_version: u32,
    /// The inputs, where they are not those of the processor's input type.
    pub(crate) inputs: Option<Roles>,
}

impl Description {
    /// Says what the processor does. No ports but the default one, no stores, any configuration.
    ///
    /// ```
    /// # use cofferdam_guest::Description;
    /// assert_eq!(Description::new("Passes everything on.").doc, "Passes everything on.");
    /// ```
    pub fn new(doc: impl Into<String>) -> Self {
        Self { doc: doc.into(), ports: Vec::new(), stores: Vec::new(), config_schema: None, state_version: 0, inputs: None }
    }

    /// Adds a port for records of a stream.
    ///
    /// ```
    /// # use cofferdam_guest::Description;
    /// let description = Description::new("Splits.").port("even", "even numbers").port("odd", "odd numbers");
    /// assert_eq!(description.ports.len(), 2);
    /// ```
    pub fn port(self, name: impl Into<String>, doc: impl Into<String>) -> Self {
        self.port_carrying(name, Carries::Records, doc)
    }

    /// Adds a port and says what it carries.
    ///
    /// ```
    /// # use cofferdam_guest::{Carries, Description};
    /// let description = Description::new("Filters.").port_carrying("rest", Carries::Like("in".into()), "what did not pass");
    /// # assert_eq!(description.ports.len(), 1);
    /// ```
    pub fn port_carrying(mut self, name: impl Into<String>, carries: Carries, doc: impl Into<String>) -> Self {
        self.ports.push(PortDescription { name: name.into(), carries, doc: doc.into() });
        self
    }

    /// Says what the default port carries.
    ///
    /// ```
    /// # use cofferdam_guest::{Carries, Description};
    /// assert_eq!(Description::new("A table.").default_port(Carries::Updates, "").ports[0].name, "");
    /// ```
    pub fn default_port(self, carries: Carries, doc: impl Into<String>) -> Self {
        self.port_carrying("", carries, doc)
    }

    /// Adds a key-value store.
    ///
    /// ```
    /// # use cofferdam_guest::{Access, Description};
    /// let description = Description::new("Counts.").store("counts", Access::ReadWrite, "so far");
    /// # assert_eq!(description.stores.len(), 1);
    /// ```
    pub fn store(self, role: impl Into<String>, access: Access, doc: impl Into<String>) -> Self {
        self.store_of(StoreKind::KeyValue, role, access, doc)
    }

    /// Adds a window store.
    ///
    /// ```
    /// # use cofferdam_guest::{Access, Description};
    /// let description = Description::new("Counts.").window_store("counts", Access::ReadWrite, "by hour");
    /// # assert_eq!(description.stores.len(), 1);
    /// ```
    pub fn window_store(self, role: impl Into<String>, access: Access, doc: impl Into<String>) -> Self {
        self.store_of(StoreKind::Window, role, access, doc)
    }

    /// Adds a session store.
    ///
    /// ```
    /// # use cofferdam_guest::{Access, Description};
    /// let description = Description::new("Counts.").session_store("visits", Access::ReadWrite, "by visitor");
    /// # assert_eq!(description.stores.len(), 1);
    /// ```
    pub fn session_store(self, role: impl Into<String>, access: Access, doc: impl Into<String>) -> Self {
        self.store_of(StoreKind::Session, role, access, doc)
    }

    /// Adds a versioned store.
    ///
    /// ```
    /// # use cofferdam_guest::{Access, Description};
    /// let description = Description::new("Converts.").versioned_store("rates", Access::Read, "what a currency was worth");
    /// # assert_eq!(description.stores.len(), 1);
    /// ```
    pub fn versioned_store(self, role: impl Into<String>, access: Access, doc: impl Into<String>) -> Self {
        self.store_of(StoreKind::Versioned, role, access, doc)
    }

    fn store_of(mut self, kind: StoreKind, role: impl Into<String>, access: Access, doc: impl Into<String>) -> Self {
        self.stores.push(StoreDescription { role: role.into(), kind, access, doc: doc.into() });
        self
    }

    /// Gives the JSON Schema (2020-12) of the configuration, against which `cofferdam check` holds the manifest's.
    ///
    /// ```
    /// # use cofferdam_guest::Description;
    /// let description = Description::new("Alerts.").config_schema(serde_json::json!({
    ///     "type": "object",
    ///     "properties": {"minutes": {"type": "integer"}},
    ///     "required": ["minutes"],
    ///     "additionalProperties": false,
    /// }));
    /// # assert!(description.config_schema.is_some());
    /// ```
    pub fn config_schema(mut self, schema: serde_json::Value) -> Self {
        self.config_schema = Some(schema);
        self
    }

    /// Gives the version of the layout of the state; 0 unless said.
    ///
    /// ```
    /// # use cofferdam_guest::Description;
    /// assert_eq!(Description::new("Counts.").state_version(2).state_version, 2);
    /// ```
    pub fn state_version(mut self, version: u32) -> Self {
        self.state_version = version;
        self
    }

    /// Declares inputs other than those of the processor's input type: for components whose configuration decides about them.
    ///
    /// ```
    /// # use cofferdam_guest::{Description, Role, Roles, Takes};
    /// let description = Description::new("Joins.").inputs(Roles::Exactly(vec![Role::new("left", Takes::Records, "")]));
    /// # let _ = description;
    /// ```
    pub fn inputs(mut self, roles: Roles) -> Self {
        self.inputs = Some(roles);
        self
    }
}
