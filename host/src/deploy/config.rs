//! What to say of a config that a component refuses: the component's schema knows more than the text of its refusal.

use crate::error::{Diagnostic, Place, suggest};
use crate::manifest::{Config, Processor};
use crate::sandbox::{self, Loaded};
use crate::topology;

/// How serde names a key that is not there.
const UNKNOWN_FIELD: &str = "unknown field `";
/// Where serde adds a position in a text that the author never saw.
const SERDE_POSITION: &str = " at line ";

/// The errors of a processor whose component said `refusal` of its config: what its schema finds, else the refusal itself.
pub(super) fn refused(processor: &Processor, loaded: &Loaded, refusal: Diagnostic) -> Vec<Diagnostic> {
    // Asked without a config, it can still give its schema. Its ports and stores may depend on the config, so they are not used.
    if let Ok(Some(description)) = sandbox::describe(loaded, None) {
        let errors = topology::check_config(&processor.name, &processor.config, &description);
        if !errors.is_empty() {
            return errors;
        }
    }
    let key = refusal.causes.first().and_then(|said| unknown_key(said));
    let (place, hint) = match &key {
        Some((key, known)) => (place_of_key(&processor.config, key), suggest(key, "keys here", known.iter().copied())),
        None => (None, format!("change 'config' of [processors.{}]", processor.name)),
    };
    let place = place.or_else(|| processor.config.places.get("").cloned()).unwrap_or_else(|| processor.name.place.clone());
    let causes = refusal.causes.iter().map(|said| readable(said)).collect();
    let message = format!("the component of '{}' refuses its config", processor.name);
    vec![Diagnostic { message, causes, ..refusal.clone() }.hint(hint).at(Some(place))]
}

/// The key that serde does not know, and those that it knows.
fn unknown_key(said: &str) -> Option<(&str, Vec<&str>)> {
    let (_, rest) = said.split_once(UNKNOWN_FIELD)?;
    // The parts between the backticks are every other one.
    let mut names = rest.split('`').step_by(2);
    let key = names.next()?;
    Some((key, names.collect()))
}

fn readable(said: &str) -> String {
    match said.rsplit_once(SERDE_POSITION) {
        Some((text, position)) if position.contains(" column ") => text.to_owned(),
        _ => said.to_owned(),
    }
}

/// Where the key stands, however deep.
fn place_of_key(config: &Config, key: &str) -> Option<Place> {
    let ending = format!("/{key}");
    config.places.iter().find(|(path, _)| path.ends_with(&ending)).map(|(_, place)| place.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_found_in_the_words_of_serde() {
        let cases = [
            ("config: unknown field `a`, expected one of `b`, `c` at line 1 column 4", Some(("a", vec!["b", "c"]))),
            ("config: unknown field `a`, expected `b` at line 1 column 4", Some(("a", vec!["b"]))),
            ("config: unknown field `a`, there are no fields at line 1 column 4", Some(("a", vec![]))),
            ("config: unknown field `a`, expected `b`", Some(("a", vec!["b"]))),
            ("the threshold is negative", None),
        ];
        for (said, found) in cases {
            assert_eq!(unknown_key(said), found, "{said}");
        }
    }

    #[test]
    fn position_in_a_text_that_nobody_saw_is_left_out() {
        assert_eq!(readable("config: missing field `b` at line 1 column 2"), "config: missing field `b`");
        assert_eq!(readable("delays at line 3 are negative"), "delays at line 3 are negative");
    }
}
