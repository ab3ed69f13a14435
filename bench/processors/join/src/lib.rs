//! Each record with the value that its key has in a table, behind its own; one whose key is not there goes nowhere.

use cofferdam_guest::{Access, Context, Description, Failure, KeyValueReader, NoConfig, Processor, Record, Setup, export};

struct Join {
    table: KeyValueReader<Vec<u8>, Vec<u8>>,
}

impl Processor for Join {
    type Config = NoConfig;
    type Input = Record<Vec<u8>, Vec<u8>>;

    fn describe() -> Description {
        Description::new("Joins a stream with a table, by key.").store("table", Access::Read, "what is put behind a record's value")
    }

    fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
        Ok(Self { table: setup.read_key_value("table")? })
    }

    fn process(&mut self, mut record: Record<Vec<u8>, Vec<u8>>, ctx: &mut Context) -> Result<(), Failure> {
        if let Some(joined) = self.table.get(&record.key)? {
            record.value.extend(joined);
            ctx.forward(record)?;
        }
        Ok(())
    }
}

export!(Join);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::testing::TestContext;

    #[test]
    fn a_record_gets_the_value_of_its_key() {
        let mut test = TestContext::<Join>::new().unwrap();
        test.store::<Vec<u8>, Vec<u8>>("table").put(&vec![1], &vec![7, 8]).unwrap();
        for key in [1, 2] {
            test.process((vec![key], vec![5])).unwrap();
        }
        let joined = test.outputs::<Vec<u8>, Vec<u8>>().unwrap();
        assert_eq!(joined.iter().map(|record| (record.key[0], record.value.clone())).collect::<Vec<_>>(), [(1, vec![5, 7, 8])]);
    }
}
