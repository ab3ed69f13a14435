//! Asking the stores of a running host.

use insta::assert_snapshot;

use crate::place::Place;

#[test]
fn stores_are_asked_while_the_host_runs() {
    let place = Place::with_word_count();
    place.write("lines.txt", "{\"value\": \"the quick fox\", \"timestamp\": 5}\n{\"value\": \"the dog\", \"timestamp\": 1000}\n");
    place.session(&["run app.toml --until-idle"]);
    assert_snapshot!(place.session(&["query app.toml counts the"]), @r#"
        $ cofferdam query app.toml counts the
        error[R030]: no host is running this app
        hint: stores are asked while the app runs: `cofferdam run APP.toml`
        [exit status: 2]
    "#);
    let mut host = place.start("run app.toml --input lines=lines.txt");
    host.until("lines_0 0 running 0 2");
    assert_snapshot!(place.session(&[
        "query app.toml counts the",
        "query app.toml counts the --json",
        "query app.toml counts",
        "query app.toml counts --limit 2",
        "query app.toml counts --from dog --to fox",
        "query app.toml counts --prefix q --json",
        "query app.toml counts --prefix x",
        "query app.toml counts dGhl --base64 --json",
        "query app.toml counts cat",
        "query app.toml counts --partition 1",
        "query app.toml count the",
        "query app.toml counts the --as-of 2026-01-31T18:00:00Z",
        "query app.toml counts --since noon",
    ]), @r#"
        $ cofferdam query app.toml counts the
        key  value  time
        the  2      TIME

        $ cofferdam query app.toml counts the --json
        {"key":"the","value":"2","timestamp":1000}

        $ cofferdam query app.toml counts
        key    value  time
        dog    1      TIME
        fox    1      TIME
        quick  1      TIME
        the    2      TIME

        $ cofferdam query app.toml counts --limit 2
        key  value  time
        dog  1      TIME
        fox  1      TIME
        the first 2 rows; --limit shows more, --json all

        $ cofferdam query app.toml counts --from dog --to fox
        key  value  time
        dog  1      TIME
        fox  1      TIME

        $ cofferdam query app.toml counts --prefix q --json
        {"key":"quick","value":"1","timestamp":5}

        $ cofferdam query app.toml counts --prefix x
        no rows

        $ cofferdam query app.toml counts dGhl --base64 --json
        {"key":"the","value":"2","timestamp":1000}

        $ cofferdam query app.toml counts cat
        error[R121]: store 'counts' has no row of the key 'cat'
        [exit status: 1]

        $ cofferdam query app.toml counts --partition 1
        error[R125]: store 'counts' has no partition 1
        hint: its partitions are 0 to 0
        [exit status: 2]

        $ cofferdam query app.toml count the
        error[R120]: there is no store 'count'
        hint: did you mean 'counts'?
        [exit status: 2]

        $ cofferdam query app.toml counts the --as-of 2026-01-31T18:00:00Z
        error[R125]: 'counts' is a key-value store: it has no versions
        hint: leave 'as-of' out
        [exit status: 2]

        $ cofferdam query app.toml counts --since noon
        error[R125]: 'counts' is a key-value store: its rows have no time
        hint: leave 'since' and 'until' out
        [exit status: 2]
    "#);
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

const TUMBLED: &str = r#"
[app]
id = "tumbled"

[sources.in]
topic = "in"

[processors.count]
component = "tumbler.wasm"
from = ["in"]
stores = ["counts"]

[stores.counts]
kind = "window"
window = "10s"
retention = "1h"

[sinks.out]
topic = "out"
from = ["count"]
"#;

#[test]
fn windows_are_asked_by_key_and_by_time() {
    let place = Place::new();
    place.copy("tests/guests/dist/tumbler.wasm", "tumbler.wasm");
    place.write("app.toml", TUMBLED);
    let record = |key: &str, time: u32| format!("{{\"key\": \"{key}\", \"value\": \"v\", \"timestamp\": {time}}}\n");
    place.write("records.jsonl", [record("k", 1_000), record("k", 12_000), record("l", 15_000), record("k", 16_000)].concat());
    let mut host = place.start("run app.toml --input in=records.jsonl");
    host.until("in_0 0 running 0 4");
    assert_snapshot!(place.session(&[
        "query app.toml counts k --json",
        "query app.toml counts --since 1970-01-01T00:00:10Z --json",
        "query app.toml counts --prefix l --json",
        "query app.toml counts --until 9999",
        "query app.toml counts k --since 20000",
    ]), @r#"
        $ cofferdam query app.toml counts k --json
        {"key":"k","value":"1","timestamp":1000,"start":0,"end":10000}
        {"key":"k","value":"2","timestamp":16000,"start":10000,"end":20000}

        $ cofferdam query app.toml counts --since 1970-01-01T00:00:10Z --json
        {"key":"k","value":"2","timestamp":16000,"start":10000,"end":20000}
        {"key":"l","value":"1","timestamp":15000,"start":10000,"end":20000}

        $ cofferdam query app.toml counts --prefix l --json
        {"key":"l","value":"1","timestamp":15000,"start":10000,"end":20000}

        $ cofferdam query app.toml counts --until 9999
        key  start                 end                   value  time
        k    TIME  TIME  1      TIME

        $ cofferdam query app.toml counts k --since 20000
        error[R121]: store 'counts' has no row of the key 'k' at that time
        [exit status: 1]
    "#);
    assert_eq!(host.signal("TERM"), "exit status: 0");
}
