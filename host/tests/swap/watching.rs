//! `run --watch`.

use crate::{named, names, place, produce, short};

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
