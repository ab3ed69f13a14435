use std::fmt::Write as _;

use super::{parsed, with_inputs};
use crate::topology::build;

fn node(name: &str, rest: &str) -> String {
    format!("[processors.{name}]\ncomponent = \"x.wasm\"\n{rest}\n")
}

fn sink(name: &str, from: &str) -> String {
    format!("[sinks.{name}]\ntopic = \"{name}\"\nfrom = {from}\n")
}

/// Bad graphs, each with the theme that it belongs to. Sources `a` and `b` and the table `t` stand before each.
fn cases() -> Vec<(&'static str, String)> {
    let mut cases: Vec<(&'static str, String)> = Vec::new();
    let mut theme = |name: &'static str, parts: &[String]| cases.extend(parts.iter().map(|p| (name, p.clone())));
    theme(
        "dangling",
        &[
            node("filter", "from = \"aa\"") + &sink("out", "\"fliter\""),
            sink("out", "\"nowhere\""),
            sink("out", "[\"a\", \"out2\"]") + &sink("out2", "\"a\""),
            node("count", "from = \"a\"\nstores = [\"counts\"]\n[stores.counts]") + &sink("out", "\"counts\""),
            sink("out", "\"a.late\""),
            node("join", "inputs = { left = \"a\", right = \"t\" }") + &sink("out", "[\"join.unmached\", \"join.x\"]"),
            node("filter", "from = \"a\"") + &sink("out", "\"filter.port\""),
        ],
    );
    theme(
        "circles",
        &[
            node("x", "from = \"x\""),
            node("x", "from = [\"a\", \"y\"]") + &node("y", "from = \"x\"") + &sink("out", "\"y\""),
            node("x", "from = \"y.odd\"") + &node("y", "from = \"z\"") + &node("z", "from = { from = \"x\", repartition = true }"),
            node("x", "from = [\"a\", \"y\"]")
                + &node("y", "from = [\"b\", \"x\"]")
                + &node("v", "from = \"w\"")
                + &node("w", "from = [\"v\", \"x\"]"),
        ],
    );
    theme(
        "unreachable",
        &[node("x", ""), node("join", ""), "[sinks.out]\ntopic = \"out\"".to_owned(), node("x", "") + &sink("out", "\"x\"")],
    );
    theme(
        "roles",
        &[
            node("join", "from = [\"a\"]"),
            node("join", "inputs = { lft = \"a\", right = \"t\" }"),
            node("join", "inputs = { left = \"a\" }"),
            node("join", "inputs = { left = \"a\", right = \"b\" }"),
            node("updates", "from = [\"t\", \"a\"]"),
            node("pass", "from = [\"a\", \"t\"]"),
            node("pass", "from = \"a\"") + &node("updates", "from = \"pass\""),
            node("broken", "from = \"a\"") + &sink("out", "\"broken\""),
        ],
    );
    theme(
        "stores",
        &[
            node("count", "from = \"a\"\nstores = [\"cuonts\"]\n[stores.counts]"),
            node("count", "from = \"a\"") + "[stores.counts]",
            node("two-stores", "from = \"a\"\nstores = [\"x\", \"y\"]\n[stores.x]\n[stores.y]"),
            node("two-stores", "from = \"a\"\nstores = { stat = \"x\", index = \"y\" }\n[stores.x]\n[stores.y]"),
            node("two-stores", "from = \"a\"\nstores = { state = \"x\", index = { store = \"t\", access = \"read-write\" } }\n[stores.x]"),
            node("count", "from = \"a\"\nstores = [\"x\", \"y\"]\n[stores.x]\n[stores.y]"),
            node("count", "from = \"a\"\nstores = [{ store = \"x\", access = \"read\" }]\n[stores.x]"),
            node("filter", "from = \"a\"\nstores = [\"x\"]\n[stores.x]"),
            node("window", "from = \"a\"\nstores = [\"x\"]\n[stores.x]"),
            node("x", "from = \"a\"\nstores = [\"t\"]"),
            node("count", "from = \"a\"\nstores = [\"t\"]"),
        ],
    );
    theme(
        "topics",
        &[
            "[sources.c]\ntopics = [\"c\", \"a\"]\n".to_owned() + &sink("out", "[\"a\", \"c\"]"),
            "[tables.c]\ntopic = \"b\"\n".to_owned(),
            "[topics.aa]\npartitions = 2\n".to_owned() + &sink("out", "\"a\""),
            "[topics.app-filter-records-repartition]\npartitions = 2\ncleanup = \"compact\"\n".to_owned()
                + &node("filter", "from = { from = \"a\", repartition = true }"),
            "[topics.app-x-changelog]\npartitions = 2\n".to_owned() + &node("count", "from = \"a\"\nstores = [\"x\"]\n[stores.x]"),
        ],
    );
    let letters = "on-error = { policy = \"dead-letter\", topic = \"a\" }\n";
    theme(
        "letters",
        &[
            node("filter", &format!("from = \"a\"\n{letters}")),
            "[sources.c]\ntopic = \"c\"\non-error = { policy = \"dead-letter\", topic = \"c\" }\n".to_owned() + &sink("out", "\"c\""),
            node("x", "from = { from = \"a\", repartition = true }") + &sink("out", "\"x\"") + letters,
        ],
    );
    theme(
        "clashing_names",
        &[
            node("x", "inputs = { y-z = { from = \"a\", repartition = true } }")
                + &node("x-y", "inputs = { z = { from = \"a\", repartition = true } }"),
            "[sources.filter-records]\ntopic = \"c\"\n".to_owned()
                + &sink("out", "[\"filter-records\"]")
                + &node("filter", "from = { from = \"a\", repartition = true }"),
            "[sinks.out]\ntopic = \"app-x-changelog\"\nfrom = \"a\"\n".to_owned()
                + &node("count", "from = \"a\"\nstores = [\"x\"]\n[stores.x]"),
            node("x", "inputs = { \"a b\" = { from = \"a\", repartition = true } }"),
            "[sinks.out]\ntopic = \"app-dead-letters-retried\"\nfrom = \"a\"\n\
             on-error = { policy = \"dead-letter\", topic = \"bad\" }\n"
                .to_owned(),
        ],
    );
    theme(
        "configs",
        &[
            node("configured", "from = \"a\""),
            node("configured", "from = \"a\"\nconfig = { treshold = 1, threshold = 5 }"),
            node("configured", "from = \"a\"\n[processors.configured.config]\nthreshold = \"high\"\nwindow = { grace = 5 }"),
            node("configured", "from = \"a\"\nconfig = { threshold = 0, window = { gracee = \"5s\" } }"),
            node("configured", "from = \"a\"\nconfig = [1]"),
            node("filter", "from = \"a\"\nconfig = { threshold = 1 }"),
            node("bad-schema", "from = \"a\""),
        ],
    );
    cases
}

#[test]
fn every_fault_of_a_graph_is_told_in_exact_words() {
    let mut themes: Vec<(&str, String)> = Vec::new();
    for (theme, part) in cases() {
        let (manifest, descriptions) = parsed(&with_inputs(&part));
        let errors = match build(&manifest, &descriptions) {
            Err(errors) => errors,
            Ok(_) => panic!("accepted:\n{part}"),
        };
        assert!(errors.iter().all(|e| e.place.is_some()), "{part}");
        if themes.last().is_none_or(|(name, _)| *name != theme) {
            themes.push((theme, String::new()));
        }
        let Some((_, page)) = themes.last_mut() else { continue };
        for line in part.trim_end().lines() {
            writeln!(page, "| {line}").unwrap();
        }
        for error in errors {
            writeln!(page, "{error}").unwrap();
        }
        writeln!(page).unwrap();
    }
    for (theme, page) in themes {
        insta::assert_snapshot!(theme, page);
    }
}

#[test]
fn application_without_an_input_is_refused() {
    let (manifest, descriptions) = parsed("[app]\nid = \"app\"\n");
    let errors = build(&manifest, &descriptions).unwrap_err();
    insta::assert_snapshot!(errors[0], @r#"
    error[T023]: the application reads nothing: it has no source and no table
      --> app.toml:2:6
    hint: write [sources.NAME] with topic = "..."
    "#);
}
