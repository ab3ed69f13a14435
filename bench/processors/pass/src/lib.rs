//! Passes each record on as it came: what is measured with it is what a node costs.

use cofferdam_guest::{Bytes, Context, Failure, NoConfig, Processor, Record, Setup, export};

struct Pass;

impl Processor for Pass {
    type Config = NoConfig;
    type Input = Record<Bytes, Bytes>;

    fn init(_: NoConfig, _: &mut Setup) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, record: Record<Bytes, Bytes>, ctx: &mut Context) -> Result<(), Failure> {
        ctx.forward(record)
    }
}

export!(Pass);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::testing::TestContext;

    #[test]
    fn a_record_passes_as_it_came() {
        let mut test = TestContext::<Pass>::new().unwrap();
        test.process((vec![1], vec![2, 3])).unwrap();
        let passed = test.outputs::<Vec<u8>, Vec<u8>>().unwrap();
        assert_eq!(passed.iter().map(|record| (record.key.clone(), record.value.clone())).collect::<Vec<_>>(), [(vec![1], vec![2, 3])]);
    }
}
