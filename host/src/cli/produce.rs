//! `produce`: lines of a file or of standard input, appended to a topic.

use std::path::Path;
use std::process::ExitCode;

use crate::error::Diagnostic;
use crate::jsonl;
use crate::record::Timestamp;

use super::args;
use super::lines::{Lines, bad_line};
use super::reach::App;
use super::report::{counted, say};
use super::topics;

/// Lines of one request.
const BATCH_LINES: usize = 5_000;
/// Bytes of lines that end a request early.
const BATCH_BYTES: usize = 4 << 20;

/// Produces lines, and says how many.
pub fn produce(args: &args::Produce) -> Result<ExitCode, Vec<Diagnostic>> {
    let app = App::reach(&args.at)?;
    let produced = to_topic(&app, &args.name, &args.file).map_err(|e| vec![e])?;
    say(&format!("{} produced", counted(produced, "record", "records")));
    Ok(ExitCode::SUCCESS)
}

fn to_topic(app: &App, name: &str, file: &Path) -> Result<u64, Diagnostic> {
    let topic = topics::named(&app.manifest, name)?;
    let send = |batch: &mut Batch| {
        batch.lines = 0;
        app.produce(&topic, std::mem::take(&mut batch.text)).map_err(|problem| topics::absent(&app.manifest, name, problem))
    };
    let mut lines = Lines::open(file)?;
    let mut batch = Batch::default();
    // Nothing at all: so that a topic which is not there is told before a person has typed.
    let mut produced = send(&mut batch)?;
    loop {
        let failed = |why| Diagnostic::run("R011", format!("the input {} could not be produced", file.display())).because(why);
        let Some((number, line)) = lines.next().map_err(failed)? else { break };
        if let Err(why) = jsonl::parse(line, Timestamp(0)) {
            send(&mut batch)?;
            let mut bad = bad_line(file, number, &why);
            bad.hint = bad.hint.filter(|_| number == 1).or_else(|| Some("the lines before it were produced".to_owned()));
            return Err(bad);
        }
        batch.push(line);
        // What a pipe has at hand goes in one batch; nobody waits for more.
        if batch.is_full() || lines.nothing_buffered() {
            produced += send(&mut batch)?;
        }
    }
    Ok(produced + send(&mut batch)?)
}

#[derive(Default)]
struct Batch {
    text: Vec<u8>,
    lines: usize,
}

impl Batch {
    fn push(&mut self, line: &[u8]) {
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
        self.lines += 1;
    }

    fn is_full(&self) -> bool {
        self.lines >= BATCH_LINES || self.text.len() >= BATCH_BYTES
    }
}
