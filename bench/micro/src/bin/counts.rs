//! `counts` prints the names of the cases and how many elements each has, `counts NAME ROUNDS` does one so often, in a function whose
//! instructions `bench/counts.py` has callgrind count.

use std::process::ExitCode;

use micro::{COUNTED, Case};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut cases = COUNTED.iter().flat_map(|make| make());
    let (name, rounds) = match arguments.as_slice() {
        [] => {
            cases.for_each(|case| println!("{}\t{}", case.elements, case.name));
            return ExitCode::SUCCESS;
        }
        [name, rounds] => (name, rounds.parse().unwrap_or(1)),
        _ => return ExitCode::FAILURE,
    };
    let Some(mut case) = cases.find(|case| case.name == *name) else { return ExitCode::FAILURE };
    // What grows on the first time, and is allocated then.
    (case.work)();
    counted_rounds(&mut case, rounds);
    ExitCode::SUCCESS
}

/// Named on callgrind's command line.
#[inline(never)]
fn counted_rounds(case: &mut Case, rounds: u32) {
    (0..rounds).for_each(|_| (case.work)());
}
