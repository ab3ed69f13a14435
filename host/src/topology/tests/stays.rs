use super::{built, with_inputs};
use crate::topology::stays;

const FILTER: &str = "[processors.filter]\ncomponent = \"x\"\nfrom = \"a\"\n[sinks.out]\ntopic = \"out\"\nfrom = [\"filter\"]\n";
const COUNT: &str =
    "[processors.count]\ncomponent = \"x\"\nfrom = { from = \"b\", repartition = true }\nstores = [\"counts\"]\n[stores.counts]\n";

/// The names of what stays of the first graph in the second.
fn kept(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (built(old), built(new));
    let pairs = stays(&old, &new);
    for (was, is) in &pairs {
        assert_eq!(old.sub_topologies[*was].name, new.sub_topologies[*is].name);
    }
    pairs.iter().map(|(was, _)| old.sub_topologies[*was].name.to_string()).collect()
}

#[test]
fn a_sub_topology_stays_that_is_the_same_by_itself() {
    let app = with_inputs(&format!("{FILTER}{COUNT}"));
    let all = ["a", "b", "t", "count-records"];
    assert_eq!(kept(&app, &app), all);
    let cases: [(&str, String, &[&str]); 12] = [
        ("another component", app.replace("component = \"x\"", "component = \"y\""), &all),
        ("a source in front of all", app.replace("[sources.a]", "[sources.first]\ntopic = \"first\"\n[sources.a]"), &all),
        ("a source that is gone", app.replace(FILTER, "").replace("[sources.a]\ntopic = \"a\"\n", ""), &["b", "t", "count-records"]),
        ("a topic", app.replace("topic = \"a\"", "topic = \"a2\""), &["b", "t", "count-records"]),
        ("where a group begins", app.replace("topic = \"a\"", "topic = \"a\"\nstart = \"latest\""), &["b", "t", "count-records"]),
        ("one more sink", format!("{app}[sinks.more]\ntopic = \"more\"\nfrom = [\"filter\"]\n"), &["b", "t", "count-records"]),
        ("a sink below a repartition edge", format!("{app}[sinks.more]\ntopic = \"more\"\nfrom = [\"count\"]\n"), &["a", "b", "t"]),
        ("a reader of the same source", format!("{app}[sinks.more]\ntopic = \"more\"\nfrom = [\"b\"]\n"), &["a", "t", "count-records"]),
        ("limits", app.replace("from = \"a\"", "from = \"a\"\nlimits = { outputs = 7 }"), &["b", "t", "count-records"]),
        ("a policy", app.replace("from = \"a\"", "from = \"a\"\non-error = \"skip\""), &["b", "t", "count-records"]),
        ("the backend of a store", app.replace("[stores.counts]", "[stores.counts]\nbackend = \"memory\""), &["a", "b", "t"]),
        ("a processor of another name", app.replace("filter", "filter2"), &["b", "t", "count-records"]),
    ];
    for (what, changed, wanted) in cases {
        assert_ne!(changed, app, "{what}");
        assert_eq!(kept(&app, &changed), wanted, "{what}");
    }
    let configured = |threshold: u32| {
        with_inputs(&format!("[processors.configured]\ncomponent = \"x\"\nfrom = \"a\"\nconfig = {{ threshold = {threshold} }}\n"))
    };
    assert_eq!(kept(&configured(1), &configured(2)), ["b", "t"]);
}
