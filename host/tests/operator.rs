//! The verbs with which an operator puts things right, as a person sees them: dead letters, a reset, the rights that an app needs.
//!
//! Needs built guests (`make guests examples`).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::fs;

use common::{Place, one_probe};
use insta::assert_snapshot;

/// The probe at work on records that it may refuse, which are put aside.
fn putting_aside(config: &str) -> String {
    one_probe(config, "on-error = { policy = \"dead-letter\", topic = \"bad\" }")
}

/// An app that has refused the first and the last of three records.
fn with_two_letters() -> Place {
    let place = Place::with_probe(&putting_aside("{ do = \"fail\" }"));
    let first = r#"{"key":"a","value":"bad","timestamp":1000,"headers":{"from":"here","raw":{"base64":"/w=="}}}"#;
    place.write("lines.txt", format!("{first}\n{{\"value\":\"good\",\"timestamp\":2000}}\n{{\"value\":\"bad\",\"timestamp\":3000}}\n"));
    place.session(&["run app.toml --input in=lines.txt --until-idle"]);
    place
}

/// Keys, values, times and headers of a topic, a record a line.
fn records(place: &Place, topic: &str) -> String {
    String::from_utf8(place.output(&format!("consume app.toml {topic}")).stdout).unwrap()
}

#[test]
fn help_of_an_operators_verbs_is_short() {
    let lines =
        ["swap -h", "rollback -h", "dead-letters -h", "dead-letters list -h", "dead-letters show -h", "dead-letters retry -h", "reset -h"];
    assert_snapshot!(Place::new().session(&lines), @r#"
        $ cofferdam swap -h
        Let another component take the place of a processor's while the app runs

        Usage: cofferdam swap [OPTIONS] <APP.toml> <PROCESSOR> <NEW.wasm>

        Arguments:
          <APP.toml>   The manifest
          <PROCESSOR>  The processor
          <NEW.wasm>   The component that is to take over

        Options:
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
              --client-config <FILE>   Kafka: properties of librdkafka, `key=value` a line; stands for keys
                                       of `broker.client`
              --max-slowdown <N>       While it is on trial, let the component before come back when a
                                       record takes more than N times as long
          -h, --help                   Print help

        $ cofferdam rollback -h
        Let the component before a swap come back

        Usage: cofferdam rollback [OPTIONS] <APP.toml> <PROCESSOR>

        Arguments:
          <APP.toml>   The manifest
          <PROCESSOR>  The processor

        Options:
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
              --client-config <FILE>   Kafka: properties of librdkafka, `key=value` a line; stands for keys
                                       of `broker.client`
          -h, --help                   Print help

        $ cofferdam dead-letters -h
        List dead letters, show one, or have them processed again

        Usage: cofferdam dead-letters <COMMAND>

        Commands:
          list   List the dead letters of all dead-letter topics of an app
          show   Show one dead letter whole
          retry  Write dead letters back to where their records came from, to be processed again
          help   Print this message or the help of the given subcommand(s)

        Options:
          -h, --help  Print help

        $ cofferdam dead-letters list -h
        List the dead letters of all dead-letter topics of an app

        Usage: cofferdam dead-letters list [OPTIONS] <APP.toml>

        Arguments:
          <APP.toml>  The manifest

        Options:
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
              --client-config <FILE>   Kafka: properties of librdkafka, `key=value` a line; stands for keys
                                       of `broker.client`
              --topic <TOPIC>          Those of this dead-letter topic only
              --json                   As JSON, a letter a line
          -h, --help                   Print help

        $ cofferdam dead-letters show -h
        Show one dead letter whole

        Usage: cofferdam dead-letters show [OPTIONS] <APP.toml> <TOPIC/PARTITION/OFFSET>

        Arguments:
          <APP.toml>                The manifest
          <TOPIC/PARTITION/OFFSET>  The letter, as `list` names it

        Options:
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
              --client-config <FILE>   Kafka: properties of librdkafka, `key=value` a line; stands for keys
                                       of `broker.client`
              --json                   As JSON
          -h, --help                   Print help

        $ cofferdam dead-letters retry -h
        Write dead letters back to where their records came from, to be processed again

        Usage: cofferdam dead-letters retry [OPTIONS] <APP.toml> <TOPIC/PARTITION/OFFSET>...|--all

        Arguments:
          <APP.toml>                   The manifest
          [TOPIC/PARTITION/OFFSET]...  The letters, as `list` names them

        Options:
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
              --client-config <FILE>   Kafka: properties of librdkafka, `key=value` a line; stands for keys
                                       of `broker.client`
              --all                    All that were not retried yet and came from a topic that the app
                                       reads
              --dry-run                Say what would be done, and do nothing
          -h, --help                   Print help

        $ cofferdam reset -h
        Let an app begin anew: offsets, internal topics, state

        Usage: cofferdam reset [OPTIONS] <APP.toml>

        Arguments:
          <APP.toml>  The manifest

        Options:
              --state-dir <DIR>
                  Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>
                  Kafka: addresses of brokers; stands for `broker.bootstrap`
              --client-config <FILE>
                  Kafka: properties of librdkafka, `key=value` a line; stands for keys of `broker.client`
              --to <earliest|latest|OFFSET|TIME>
                  Where the sources begin again: `earliest`, `latest`, an offset (in each partition), or a
                  time (RFC 3339; the first record at or after it) [default: earliest]
              --dry-run
                  Say what would be done, and do nothing
              --yes
                  Do not ask
          -h, --help
                  Print help
    "#);
}

#[test]
fn dead_letters_are_listed_and_shown() {
    let place = with_two_letters();
    assert_snapshot!(place.session(&[
        "dead-letters list app.toml",
        "dead-letters list app.toml --topic bad --json",
        "dead-letters show app.toml bad/0/0",
        "dead-letters show app.toml bad/0/0 --json",
    ]), @r#"
        $ cofferdam dead-letters list app.toml
        letter   from    node   exception   time                  retried
        bad/0/0  in/0/0  probe  bad-record  TIME  no
            the value says so
        bad/0/1  in/0/2  probe  bad-record  TIME  no
            the value says so

        $ cofferdam dead-letters list app.toml --topic bad --json
        {"at":"bad/0/0","from":"in/0/0","node":"probe","exception":"bad-record","message":"the value says so","time":1000,"retried":null,"is_read":true}
        {"at":"bad/0/1","from":"in/0/2","node":"probe","exception":"bad-record","message":"the value says so","time":3000,"retried":null,"is_read":true}

        $ cofferdam dead-letters show app.toml bad/0/0
        letter     bad/0/0
        from       in/0/0
        node       probe
        exception  bad-record
        message    the value says so
        time       TIME
        retried    no
        key        "a"
        value      "bad"
        headers    from: "here"
                   raw: {"base64":"/w=="}

        $ cofferdam dead-letters show app.toml bad/0/0 --json
        {"letter":{"at":"bad/0/0","from":"in/0/0","node":"probe","exception":"bad-record","message":"the value says so","time":1000,"retried":null,"is_read":true},"stacktrace":[],"key":"a","value":"bad","headers":[["from","here"],["raw",{"base64":"/w=="}]]}
    "#);
    assert_snapshot!(place.session(&[
        "dead-letters list app.toml --topic bda",
        "dead-letters show app.toml bad/0/9",
        "dead-letters show app.toml bad/7/0",
        "dead-letters show app.toml out/0/0",
        "dead-letters show app.toml bad/0",
        "dead-letters list app.toml --state-dir elsewhere",
    ]), @r#"
        $ cofferdam dead-letters list app.toml --topic bda
        error[R080]: 'bda' is no dead-letter topic of this app
        hint: did you mean 'bad'?
        [exit status: 2]

        $ cofferdam dead-letters show app.toml bad/0/9
        error[R080]: there is no dead letter bad/0/9
        hint: `cofferdam dead-letters list` shows all that are there
        [exit status: 2]

        $ cofferdam dead-letters show app.toml bad/7/0
        error[R080]: there is no dead letter bad/7/0
        hint: `cofferdam dead-letters list` shows all that are there
        [exit status: 2]

        $ cofferdam dead-letters show app.toml out/0/0
        error[R080]: 'out' is no dead-letter topic of this app
        hint: dead-letter topics: bad
        [exit status: 2]

        $ cofferdam dead-letters show app.toml bad/0
        error: invalid value 'bad/0' for '<TOPIC/PARTITION/OFFSET>': it must be TOPIC/PARTITION/OFFSET, as `dead-letters list` writes it

        For more information, try '--help'.
        [exit status: 2]

        $ cofferdam dead-letters list app.toml --state-dir elsewhere
        error[B006]: there is no log in the state folder elsewhere
        hint: an app's log is made when it runs for the first time; another folder is given by `--state-dir`
        [exit status: 2]
    "#);
}

#[test]
fn retried_letter_goes_back_whence_it_came_and_only_once() {
    let place = with_two_letters();
    let before = records(&place, "in");
    assert_snapshot!(place.session(&[
        "dead-letters retry app.toml",
        "dead-letters retry app.toml bad/0/0 --all",
        "dead-letters retry app.toml bad/0/0 bad/0/9",
        "dead-letters retry app.toml --all --dry-run",
    ]), @r#"
        $ cofferdam dead-letters retry app.toml
        error: the following required arguments were not provided:
          <TOPIC/PARTITION/OFFSET|--all>

        Usage: cofferdam dead-letters retry [OPTIONS] <APP.toml> <TOPIC/PARTITION/OFFSET>...|--all

        For more information, try '--help'.
        [exit status: 2]

        $ cofferdam dead-letters retry app.toml bad/0/0 --all
        error: the argument '[TOPIC/PARTITION/OFFSET]...' cannot be used with '--all'

        Usage: cofferdam dead-letters retry [OPTIONS] <APP.toml> <TOPIC/PARTITION/OFFSET>...|--all

        For more information, try '--help'.
        [exit status: 2]

        $ cofferdam dead-letters retry app.toml bad/0/0 bad/0/9
        error[R080]: there is no dead letter bad/0/9
        hint: `cofferdam dead-letters list` shows all that are there
        [exit status: 2]

        $ cofferdam dead-letters retry app.toml --all --dry-run
        bad/0/0 -> in/0
        bad/0/1 -> in/0
        2 dead letters would be retried
    "#);
    assert_eq!(records(&place, "in"), before, "nothing was written so far");
    assert_snapshot!(place.session(&[
        "dead-letters retry app.toml bad/0/0 bad/0/0",
        "dead-letters list app.toml",
        "dead-letters retry app.toml bad/0/0",
        "dead-letters retry app.toml --all",
        "dead-letters retry app.toml --all",
    ]), @r#"
        $ cofferdam dead-letters retry app.toml bad/0/0 bad/0/0
        bad/0/0 -> in/0
        1 dead letter retried

        $ cofferdam dead-letters list app.toml
        letter   from    node   exception   time                  retried
        bad/0/0  in/0/0  probe  bad-record  TIME  TIME
            the value says so
        bad/0/1  in/0/2  probe  bad-record  TIME  no
            the value says so

        $ cofferdam dead-letters retry app.toml bad/0/0
        bad/0/0: left alone, it was retried at TIME
        0 dead letters retried

        $ cofferdam dead-letters retry app.toml --all
        bad/0/1 -> in/0
        1 dead letter retried

        $ cofferdam dead-letters retry app.toml --all
        0 dead letters retried
    "#);
    assert_snapshot!(records(&place, "in"), @r#"
        {"key":"a","value":"bad","timestamp":1000,"headers":{"from":"here","raw":{"base64":"/w=="}}}
        {"key":null,"value":"good","timestamp":2000}
        {"key":null,"value":"bad","timestamp":3000}
        {"key":"a","value":"bad","timestamp":1000,"headers":{"from":"here","raw":{"base64":"/w=="}}}
        {"key":null,"value":"bad","timestamp":3000}
    "#);
    // The repaired processor takes them now.
    place.write("app.toml", putting_aside("{ do = \"pass\" }"));
    place.session(&["run app.toml --until-idle"]);
    assert_snapshot!(records(&place, "out"), @r#"
        {"key":null,"value":"good","timestamp":2000}
        {"key":"a","value":"bad","timestamp":1000,"headers":{"from":"here","raw":{"base64":"/w=="}}}
        {"key":null,"value":"bad","timestamp":3000}
    "#);
}

#[test]
fn letters_are_looked_after_while_a_host_runs() {
    let place = Place::with_probe(&putting_aside("{ do = \"fail\" }"));
    let mut host = place.start("run app.toml");
    host.until("in_0 0 running");
    place.typed("produce app.toml in", "{\"key\":\"a\",\"value\":\"bad\",\"timestamp\":1000}\n");
    host.logged("put aside", 1);
    assert_snapshot!(place.session(&["dead-letters list app.toml", "dead-letters retry app.toml bad/0/0"]), @r#"
        $ cofferdam dead-letters list app.toml
        letter   from    node   exception   time                  retried
        bad/0/0  in/0/0  probe  bad-record  TIME  no
            the value says so

        $ cofferdam dead-letters retry app.toml bad/0/0
        bad/0/0 -> in/0
        1 dead letter retried
    "#);
    // It fails again, and that is another letter.
    host.logged("put aside", 2);
    host.until("in 0 2 2 0");
    assert_snapshot!(place.session(&["dead-letters list app.toml", "dead-letters show app.toml bad/0/1", "dead-letters show app.toml bad/0/2"]), @r#"
        $ cofferdam dead-letters list app.toml
        letter   from    node   exception   time                  retried
        bad/0/0  in/0/0  probe  bad-record  TIME  TIME
            the value says so
        bad/0/1  in/0/1  probe  bad-record  TIME  no
            the value says so

        $ cofferdam dead-letters show app.toml bad/0/1
        letter     bad/0/1
        from       in/0/1
        node       probe
        exception  bad-record
        message    the value says so
        time       TIME
        retried    no
        key        "a"
        value      "bad"

        $ cofferdam dead-letters show app.toml bad/0/2
        error[R080]: there is no dead letter bad/0/2
        hint: `cofferdam dead-letters list` shows all that are there
        [exit status: 2]
    "#);
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

#[test]
fn letter_whose_topic_is_not_read_any_more_is_retried_by_its_name_only() {
    let place = with_two_letters();
    place.write("before.toml", place.read("app.toml"));
    place.write("app.toml", place.read("app.toml").replace("topic = \"in\"", "topic = \"other\""));
    place.session(&["run app.toml --until-idle"]);
    // Of another application, which has a topic that is not here.
    let headers = r#"{"__streams.errors.topic":"gone","__streams.errors.partition":"0","__streams.errors.offset":"5"}"#;
    place.typed("produce app.toml bad", &format!("{{\"value\":\"far\",\"timestamp\":4000,\"headers\":{headers}}}\n"));
    assert_snapshot!(place.session(&[
        "dead-letters list app.toml",
        "dead-letters retry app.toml --all",
        "dead-letters retry app.toml bad/0/0",
        "dead-letters retry app.toml bad/0/1 bad/0/2",
    ]), @r#"
        $ cofferdam dead-letters list app.toml
        letter   from      node   exception   time                  retried
        bad/0/0  in/0/0    probe  bad-record  TIME  no
            the value says so
        bad/0/1  in/0/2    probe  bad-record  TIME  no
            the value says so
        bad/0/2  gone/0/5  -      -           TIME  no

        $ cofferdam dead-letters retry app.toml --all
        0 dead letters retried
        3 dead letters left alone: the app does not read where the records came from (gone, in)

        $ cofferdam dead-letters retry app.toml bad/0/0
        bad/0/0 -> in/0
        1 dead letter retried

        $ cofferdam dead-letters retry app.toml bad/0/1 bad/0/2
        error[R081]: the dead letter bad/0/2 came from gone/0, which does not exist any more
        hint: `cofferdam dead-letters show` prints the record; `cofferdam produce` takes it to another topic
        [exit status: 2]
    "#);
    let back = String::from_utf8(place.output("consume before.toml in").stdout).unwrap();
    assert_eq!(back.lines().count(), 4, "of the last two neither went back");
}

#[test]
fn app_without_dead_letters_says_so() {
    let place = Place::with_probe(&putting_aside("{ do = \"pass\" }"));
    place.write("none.toml", one_probe("{ do = \"pass\" }", ""));
    place.session(&["run app.toml --until-idle"]);
    assert_snapshot!(place.session(&[
        "dead-letters list app.toml",
        "dead-letters list none.toml",
        "dead-letters list none.toml --topic bad",
        "dead-letters retry app.toml --all",
    ]), @r#"
        $ cofferdam dead-letters list app.toml
        no dead letters

        $ cofferdam dead-letters list none.toml
        no dead letters: no node of the app has on-error with policy = "dead-letter"

        $ cofferdam dead-letters list none.toml --topic bad
        error[R080]: 'bad' is no dead-letter topic of this app
        hint: no node of the app has on-error with policy = "dead-letter"
        [exit status: 2]

        $ cofferdam dead-letters retry app.toml --all
        0 dead letters retried
    "#);
}

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
    let once = records(&place, "out");
    let told = place.session(&["reset app.toml --yes", "run app.toml --until-idle"]);
    assert!(told.contains("-repartition\n") && told.contains("everything is processed: 2 records"), "{told}");
    assert_eq!(records(&place, "out"), once.repeat(2));
}

#[test]
fn rights_of_an_app_are_arguments_of_kafka_acls() {
    let place = Place::with_word_count();
    assert_snapshot!(place.session(&["check app.toml --acls"]), @r#"
        $ cofferdam check app.toml --acls
        --add --allow-principal User:NAME --operation Write --operation Describe --operation DescribeConfigs --topic counts
        --add --allow-principal User:NAME --operation Read --operation Describe --operation DescribeConfigs --topic lines
        --add --allow-principal User:NAME --operation Read --operation Write --operation Create --operation Delete --operation Describe --operation DescribeConfigs --topic word-count- --resource-pattern-type prefixed
        --add --allow-principal User:NAME --operation Read --operation Describe --group word-count
        --add --allow-principal User:NAME --operation Write --operation Describe --transactional-id word-count- --resource-pattern-type prefixed
    "#);
}
