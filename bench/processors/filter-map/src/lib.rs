//! Lets the records pass whose byte 15 is even, with a byte more.

use cofferdam_guest::{Bytes, CodecError, Context, Encode, Failure, NoConfig, Processor, Record, Setup, export};

/// A value and a byte more.
struct Marked(Bytes);

impl Encode for Marked {
    fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        bytes.extend_from_slice(&self.0);
        bytes.push(b'!');
        Ok(())
    }
}

struct FilterMap;

impl Processor for FilterMap {
    type Config = NoConfig;
    type Input = Record<Bytes, Bytes>;

    fn init(_: NoConfig, _: &mut Setup) -> Result<Self, String> {
        Ok(Self)
    }

    fn process(&mut self, record: Record<Bytes, Bytes>, ctx: &mut Context) -> Result<(), Failure> {
        if record.value.get(15).is_some_and(|byte| byte % 2 == 0) {
            let marked = Marked(record.value.clone());
            ctx.forward(record.with_value(marked))?;
        }
        Ok(())
    }
}

export!(FilterMap);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::testing::TestContext;

    #[test]
    fn an_even_byte_lets_a_record_pass() {
        let mut test = TestContext::<FilterMap>::new().unwrap();
        for byte in [0, 1] {
            test.process((vec![byte], vec![byte; 16])).unwrap();
        }
        test.process((vec![2], vec![0; 15])).unwrap();
        let passed = test.outputs::<Vec<u8>, Vec<u8>>().unwrap();
        assert_eq!(passed.iter().map(|record| (record.key[0], record.value.len())).collect::<Vec<_>>(), [(0, 17)]);
    }
}
