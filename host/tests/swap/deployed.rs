//! Apps that are deployed into a state folder: run from there, and followed.

use crate::place::Place;
use crate::{TRAPS, manifest, named, names, produce, said, short, start_deployed, status};

/// The app, deployed once and not yet run.
fn deployed(app: &str) -> Place {
    let place = crate::place(app);
    assert!(said(&place, "deploy app.toml --yes").contains("deployment 1 is published"));
    place
}

/// Deploys the app with another component, or other sections behind it.
fn deploy(place: &Place, app: &str, component: &str, more: &str) -> String {
    place.write("app.toml", manifest(app, component, "") + more);
    said(place, "deploy app.toml --yes")
}

#[test]
fn what_is_deployed_into_a_folder_is_run_from_there_and_followed() {
    let place = deployed("followed");
    // The files are of no use any more.
    place.write("aa.wasm", b"no component");
    let mut host = start_deployed(&place, "followed", "");
    produce(&place, 0..100);
    assert!(names(&place, 100).values().all(|names| names[..] == ["aa"]));
    // Through the host, which holds the folder.
    let told = deploy(&place, "followed", "bb.wasm", "");
    assert!(told.contains("~ node p: component") && told.contains("deployment 2 is published"), "{told}");
    host.logged("deployed: taken in place", 1);
    produce(&place, 100..200);
    assert!(names(&place, 200).range(100..).all(|(_, names)| names[..] == ["bb"]));
    // Another graph: the app begins anew, in the same process.
    let told = deploy(&place, "followed", "bb.wasm", "\n[sinks.copies]\ntopic = \"copies\"\nfrom = [\"p\"]\n");
    assert!(told.contains("+ node copies"), "{told}");
    host.logged("running what is deployed version=3", 1);
    host.until("in_1 ");
    produce(&place, 200..300);
    names(&place, 300);
    assert_eq!(said(&place, "consume app.toml copies --follow --max 100").lines().count(), 100);
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

#[test]
fn a_graph_that_grows_and_shrinks_leaves_alone_what_stays_of_it() {
    let place = deployed("grown");
    let mut host = start_deployed(&place, "grown", "");
    produce(&place, 0..100);
    let tasks = || {
        let status: serde_json::Value = serde_json::from_slice(&place.output("status app.toml --json").stdout).unwrap();
        let task = |task: &serde_json::Value| (task["task"].as_str().unwrap().to_owned(), task["processed"].as_u64().unwrap());
        status["tasks"].as_array().unwrap().iter().map(task).collect::<Vec<_>>()
    };
    let names_of = |tasks: Vec<(String, u64)>| tasks.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    // Another component along with another graph: it takes over in the tasks that go on.
    let second = "\n[sources.second]\ntopic = \"grown-second\"\n\n[sinks.seconds]\ntopic = \"grown-seconds\"\nfrom = [\"second\"]\n";
    let told = deploy(&place, "grown", "bb.wasm", second);
    assert!(told.contains("+ node second") && told.contains("the others go on"), "{told}");
    host.logged("deployed: sub-topologies that go on: in; ended: none; begun: second", 1);
    host.logged("deployed: taken in place", 1);
    host.until("second_0 ");
    produce(&place, 100..200);
    assert!(names(&place, 200).range(100..).all(|(_, names)| names[..] == ["bb"]));
    place.session(&["produce app.toml second records"]);
    assert_eq!(said(&place, "consume app.toml seconds --follow --max 100").lines().count(), 100);
    assert_eq!(names_of(tasks()), ["in_0", "in_1", "second_0"]);
    deploy(&place, "grown", "bb.wasm", "");
    host.logged("deployed: sub-topologies that go on: in; ended: second; begun: none", 1);
    produce(&place, 200..300);
    assert_eq!(names(&place, 300).len(), 300);
    let left = tasks();
    assert_eq!(left.iter().map(|(_, processed)| processed).sum::<u64>(), 300, "since they were made: {left:?}");
    assert_eq!(names_of(left), ["in_0", "in_1"]);
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

#[test]
fn a_deployment_that_cannot_be_bound_ends_no_host() {
    let place = deployed("bound");
    let mut host = start_deployed(&place, "bound", "");
    // A topic keeps the partitions that it was made with.
    let grown = manifest("bound", "aa.wasm", "").replace("partitions = 2", "partitions = 3");
    place.write("app.toml", &grown);
    assert!(said(&place, "deploy app.toml --yes").contains("deployment 2 is published"));
    host.logged("a deployment is not taken, and deployment 1 runs on: B005", 1);
    produce(&place, 0..50);
    assert_eq!(names(&place, 50).len(), 50);
    // The next one is taken as if that had never been.
    let told = deploy(&place, "bound", "bb.wasm", "");
    assert!(told.contains("deployment 3 is published"), "{told}");
    host.logged("deployed: taken in place", 1);
    produce(&place, 50..60);
    assert!(names(&place, 60).range(50..).all(|(_, names)| names[..] == ["bb"]));
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

#[test]
fn a_component_that_was_taken_back_does_not_come_again_with_a_restart_or_another_graph() {
    let place = deployed("back");
    place.write("tt.wasm", named("tt", TRAPS));
    let mut host = start_deployed(&place, "back", "");
    deploy(&place, "back", "tt.wasm", "");
    host.logged("deployed: taken in place", 1);
    let mut sent = 0;
    while status(&place)["rolled_back"].is_null() {
        produce(&place, sent..sent + 400);
        sent += 400;
    }
    host.logged("works on in place of", 1);
    assert_eq!(host.signal("TERM"), "exit status: 0");
    let aa = short(&named("aa", ""));
    let by_old = |host: &mut crate::place::Running<'_>, from: u32| {
        produce(&place, from..from + 200);
        host.until("in_0 ");
        let of = status(&place);
        assert!(of["digest"].as_str().unwrap().contains(&aa) && of["rolled_back"].as_str().unwrap().contains("before this start"), "{of}");
        assert!(names(&place, from as usize + 200).range(from..).all(|(_, names)| names[..] == ["aa"]));
    };
    let mut host = start_deployed(&place, "back", "");
    by_old(&mut host, sent);
    deploy(&place, "back", "tt.wasm", "\n[sinks.copies]\ntopic = \"copies\"\nfrom = [\"p\"]\n");
    host.logged("running what is deployed version=3", 1);
    host.until("in_1 ");
    by_old(&mut host, sent + 200);
    // Another component is another matter.
    deploy(&place, "back", "bb.wasm", "\n[sinks.copies]\ntopic = \"copies\"\nfrom = [\"p\"]\n");
    host.logged("deployed: taken in place", 1);
    assert!(status(&place)["digest"].as_str().unwrap().contains(&short(&named("bb", ""))));
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

/// The pair of keys of RFC 8410.
const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
const PUBLIC_KEY: &str =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

#[test]
fn a_host_that_trusts_a_key_takes_what_is_signed_with_it_and_nothing_else() {
    let place = deployed("trusting");
    place.write("key.pem", KEY);
    place.write("public.pem", PUBLIC_KEY);
    let run = "run --app trusting --state-dir .cofferdam --public none --trust public.pem";
    let told = place.session(&[run]);
    assert!(
        told.contains("error[R107]: deployment 1 of 'trusting' is not to be trusted") && told.contains("nobody has signed it"),
        "{told}"
    );
    place.write("app.toml", manifest("trusting", "aa.wasm", "") + "# signed\n");
    assert!(said(&place, "deploy app.toml --yes --sign key.pem").contains("deployment 2 is published, signed"));
    let mut host = start_deployed(&place, "trusting", "--trust public.pem");
    assert!(deploy(&place, "trusting", "bb.wasm", "").contains("deployment 3 is published"));
    host.logged("a deployment is not taken, and deployment 2 runs on: R107", 1);
    produce(&place, 0..50);
    assert!(names(&place, 50).values().all(|names| names[..] == ["aa"]));
    // Through the host, which does not know the key that signs.
    place.write("app.toml", manifest("trusting", "bb.wasm", "") + "# signed\n");
    assert!(said(&place, "deploy app.toml --yes --sign key.pem").contains("deployment 4 is published, signed"));
    host.logged("deployed: taken in place", 1);
    produce(&place, 50..100);
    assert!(names(&place, 100).range(50..).all(|(_, names)| names[..] == ["bb"]));
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

#[test]
fn a_host_gives_no_more_than_it_was_started_to_give() {
    let place = deployed("ceiling");
    let granted = |allow: &str| place.write("app.toml", manifest("ceiling", "aa.wasm", &format!("allow = [{allow}]\n")));
    granted("\"clock\"");
    let told = place.session(&["run app.toml --until-idle"]);
    assert!(told.contains("error[C111]: 'p' is granted clock, which this host does not give\n  --> app.toml:"), "{told}");
    let told = place.session(&["run app.toml --until-idle --allow sockets"]);
    assert!(told.contains("files and sockets are given to no component in this version"), "{told}");
    assert!(!place.session(&["run app.toml --until-idle --allow random --allow clock"]).contains("error"));
    let mut host = start_deployed(&place, "ceiling", "--allow clock");
    granted("\"clock\", \"env:HOME\"");
    let told = said(&place, "deploy app.toml --yes");
    assert!(told.contains("+ capability p: clock (granted)") && told.contains("+ capability p: env:HOME (granted)"), "{told}");
    host.logged("a deployment is not taken, and deployment 1 runs on: C111", 1);
    granted("\"clock\"");
    let told = said(&place, "deploy app.toml --yes");
    assert!(told.contains("- capability p: env:HOME (granted)"), "{told}");
    host.logged("running what is deployed version=3", 1);
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

#[test]
fn nothing_is_run_where_nothing_is_deployed() {
    let place = crate::place("nowhere");
    let first = place.session(&["run --app nowhere --log json"]);
    assert!(first.contains("B006") && first.contains("there is no log in the state folder"), "{first}");
    place.session(&["run app.toml --until-idle"]);
    let then = place.session(&["run --app nowhere"]);
    assert!(then.contains("error[R100]: nothing of the app 'nowhere' is deployed in this state folder"), "{then}");
}
