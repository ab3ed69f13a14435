//! Runs, and what they leave behind.

use insta::assert_snapshot;

use crate::place::Place;

#[test]
fn second_run_produces_nothing_twice_and_writes_the_same_output() {
    let place = Place::with_word_count();
    let line = "run app.toml --input lines=lines.txt --output counts=counts.jsonl --until-idle";
    assert_snapshot!(place.session(&[line]), @r#"
        $ cofferdam run app.toml --input lines=lines.txt --output counts=counts.jsonl --until-idle
        TIME  INFO 2 records produced file=lines.txt topic=lines
        TIME  INFO running app=word-count threads=1 state=.cofferdam
        TIME  INFO everything is processed: 2 records in this run
        TIME  INFO 5 records written file=counts.jsonl
    "#);
    let first = place.read("counts.jsonl");
    let counts: Vec<serde_json::Value> = first.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counts: Vec<String> = counts.iter().map(|c| format!("{}={}", c["key"].as_str().unwrap(), c["value"].as_str().unwrap())).collect();
    assert_eq!(counts, ["the=1", "quick=1", "fox=1", "the=2", "dog=1"]);
    assert_snapshot!(place.session(&[line]), @r#"
        $ cofferdam run app.toml --input lines=lines.txt --output counts=counts.jsonl --until-idle
        TIME  INFO all 2 records were produced before; --again produces them again file=lines.txt topic=lines
        TIME  INFO running app=word-count threads=1 state=.cofferdam
        TIME  INFO everything is processed: 0 records in this run
        TIME  INFO 5 records written file=counts.jsonl
    "#);
    assert_eq!(place.read("counts.jsonl"), first);
    place.session(&[&format!("{line} --again")]);
    assert_eq!(place.read("counts.jsonl").lines().count(), 10);
}

#[test]
fn two_apps_in_one_state_folder_keep_their_states_apart() {
    let place = Place::with_word_count();
    place.write("two.toml", place.read("app.toml").replace("word-count", "word-count-two"));
    let run = |app: &str| place.session(&[&format!("run {app}.toml --input lines=lines.txt --until-idle")]);
    let told = [run("app"), run("two"), run("app")].concat();
    assert!(told.matches("everything is processed: 2 records").count() == 2 && !told.contains("WARN"), "{told}");
}

#[test]
fn table_is_not_restored_from_another_topic_than_before() {
    let place = Place::new();
    let manifest =
        |table: &str| format!("[app]\nid = \"t\"\n[tables.t]\ntopic = \"in\"\n{table}[sinks.out]\ntopic = \"out\"\nfrom = \"t\"\n");
    place.write("topic.toml", manifest(""));
    place.write("own.toml", manifest("changelog = true\n"));
    place.write("rows.txt", "{\"key\":\"a\",\"value\":\"1\"}\n");
    let told = place.session(&["run topic.toml --input t=rows.txt --until-idle", "run own.toml --until-idle"]);
    assert_snapshot!(told, @r#"
        $ cofferdam run topic.toml --input t=rows.txt --until-idle
        TIME  INFO 1 record produced file=rows.txt topic=in
        TIME  INFO running app=t threads=1 state=.cofferdam
        TIME  INFO everything is processed: 1 record in this run

        $ cofferdam run own.toml --until-idle
        error[B007]: the table 't' would get a changelog of its own, but records of its topic were read without one
          --> own.toml:3:9
        hint: a table of a compacted topic has its own changelog with changelog = true, or when it or a node below it has another on-error than "fail": leave that as it was, or begin anew with `cofferdam reset`
        [exit status: 2]
    "#);
    let told = place.session(&[
        "run own.toml --state-dir other --input t=rows.txt --until-idle",
        "run topic.toml --state-dir other --until-idle",
        "run own.toml --state-dir other --until-idle",
    ]);
    assert_snapshot!(told, @r#"
        $ cofferdam run own.toml --state-dir other --input t=rows.txt --until-idle
        TIME  INFO 1 record produced file=rows.txt topic=in
        TIME  INFO running app=t threads=1 state=other
        TIME  INFO everything is processed: 1 record in this run

        $ cofferdam run topic.toml --state-dir other --until-idle
        error[B007]: the table 't' has a changelog of its own, 't-t-changelog', which would not be used any more
          --> topic.toml:3:9
        hint: a table of a compacted topic has its own changelog with changelog = true, or when it or a node below it has another on-error than "fail": leave that as it was, or begin anew with `cofferdam reset`
        [exit status: 2]

        $ cofferdam run own.toml --state-dir other --until-idle
        TIME  INFO running app=t threads=1 state=other
        TIME  INFO everything is processed: 0 records in this run
    "#);
}

#[test]
fn processors_may_be_listed_in_another_order_than_they_flow() {
    let head = "[app]\nid = \"order\"\n\n[sources.in]\ntopic = \"in\"\n";
    let words = "[processors.words]\ncomponent = \"probe.wasm\"\nfrom = [\"in\"]\nconfig = { do = \"words\" }\n";
    let upper = "[processors.upper]\ncomponent = \"probe.wasm\"\nfrom = [\"words\"]\nconfig = { do = \"upper\" }\n";
    let count = "[processors.count]\ncomponent = \"probe.wasm\"\nfrom = [\"upper\"]\nconfig = { do = \"count\" }\nstores = [\"counts\"]\n";
    let rest = "[sinks.out]\ntopic = \"out\"\nfrom = [\"count\"]\n\n[stores.counts]\nkind = \"key-value\"\n";
    let place = Place::with_probe(&[head, words, upper, count, rest].join("\n"));
    place.write("other.toml", [rest, count, head, upper, words].join("\n"));
    place.write("in.txt", "a b a\nb b\n");
    for (manifest, out) in [("app", "one"), ("other", "two")] {
        let line = format!("run {manifest}.toml --state-dir {out}.state --input in=in.jsonl --output out={out}.jsonl --until-idle");
        place.write("in.jsonl", "{\"value\":\"a b a\",\"timestamp\":1}\n{\"value\":\"b b\",\"timestamp\":2}\n");
        assert!(place.output(&line).status.success());
    }
    assert_eq!(place.read("one.jsonl"), place.read("two.jsonl"));
    assert_eq!(place.read("one.jsonl").lines().count(), 5);
}

#[test]
fn state_folder_too_deep_for_a_socket_is_a_warning() {
    let place = Place::with_word_count();
    let deep = format!("{}/{}", "a".repeat(60), "b".repeat(60));
    let line = format!("run app.toml --state-dir {deep} --input lines=lines.txt --output counts=counts.jsonl --until-idle");
    assert_snapshot!(place.session(&[&line]), @r#"
        $ cofferdam run app.toml --state-dir aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb --input lines=lines.txt --output counts=counts.jsonl --until-idle
        TIME  WARN R033: the control socket aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/control.sock cannot be opened: path must be shorter than SUN_LEN; a Unix socket's path has at most 107 bytes: a state folder with a shorter path helps (`--state-dir`)
        TIME  INFO 2 records produced file=lines.txt topic=lines
        TIME  INFO running app=word-count threads=1 state=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        TIME  INFO everything is processed: 2 records in this run
        TIME  INFO 5 records written file=counts.jsonl
    "#);
    assert_eq!(place.read("counts.jsonl").lines().count(), 5);
    assert!(place.session(&[&format!("status app.toml --state-dir {deep}")]).contains("not running"));
}

#[test]
fn log_lines_are_json_when_asked() {
    let place = Place::with_word_count();
    let output = place.output("run app.toml --input lines=lines.txt --until-idle --log json");
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["message"].is_string() && line["level"].is_string(), "{line}");
    }
}
