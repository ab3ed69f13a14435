//! Counts words: for each word of a line one record, with the word as key and how often it has come so far as value.

use cofferdam_guest::{Access, Context, Description, Failure, KeyValue, NoConfig, Processor, Record, Setup, Text, export};

struct Count {
    counts: KeyValue<String, Text<u64>>,
}

impl Processor for Count {
    type Config = NoConfig;
    type Input = Record<(), String>;

    fn describe() -> Description {
        Description::new("Counts words.").store("counts", Access::ReadWrite, "how often each word has come")
    }

    fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
        Ok(Self { counts: setup.key_value("counts")? })
    }

    fn process(&mut self, line: Record<(), String>, ctx: &mut Context) -> Result<(), Failure> {
        for word in line.value.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()) {
            let word = word.to_lowercase();
            let count = self.counts.get(&word)?.map_or(0, |count| *count) + 1;
            self.counts.put(&word, &Text(count))?;
            ctx.forward((word, Text(count)))?;
        }
        Ok(())
    }
}

export!(Count);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::testing::TestContext;

    #[test]
    fn a_word_that_comes_twice_counts_two() {
        let mut test = TestContext::<Count>::new().unwrap();
        test.process(((), "To be, or not to be.")).unwrap();
        let counts = test.outputs::<String, Text<u64>>().unwrap();
        assert_eq!(counts.len(), 6);
        assert_eq!((counts[5].key.as_str(), *counts[5].value), ("be", 2));
    }
}
