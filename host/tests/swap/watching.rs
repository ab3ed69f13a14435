//! `run --watch`.

use crate::{manifest, named, names, place, produce, short};

#[test]
fn a_component_whose_file_changes_takes_over_and_a_broken_one_does_not() {
    let place = place("watched");
    let mut host = place.start("run app.toml --watch");
    host.until("in_1 1 running");
    produce(&place, 0..50);
    assert!(names(&place, 50).values().all(|names| names[..] == ["aa"]));
    place.write("aa.wasm", b"half a component");
    host.logged("the component at work stays: C101", 1);
    place.write("aa.wasm", named("bb", ""));
    host.logged(&format!("p: {} in place of {}, on trial", short(&named("bb", "")), short(&named("aa", ""))), 1);
    produce(&place, 50..100);
    assert!(names(&place, 100).range(50..).all(|(_, names)| names[..] == ["bb"]));
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

#[test]
fn a_source_that_changes_is_built_and_what_was_built_takes_over() {
    let place = place("sources");
    std::fs::create_dir(place.path("src")).unwrap();
    std::fs::create_dir(place.path("components")).unwrap();
    place.write("app.toml", manifest("sources", "components/p.wasm", ""));
    place.write("package.json", r#"{"private": true, "scripts": {"build": "cp $(cat src/which).wasm components/p.wasm"}}"#);
    place.write("src/which", "aa");
    place.write("components/p.wasm", named("aa", ""));
    let mut host = place.start("run app.toml --watch");
    host.until("in_1 1 running");
    produce(&place, 0..50);
    assert!(names(&place, 50).values().all(|names| names[..] == ["aa"]));
    // What cannot be built changes nothing, and is said.
    place.write("src/which", "nothing");
    host.logged("src/which changed; building", 1);
    host.logged("`npm run --silent build` failed", 1);
    place.write("src/which", "bb");
    host.logged("src/which changed; building", 2);
    host.logged(&format!("p: {} in place of {}, on trial", short(&named("bb", "")), short(&named("aa", ""))), 1);
    produce(&place, 50..100);
    assert!(names(&place, 100).range(50..).all(|(_, names)| names[..] == ["bb"]));
    assert_eq!(host.signal("TERM"), "exit status: 0");
}
