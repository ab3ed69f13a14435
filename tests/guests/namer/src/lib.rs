//! Gives each record the name of this version as its value. Tests make versions of it by writing other names into its bytes; one whose name begins
//! with `trap` traps at one record in a hundred: those whose key ends with two zeros.

use cofferdam_guest::{Bytes, Context, Description, Failure, NoConfig, Processor, Record, Setup, export};

/// What a test writes over.
static NAME: [u8; 16] = *b"name-of-version-";
const TRAPS: &[u8] = b"trap";
const AT: &[u8] = b"00";

/// The name, as it stands in the memory: a compiler that knew it would put it elsewhere, too.
fn name() -> [u8; 16] {
    *std::hint::black_box(&NAME)
}

struct Namer {
    name: String,
    traps: bool,
}

impl Processor for Namer {
    type Config = NoConfig;
    type Input = Record<Bytes, Bytes>;

    fn describe() -> Description {
        Description::new("Gives each record the name of this version as its value.")
    }

    fn init(_: NoConfig, _: &mut Setup) -> Result<Self, String> {
        let name = name();
        Ok(Self { name: String::from_utf8_lossy(&name).trim_end_matches('-').to_owned(), traps: name.starts_with(TRAPS) })
    }

    fn process(&mut self, record: Self::Input, ctx: &mut Context) -> Result<(), Failure> {
        assert!(!(self.traps && record.key.ends_with(AT)), "one record in a hundred");
        ctx.forward((record.key, self.name.clone()))
    }
}

export!(Namer);

#[cfg(test)]
mod tests {
    use cofferdam_guest::testing::TestContext;

    use super::*;

    #[test]
    fn each_record_gets_the_name() {
        let mut test = TestContext::<Namer>::new().unwrap();
        test.process(Record::new("k", "v", 1)).unwrap();
        assert_eq!(test.outputs::<String, String>().unwrap(), [Record::new("k".into(), "name-of-version".into(), 1)]);
    }
}
