//! What a host measures, as metrics. The tables say what there is; docs/metrics.md says what each is in Kafka Streams.
//!
//! Nothing is asked of a stream thread or a broker for it: all of it stands on the boards already. The number of series is bounded by those of
//! threads, tasks, partitions and nodes, and by `limits::METRIC_NAMES` for each node's guests.

#[cfg(test)]
mod tests;

use super::desk::Desk;
use super::exposition::{Family, Histogram, Kind, Label, Page, Value};
use super::guests;
use super::health;
use super::report::state;
use super::resident;
use crate::record::Timestamp;
use crate::runtime::{Condition, HostStatus, PartitionStatus, TaskStatus, ThreadStatus};
use crate::task::Tally;

/// A metric, and how it is read off something; `None`: not of this one.
struct Metric<T> {
    family: Family<'static>,
    read: fn(&T, Timestamp) -> Option<Value>,
}

const fn metric<T>(name: &'static str, kind: Kind, help: &'static str, read: fn(&T, Timestamp) -> Option<Value>) -> Metric<T> {
    Metric { family: Family { name, kind, help }, read }
}

const HOST: &[Metric<Option<HostStatus>>] = &[
    metric("cofferdam_live", Kind::Gauge, "1 while every stream thread runs and gives signs of life, as /health/live says.", |h, now| {
        truth(health::live(h.as_ref(), now).ok)
    }),
    metric("cofferdam_ready", Kind::Gauge, "1 while every task that the host was given works, as /health/ready says.", |h, now| {
        truth(health::ready(h.as_ref(), now).ok)
    }),
    metric("cofferdam_alive_stream_threads", Kind::Gauge, "Stream threads that have not ended.", |h, _| {
        count(h.iter().flat_map(|h| &h.threads).filter(|t| t.alive).count())
    }),
    metric("cofferdam_assigned_tasks", Kind::Gauge, "Tasks of this host, whatever their state.", |h, _| {
        count(h.iter().map(|h| h.tasks.len()).sum())
    }),
    metric(
        "cofferdam_parked_tasks",
        Kind::Gauge,
        "Tasks that stand still at a record that failed, until somebody does something.",
        |h, _| count(h.iter().flat_map(|h| &h.tasks).filter(|t| matches!(t.condition, Condition::Parked { .. })).count()),
    ),
    metric(
        "cofferdam_state_memory_bytes",
        Kind::Gauge,
        "Memory of all stores on disk, and of rows in front of stores: cached blocks, unflushed writes, rows.",
        |h, _| count(h.as_ref()?.memory.cache),
    ),
    metric("cofferdam_overlay_bytes", Kind::Gauge, "Writes to stores that the running transactions hold in memory.", |h, _| {
        count(h.as_ref()?.memory.overlays)
    }),
    metric("cofferdam_instance_memory_bytes", Kind::Gauge, "Memories of all instances of components.", |h, _| {
        count(h.as_ref()?.memory.guests)
    }),
];

const RESIDENT: Family<'static> =
    Family { name: "cofferdam_resident_memory_bytes", kind: Kind::Gauge, help: "What of the process is in the machine's memory." };

const THREADS: &[Metric<ThreadStatus>] = &[
    metric("cofferdam_thread_assigned_tasks", Kind::Gauge, "Tasks of the stream thread.", |t, _| count(t.assigned)),
    metric("cofferdam_thread_task_created_total", Kind::Counter, "Tasks that were assigned to the thread.", |t, _| {
        number(t.counters.tasks_created)
    }),
    metric("cofferdam_thread_task_closed_total", Kind::Counter, "Tasks that the thread has let go of.", |t, _| {
        number(t.counters.tasks_closed)
    }),
    metric("cofferdam_thread_rebalance_total", Kind::Counter, "How often the group gave partitions to the thread or took them.", |t, _| {
        number(t.counters.rebalances)
    }),
    metric("cofferdam_thread_rewind_total", Kind::Counter, "Transactions that came to nothing: back to the last commit.", |t, _| {
        number(t.counters.rewinds)
    }),
    metric(
        "cofferdam_thread_process_latency_seconds",
        Kind::Histogram,
        "Time for a source record and all below its source; a mean over up to 100 records.",
        |t, _| tally(&t.counters.process, 1e9),
    ),
    metric("cofferdam_thread_commit_latency_seconds", Kind::Histogram, "Time for a commit, from changelogs to stores.", |t, _| {
        tally(&t.counters.commit, 1e9)
    }),
    metric(
        "cofferdam_thread_last_commit_timestamp_seconds",
        Kind::Gauge,
        "When the thread committed last; before that, when the host was started.",
        |t, _| time(t.last_commit),
    ),
    metric("cofferdam_thread_last_step_timestamp_seconds", Kind::Gauge, "The thread's last sign of life.", |t, _| time(t.moved)),
];

const CALLS: &[Metric<ThreadStatus>] =
    &[metric("cofferdam_thread_call_seconds", Kind::Gauge, "How long the call lasts that the thread is in, above one second.", |t, _| {
        milliseconds(t.in_call.as_ref()?.for_ms)
    })];

const TASKS: &[Metric<TaskStatus>] = &[
    metric("cofferdam_task_process_total", Kind::Counter, "Source records whose walk ended well.", |t, _| number(t.counters.processed)),
    metric(
        "cofferdam_task_process_seconds_total",
        Kind::Counter,
        "Time spent on source records and punctuations of stream time.",
        |t, _| Some(Value::Number(t.counters.busy_ns as f64 / 1e9)),
    ),
    metric("cofferdam_task_punctuate_total", Kind::Counter, "Punctuations, failed ones included.", |t, _| number(t.counters.punctuated)),
    metric(
        "cofferdam_task_dropped_records_total",
        Kind::Counter,
        "Source records that left no result: skipped, put aside or lost.",
        |t, _| number(t.counters.dropped()),
    ),
    metric("cofferdam_task_skipped_total", Kind::Counter, "Source records passed over by on-error = skip.", |t, _| {
        number(t.counters.skipped)
    }),
    metric("cofferdam_task_dead_letter_total", Kind::Counter, "Source records put aside by on-error = dead-letter.", |t, _| {
        number(t.counters.dead_lettered)
    }),
    metric("cofferdam_task_lost_total", Kind::Counter, "Offsets whose records were deleted before they were taken.", |t, _| {
        number(t.counters.lost)
    }),
    metric("cofferdam_task_failed_total", Kind::Counter, "Walks and punctuations that failed, retries included.", |t, _| {
        number(t.counters.failed)
    }),
    metric("cofferdam_task_record_lateness_seconds", Kind::Histogram, "How far behind the task's stream time each record came.", |t, _| {
        tally(&t.counters.lateness, 1e3)
    }),
    metric("cofferdam_task_stream_time_seconds", Kind::Gauge, "The highest timestamp that the task has seen.", |t, _| time(t.stream_time?)),
    metric("cofferdam_task_restore_records_total", Kind::Counter, "Changelog records that the task's state was restored from.", |t, _| {
        number(t.counters.restored)
    }),
    metric("cofferdam_task_restore_remaining_records", Kind::Gauge, "Changelog records still to be read before the task works.", |t, _| {
        match t.condition {
            Condition::Restoring { read, total, .. } => number(total.saturating_sub(read)),
            _ => number(0),
        }
    }),
    metric("cofferdam_task_state_bytes", Kind::Gauge, "The task's stores on disk, as of the last flush.", |t, _| number(t.state_bytes)),
];

const STATES: &[Metric<TaskStatus>] =
    &[metric("cofferdam_task_state", Kind::Gauge, "1 for the state that the task is in; no series for the others.", |_, _| number(1))];

const PARTITIONS: &[Metric<PartitionStatus>] = &[
    metric("cofferdam_partition_lag_records", Kind::Gauge, "Records between the committed offset and the end last heard of.", |p, _| {
        p.end.and_then(|_| number(p.lag()))
    }),
    metric(
        "cofferdam_partition_lag_seconds",
        Kind::Gauge,
        "How old the next record to process is; none while it is not known.",
        |p, now| milliseconds(p.lag_ms(now)?),
    ),
    metric("cofferdam_partition_committed_offset", Kind::Gauge, "The group's committed offset.", |p, _| number(p.committed)),
    metric("cofferdam_partition_end_offset", Kind::Gauge, "The partition's end as last heard of.", |p, _| number(p.end?)),
];

impl Desk {
    /// All metrics in Prometheus' text format.
    pub(super) fn metrics(&self) -> String {
        page(&self.app, &self.look(), resident::bytes(), self.clock.now())
    }
}

fn page(app: &str, host: &Option<HostStatus>, resident: Option<usize>, now: Timestamp) -> String {
    let mut page = Page::default();
    let info = Family { name: "cofferdam_info", kind: Kind::Gauge, help: "1, with the version of the host." };
    page.family(&info);
    page.sample(info.name, &[("app", app), ("version", env!("CARGO_PKG_VERSION"))], &Value::Number(1.0));
    if let Some(value) = resident.and_then(count) {
        page.family(&RESIDENT);
        page.sample(RESIDENT.name, &[("app", app)], &value);
    }
    table(&mut page, HOST, now, || std::iter::once((host, vec![("app", app.to_owned())])));

    let (threads, tasks) = host.as_ref().map_or((&[][..], &[][..]), |h| (&h.threads, &h.tasks));
    let of_thread = |t: &ThreadStatus| vec![("app", app.to_owned()), ("thread", t.number.to_string())];
    table(&mut page, THREADS, now, || threads.iter().map(|t| (t, of_thread(t))));
    let of_call = |t: &ThreadStatus| {
        let call = t.in_call.iter().flat_map(|call| [("task", call.task.name.to_string()), ("node", call.node.to_string())]);
        of_thread(t).into_iter().chain(call).collect()
    };
    table(&mut page, CALLS, now, || threads.iter().map(|t| (t, of_call(t))));

    let of_task = |t: &TaskStatus| {
        let sub_topology = t.id.name.rsplit_once('_').map_or(&*t.id.name, |(name, _)| name);
        let (thread, partition) = (t.thread.to_string(), t.id.partition.to_string());
        let task = ("task", t.id.name.to_string());
        vec![("app", app.to_owned()), ("thread", thread), task, ("sub_topology", sub_topology.to_owned()), ("partition", partition)]
    };
    table(&mut page, TASKS, now, || tasks.iter().map(|t| (t, of_task(t))));
    let of_state = |t| of_task(t).into_iter().chain([("state", state(&t.condition).to_owned())]).collect();
    table(&mut page, STATES, now, || tasks.iter().map(|t| (t, of_state(t))));
    let of_partition = |task: &TaskStatus, p: &PartitionStatus| {
        let place = [("topic", p.at.topic.to_string()), ("partition", p.at.partition.to_string())];
        [("app", app.to_owned()), ("task", task.id.name.to_string())].into_iter().chain(place).collect()
    };
    table(&mut page, PARTITIONS, now, || tasks.iter().flat_map(|t| t.partitions.iter().map(move |p| (p, of_partition(t, p)))));
    guests::write(&mut page, app, host.as_ref().map_or(&[], |h| &h.guests));
    page.into_text()
}

/// Labels of one series.
type Labels = Vec<(&'static str, String)>;

/// Writes the metrics of a table, one after another, each for all that have it.
fn table<'t, T: 't, I: Iterator<Item = (&'t T, Labels)>>(page: &mut Page, metrics: &[Metric<T>], now: Timestamp, all: impl Fn() -> I) {
    for metric in metrics {
        page.family(&metric.family);
        for (one, labels) in all() {
            let Some(value) = (metric.read)(one, now) else { continue };
            let labels: Vec<Label<'_>> = labels.iter().map(|(label, value)| (*label, value.as_str())).collect();
            page.sample(metric.family.name, &labels, &value);
        }
    }
}

fn number(n: u64) -> Option<Value> {
    Some(Value::Number(n as f64))
}

fn count(n: usize) -> Option<Value> {
    number(n as u64)
}

fn truth(yes: bool) -> Option<Value> {
    number(u64::from(yes))
}

fn milliseconds(ms: i64) -> Option<Value> {
    Some(Value::Number(ms as f64 / 1e3))
}

fn time(at: Timestamp) -> Option<Value> {
    milliseconds(at.0)
}

/// `units`: how many of the tally's units make one of the metric's.
fn tally<const N: usize>(tally: &Tally<N>, units: f64) -> Option<Value> {
    let buckets = tally.bounds.iter().zip(tally.buckets).map(|(&bound, samples)| (bound as f64 / units, samples)).collect();
    Some(Value::Histogram(Histogram { buckets, count: tally.count, sum: tally.sum as f64 / units }))
}
