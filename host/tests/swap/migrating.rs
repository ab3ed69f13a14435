//! Components that keep their state in another layout than those before them.

use std::collections::BTreeMap;

use crate::place::Place;
use crate::{said, status};

const WORDS: u32 = 20_000;

/// Words of letters alone, as the word count takes them, spread over the alphabet.
fn word(number: u32) -> String {
    (0..4)
        .scan(number.wrapping_mul(7_919) % 26_u32.pow(4), |rest, _| {
            let letter = char::from_u32(u32::from('a') + *rest % 26);
            *rest /= 26;
            letter
        })
        .collect()
}

/// The word count with so many words in its store, each once, and the next version of it beside it.
fn counted() -> Place {
    let place = Place::with_word_count();
    place.copy("tests/guests/dist/word_count_next.wasm", "components/next.wasm");
    let words: Vec<String> = (0..WORDS).map(word).collect();
    place.write("lines.txt", words.chunks(20).map(|line| line.join(" ") + "\n").collect::<String>());
    place.session(&["run app.toml --input lines=lines.txt --until-idle"]);
    place
}

/// The counts that came out for each word.
fn counts(place: &Place, records: u32) -> BTreeMap<String, Vec<String>> {
    let output = place.output(&format!("consume app.toml counts --max {records}"));
    let mut counts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        counts.entry(record["key"].as_str().unwrap().to_owned()).or_default().push(record["value"].as_str().unwrap().to_owned());
    }
    counts
}

#[test]
fn state_that_is_taken_over_is_whole_after_a_kill_in_the_middle() {
    let place = counted();
    let mut host = place.start("run app.toml");
    host.until("lines_0 0 running");
    let told = said(&place, "swap app.toml count components/next.wasm");
    assert!(told.contains("; it takes over the state from version 0 to 1 before the next record"), "{told}");
    host.logged("half of the words are taken over", 1);
    host.signal("KILL");
    // The manifest names the old one still, which cannot go on with this.
    let told = place.session(&["run app.toml --until-idle"]);
    assert!(told.contains("R006") && told.contains("the state of 'count' is on its way to version 1"), "{told}");
    place.write("app.toml", place.read("app.toml").replace("word_count.wasm", "next.wasm"));
    let told = place.session(&["run app.toml --until-idle"]);
    assert!(told.contains("all state is taken over") && !told.contains("error"), "{told}");
    place.session(&["run app.toml --input lines=lines.txt --again --until-idle"]);
    let counts = counts(&place, 2 * WORDS + 1);
    assert_eq!(counts.len(), WORDS as usize);
    let wrong: Vec<_> = counts.iter().filter(|(_, counts)| counts[..] != ["1", "2"]).take(3).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_component_that_keeps_older_state_is_refused_and_there_is_no_way_back() {
    let place = Place::with_word_count();
    place.copy("tests/guests/dist/word_count_next.wasm", "components/next.wasm");
    let mut host = place.start("run app.toml --input lines=lines.txt");
    host.until("lines_0 0 running 0 2");
    assert!(said(&place, "swap app.toml count components/next.wasm").contains("from version 0 to 1"));
    host.logged("all state is taken over", 1);
    place.session(&["produce app.toml lines lines.txt"]);
    host.until("lines_0 0 running 0 4");
    assert_eq!(counts(&place, 10)["the"], ["1", "2", "3", "4"]);
    let of = status(&place);
    assert_eq!((of["on_trial"].as_bool(), of["before"].is_null()), (Some(false), true), "{of}");
    insta::assert_snapshot!(place.session(&["swap app.toml count components/word_count.wasm", "rollback app.toml count"]), @r#"
        $ cofferdam swap app.toml count components/word_count.wasm
        error[C030]: the component of 'count' is older than its state
        Caused by: it keeps state of version 0; what is there is of version 1
        hint: it would misread what is in the stores: take a component of the state version that is there
        [exit status: 2]

        $ cofferdam rollback app.toml count
        error[R094]: 'count' has no version before
        hint: a version is kept from a swap until the next one, or until it has come back
        [exit status: 2]
    "#);
    assert_eq!(host.signal("TERM"), "exit status: 0");
    // The manifest still names it.
    let told = place.session(&["run app.toml --until-idle"]);
    assert!(told.contains("R006") && told.contains("the component of 'count' is older than its state"), "{told}");
}
