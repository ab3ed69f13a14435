use std::collections::BTreeMap;
use std::sync::Arc;

use super::{built, with_inputs};
use crate::topology::{Cleanup, partitions};

fn known(topics: &[(&str, u32)]) -> BTreeMap<Arc<str>, u32> {
    topics.iter().map(|(topic, n)| ((*topic).into(), *n)).collect()
}

fn x(name: &str, rest: &str) -> String {
    format!("[processors.{name}]\ncomponent = \"x\"\n{rest}\n")
}

/// Topics, each with the number of partitions that it must get.
type Counts = &'static [(&'static str, u32)];

#[test]
fn repartition_topic_has_the_count_of_what_it_meets_else_the_largest_above_it() {
    let cases: Vec<(&str, String, Counts)> = vec![
        ("above", x("y", "from = { from = [\"a\", \"b\"], repartition = true }"), &[("app-y-in-repartition", 5)]),
        ("met", x("join", "inputs = { left = { from = \"a\", repartition = true }, right = \"t\" }"), &[("app-join-left-repartition", 7)]),
        (
            "two that meet",
            x("y", "inputs = { l = { from = \"a\", repartition = true }, r = { from = \"b\", repartition = true } }"),
            &[("app-y-l-repartition", 5), ("app-y-r-repartition", 5)],
        ),
        (
            "one behind the other",
            x("y", "from = { from = \"b\", repartition = true }") + &x("z", "from = { from = \"y\", repartition = true }"),
            &[("app-y-in-repartition", 5), ("app-z-in-repartition", 5)],
        ),
        (
            "one behind the other that also meet",
            x("y", "from = { from = \"b\", repartition = true }")
                + &x("z", "inputs = { l = \"y\", r = { from = \"y\", repartition = true } }"),
            &[("app-y-in-repartition", 5), ("app-z-r-repartition", 5)],
        ),
        (
            "asked for",
            "[topics.app-y-in-repartition]\npartitions = 9\n".to_owned() + &x("y", "from = { from = \"a\", repartition = true }"),
            &[("app-y-in-repartition", 9)],
        ),
    ];
    for (name, rest, wanted) in cases {
        let topology = built(&with_inputs(&rest));
        let counted = partitions(&topology, &known(&[("a", 3), ("b", 5), ("t", 7)])).unwrap();
        for (topic, n) in wanted {
            assert_eq!(counted.topics.get(*topic), Some(n), "{name}: {topic}");
        }
    }
}

#[test]
fn tasks_are_as_many_as_the_largest_source_and_changelogs_with_them() {
    let rest = x("count", "from = { from = [\"a\", \"b\"], repartition = true }\nstores = [\"s\"]\n[stores.s]")
        + &x("filter", "from = [\"a\", \"b\"]");
    let topology = built(&with_inputs(&rest));
    let counted = partitions(&topology, &known(&[("a", 3), ("b", 5), ("t", 2)])).unwrap();
    let tasks: Vec<String> = counted.all_tasks(&topology).map(|t| t.to_string()).collect();
    assert_eq!(
        tasks,
        [
            "a_0",
            "a_1",
            "a_2",
            "a_3",
            "a_4",
            "t_0",
            "t_1",
            "count-records_0",
            "count-records_1",
            "count-records_2",
            "count-records_3",
            "count-records_4"
        ]
    );
    let internal: Vec<(&str, u32, Cleanup)> = counted.internal.iter().map(|t| (&*t.name, t.partitions, t.cleanup)).collect();
    assert_eq!(
        internal,
        [
            ("app-count-records-repartition", 5, Cleanup::Delete),
            ("app-s-changelog", 5, Cleanup::Compact),
            ("app-a-cells-changelog", 5, Cleanup::Compact),
            ("app-t-cells-changelog", 2, Cleanup::Compact),
            ("app-count-records-cells-changelog", 5, Cleanup::Compact),
        ]
    );
    assert!(counted.internal.iter().all(|t| t.retention.is_none()), "internal topics are kept for ever");
}

#[test]
fn a_changelog_is_kept_as_its_store_asks() {
    let kinds = [
        ("k", "kind = \"key-value\"\nttl = \"1h\""),
        ("w", "kind = \"window\"\nwindow = \"1h\"\nretention = \"2h\""),
        ("s", "kind = \"session\"\nretention = \"3h\""),
        ("v", "kind = \"versioned\"\nhistory = \"4h\""),
    ];
    let stores: String = kinds.iter().map(|(name, keys)| format!("[stores.{name}]\n{keys}\n")).collect();
    let all = x("x", "from = \"a\"\nstores = [\"k\", \"w\", \"s\", \"v\"]") + &stores;
    let counted = partitions(&built(&with_inputs(&all)), &known(&[("a", 1), ("b", 1), ("t", 1)])).unwrap();
    let changelog = |store: &str| counted.internal.iter().find(|topic| *topic.name == *format!("app-{store}-changelog")).unwrap();
    let kept = |store| {
        let topic = changelog(store);
        (topic.cleanup, topic.retention.map(|kept| kept.as_secs() / 3_600), topic.compaction_lag.as_secs() / 3_600, topic.append_time)
    };
    assert_eq!(kept("k"), (Cleanup::Compact, None, 0, false));
    assert_eq!(kept("w"), (Cleanup::CompactDelete, Some(26), 0, true));
    assert_eq!(kept("s"), (Cleanup::CompactDelete, Some(27), 0, true));
    assert_eq!(kept("v"), (Cleanup::Compact, None, 28, true));
}

#[test]
fn topics_that_meet_and_differ_are_named() {
    let join = x("join", "inputs = { left = \"a\", right = \"t\" }");
    let cases = [
        (join.clone(), known(&[("a", 3), ("b", 5), ("t", 7)])),
        ("[topics.a]\npartitioner = \"crc32\"\n".to_owned() + &join, known(&[("a", 3), ("b", 5), ("t", 3)])),
        (
            "[topics.a]\npartitioner = \"none\"\n[topics.t]\npartitioner = \"none\"\n".to_owned() + &join,
            known(&[("a", 3), ("b", 5), ("t", 3)]),
        ),
        (join, known(&[("a", 3), ("b", 0)])),
    ];
    let shown: String = cases
        .iter()
        .map(|(rest, counts)| {
            let errors = partitions(&built(&with_inputs(rest)), counts).unwrap_err();
            errors.iter().map(|e| format!("{e}\n")).collect::<String>()
        })
        .collect();
    insta::assert_snapshot!(shown, @r"
    error[T015]: topics that meet in sub-topology 'a' must have the same number of partitions, but 'a' has 3, 't' has 7
      --> app.toml:8:9
    hint: make them with the same number ([topics.NAME] partitions = N), or bring one of them over with repartition = true
    error[T016]: topics that meet in sub-topology 'a' must be spread by key in the same way: 'a': crc32, 't': murmur2
      --> app.toml:10:9
    hint: bring those that are not murmur2 over with repartition = true: that topic is written anew, by key
    error[T016]: topics that meet in sub-topology 'a' must be spread by key in the same way: 'a': none, 't': none
      --> app.toml:10:9
    hint: bring those that are not murmur2 over with repartition = true: that topic is written anew, by key
    error[T021]: it is not known how many partitions the topic 'b' has
    error[T021]: it is not known how many partitions the topic 't' has
    ");
}
