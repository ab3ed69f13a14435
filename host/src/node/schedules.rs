//! The schedules of a task's nodes: named, on a grid, driven by stream time or by the wall clock.
//!
//! Rules (Kafka Streams' `PunctuationQueue`, and the contract): a stream-time schedule without a start is anchored at 0 and fires with the
//! first record; a wall-clock one is anchored at its creation. A due schedule fires once however many intervals have passed, with the
//! clock's current time, and is next due at the following point of its grid.

use std::sync::Arc;

use crate::record::Timestamp;

/// Which clock drives a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PunctuationClock {
    /// The task's stream time.
    StreamTime,
    /// The wall clock.
    WallClock,
}

/// When a schedule is to fire, as a node asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Milliseconds between two points; 0 counts as 1.
    pub interval_ms: u64,
    /// What drives it.
    pub clock: PunctuationClock,
    /// A point of it; `None`: the rules above.
    pub start: Option<Timestamp>,
}

/// One schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Whose it is: the node's place in its task.
    pub node: u32,
    /// The node's own name for it.
    pub name: Arc<str>,
    /// Milliseconds between two points of the grid; at least 1.
    pub interval_ms: u64,
    /// What drives it.
    pub clock: PunctuationClock,
    /// The point of the grid at which it is due next.
    pub next_due: Timestamp,
}

/// A call that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub node: u32,
    /// Which.
    pub name: Arc<str>,
    /// The point of the grid that has come.
    pub at: Timestamp,
}

/// Due at no time: the end of a grid that has no further point.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// All schedules of one task, in the order in which they were asked for. Cheap to copy when nothing was scheduled.
#[derive(Clone, Debug, Default)]
pub struct Schedules {
    all: Vec<Schedule>,
    /// `all` as it was at the savepoint; `None` while nothing has changed since.
    saved: Option<Vec<Schedule>>,
    /// The stream time that the task had reached when it was restored: what was due up to then has fired in its life before.
    fired_to: Option<Timestamp>,
    /// The node whose next version is being made, and the names that it has asked for so far.
    asked: Option<(u32, Vec<Arc<str>>)>,
}

impl Schedules {
    /// Those of a task that is restored at a stream time: none yet, for they are asked for anew in `init`.
    pub fn restored(stream_time: Option<Timestamp>) -> Self {
        Self { fired_to: stream_time, ..Self::default() }
    }

    /// Asks for calls; see `context.schedule` of the contract. The same name with the same interval and clock keeps its grid.
    pub fn schedule(
        &mut self,
        node: u32,
        name: &str,
        Grid { interval_ms, clock, start }: Grid,
        now: Timestamp,
        stream_time: Option<Timestamp>,
    ) {
        let interval_ms = interval_ms.max(1);
        if let Some((_, names)) = self.asked.as_mut().filter(|(asking, _)| *asking == node) {
            names.push(name.into());
        }
        let known = self.all.iter().position(|s| s.node == node && &*s.name == name);
        if known.is_some_and(|at| self.all[at].interval_ms == interval_ms && self.all[at].clock == clock) {
            return;
        }
        self.save();
        if let Some(at) = known {
            self.all.remove(at);
        }
        let mut next_due = first_due(interval_ms, clock, start, now, stream_time);
        if let Some(fired_to) = self.fired_to.filter(|at| clock == PunctuationClock::StreamTime && next_due <= *at) {
            next_due = grid_after(next_due, interval_ms, fired_to);
        }
        self.all.push(Schedule { node, name: name.into(), interval_ms, clock, next_due });
    }

    /// Ends a schedule.
    pub fn cancel(&mut self, node: u32, name: &str) {
        if let Some((_, names)) = self.asked.as_mut().filter(|(asking, _)| *asking == node) {
            names.retain(|asked| &**asked != name);
        }
        if self.all.iter().any(|s| s.node == node && &*s.name == name) {
            self.save();
            self.all.retain(|s| s.node != node || &*s.name != name);
        }
    }

    /// Notes from now on what this node asks for, whether it has it already or not.
    pub fn begin_asking(&mut self, node: u32) {
        self.asked = Some((node, Vec::new()));
    }

    /// Ends the schedules that the node has not asked for since `begin_asking`: they were those of its former version.
    pub fn end_asking(&mut self) {
        let Some((node, names)) = self.asked.take() else { return };
        let stays = |s: &Schedule| s.node != node || names.contains(&s.name);
        if !self.all.iter().all(stays) {
            self.save();
            self.all.retain(stays);
        }
    }

    /// Marks the point to which `roll_back` goes.
    pub fn savepoint(&mut self) {
        self.saved = None;
    }

    /// True when something was asked for or cancelled since the savepoint.
    pub fn changed(&self) -> bool {
        self.saved.is_some()
    }

    /// Undoes what was asked for or cancelled since the savepoint.
    pub fn roll_back(&mut self) {
        self.asked = None;
        if let Some(saved) = self.saved.take() {
            self.all = saved;
        }
    }

    fn save(&mut self) {
        if self.saved.is_none() {
            self.saved = Some(self.all.clone());
        }
    }

    /// How many a node has.
    pub fn count(&self, node: u32) -> usize {
        self.all.iter().filter(|s| s.node == node).count()
    }

    /// Takes the call that is due first on this clock at `time`, and moves its schedule on.
    pub fn take_due(&mut self, clock: PunctuationClock, time: Timestamp) -> Option<Due> {
        let due =
            self.all.iter_mut().filter(|s| s.clock == clock && s.next_due <= time && s.next_due != NEVER).min_by_key(|s| s.next_due)?;
        let at = due.next_due;
        due.next_due = grid_after(at, due.interval_ms, time);
        Some(Due { node: due.node, name: due.name.clone(), at })
    }

    /// The call was undone and will be tried again: it is due as before.
    pub fn put_back(&mut self, due: &Due) {
        if let Some(schedule) = self.all.iter_mut().find(|s| s.node == due.node && s.name == due.name) {
            schedule.next_due = due.at;
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True without schedules.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// When the next call on this clock is due.
    pub fn next_due(&self, clock: PunctuationClock) -> Option<Timestamp> {
        self.all.iter().filter(|s| s.clock == clock && s.next_due != NEVER).map(|s| s.next_due).min()
    }
}

/// The first point of the grid at which the schedule may fire.
fn first_due(
    interval_ms: u64,
    clock: PunctuationClock,
    start: Option<Timestamp>,
    now: Timestamp,
    stream_time: Option<Timestamp>,
) -> Timestamp {
    let current = match clock {
        PunctuationClock::StreamTime => stream_time,
        PunctuationClock::WallClock => Some(now),
    };
    match (start, clock, current) {
        (Some(start), _, Some(current)) if current > start => {
            // Due at a point of the grid that is not before now.
            let before = Timestamp(current.0.saturating_sub(1));
            grid_after(start, interval_ms, before)
        }
        (Some(start), ..) => start,
        (None, PunctuationClock::WallClock, _) => Timestamp(now.0.saturating_add_unsigned(interval_ms)),
        (None, PunctuationClock::StreamTime, None) => Timestamp(0),
        (None, PunctuationClock::StreamTime, Some(seen)) => grid_after(Timestamp(0), interval_ms, seen),
    }
}

/// The first point of the grid through `anchor` that lies after `time`.
fn grid_after(anchor: Timestamp, interval_ms: u64, time: Timestamp) -> Timestamp {
    if time < anchor {
        return anchor;
    }
    let passed = (i128::from(time.0) - i128::from(anchor.0)) / i128::from(interval_ms) + 1;
    let next = i128::from(anchor.0) + passed * i128::from(interval_ms);
    i64::try_from(next).map_or(NEVER, Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: u32 = 0;

    fn one(clock: PunctuationClock, interval: u64, start: Option<i64>, now: i64, stream_time: Option<i64>) -> Schedules {
        let mut all = Schedules::default();
        all.schedule(
            NODE,
            "s",
            Grid { interval_ms: interval, clock, start: start.map(Timestamp) },
            Timestamp(now),
            stream_time.map(Timestamp),
        );
        all
    }

    #[test]
    fn stream_time_schedule_fires_with_the_first_record_and_then_on_multiples() {
        let mut all = one(PunctuationClock::StreamTime, 1000, None, 0, None);
        assert!(all.take_due(PunctuationClock::StreamTime, Timestamp(3300)).is_some());
        assert!(all.take_due(PunctuationClock::StreamTime, Timestamp(3999)).is_none());
        assert_eq!(all.next_due(PunctuationClock::StreamTime), Some(Timestamp(4000)));
    }

    #[test]
    fn schedule_whose_grid_has_ended_is_due_no_more() {
        let mut all = one(PunctuationClock::StreamTime, 1000, None, 0, None);
        let end = Timestamp(i64::MAX);
        assert!(all.take_due(PunctuationClock::StreamTime, end).is_some());
        assert_eq!((all.take_due(PunctuationClock::StreamTime, end), all.next_due(PunctuationClock::StreamTime)), (None, None));
    }

    #[test]
    fn wall_clock_schedule_keeps_the_grid_of_its_creation() {
        let mut all = one(PunctuationClock::WallClock, 100, None, 30, None);
        assert!(all.take_due(PunctuationClock::WallClock, Timestamp(129)).is_none());
        assert!(all.take_due(PunctuationClock::WallClock, Timestamp(455)).is_some());
        assert_eq!(all.next_due(PunctuationClock::WallClock), Some(Timestamp(530)));
    }

    #[test]
    fn anchored_schedule_is_due_on_its_grid_only_and_never_before_now() {
        let all = one(PunctuationClock::WallClock, 1000, Some(250), 250, None);
        assert_eq!(all.next_due(PunctuationClock::WallClock), Some(Timestamp(250)));
        let all = one(PunctuationClock::WallClock, 1000, Some(250), 3000, None);
        assert_eq!(all.next_due(PunctuationClock::WallClock), Some(Timestamp(3250)));
        let all = one(PunctuationClock::StreamTime, 1000, Some(3300), 0, None);
        assert_eq!(all.next_due(PunctuationClock::StreamTime), Some(Timestamp(3300)));
    }

    #[test]
    fn point_at_which_the_task_was_restored_has_fired() {
        let asked = |schedules: &mut Schedules, start: i64, seen: i64| {
            schedules.cancel(NODE, "s");
            schedules.schedule(
                NODE,
                "s",
                Grid { interval_ms: 10, clock: PunctuationClock::StreamTime, start: Some(Timestamp(start)) },
                Timestamp(0),
                Some(Timestamp(seen)),
            );
            schedules.next_due(PunctuationClock::StreamTime).unwrap().0
        };
        let mut fresh = Schedules::restored(None);
        let mut restored = Schedules::restored(Some(Timestamp(35)));
        for (start, seen, first, again) in [(5, 35, 35, 45), (35, 35, 35, 45), (6, 35, 36, 36), (36, 35, 36, 36), (5, 45, 45, 45)] {
            assert_eq!((asked(&mut fresh, start, seen), asked(&mut restored, start, seen)), (first, again), "start {start} at {seen}");
        }
    }

    #[test]
    fn what_a_failed_call_asked_for_is_undone() {
        let mut all = one(PunctuationClock::WallClock, 100, None, 0, None);
        all.savepoint();
        all.cancel(NODE, "s");
        all.schedule(NODE, "t", Grid { interval_ms: 7, clock: PunctuationClock::WallClock, start: None }, Timestamp(0), None);
        all.roll_back();
        assert_eq!((all.count(NODE), all.next_due(PunctuationClock::WallClock)), (1, Some(Timestamp(100))));
    }

    #[test]
    fn what_the_next_version_does_not_ask_for_ends_and_what_it_asks_for_keeps_its_grid() {
        let grid = Grid { interval_ms: 100, clock: PunctuationClock::WallClock, start: None };
        let other = 1;
        let mut all = one(PunctuationClock::WallClock, 100, None, 0, None);
        all.schedule(NODE, "t", grid, Timestamp(0), None);
        all.schedule(other, "t", grid, Timestamp(0), None);
        for kept in [false, true] {
            all.savepoint();
            all.begin_asking(NODE);
            all.schedule(NODE, "s", grid, Timestamp(50), None);
            all.schedule(NODE, "u", grid, Timestamp(50), None);
            all.cancel(NODE, "u");
            if !kept {
                all.roll_back();
                assert_eq!((all.count(NODE), all.count(other)), (2, 1));
            }
        }
        all.end_asking();
        assert_eq!((all.count(NODE), all.count(other), all.next_due(PunctuationClock::WallClock)), (1, 1, Some(Timestamp(100))));
    }

    #[test]
    fn asking_again_keeps_the_grid_and_another_interval_replaces_it() {
        let mut all = one(PunctuationClock::WallClock, 100, None, 0, None);
        all.schedule(NODE, "s", Grid { interval_ms: 100, clock: PunctuationClock::WallClock, start: None }, Timestamp(50), None);
        assert_eq!(all.next_due(PunctuationClock::WallClock), Some(Timestamp(100)));
        all.schedule(NODE, "s", Grid { interval_ms: 200, clock: PunctuationClock::WallClock, start: None }, Timestamp(50), None);
        assert_eq!((all.count(NODE), all.next_due(PunctuationClock::WallClock)), (1, Some(Timestamp(250))));
        all.cancel(NODE, "s");
        assert_eq!(all.next_due(PunctuationClock::WallClock), None);
    }
}
