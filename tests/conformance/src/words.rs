//! The functions that vectors state in words, as the operators of `tests/guests` take them. `None`: not understood.

use serde_json::{Value, json};

/// What `num` means, said along with a predicate or on its own.
const NUMBERS: [&str; 2] = [
    "num(v) = the decimal digits of v as one number, 0 where v is null or has none",
    "num = the decimal digits of v as one number (0 if none)",
];

/// True where `num` is explained as the operators compute it.
pub fn explains_numbers(words: &str) -> bool {
    NUMBERS.contains(&words)
}

/// `v != null && num(v) % 2 == 0`.
pub fn predicate(words: &str) -> Option<Value> {
    let conditions = match words.split_once(", ") {
        Some((conditions, explanation)) if explains_numbers(explanation) => conditions,
        Some(_) => return None,
        None => words,
    };
    conditions.split(" && ").map(term).collect::<Option<Vec<_>>>().map(Value::Array)
}

fn term(words: &str) -> Option<Value> {
    match words.split(' ').collect::<Vec<_>>()[..] {
        ["k", "!=", "null"] => Some(json!({"is": "key"})),
        ["v", "!=", "null"] => Some(json!({"is": "value"})),
        ["num(v)", relation, to] => number(None, relation, to),
        ["num(v)", "%", modulo, relation, to] => number(Some(modulo.parse().ok().filter(|modulo| *modulo > 0)?), relation, to),
        _ => None,
    }
}

fn number(modulo: Option<u64>, relation: &str, to: &str) -> Option<Value> {
    let known = ["==", "!=", "<", "<=", ">", ">="].contains(&relation);
    let to: u64 = to.parse().ok()?;
    known.then(|| json!({"is": "number", "modulo": modulo, "relation": relation, "to": to}))
}

/// A branch of a split, `even: num(v) % 2 == 0`: its name and its predicate.
pub fn branch(words: &str) -> Option<(&str, Value)> {
    let (name, conditions) = words.split_once(": ")?;
    Some((name, predicate(conditions)?))
}

/// The first letter of a value, as selectors and mappers have it.
const FIRST_LETTER: &str = "first letter of v, null where v is null or empty";

/// What becomes of key and value, one record for one.
pub fn mapper(words: &str) -> Option<Value> {
    match words {
        "v -> null where v is null, else upper case of v" => Some(json!({"to": "upper"})),
        "(k,v) -> k + '=' + v, null written as the four letters null" | "k + '=' + v" => Some(json!({"to": "with-key"})),
        "(k,v) -> (v,k)" => Some(json!({"to": "swapped"})),
        _ if words.strip_prefix("(k,v) -> ").unwrap_or(words) == FIRST_LETTER => Some(json!({"to": "first-letter"})),
        _ => with_key_unless(words).or_else(|| prefixed(words.strip_prefix("v -> ")?)),
    }
}

/// `(k,v) -> k + '=' + v; null where v starts with w`.
fn with_key_unless(words: &str) -> Option<Value> {
    let unless = words.strip_prefix("(k,v) -> k + '=' + v; null where v starts with ")?;
    Some(json!({"to": "with-key", "unless": one_word(unless)?}))
}

/// `'r:' + v`.
pub fn prefixed(words: &str) -> Option<Value> {
    let words = words.replace(' ', "");
    Some(json!({"to": "prefixed", "text": quoted(words.strip_suffix("+v")?)?}))
}

/// Words of a value; `Some(true)`: each becomes the key.
pub fn flat_mapper(words: &str) -> Option<bool> {
    match words {
        "(k,v) -> for each space-separated word w of v: (w,k); nothing where v is null or empty" => Some(true),
        "v -> its space-separated words; nothing where v is null or empty" => Some(false),
        _ => None,
    }
}

/// `initial '', aggregator agg + v`, with a text between and a value that deletes where the words say so.
pub fn aggregator(words: &str) -> Option<Value> {
    let words = words.strip_suffix(" (a null v would be written as the four letters null)").unwrap_or(words);
    let (initial, step) = words.strip_prefix("initial ")?.split_once(", aggregator")?;
    let step = step.strip_prefix(':').unwrap_or(step).trim_start();
    let (null_at, step) = match step.strip_prefix("null where v starts with ") {
        Some(rest) => rest.split_once(", else ").and_then(|(prefix, step)| Some((Some(one_word(prefix)?), step)))?,
        None => (None, step),
    };
    Some(json!({"by": "fold", "initial": quoted(initial)?, "between": between("agg", step, "v")?, "null-at": null_at}))
}

/// `initial ''; left aggregator agg + 'L' + v; right aggregator agg + 'R' + v`: one aggregator for each input.
pub fn cogroup(words: &str) -> Option<Vec<(String, Value)>> {
    let mut parts = words.split("; ");
    let initial = quoted(parts.next()?.strip_prefix("initial ")?)?;
    let role = |words: &str| {
        let (role, step) = words.split_once(" aggregator ")?;
        Some((role.to_owned(), json!({"by": "fold", "initial": initial, "between": between("agg", step, "v")?})))
    };
    parts.map(role).collect()
}

/// `agg + '|' + v`.
pub fn reducer(words: &str) -> Option<Value> {
    Some(json!({"by": "reduce", "between": between("agg", words, "v")?}))
}

/// The aggregator of a grouped table, and its counterpart.
pub fn table_aggregator(words: &str) -> Option<Value> {
    let parts: Vec<&str> = words.split("; ").collect();
    let trace = |initial: Option<&str>, adder: &str, subtractor: &str| {
        let adder = between("agg", adder.strip_prefix("adder ")?, "number")?;
        Some(json!({"by": "trace", "initial": initial, "added": adder, "removed": between("agg", subtractor, "number")?}))
    };
    match parts[..] {
        ["count"] => Some(json!({"by": "count"})),
        ["initial 0", "adder agg + number", "subtractor agg - number"] => Some(json!({"by": "sum"})),
        [initial, adder, subtractor] => {
            trace(Some(quoted(initial.strip_prefix("initial ")?)?), adder, subtractor.strip_prefix("subtractor ")?)
        }
        [adder, subtractor] => trace(None, adder, subtractor.strip_prefix("subtractor ")?),
        _ => None,
    }
}

/// True for the one way to group a table that there is.
pub fn groups_by_prefix(words: &str) -> Option<()> {
    (words == "value 'g:n' -> (g, n); group null where the value has no text before ':'").then_some(())
}

/// `left + '+' + right`: the text between the two.
pub fn joiner(words: &str) -> Option<&str> {
    between("left", words.strip_suffix(", a missing side written as the four letters null")?, "right")
}

/// The text between two operands; empty where nothing stands there.
fn between<'w>(left: &str, words: &'w str, right: &str) -> Option<&'w str> {
    let rest = words.strip_prefix(left)?.strip_prefix(" + ")?;
    if rest == right { Some("") } else { quoted(rest.strip_suffix(right)?.strip_suffix(" + ")?) }
}

/// A text in single quotes, which holds none itself.
fn quoted(words: &str) -> Option<&str> {
    words.strip_prefix('\'')?.strip_suffix('\'').filter(|text| !text.contains('\''))
}

fn one_word(words: &str) -> Option<&str> {
    (!words.is_empty() && words.chars().all(char::is_alphanumeric)).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_are_conditions_on_key_value_and_number() {
        let number = |modulo, relation, to| json!({"is": "number", "modulo": modulo, "relation": relation, "to": to});
        for (words, meant) in [
            ("k != null", json!([{"is": "key"}])),
            ("v != null && num(v) % 2 == 0", json!([{"is": "value"}, number(Some(2), "==", 0)])),
            ("num(v) >= 7", json!([number(None, ">=", 7)])),
            ("num(v) % 3 != 1, num = the decimal digits of v as one number (0 if none)", json!([number(Some(3), "!=", 1)])),
        ] {
            assert_eq!(predicate(words), Some(meant), "{words}");
        }
        for words in ["v == null", "num(v) % 0 == 0", "num(v) % 2 == 0, num = the length of v", "num(v) ~ 2", ""] {
            assert_eq!(predicate(words), None, "{words}");
        }
    }

    #[test]
    fn texts_of_functions_are_read_whatever_they_are() {
        assert_eq!(mapper("v -> 'x' + v"), Some(json!({"to": "prefixed", "text": "x"})));
        let unless = "(k,v) -> k + '=' + v; null where v starts with w";
        assert_eq!(mapper(unless), Some(json!({"to": "with-key", "unless": "w"})));
        assert_eq!(reducer("agg + '-' + v"), Some(json!({"by": "reduce", "between": "-"})));
        let deleting = "initial 'i', aggregator: null where v starts with y, else agg + v";
        assert_eq!(aggregator(deleting), Some(json!({"by": "fold", "initial": "i", "between": "", "null-at": "y"})));
        let trace = table_aggregator("adder agg + '|' + number; subtractor agg + '|-' + number");
        assert_eq!(trace, Some(json!({"by": "trace", "initial": null, "added": "|", "removed": "|-"})));
        assert_eq!(joiner("left + '+' + right, a missing side written as the four letters null"), Some("+"));
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        assert_eq!(mapper("v -> reverse of v"), None);
        assert_eq!(aggregator("initial '', aggregator v + agg"), None);
        assert_eq!(reducer("the longer of the two"), None);
        assert_eq!(table_aggregator("the greatest number"), None);
        assert_eq!(joiner("left + right"), None);
        assert_eq!(flat_mapper("v -> its letters"), None);
    }
}
