//! Runs small apps on the embedded log and prints what a record costs, and how soon a host is at work: `bench [--json FILE] [RECORDS]`. The file
//! gets the figures that have targets, for `bench/targets.py`. With `bench --perf-map MANIFEST RECORDS` it runs one app, once, and `perf` is told
//! what the guests' functions are called.
//!
//! One partition, one stream thread. The records (8-byte keys over 100,000 keys, values of 100 bytes) lie in the log before the clock
//! starts; it stops when everything is committed. CPU seconds are those of the whole process. Runs of different apps take turns.

#![allow(clippy::disallowed_methods, reason = "it measures")]

mod app;
mod counting;
mod figures;
mod in_host;
mod starting;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use app::{Input, Measured, Nodes, VALUE_BYTES, run};
use figures::Figures;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

const RECORDS: u64 = 1_000_000;
const RUNS: usize = 3;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--perf-map", manifest, records] => profiled(Path::new(manifest), count(records)?),
        [] => all(RECORDS, None),
        ["--json", file] => all(RECORDS, Some(file)),
        ["--json", file, records] => all(count(records)?, Some(file)),
        [records] => all(count(records)?, None),
        _ => Err(anyhow!("bench [--json FILE] [RECORDS], or bench --perf-map MANIFEST RECORDS")),
    }
}

/// `json`: the file for the figures.
fn all(records: u64, json: Option<&str>) -> Result<()> {
    let mut figures = Figures::default();
    table(records, &mut figures)?;
    ten_components(&mut figures)?;
    json.map_or(Ok(()), |file| figures.write(Path::new(file)))
}

fn count(text: &str) -> Result<u64> {
    text.parse().context("the number of records")
}

fn profiled(manifest: &Path, records: u64) -> Result<()> {
    let Measured { seconds, cpu, .. } = run(manifest, Nodes::Named, Input { records, headers: false })?;
    println!("{records} records in {seconds:.2} s, {:.2} CPU s / million", cpu * 1e6 / records as f64);
    Ok(())
}

fn table(records: u64, figures: &mut Figures) -> Result<()> {
    println!("{records} records of 8 + {VALUE_BYTES} bytes, embedded log, exactly once, 1 partition, 1 thread; median of {RUNS}");
    println!("| app | records/s | CPU s / million | allocations / record |\n|---|---|---|---|");
    let mut runs: Vec<Vec<Measured>> = vec![Vec::new(); SUBJECTS.len()];
    for _ in 0..RUNS {
        for (subject, runs) in SUBJECTS.iter().zip(&mut runs) {
            runs.push(run(&subject.manifest(), subject.nodes, Input { records, headers: false })?);
        }
    }
    let n = records as f64;
    let mut micros = BTreeMap::new();
    for (subject, mut runs) in SUBJECTS.iter().zip(runs) {
        runs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
        let Measured { seconds, cpu, allocations } = runs[RUNS / 2];
        println!("| {} | {:.0} | {:.2} | {:.2} |", subject.name, n / seconds, cpu * 1e6 / n, allocations as f64 / n);
        micros.insert(subject.name, cpu * 1e6 / n);
    }
    let of = |name: &str| micros.get(name).copied().unwrap_or(f64::NAN);
    let (sandboxed, node_ns) = (of("filter-map") / of("filter-map in the host"), (of("chain of 5") - of("chain of 1")) / 4.0 * 1e3);
    println!("\nsandboxed filter-map / the same code in the host: {sandboxed:.2}");
    println!("one more node in a chain: {node_ns:.0} ns a record");
    figures.add("sandboxed filter-map / in the host", sandboxed);
    figures.add("one more node, ns a record", node_ns);
    Ok(())
}

fn ten_components(figures: &mut Figures) -> Result<()> {
    let starting::Ready { loaded, at_work } = starting::measure()?;
    let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
    println!(
        "{} components whose compiled code is kept: loaded after {:.1} ms, at work after {:.1} ms; median of {}",
        starting::COMPONENTS,
        ms(loaded),
        ms(at_work),
        starting::RUNS
    );
    figures.add("ten components at work, ms", ms(at_work));
    Ok(())
}

/// An app that is measured.
struct Subject {
    name: &'static str,
    /// Name of its manifest.
    app: &'static str,
    nodes: Nodes,
}

impl Subject {
    fn manifest(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("apps/embedded/{}.toml", self.app))
    }
}

const SUBJECTS: &[Subject] = &[
    Subject { name: "copy", app: "copy", nodes: Nodes::Sandboxed },
    Subject { name: "filter-map in the host", app: "filter-map", nodes: Nodes::InHost },
    Subject { name: "filter-map", app: "filter-map", nodes: Nodes::Sandboxed },
    Subject { name: "chain of 1", app: "chain-1", nodes: Nodes::Sandboxed },
    Subject { name: "chain of 5", app: "chain-5", nodes: Nodes::Sandboxed },
    Subject { name: "count-memory", app: "count-memory", nodes: Nodes::Sandboxed },
    Subject { name: "count", app: "count", nodes: Nodes::Sandboxed },
];

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: u64 = 200_000;
    /// Of each record: what is allocated is allocated for a frame, a chunk of the log, a commit.
    const ALLOCATIONS_A_RECORD: f64 = 0.1;

    /// One test for all: the allocator counts what all threads do.
    #[test]
    fn a_record_allocates_nothing_of_its_own() {
        for name in ["copy", "filter-map", "chain of 5"] {
            for headers in [false, true] {
                let subject = SUBJECTS.iter().find(|subject| subject.name == name).unwrap();
                let Measured { allocations, .. } = run(&subject.manifest(), subject.nodes, Input { records: RECORDS, headers }).unwrap();
                let each = allocations as f64 / RECORDS as f64;
                assert!(each < ALLOCATIONS_A_RECORD, "{name}, headers: {headers}: {each:.3} allocations a record");
            }
        }
    }
}
