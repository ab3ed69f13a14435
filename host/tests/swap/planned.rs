//! What a deployment would change, told before it does.

use cofferdam::deploy::{Application, How, Overrides, Plan};

use crate::place::Place;
use crate::{manifest, named};

/// The app of the manifest in a place.
fn app(place: &Place) -> Application {
    Application::load(&place.path("app.toml"), &Overrides::default()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Each change in a line, without what digests say.
fn told(plan: &Plan) -> Vec<String> {
    let line = |change: &cofferdam::deploy::Change| match &change.how {
        How::Added => format!("+ {} {}", change.of, change.name),
        How::Removed => format!("- {} {}", change.of, change.name),
        How::Changed(parts) => {
            let parts: Vec<&str> = parts.iter().map(|part| if part.starts_with("component") { "component" } else { part }).collect();
            format!("~ {} {}: {}", change.of, change.name, parts.join(", "))
        }
    };
    plan.changes.iter().map(line).collect()
}

#[test]
fn a_plan_names_what_is_added_what_changes_and_what_goes() {
    let place = crate::place("planned");
    let first = app(&place);
    assert_eq!(told(&Plan::between(Some(&first), &first).unwrap()), [""; 0]);
    let all = told(&Plan::between(None, &first).unwrap());
    assert_eq!(all[..3], ["+ node in", "+ node out", "+ node p"]);

    place.write("app.toml", manifest("planned", "bb.wasm", ""));
    let plan = Plan::between(Some(&first), &app(&place)).unwrap();
    assert_eq!((told(&plan), plan.is_in_place()), (vec!["~ node p: component".to_owned()], true));
    assert_eq!(plan.changed_nodes().collect::<Vec<_>>(), ["p"]);

    // The same bytes under another name are the same.
    place.write("cc.wasm", named("aa", ""));
    place.write("app.toml", manifest("planned", "cc.wasm", ""));
    assert_eq!(told(&Plan::between(Some(&first), &app(&place)).unwrap()), [""; 0]);

    let more = "stores = [\"kept\"]\non-error = \"skip\"\nlimits = { deadline = \"2s\" }\n[stores.kept]\nkind = \"key-value\"\n";
    let text = manifest("planned", "bb.wasm", more).replace("topic = \"planned-out\"", "topic = \"planned-elsewhere\"");
    place.write("app.toml", text + "[sinks.copy]\ntopic = \"planned-copy\"\nfrom = [\"p\"]\n");
    let second = app(&place);
    let plan = Plan::between(Some(&first), &second).unwrap();
    let expected = [
        "+ node copy",
        "~ node out: sink",
        "~ node p: component, edges, limits, on-error, stores",
        "+ store kept",
        "+ topic planned-copy",
        "+ topic planned-elsewhere",
        "+ topic planned-kept-changelog",
        "- topic planned-out",
    ];
    assert_eq!((told(&plan), plan.is_in_place(), plan.changes_the_graph()), (expected.map(str::to_owned).to_vec(), false, true));
    // What it is given of the machine, and what the app promises.
    let text = manifest("planned", "aa.wasm", "allow = [\"clock\", \"env:HOME\"]\n");
    place.write("app.toml", text.replacen("id = \"planned\"", "id = \"planned\"\nguarantee = \"at-least-once\"", 1));
    let plan = Plan::between(Some(&first), &app(&place)).unwrap();
    let expected = ["~ app planned: guarantee", "~ node p: allow", "+ capability p: clock (granted)", "+ capability p: env:HOME (granted)"];
    assert_eq!((told(&plan), plan.is_in_place(), plan.changes_the_graph()), (expected.map(str::to_owned).to_vec(), false, false));
    // What a component is told, and how long it may take, is no matter of the graph.
    place.write("app.toml", manifest("planned", "aa.wasm", "limits = { deadline = \"2s\" }\n"));
    let plan = Plan::between(Some(&first), &app(&place)).unwrap();
    assert_eq!((told(&plan), plan.is_in_place(), plan.changes_the_graph()), (vec!["~ node p: limits".to_owned()], false, false));
    assert_eq!(plan.kept, [""; 0]);
    let back = told(&Plan::between(Some(&second), &first).unwrap());
    assert!(back.contains(&"- state kept".to_owned()) && back.contains(&"- store kept".to_owned()), "{back:?}");
}

#[test]
fn state_is_taken_over_one_way_only() {
    let place = Place::with_word_count();
    let first = app(&place);
    place.copy("tests/guests/dist/word_count_next.wasm", "components/word_count.wasm");
    let next = app(&place);
    let plan = Plan::between(Some(&first), &next).unwrap();
    let expected = ["~ node count: component", "~ state count: taken over from version 0 to 1"];
    assert_eq!((told(&plan), plan.is_in_place()), (expected.map(str::to_owned).to_vec(), true));
    let codes: Vec<_> = Plan::between(Some(&next), &first).unwrap_err().iter().map(|why| why.code).collect();
    assert_eq!(codes, ["C030"]);
}

#[test]
fn a_plan_names_the_state_that_stays() {
    let place = crate::place("kept");
    let with = |stores: &str, kind: &str| {
        let grants: Vec<String> = stores.split(' ').map(|store| format!("\"{store}\"")).collect();
        let tables: String = stores.split(' ').map(|store| format!("[stores.{store}]\nkind = \"{kind}\"\n")).collect();
        place.write("app.toml", manifest("kept", "aa.wasm", &format!("stores = [{}]\n{tables}", grants.join(", "))));
        app(&place)
    };
    let both = with("one two", "key-value");
    let kept = |old: &Application, new: &Application| Plan::between(Some(old), new).unwrap().kept;
    assert_eq!(kept(&both, &both), ["one", "two"]);
    assert_eq!(kept(&both, &with("two three", "key-value")), ["two"]);
    assert_eq!(Plan::between(None, &both).unwrap().kept, [""; 0]);
    // Rows of one kind are none of another.
    assert_eq!(kept(&both, &with("one two", "session\"\nretention = \"1h")), [""; 0]);

    let place = Place::with_word_count();
    let first = app(&place);
    place.write("app.toml", place.read("app.toml").replace("component = ", "limits = { deadline = \"2s\" }\ncomponent = "));
    assert_eq!(kept(&first, &app(&place)), ["counts"]);
    // What a component takes over from another version is not what it was.
    place.copy("tests/guests/dist/word_count_next.wasm", "components/word_count.wasm");
    assert_eq!(kept(&first, &app(&place)), [""; 0]);
}
