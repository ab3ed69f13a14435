//! What comes out while components change.

use std::process::Stdio;
use std::time::Instant;

use crate::place::BOUND;
use crate::{TRAPS, manifest, named, names, place, produce, said, short, start, status};

#[test]
fn each_record_has_one_name_and_none_is_lost_or_doubled() {
    let place = place("named");
    let (aa, bb) = (short(&named("aa", "")), short(&named("bb", "")));
    let host = start(&place);
    produce(&place, 0..200);
    assert!(names(&place, 200).values().all(|names| names[..] == ["aa"]));
    let told = said(&place, "swap app.toml p bb.wasm");
    assert!(told.contains(&format!("p: {bb} in place of {aa}, on trial; records waited ")), "{told}");
    produce(&place, 200..400);
    let all = names(&place, 400);
    assert!((0..400).all(|n| all[&n][..] == [if n < 200 { "aa" } else { "bb" }]), "{all:?}");
    let of = status(&place);
    assert_eq!((of["on_trial"].as_bool(), of["digest"].as_str().unwrap().contains(&bb)), (Some(true), true), "{of}");
    assert!(said(&place, "swap app.toml p bb.wasm").contains(&format!("p: {bb} works already")));
    let told = said(&place, "rollback app.toml p");
    assert!(told.contains(&format!("p: {aa} in place of {bb}; records waited ")), "{told}");
    produce(&place, 400..600);
    assert!(names(&place, 600).range(400..).all(|(_, names)| names[..] == ["aa"]));
    let told = place.session(&["rollback app.toml p"]);
    assert!(told.contains("error[R094]: 'p' has no version before"), "{told}");
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

/// How often components are swapped, and records that come meanwhile.
const SWAPS: u32 = 20;
const RECORDS_EACH: u32 = 1_000;

#[test]
fn swaps_under_load_lose_nothing_and_double_nothing() {
    let place = place("loaded");
    let host = start(&place);
    let mut waited = Vec::new();
    for turn in 0..SWAPS {
        let numbers = turn * RECORDS_EACH..(turn + 1) * RECORDS_EACH;
        place.write("records", numbers.map(|n| format!("{{\"key\":\"{n}\",\"value\":\"x\",\"timestamp\":{n}}}\n")).collect::<String>());
        let mut producing = place.command("produce app.toml in records").stdout(Stdio::null()).spawn().unwrap();
        let told = place.session(&[&format!("swap app.toml p {}.wasm", if turn % 2 == 0 { "bb" } else { "aa" })]);
        assert!(producing.wait().unwrap().success());
        let (_, wait) = told.split_once("records waited ").unwrap_or_else(|| panic!("{told}"));
        let (number, unit) = wait.split_once(' ').unwrap();
        let scale = if unit.starts_with("us") { 1 } else { 1_000 };
        waited.push(number.parse::<u64>().unwrap() * scale);
    }
    let records = SWAPS * RECORDS_EACH;
    let all = names(&place, records as usize);
    assert!((0..records).all(|n| all[&n].len() == 1), "each once");
    assert!(all.values().any(|names| names[0] == "aa") && all.values().any(|names| names[0] == "bb"));
    assert!(status(&place)["rolled_back"].is_null(), "{}", status(&place));
    assert_eq!(host.signal("TERM"), "exit status: 0");
    waited.sort_unstable();
    let percentile = |percent: usize| waited[(waited.len() - 1) * percent / 100];
    println!(
        "{SWAPS} swaps, {records} records: a thread waited {} us (median), {} us (99 %), {} us (longest)",
        percentile(50),
        percentile(99),
        percentile(100)
    );
}

#[test]
fn a_component_that_traps_at_one_record_in_a_hundred_is_rolled_back_and_nobody_notices() {
    let place = place("trapping");
    // A trap would put its record aside.
    place.write("app.toml", manifest("trapping", "aa.wasm", "on-error = \"skip\"\n"));
    place.write("bb.wasm", named("bb", TRAPS));
    let host = start(&place);
    assert!(place.session(&["swap app.toml p bb.wasm"]).contains("on trial"));
    // Some that the new one takes before it traps.
    let mut sent = 40;
    produce(&place, 0..sent);
    names(&place, sent as usize);
    let begun = Instant::now();
    while status(&place)["rolled_back"].is_null() {
        produce(&place, sent..sent + 400);
        sent += 400;
        assert!(begun.elapsed() < BOUND, "{}", place.read("log"));
    }
    println!("rolled back {} ms after the first record that could trap, looks included", begun.elapsed().as_millis());
    names(&place, sent as usize);
    let of = status(&place);
    let why = of["rolled_back"].as_str().unwrap();
    assert!(why.contains("trapped or missed their deadline, 0 of"), "{why}");
    produce(&place, sent..sent + 40);
    let all = names(&place, sent as usize + 40);
    assert!((0..sent + 40).all(|n| all[&n].len() == 1), "each once");
    assert!(all.range(..sent).any(|(_, names)| names[0] == "bb"));
    assert!(all.range(sent..).all(|(_, names)| names[0] == "aa"));
    assert!(place.session(&["status app.toml"]).contains("    rolled back: ") && !place.read("log").contains("skipped"));
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

#[test]
fn state_goes_on_under_the_new_component() {
    let place = crate::place::Place::with_word_count();
    // The same component to the eye of a compiler: a section that nobody reads is added.
    let mut other = std::fs::read(place.path("components/word_count.wasm")).unwrap();
    other.extend([0, 5, 4, b'n', b'o', b't', b'e']);
    place.write("other.wasm", other);
    let mut host = place.start("run app.toml --input lines=lines.txt");
    host.until("lines_0 0 running 0 2");
    assert!(place.session(&["swap app.toml count other.wasm"]).contains("on trial"));
    place.session(&["produce app.toml lines lines.txt"]);
    host.until("lines_0 0 running 0 4");
    let output = place.output("consume app.toml counts --max 10");
    let counts = String::from_utf8(output.stdout).unwrap();
    assert!(counts.lines().any(|line| line.contains("\"key\":\"the\"") && line.contains("\"4\"")), "{counts}");
}
