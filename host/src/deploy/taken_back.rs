//! Components of deployments that this host has taken back, each with the one that works in its place: kept in the state folder, so that a
//! restart, or another graph, does not let one work again that has failed its trial. Another component of the same processor ends it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::component::{self, Component};
use crate::error::Diagnostic;

/// In the state folder, a folder an app in it.
const FOLDER: &str = "taken-back";

/// What was taken back on this host, by processor.
#[derive(Debug)]
pub struct TakenBack {
    folder: PathBuf,
    marks: BTreeMap<String, Mark>,
}

/// A component that was taken back.
#[derive(Clone, Debug)]
struct Mark {
    note: Note,
    instead: Component,
}

/// As the file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// Digest of the one that was taken back.
    digest: String,
    /// Why.
    why: String,
    /// What messages call the one that works in its place, and its digest.
    name: String,
    instead: String,
}

impl TakenBack {
    /// What the state folder keeps of an app. What cannot be read counts as not there.
    pub fn open(state_dir: &Path, app: &str) -> Self {
        let folder = state_dir.join(FOLDER).join(app);
        let notes = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let of = |path: PathBuf| {
            let note: Note = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            let instead = component::in_file(&path.with_extension("wasm"), &note.name).ok()?;
            let node = path.file_stem()?.to_str()?.to_owned();
            (instead.digest == note.instead).then_some((node, Mark { note, instead }))
        };
        let marks = notes.filter(|path| path.extension().is_some_and(|end| end == "json")).filter_map(of).collect();
        Self { folder, marks }
    }

    /// Remembers that a processor's component, of this digest, was taken back, and what works in its place.
    pub fn note(&mut self, processor: &str, digest: &str, why: &str, instead: &Component) -> Result<(), Diagnostic> {
        let note = Note { digest: digest.to_owned(), why: why.to_owned(), name: instead.name.clone(), instead: instead.digest.clone() };
        let [json, wasm] = self.files(processor);
        let written = fs::create_dir_all(&self.folder)
            .and_then(|()| fs::write(&wasm, &instead.bytes))
            // Last: with it the mark is there.
            .and_then(|()| fs::write(&json, serde_json::to_vec(&note).unwrap_or_default()));
        self.marks.insert(processor.to_owned(), Mark { note, instead: instead.clone() });
        written.map_err(|why| Diagnostic::run("B004", format!("{} cannot be written", json.display())).because(why))
    }

    /// Whether anything was taken back.
    pub fn is_needed(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Whether this very component of a processor was taken back.
    pub fn is(&self, processor: &str, digest: &str) -> bool {
        self.marks.get(processor).is_some_and(|mark| mark.note.digest == digest)
    }

    /// Forgets a processor's mark.
    pub fn forget(&mut self, processor: &str) {
        if self.marks.remove(processor).is_some() {
            // Without the note the component is nothing.
            self.files(processor).iter().for_each(|file| _ = fs::remove_file(file));
        }
    }

    /// Forgets what another component than that which was taken back has come for.
    pub fn keep(&mut self, found: &BTreeMap<String, Component>) {
        let over: Vec<String> =
            self.marks.keys().filter(|node| found.get(*node).is_none_or(|c| !self.is(node, &c.digest))).cloned().collect();
        over.iter().for_each(|node| self.forget(node));
    }

    /// Puts those that work instead into the places of the ones that were taken back.
    pub fn put_in(&self, found: &mut BTreeMap<String, Component>) {
        for (node, component) in found {
            if let Some(mark) = self.marks.get(node).filter(|mark| mark.note.digest == component.digest) {
                *component = mark.instead.clone();
            }
        }
    }

    /// Processors whose component works in the place of one that was taken back, and why it was.
    pub fn whys<'a>(&'a self, found: &'a BTreeMap<String, Component>) -> impl Iterator<Item = (&'a str, &'a str)> {
        let works = |(node, mark): &(&String, &Mark)| found.get(*node).is_some_and(|component| component.digest == mark.instead.digest);
        self.marks.iter().filter(works).map(|(node, mark)| (node.as_str(), mark.note.why.as_str()))
    }

    fn files(&self, processor: &str) -> [PathBuf; 2] {
        ["json", "wasm"].map(|end| self.folder.join(format!("{processor}.{end}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(bytes: &'static [u8]) -> Component {
        Component { name: "a.wasm".into(), digest: component::digest(bytes), bytes: bytes.into() }
    }

    #[test]
    fn what_was_taken_back_stays_so_until_another_component_comes() {
        let dir = tempfile::tempdir().unwrap();
        let (old, bad, other) = (component(b"old"), component(b"bad"), component(b"other"));
        let mut found = BTreeMap::from([("p".to_owned(), bad.clone()), ("q".to_owned(), bad.clone())]);
        TakenBack::open(dir.path(), "app").note("p", &bad.digest, "it traps", &old).unwrap();
        // After a restart, and of this app alone.
        let mut there = TakenBack::open(dir.path(), "app");
        there.put_in(&mut found);
        assert_eq!((&found["p"], &found["q"]), (&old, &bad));
        assert_eq!(there.whys(&found).collect::<Vec<_>>(), [("p", "it traps")]);
        assert_eq!(TakenBack::open(dir.path(), "another").whys(&found).count(), 0);
        there.keep(&BTreeMap::from([("p".to_owned(), bad.clone())]));
        assert!(there.is("p", &bad.digest) && !there.is("q", &bad.digest));
        there.keep(&BTreeMap::from([("p".to_owned(), other)]));
        assert!(!TakenBack::open(dir.path(), "app").is("p", &bad.digest));
        // Half a component works nowhere.
        there.note("p", &bad.digest, "it traps", &old).unwrap();
        fs::write(dir.path().join("taken-back/app/p.wasm"), b"ol").unwrap();
        assert!(!TakenBack::open(dir.path(), "app").is("p", &bad.digest));
    }
}
