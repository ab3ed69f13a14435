//! What a person sees: answers on standard output, errors on standard error, and the exit code that goes with them.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use crate::error::{Blame, Diagnostic, Severity};

/// What a shell shows of a process that wrote to a pipe which nobody reads any more.
const BROKEN_PIPE: i32 = 141;

/// Prints a line of an answer. When nobody reads it any more, the command ends.
pub fn say(line: &str) {
    if writeln!(io::stdout(), "{line}").is_err() {
        std::process::exit(BROKEN_PIPE);
    }
}

/// Asks on a terminal; elsewhere nobody could answer, and `nobody` says so.
pub fn confirmed(question: &str, nobody: impl FnOnce() -> Diagnostic) -> Result<bool, Diagnostic> {
    if !io::stdin().is_terminal() {
        return Err(nobody().hint("give --yes; with --dry-run nothing is done"));
    }
    // On standard error, as the question is no answer. Nobody is left to ask when it is closed, and nothing is answered then.
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A problem as a log line: nothing ends because of it.
pub fn line(problem: &Diagnostic) -> String {
    let place = problem.place.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
    let hint = problem.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
    format!("{}: {}{place}{hint}", problem.code, problem.brief())
}

/// A number of things.
pub fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// A time in milliseconds for a person; `-` where there is none.
pub fn time(ms: Option<i64>) -> String {
    ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).map_or_else(|| "-".to_owned(), |at| at.to_string())
}

/// Prints every problem to standard error. The code is 2 when one of them is the user's, else 1.
pub fn print(problems: &[Diagnostic]) -> ExitCode {
    let several = problems.len() > 1;
    let mut text = problems.iter().map(|problem| format!("{problem}\n")).collect::<Vec<_>>().join(if several { "\n" } else { "" });
    if several {
        text += &format!("\n{} errors\n", problems.len());
    }
    // Nobody is left to tell when standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
    exit_code(problems)
}

/// As `print`, for programs: a JSON object a line, like the log lines before it.
pub fn print_json(problems: &[Diagnostic]) -> ExitCode {
    let text: String = problems.iter().map(|problem| format!("{}\n", to_json(problem))).collect();
    // Nobody is left to tell when standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
    exit_code(problems)
}

fn to_json(problem: &Diagnostic) -> serde_json::Value {
    let place = problem.place.as_ref().map(|at| serde_json::json!({ "file": &*at.file, "line": at.line, "column": at.column }));
    serde_json::json!({
        "level": match problem.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "WARN",
        },
        "code": problem.code,
        "message": problem.message,
        "place": place,
        "causes": problem.causes,
        "hint": problem.hint,
    })
}

fn exit_code(problems: &[Diagnostic]) -> ExitCode {
    let usage = problems.iter().any(|p| p.blame == Blame::Usage);
    ExitCode::from(if usage { 2 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;

    #[test]
    fn an_error_for_programs_has_all_that_a_person_sees() {
        let place = Place { file: "app.toml".into(), line: 3, column: 1 };
        let problem = Diagnostic::usage("M001", "what").at(Some(place)).because("why").hint("do");
        let expected = serde_json::json!({
            "level": "ERROR", "code": "M001", "message": "what", "place": { "file": "app.toml", "line": 3, "column": 1 },
            "causes": ["why"], "hint": "do",
        });
        assert_eq!(to_json(&problem), expected);
    }
}
