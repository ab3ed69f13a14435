//! Counts words: for each word of a line one record, with the word as key and how often it has come so far as value.

use cofferdam_guest::{Access, Context, Description, Failure, KeyValue, NoConfig, Processor, Record, Setup, Text, export};

struct WordCount {
    counts: KeyValue<String, Text<u64>>,
}

impl Processor for WordCount {
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

export!(WordCount);

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_guest::testing::TestContext;

    #[test]
    fn every_word_comes_out_with_its_count() {
        let mut test = TestContext::<WordCount>::new().unwrap();
        test.process(Record::new((), "To be, or not to be.", 7)).unwrap();
        let words = test.outputs::<String, Text<u64>>().unwrap();
        let words: Vec<_> = words.iter().map(|record| (record.key.as_str(), *record.value, record.timestamp)).collect();
        assert_eq!(words, [("to", 1, 7), ("be", 1, 7), ("or", 1, 7), ("not", 1, 7), ("to", 2, 7), ("be", 2, 7)]);
    }
}
