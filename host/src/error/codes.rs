//! What `explain CODE` prints. One file for each room that has codes: a room adds its entries there, and the file to `TABLES`.

mod admin;
mod broker;
mod component;
mod manifest;
mod run;
mod sandbox;
mod topology;

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// As in a message: `M003`.
    pub code: &'static str,
    /// One line.
    pub title: &'static str,
    /// A paragraph: what is wrong, why it is refused, what to do.
    pub text: &'static str,
    /// What goes wrong and how it is put right; may be empty.
    pub example: &'static str,
}

/// The entries of each room.
const TABLES: &[&[Code]] = &[manifest::CODES, topology::CODES, component::CODES, sandbox::CODES, broker::CODES, run::CODES, admin::CODES];

/// What a code means; `None` for one that does not exist.
pub fn explain(code: &str) -> Option<&'static Code> {
    all().find(|entry| entry.code.eq_ignore_ascii_case(code))
}

/// Every code, by room.
pub fn all() -> impl Iterator<Item = &'static Code> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// As `explain CODE` prints it.
impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}: {}\n", self.code, self.title)?;
        for line in wrapped(self.text) {
            writeln!(f, "{line}")?;
        }
        if !self.example.is_empty() {
            writeln!(f)?;
            for line in self.example.lines() {
                writeln!(f, "{}{line}", if line.is_empty() { "" } else { "    " })?;
            }
        }
        Ok(())
    }
}

/// A paragraph as lines for a terminal.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 80;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every text of the form `"M001"` in the sources, this room aside: a letter and three digits.
    fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.ends_with("src/error") {
                codes_in(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let is_code = |part: &&str| {
                    part.len() == 4 && part.starts_with(['M', 'T', 'C', 'S', 'B', 'R']) && part.bytes().skip(1).all(|b| b.is_ascii_digit())
                };
                found.extend(text.split('"').filter(is_code).map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_code_is_explained_once_and_every_explanation_has_a_use() {
        let mut used = BTreeSet::new();
        codes_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
        let explained: Vec<String> = TABLES.iter().flat_map(|t| t.iter()).map(|c| c.code.to_owned()).collect();
        let unique: BTreeSet<String> = explained.iter().cloned().collect();
        assert_eq!(unique.len(), explained.len(), "a code is explained twice");
        assert_eq!(used, unique, "left: codes in the sources; right: codes that are explained");
    }

    #[test]
    fn explanation_is_found_in_any_case() {
        assert_eq!(explain("m003").map(|c| c.code), Some("M003"));
        assert_eq!(explain("M999"), None);
    }
}
