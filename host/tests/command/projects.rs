//! Projects: made and built.

use std::fs;

use insta::assert_snapshot;

use crate::place::Place;

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
