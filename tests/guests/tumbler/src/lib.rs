//! Counts the records of each key in windows of the length that its store has. Each update leaves under `KEY@START`.

use cofferdam_guest::{Access, Bytes, Context, Description, Failure, NoConfig, Processor, Record, Setup, Text, WindowStore, export};

struct Tumbler {
    counts: WindowStore<String, Text<u64>>,
}

impl Processor for Tumbler {
    type Config = NoConfig;
    type Input = Record<String, Bytes>;

    fn describe() -> Description {
        Description::new("Counts the records of each key in windows.").window_store(
            "counts",
            Access::ReadWrite,
            "records by key and window",
        )
    }

    fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
        Ok(Self { counts: setup.window_store("counts")? })
    }

    fn process(&mut self, record: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        let start = record.timestamp - record.timestamp.rem_euclid(self.counts.size_ms());
        let count = Text(self.counts.get(&record.key, start)?.map_or(0, |Text(count)| count) + 1);
        self.counts.put(&record.key, start, &count)?;
        ctx.forward((format!("{}@{start}", record.key), count))
    }
}

export!(Tumbler);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cofferdam_guest::testing::{StoreShape, TestContext};

    use super::*;

    #[test]
    fn each_window_has_a_count_of_its_own() {
        let shape = StoreShape::window(Duration::from_secs(10), Duration::from_secs(100));
        let mut test = TestContext::<Tumbler>::with_stores((), [("counts", shape)]).unwrap();
        for time in [9_999, 10_000, 1, 19_999] {
            test.process(Record::new("k", "v", time)).unwrap();
        }
        let counts: Vec<_> =
            test.outputs::<String, String>().unwrap().into_iter().map(|record| format!("{} {}", record.key, record.value)).collect();
        assert_eq!(counts, ["k@0 1", "k@10000 1", "k@0 2", "k@10000 2"]);
    }
}
