//! A reset: an app begins anew.

use std::fs;

use insta::assert_snapshot;

use crate::place::{Place, one_probe};

#[test]
fn reset_app_begins_anew() {
    let place = Place::with_word_count();
    let run = "run app.toml --input lines=lines.txt --output counts=counts.jsonl --until-idle";
    place.session(&[run]);
    assert_snapshot!(place.session(&["reset app.toml", "reset app.toml --dry-run"]), @r#"
        $ cofferdam reset app.toml
        reset of word-count

        committed offsets
          topic  partition  committed  new
          lines          0          2    0

        topics to delete
          word-count-counts-changelog
          word-count-lines-cells-changelog

        state to delete
          .cofferdam/tasks/word-count

        The next run processes the records from the new offsets on, and writes its outputs behind those that are there.
        Records of --input files stay in their topics and are not produced again. Dead letters stay, retried ones as such.

        error[R085]: a reset cannot be undone, and there is no terminal to ask at
        hint: give --yes; with --dry-run nothing is done
        [exit status: 2]

        $ cofferdam reset app.toml --dry-run
        reset of word-count

        committed offsets
          topic  partition  committed  new
          lines          0          2    0

        topics to delete
          word-count-counts-changelog
          word-count-lines-cells-changelog

        state to delete
          .cofferdam/tasks/word-count

        The next run processes the records from the new offsets on, and writes its outputs behind those that are there.
        Records of --input files stay in their topics and are not produced again. Dead letters stay, retried ones as such.

        nothing was changed: --dry-run
    "#);
    assert!(place.path(".cofferdam/tasks/word-count").is_dir(), "nothing was changed so far");
    assert_snapshot!(place.session(&["reset app.toml --yes", run]), @r#"
        $ cofferdam reset app.toml --yes
        reset of word-count

        committed offsets
          topic  partition  committed  new
          lines          0          2    0

        topics to delete
          word-count-counts-changelog
          word-count-lines-cells-changelog

        state to delete
          .cofferdam/tasks/word-count

        The next run processes the records from the new offsets on, and writes its outputs behind those that are there.
        Records of --input files stay in their topics and are not produced again. Dead letters stay, retried ones as such.

        done

        $ cofferdam run app.toml --input lines=lines.txt --output counts=counts.jsonl --until-idle
        TIME  INFO all 2 records were produced before; --again produces them again file=lines.txt topic=lines
        TIME  INFO running app=word-count threads=1 state=.cofferdam
        TIME  INFO everything is processed: 2 records in this run
        TIME  INFO 10 records written file=counts.jsonl
    "#);
    assert!(!place.path(".cofferdam/word-count.reset").exists());
    let counts: Vec<serde_json::Value> = place.read("counts.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counts: Vec<String> = counts.iter().map(|c| format!("{}={}", c["key"].as_str().unwrap(), c["value"].as_str().unwrap())).collect();
    let once = ["the=1", "quick=1", "fox=1", "the=2", "dog=1"];
    assert_eq!(counts, [once, once].concat(), "counted from nothing, written behind what was there");
}

#[test]
fn reset_goes_to_an_offset_a_time_or_the_end() {
    let place = Place::with_word_count();
    let lines: String = (0..4).map(|i| format!("{{\"value\":\"word{i}\",\"timestamp\":{}}}\n", i * 1_000)).collect();
    place.write("lines.txt", lines);
    place.session(&["run app.toml --input lines=lines.txt --until-idle"]);
    let mut told = String::new();
    for to in ["3", "99", "1970-01-01T00:00:01Z", "1970-01-01T02:00:01.5+02:00", "latest", "earliest"] {
        let begins = place.session(&[&format!("reset app.toml --to {to} --yes")]);
        let row = begins.lines().find(|line| line.trim_start().starts_with("lines ")).unwrap().split_whitespace().last().unwrap();
        let ran = place.session(&["run app.toml --until-idle"]);
        let processed = ran.lines().find(|line| line.contains("everything")).unwrap();
        told += &format!("{to}: from {row}; {}\n", processed.split("INFO ").last().unwrap());
    }
    assert_snapshot!(told, @r#"
        3: from 3; everything is processed: 1 record in this run
        99: from 4; everything is processed: 0 records in this run
        1970-01-01T00:00:01Z: from 1; everything is processed: 3 records in this run
        1970-01-01T02:00:01.5+02:00: from 2; everything is processed: 2 records in this run
        latest: from 4; everything is processed: 0 records in this run
        earliest: from 0; everything is processed: 4 records in this run
    "#);
    assert_snapshot!(place.session(&["reset app.toml --to yesterday"]), @r#"
        $ cofferdam reset app.toml --to yesterday
        error: invalid value 'yesterday' for '--to <earliest|latest|OFFSET|TIME>': it must be earliest, latest, an offset, or a time such as TIME

        For more information, try '--help'.
        [exit status: 2]
    "#);
}

#[test]
fn app_that_runs_is_not_reset() {
    let place = Place::with_word_count();
    let mut host = place.start("run app.toml");
    host.until("lines_0 0 running");
    assert_snapshot!(place.session(&["reset app.toml --yes", "reset app.toml --state-dir elsewhere"]), @r#"
        $ cofferdam reset app.toml --yes
        error[R082]: a host is running on the state folder .cofferdam
        hint: stop it first, on every machine: a host keeps offsets and state in memory, and would commit them again
        [exit status: 2]

        $ cofferdam reset app.toml --state-dir elsewhere
        error[B006]: there is no log in the state folder elsewhere
        hint: an app's log is made when it runs for the first time; another folder is given by `--state-dir`
        [exit status: 2]
    "#);
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

#[test]
fn app_whose_reset_was_killed_does_not_run_before_it_is_completed() {
    let place = Place::with_word_count();
    place.session(&["run app.toml --input lines=lines.txt --until-idle"]);
    // As after a kill between the first and the last step.
    place.write(".cofferdam/word-count.reset", "");
    fs::remove_dir_all(place.path(".cofferdam/tasks/word-count")).unwrap();
    assert_snapshot!(place.session(&["run app.toml --until-idle"]), @r#"
        $ cofferdam run app.toml --until-idle
        error[R083]: a reset of 'word-count' has begun and not ended: its offsets and its state do not fit together
        hint: `cofferdam reset` with the same --to completes it
        [exit status: 2]
    "#);
    let told = place.session(&["reset app.toml --yes", "run app.toml --until-idle"]);
    assert!(told.ends_with("everything is processed: 2 records in this run\n"), "{told}");
}

#[test]
fn reset_table_is_read_from_its_beginning_and_may_change_its_changelog() {
    let place = Place::new();
    let manifest = |table: &str| {
        format!(
            "[app]\nid = \"t\"\n[tables.t]\ntopic = \"in\"\n{table}[sources.s]\ntopic = \"s\"\n[sinks.out]\ntopic = \"out\"\nfrom = [\"t\", \"s\"]\n"
        )
    };
    place.write("topic.toml", manifest(""));
    place.write("own.toml", manifest("changelog = true\n"));
    place.write("rows.txt", "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"2\"}\n");
    place.session(&["run topic.toml --input t=rows.txt --input s=rows.txt --until-idle"]);
    assert_snapshot!(place.session(&["reset own.toml --to latest --yes", "run own.toml --until-idle"]), @r#"
        $ cofferdam reset own.toml --to latest --yes
        reset of t

        committed offsets
          topic  partition  committed  new
          in             0          2    0  table
          s              0          2    2

        topics to delete
          t-t-cells-changelog

        state to delete
          .cofferdam/tasks/t

        The next run processes the records from the new offsets on, and writes its outputs behind those that are there.
        Tables are read from their first record in any case: their rows come from there.
        Records of --input files stay in their topics and are not produced again. Dead letters stay, retried ones as such.

        done

        $ cofferdam run own.toml --until-idle
        TIME  INFO running app=t threads=1 state=.cofferdam
        TIME  INFO everything is processed: 2 records in this run
    "#);
    assert_snapshot!(place.session(&["reset topic.toml --yes", "run topic.toml --until-idle"]), @r#"
        $ cofferdam reset topic.toml --yes
        reset of t

        committed offsets
          topic  partition  committed  new
          in             0          2    0  table
          s              0          2    0

        topics to delete
          t-t-cells-changelog
          t-t-changelog

        state to delete
          .cofferdam/tasks/t

        The next run processes the records from the new offsets on, and writes its outputs behind those that are there.
        Tables are read from their first record in any case: their rows come from there.
        Records of --input files stay in their topics and are not produced again. Dead letters stay, retried ones as such.

        done

        $ cofferdam run topic.toml --until-idle
        TIME  INFO running app=t threads=1 state=.cofferdam
        TIME  INFO everything is processed: 4 records in this run
    "#);
}

#[test]
fn reset_takes_what_is_on_its_way_between_sub_topologies() {
    let manifest = one_probe("{ do = \"count\" }", "stores = [\"counts\"]\n\n[stores.counts]\nkind = \"key-value\"");
    let place = Place::with_probe(&manifest.replace("from = [\"in\"]", "from = { from = \"in\", repartition = true }"));
    place.write("lines.txt", "{\"key\":\"a\",\"value\":\"1\",\"timestamp\":1}\n{\"key\":\"a\",\"value\":\"2\",\"timestamp\":2}\n");
    place.session(&["run app.toml --input in=lines.txt --until-idle"]);
    let once = place.records("out");
    let told = place.session(&["reset app.toml --yes", "run app.toml --until-idle"]);
    assert!(told.contains("-repartition\n") && told.contains("everything is processed: 2 records"), "{told}");
    assert_eq!(place.records("out"), once.repeat(2));
}
