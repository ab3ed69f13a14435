//! The topics of a manifest, by the names that a person gives them at the command line.

use std::sync::Arc;

use crate::error::{Diagnostic, nearest, suggest};
use crate::manifest::{FailurePolicy, Manifest};

/// The topic that a name stands for: that of a source, table or sink, else the topic of that name.
pub fn named(manifest: &Manifest, name: &str) -> Result<Arc<str>, Diagnostic> {
    if let Some(source) = manifest.sources.iter().find(|s| *s.name.value == *name) {
        return match &source.topics[..] {
            [topic] => Ok(topic.value.clone()),
            topics => {
                let all: Vec<&str> = topics.iter().map(|t| &*t.value).collect();
                Err(Diagnostic::usage("R015", format!("source '{name}' reads several topics"))
                    .hint(format!("name one of them: {}", all.join(", "))))
            }
        };
    }
    let tables = manifest.tables.iter().map(|t| (&t.name, &t.topic));
    let mut nodes = tables.chain(manifest.sinks.iter().map(|s| (&s.name, &s.topic)));
    let topic = nodes.find(|(node, _)| *node.value == *name).map_or(name, |(_, topic)| &topic.value);
    if crate::manifest::check_topic(topic).is_err() {
        return Err(absent(manifest, name, Diagnostic::usage("B001", format!("topic '{name}' does not exist"))));
    }
    Ok(topic.into())
}

/// Says of a topic that is not there what was probably meant.
pub fn absent(manifest: &Manifest, name: &str, problem: Diagnostic) -> Diagnostic {
    let names = names(manifest);
    if problem.code != "B001" || names.contains(&name) {
        return problem;
    }
    match nearest(name, names.iter().copied()) {
        Some(meant) => problem.hint(format!("did you mean '{meant}'?")),
        None => problem.hint(suggest(name, "sources, tables, sinks and topics", names)),
    }
}

/// Topics that the app reads, internal ones aside.
pub fn read(manifest: &Manifest) -> Vec<Arc<str>> {
    let sources = manifest.sources.iter().flat_map(|s| &s.topics);
    sources.chain(manifest.tables.iter().map(|t| &t.topic)).map(|topic| topic.value.clone()).collect()
}

/// Topics to which failed records of the app go.
pub fn letters(manifest: &Manifest) -> Vec<Arc<str>> {
    let sources = manifest.sources.iter().map(|n| &n.on_error);
    let tables = manifest.tables.iter().map(|n| &n.on_error);
    let processors = manifest.processors.iter().map(|n| &n.on_error);
    let sinks = manifest.sinks.iter().map(|n| &n.on_error);
    let mut letters: Vec<Arc<str>> = Vec::new();
    for on_error in sources.chain(tables).chain(processors).chain(sinks) {
        if let FailurePolicy::DeadLetter(topic) = &on_error.policy
            && !letters.contains(topic)
        {
            letters.push(topic.clone());
        }
    }
    letters
}

/// Whether a topic was made for a repartition edge of the app. By its name: the edges themselves are known only with the components.
pub fn is_repartition(manifest: &Manifest, topic: &str) -> bool {
    let own = topic.strip_prefix(&*manifest.app.id.value).is_some_and(|rest| rest.starts_with('-'));
    own && topic.ends_with("-repartition")
}

fn names(manifest: &Manifest) -> Vec<&str> {
    let sources = manifest.sources.iter().flat_map(|s| std::iter::once(&s.name).chain(&s.topics));
    let tables = manifest.tables.iter().flat_map(|t| [&t.name, &t.topic]);
    let sinks = manifest.sinks.iter().flat_map(|s| [&s.name, &s.topic]);
    let mut names: Vec<&str> = Vec::new();
    for name in sources.chain(tables).chain(sinks).map(|n| &*n.value) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
