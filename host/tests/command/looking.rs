//! Looking into an app's log, with a host there and without.

use insta::assert_snapshot;

use crate::place::Place;

#[test]
fn before_the_first_run_there_is_no_log() {
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
}

/// The word count after a run without records, and what produces five.
fn with_five_lines() -> (Place, String) {
    let place = Place::with_word_count();
    place.session(&["run app.toml --until-idle"]);
    let mut told = place.session(&["produce app.toml lines lines.txt"]);
    told += &place.typed("produce app.toml lines", "plain\n{\"key\": \"k\", \"value\": {\"a\": [1]}, \"timestamp\": 5}\n");
    told += &place.typed("produce app.toml lines -", "one\n{\"value\": 1, \"timestamp\": \"x\"}\n");
    (place, told)
}

#[test]
fn log_is_written_without_a_host() {
    let (place, mut told) = with_five_lines();
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
}

#[test]
fn log_is_read_without_a_host() {
    let (place, _) = with_five_lines();
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

        task thread state lag processed skipped dead letters behind stream time last commit
        lines_0 0 running 0 2 0 0 0 s TIME N UNIT ago

        processor version since trial records traps failures
        count DIGEST the start - 2 0 0

        memory: N MiB resident, of it overlays N MiB, cache N MiB, guests N MiB

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
