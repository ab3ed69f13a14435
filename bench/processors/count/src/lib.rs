//! How often each key has come, 8 bytes big endian.

use cofferdam_guest::{Access, Bytes, Context, Description, Failure, KeyValue, NoConfig, Processor, Record, Setup, export};

struct Count {
    counts: KeyValue<Bytes, u64>,
}

impl Processor for Count {
    type Config = NoConfig;
    type Input = Record<Bytes, ()>;

    fn describe() -> Description {
        Description::new("Counts by key.").store("counts", Access::ReadWrite, "how often each key has come")
    }

    fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
        Ok(Self { counts: setup.key_value("counts")? })
    }

    fn process(&mut self, record: Record<Bytes, ()>, ctx: &mut Context) -> Result<(), Failure> {
        let count = self.counts.get(&record.key)?.unwrap_or(0) + 1;
        self.counts.put(&record.key, &count)?;
        ctx.forward((record.key, count))
    }
}

export!(Count);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::testing::TestContext;

    #[test]
    fn each_record_gives_the_count_of_its_key() {
        let mut test = TestContext::<Count>::new().unwrap();
        for key in [1, 2, 1] {
            test.process((vec![key], vec![0])).unwrap();
        }
        let counts = test.outputs::<Vec<u8>, u64>().unwrap();
        assert_eq!(counts.iter().map(|record| (record.key[0], record.value)).collect::<Vec<_>>(), [(1, 1), (2, 1), (1, 2)]);
    }
}
