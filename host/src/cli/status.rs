//! `status`: what tasks do, and how far partitions are processed.

use std::process::ExitCode;

use crate::admin::{MemoryReport, PartitionReport, StatusReport, TaskReport, VersionReport, span};
use crate::component::short;
use crate::error::Diagnostic;

use super::args;
use super::reach::App;
use super::report::{say, time};
use super::table::{Align, table};

/// Prints the status as tables or as JSON.
pub fn status(args: &args::Status) -> Result<ExitCode, Vec<Diagnostic>> {
    let app = App::reach(&args.at)?;
    let report = app.status().map_err(|e| vec![e])?;
    if args.json {
        let text = serde_json::to_string_pretty(&report);
        say(&text.map_err(|e| vec![Diagnostic::run("R034", "the answer was cut short").because(e)])?);
    } else {
        text(&report).iter().for_each(|line| say(line));
    }
    Ok(ExitCode::SUCCESS)
}

fn text(report: &StatusReport) -> Vec<String> {
    let parked = report.tasks.iter().filter(|t| t.state == "parked").count();
    let state = match (report.running, parked) {
        (false, _) => "not running".to_owned(),
        (true, 0) => "running".to_owned(),
        (true, _) => format!("running, {parked} of {} tasks parked", report.tasks.len()),
    };
    let mut lines = vec![format!("{}: {state}", report.app)];
    if !report.tasks.is_empty() {
        lines.push(String::new());
        lines.extend(tasks(&report.tasks));
    }
    if !report.processors.is_empty() {
        lines.push(String::new());
        lines.extend(processors(&report.processors));
    }
    if let Some(memory) = &report.memory {
        lines.push(String::new());
        lines.push(self::memory(memory));
    }
    if !report.partitions.is_empty() {
        lines.push(String::new());
        lines.extend(partitions(&report.partitions));
    }
    lines
}

fn tasks(tasks: &[TaskReport]) -> Vec<String> {
    let headings = [
        ("task", Align::Left),
        ("thread", Align::Right),
        ("state", Align::Left),
        ("lag", Align::Right),
        ("processed", Align::Right),
        ("skipped", Align::Right),
        ("dead letters", Align::Right),
        ("behind", Align::Left),
        ("stream time", Align::Left),
        ("last commit", Align::Left),
    ];
    let row = |t: &TaskReport| {
        let (thread, lag) = (t.thread.to_string(), t.lag.to_string());
        let counts = [t.processed, t.skipped, t.dead_lettered].map(|n| n.to_string());
        let [processed, skipped, letters] = counts;
        let commit = t.last_commit_ago_ms.map_or_else(|| "-".to_owned(), |ms| format!("{} ago", span(ms)));
        let behind = t.lag_ms.map_or_else(|| "-".to_owned(), span);
        [t.task.clone(), thread, t.state.clone(), lag, processed, skipped, letters, behind, time(t.stream_time), commit]
    };
    let rows: Vec<[String; 10]> = tasks.iter().map(row).collect();
    let mut lines = table(headings, &rows).into_iter();
    let mut shown: Vec<String> = lines.next().into_iter().collect();
    for (line, task) in lines.zip(tasks) {
        shown.push(line);
        if !task.why.is_empty() {
            shown.push(format!("    {}", task.why));
        }
    }
    shown
}

fn processors(processors: &[VersionReport]) -> Vec<String> {
    let headings = [
        ("processor", Align::Left),
        ("version", Align::Left),
        ("since", Align::Left),
        ("trial", Align::Left),
        ("records", Align::Right),
        ("traps", Align::Right),
        ("failures", Align::Right),
    ];
    let row = |p: &VersionReport| {
        let trial = if p.on_trial { "on trial" } else { "-" };
        let since = p.since.map_or_else(|| "the start".to_owned(), |at| time(Some(at)));
        let [records, traps, bad] = [p.records, p.traps, p.bad].map(|n| n.to_string());
        [p.processor.clone(), short(&p.digest).to_owned(), since, trial.to_owned(), records, traps, bad]
    };
    let rows: Vec<[String; 7]> = processors.iter().map(row).collect();
    let mut lines = table(headings, &rows).into_iter();
    let mut shown: Vec<String> = lines.next().into_iter().collect();
    for (line, processor) in lines.zip(processors) {
        shown.push(line);
        shown.extend(processor.rolled_back.as_ref().map(|why| format!("    rolled back: {why}")));
        if let (Some(now), Some(before)) = (processor.ns_per_record, processor.ns_per_record_before) {
            shown.push(format!(
                "    a record takes {} us on its way through the task, {} with the version before",
                micros(now),
                micros(before)
            ));
        }
    }
    shown
}

fn micros(ns: u64) -> String {
    format!("{:.1}", ns as f64 / 1_000.0)
}

fn memory(memory: &MemoryReport) -> String {
    let size = |bytes: usize| format!("{} MiB", bytes.div_ceil(1 << 20));
    let resident = memory.resident.map_or_else(String::new, |bytes| format!("{} resident, of it ", size(bytes)));
    format!("memory: {resident}overlays {}, cache {}, guests {}", size(memory.overlay), size(memory.cache), size(memory.guests))
}

fn partitions(partitions: &[PartitionReport]) -> Vec<String> {
    let headings =
        [("topic", Align::Left), ("partition", Align::Right), ("committed", Align::Right), ("end", Align::Right), ("lag", Align::Right)];
    let row = |p: &PartitionReport| {
        let numbers = [u64::from(p.partition), p.committed, p.end, p.end.saturating_sub(p.committed)].map(|n| n.to_string());
        let [partition, committed, end, lag] = numbers;
        [p.topic.clone(), partition, committed, end, lag]
    };
    table(headings, &partitions.iter().map(row).collect::<Vec<_>>())
}
