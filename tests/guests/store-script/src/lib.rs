//! Does to a store what the records say: a record's value is one operation in JSON, in the words of the conformance vectors
//! (`{"op": "put", "key": "a", "value": "1"}`), and each row of its result is forwarded as JSON. `config = { kind = ".." }` says what store
//! it is.

mod key_value;
#[cfg(test)]
mod tests;

use cofferdam_guest::{Access, Context, Description, Failure, KeyValue, Processor, RawRecord, Setup, export};
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
}

enum Script {
    KeyValue(KeyValue<Key, String>),
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
        })
    }

    fn init(config: Config, setup: &mut Setup) -> Result<Self, String> {
        Ok(match config.kind {
            Kind::KeyValue => Self::KeyValue(setup.key_value("rows")?),
        })
    }

    fn process(&mut self, record: RawRecord, ctx: &mut Context) -> Result<(), Failure> {
        let op = record.value.as_deref().unwrap_or_default();
        let rows = match self {
            Self::KeyValue(store) => read(op).and_then(|op| key_value::run(store, op)),
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
