//! Counts the seconds of each task by the wall clock, whether records come or not: a number more each time, under the task's name.

use std::time::Duration;

use cofferdam_guest::{
    Access, Bytes, Clock, Context, Description, Failure, KeyValue, NoConfig, Processor, Record, Setup, Text, Timestamp, export,
};

struct Ticker {
    numbers: KeyValue<String, Text<u64>>,
}

impl Processor for Ticker {
    type Config = NoConfig;
    type Input = Record<Option<Bytes>, Option<Bytes>>;

    fn describe() -> Description {
        Description::new("Counts the seconds of each task.").store("numbers", Access::ReadWrite, "the last number of the task")
    }

    fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
        setup.schedule("tick", Duration::from_secs(1), Clock::WallClock);
        Ok(Self { numbers: setup.key_value("numbers")? })
    }

    fn process(&mut self, _: Self::Input, _: &mut Context) -> Result<(), Failure> {
        Ok(())
    }

    fn punctuate(&mut self, _: &str, _: Timestamp, ctx: &mut Context) -> Result<(), Failure> {
        let task = ctx.task();
        let number = Text(self.numbers.get(&task)?.map_or(0, |Text(number)| number) + 1);
        self.numbers.put(&task, &number)?;
        ctx.forward((task, number))
    }
}

export!(Ticker);

#[cfg(test)]
mod tests {
    use cofferdam_guest::testing::TestContext;

    use super::*;

    #[test]
    fn each_second_has_a_number() {
        let mut test = TestContext::<Ticker>::new().unwrap();
        (0..3).for_each(|_| test.advance_wall_clock(Duration::from_millis(700)).unwrap());
        let numbers: Vec<_> = test.outputs::<String, String>().unwrap().into_iter().map(|record| record.value).collect();
        assert_eq!(numbers, ["1", "2"]);
    }
}
