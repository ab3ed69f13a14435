//! What the command says of itself.

use insta::assert_snapshot;

use crate::common::Place;

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
          swap          Let another component take the place of a processor's while the app runs
          rollback      Let the component before a swap come back
          deploy        Publish an app on Kafka to all of its hosts
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

        Usage: cofferdam run [OPTIONS] <APP.toml|--app <ID>>

        Arguments:
          [APP.toml]  The manifest

        Options:
              --app <ID>               Kafka: run what is deployed of the app with this id, and follow its
                                       deployments; stands for the manifest
              --input <SOURCE=FILE>    Produce the lines of FILE (`-`: standard input) to the topic of
                                       SOURCE, a source or table, before the app starts
              --output <SINK=FILE>     Write the topic of SINK, from its beginning, to FILE (`-`: standard
                                       output)
              --until-idle             End when everything that was produced is processed
              --watch                  Swap a component in whenever its file changes; built again whenever
                                       its source does
              --again                  Produce the files of --input again, even those that were produced
                                       before
              --threads <THREADS>      Stream threads; stands for `runtime.threads`
              --state-dir <DIR>        Folder of the log and of the state; stands for `runtime.state-dir`
              --bootstrap <HOST:PORT>  Kafka: addresses of brokers; stands for `broker.bootstrap`
              --client-config <FILE>   Kafka: properties of librdkafka, `key=value` a line; stands for keys
                                       of `broker.client`
              --instance-id <NAME>     Kafka: name of this host among those of the app; stands for
                                       `runtime.instance-id`
              --public <HOST:PORT>     Where metrics and health are served, or `none`; stands for
                                       `admin.public`
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
              --client-config <FILE>   Kafka: properties of librdkafka, `key=value` a line; stands for keys
                                       of `broker.client`
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
              --client-config <FILE>   Kafka: properties of librdkafka, `key=value` a line; stands for keys
                                       of `broker.client`
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
              --client-config <FILE>   Kafka: properties of librdkafka, `key=value` a line; stands for keys
                                       of `broker.client`
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
              --client-config <FILE>   Kafka: properties of librdkafka, `key=value` a line; stands for keys
                                       of `broker.client`
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
