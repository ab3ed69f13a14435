//! Why a record was not processed: three classes, and the host's answer to each.

use std::fmt;

/// Why a call did not succeed. Whatever the class, everything that the source record caused is undone: store writes and outputs, of
/// this node and of others.
///
/// ```
/// use cofferdam_guest::Failure;
///
/// fn check(delay: i64) -> Result<(), Failure> {
///     if delay.abs() > 10_000 {
///         return Err(Failure::bad_record(format!("delay: {delay} minutes cannot be")));
///     }
///     Ok(())
/// }
/// assert_eq!(check(99_999).unwrap_err().to_string(), "bad record: delay: 99999 minutes cannot be");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The record's fault: the node's failure policy applies (fail, skip, dead-letter).
    BadRecord(String),
    /// Nobody's fault: the task sleeps for the back-off and tries the record again, then it counts as bad.
    Transient(String),
    /// The processor cannot go on: the task is parked, whatever the policy.
    Fatal(String),
}

impl Failure {
    /// A [`Failure::BadRecord`].
    ///
    /// ```
    /// # use cofferdam_guest::Failure;
    /// assert_eq!(Failure::bad_record("no origin"), Failure::BadRecord("no origin".to_owned()));
    /// ```
    pub fn bad_record(reason: impl Into<String>) -> Self {
        Self::BadRecord(reason.into())
    }

    /// A [`Failure::Transient`].
    ///
    /// ```
    /// # use cofferdam_guest::Failure;
    /// assert_eq!(Failure::transient("not yet"), Failure::Transient("not yet".to_owned()));
    /// ```
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient(reason.into())
    }

    /// A [`Failure::Fatal`].
    ///
    /// ```
    /// # use cofferdam_guest::Failure;
    /// assert_eq!(Failure::fatal("the store is of another version").reason(), "the store is of another version");
    /// ```
    pub fn fatal(reason: impl Into<String>) -> Self {
        Self::Fatal(reason.into())
    }

    /// What is wrong, without the class.
    ///
    /// ```
    /// # use cofferdam_guest::Failure;
    /// assert_eq!(Failure::bad_record("key is null").reason(), "key is null");
    /// ```
    pub fn reason(&self) -> &str {
        match self {
            Self::BadRecord(reason) | Self::Transient(reason) | Self::Fatal(reason) => reason,
        }
    }

    /// For `derive(Inputs)`: the host named an input that the processor has not declared.
    #[doc(hidden)]
    pub fn no_such_input(index: u32) -> Self {
        Self::Fatal(format!("there is no input {index}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self {
            Self::BadRecord(_) => "bad record",
            Self::Transient(_) => "transient",
            Self::Fatal(_) => "fatal",
        };
        write!(out, "{class}: {}", self.reason())
    }
}

impl std::error::Error for Failure {}
