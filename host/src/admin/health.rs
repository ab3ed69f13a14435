//! Whether a host is alive and ready, and why not: what an orchestrator asks before it restarts a process or sends it work.

use serde::Serialize;

use super::report::{said_in_public, state};
use crate::record::Timestamp;
use crate::runtime::{Condition, HostStatus};

/// An answer to one question, with the reasons for a no. It goes to anybody: no words of guests stand in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Health {
    /// Yes or no.
    pub ok: bool,
    /// Why not; empty for a yes.
    pub why: Vec<Reason>,
}

/// A reason for a no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Reason {
    /// The task that it is about; `None`: a stream thread, or the whole host.
    pub task: Option<String>,
    /// The task's state; empty for other reasons.
    pub state: String,
    /// In words.
    pub why: String,
}

impl Health {
    fn of(why: Vec<Reason>) -> Self {
        Self { ok: why.is_empty(), why }
    }
}

impl Reason {
    fn of_host(why: impl Into<String>) -> Self {
        Self { task: None, state: String::new(), why: why.into() }
    }
}

/// No: a stream thread has ended, or gives no sign of life. A host that has not started its threads yet is alive.
pub(super) fn live(host: Option<&HostStatus>, now: Timestamp) -> Health {
    let threads = host.into_iter().flat_map(|host| &host.threads).filter(|thread| !thread.is_live(now));
    let reasons = threads.map(|thread| {
        let why = match &thread.in_call {
            _ if !thread.alive => "has ended".to_owned(),
            Some(call) => format!("is stuck in a call of '{}'", call.node),
            None => format!("has made no step for {} s", (now.0 - thread.moved.0) / 1_000),
        };
        Reason::of_host(format!("stream thread {} {why}", thread.number))
    });
    Health::of(reasons.collect())
}

/// No: it is not alive, has never been given a task, or has one that restores its state, takes it over, or is parked.
pub(super) fn ready(host: Option<&HostStatus>, now: Timestamp) -> Health {
    let Some(host) = host else { return Health::of(vec![Reason::of_host("its stream threads are not started yet")]) };
    let mut why = live(Some(host), now).why;
    // One that has given its tasks to others since then is as ready as before.
    if host.threads.iter().all(|thread| thread.counters.tasks_created == 0) {
        why.push(Reason::of_host("no task has been assigned to it yet"));
    }
    let holds_up =
        |condition: &Condition| matches!(condition, Condition::Restoring { .. } | Condition::Migrating { .. } | Condition::Parked { .. });
    why.extend(host.tasks.iter().filter(|task| holds_up(&task.condition)).map(|task| Reason {
        task: Some(task.id.name.to_string()),
        state: state(&task.condition).to_owned(),
        why: said_in_public(&task.condition, now),
    }));
    Health::of(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::samples::{host, task, thread};
    use crate::runtime::ThreadStatus;

    fn whys(health: &Health) -> Vec<&str> {
        assert_eq!(health.ok, health.why.is_empty());
        health.why.iter().map(|reason| reason.why.as_str()).collect()
    }

    #[test]
    fn a_host_is_alive_until_a_thread_ends_or_stands_still() {
        let now = Timestamp(100_000);
        assert!(live(None, now).ok, "it has not begun");
        assert!(live(Some(&host(vec![thread(Timestamp(40_001))], Vec::new())), now).ok);
        let silent = host(vec![thread(now), thread(Timestamp(40_000))], Vec::new());
        assert_eq!(whys(&live(Some(&silent), now)), ["stream thread 0 has made no step for 60 s"]);
        let ended = host(vec![ThreadStatus { alive: false, ..thread(now) }], Vec::new());
        assert_eq!(whys(&live(Some(&ended), now)), ["stream thread 0 has ended"]);
        assert_eq!(whys(&ready(Some(&ended), now))[0], "stream thread 0 has ended");
    }

    #[test]
    fn a_host_is_ready_once_all_tasks_that_it_was_given_work() {
        let now = Timestamp(1_000);
        assert_eq!(whys(&ready(None, now)), ["its stream threads are not started yet"]);
        let mut idle = thread(now);
        idle.counters.tasks_created = 0;
        assert_eq!(whys(&ready(Some(&host(vec![idle], Vec::new())), now)), ["no task has been assigned to it yet"]);
        assert!(ready(Some(&host(vec![thread(now)], Vec::new())), now).ok, "they went to others");
        let until = Timestamp(2_000);
        let fine = [Condition::Running, Condition::Full, Condition::Sleeping { until, what: String::new(), why: String::new() }];
        for condition in fine {
            assert!(ready(Some(&host(vec![thread(now)], vec![task(condition)])), now).ok);
        }
        let parked = Condition::Parked { what: "trap in 'p' at in/3/12".into(), why: "trap in 'p' at in/3/12: a secret".into() };
        let restoring = Condition::Restoring { read: 1, total: 2, left_ms: None, stands_at: None };
        let health = ready(Some(&host(vec![thread(now)], vec![task(parked), task(restoring)])), now);
        assert_eq!(whys(&health), ["trap in 'p' at in/3/12", "50 % of 2 changelog records"]);
        assert_eq!((health.why[0].task.as_deref(), &*health.why[0].state), (Some("in_3"), "parked"));
    }
}
