//! Schedules that have become due: calls without a source record.

use crate::node::{Position, PunctuationClock};
use crate::record::Timestamp;

use super::failure::{RecordFailure, Verdict, kind, verdict};
use super::work::{Task, TaskError, TaskState};

impl Task {
    /// Fires every schedule of `clock` that is due at `time`, each at most once. Says whether any was.
    ///
    /// Not more calls than there are schedules: one that asks for itself anew in its call, due at once, waits for the next turn. So do those
    /// that are left when the calls have taken a turn's time.
    pub(super) fn punctuate(&mut self, clock: PunctuationClock, time: Timestamp, now: Timestamp) -> Result<bool, TaskError> {
        let mut fired = false;
        let began = self.walker.spent;
        let calls = self.walker.env.as_ref().map_or(0, |env| env.schedules.len());
        for _ in 0..calls {
            if self.has_had_its_time(began) {
                break;
            }
            let Some(due) = self.walker.env.as_mut().and_then(|env| env.schedules.take_due(clock, time)) else { break };
            let at = due.node;
            fired = true;
            self.counters.punctuated += 1;
            if let Some(env) = &mut self.walker.env {
                env.position = None;
                env.now = now;
            }
            let point = self.walker.undo_point().map_err(TaskError::Broken)?;
            match self.walker.punctuate(&self.plan, at, &due.name, time) {
                Ok(()) => self.walker.keep(point),
                Err(failed) => {
                    self.walker.undo(point);
                    let node = self.plan.node(failed.node);
                    let decided = verdict(&failed.failure, &node.on_error, 0, now, true);
                    let failure = RecordFailure {
                        node: node.name.clone(),
                        task: self.id.name.clone(),
                        kind: kind(&failed.failure),
                        reason: failed.failure.to_string(),
                        frames: super::work::frames(failed.failure),
                        position: Position { topic: "".into(), partition: self.id.partition, offset: 0 },
                        key: None,
                        redact_key: self.plan.redact_keys,
                        schedule: Some(due.name.clone()),
                    };
                    self.counters.failed += 1;
                    self.on_trial(failed.node, &decided, &failure)?;
                    self.last_failed = Some(failure.position.clone());
                    match decided {
                        Verdict::Skip => self.tell_passed_over(&failure, "skipped", now),
                        Verdict::State(error) => return Err(TaskError::Store(error)),
                        Verdict::Park | Verdict::Sleep(_) | Verdict::DeadLetter(_) => {
                            self.log_failure(&failure, "task parked");
                            if let Some(env) = &mut self.walker.env {
                                env.schedules.put_back(&due);
                            }
                            self.state = TaskState::Parked { failure: Box::new(failure) };
                            return Ok(true);
                        }
                    }
                }
            }
        }
        Ok(fired)
    }
}
