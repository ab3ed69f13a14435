//! The functions that the vectors state in words: predicates, mappers, aggregators.

use serde::Deserialize;

/// Holds when each of its terms does.
pub(crate) type Predicate = Vec<Term>;

/// One condition on a record.
#[derive(Clone, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Term {
    /// The key is there.
    Key {},
    /// The value is there.
    Value {},
    /// The value's number, or what is left of it by `modulo`, against a number.
    Number { modulo: Option<u64>, relation: Relation, to: u64 },
}

/// How two numbers stand to each other.
#[derive(Clone, Copy, Deserialize)]
pub(crate) enum Relation {
    #[serde(rename = "==")]
    Equal,
    #[serde(rename = "!=")]
    Unequal,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = ">")]
    More,
    #[serde(rename = ">=")]
    AtLeast,
}

/// Whether a predicate holds for a record.
pub(crate) fn holds(predicate: &[Term], key: Option<&str>, value: Option<&str>) -> bool {
    predicate.iter().all(|term| match term {
        Term::Key {} => key.is_some(),
        Term::Value {} => value.is_some(),
        Term::Number { modulo, relation, to } => {
            let number = number(value);
            let number = modulo.map_or(Some(number), |modulo| number.checked_rem(modulo));
            number.is_some_and(|number| relation.holds(number, *to))
        }
    })
}

impl Relation {
    fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Unequal => left != right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

/// What becomes of a key and a value.
#[derive(Clone, Deserialize)]
#[serde(tag = "to", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub(crate) enum Mapper {
    /// The value in upper case.
    Upper {},
    /// `key=value`; null where the value begins with this text.
    WithKey {
        #[serde(default)]
        unless: Option<String>,
    },
    /// The value behind a text.
    Prefixed { text: String },
    /// Key and value change places.
    Swapped {},
    /// The value's first letter becomes the key.
    FirstLetter {},
}

impl Mapper {
    pub(crate) fn map(&self, key: Option<String>, value: Option<String>) -> (Option<String>, Option<String>) {
        match self {
            Self::Upper {} => (key, value.map(|value| value.to_uppercase())),
            Self::WithKey { unless } => {
                let dropped = unless.as_deref().zip(value.as_deref()).is_some_and(|(unless, value)| value.starts_with(unless));
                let mapped = (!dropped).then(|| format!("{}={}", shown(key.as_deref()), shown(value.as_deref())));
                (key, mapped)
            }
            Self::Prefixed { text } => (key, Some(format!("{text}{}", shown(value.as_deref())))),
            Self::Swapped {} => (value, key),
            Self::FirstLetter {} => (value.as_deref().and_then(|value| value.chars().next()).map(String::from), value),
        }
    }
}

/// How the values of a stream become one.
#[derive(Clone, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub(crate) enum Aggregator {
    Count {},
    /// From the first value: the next ones behind it, with a text between.
    Reduce {
        between: String,
    },
    /// From a text: the values behind it, with a text before each. Null, which deletes, where the value begins with `null-at`.
    Fold {
        initial: String,
        between: String,
        #[serde(default)]
        null_at: Option<String>,
    },
}

impl Aggregator {
    /// The aggregate with one value more.
    pub(crate) fn add(&self, held: Option<String>, value: String) -> Option<String> {
        match (self, held) {
            (Self::Count {}, held) => Some((held.as_deref().map_or(0, integer) + 1).to_string()),
            (Self::Reduce { between }, Some(held)) => Some(format!("{held}{between}{value}")),
            (Self::Reduce { .. }, None) => Some(value),
            (Self::Fold { null_at: Some(prefix), .. }, _) if value.starts_with(prefix) => None,
            (Self::Fold { initial, between, .. }, held) => Some(format!("{}{between}{value}", held.as_ref().unwrap_or(initial))),
        }
    }
}

/// How the values of a table's rows become one, and how they are taken out again.
#[derive(Clone, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum TableAggregator {
    Count {},
    /// Of numbers.
    Sum {},
    /// Values behind a text, each with a text before it that tells whether it came or went. Without `initial`: behind the first value.
    Trace {
        #[serde(default)]
        initial: Option<String>,
        added: String,
        removed: String,
    },
}

impl TableAggregator {
    pub(crate) fn add(&self, held: Option<String>, value: &str) -> String {
        match self {
            Self::Count {} => (held.as_deref().map_or(0, integer) + 1).to_string(),
            Self::Sum {} => (held.as_deref().map_or(0, integer) + integer(value)).to_string(),
            Self::Trace { initial, added, .. } => match held.as_ref().or(initial.as_ref()) {
                Some(held) => format!("{held}{added}{value}"),
                None => value.to_owned(),
            },
        }
    }

    pub(crate) fn remove(&self, held: &str, value: &str) -> String {
        match self {
            Self::Count {} => (integer(held) - 1).to_string(),
            Self::Sum {} => (integer(held) - integer(value)).to_string(),
            Self::Trace { removed, .. } => format!("{held}{removed}{value}"),
        }
    }
}

/// `g:n` as group and number; none where no text stands before the colon.
pub(crate) fn group(value: &str) -> Option<(String, String)> {
    let (group, number) = value.split_once(':')?;
    (!group.is_empty()).then(|| (group.to_owned(), number.to_owned()))
}

/// The decimal digits of the value as one number, 0 where it has none.
fn number(value: Option<&str>) -> u64 {
    let digits: String = value.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// A whole number in decimal text, 0 where it is none.
fn integer(text: &str) -> i64 {
    text.parse().unwrap_or(0)
}

/// A text, or the four letters null.
pub(crate) fn shown(text: Option<&str>) -> &str {
    text.unwrap_or("null")
}
