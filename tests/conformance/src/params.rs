//! A vector's parameters, each of which has to be understood; and why a vector is skipped.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::vector::{InputKind, Vector};

/// Why a vector cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    operator: String,
    why: String,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operator, self.why)
    }
}

/// Parameters and inputs of one vector. Notes what was asked for: a parameter that nobody asks for is not understood.
pub struct Params<'v> {
    vector: &'v Vector,
    read: RefCell<BTreeSet<&'static str>>,
}

impl<'v> Params<'v> {
    pub fn new(vector: &'v Vector) -> Self {
        Self { vector, read: RefCell::default() }
    }

    /// This vector cannot be run.
    pub fn skip(&self, why: impl Into<String>) -> Skip {
        Skip { operator: self.vector.operator.clone(), why: why.into() }
    }

    /// A parameter that is not there yet, named.
    pub fn not_yet(&self, what: &str) -> Skip {
        self.skip(format!("{what} is not there yet"))
    }

    /// A parameter, unless it is missing or null.
    fn found(&self, name: &'static str) -> Option<&'v Value> {
        self.read.borrow_mut().insert(name);
        self.vector.params.get(name).filter(|value| !value.is_null())
    }

    fn typed<T>(&self, name: &'static str, what: &str, read: impl Fn(&'v Value) -> Option<T>) -> Result<Option<T>, Skip> {
        let Some(value) = self.found(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.skip(format!("the parameter '{name}' is not {what}: {value}")))
    }

    fn required<T>(&self, name: &'static str, value: Option<T>) -> Result<T, Skip> {
        value.ok_or_else(|| self.skip(format!("the parameter '{name}' is missing")))
    }

    /// A text, where it is there.
    pub fn text_if_any(&self, name: &'static str) -> Result<Option<&'v str>, Skip> {
        self.typed(name, "a text", Value::as_str)
    }

    /// A text.
    pub fn text(&self, name: &'static str) -> Result<&'v str, Skip> {
        self.required(name, self.text_if_any(name)?)
    }

    /// Texts.
    pub fn texts(&self, name: &'static str) -> Result<Vec<&'v str>, Skip> {
        let texts = |value: &'v Value| value.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
        self.required(name, self.typed(name, "a list of texts", texts)?)
    }

    /// A whole number, where it is there.
    pub fn number_if_any(&self, name: &'static str) -> Result<Option<i64>, Skip> {
        self.typed(name, "a whole number", Value::as_i64)
    }

    /// Milliseconds as a manifest writes them, where they are there.
    pub fn ms_if_any(&self, name: &'static str) -> Result<Option<Value>, Skip> {
        Ok(self.number_if_any(name)?.map(|ms| format!("{ms}ms").into()))
    }

    /// Milliseconds as a manifest writes them.
    pub fn ms(&self, name: &'static str) -> Result<Value, Skip> {
        self.required(name, self.ms_if_any(name)?)
    }

    /// True where the vector says so; false where it says nothing.
    pub fn flag(&self, name: &'static str) -> Result<bool, Skip> {
        Ok(self.typed(name, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    /// A function that is stated in words, as `understand` reads it.
    pub fn function<T>(&self, name: &'static str, understand: impl Fn(&str) -> Option<T>) -> Result<T, Skip> {
        let words = self.text(name)?;
        understand(words).ok_or_else(|| self.unknown(name, words))
    }

    /// A function that nobody here knows.
    pub fn unknown(&self, name: &str, words: &str) -> Skip {
        self.skip(format!("unknown function: {name} \"{words}\""))
    }

    /// Takes note of a parameter that tells people what another one means.
    pub fn explained(&self, name: &'static str) {
        self.read.borrow_mut().insert(name);
    }

    /// Refuses what nobody has asked for.
    pub fn all_read(&self) -> Result<(), Skip> {
        let read = self.read.borrow();
        match self.vector.params.iter().find(|(name, value)| !value.is_null() && !read.contains(name.as_str())) {
            Some((name, value)) => Err(self.skip(format!("unknown parameter: {name} {value}"))),
            None => Ok(()),
        }
    }

    /// Refuses inputs other than these.
    pub fn inputs(&self, wanted: &[(&str, InputKind)]) -> Result<(), Skip> {
        let there: Vec<(&str, InputKind)> = self.vector.inputs.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        if there.iter().any(|(_, kind)| *kind == InputKind::GlobalTable) {
            return Err(self.not_yet("a global table"));
        }
        if there == wanted { Ok(()) } else { Err(self.skip(format!("unknown inputs: {there:?} in place of {wanted:?}"))) }
    }
}
