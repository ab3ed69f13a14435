//! What can be known of an app before it runs.

use std::fs;

use insta::assert_snapshot;

use crate::place::{Place, one_probe};

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
          processor  count   components/word_count.wasm; packed
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
