//! What a user sees when something is wrong: what, why, and what to do, with a stable code.

mod codes;
mod nearest;

use std::fmt;
use std::sync::Arc;

pub use codes::{Code, all as all_codes, explain};
pub use nearest::{nearest, suggest};

/// Whether anything can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing goes on.
    Error,
    /// It goes on, though perhaps not as meant.
    Warning,
}

/// Whose fault it is, which decides the exit code: a bad manifest or bad usage is 2, everything else 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The manifest, the command line or a component: nothing was started.
    Usage,
    /// What was running failed.
    Run,
}

/// A line and column of a file, both from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that is wrong, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, `explain` knows it: `M...` manifest, `T...` topology, `C...` component, `S...` state, `B...` broker, `R...` run.
    pub code: &'static str,
    /// Whether anything can go on.
    pub severity: Severity,
    /// Whose fault.
    pub blame: Blame,
    /// What is wrong; one line, no full stop.
    pub message: String,
    /// Where in the manifest.
    pub place: Option<Place>,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A fault of the manifest, the command line or a component.
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        let severity = Severity::Error;
        Self { code, severity, blame: Blame::Usage, message: message.into(), place: None, causes: Vec::new(), hint: None }
    }

    /// Something in the manifest that is probably not meant.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::usage(code, message) }
    }

    /// A failure of what was running.
    pub fn run(code: &'static str, message: impl Into<String>) -> Self {
        Self { blame: Blame::Run, ..Self::usage(code, message) }
    }

    /// Adds where.
    #[must_use]
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// Adds why.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// What and why on one line, for places that have no room for more: `what: why: why`.
    pub fn brief(&self) -> String {
        self.causes.iter().fold(self.message.clone(), |brief, cause| brief + ": " + cause)
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The first problem, and the others as its causes: for places that have room for one.
pub fn in_one(problems: Vec<Diagnostic>) -> Diagnostic {
    let mut problems = problems.into_iter();
    let first = problems.next().unwrap_or_else(|| Diagnostic::run("R034", "something went wrong, and nothing is known of it"));
    problems.fold(first, |first, other| first.because(other.brief()))
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.code, self.message)?;
        if let Some(place) = &self.place {
            write!(f, "\n  --> {place}")?;
        }
        for cause in &self.causes {
            write!(f, "\nCaused by: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}
