//! `[stores.*]`: the kind of each store, and the keys that go with it.

use std::time::Duration;

use super::keys;
use super::model::Store;
use super::reader::{Field, Fields, Reader};
use super::sections::BACKENDS;
use super::values::duration_text;
use super::words::{Backend, Name, StoreKind, StoreShape};
use crate::error::Diagnostic;
use crate::limits;

const KINDS: &[(&str, StoreKind)] = &[
    ("key-value", StoreKind::KeyValue),
    ("window", StoreKind::Window),
    ("session", StoreKind::Session),
    ("versioned", StoreKind::Versioned),
];

/// The keys that say what a store keeps, each with the kinds that it belongs to.
const KEYS_OF_KINDS: &[(&str, &[StoreKind])] = &[
    ("window", &[StoreKind::Window]),
    ("retention", &[StoreKind::Window, StoreKind::Session]),
    ("duplicates", &[StoreKind::Window]),
    ("history", &[StoreKind::Versioned]),
    ("segment-interval", &[StoreKind::Versioned]),
    ("ttl", &[StoreKind::KeyValue]),
];

impl<'a> Reader<'a> {
    /// `[stores.NAME]`.
    pub fn store(&mut self, name: Name, field: &Field<'a>) -> Option<Store> {
        let fields = self.table(field, &keys::STORE)?;
        let backend = self.read(&fields, "backend", |r, f| r.word(f, BACKENDS)).unwrap_or(Backend::RocksDb);
        let kind = match self.field(&fields, "kind") {
            Some(kind) => self.word(&kind, KINDS)?,
            None => StoreKind::KeyValue,
        };
        self.foreign_keys(&fields, kind);
        let shape = self.shape(&fields, kind)?;
        Some(Store { name, shape, backend })
    }

    fn foreign_keys(&mut self, fields: &Fields<'a>, kind: StoreKind) {
        for (key, kinds) in KEYS_OF_KINDS.iter().filter(|(_, kinds)| !kinds.contains(&kind)) {
            let Some(field) = self.field(fields, key) else { continue };
            let of = kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
            let message = format!("{} belongs to {of} stores, and this is a {kind} store", field.label);
            let (StoreKind::KeyValue, [other, ..]) = (kind, *kinds) else {
                self.error(Diagnostic::usage("M008", message).hint("remove it"), &field.place);
                continue;
            };
            self.error(Diagnostic::usage("M008", message).hint(format!("say kind = \"{other}\", or remove it")), &field.place);
        }
    }

    fn shape(&mut self, fields: &Fields<'a>, kind: StoreKind) -> Option<StoreShape> {
        match kind {
            StoreKind::KeyValue => Some(StoreShape::KeyValue { ttl: self.ttl(fields) }),
            StoreKind::Window => {
                let size = self.require(fields, "window", "window = \"1h\": the length of the windows", Self::duration);
                let retention = self.retention(fields);
                let duplicates = self.read(fields, "duplicates", Self::boolean).unwrap_or(false);
                let (size, retention) = (size?, retention?);
                if retention < size {
                    let field = self.field(fields, "retention")?;
                    let what = format!("is shorter than the windows: {}", duration_text(size));
                    self.refuse(&field, &what, "a window that is still open would be gone; write the window's length and what comes late");
                    return None;
                }
                Some(StoreShape::Window { size, retention, duplicates })
            }
            StoreKind::Session => Some(StoreShape::Session { retention: self.retention(fields)? }),
            StoreKind::Versioned => {
                let example = "history = \"1h\": how far back the versions of a key go";
                let history = self.require(fields, "history", example, Self::duration);
                let segment = self.read(fields, "segment-interval", Self::duration);
                let history = history?;
                self.check_segment(fields, history, segment)?;
                Some(StoreShape::Versioned { history, segment })
            }
        }
    }

    fn ttl(&mut self, fields: &Fields<'a>) -> Option<Duration> {
        let field = self.field(fields, "ttl")?;
        let ttl = self.duration(&field)?;
        if ttl.is_zero() {
            self.refuse(&field, "is 0", "no row would ever be seen; leave the key out, and rows stay until they are deleted");
        }
        Some(ttl)
    }

    fn retention(&mut self, fields: &Fields<'a>) -> Option<Duration> {
        let example = "retention = \"24h\": how long windows and sessions are kept, by their time against the store's largest";
        self.require(fields, "retention", example, Self::duration)
    }

    /// Each segment of the history may have to be looked into at a read.
    fn check_segment(&mut self, fields: &Fields<'a>, history: Duration, segment: Option<Duration>) -> Option<()> {
        let Some(segment) = segment else { return Some(()) };
        let least = (history / limits::VERSIONED_SEGMENTS).max(Duration::from_millis(1));
        if segment >= least {
            return Some(());
        }
        let field = self.field(fields, "segment-interval")?;
        let what = format!("cuts the history into more than {} segments", limits::VERSIONED_SEGMENTS);
        self.refuse(&field, &what, format!("write at least \"{}\"", duration_text(least)));
        None
    }
}
