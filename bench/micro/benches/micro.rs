//! The time of each case, and of each of its elements.

use criterion::{Criterion, Throughput};
use micro::{CALLS, COUNTED};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for mut case in COUNTED.iter().chain(CALLS).flat_map(|make| make()) {
        let (group, function) = case.name.split_once('/').unwrap_or(("micro", &case.name));
        let mut group = criterion.benchmark_group(group);
        group.throughput(Throughput::Elements(case.elements)).bench_function(function, |bencher| bencher.iter(&mut case.work));
        group.finish();
    }
    criterion.final_summary();
}
