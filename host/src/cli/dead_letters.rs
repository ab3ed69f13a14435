//! `dead-letters`: records that failed and were put aside.

use std::process::ExitCode;

use crate::admin::{Letter, LettersPage, LettersRequest, RecordPlace, Retried, RetryRequest, WholeLetter};
use crate::error::Diagnostic;

use super::args::{self, LettersVerb};
use super::reach::App;
use super::report::{counted, say, time};
use super::table::{Align, table};
use super::topics;

/// Letters of one request to retry them.
const RETRY_LETTERS: usize = 100;

/// Lists, shows or retries dead letters.
pub fn dead_letters(args: &args::DeadLetters) -> Result<ExitCode, Vec<Diagnostic>> {
    let done = match &args.verb {
        LettersVerb::List(args) => list(&App::reach(&args.at)?, args),
        LettersVerb::Show(args) => show(&App::reach(&args.at)?, args),
        LettersVerb::Retry(args) => retry(&App::reach(&args.at)?, args),
    };
    done.map(|()| ExitCode::SUCCESS).map_err(|problem| vec![problem])
}

fn list(app: &App, args: &args::ListLetters) -> Result<(), Diagnostic> {
    let mut any = false;
    each_page(app, args.topic.as_ref(), |page| {
        if args.json {
            page.iter().try_for_each(|letter| json(letter).map(|line| say(&line)))?;
        } else {
            text(page).iter().for_each(|line| say(line));
        }
        any = true;
        Ok(())
    })?;
    if !any && !args.json {
        let none = if topics::letters(&app.manifest).is_empty() {
            "no dead letters: no node of the app has on-error with policy = \"dead-letter\""
        } else {
            "no dead letters"
        };
        say(none);
    }
    Ok(())
}

/// Shows all letters, page by page: there may be millions.
fn each_page(app: &App, topic: Option<&String>, mut page: impl FnMut(&[Letter]) -> Result<(), Diagnostic>) -> Result<(), Diagnostic> {
    let mut request = LettersRequest { topic: topic.cloned(), positions: Vec::new() };
    loop {
        let LettersPage { letters, positions } = app.letters(&request)?;
        if letters.is_empty() && positions == request.positions {
            return Ok(());
        }
        if !letters.is_empty() {
            page(&letters)?;
        }
        request.positions = positions;
    }
}

fn text(letters: &[Letter]) -> Vec<String> {
    let headings = ["letter", "from", "node", "exception", "time", "retried"].map(|heading| (heading, Align::Left));
    let row = |letter: &Letter| {
        let retried = letter.retried.map_or_else(|| "no".to_owned(), |at| time(Some(at)));
        let (at, from) = (letter.at.to_string(), letter.from.to_string());
        [at, from, or_dash(&letter.node), or_dash(&letter.exception), time(Some(letter.time)), retried]
    };
    let mut lines = table(headings, &letters.iter().map(row).collect::<Vec<_>>()).into_iter();
    let mut shown: Vec<String> = lines.next().into_iter().collect();
    for (line, letter) in lines.zip(letters) {
        shown.push(line);
        shown.extend(letter.message.lines().next().map(|message| format!("    {message}")));
    }
    shown
}

fn show(app: &App, args: &args::ShowLetter) -> Result<(), Diagnostic> {
    let whole = app.letter(&args.letter)?;
    if args.json {
        say(&json(&whole)?);
        return Ok(());
    }
    let WholeLetter { letter, stacktrace, key, value, headers } = whole;
    let fields = [
        ("letter", letter.at.to_string()),
        ("from", letter.from.to_string()),
        ("node", or_dash(&letter.node)),
        ("exception", or_dash(&letter.exception)),
        ("message", or_dash(&letter.message)),
        ("time", time(Some(letter.time))),
        ("retried", letter.retried.map_or_else(|| "no".to_owned(), |at| time(Some(at)))),
        ("key", key.get().to_owned()),
        ("value", value.get().to_owned()),
    ];
    fields.iter().for_each(|(name, text)| say(&format!("{name:<11}{text}")));
    for (at, (name, value)) in headers.iter().enumerate() {
        say(&format!("{:<11}{name}: {}", if at == 0 { "headers" } else { "" }, value.get()));
    }
    for (at, frame) in stacktrace.iter().enumerate() {
        say(&format!("{:<11}{frame}", if at == 0 { "frames" } else { "" }));
    }
    Ok(())
}

fn retry(app: &App, args: &args::RetryLetters) -> Result<(), Diagnostic> {
    let mut told = Told::default();
    let mut left: Vec<String> = Vec::new();
    let letters = if args.all { due(app, &mut left)? } else { args.letters.clone() };
    for some in letters.chunks(RETRY_LETTERS) {
        let request = RetryRequest { letters: some.to_vec(), dry_run: args.dry_run };
        app.retry(&request)?.iter().for_each(|letter| told.tell(letter));
    }
    let done = if args.dry_run { "would be retried" } else { "retried" };
    say(&format!("{} {done}", counted(told.retried, "dead letter", "dead letters")));
    if !left.is_empty() {
        let count = counted(left.len() as u64, "dead letter", "dead letters");
        left.sort_unstable();
        left.dedup();
        say(&format!("{count} left alone: the app does not read where the records came from ({})", left.join(", ")));
    }
    Ok(())
}

/// What `--all` stands for: letters not retried yet, whose topics the app reads. The topics of the others go to `left`, once a letter.
fn due(app: &App, left: &mut Vec<String>) -> Result<Vec<RecordPlace>, Diagnostic> {
    let mut due = Vec::new();
    each_page(app, None, |page| {
        for letter in page.iter().filter(|letter| letter.retried.is_none()) {
            if letter.is_read { due.push(letter.at.clone()) } else { left.push(letter.from.topic.clone()) }
        }
        Ok(())
    })?;
    Ok(due)
}

#[derive(Default)]
struct Told {
    retried: u64,
}

impl Told {
    fn tell(&mut self, letter: &Retried) {
        match letter.before {
            Some(before) => say(&format!("{}: left alone, it was retried at {}", letter.letter, time(Some(before)))),
            None => {
                say(&format!("{} -> {}", letter.letter, letter.to));
                self.retried += 1;
            }
        }
    }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn json(what: &impl serde::Serialize) -> Result<String, Diagnostic> {
    serde_json::to_string(what).map_err(|e| Diagnostic::run("R034", "the answer was cut short").because(e))
}
