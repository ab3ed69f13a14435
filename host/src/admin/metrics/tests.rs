//! The whole page of a host, to be read.

use super::*;
use crate::admin::samples::{host, task, thread};
use crate::runtime::InCall;

#[test]
fn a_host_that_has_not_begun_shows_every_name_and_hardly_a_number() {
    let text = page("a", &None, Some(1 << 20), Timestamp(10_000));
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    insta::assert_snapshot!(samples.join("\n"), @r#"
        cofferdam_info{app="a",version="0.1.0"} 1
        cofferdam_resident_memory_bytes{app="a"} 1048576
        cofferdam_live{app="a"} 1
        cofferdam_ready{app="a"} 0
        cofferdam_alive_stream_threads{app="a"} 0
        cofferdam_assigned_tasks{app="a"} 0
        cofferdam_parked_tasks{app="a"} 0
    "#);
    let families = HOST.len() + THREADS.len() + CALLS.len() + TASKS.len() + STATES.len() + PARTITIONS.len();
    // And what is no table: the version, and the memory.
    assert_eq!(text.matches("# TYPE ").count(), families + 2);
}

#[test]
fn a_host_at_work_is_shown_thread_by_thread_and_task_by_task() {
    let mut one = thread(Timestamp(9_500));
    let mut parked = task(Condition::Parked { what: String::new(), why: String::new() });
    parked.counters.lateness.add(1_500);
    one.counters.commit.add(3_000_000);
    one.in_call = Some(InCall { node: "p".into(), task: parked.id.clone(), for_ms: 1_250 });
    let text = page("a", &Some(host(vec![one], vec![parked])), Some(1 << 20), Timestamp(10_000));
    insta::assert_snapshot!(text, @r#"
        # HELP cofferdam_info 1, with the version of the host.
        # TYPE cofferdam_info gauge
        cofferdam_info{app="a",version="0.1.0"} 1
        # HELP cofferdam_resident_memory_bytes What of the process is in the machine's memory.
        # TYPE cofferdam_resident_memory_bytes gauge
        cofferdam_resident_memory_bytes{app="a"} 1048576
        # HELP cofferdam_live 1 while every stream thread runs and gives signs of life, as /health/live says.
        # TYPE cofferdam_live gauge
        cofferdam_live{app="a"} 1
        # HELP cofferdam_ready 1 while every task that the host was given works, as /health/ready says.
        # TYPE cofferdam_ready gauge
        cofferdam_ready{app="a"} 0
        # HELP cofferdam_alive_stream_threads Stream threads that have not ended.
        # TYPE cofferdam_alive_stream_threads gauge
        cofferdam_alive_stream_threads{app="a"} 1
        # HELP cofferdam_assigned_tasks Tasks of this host, whatever their state.
        # TYPE cofferdam_assigned_tasks gauge
        cofferdam_assigned_tasks{app="a"} 1
        # HELP cofferdam_parked_tasks Tasks that stand still at a record that failed, until somebody does something.
        # TYPE cofferdam_parked_tasks gauge
        cofferdam_parked_tasks{app="a"} 1
        # HELP cofferdam_state_memory_bytes Memory of all stores on disk together: cached blocks and unflushed writes.
        # TYPE cofferdam_state_memory_bytes gauge
        cofferdam_state_memory_bytes{app="a"} 1024
        # HELP cofferdam_overlay_bytes Writes to stores that the running transactions hold in memory.
        # TYPE cofferdam_overlay_bytes gauge
        cofferdam_overlay_bytes{app="a"} 2048
        # HELP cofferdam_instance_memory_bytes Memories of all instances of components.
        # TYPE cofferdam_instance_memory_bytes gauge
        cofferdam_instance_memory_bytes{app="a"} 65536
        # HELP cofferdam_thread_assigned_tasks Tasks of the stream thread.
        # TYPE cofferdam_thread_assigned_tasks gauge
        cofferdam_thread_assigned_tasks{app="a",thread="0"} 1
        # HELP cofferdam_thread_task_created_total Tasks that were assigned to the thread.
        # TYPE cofferdam_thread_task_created_total counter
        cofferdam_thread_task_created_total{app="a",thread="0"} 1
        # HELP cofferdam_thread_task_closed_total Tasks that the thread has let go of.
        # TYPE cofferdam_thread_task_closed_total counter
        cofferdam_thread_task_closed_total{app="a",thread="0"} 0
        # HELP cofferdam_thread_rebalance_total How often the group gave partitions to the thread or took them.
        # TYPE cofferdam_thread_rebalance_total counter
        cofferdam_thread_rebalance_total{app="a",thread="0"} 0
        # HELP cofferdam_thread_rewind_total Transactions that came to nothing: back to the last commit.
        # TYPE cofferdam_thread_rewind_total counter
        cofferdam_thread_rewind_total{app="a",thread="0"} 0
        # HELP cofferdam_thread_process_latency_seconds Time for a source record and all below its source; a mean over up to 100 records.
        # TYPE cofferdam_thread_process_latency_seconds histogram
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="0.000005"} 0
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="0.00002"} 0
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="0.0001"} 0
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="0.0005"} 0
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="0.0025"} 0
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="0.01"} 0
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="0.05"} 0
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="0.25"} 0
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="1"} 0
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="5"} 0
        cofferdam_thread_process_latency_seconds_bucket{app="a",thread="0",le="+Inf"} 0
        cofferdam_thread_process_latency_seconds_sum{app="a",thread="0"} 0
        cofferdam_thread_process_latency_seconds_count{app="a",thread="0"} 0
        # HELP cofferdam_thread_commit_latency_seconds Time for a commit, from changelogs to stores.
        # TYPE cofferdam_thread_commit_latency_seconds histogram
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="0.001"} 0
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="0.0025"} 0
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="0.005"} 1
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="0.01"} 1
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="0.025"} 1
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="0.05"} 1
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="0.1"} 1
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="0.25"} 1
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="1"} 1
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="10"} 1
        cofferdam_thread_commit_latency_seconds_bucket{app="a",thread="0",le="+Inf"} 1
        cofferdam_thread_commit_latency_seconds_sum{app="a",thread="0"} 0.003
        cofferdam_thread_commit_latency_seconds_count{app="a",thread="0"} 1
        # HELP cofferdam_thread_last_commit_timestamp_seconds When the thread committed last; before that, when the host was started.
        # TYPE cofferdam_thread_last_commit_timestamp_seconds gauge
        cofferdam_thread_last_commit_timestamp_seconds{app="a",thread="0"} 9
        # HELP cofferdam_thread_last_step_timestamp_seconds The thread's last sign of life.
        # TYPE cofferdam_thread_last_step_timestamp_seconds gauge
        cofferdam_thread_last_step_timestamp_seconds{app="a",thread="0"} 9.5
        # HELP cofferdam_thread_call_seconds How long the call lasts that the thread is in, above one second.
        # TYPE cofferdam_thread_call_seconds gauge
        cofferdam_thread_call_seconds{app="a",thread="0",task="in_3",node="p"} 1.25
        # HELP cofferdam_task_process_total Source records whose walk ended well.
        # TYPE cofferdam_task_process_total counter
        cofferdam_task_process_total{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 12
        # HELP cofferdam_task_process_seconds_total Time spent on source records and punctuations of stream time.
        # TYPE cofferdam_task_process_seconds_total counter
        cofferdam_task_process_seconds_total{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 0
        # HELP cofferdam_task_punctuate_total Punctuations, failed ones included.
        # TYPE cofferdam_task_punctuate_total counter
        cofferdam_task_punctuate_total{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 0
        # HELP cofferdam_task_dropped_records_total Source records that left no result: skipped, put aside or lost.
        # TYPE cofferdam_task_dropped_records_total counter
        cofferdam_task_dropped_records_total{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 1
        # HELP cofferdam_task_skipped_total Source records passed over by on-error = skip.
        # TYPE cofferdam_task_skipped_total counter
        cofferdam_task_skipped_total{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 1
        # HELP cofferdam_task_dead_letter_total Source records put aside by on-error = dead-letter.
        # TYPE cofferdam_task_dead_letter_total counter
        cofferdam_task_dead_letter_total{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 0
        # HELP cofferdam_task_lost_total Offsets whose records were deleted before they were taken.
        # TYPE cofferdam_task_lost_total counter
        cofferdam_task_lost_total{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 0
        # HELP cofferdam_task_failed_total Walks and punctuations that failed, retries included.
        # TYPE cofferdam_task_failed_total counter
        cofferdam_task_failed_total{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 0
        # HELP cofferdam_task_record_lateness_seconds How far behind the task's stream time each record came.
        # TYPE cofferdam_task_record_lateness_seconds histogram
        cofferdam_task_record_lateness_seconds_bucket{app="a",thread="1",task="in_3",sub_topology="in",partition="3",le="0"} 0
        cofferdam_task_record_lateness_seconds_bucket{app="a",thread="1",task="in_3",sub_topology="in",partition="3",le="1"} 0
        cofferdam_task_record_lateness_seconds_bucket{app="a",thread="1",task="in_3",sub_topology="in",partition="3",le="10"} 1
        cofferdam_task_record_lateness_seconds_bucket{app="a",thread="1",task="in_3",sub_topology="in",partition="3",le="60"} 1
        cofferdam_task_record_lateness_seconds_bucket{app="a",thread="1",task="in_3",sub_topology="in",partition="3",le="600"} 1
        cofferdam_task_record_lateness_seconds_bucket{app="a",thread="1",task="in_3",sub_topology="in",partition="3",le="3600"} 1
        cofferdam_task_record_lateness_seconds_bucket{app="a",thread="1",task="in_3",sub_topology="in",partition="3",le="86400"} 1
        cofferdam_task_record_lateness_seconds_bucket{app="a",thread="1",task="in_3",sub_topology="in",partition="3",le="+Inf"} 1
        cofferdam_task_record_lateness_seconds_sum{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 1.5
        cofferdam_task_record_lateness_seconds_count{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 1
        # HELP cofferdam_task_stream_time_seconds The highest timestamp that the task has seen.
        # TYPE cofferdam_task_stream_time_seconds gauge
        cofferdam_task_stream_time_seconds{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 3
        # HELP cofferdam_task_restore_records_total Changelog records that the task's state was restored from.
        # TYPE cofferdam_task_restore_records_total counter
        cofferdam_task_restore_records_total{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 40
        # HELP cofferdam_task_restore_remaining_records Changelog records still to be read before the task works.
        # TYPE cofferdam_task_restore_remaining_records gauge
        cofferdam_task_restore_remaining_records{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 0
        # HELP cofferdam_task_state_bytes The task's stores on disk, as of the last flush.
        # TYPE cofferdam_task_state_bytes gauge
        cofferdam_task_state_bytes{app="a",thread="1",task="in_3",sub_topology="in",partition="3"} 4096
        # HELP cofferdam_task_state 1 for the state that the task is in; no series for the others.
        # TYPE cofferdam_task_state gauge
        cofferdam_task_state{app="a",thread="1",task="in_3",sub_topology="in",partition="3",state="parked"} 1
        # HELP cofferdam_partition_lag_records Records between the committed offset and the end last heard of.
        # TYPE cofferdam_partition_lag_records gauge
        cofferdam_partition_lag_records{app="a",task="in_3",topic="in",partition="3"} 30
        # HELP cofferdam_partition_lag_seconds How old the next record to process is; none while it is not known.
        # TYPE cofferdam_partition_lag_seconds gauge
        cofferdam_partition_lag_seconds{app="a",task="in_3",topic="in",partition="3"} 6
        # HELP cofferdam_partition_committed_offset The group's committed offset.
        # TYPE cofferdam_partition_committed_offset gauge
        cofferdam_partition_committed_offset{app="a",task="in_3",topic="in",partition="3"} 10
        # HELP cofferdam_partition_end_offset The partition's end as last heard of.
        # TYPE cofferdam_partition_end_offset gauge
        cofferdam_partition_end_offset{app="a",task="in_3",topic="in",partition="3"} 40
    "#);
}
