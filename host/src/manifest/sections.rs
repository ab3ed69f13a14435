//! The sections that are no nodes: `[app]`, `[broker]`, `[runtime]`, `[topics.*]`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml_edit::Value;

use super::keys;
use super::model::{App, Broker, KafkaBroker, Runtime, Topic};
use super::reader::{Field, Fields, Reader};
use super::values::{check_app_id, check_name, check_topic, parse_duration, parse_size, size_text};
use super::words::{Backend, Cleanup, Guarantee, Name, Partitioner, Spanned};
use crate::error::{Diagnostic, nearest};
use crate::limits;

const APP_ID_RULE: &str = "letters, digits, '.', '_' and '-', at most 100 bytes: internal topics and the consumer group begin with it";
const INSTANCE_ID_RULE: &str =
    "letters, digits, '.', '_' and '-', at most 100 bytes: it is part of the member's name in the consumer group";
const TOPIC_RULE: &str = "a topic's name has letters, digits, '.', '_' and '-', at most 249 bytes";
const NAME_RULE: &str = "a name has small letters, digits, '-' and '_', begins with a letter or digit, and has at most 100 bytes";

pub(super) const BACKENDS: &[(&str, Backend)] = &[("rocksdb", Backend::RocksDb), ("memory", Backend::Memory)];

impl<'a> Reader<'a> {
    pub fn duration(&mut self, field: &Field<'a>) -> Option<Duration> {
        const FORMS: &str = "a duration is written as \"100ms\", \"5s\", \"10m\", \"1h30m\", \"7d\"";
        if !field.is_text() {
            self.wrong_form(field, "a string", FORMS);
            return None;
        }
        let text = self.text(field)?;
        self.accept(field, parse_duration(&text).map_err(|why| format!("is '{text}', which {why}")), FORMS)
    }

    pub fn size(&mut self, field: &Field<'a>) -> Option<u64> {
        const FORMS: &str = "a size is written as \"4096B\", \"512KiB\", \"64MiB\", \"1GiB\"";
        if !field.is_text() {
            self.wrong_form(field, "a string", FORMS);
            return None;
        }
        let text = self.text(field)?;
        self.accept(field, parse_size(&text).map_err(|why| format!("is '{text}', which {why}")), FORMS)
    }

    /// A size that is not out of range.
    pub fn size_within(&mut self, field: &Field<'a>, range: &RangeInclusive<usize>) -> Option<usize> {
        let bytes = self.size(field)?;
        let fits = usize::try_from(bytes).ok().filter(|b| range.contains(b));
        let hint = format!("from {} to {}", size_text(*range.start()), size_text(*range.end()));
        self.accept(field, fits.ok_or_else(|| format!("is {}KiB, which is out of range", bytes.div_ceil(1 << 10))), &hint)
    }

    pub fn topic_name(&mut self, field: &Field<'a>) -> Option<Name> {
        let text = self.text(field)?;
        self.checked_name(field, text, check_topic, TOPIC_RULE)
    }

    /// A value that says itself what is wrong with it.
    pub fn accept<T>(&mut self, field: &Field<'a>, parsed: Result<T, String>, hint: &str) -> Option<T> {
        parsed.map_err(|why| self.refuse(field, why, hint)).ok()
    }

    fn checked_name(
        &mut self,
        field: &Field<'a>,
        text: Spanned<String>,
        check: impl Fn(&str) -> Result<(), String>,
        rule: &str,
    ) -> Option<Name> {
        if let Err(why) = check(&text) {
            let message = format!("{} is '{}', which {why}", field.label, text.value);
            self.error(Diagnostic::usage("M006", message).hint(rule), &text.place);
            return None;
        }
        Some(Spanned { value: text.value.into(), place: text.place })
    }

    /// Checks the name in a header such as `[sources.NAME]`.
    pub fn header_name(&mut self, what: &str, name: Spanned<String>) -> Option<Name> {
        let (checked, rule) = match what {
            "topic" => (check_topic(&name), TOPIC_RULE),
            _ => (check_name(&name), NAME_RULE),
        };
        if let Err(why) = checked {
            let message = format!("the name '{}' of a {what} {why}", name.value);
            self.error(Diagnostic::usage("M006", message).hint(rule), &name.place);
            return None;
        }
        Some(Spanned { value: name.value.into(), place: name.place })
    }

    /// `[app]`.
    pub fn app(&mut self, root: &Fields<'a>) -> Option<App> {
        let fields = self.require(root, "app", "[app] with id = \"my-app\"", |r, f| r.table(f, &keys::APP))?;
        let id = self.require(&fields, "id", "id = \"my-app\"", |r, f| {
            let text = r.text(f)?;
            r.checked_name(f, text, check_app_id, APP_ID_RULE)
        });
        let words = [("exactly-once", Guarantee::ExactlyOnce), ("at-least-once", Guarantee::AtLeastOnce)];
        let guarantee = self.read(&fields, "guarantee", |r, f| r.word(f, &words)).unwrap_or(Guarantee::ExactlyOnce);
        Some(App { id: id?, guarantee })
    }

    /// `[broker]`.
    pub fn broker(&mut self, root: &Fields<'a>) -> Broker {
        let Some(fields) = self.read(root, "broker", |r, f| r.table(f, &keys::BROKER)) else { return Broker::default() };
        let kind = self.field(&fields, "kind");
        let is_kafka = kind.as_ref().and_then(|kind| self.word(kind, &[("embedded", false), ("kafka", true)]));
        let bootstrap = self.field(&fields, "bootstrap");
        let client = self.field(&fields, "client");
        if is_kafka == Some(false) || kind.is_none() {
            for field in [&bootstrap, &client].into_iter().flatten() {
                self.error(
                    Diagnostic::usage("M008", format!("{} belongs to a Kafka cluster, and the broker is the embedded one", field.label))
                        .hint("say kind = \"kafka\", or leave it out: the embedded log needs no address"),
                    &field.place,
                );
            }
        }
        let (Some(true), Some(kind)) = (is_kafka, kind) else { return Broker::default() };
        let bootstrap = bootstrap.and_then(|field| Some(Spanned { value: self.not_empty(&field)?, place: field.place.clone() }));
        let client = client.map_or_else(Vec::new, |field| self.client_properties(&field));
        Broker::Kafka(KafkaBroker { place: kind.place.clone(), bootstrap, client })
    }

    /// Properties of librdkafka, whose values are all texts in the end.
    fn client_properties(&mut self, field: &Field<'a>) -> Vec<(Name, String)> {
        let mut properties = Vec::new();
        for (key, field) in self.entries(field, None) {
            let text = match field.value() {
                Some(Value::String(text)) => text.value().clone(),
                Some(Value::Integer(number)) => number.value().to_string(),
                Some(Value::Boolean(truth)) => truth.value().to_string(),
                _ => {
                    self.wrong_form(
                        &field,
                        "a string, an integer or a boolean",
                        "write it as in \"security.protocol\" = \"SSL\", the name in quotes",
                    );
                    continue;
                }
            };
            properties.push((Spanned { value: key.value.into(), place: key.place }, text));
        }
        properties
    }

    /// `[runtime]`.
    pub fn runtime(&mut self, root: &Fields<'a>) -> Runtime {
        let mut runtime = Runtime {
            threads: 1,
            state_dir: PathBuf::from(".cofferdam"),
            instance_id: None,
            commit_interval: limits::COMMIT_INTERVAL,
            max_task_idle: Duration::ZERO,
            memory_bytes: limits::STATE_MEMORY_BYTES,
        };
        let Some(fields) = self.read(root, "runtime", |r, f| r.table(f, &keys::RUNTIME)) else { return runtime };
        if let Some(threads) = self.read(&fields, "threads", |r, f| r.integer(f, 1..=u64::from(limits::THREADS))) {
            runtime.threads = u32::try_from(threads).unwrap_or(limits::THREADS);
        }
        if let Some(folder) = self.read(&fields, "state-dir", Self::not_empty) {
            runtime.state_dir = folder.into();
        }
        runtime.instance_id = self.read(&fields, "instance-id", |r, f| {
            let text = r.text(f)?;
            r.checked_name(f, text, check_app_id, INSTANCE_ID_RULE)
        });
        if let Some(interval) = self.read(&fields, "commit-interval", Self::duration) {
            runtime.commit_interval = interval;
        }
        if let Some(idle) = self.read(&fields, "max-task-idle", Self::duration) {
            runtime.max_task_idle = idle;
        }
        let range = limits::STATE_MEMORY_FLOOR_BYTES..=limits::STATE_MEMORY_CEILING_BYTES;
        if let Some(memory) = self.read(&fields, "memory", |r, f| r.size_within(f, &range)) {
            runtime.memory_bytes = memory;
        }
        runtime
    }

    fn not_empty(&mut self, field: &Field<'a>) -> Option<String> {
        let text = self.text(field)?.value;
        if text.is_empty() {
            self.refuse(field, "is empty", "leave the key out to have the default");
            return None;
        }
        Some(text)
    }

    /// `[topics.NAME]`.
    pub fn topic(&mut self, name: Name, field: &Field<'a>) -> Option<Topic> {
        let fields = self.table(field, &keys::TOPIC)?;
        let cleanups = [("delete", Cleanup::Delete), ("compact", Cleanup::Compact), ("compact,delete", Cleanup::CompactDelete)];
        let partitioners = [("murmur2", Partitioner::Murmur2), ("crc32", Partitioner::Crc32), ("none", Partitioner::None)];
        let partitions = self.read(&fields, "partitions", |r, f| r.integer(f, 1..=u64::from(limits::PARTITIONS)));
        let replication = self.read(&fields, "replication", |r, f| r.integer(f, 1..=i16::MAX as u64));
        Some(Topic {
            name,
            partitions: partitions.and_then(|n| u32::try_from(n).ok()),
            cleanup: self.read(&fields, "cleanup", |r, f| r.word(f, &cleanups)),
            retention: self.read(&fields, "retention", Self::duration),
            replication: replication.and_then(|n| u16::try_from(n).ok()),
            partitioner: self.read(&fields, "partitioner", |r, f| r.word(f, &partitioners)).unwrap_or(Partitioner::Murmur2),
        })
    }
}

/// The stock components that this version has.
pub(super) const STOCK: &[&str] = &["table"];

/// A hint for a stock component that is not there.
pub(super) fn stock_hint(name: &str) -> String {
    match nearest(name, STOCK.iter().copied()) {
        Some(meant) => format!("did you mean 'stock:{meant}'?"),
        None => format!("this version has {}; write the processor with the SDK (`cofferdam new NAME`)", stock_list()),
    }
}

fn stock_list() -> String {
    STOCK.iter().map(|name| format!("'stock:{name}'")).collect::<Vec<_>>().join(", ")
}
