//! Asking the stores of a running host.

use insta::assert_snapshot;

use crate::place::Place;

#[test]
fn stores_are_asked_while_the_host_runs() {
    let place = Place::with_word_count();
    place.session(&["run app.toml --until-idle"]);
    assert_snapshot!(place.session(&["query app.toml counts the"]), @"");
    let mut host = place.start("run app.toml --input lines=lines.txt");
    host.until("lines_0 0 running 0 2");
    assert_snapshot!(place.session(&[
        "query app.toml counts the",
        "query app.toml counts the --json",
        "query app.toml counts",
        "query app.toml counts --limit 2",
        "query app.toml counts --from dog --to fox",
        "query app.toml counts --prefix q --json",
        "query app.toml counts --prefix x",
        "query app.toml counts dGhl --base64",
        "query app.toml counts cat",
        "query app.toml counts --partition 1",
        "query app.toml count the",
        "query app.toml counts the --as-of 2026-01-31T18:00:00Z",
        "query app.toml counts --since noon",
    ]), @"");
    assert_eq!(host.signal("TERM"), "exit status: 0");
}
