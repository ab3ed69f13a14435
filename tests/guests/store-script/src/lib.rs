//! Does to a store what the records say: a record's value is one operation in JSON, in the words of the conformance vectors
//! (`{"op": "put", "key": "a", "value": "1"}`), and each row of its result is forwarded as JSON. `config = { kind = ".." }` says what store
//! it is.

mod key_value;
mod session;
#[cfg(test)]
mod tests;
mod versioned;
mod window;

use std::ops::Bound;

use cofferdam_guest::{
    Access, Context, Description, Failure, KeyValue, Processor, RawRecord, SessionStore, Setup, VersionedStore, WindowStore, export,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Null where the operation names none: the store refuses it.
type Key = Option<String>;
/// What an operation gives.
type Rows = Result<Vec<Value>, Failure>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    kind: Kind,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    KeyValue,
    Window,
    Session,
    Versioned,
}

enum Script {
    KeyValue(KeyValue<Key, String>),
    Window(WindowStore<Key, String>),
    Session(SessionStore<Key, String>),
    Versioned(VersionedStore<Key, String>),
}

impl Processor for Script {
    type Config = Config;
    type Input = RawRecord;

    fn describe() -> Description {
        Description::new("Does to a store what the records say.")
    }

    fn describe_with(config: &Config) -> Result<Description, String> {
        let script = Self::describe();
        Ok(match config.kind {
            Kind::KeyValue => script.store("rows", Access::ReadWrite, "what was put"),
            Kind::Window => script.window_store("rows", Access::ReadWrite, "what was put"),
            Kind::Session => script.session_store("rows", Access::ReadWrite, "what was put"),
            Kind::Versioned => script.versioned_store("rows", Access::ReadWrite, "what was put"),
        })
    }

    fn init(config: Config, setup: &mut Setup) -> Result<Self, String> {
        Ok(match config.kind {
            Kind::KeyValue => Self::KeyValue(setup.key_value("rows")?),
            Kind::Window => Self::Window(setup.window_store("rows")?),
            Kind::Session => Self::Session(setup.session_store("rows")?),
            Kind::Versioned => Self::Versioned(setup.versioned_store("rows")?),
        })
    }

    fn process(&mut self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
        let op = record.value.as_deref().unwrap_or_default();
        let rows = match self {
            Self::KeyValue(store) => read(op).and_then(|op| key_value::run(store, op)),
            Self::Window(store) => read(op).and_then(|op| window::run(store, op)),
            Self::Session(store) => read(op).and_then(|op| session::run(store, op)),
            Self::Versioned(store) => read(op).and_then(|op| versioned::run(store, op)),
        };
        let rows = match rows {
            Err(Failure::BadRecord(why)) if why == "store `rows`: key is null" => vec![json!({"error": "null-argument"})],
            rows => rows?,
        };
        rows.into_iter().try_for_each(|row| ctx.forward(((), row.to_string())))
    }
}

export!(Script);

fn read<Op: DeserializeOwned>(op: &[u8]) -> Result<Op, Failure> {
    serde_json::from_slice(op).map_err(|e| Failure::bad_record(format!("no operation of this store: {e}")))
}

/// An end of a range of keys; null is none.
fn end(key: Key) -> Bound<Key> {
    key.map_or(Bound::Unbounded, |key| Bound::Included(Some(key)))
}
