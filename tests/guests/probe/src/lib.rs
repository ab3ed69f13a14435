//! A component for the host's tests: `config = { do = ".." }` says what it does with a record. See `Do` for the list.
//!
//! One component instead of thirty: a test compiles it once and configures it as it likes.

mod behaviour;
mod describe;
mod hostile;
mod timed;

use cofferdam_guest::{
    Bytes, Context, Description, Failure, KeyValue, KeyValueReader, Processor, RawRecord, SessionStore, Setup, Timestamp, VersionedStore,
    WindowStore, export,
};

use behaviour::Do;

/// Bytes, as the topic has them; what a behaviour reads as text it decodes itself.
type Rows = KeyValue<Bytes, Bytes>;

struct Probe {
    what: Do,
    stores: Stores,
    /// Calls of `process` in this instance: memory, lost with it.
    calls: u64,
    /// Punctuations in this instance, by schedule.
    fired: Vec<(String, u64)>,
}

/// What the behaviour has opened.
#[derive(Default)]
struct Stores {
    counts: Option<KeyValue<String, cofferdam_guest::Text<u64>>>,
    rows: Option<Rows>,
    read: Option<KeyValueReader<Bytes, String>>,
    cell: Option<cofferdam_guest::Cell<cofferdam_guest::Text<u64>>>,
    windows: Option<WindowStore<Bytes, cofferdam_guest::Text<u64>>>,
    sessions: Option<SessionStore<Bytes, cofferdam_guest::Text<u64>>>,
    versions: Option<VersionedStore<Bytes, Bytes>>,
}

impl Processor for Probe {
    type Config = Do;
    type Input = RawRecord;

    fn describe() -> Description {
        Description::new("Does what `do` in its configuration says; its ports and stores depend on it.")
    }

    fn describe_with(what: &Do) -> Result<Description, String> {
        describe::description(what)
    }

    fn init(what: Do, setup: &mut Setup) -> Result<Self, String> {
        let stores = behaviour::prepare(&what, setup)?;
        Ok(Self { what, stores, calls: 0, fired: Vec::new() })
    }

    fn process(&mut self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
        self.calls += 1;
        self.run(record, ctx)
    }

    fn punctuate(&mut self, schedule: &str, time: Timestamp, ctx: &mut Context) -> Result<(), Failure> {
        self.tick(schedule, time, ctx)
    }

    fn close(&mut self, host: &cofferdam_guest::Host) {
        if let Do::Close { how } = &self.what {
            host.info(format_args!("closed after {} calls", self.calls));
            if let Some(how) = how {
                hostile::failure(how, "close fails, as configured");
            }
        }
    }
}

export!(Probe);

#[cfg(test)]
mod tests;
