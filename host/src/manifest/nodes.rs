//! The nodes: `[sources.*]`, `[tables.*]`, `[processors.*]`, `[sinks.*]`.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value as Json};
use toml_edit::Value;

use super::capability::{CAPABILITIES, Capability};
use super::keys;
use super::model::{Config, Limits, Processor, Sink, Source, Table};
use super::reader::{Field, Fields, Reader};
use super::sections::{BACKENDS, STOCK, stock_hint};
use super::words::{Backend, ComponentRef, FailurePolicy, Name, OnError, Spanned, Start, TimestampFrom};
use crate::error::{Diagnostic, Place};
use crate::limits;

impl<'a> Reader<'a> {
    /// `[sources.NAME]`.
    pub fn source(&mut self, name: Name, field: &Field<'a>) -> Option<Source> {
        let fields = self.table(field, &keys::SOURCE)?;
        let topics = self.source_topics(&fields);
        let starts = [("earliest", Start::Earliest), ("latest", Start::Latest)];
        Some(Source {
            name,
            start: self.read(&fields, "start", |r, f| r.word(f, &starts)).unwrap_or(Start::Earliest),
            timestamp: self.read(&fields, "timestamp", Self::timestamp),
            on_error: self.on_error(&fields),
            topics: topics?,
        })
    }

    fn source_topics(&mut self, fields: &Fields<'a>) -> Option<Vec<Name>> {
        let (one, many) = (self.field(fields, "topic"), self.field(fields, "topics"));
        match (one, many) {
            (Some(_), Some(many)) => {
                let message = format!("{} has both 'topic' and 'topics'", fields.label);
                self.error(Diagnostic::usage("M008", message).hint("keep one of them"), &many.place);
                None
            }
            (Some(one), None) => Some(vec![self.topic_name(&one)?]),
            (None, None) => self.require(fields, "topic", "topic = \"...\"", |_, _| None),
            (None, Some(many)) => {
                let Some(entries) = self.array(&many) else {
                    self.wrong_form(&many, "a list of topics", "for one topic write topic = \"...\"");
                    return None;
                };
                if entries.is_empty() {
                    self.refuse(&many, "is empty", "name at least one topic");
                    return None;
                }
                let mut topics: Vec<Name> = Vec::new();
                for entry in &entries {
                    let Some(topic) = self.topic_name(entry) else { continue };
                    if topics.iter().any(|t| t.value == topic.value) {
                        self.repeated(entry, &topic);
                    }
                    topics.push(topic);
                }
                Some(topics)
            }
        }
    }

    /// Something stands twice in one list.
    pub fn repeated(&mut self, field: &Field<'a>, what: &str) {
        let message = format!("{} names '{what}' a second time", field.label);
        self.error(Diagnostic::usage("M009", message).hint("remove one of them"), &field.place);
    }

    fn timestamp(&mut self, field: &Field<'a>) -> Option<TimestampFrom> {
        if !field.is_table() {
            self.wrong_form(field, "a table", "write timestamp = { field = \"/time\" }, with a JSON pointer into the value");
            return None;
        }
        let fields = self.table(field, &keys::TIMESTAMP)?;
        let pointer = self.require(&fields, "field", "field = \"/time\"", |r, f| {
            let text = r.text(f)?.value;
            if !text.is_empty() && !text.starts_with('/') {
                r.refuse(f, format_args!("is '{text}', which is no JSON pointer"), format!("write \"/{}\"", text.replace('.', "/")));
                return None;
            }
            Some(text)
        });
        let format = self.read(&fields, "format", |r, f| {
            let text = r.text(f)?.value;
            let tried = jiff::fmt::strtime::format(&text, &jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC));
            let format = tried.map(|_| text.clone()).map_err(|why| format!("is '{text}': {why}"));
            r.accept(f, format, "formats have strftime's letters, as \"%Y/%m/%d %H:%M\"")
        });
        let zone = self.read(&fields, "zone", |r, f| {
            let text = r.text(f)?.value;
            let known = jiff::tz::TimeZone::get(&text).map(|_| text.clone());
            r.accept(f, known.map_err(|_| format!("is '{text}', which is no time zone")), "an IANA name, as \"Europe/Berlin\" or \"UTC\"")
        });
        Some(TimestampFrom { field: pointer?, format, zone: zone.unwrap_or_else(|| "UTC".to_owned()) })
    }

    /// `on-error` of a node: a table, or a policy's name alone.
    fn on_error(&mut self, node: &Fields<'a>) -> OnError {
        const DEAD_LETTER: &str = "on-error = { policy = \"dead-letter\", topic = \"...\" }";
        let policies = [("fail", Some(FailurePolicy::Fail)), ("skip", Some(FailurePolicy::Skip)), ("dead-letter", None)];
        let mut on_error = OnError::default();
        let Some(field) = self.field(node, "on-error") else { return on_error };
        if field.is_text() {
            match self.policy(&field, &policies) {
                Some(Some(policy)) => on_error.policy = policy,
                Some(None) => self.refuse(&field, "needs a topic for 'dead-letter'", format!("write {DEAD_LETTER}")),
                None => {}
            }
            return on_error;
        }
        if !field.is_table() {
            self.wrong_form(&field, "a policy or a table", &format!("write on-error = \"skip\", or {DEAD_LETTER}"));
            return on_error;
        }
        let Some(fields) = self.table(&field, &keys::ON_ERROR) else { return on_error };
        let policy_field = self.field(&fields, "policy");
        let policy = policy_field.as_ref().map_or(Some(Some(FailurePolicy::Fail)), |f| self.policy(f, &policies));
        let topic = self.field(&fields, "topic");
        match (policy, topic) {
            (Some(None), Some(topic)) => {
                if let Some(topic) = self.topic_name(&topic) {
                    on_error.policy = FailurePolicy::DeadLetter(topic.value);
                    on_error.place = Some(topic.place);
                }
            }
            (Some(None), None) => {
                let _: Option<()> = self.require(&fields, "topic", DEAD_LETTER, |_, _| None);
            }
            (Some(Some(policy)), topic) => {
                if let Some(topic) = topic {
                    let message = format!("{} has no use without policy = \"dead-letter\"", topic.label);
                    self.error(Diagnostic::usage("M008", message).hint(format!("write {DEAD_LETTER}")), &topic.place);
                }
                on_error.policy = policy;
            }
            (None, _) => {}
        }
        if let Some(retry) = self.read(&fields, "retry", |r, f| r.table(f, &keys::RETRY)) {
            if let Some(max) = self.read(&retry, "max", |r, f| r.integer(f, 0..=u64::from(u32::MAX))) {
                on_error.retries = u32::try_from(max).unwrap_or(u32::MAX);
            }
            if let Some(backoff) = self.read(&retry, "backoff", Self::duration) {
                on_error.backoff = backoff;
            }
        }
        on_error
    }

    fn policy(&mut self, field: &Field<'a>, policies: &[(&str, Option<FailurePolicy>)]) -> Option<Option<FailurePolicy>> {
        let words: Vec<(&str, usize)> = policies.iter().enumerate().map(|(i, (word, _))| (*word, i)).collect();
        let index = self.word(field, &words)?;
        policies.get(index).map(|(_, policy)| policy.clone())
    }

    /// `[tables.NAME]`.
    pub fn table_node(&mut self, name: Name, field: &Field<'a>) -> Option<Table> {
        let fields = self.table(field, &keys::TABLE)?;
        let topic = self.require(&fields, "topic", "topic = \"...\"", Self::topic_name);
        Some(Table {
            name,
            timestamp: self.read(&fields, "timestamp", Self::timestamp),
            on_error: self.on_error(&fields),
            changelog: self.read(&fields, "changelog", Self::boolean).unwrap_or(false),
            backend: self.read(&fields, "backend", |r, f| r.word(f, BACKENDS)).unwrap_or(Backend::RocksDb),
            topic: topic?,
        })
    }

    /// `[sinks.NAME]`.
    pub fn sink(&mut self, name: Name, field: &Field<'a>) -> Option<Sink> {
        let fields = self.table(field, &keys::SINK)?;
        let topic = self.require(&fields, "topic", "topic = \"...\"", Self::topic_name);
        let from = self.read(&fields, "from", |r, f| Some(r.edges(f))).unwrap_or_default();
        for edge in from.iter().filter(|e| e.repartition) {
            let message = format!("an edge into {} cannot be repartitioned", fields.label);
            let hint = "a sink spreads its records by key anyhow: leave 'repartition' out";
            self.error(Diagnostic::usage("M008", message).hint(hint), &edge.place);
        }
        Some(Sink { name, from, on_error: self.on_error(&fields), topic: topic? })
    }

    /// `[processors.NAME]`.
    pub fn processor(&mut self, name: Name, field: &Field<'a>) -> Option<Processor> {
        let fields = self.table(field, &keys::PROCESSOR)?;
        let component = self.require(&fields, "component", "component = \"path/to/component.wasm\"", Self::component);
        let digest = self.read(&fields, "digest", |r, f| {
            let text = r.text(f)?;
            let hex = text.strip_prefix("sha256:").unwrap_or_default();
            if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
                r.refuse(f, "is no digest", "\"sha256:\" and 64 hex digits in small letters, as sha256sum prints them");
                return None;
            }
            Some(Spanned { value: text.value.into(), place: text.place })
        });
        let inputs = self.inputs(&fields);
        let stores = self.store_grants(&fields);
        let config = self.read(&fields, "config", |r, f| Some(r.config(f)));
        let on_error = self.on_error(&fields);
        let limits = self.limits(&fields);
        let allow = self.read(&fields, "allow", Self::allow).unwrap_or_default();
        let config = config.unwrap_or_else(|| Config { value: Json::Object(Map::new()), places: BTreeMap::new() });
        Some(Processor { name, component: component?, digest, inputs, stores, config, on_error, limits, allow })
    }

    fn component(&mut self, field: &Field<'a>) -> Option<Spanned<ComponentRef>> {
        let text = self.text(field)?;
        let place = text.place.clone();
        let not_yet = |message: String, hint: String| Diagnostic::usage("M007", message).hint(hint);
        if let Some(name) = text.strip_prefix("stock:") {
            if !STOCK.contains(&name) {
                self.error(not_yet(format!("the component 'stock:{name}' is not there yet"), stock_hint(name)), &place);
                return None;
            }
            return Some(Spanned { value: ComponentRef::Stock(name.to_owned()), place });
        }
        if let Some((scheme, _)) = text.split_once("://") {
            let hint = "this version has a path (relative to the manifest) or 'stock:table'".to_owned();
            self.error(not_yet(format!("{} begins with '{scheme}://', which is not there yet", field.label), hint), &place);
            return None;
        }
        if text.is_empty() {
            self.refuse(field, "is empty", "a path relative to the manifest, or 'stock:table'");
            return None;
        }
        Some(Spanned { value: ComponentRef::Path(text.value), place })
    }

    fn allow(&mut self, field: &Field<'a>) -> Option<Vec<Spanned<Capability>>> {
        let Some(entries) = self.array(field) else {
            self.wrong_type(field, "a list of strings");
            return None;
        };
        let mut allow: Vec<Spanned<Capability>> = Vec::new();
        for entry in &entries {
            let Some(text) = self.text(entry) else { continue };
            match text.parse() {
                Ok(value) if allow.iter().any(|known| known.value == value) => {
                    self.refuse(entry, format_args!("is '{value}' once more"), "name it once")
                }
                Ok(value) => allow.push(Spanned { value, place: text.place }),
                Err(why) => self.refuse(entry, why, format!("a component can be given {CAPABILITIES}")),
            }
        }
        Some(allow)
    }

    fn limits(&mut self, node: &Fields<'a>) -> Limits {
        let mut found =
            Limits { memory_bytes: limits::GUEST_MEMORY_BYTES, deadline: limits::CALL_DEADLINE, outputs: limits::OUTPUTS_FORWARDED };
        let Some(fields) = self.read(node, "limits", |r, f| r.table(f, &keys::LIMITS)) else { return found };
        let range = limits::GUEST_MEMORY_FLOOR_BYTES..=limits::GUEST_MEMORY_CEILING_BYTES;
        if let Some(memory) = self.read(&fields, "memory", |r, f| r.size_within(f, &range)) {
            found.memory_bytes = memory;
        }
        if let Some(deadline) = self.read(&fields, "deadline", |r, f| {
            let deadline = r.duration(f)?;
            let ceiling = limits::CALL_DEADLINE_CEILING;
            let fits = !deadline.is_zero() && deadline <= ceiling;
            let fitting = fits.then_some(deadline).ok_or_else(|| format!("is {}ms, which is out of range", deadline.as_millis()));
            r.accept(f, fitting, &format!("from 1ms to {}s", ceiling.as_secs()))
        }) {
            found.deadline = deadline;
        }
        if let Some(outputs) = self.read(&fields, "outputs", |r, f| r.integer(f, 1..=u64::from(u32::MAX))) {
            found.outputs = usize::try_from(outputs).unwrap_or(usize::MAX);
        }
        found
    }

    fn config(&mut self, field: &Field<'a>) -> Config {
        let mut places = BTreeMap::new();
        let value = self.json(field, &mut places, "");
        Config { value, places }
    }

    fn json(&mut self, field: &Field<'a>, places: &mut BTreeMap<String, Place>, pointer: &str) -> Json {
        places.insert(pointer.to_owned(), field.place.clone());
        if field.is_table() {
            let mut object = Map::new();
            for (key, entry) in self.entries(field, None) {
                let inner = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                let json = self.json(&entry, places, &inner);
                places.insert(inner, key.place);
                object.insert(key.value, json);
            }
            return Json::Object(object);
        }
        if let Some(entries) = self.array(field) {
            let inner = |(i, entry): (usize, &Field<'a>)| self.json(entry, places, &format!("{pointer}/{i}"));
            return Json::Array(entries.iter().enumerate().map(inner).collect());
        }
        match field.value() {
            Some(Value::String(s)) => Json::String(s.value().clone()),
            Some(Value::Integer(i)) => Json::Number((*i.value()).into()),
            Some(Value::Boolean(b)) => Json::Bool(*b.value()),
            Some(Value::Datetime(d)) => Json::String(d.value().to_string()),
            Some(Value::Float(f)) => match Number::from_f64(*f.value()) {
                Some(number) => Json::Number(number),
                None => {
                    self.refuse(field, "has no JSON form", "a config is handed to the component as JSON, which has finite numbers only");
                    Json::Null
                }
            },
            _ => {
                self.refuse(field, "has no JSON form", "use a table, a list, a string, a number, true or false");
                Json::Null
            }
        }
    }
}
