//! A thousand components that nobody should take, offered one after the other while records flow: random bytes, whole ones cut off or damaged, and
//! such that are components and mean ill.

use std::collections::BTreeMap;

use cofferdam::admin::{CONTROL_SOCKET, ControlClient, SwapRequest};

use crate::guest::{Guest, PASS};
use crate::place::{Place, repository};
use crate::{named, names, place, produce, start};

const OFFERS: usize = 1_000;

/// Numbers without any sense, each time the same ones.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}

const HEAD: &[u8] = b"\0asm\x0d\0\x01\0";

/// Whole components, small and large.
fn whole() -> Vec<Vec<u8>> {
    let built = |path: &str| std::fs::read(repository().join(path)).unwrap();
    vec![named("cc", ""), built("tests/guests/dist/guest_min.wasm"), built("examples/word-count/components/word_count.wasm")]
}

/// The body of an `init` or of what it calls, with imports and items, each of which ends in a refusal.
fn hostile(kind: usize, number: usize) -> Vec<u8> {
    let read_far = format!("(i32.load (i32.const {}))", 0x7fff_0000_usize + number);
    let answer = format!("(i32.const {})", 0x7fff_0000_usize + number);
    let divide = format!("(i32.div_u (i32.const {number}) (i32.const 0))");
    let recursion =
        format!("(func $down (param i32) (result i32) (i32.add (call $down (i32.add (local.get 0) (i32.const {number}))) (i32.const 1)))");
    let table = format!("(table 1 funcref) (type $f (func (result i32))) (data (i32.const 700) \"{number}\")");
    match kind {
        // Reads where no memory is, answers from there, divides by zero, ends itself, calls itself for ever, calls nobody.
        0 => Guest { init: &read_far, ..Guest::default() }.component(),
        1 => Guest { init: &answer, ..Guest::default() }.component(),
        2 => Guest { init: &divide, ..Guest::default() }.component(),
        3 => Guest { init: "unreachable", items: &format!("(data (i32.const 700) \"{number}\")"), ..Guest::default() }.component(),
        4 => Guest { init: "(call $down (i32.const 0))", items: &recursion, ..Guest::default() }.component(),
        5 => Guest { init: "(call_indirect (type $f) (i32.const 0))", items: &table, ..Guest::default() }.component(),
        // Refuses of itself, with a text that is not there.
        6 => {
            let refuse = format!(
                "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store (i32.const 1028) (i32.const {})) (i32.store (i32.const 1032) (i32.const -1)) \
                 (i32.const 1024)",
                4_096 + number
            );
            Guest { init: &refuse, ..Guest::default() }.component()
        }
        // Wants what no host gives, or another contract.
        7 => wat::parse_str(format!("(component (import \"acme:db{number}/client@1.0.0\" (instance)))")).unwrap(),
        8 => wat::parse_str(format!("(component (import \"cofferdam:processor/context@0.{}.0\" (instance)))", number + 2)).unwrap(),
        // A module, and a component that is no processor.
        9 => wat::parse_str(Guest { items: &format!("(data (i32.const 700) \"{number}\")"), process: PASS, ..Guest::default() }.module())
            .unwrap(),
        _ => wat::parse_str(format!("(component (core module (memory {})))", number + 1)).unwrap(),
    }
}

/// The offer of this number, and what it is.
fn offer(number: usize, whole: &[Vec<u8>], chance: &mut Chance) -> (&'static str, Vec<u8>) {
    match number % 4 {
        0 => {
            let head: &[u8] = if chance.below(2) == 0 { HEAD } else { b"" };
            let length = 1 + chance.below(4_000);
            ("random", [head, &chance.bytes(length)].concat())
        }
        1 => {
            let whole = &whole[number / 4 % whole.len()];
            ("cut off", whole[..chance.below(whole.len())].to_vec())
        }
        2 => {
            // Where its sections begin and how long they are is lost.
            let mut damaged = whole[number / 4 % whole.len()].clone();
            let noise = chance.bytes(64);
            damaged.splice(HEAD.len()..HEAD.len() + noise.len(), noise);
            ("damaged", damaged)
        }
        _ => ("hostile", hostile(number / 4 % 11, number)),
    }
}

/// What of the status has to stay as it is.
fn untouched(host: &ControlClient) -> String {
    let status = host.status().unwrap();
    let tasks: Vec<_> = status.tasks.iter().map(|task| (&task.task, &task.state, task.skipped, task.dead_lettered)).collect();
    let of = &status.processors[0];
    format!("{tasks:?} {} {:?} {:?} {:?} {}", of.digest, of.since, of.before, of.rolled_back, status.memory.unwrap().guests)
}

fn connect(place: &Place) -> ControlClient {
    ControlClient::connect(&place.path(".cofferdam").join(CONTROL_SOCKET)).unwrap().unwrap()
}

#[test]
fn a_thousand_components_that_nobody_should_take_are_refused_and_the_host_is_as_before() {
    let place = place("offered");
    let host = start(&place);
    produce(&place, 0..500);
    names(&place, 500);
    let client = connect(&place);
    let before = untouched(&client);
    let (whole, mut chance) = (whole(), Chance(1));
    let mut refused: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for number in 0..OFFERS {
        let (kind, bytes) = offer(number, &whole, &mut chance);
        let request = SwapRequest { processor: "p".into(), component: bytes.into(), name: "offered.wasm".into(), max_slowdown: None };
        let why = match client.swap(&request) {
            Ok(taken) => panic!("the {kind} offer {number} was taken: {taken:?}"),
            Err(why) => why,
        };
        // The component's own fault, each time.
        assert!(why.code.starts_with('C'), "the {kind} offer {number}: {why}");
        *refused.entry(kind).or_default().entry(why.code).or_default() += 1;
        if number % 100 == 0 {
            produce(&place, 500 + number as u32..600 + number as u32);
        }
    }
    println!("{OFFERS} refused: {refused:?}");
    names(&place, 1_500);
    assert_eq!(untouched(&client), before);
    assert!(names(&place, 1_500).values().all(|names| names[..] == ["aa"]));
    assert!(!place.read("log").contains("panicked"), "{}", place.read("log"));
    assert_eq!(host.signal("TERM"), "exit status: 0");
}
