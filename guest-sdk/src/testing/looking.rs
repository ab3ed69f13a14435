//! What a test looks at: outputs, stores, the log and metrics.

use super::alone::opened;
use super::{TestContext, host};
use crate::codec::Decode;
use crate::description::StoreKind;
use crate::failure::Failure;
use crate::host::{Host, Level};
use crate::processor::Processor;
use crate::record::{RawOutput, Record};
use crate::session_store::SessionStore;
use crate::store::{Cell, KeyValue};
use crate::versioned_store::VersionedStore;
use crate::window_store::WindowStore;

impl<P: Processor> TestContext<P> {
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
        opened(&self.backend, role, StoreKind::KeyValue, KeyValue::open)
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
}
