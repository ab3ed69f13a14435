//! Walks a TOML document: keeps the places, checks keys and types, and collects every error instead of stopping at the first.

use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;

use toml_edit::{Array, Item, TableLike, Value};

use super::keys::Shape;
use super::words::Spanned;
use crate::error::{Diagnostic, Place, suggest};

/// The whole document's label.
pub(super) const MANIFEST: &str = "the manifest";
/// The same, of a file that speaks of a host alone.
pub(super) const HOST_FILE: &str = "the host's file";

fn is_whole(label: &str) -> bool {
    matches!(label, MANIFEST | HOST_FILE)
}

/// Collects what is wrong with one file.
pub(super) struct Reader<'a> {
    file: Arc<str>,
    text: &'a str,
    line_starts: Vec<usize>,
    pub errors: Vec<Diagnostic>,
}

/// One value of the document, with its name for messages.
#[derive(Clone)]
pub(super) struct Field<'a> {
    /// As messages call it: `'topic' of [sources.flights]`.
    pub label: String,
    pub place: Place,
    data: Data<'a>,
}

#[derive(Clone, Copy)]
enum Data<'a> {
    Value(&'a Value),
    Table(&'a dyn TableLike),
    Tables,
}

/// A table whose keys have been checked.
pub(super) struct Fields<'a> {
    pub label: String,
    pub place: Place,
    table: &'a dyn TableLike,
}

impl<'a> Reader<'a> {
    pub fn new(file: &str, text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Self { file: file.into(), text, line_starts, errors: Vec::new() }
    }

    /// Line and column of a byte of the text.
    pub fn place(&self, span: Option<Range<usize>>) -> Place {
        let at = span.map_or(0, |s| s.start).min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= at);
        let line_start = line.checked_sub(1).and_then(|i| self.line_starts.get(i)).copied().unwrap_or(0);
        let column = self.text.get(line_start..at).unwrap_or_default().chars().count() + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file: self.file.clone(), line: number(line), column: number(column) }
    }

    pub fn error(&mut self, error: Diagnostic, place: &Place) {
        self.errors.push(error.at(Some(place.clone())));
    }

    /// The value was understood but is not allowed.
    pub fn refuse(&mut self, field: &Field<'_>, why: impl Display, hint: impl Into<String>) {
        self.error(Diagnostic::usage("M005", format!("{} {why}", field.label)).hint(hint), &field.place);
    }

    /// The value is not of the type that `wanted` tells.
    pub fn wrong_type(&mut self, field: &Field<'_>, wanted: &str) {
        let error = self.type_error(field, wanted);
        self.errors.push(error);
    }

    /// As `wrong_type`, and shows how it is written.
    pub fn wrong_form(&mut self, field: &Field<'_>, wanted: &str, hint: &str) {
        let error = self.type_error(field, wanted).hint(hint);
        self.errors.push(error);
    }

    fn type_error(&self, field: &Field<'_>, wanted: &str) -> Diagnostic {
        let message = format!("{} must be {wanted}, but is {}", field.label, field.kind());
        Diagnostic::usage("M004", message).at(Some(field.place.clone()))
    }

    /// The whole document as a table of this shape.
    pub fn root(&mut self, table: &'a dyn TableLike, shape: &'static Shape, label: &str) -> Fields<'a> {
        let fields = Fields { label: label.to_owned(), place: self.place(None), table };
        self.check_keys(&fields, shape);
        fields
    }

    /// A table of this shape; its unknown keys are reported.
    pub fn table(&mut self, field: &Field<'a>, shape: &'static Shape) -> Option<Fields<'a>> {
        let fields = self.open_table(field)?;
        self.check_keys(&fields, shape);
        Some(fields)
    }

    /// A table whose keys are names. `section` labels its entries `[section.name]`, else they are `'name' of ...`.
    pub fn entries(&mut self, field: &Field<'a>, section: Option<&str>) -> Vec<(Spanned<String>, Field<'a>)> {
        let Some(fields) = self.open_table(field) else { return Vec::new() };
        let mut entries = Vec::new();
        for (key, _) in fields.table.iter() {
            let Some(mut entry) = self.field(&fields, key) else { continue };
            let place = self.key_place(&fields, key);
            if let Some(section) = section {
                entry.label = format!("[{section}.{key}]");
            }
            if matches!(entry.data, Data::Table(_)) {
                entry.place = place.clone();
            }
            entries.push((Spanned { value: key.to_owned(), place }, entry));
        }
        entries
    }

    fn open_table(&mut self, field: &Field<'a>) -> Option<Fields<'a>> {
        let Data::Table(table) = field.data else {
            match field.data {
                Data::Tables => self.wrong_form(field, "a table", "write the header with one pair of brackets"),
                _ => self.wrong_type(field, "a table"),
            }
            return None;
        };
        Some(Fields { label: field.label.clone(), place: field.place.clone(), table })
    }

    fn check_keys(&mut self, fields: &Fields<'a>, shape: &'static Shape) {
        for (key, _) in fields.table.iter() {
            let place = self.key_place(fields, key);
            if let Some((_, instead)) = shape.later.iter().find(|(later, _)| *later == key) {
                let message = format!("'{key}' in {} is not there yet", fields.label);
                self.error(Diagnostic::usage("M007", message).hint(*instead), &place);
            } else if !shape.keys.contains(&key) {
                let hint = suggest(key, "keys here", shape.keys.iter().copied());
                self.error(Diagnostic::usage("M003", format!("unknown key '{key}' in {}", fields.label)).hint(hint), &place);
            }
        }
    }

    fn key_place(&self, fields: &Fields<'_>, key: &str) -> Place {
        match fields.table.key(key).and_then(|k| k.span()) {
            Some(span) => self.place(Some(span)),
            None => fields.place.clone(),
        }
    }

    /// A key's value, if it is there.
    pub fn field(&self, fields: &Fields<'a>, key: &str) -> Option<Field<'a>> {
        let item = fields.table.get(key)?;
        let label = match fields.label.as_str() {
            label if is_whole(label) => format!("[{key}]"),
            label => format!("'{key}' of {label}"),
        };
        let (data, span) = match item {
            Item::None => return None,
            Item::Value(Value::InlineTable(t)) => (Data::Table(t as &dyn TableLike), t.span()),
            Item::Value(v) => (Data::Value(v), v.span()),
            Item::Table(t) => (Data::Table(t as &dyn TableLike), None),
            Item::ArrayOfTables(_) => (Data::Tables, None),
        };
        let place = span.map_or_else(|| self.key_place(fields, key), |s| self.place(Some(s)));
        Some(Field { label, place, data })
    }

    /// A key's value, read by `read`.
    pub fn read<T>(&mut self, fields: &Fields<'a>, key: &str, read: impl FnOnce(&mut Self, &Field<'a>) -> Option<T>) -> Option<T> {
        let field = self.field(fields, key)?;
        read(self, &field)
    }

    /// As `read`, of a key that must be there. `example`: what to write.
    pub fn require<T>(
        &mut self,
        fields: &Fields<'a>,
        key: &str,
        example: &str,
        read: impl FnOnce(&mut Self, &Field<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.field(fields, key) {
            Some(field) => read(self, &field),
            None => {
                let key = if is_whole(&fields.label) { format!("[{key}]") } else { format!("'{key}'") };
                let message = format!("{} has no {key}", fields.label);
                self.error(Diagnostic::usage("M002", message).hint(format!("write {example}")), &fields.place);
                None
            }
        }
    }

    /// A string.
    pub fn text(&mut self, field: &Field<'a>) -> Option<Spanned<String>> {
        match field.data {
            Data::Value(Value::String(s)) => Some(Spanned { value: s.value().clone(), place: field.place.clone() }),
            _ => {
                self.wrong_type(field, "a string");
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, field: &Field<'a>) -> Option<bool> {
        match field.data {
            Data::Value(Value::Boolean(b)) => Some(*b.value()),
            _ => {
                self.wrong_type(field, "true or false");
                None
            }
        }
    }

    /// A whole number in a range.
    pub fn integer(&mut self, field: &Field<'a>, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let Data::Value(Value::Integer(i)) = field.data else {
            self.wrong_type(field, "a whole number");
            return None;
        };
        let found = u64::try_from(*i.value()).ok().filter(|n| range.contains(n));
        if found.is_none() {
            let hint = format!("a number from {} to {}", range.start(), range.end());
            self.refuse(field, format_args!("is {}, which is out of range", i.value()), hint);
        }
        found
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, field: &Field<'a>, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(field)?;
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let hint = suggest(&text.value, "allowed", words.iter().map(|(word, _)| *word));
            self.refuse(field, format_args!("cannot be '{}'", text.value), hint);
        }
        found
    }

    /// The entries of an array; `None` when it is not one.
    pub fn array(&self, field: &Field<'a>) -> Option<Vec<Field<'a>>> {
        let Data::Value(Value::Array(array)) = field.data else { return None };
        Some(self.array_fields(field, array))
    }

    fn array_fields(&self, field: &Field<'a>, array: &'a Array) -> Vec<Field<'a>> {
        let entry = |(i, value): (usize, &'a Value)| Field {
            label: format!("entry {} of {}", i + 1, field.label),
            place: self.place(value.span()),
            data: match value {
                Value::InlineTable(t) => Data::Table(t),
                value => Data::Value(value),
            },
        };
        array.iter().enumerate().map(entry).collect()
    }
}

impl<'a> Field<'a> {
    pub fn is_text(&self) -> bool {
        matches!(self.data, Data::Value(Value::String(_)))
    }

    pub fn is_table(&self) -> bool {
        matches!(self.data, Data::Table(_))
    }

    /// The plain value, unless it is a table.
    pub fn value(&self) -> Option<&'a Value> {
        match self.data {
            Data::Value(v) => Some(v),
            Data::Table(_) | Data::Tables => None,
        }
    }

    fn kind(&self) -> &'static str {
        match self.data {
            Data::Table(_) => "a table",
            Data::Tables => "a list of tables",
            Data::Value(Value::String(_)) => "a string",
            Data::Value(Value::Integer(_)) => "a whole number",
            Data::Value(Value::Float(_)) => "a number with a fraction",
            Data::Value(Value::Boolean(_)) => "true or false",
            Data::Value(Value::Datetime(_)) => "a date or time",
            Data::Value(Value::Array(_)) => "a list",
            Data::Value(Value::InlineTable(_)) => "a table",
        }
    }
}
