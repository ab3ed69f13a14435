//! What a person sees: the command itself, run in an empty folder. Every text is a snapshot, so that a change of it is read.
//!
//! Needs built guests (`make guests examples`).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::fs;

use common::{Place, one_probe};
use insta::assert_snapshot;

#[test]
fn help_is_short() {
    let place = Place::new();
    assert_snapshot!(place.session(&["--help", "run -h", "produce -h", "consume -h", "status -h", "resume -h"]), @r#"
        $ cofferdam --help
        Stream processing in which every processor is a sandboxed WebAssembly component

        Usage: cofferdam <COMMAND>

        Commands:
          new           Begin a project: manifest, processor, tests
          build         Build the components of a project
          check         Check a manifest and its components: everything that can be known before running
          describe      Show the topology of a manifest
          test          Run step files: topologies on a virtual clock
          run           Run an application
          produce       Append lines to a topic
          consume       Print the records of a topic
          status        Show tasks and partitions
          resume        Let parked tasks try their record again
          dead-letters  List dead letters, show one, or have them processed again
          reset         Let an app begin anew: offsets, internal topics, state
          explain       Explain the code of an error
          completions   Print the completions of a shell
          help          Print this message or the help of the given subcommand(s)

        Options:
          -h, --help     Print help
          -V, --version  Print version

        $ cofferdam run -h
        Run an application

        Usage: cofferdam run [OPTIONS] <APP.toml>

        Arguments:
          <APP.toml>  The manifest

        Options:
              --input <SOURCE=FILE>    Produce the lines of FILE (`-`: standard input) to the topic of
                                       SOURCE, a source or table, before the app starts
              --output <SINK=FILE>     Write the topic of SINK, from its beginning, to FILE (`-`: standard
                                       output)
              --until-idle             End when everything that was produced is processed
              --again                  Produce the files of --input again, even those that were produced
                                       before
              --threads <THREADS>      Stream threads; stands for `runtime.threads`
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
              --instance-id <NAME>     Kafka: name of this host among those of the app; stands for
                                       `runtime.instance-id`
              --create-topics          Kafka: make topics of sources, tables and sinks that do not exist
              --leave                  Kafka: SIGTERM hands the tasks over at once, as SIGINT does; else
                                       they wait for this host to come back
              --yes                    Agree to what else is asked first: on Kafka a file of --input is
                                       produced anew at each start
              --log <LOG>              Form of the log lines [default: text] [possible values: text, json]
              --redact                 Keep keys of records out of logs and errors
          -h, --help                   Print help (see more with '--help')

        $ cofferdam produce -h
        Append lines to a topic

        Usage: cofferdam produce [OPTIONS] <APP.toml> <SOURCE|TOPIC> [FILE]

        Arguments:
          <APP.toml>      The manifest
          <SOURCE|TOPIC>  A source, table or topic
          [FILE]          The lines; `-`: standard input [default: -]

        Options:
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
          -h, --help                   Print help

        $ cofferdam consume -h
        Print the records of a topic

        Usage: cofferdam consume [OPTIONS] <APP.toml> <SINK|TOPIC>

        Arguments:
          <APP.toml>    The manifest
          <SINK|TOPIC>  A sink, source, table or topic

        Options:
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
              --from-beginning         Begin at the first record (the default)
              --from-end               Begin behind the last record
              --follow                 Wait for further records
              --max <N>                End after N records
          -h, --help                   Print help

        $ cofferdam status -h
        Show tasks and partitions

        Usage: cofferdam status [OPTIONS] <APP.toml>

        Arguments:
          <APP.toml>  The manifest

        Options:
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
              --json                   As JSON
          -h, --help                   Print help

        $ cofferdam resume -h
        Let parked tasks try their record again

        Usage: cofferdam resume [OPTIONS] <APP.toml> [TASK]

        Arguments:
          <APP.toml>  The manifest
          [TASK]      A task, as `status` names it; all unless said

        Options:
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
          -h, --help                   Print help
    "#);
    assert_snapshot!(place.session(&["new -h", "build -h", "check -h", "describe -h", "test -h", "explain -h"]), @r#"
        $ cofferdam new -h
        Begin a project: manifest, processor, tests

        Usage: cofferdam new [OPTIONS] <NAME>

        Arguments:
          <NAME>  The project, and its folder; a path makes the folder there

        Options:
              --lang <LANG>  Language of its processor [default: rust] [possible values: rust, js]
          -h, --help         Print help (see more with '--help')

        $ cofferdam build -h
        Build the components of a project

        Usage: cofferdam build [OPTIONS] [DIR]

        Arguments:
          [DIR]  Folder of a package or workspace: with a Cargo.toml, or a package.json that has a script
                 `build` [default: .]

        Options:
          -p, --package <NAME>  A package of the workspace; all that are a `cdylib` unless said
              --out <DIR>       Folder for components of Rust; `components` in DIR unless said
              --watch           Build again whenever a source changes
          -h, --help            Print help

        $ cofferdam check -h
        Check a manifest and its components: everything that can be known before running

        Usage: cofferdam check [OPTIONS] <APP.toml>

        Arguments:
          <APP.toml>  The manifest

        Options:
              --acls  Print the ACLs that `run` needs on Kafka, as arguments of kafka-acls.sh, instead of
                      the components
          -h, --help  Print help

        $ cofferdam describe -h
        Show the topology of a manifest

        Usage: cofferdam describe [OPTIONS] <APP.toml>

        Arguments:
          <APP.toml>  The manifest

        Options:
              --json     As JSON
              --mermaid  As a Mermaid diagram
          -h, --help     Print help

        $ cofferdam test -h
        Run step files: topologies on a virtual clock

        Usage: cofferdam test <FILE|DIR>...

        Arguments:
          <FILE|DIR>...  Step files, or folders that are searched for them

        Options:
          -h, --help  Print help

        $ cofferdam explain -h
        Explain the code of an error

        Usage: cofferdam explain [CODE]

        Arguments:
          [CODE]  The code, as in `error[M003]`; without it all codes are listed

        Options:
          -h, --help  Print help
    "#);
}

#[test]
fn mistake_on_the_command_line_is_told_with_what_can_stand_there() {
    let place = Place::with_word_count();
    assert_snapshot!(place.session(&[
        "rnu app.toml",
        "run",
        "run ap.toml",
        "run app.toml --input lines",
        "run app.toml --input line=lines.txt",
        "run app.toml --output lines=out",
        "run app.toml --input lines=line.txt --state-dir s",
        "run app.toml --input lines=- --input lines=-",
        "run app.toml --output counts=no/such/out --state-dir s",
        "run app.toml --threads 0",
        "consume app.toml counts --from-end",
        "test",
        "test nothing",
        "test components",
        "explain X9",
    ]), @r#"
        $ cofferdam rnu app.toml
        error: unrecognized subcommand 'rnu'

        Usage: cofferdam <COMMAND>

        For more information, try '--help'.
        [exit status: 2]

        $ cofferdam run
        error: the following required arguments were not provided:
          <APP.toml>

        Usage: cofferdam run <APP.toml>

        For more information, try '--help'.
        [exit status: 2]

        $ cofferdam run ap.toml
        error[M001]: the manifest ap.toml cannot be read
        Caused by: No such file or directory (os error 2)
        [exit status: 2]

        $ cofferdam run app.toml --input lines
        error: invalid value 'lines' for '--input <SOURCE=FILE>': it must be NAME=FILE

        For more information, try '--help'.
        [exit status: 2]

        $ cofferdam run app.toml --input line=lines.txt
        error[R013]: --input line=lines.txt: there is no source or table 'line'
        hint: did you mean 'lines'?
        [exit status: 2]

        $ cofferdam run app.toml --output lines=out
        error[R022]: --output lines=out: there is no sink 'lines'
        hint: sinks: counts
        [exit status: 2]

        $ cofferdam run app.toml --input lines=line.txt --state-dir s
        error[R010]: the input line.txt cannot be opened
        Caused by: No such file or directory (os error 2)
        [exit status: 2]

        $ cofferdam run app.toml --input lines=- --input lines=-
        error[R014]: standard input can be given to one --input only
        [exit status: 2]

        $ cofferdam run app.toml --output counts=no/such/out --state-dir s
        error[R020]: the output no/such/out cannot be written
        Caused by: No such file or directory (os error 2)
        [exit status: 2]

        $ cofferdam run app.toml --threads 0
        error: invalid value '0' for '--threads <THREADS>': 0 is not in 1..=1024

        For more information, try '--help'.
        [exit status: 2]

        $ cofferdam consume app.toml counts --from-end
        error: the following required arguments were not provided:
          --follow

        Usage: cofferdam consume --follow --from-end <APP.toml> <SINK|TOPIC>

        For more information, try '--help'.
        [exit status: 2]

        $ cofferdam test
        error: the following required arguments were not provided:
          <FILE|DIR>...

        Usage: cofferdam test <FILE|DIR>...

        For more information, try '--help'.
        [exit status: 2]

        $ cofferdam test nothing
        error[R040]: 'nothing' cannot be read
        Caused by: No such file or directory (os error 2)
        [exit status: 2]

        $ cofferdam test components
        error[R041]: there is no step file
        hint: step files end in .json; see `cofferdam new` for an example
        [exit status: 2]

        $ cofferdam explain X9
        error[R070]: there is no code 'X9'
        hint: `cofferdam explain` lists all codes
        [exit status: 2]
    "#);
}

#[test]
fn explanation_has_an_example() {
    assert_snapshot!(Place::new().session(&["explain m003"]), @r#"
        $ cofferdam explain m003
        M003: A key is not known

        A key that nobody reads would be a setting that silently has no effect, so it is
        refused. The hint names the key that is nearest, or all keys that can stand
        there.

            [sources.flights]
            topci = "flights"     # did you mean 'topic'?
    "#);
}

#[test]
fn every_shell_gets_completions() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = place.output(&format!("completions {shell}"));
        assert!(String::from_utf8(output.stdout).unwrap().contains("describe"), "{shell}");
    }
}

#[test]
fn app_is_checked_and_described() {
    assert_snapshot!(Place::with_word_count().session(&["check app.toml", "describe app.toml", "describe app.toml --mermaid"]), @r#"
        $ cofferdam check app.toml
        count: components/word_count.wasm
            Counts words.
            imports cofferdam:processor/types@0.1.0 (given, the contract)
            imports cofferdam:processor/context@0.1.0 (given, the contract)
            imports cofferdam:processor/stores@0.1.0 (given, the contract)
        word-count: ok (3 nodes, 1 store, 1 sub-topology)

        $ cofferdam describe app.toml
        app word-count

        sub-topology lines  (1 task)
          source     lines   <- lines
                       -> count
          processor  count   components/word_count.wasm
                       -> counts
          sink       counts  -> counts
          store      counts: key-value, rocksdb; changelog word-count-counts-changelog; used by count
          cells      changelog word-count-lines-cells-changelog

        internal topics
          word-count-counts-changelog  1 x compact
          word-count-lines-cells-changelog  1 x compact

        $ cofferdam describe app.toml --mermaid
        flowchart LR
          subgraph s0["lines"]
            n0[/"lines"/]
            n1["count"]
            n2[/"counts"/]
            d0[("counts")]
          end
          t0(["lines"])
          t1(["counts"])
          t0 --> n0
          n0 --> n1
          n1 --> n2
          n2 --> t1
          n1 <-.-> d0
    "#);
}

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
fn log_is_looked_into_without_a_host() {
    let place = Place::with_word_count();
    let early = place.session(&["status app.toml", "produce app.toml lines lines.txt", "run app.toml --until-idle", "resume app.toml"]);
    assert_snapshot!(early, @r#"
        $ cofferdam status app.toml
        error[B006]: there is no log in the state folder .cofferdam
        hint: an app's log is made when it runs for the first time; another folder is given by `--state-dir`
        [exit status: 2]

        $ cofferdam produce app.toml lines lines.txt
        error[B006]: there is no log in the state folder .cofferdam
        hint: an app's log is made when it runs for the first time; another folder is given by `--state-dir`
        [exit status: 2]

        $ cofferdam run app.toml --until-idle
        TIME  INFO running app=word-count threads=1 state=.cofferdam
        TIME  INFO everything is processed: 0 records in this run

        $ cofferdam resume app.toml
        error[R030]: no host is running this app
        hint: a task that was parked tries its record again at the next `run`
        [exit status: 2]
    "#);
    let mut told = place.session(&["produce app.toml lines lines.txt"]);
    told += &place.typed("produce app.toml lines", "plain\n{\"key\": \"k\", \"value\": {\"a\": [1]}, \"timestamp\": 5}\n");
    told += &place.typed("produce app.toml lines -", "one\n{\"value\": 1, \"timestamp\": \"x\"}\n");
    told += &place.typed("produce app.toml lins", "one\n");
    told += &place.session(&[
        "produce app.toml lines nothing.txt",
        "produce app.toml lines components",
        "status app.toml",
        "status app.toml --json",
    ]);
    assert_snapshot!(told, @r#"
        $ cofferdam produce app.toml lines lines.txt
        2 records produced
        $ cofferdam produce app.toml lines
        2 records produced
        $ cofferdam produce app.toml lines -
        error[R012]: line 2 of standard input is a broken record
        Caused by: 'timestamp' is not a whole number of milliseconds
        hint: the lines before it were produced
        [exit status: 2]
        $ cofferdam produce app.toml lins
        error[B001]: topic 'lins' does not exist
        hint: did you mean 'lines'?
        [exit status: 2]
        $ cofferdam produce app.toml lines nothing.txt
        error[R010]: the input nothing.txt cannot be opened
        Caused by: No such file or directory (os error 2)
        [exit status: 2]

        $ cofferdam produce app.toml lines components
        error[R010]: the input components cannot be opened
        Caused by: it is a folder
        [exit status: 2]

        $ cofferdam status app.toml
        word-count: not running

        topic  partition  committed  end  lag
        lines          0          0    5    5

        $ cofferdam status app.toml --json
        {
          "app": "word-count",
          "running": false,
          "tasks": [],
          "partitions": [
            {
              "topic": "lines",
              "partition": 0,
              "committed": 0,
              "end": 5
            }
          ]
        }
    "#);
    let consumed = String::from_utf8(place.output("consume app.toml lines").stdout).unwrap();
    let values: Vec<serde_json::Value> =
        consumed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["value"].clone()).collect();
    assert_eq!(serde_json::json!(values), serde_json::json!(["the quick fox", "the dog", "plain", {"a": [1]}, "one"]));
    assert_eq!(String::from_utf8(place.output("consume app.toml lines --max 2").stdout).unwrap().lines().count(), 2);
    assert_snapshot!(place.session(&["consume app.toml count", "consume app.toml nosuchtopic", "status app.toml --state-dir elsewhere"]), @r#"
        $ cofferdam consume app.toml count
        error[B001]: topic 'count' does not exist
        hint: did you mean 'counts'?
        [exit status: 2]

        $ cofferdam consume app.toml nosuchtopic
        error[B001]: topic 'nosuchtopic' does not exist
        hint: sources, tables, sinks and topics: lines, counts
        [exit status: 2]

        $ cofferdam status app.toml --state-dir elsewhere
        error[B006]: there is no log in the state folder elsewhere
        hint: an app's log is made when it runs for the first time; another folder is given by `--state-dir`
        [exit status: 2]
    "#);
    assert!(!place.path("elsewhere").exists(), "looking makes nothing");
}

#[test]
fn log_is_looked_into_while_a_host_runs() {
    let place = Place::with_word_count();
    let mut host = place.start("run app.toml");
    host.until("lines_0 0 running");
    assert_snapshot!(place.session(&["produce app.toml lines lines.txt", "resume app.toml", "resume app.toml lines_0", "resume app.toml line_0"]), @r#"
        $ cofferdam produce app.toml lines lines.txt
        2 records produced

        $ cofferdam resume app.toml
        no task is parked

        $ cofferdam resume app.toml lines_0
        lines_0 is not parked

        $ cofferdam resume app.toml line_0
        error[R031]: there is no task 'line_0'
        hint: did you mean 'lines_0'?
        [exit status: 2]
    "#);
    // Waits for what is yet to come.
    let followed = place.output("consume app.toml counts --follow --max 5");
    assert_eq!(String::from_utf8(followed.stdout).unwrap().lines().count(), 5);
    let status = host.until("lines_0 0 running 0 2");
    assert_snapshot!(status, @r#"
        word-count: running

        task thread state lag processed skipped dead letters stream time last commit
        lines_0 0 running 0 2 0 0 TIME TIME

        topic partition committed end lag
        lines 0 2 2 0
    "#);
    assert_snapshot!(place.session(&["run app.toml", "consume app.toml nosuchtopic"]), @r#"
        $ cofferdam run app.toml
        error[B003]: the state folder .cofferdam is in use by another process (pid PID)
        hint: one process at a time runs an app on the embedded log; while it does, `produce`, `consume`, `status`, `resume` and `dead-letters` reach it
        [exit status: 1]

        $ cofferdam consume app.toml nosuchtopic
        error[B001]: topic 'nosuchtopic' does not exist
        hint: sources, tables, sinks and topics: lines, counts
        [exit status: 2]
    "#);
    assert_eq!(host.signal("TERM"), "exit status: 0");
    assert!(place.session(&["status app.toml"]).contains("not running"));
    // A command that is interrupted leaves for good, and that is no failure either.
    let mut host = place.start("run app.toml");
    host.until("lines_0 0 running");
    assert_eq!(host.signal("INT"), "exit status: 0");
}

#[test]
fn parked_task_is_told_and_resumed() {
    let config = "{ do = \"fail\" }";
    let manifest = one_probe(config, "") + "\n[topics.in]\npartitions = 2\n\n[topics.out]\npartitions = 2\n";
    let place = Place::with_probe(&manifest);
    let mut host = place.start("run app.toml");
    host.until("in_1 0 running");
    // Of these keys the first goes to one partition, the second to the other.
    let lines = "{\"key\":\"a\",\"value\":\"bad\",\"timestamp\":7}\n{\"key\":\"d\",\"value\":\"good\",\"timestamp\":8}\n";
    place.typed("produce app.toml in", lines);
    let status = host.until("in_1 0 running 0 1");
    assert_snapshot!(status, @r#"
        probed: running, 1 of 2 tasks parked

        task thread state lag processed skipped dead letters stream time last commit
        in_0 0 parked 1 0 0 0 - TIME
        bad-record in 'probe' at in/0/0: the value says so
        in_1 0 running 0 1 0 0 TIME TIME

        topic partition committed end lag
        in 0 0 1 1
        in 1 1 1 0
    "#);
    assert_snapshot!(place.session(&["resume app.toml"]), @r#"
        $ cofferdam resume app.toml
        in_0 tries its record again
    "#);
    host.logged("task parked", 2);
    assert_eq!(host.signal("TERM"), "exit status: 0");
    assert_snapshot!(place.plain(&place.read("log")), @r#"
        TIME  INFO running app=probed threads=1 state=.cofferdam
        TIME ERROR bad-record in 'probe' at in/0/0: the value says so; task parked node=probe task=in_0 key="a"
        TIME  INFO resumed task=in_0
        TIME ERROR bad-record in 'probe' at in/0/0: the value says so; task parked node=probe task=in_0 key="a"
        TIME  INFO stopping
    "#);
}

/// Puts `N` for the digits that a part begins with, if they are four or more.
fn without_sizes(part: &str) -> String {
    let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
    if part.len() - rest.len() >= 4 { format!("N{rest}") } else { part.to_owned() }
}

#[test]
fn file_that_is_no_whole_component_is_told_apart() {
    let place = Place::with_probe(&one_probe("{ do = \"pass\" }", ""));
    let whole = fs::read(place.path("probe.wasm")).unwrap();
    let mut told = String::new();
    for broken in [&whole[..whole.len() / 2], b"[package]\nname = \"probe\"\n", b"\0asm\x01\0\0\0", b""] {
        place.write("probe.wasm", broken);
        told += &place.session(&["check app.toml"]);
        told += "\n";
    }
    fs::remove_file(place.path("probe.wasm")).unwrap();
    told += &place.session(&["run app.toml"]);
    // How large the component is depends on the compiler.
    let told: String = told.split_inclusive(|c: char| !c.is_ascii_digit()).map(without_sizes).collect();
    assert_snapshot!(told, @r#"
        $ cofferdam check app.toml
        error[C103]: component 'probe.wasm' is cut off: it ends in the middle, after N bytes
          --> app.toml:8:13
        Caused by: failed to parse WebAssembly module: wasm component contains an invalid module section: section range N..N is out of bounds (bound = N)
        hint: build it again, or copy it again
        [exit status: 2]

        $ cofferdam check app.toml
        error[C101]: 'probe.wasm' is not a WebAssembly component
          --> app.toml:8:13
        Caused by: it does not begin as WebAssembly does
        hint: name the .wasm file that `cofferdam build` has made
        [exit status: 2]

        $ cofferdam check app.toml
        error[C102]: 'probe.wasm' is a core WebAssembly module, not a component
          --> app.toml:8:13
        hint: `cofferdam build` makes a component of a Rust package; for other modules use `wasm-tools component new`
        [exit status: 2]

        $ cofferdam check app.toml
        error[C101]: component 'probe.wasm' is empty
          --> app.toml:8:13
        hint: build it again, or copy it again
        [exit status: 2]

        $ cofferdam run app.toml
        error[C001]: the component probe.wasm cannot be read
          --> app.toml:8:13
        Caused by: No such file or directory (os error 2)
        hint: build it (`cofferdam build`); the path is relative to the manifest's folder
        [exit status: 2]
    "#);
}

#[test]
fn typo_in_each_kind_of_key_names_the_key_that_was_meant() {
    let manifest = "[app]\nid = \"typos\"\nguarante = \"exactly-once\"\n\n[brokr]\nkind = \"embedded\"\n\n[runtime]\nthread = 2\n\n[topics.in]\npartition = 4\n\n\
                    [sources.in]\ntopci = \"in\"\n\n[tables.prices]\ntopic = \"prices\"\nchangelg = true\n\n[processors.probe]\ncomponnt = \"probe.wasm\"\nfrom = [\"in\"]\n\
                    on-error = { polcy = \"skip\" }\nlimits = { memroy = \"1MiB\" }\n\n[stores.rows]\nknid = \"key-value\"\n\n[sinks.out]\ntopic = \"out\"\nform = [\"probe\"]\n";
    assert_snapshot!(Place::with_probe(manifest).session(&["check app.toml"]), @r#"
        $ cofferdam check app.toml
        error[M003]: unknown key 'guarante' in [app]
          --> app.toml:3:1
        hint: did you mean 'guarantee'?

        error[M003]: unknown key 'brokr' in the manifest
          --> app.toml:5:2
        hint: did you mean 'broker'?

        error[M003]: unknown key 'thread' in [runtime]
          --> app.toml:9:1
        hint: did you mean 'threads'?

        error[M003]: unknown key 'partition' in [topics.in]
          --> app.toml:12:1
        hint: did you mean 'partitions'?

        error[M002]: [sources.in] has no 'topic'
          --> app.toml:14:10
        hint: write topic = "..."

        error[M003]: unknown key 'topci' in [sources.in]
          --> app.toml:15:1
        hint: did you mean 'topic'?

        error[M003]: unknown key 'changelg' in [tables.prices]
          --> app.toml:19:1
        hint: did you mean 'changelog'?

        error[M002]: [processors.probe] has no 'component'
          --> app.toml:21:13
        hint: write component = "path/to/component.wasm"

        error[M003]: unknown key 'componnt' in [processors.probe]
          --> app.toml:22:1
        hint: did you mean 'component'?

        error[M003]: unknown key 'polcy' in 'on-error' of [processors.probe]
          --> app.toml:24:14
        hint: did you mean 'policy'?

        error[M003]: unknown key 'memroy' in 'limits' of [processors.probe]
          --> app.toml:25:12
        hint: did you mean 'memory'?

        error[M003]: unknown key 'knid' in [stores.rows]
          --> app.toml:28:1
        hint: did you mean 'kind'?

        error[M003]: unknown key 'form' in [sinks.out]
          --> app.toml:32:1
        hint: did you mean 'from'?

        13 errors
        [exit status: 2]
    "#);
}

#[test]
fn wrong_name_in_a_manifest_is_told_with_its_line() {
    let manifest = one_probe("{ do = \"count\" }", "stores = [\"cuonts\"]").replace("from = [\"probe\"]", "from = [\"prob\"]");
    assert_snapshot!(Place::with_probe(&manifest).session(&["check app.toml"]), @r#"
        $ cofferdam check app.toml
        error[T008]: 'probe' opens the store 'cuonts', but there is no such store
          --> app.toml:11:11
        hint: there are no stores

        error[T001]: 'out' takes from 'prob', but there is no such node
          --> app.toml:15:9
        hint: did you mean 'probe'?

        2 errors
        [exit status: 2]
    "#);
}

#[test]
fn typo_in_a_config_is_told_with_the_key_that_was_meant() {
    let place = Place::new();
    place.copy("examples/flights/components/alerts.wasm", "alerts.wasm");
    place.copy("tests/guests/dist/probe.wasm", "probe.wasm");
    let alerts = "[app]\nid = \"alerts\"\n\n[sources.in]\ntopic = \"in\"\n\n[processors.delayed]\ncomponent = \"alerts.wasm\"\nfrom = [\"in\"]\n\n\
                  [processors.delayed.config]\ndelayed-byond = 1\n\n[sinks.out]\ntopic = \"out\"\nfrom = [\"delayed\"]\n";
    place.write("app.toml", alerts);
    // A component whose schema tells nothing: its own words, at the line of the key.
    place.write("probe.toml", one_probe("{ do = \"pas\" }", ""));
    let told = place.session(&["check app.toml"]);
    let unknown = "error[T014]: the config of 'delayed' has the unknown key 'delayed-byond'\n  --> app.toml:12:1\nhint: did you mean 'delayed-beyond'?";
    assert!(told.contains(unknown), "{told}");
    let refused = place.session(&["check probe.toml"]);
    assert!(refused.contains("error[C110]: the component of 'probe' refuses its config\n  --> probe.toml:10:"), "{refused}");
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
fn panic_at_the_thousandth_record_is_dealt_with_by_policy() {
    let records: String = (1..=1_500).map(|n| format!("{{\"key\":\"key {n}\",\"value\":\"value {n}\",\"timestamp\":{n}}}\n")).collect();
    let mut told = String::new();
    for (policy, passed) in
        [("", 999), ("on-error = \"skip\"", 1_499), ("on-error = { policy = \"dead-letter\", topic = \"broken\" }", 1_499)]
    {
        let place = Place::with_probe(&one_probe("{ do = \"panic\", nth = 1000 }", policy));
        place.write("in.jsonl", &records);
        told += &place.session(&["run app.toml --input in=in.jsonl --output out=out.jsonl --until-idle"]);
        assert_eq!(place.read("out.jsonl").lines().count(), passed, "{policy}");
        if policy.contains("broken") {
            told += &place.session(&["consume app.toml broken"]);
        }
        told += "\n";
    }
    assert_snapshot!(told, @r#"
        $ cofferdam run app.toml --input in=in.jsonl --output out=out.jsonl --until-idle
        TIME  INFO 1500 records produced file=in.jsonl topic=in
        TIME  INFO running app=probed threads=1 state=.cofferdam
        TIME ERROR trap in 'probe' at in/0/999: panicked at 'tests/guests/probe/src/hostile.rs:19:47': call 1000, as configured; task parked node=probe task=in_0 key="key 1000" frames=<probe::Probe>::run
        error[R006]: every task is parked
        Caused by: task in_0: trap in 'probe' at in/0/999: panicked at 'tests/guests/probe/src/hostile.rs:19:47': call 1000, as configured
        hint: nothing is lost: after a repair the same command goes on at these records; `on-error` of a node can skip such records or put them aside
        [exit status: 1]

        $ cofferdam run app.toml --input in=in.jsonl --output out=out.jsonl --until-idle
        TIME  INFO 1500 records produced file=in.jsonl topic=in
        TIME  INFO running app=probed threads=1 state=.cofferdam
        TIME ERROR trap in 'probe' at in/0/999: panicked at 'tests/guests/probe/src/hostile.rs:19:47': call 1000, as configured; skipped node=probe task=in_0 key="key 1000" frames=<probe::Probe>::run
        TIME  INFO everything is processed: 1499 records in this run
        TIME  INFO 1499 records written file=out.jsonl

        $ cofferdam run app.toml --input in=in.jsonl --output out=out.jsonl --until-idle
        TIME  INFO 1500 records produced file=in.jsonl topic=in
        TIME  INFO running app=probed threads=1 state=.cofferdam
        TIME ERROR trap in 'probe' at in/0/999: panicked at 'tests/guests/probe/src/hostile.rs:19:47': call 1000, as configured; put aside as a dead letter node=probe task=in_0 key="key 1000" frames=<probe::Probe>::run
        TIME  INFO everything is processed: 1499 records in this run
        TIME  INFO 1499 records written file=out.jsonl
        $ cofferdam consume app.toml broken
        {"key":"key 1000","value":"value 1000","timestamp":1000,"headers":[["__streams.errors.exception","trap"],["__streams.errors.message","panicked at 'tests/guests/probe/src/hostile.rs:19:47': call 1000, as configured"],["__streams.errors.stacktrace","<probe::Probe>::run"],["__streams.errors.topic","in"],["__streams.errors.partition","0"],["__streams.errors.offset","999"],["__streams.errors.node","probe"]]}
    "#);
}

#[test]
fn redacted_keys_are_in_no_line() {
    let place = Place::with_probe(&one_probe("{ do = \"trap\" }", ""));
    place.write("in.jsonl", "{\"key\":\"secret\",\"value\":\"boom\",\"timestamp\":1}\n");
    let line = "run app.toml --input in=in.jsonl --until-idle";
    assert!(place.session(&[line]).contains("secret"));
    let told = place.session(&[&format!("{line} --redact")]);
    assert!(told.contains("key=<redacted>") && !told.contains("secret"), "{told}");
}

#[test]
fn component_that_refuses_to_start_is_told_once_a_task() {
    let place = Place::with_probe(&one_probe("{ do = \"init-error\", message = \"the threshold is negative\" }", ""));
    assert_snapshot!(place.session(&["run app.toml --until-idle"]), @r#"
        $ cofferdam run app.toml --until-idle
        TIME  INFO running app=probed threads=1 state=.cofferdam
        TIME ERROR 'probe' refuses to start: init: the threshold is negative task=in_0
        error[R006]: every task is parked
        Caused by: task in_0: 'probe' refuses to start: init: the threshold is negative
        hint: nothing is lost: after a repair the same command goes on at these records; `on-error` of a node can skip such records or put them aside
        [exit status: 1]
    "#);
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

#[test]
fn project_is_not_made_over_another() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    place.write("file", "");
    assert_snapshot!(place.session(&["new shop", "new shop", "new Shop", "new match", "new file", "new deep/er/till --lang js", "new empty --lang rust"]), @r#"
        $ cofferdam new shop
        made shop: a manifest, a processor in Rust, its unit test and a step file

        next:
            cd shop
            cargo test                  # the processor alone
            cofferdam build             # its component
            cofferdam test tests/steps  # the topology, on a virtual clock
            cofferdam run app.toml --input lines=lines.txt --output counts=counts.jsonl --until-idle

        $ cofferdam new shop
        error[R060]: shop is there already, and is not empty
        hint: take another name, or remove it
        [exit status: 2]

        $ cofferdam new Shop
        error[R061]: a project cannot be named 'Shop'
        Caused by: it does not begin with a small letter
        hint: a name has small letters, digits, '-' and '_', and begins with a letter
        [exit status: 2]

        $ cofferdam new match
        error[R061]: a project cannot be named 'match'
        Caused by: that is a word or a package of Rust
        hint: a name has small letters, digits, '-' and '_', and begins with a letter
        [exit status: 2]

        $ cofferdam new file
        error[R060]: file is there already, and is no folder
        hint: take another name, or remove it
        [exit status: 2]

        $ cofferdam new deep/er/till --lang js
        made deep/er/till: a manifest, a processor in JavaScript, its unit test and a step file

        next:
            cd deep/er/till
            node --test                 # the processor alone
            cofferdam build             # its component
            cofferdam test tests/steps  # the topology, on a virtual clock
            cofferdam run app.toml --input lines=lines.txt --output counts=counts.jsonl --until-idle

        $ cofferdam new empty --lang rust
        made empty: a manifest, a processor in Rust, its unit test and a step file

        next:
            cd empty
            cargo test                  # the processor alone
            cofferdam build             # its component
            cofferdam test tests/steps  # the topology, on a virtual clock
            cofferdam run app.toml --input lines=lines.txt --output counts=counts.jsonl --until-idle
    "#);
}

#[test]
fn folder_without_a_processor_is_not_built() {
    let place = Place::new();
    fs::create_dir(place.path("js")).unwrap();
    place.write("js/package.json", "{\"scripts\": {\"build\": \"true\"}}");
    fs::create_dir(place.path("rust")).unwrap();
    place.write("rust/Cargo.toml", "[package]\nname = \"plain\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n");
    fs::create_dir(place.path("rust/src")).unwrap();
    place.write("rust/src/lib.rs", "");
    assert_snapshot!(place.session(&["build", "build nowhere", "build js -p x", "build rust", "build rust -p other"]), @r#"
        $ cofferdam build
        error[R051]: there is nothing to build in this folder
        Caused by: it has neither a Cargo.toml nor a package.json with a script 'build'
        hint: name the folder of a processor; `cofferdam new` makes one
        [exit status: 2]

        $ cofferdam build nowhere
        error[R051]: there is nothing to build in nowhere
        Caused by: it has neither a Cargo.toml nor a package.json with a script 'build'
        hint: name the folder of a processor; `cofferdam new` makes one
        [exit status: 2]

        $ cofferdam build js -p x
        error[R054]: `-p` and `--out` are for packages of Rust
        hint: the script 'build' of package.json says what is built, and where it goes
        [exit status: 2]

        $ cofferdam build rust
        error[R050]: package `plain` is no `cdylib`
        hint: put `crate-type = ["cdylib"]` under `[lib]` in DIR/rust/Cargo.toml
        [exit status: 2]

        $ cofferdam build rust -p other
        error[R050]: there is no package `other` in rust
        hint: the packages there are plain
        [exit status: 2]
    "#);
}
