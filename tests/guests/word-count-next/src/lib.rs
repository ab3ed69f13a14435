//! Counts words as examples/word-count does, and keeps `n=7` where that keeps `7`. It takes over what that has kept, a few words a step, and
//! refuses whatever is not as it should be: a word that was taken over twice, or not at all, does not pass unseen.

use std::ops::Bound;

use cofferdam_guest::{
    Access, Context, Description, Failure, Host, KeyValue, Migrate, NoConfig, Processor, Record, Setup, Step, Text, export,
};

const WORDS_A_STEP: usize = 100;

struct WordCount {
    counts: KeyValue<String, String>,
}

impl Processor for WordCount {
    type Config = NoConfig;
    type Input = Record<(), String>;

    fn describe() -> Description {
        Description::new("Counts words.").store("counts", Access::ReadWrite, "how often each word has come").state_version(1)
    }

    fn init(_: NoConfig, setup: &mut Setup) -> Result<Self, String> {
        Ok(Self { counts: setup.key_value("counts")? })
    }

    fn process(&mut self, line: Record<(), String>, ctx: &mut Context) -> Result<(), Failure> {
        for word in line.value.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()) {
            let word = word.to_lowercase();
            let before = self.counts.get(&word)?.map_or(Ok(0), |kept| number(kept.strip_prefix("n="), &word, &kept))?;
            self.counts.put(&word, &format!("n={}", before + 1))?;
            ctx.forward((word, Text(before + 1)))?;
        }
        Ok(())
    }
}

impl Migrate for WordCount {
    fn migrate(&mut self, _: u32, cursor: Option<&[u8]>, host: &Host) -> Result<Step, Failure> {
        let last = cursor.map(|word| String::from_utf8_lossy(word).into_owned());
        let from = last.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let rows: Vec<_> = self.counts.range((from, Bound::Unbounded))?.take(WORDS_A_STEP).collect::<Result<_, _>>()?;
        for row in &rows {
            let count = number(Some(&row.value), &row.key, &row.value)?;
            self.counts.put(&row.key, &format!("n={count}"))?;
        }
        let Some(row) = rows.last() else { return Ok(Step::Done) };
        let in_second_half = |word: &str| word >= "n";
        if in_second_half(&row.key) && !last.is_some_and(|last| in_second_half(&last)) {
            host.info("half of the words are taken over");
        }
        Ok(Step::More(row.key.clone().into_bytes()))
    }
}

fn number(digits: Option<&str>, word: &str, kept: &str) -> Result<u64, Failure> {
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| Failure::fatal(format!("of '{word}' there is '{kept}'")))
}

export!(WordCount, migrate);
