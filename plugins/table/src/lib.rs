//! `stock:table`: the records of a topic as a table. Keeps the latest value of each key in its store and passes every record on as an
//! update, with the value that it replaces.
//!
//! Nothing is deduplicated and nothing is late, as in Kafka Streams' source tables: records count in the order of their arrival. It
//! never looks into keys and values.

use cofferdam_guest::{Access, Bytes, Carries, Context, Description, Failure, KeyValue, Processor, Record, Setup, Update, export};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Which of the component's processors is meant; the host says it to every stock component.
    #[serde(rename = "operator", default)]
    _operator: Operator,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Operator {
    #[default]
    Table,
}

struct Table {
    rows: KeyValue<Bytes, Bytes>,
}

impl Processor for Table {
    type Config = Config;
    type Input = Record<Option<Bytes>, Option<Bytes>>;

    fn describe() -> Description {
        Description::new("Keeps the latest value of each key. A record without a key is dropped; one without a value deletes.")
            .default_port(Carries::Updates, "each record, with the value that it replaces")
            .store("table", Access::ReadWrite, "the latest value of each key, with its record's timestamp")
    }

    fn init(_: Config, setup: &mut Setup) -> Result<Self, String> {
        Ok(Self { rows: setup.key_value("table")? })
    }

    fn process(&mut self, record: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        let Record { key: Some(key), value, timestamp, headers } = record else {
            ctx.count("dropped", 1);
            return Ok(());
        };
        let previous = self.rows.get(&key)?;
        match &value {
            Some(value) => self.rows.put(&key, value)?,
            None => self.rows.delete(&key)?,
        }
        ctx.forward(Update { key, value, previous, latest: true, timestamp, headers })
    }
}

export!(Table);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::Previous;
    use cofferdam_guest::testing::TestContext;

    fn change(test: &mut TestContext<Table>, value: Option<&str>, time: i64) -> (Option<Bytes>, Option<Previous>) {
        test.process(Record::new("SFO", value, time)).unwrap();
        let output = test.raw_outputs().remove(0);
        assert_eq!(output.record.timestamp, time);
        (output.record.value, output.record.change)
    }

    fn was(value: Option<&str>) -> Option<Previous> {
        Some(Previous { value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())), latest: true })
    }

    #[test]
    fn an_update_tells_what_it_replaces() {
        let mut test = TestContext::<Table>::new().unwrap();
        assert_eq!(change(&mut test, Some("a"), 10), (Some("a".into()), was(None)));
        assert_eq!(change(&mut test, Some("b"), 5), (Some("b".into()), was(Some("a"))));
        assert_eq!(test.store::<String, String>("table").get_row("SFO"), Ok(Some(("b".into(), 5))));
    }

    #[test]
    fn a_tombstone_deletes_and_goes_on_even_for_an_absent_key() {
        let mut test = TestContext::<Table>::new().unwrap();
        change(&mut test, Some("a"), 1);
        assert_eq!(change(&mut test, None, 2), (None, was(Some("a"))));
        assert_eq!(change(&mut test, None, 3), (None, was(None)));
        assert_eq!(test.store::<String, String>("table").get("SFO"), Ok(None));
    }

    #[test]
    fn a_record_without_a_key_is_dropped_and_counted() {
        let mut test = TestContext::<Table>::with_config(serde_json::json!({"operator": "table"})).unwrap();
        test.process(((), "a")).unwrap();
        assert!(test.raw_outputs().is_empty());
        assert_eq!(test.counter("dropped"), 1);
    }
}
