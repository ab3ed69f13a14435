//! What runtimes of other languages write to stderr about an exception that nobody caught, as message and stack.

/// An uncaught exception.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Exception {
    /// One line; none where nothing was written.
    pub(super) message: Option<String>,
    /// The guest's own stack, as its language tells it.
    pub(super) stack: Vec<String>,
}

/// Reads what was written in the call that trapped.
pub(super) fn read(stderr: &[String]) -> Exception {
    let Some(first) = stderr.first() else { return Exception::default() };
    if let Some(exception) = quick_js(&stderr.join("\n")) {
        return exception;
    }
    if let Some((_, place)) = first.split_once(" panicked at ").filter(|_| first.starts_with("thread ")) {
        return Exception { message: Some(rust_panic(place, &stderr[1..])), stack: Vec::new() };
    }
    let trimmed = |lines: &[String]| lines.iter().map(|line| line.trim().to_owned()).collect();
    // Python tells the message last, everybody else first.
    match stderr {
        [head, stack @ .., message] if head.starts_with("Traceback") => Exception { message: Some(message.clone()), stack: trimmed(stack) },
        [message, stack @ ..] => Exception { message: Some(message.clone()), stack: trimmed(stack) },
        [] => Exception::default(),
    }
}

/// `thread 'main' panicked at PLACE:`, then the message, then advice that nobody can follow.
fn rust_panic(place: &str, rest: &[String]) -> String {
    let said: Vec<&str> = rest.iter().map(String::as_str).take_while(|line| !line.starts_with("note: ")).map(str::trim).collect();
    format!("panicked at {place} {}", said.join(" ")).trim_end().to_owned()
}

/// componentize-qjs panics with the exception as Rust's `Debug` shows it: `Exception { message: Some(".."), stack: Some("..") }`.
fn quick_js(text: &str) -> Option<Exception> {
    let (_, rest) = text.split_once("Exception { message: Some(\"")?;
    let (message, rest) = unquote(rest)?;
    let stack = rest.split_once("stack: Some(\"").and_then(|(_, rest)| unquote(rest)).map(|(stack, _)| stack).unwrap_or_default();
    let stack = stack.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    Some(Exception { message: Some(message), stack })
}

/// A text up to its closing quote, with Rust's escapes taken back, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut unquoted = String::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            '"' => return Some((unquoted, rest.as_str())),
            '\\' => match rest.next()? {
                'n' => unquoted.push('\n'),
                't' => unquoted.push('\t'),
                'r' => unquoted.push('\r'),
                'u' => {
                    let (code, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
                    unquoted.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?);
                    rest = after.chars();
                }
                other => unquoted.push(other),
            },
            other => unquoted.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_tells_message_and_stack() {
        let cases: [(&[&str], &str, &[&str]); 5] = [
            (
                &[
                    "thread '<unnamed>' (1) panicked at crates/runtime/src/interpreter.rs:51:31:",
                    "Failed to call 'process': Value(Exception(",
                    r#"Exception { message: Some("no \"tea\" \u{fc}ber"), stack: Some("    at deeper (/t.js:1:29)\n    at process (/t.js:7:12)\n") })"#,
                    ")",
                ],
                "no \"tea\" über",
                &["at deeper (/t.js:1:29)", "at process (/t.js:7:12)"],
            ),
            (
                &["thread 'main' (1) panicked at src/lib.rs:3:5:", "out of tea", "note: run with `RUST_BACKTRACE=1`"],
                "panicked at src/lib.rs:3:5: out of tea",
                &[],
            ),
            (
                &["Traceback (most recent call last):", "  File \"app.py\", line 3, in process", "ValueError: no tea"],
                "ValueError: no tea",
                &["Traceback (most recent call last):", "File \"app.py\", line 3, in process"],
            ),
            (&["TypeError: no tea", "    at process (count.js:3)"], "TypeError: no tea", &["at process (count.js:3)"]),
            (&["broken: Exception { message: Some(\"no end"], "broken: Exception { message: Some(\"no end", &[]),
        ];
        for (stderr, message, stack) in cases {
            let stderr: Vec<String> = stderr.iter().map(|&line| line.to_owned()).collect();
            let stack = stack.iter().map(|&line| line.to_owned()).collect();
            assert_eq!(read(&stderr), Exception { message: Some(message.to_owned()), stack });
        }
        assert_eq!(read(&[]), Exception::default());
    }
}
