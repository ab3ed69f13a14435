//! Components that may not take over: the host works on with the one it has, and says which rule was broken.

use crate::guest::Guest;
use crate::place::{Place, one_probe};
use crate::{named, names, place, produce, start, status};

#[test]
fn what_is_no_fit_component_is_refused_and_the_host_does_not_notice() {
    let place = place("refused");
    let host = start(&place);
    let digest = status(&place)["digest"].clone();
    let whole = named("cc", "");
    let wat = |text: &str| wat::parse_str(text).unwrap();
    let mut cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "C101"),
        (b"fn main() {}".to_vec(), "C101"),
        (vec![0x7f, b'E', b'L', b'F', 0, 0, 0, 0], "C101"),
        (wat(&Guest::default().module()), "C102"),
        (wat("(component)"), "C107"),
        (wat(r#"(component (import "acme:db/client@1.0.0" (instance)))"#), "C105"),
        (wat(r#"(component (import "cofferdam:processor/context@0.2.0" (instance)))"#), "C106"),
        (Guest { init: "unreachable", ..Guest::default() }.component(), "C020"),
        (Guest { init: "(loop $l (br $l)) (i32.const 1024)", ..Guest::default() }.component(), "C020"),
        // Another component altogether, whose config this node has not.
        (std::fs::read(crate::place::repository().join("tests/guests/dist/probe.wasm")).unwrap(), "C110"),
    ];
    // Cut anywhere: at least the magic number has to be there to be told from any other file.
    cases.extend((0..40).map(|part| (whole[..8 + (whole.len() - 8) * part / 40].to_vec(), "C10")));
    // Bytes without any sense, each time the same ones.
    let mut word = 0x9e37_79b9_7f4a_7c15_u64;
    for length in [1, 100, 10_000] {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        bytes.extend((0..length).map(|_| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (word >> 33) as u8
        }));
        cases.push((bytes, "C10"));
    }
    for (at, (bytes, code)) in cases.into_iter().enumerate() {
        place.write("cc.wasm", bytes);
        let told = place.session(&["swap app.toml p cc.wasm"]);
        assert!(told.contains(&format!("error[{code}")), "case {at}: {told}");
        assert_eq!(status(&place)["digest"], digest, "case {at}");
    }
    let told = place.session(&["swap app.toml q bb.wasm", "swap app.toml p nothing.wasm"]);
    insta::assert_snapshot!(told, @r#"
        $ cofferdam swap app.toml q bb.wasm
        error[R090]: there is no processor 'q'
        hint: processors: p
        [exit status: 2]

        $ cofferdam swap app.toml p nothing.wasm
        error[C001]: the component nothing.wasm cannot be read
        Caused by: No such file or directory (os error 2)
        hint: build it (`cofferdam build`); the path is relative to where the command was started
        [exit status: 2]
    "#);
    produce(&place, 0..50);
    assert!(names(&place, 50).values().all(|names| names[..] == ["aa"]));
    assert!(status(&place)["rolled_back"].is_null());
    assert_eq!(host.signal("TERM"), "exit status: 0");
}

#[test]
fn component_with_other_stores_is_refused() {
    let place = Place::with_probe(&one_probe("{ do = \"pass\" }", ""));
    place.write("min.wasm", std::fs::read(crate::place::repository().join("tests/guests/dist/guest_min.wasm")).unwrap());
    place.copy("examples/word-count/components/word_count.wasm", "count.wasm");
    let mut host = place.start("run app.toml");
    host.until("in_0 0 running");
    // Takes no config and opens a store that the manifest does not give.
    let told = place.session(&["swap app.toml probe count.wasm"]);
    assert!(told.contains("error[") && !told.contains("in place of"), "{told}");
    assert!(status(&place)["rolled_back"].is_null());
}

#[test]
fn without_a_host_there_is_nothing_to_swap() {
    let place = crate::place("stopped");
    place.session(&["run app.toml --until-idle"]);
    insta::assert_snapshot!(place.session(&["swap app.toml p bb.wasm", "rollback app.toml p"]), @r#"
        $ cofferdam swap app.toml p bb.wasm
        error[R030]: no host is running this app
        hint: the next `run` takes the component that the manifest names
        [exit status: 2]

        $ cofferdam rollback app.toml p
        error[R030]: no host is running this app
        hint: the next `run` takes the component that the manifest names
        [exit status: 2]
    "#);
}
