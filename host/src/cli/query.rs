//! `query`: what is in a store of the running app, as of the last commit.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use crate::admin::{Encoding, StoreQuery, StoreRow};
use crate::error::Diagnostic;

use super::args;
use super::reach::App;
use super::report::{say, time};
use super::table::{Align, table};

/// Rows that a person is shown unless told otherwise.
const ROWS_SHOWN: usize = 100;

/// Prints rows as a table, or as JSON lines as they come.
pub fn query(args: &args::Query) -> Result<ExitCode, Vec<Diagnostic>> {
    let app = App::reach(&args.at)?;
    let limit = args.limit.map(|limit| limit as usize);
    let printed = if args.json { print(&app, args, limit) } else { show(&app, args, limit.unwrap_or(ROWS_SHOWN)) };
    printed.map(|()| ExitCode::SUCCESS).map_err(|e| vec![e])
}

/// Asks for rows, up to so many, a page after the other; what stands in the last one of the others, and whether there are more.
fn pages(
    app: &App,
    args: &args::Query,
    limit: Option<usize>,
    mut take: impl FnMut(Vec<StoreRow>) -> Result<(), Diagnostic>,
) -> Result<Left, Diagnostic> {
    let mut asked = StoreQuery {
        from: args.from.clone(),
        to: args.to.clone(),
        prefix: args.prefix.clone(),
        since: args.since.clone(),
        until: args.until.clone(),
        as_of: args.as_of.clone(),
        limit,
        after: None,
        partition: args.partition,
        encoding: args.base64.then_some(Encoding::Base64),
    };
    loop {
        let page = app.query(&args.store, args.key.as_deref(), &asked)?;
        asked.limit = asked.limit.map(|left| left.saturating_sub(page.rows.len()));
        take(page.rows)?;
        if page.after.is_none() || asked.limit == Some(0) {
            return Ok(Left { more: page.after.is_some(), missing: page.missing });
        }
        asked.after = page.after;
    }
}

/// What an answer leaves out.
struct Left {
    more: bool,
    missing: Vec<String>,
}

fn show(app: &App, args: &args::Query, limit: usize) -> Result<(), Diagnostic> {
    let mut rows = Vec::new();
    let left = pages(app, args, Some(limit), |page| {
        rows.extend(page);
        Ok(())
    })?;
    if rows.is_empty() {
        say("no rows");
    } else {
        lines(&rows).iter().for_each(|line| say(line));
    }
    if left.more {
        say(&format!("the first {} rows; --limit shows more, --json all", rows.len()));
    }
    if !left.missing.is_empty() {
        say(&format!("without tasks that no host could be asked for: {}", left.missing.join(", ")));
    }
    Ok(())
}

fn lines(rows: &[StoreRow]) -> Vec<String> {
    let plain = |row: &StoreRow| [text(row.key.get()), text(row.value.get()), time(Some(row.timestamp))];
    let headings = [("key", Align::Left), ("value", Align::Left), ("time", Align::Left)];
    if rows.iter().all(|row| row.start.is_none()) {
        return table(headings, &rows.iter().map(plain).collect::<Vec<_>>());
    }
    let spans = |row: &StoreRow| {
        let [key, value, at] = plain(row);
        [key, time(row.start), time(row.end), value, at]
    };
    let [key, value, at] = headings;
    table([key, ("start", Align::Left), ("end", Align::Left), value, at], &rows.iter().map(spans).collect::<Vec<_>>())
}

/// A key or value for a person: text as it is, unless it would break the table.
fn text(json: &str) -> String {
    match serde_json::from_str::<String>(json) {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => text,
        _ => json.to_owned(),
    }
}

fn print(app: &App, args: &args::Query, limit: Option<usize>) -> Result<(), Diagnostic> {
    let mut out = BufWriter::new(io::stdout().lock());
    let unwritten = |why: io::Error| Diagnostic::run("R020", "standard output cannot be written").because(why);
    let mut is_read = true;
    pages(app, args, limit, |page| {
        for row in page {
            let line = serde_json::to_string(&row).map_err(|why| Diagnostic::run("R034", "the answer was cut short").because(why))?;
            is_read = is_read && written(writeln!(out, "{line}")).map_err(unwritten)?;
        }
        Ok(())
    })?;
    written(out.flush()).map(|_| ()).map_err(unwritten)
}

/// False when whoever read the lines has enough.
fn written(wrote: io::Result<()>) -> io::Result<bool> {
    match wrote {
        Err(why) if why.kind() == ErrorKind::BrokenPipe => Ok(false),
        wrote => wrote.map(|()| true),
    }
}
