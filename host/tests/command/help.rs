//! What the command says of itself.

use insta::assert_snapshot;

use crate::place::Place;

/// The verbs that a help lists, and below them theirs: so no verb is forgotten.
fn verbs(place: &Place, of: &str) -> Vec<String> {
    let help = place.shown(&place.output(&format!("{of} -h")));
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let named = listed.filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help");
    let verbs = named.flat_map(|verb| {
        let verb = format!("{of} {verb}").trim_start().to_owned();
        let below = verbs(place, &verb);
        [verb].into_iter().chain(below)
    });
    verbs.collect()
}

/// The help of each verb is a snapshot of its own, in `snapshots`.
#[test]
fn help_is_short() {
    let place = Place::new();
    assert_snapshot!("help", place.session(&["--help"]));
    let verbs = verbs(&place, "");
    assert!(verbs.iter().any(|verb| verb == "dead-letters retry"), "{verbs:?}");
    for verb in verbs {
        assert_snapshot!(format!("help_{}", verb.replace(' ', "_")), place.session(&[&format!("{verb} -h")]));
    }
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

        Usage: cofferdam run [OPTIONS] <APP.toml|--app <ID>>

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
