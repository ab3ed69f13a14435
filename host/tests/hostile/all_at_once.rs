//! Every attack under every policy, all in one host with two threads: each is dealt with by name and place, and whoever behaves is through.

use std::fmt::Write as _;

use serde_json::Value;

use crate::HOST_BYTES;
use crate::attacks::{Attack, Component, FAILING, PASSING};
use crate::host::{Host, Task, place, records};
use crate::place::Place;

const LETTER: &str = "letter";
/// Policies of the manifest, by what the names of the nodes that have them end in.
const POLICIES: [&str; 3] = ["fail", "skip", LETTER];

/// Names a Kafka to run on; its topics must not be there yet.
const BOOTSTRAP: &str = "COFFERDAM_TEST_BOOTSTRAP";

/// Records of each well-behaved task.
const GOOD_RECORDS: usize = 5_000;

/// The app: its manifest, and what is to be produced to which source.
struct App<'a> {
    place: &'a Place,
    manifest: String,
    inputs: String,
}

impl App<'_> {
    /// A source, a processor and a sink of their own, and the records in a file.
    fn chain(&mut self, name: &str, component: Component, more: &str, records: &str) {
        let (file, config) = match component {
            Component::Probe(config) => ("probe.wasm".to_owned(), format!("config = {config}\n")),
            Component::Made(make) => {
                self.place.write(&format!("{name}.wasm"), make());
                (format!("{name}.wasm"), String::new())
            }
        };
        self.place.write(&format!("{name}.jsonl"), records);
        _ = writeln!(
            self.manifest,
            "[sources.{name}-in]\ntopic = \"{name}\"\n\n[processors.{name}]\ncomponent = \"{file}\"\nfrom = [\"{name}-in\"]\n{config}{more}\n\n\
             [sinks.{name}-out]\ntopic = \"{name}-out\"\nfrom = [\"{name}\"]\n"
        );
        _ = write!(self.inputs, " --input {name}-in={name}.jsonl");
    }

    fn attack(&mut self, attack: &Attack, policy: &str) {
        let name = format!("{}-{policy}", attack.name);
        let letter = "{ policy = \"dead-letter\", topic = \"letters\" }".to_owned();
        let on_error = if policy == LETTER { letter } else { format!("\"{policy}\"") };
        let store = attack.store.map_or_else(String::new, |role| format!("stores = {{ {role} = \"{name}\" }}\n"));
        self.chain(&name, attack.component, &format!("{}\non-error = {on_error}\n{store}", attack.more), &three(attack.name, attack.value));
        if attack.store.is_some() {
            _ = writeln!(self.manifest, "[stores.{name}]\nkind = \"key-value\"\n");
        }
    }
}

fn three(key: &str, harmful: &str) -> String {
    ["before", harmful, "after"].iter().map(|value| format!("{{\"key\":\"{key}\",\"value\":\"{value}\",\"timestamp\":7}}\n")).collect()
}

/// An app of all attacks, and four tasks that behave: on the embedded log, or on a Kafka that the environment names.
fn app(place: &Place) -> App<'_> {
    let (on, inputs) = match std::env::var(BOOTSTRAP) {
        Ok(bootstrap) => {
            let on = format!("\n[broker]\nkind = \"kafka\"\nbootstrap = \"{bootstrap}\"\n\n[admin]\npublic = \"none\"\n");
            (on, " --create-topics --yes")
        }
        Err(_) => (String::new(), ""),
    };
    let head = format!("[app]\nid = \"hostile\"\n{on}\n[runtime]\nthreads = 2\n\n");
    let mut app = App { place, manifest: head, inputs: inputs.to_owned() };
    for (attack, policy) in each() {
        app.attack(attack, policy);
    }
    for (name, component, more) in PASSING {
        app.chain(name, *component, more, &three(name, "flood"));
    }
    let good: String = (0..GOOD_RECORDS).map(|n| format!("{{\"key\":\"{n}\",\"value\":\"{n}\",\"timestamp\":{n}}}\n")).collect();
    for number in 0..4 {
        app.chain(&format!("good-{number}"), Component::Probe("{ do = \"pass\" }"), "", &good);
    }
    place.write("app.toml", &app.manifest);
    app
}

/// Whether a task stops at its second record: by its policy, or because the failure knows none.
fn parks(attack: &Attack, policy: &str) -> bool {
    policy == "fail" || attack.kind == "fatal"
}

fn each() -> impl Iterator<Item = (&'static Attack, &'static str)> {
    let all = FAILING.iter().flat_map(|attack| POLICIES.map(|policy| (attack, policy)));
    all.filter(|(attack, policy)| !attack.heavy || *policy == LETTER)
}

#[test]
fn no_guest_hurts_the_host_or_its_neighbours() {
    let place = place();
    let app = app(&place);
    let mut host = Host::start(&place, &format!("run app.toml{}", app.inputs));
    let parked = each().filter(|(attack, policy)| parks(attack, policy)).count();
    let settled = |tasks: &[Task]| {
        let still = tasks.iter().filter(|task| task.state == "parked").count();
        let committed = |task: &Task| if task.state == "parked" { task.lag == 2 } else { task.state == "running" && task.lag == 0 };
        still == parked && tasks.iter().all(committed)
    };
    let tasks = host.until(settled);

    let letters = records(&place, "letters");
    let log = place.read("log");
    for (attack, policy) in each() {
        let name = format!("{}-{policy}", attack.name);
        let task = tasks.iter().find(|task| task.name == format!("{name}-in_0")).unwrap();
        dealt_with(attack, policy, task, &log);
        if policy == LETTER && !parks(attack, policy) {
            told_in_a_letter(attack, &name, &letters);
        }
        let passed = if parks(attack, policy) { 1 } else { 2 };
        assert_eq!(records(&place, &format!("{name}-out")).len(), passed, "{name}");
    }
    for (name, ..) in PASSING {
        assert_eq!(records(&place, &format!("{name}-out")).len(), 3, "{name}");
    }
    for number in 0..4 {
        assert_eq!(records(&place, &format!("good-{number}-out")).len(), GOOD_RECORDS);
    }
    floods_are_held_back(&log);
    tried_again(&place, &mut host);
    let peak = host.peak_bytes();
    assert!(peak < HOST_BYTES, "the host has had {} MiB", peak >> 20);
    assert_eq!(host.stop(), "exit status: 0");
    the_last_words_of_a_guest_are_short(&place.read("log"));
}

/// The status and the error line name node, task, place and key.
fn dealt_with(attack: &Attack, policy: &str, task: &Task, log: &str) {
    let name = format!("{}-{policy}", attack.name);
    let begin = format!("{} in '{name}' at {name}/0/1: {}", attack.kind, attack.reason);
    let (outcome, skipped, letters) = match policy {
        _ if parks(attack, policy) => ("task parked", 0, 0),
        "skip" => ("skipped", 1, 0),
        _ => ("put aside as a dead letter", 0, 1),
    };
    assert_eq!((task.skipped, task.dead_lettered), (skipped, letters), "{name}");
    let line = log.lines().find(|line| line.contains(&format!(" in '{name}' at ")));
    let line = line.unwrap_or_else(|| panic!("{name}: no line\n{log}"));
    let place = format!("; {outcome} node={name} task={name}-in_0 key=\"{}\"", attack.name);
    assert!(line.contains(&begin) && line.contains(&place), "{name}: {line}");
    assert!(line.len() < 10_000, "{name}: a line of {} bytes", line.len());
    if parks(attack, policy) {
        assert!(task.state == "parked" && task.why.starts_with(&begin), "{name}: {}", task.why);
    }
}

/// The letter is the record as it came, and its headers say the same.
fn told_in_a_letter(attack: &Attack, name: &str, letters: &[Value]) {
    let header = |letter: &Value, wanted: &str| -> Option<String> {
        let headers = letter["headers"].as_array()?;
        let found = headers.iter().find(|header| header[0] == format!("__streams.errors.{wanted}"))?;
        Some(found[1].as_str()?.to_owned())
    };
    let letter =
        letters.iter().find(|letter| header(letter, "node").as_deref() == Some(name)).unwrap_or_else(|| panic!("{name}: no letter"));
    assert_eq!((letter["key"].as_str(), letter["value"].as_str()), (Some(attack.name), Some(attack.value)), "{name}");
    let told = ["exception", "topic", "partition", "offset"].map(|wanted| header(letter, wanted).unwrap());
    assert_eq!(told, [attack.kind, name, "0", "1"], "{name}");
    let message = header(letter, "message").unwrap();
    assert!(message.starts_with(attack.reason), "{name}: {message}");
}

/// A guest's own lines come at a limited rate and length, and each is one line.
fn floods_are_held_back(log: &str) {
    let longest = log.lines().filter(|line| line.contains("node=\"log-flood\"")).map(str::len).max().unwrap();
    assert!(longest < 5_000, "a line of {longest} bytes");
    let refused = "the node has 100 metrics already; 'metric_100' and further ones are dropped node=\"metric-flood\"";
    assert_eq!(log.matches(refused).count(), 1, "{log}");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01")) && !log.contains('\u{1b}'), "a guest wrote a line of its own");
    assert!(log.contains("trap in 'late-loop' in punctuation 'failing': deadline of 50 ms missed; skipped node=late-loop"), "{log}");
}

/// `resume` lets each try its record again: what fails again is parked again, at the same place; what has healed goes on.
fn tried_again(place: &Place, host: &mut Host<'_>) {
    assert!(place.output("resume app.toml").status.success());
    let parks = || each().filter(|(attack, policy)| parks(attack, policy));
    host.until_log(|log| {
        parks().all(|(attack, policy)| {
            let name = format!("{}-{policy}", attack.name);
            // A panic at each second call of an instance: the record passes, the next one does not.
            let (at, times) = if attack.name == "panic" { (2, 1) } else { (1, 2) };
            log.matches(&format!("{} in '{name}' at {name}/0/{at}: {}", attack.kind, attack.reason)).count() >= times
        })
    });
    // What the panic let pass counts once it is committed.
    let committed = |task: &Task| task.lag == if task.name == "panic-fail-in_0" { 1 } else { 2 };
    host.until(|tasks| {
        let parked = || tasks.iter().filter(|task| task.state == "parked");
        parked().count() == parks().count() && parked().all(committed)
    });
    assert_eq!(records(place, "panic-fail-out").len(), 2);
}

/// Guests that fail in `close` are told by name, and hold nothing up; so is how many lines were not written.
fn the_last_words_of_a_guest_are_short(log: &str) {
    let lines = log.matches("x node=\"log-flood\"").count();
    assert!(log.contains("suppressed: more than 100 log lines in a second node=\"log-flood\""), "{lines} lines");
    for (node, why) in [("last-loop", "deadline of 100 ms missed"), ("last-panic", "panicked at ")] {
        let line = log.lines().find(|line| line.contains("close: ") && line.contains(&format!("node=\"{node}\"")));
        assert!(line.is_some_and(|line| line.contains(why)), "{node}: {line:?}");
    }
}
