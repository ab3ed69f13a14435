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
    insta::assert_snapshot!("host_at_work", text);
}
