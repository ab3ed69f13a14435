//! Dead letters: listed, shown, and sent back to be processed again.

use insta::assert_snapshot;

use crate::place::{Place, one_probe};

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
    let before = place.records("in");
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
    assert_eq!(place.records("in"), before, "nothing was written so far");
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
    assert_snapshot!(place.records("in"), @r#"
        {"key":"a","value":"bad","timestamp":1000,"headers":{"from":"here","raw":{"base64":"/w=="}}}
        {"key":null,"value":"good","timestamp":2000}
        {"key":null,"value":"bad","timestamp":3000}
        {"key":"a","value":"bad","timestamp":1000,"headers":{"from":"here","raw":{"base64":"/w=="}}}
        {"key":null,"value":"bad","timestamp":3000}
    "#);
    // The repaired processor takes them now.
    place.write("app.toml", putting_aside("{ do = \"pass\" }"));
    place.session(&["run app.toml --until-idle"]);
    assert_snapshot!(place.records("out"), @r#"
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
