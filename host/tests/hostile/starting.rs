//! Guests that do their harm before the first record: while they are loaded, asked what they are, or started.

use crate::HOST_BYTES;
use crate::attacks::Component;
use crate::host::{self, Host, Task, ended, records};
use crate::made_by_hand as made;
use crate::place::Place;

fn manifest(component: &str, config: &str, more: &str) -> String {
    let good = "[sources.fine]\ntopic = \"fine\"\n\n[processors.good]\ncomponent = \"probe.wasm\"\nfrom = [\"fine\"]\nconfig = { do = \"pass\" }\n\n\
                [sinks.fine-out]\ntopic = \"fine-out\"\nfrom = [\"good\"]\n";
    format!(
        "[app]\nid = \"starting\"\n\n[sources.in]\ntopic = \"in\"\n\n[processors.bad]\ncomponent = \"{component}\"\nfrom = [\"in\"]\n{config}\n\n\
         [sinks.out]\ntopic = \"out\"\nfrom = [\"bad\"]\n\n{good}\n{more}"
    )
}

fn place(component: Component, keys: &str, more: &str) -> Place {
    let place = host::place();
    let manifest = match component {
        Component::Probe(config) => manifest("probe.wasm", &format!("config = {config}\n{keys}"), more),
        Component::Made(make) => {
            place.write("made.wasm", make());
            manifest("made.wasm", keys, more)
        }
    };
    place.write("app.toml", manifest);
    place.write("fine.jsonl", "{\"value\":\"a\"}\n{\"value\":\"b\"}\n");
    place
}

/// Runs until all is done that can be; the bad task is parked for this reason, the good one is through.
fn refuses_to_start(component: Component, keys: &str, more: &str, why: &str) {
    let place = place(component, keys, more);
    let (code, told) = ended(&place, "run app.toml --input fine=fine.jsonl --until-idle");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("1 of 2 tasks are parked"), "{told}");
    let because = format!("task in_0: 'bad' refuses to start: init: {why}");
    assert!(told.contains(&because), "{because}\n{told}");
    assert_eq!(records(&place, "fine-out").len(), 2, "{told}");
}

#[test]
fn init_that_never_returns_parks_its_task_alone() {
    // A start function runs before `init`, in the same time.
    let worse = "[sources.again]\ntopic = \"again\"\n\n[processors.worse]\ncomponent = \"worse.wasm\"\nfrom = [\"again\"]\n";
    let place = place(Component::Probe("{ do = \"init-loop\" }"), "", worse);
    place.write("worse.wasm", made::start_without_end());
    let mut host = Host::start(&place, "run app.toml --threads 2 --input fine=fine.jsonl");
    let parked = |task: &&Task| task.state == "parked";
    let done = |task: &Task| task.name == "fine_0" && task.lag == 0;
    let tasks = host.until(|tasks| tasks.iter().filter(parked).count() == 2 && tasks.iter().any(done));
    for node in ["bad", "worse"] {
        let why = format!("'{node}' refuses to start: init: deadline of 10 s missed");
        assert!(tasks.iter().filter(parked).any(|task| task.why.contains(&why)), "{why}");
    }
    assert!(host.peak_bytes() < HOST_BYTES);
    assert_eq!(host.stop(), "exit status: 0");
}

#[test]
fn store_is_opened_as_the_manifest_grants_it() {
    let not_given = "store `rows` is not given to this node: the manifest gives this node no store, so none with the role 'rows'";
    let open = Component::Probe("{ do = \"open\", role = \"rows\" }");
    let store = "[stores.rows]\nkind = \"key-value\"\n\n[processors.owner]\ncomponent = \"probe.wasm\"\nfrom = [\"in\"]\nconfig = { do = \"put\" }\nstores = [\"rows\"]\n";
    refuses_to_start(open, "", "", not_given);
    refuses_to_start(open, "", store, not_given);
    // The third of the ways in which `open` fails: the store may be read only.
    let read = "stores = { s = { store = \"rows\", access = \"read\" } }";
    refuses_to_start(Component::Made(made::writer), read, store, "2");
}

#[test]
fn init_that_panics_or_refuses_is_told_in_its_words() {
    refuses_to_start(Component::Probe("{ do = \"init-panic\" }"), "", "", "panicked at ");
    let lines = "{ do = \"init-error\", message = \"no tea\\n2026-01-01T00:00:00Z ERROR the host is broken\" }";
    refuses_to_start(Component::Probe(lines), "", "", "no tea 2026-01-01T00:00:00Z ERROR the host is broken");
}

/// `check` fails, with this in what it says.
fn is_not_described(config: &'static str, why: &str) {
    let (code, told) = ended(&place(Component::Probe(config), "", ""), "check app.toml");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("error[C109]: component 'probe.wasm' cannot describe itself"), "{told}");
    assert!(told.contains(why), "{why}\n{told}");
}

#[test]
fn describe_that_never_returns_is_stopped() {
    is_not_described("{ do = \"describe-loop\" }", "Caused by: deadline of 10 s missed");
}

#[test]
fn description_has_limits() {
    is_not_described("{ do = \"describe-panic\" }", "Caused by: unreachable");
    is_not_described("{ do = \"describe-much\", ports = 1001, bytes = 10 }", "Caused by: it describes 1001 ports; the limit is 1000");
    let (code, told) = ended(&place(Component::Probe("{ do = \"describe-much\", ports = 1, bytes = 9000000 }"), "", ""), "check app.toml");
    assert!(code == Some(0) && told.len() < 10_000, "{code:?}: {} bytes", told.len());
}

#[test]
fn schema_that_turns_in_circles_is_no_trap() {
    for schema in ["{ \"$ref\" = \"#\" }", "{ \"$ref\" = \"file:///etc/passwd\" }", "{ \"$ref\" = \"http://127.0.0.1:1/schema\" }"] {
        let config = format!("{{ do = \"describe-schema\", schema = {schema} }}");
        let place = host::place();
        place.write("app.toml", manifest("probe.wasm", &format!("config = {config}"), ""));
        let (code, told) = ended(&place, "check app.toml");
        let circle = schema.contains("\"#\"");
        assert!(if circle { code == Some(0) } else { code == Some(2) && told.contains("error[T020]") }, "{schema}: {code:?} {told}");
        assert!(!told.contains("root:"), "{told}");
    }
}
