//! What a mistyped name was probably meant to be.

/// The candidate that is nearest to `given`, if any is near enough to have been meant.
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (given.chars().count() / 3).clamp(1, 4);
    let distance = |c: &str| strsim::damerau_levenshtein(given, c);
    let scored = candidates.into_iter().map(|c| (distance(c), c));
    scored.filter(|(d, c)| *d <= allowed && *d < c.chars().count()).min_by_key(|(d, _)| *d).map(|(_, c)| c)
}

/// A hint for a name that is not known: the one that was meant, else all there are. `what` names them: `keys`, `ports of 'x'`.
pub fn suggest<'a>(given: &str, what: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(meant) = nearest(given, candidates.clone()) {
        return format!("did you mean '{meant}'?");
    }
    let all: Vec<&str> = candidates.into_iter().collect();
    if all.is_empty() { format!("there are no {what}") } else { format!("{what}: {}", all.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_recognised_and_a_different_word_is_not() {
        let known = ["topic", "topics", "start", "timestamp", "on-error"];
        let cases = [
            ("topci", Some("topic")),
            ("topis", Some("topic")),
            ("on_error", Some("on-error")),
            ("tiemstmap", Some("timestamp")),
            ("x", None),
            ("partitions", None),
        ];
        for (given, meant) in cases {
            assert_eq!(nearest(given, known), meant, "{given}");
        }
        assert_eq!(suggest("zzz", "keys", known), "keys: topic, topics, start, timestamp, on-error");
        assert_eq!(suggest("zzz", "keys", []), "there are no keys");
    }
}
