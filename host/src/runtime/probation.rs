//! When a version on trial has shown itself: the rules, on numbers alone.

use std::ops::AddAssign;

use crate::limits;
use crate::task::{NodeCount, Work};

/// What a version has done, in all tasks of the host together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Of the node: of a version on trial only those failures count that the version before did not have at the same record.
    pub node: NodeCount,
    /// Of its tasks, while they had this version: the way of a record through all nodes.
    pub tasks: Work,
}

impl Account {
    /// Nanoseconds that a source record took on its way through the task; `None` before the first.
    pub fn ns_per_record(&self) -> Option<u64> {
        self.tasks.busy_ns.checked_div(self.tasks.records)
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, more: Self) {
        self.node.records += more.node.records;
        self.node.traps += more.node.traps;
        self.node.bad += more.node.bad;
        self.tasks.records += more.tasks.records;
        self.tasks.busy_ns += more.tasks.busy_ns;
    }
}

/// What becomes of a version on trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It goes on being on trial.
    Open,
    /// It stays.
    Passed,
    /// The version before comes back, for this reason.
    Failed(String),
}

/// Compares a version on trial with the one before it. `max_slowdown`: how many times as long a record may take, where somebody said it.
pub(super) fn judge(new: &Account, old: &Account, max_slowdown: Option<f64>) -> Judgement {
    let NodeCount { records, traps, bad } = new.node;
    let than = |what: u64| format!("{what} of {} with the version before", old.node.records);
    if records >= limits::TRIAL_TRAPS_AFTER && share(traps, records) > share(old.node.traps, old.node.records) {
        let than = than(old.node.traps);
        return Judgement::Failed(format!("{traps} of {records} records trapped or missed their deadline, {than}"));
    }
    if records >= limits::TRIAL_BAD_AFTER && share(bad, records) > share(old.node.bad, old.node.records) + limits::TRIAL_BAD_SHARE {
        return Judgement::Failed(format!("{bad} of {records} records failed, {}", than(old.node.bad)));
    }
    if let (Some(most), Some(new_ns), Some(old_ns)) = (max_slowdown, new.ns_per_record(), old.ns_per_record())
        && new.tasks.records >= limits::TRIAL_BAD_AFTER
        && new_ns as f64 > old_ns as f64 * most
    {
        return Judgement::Failed(format!("a record takes {new_ns} ns, {old_ns} with the version before; max-slowdown is {most}"));
    }
    if records >= limits::TRIAL_RECORDS { Judgement::Passed } else { Judgement::Open }
}

fn share(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(records: u64, traps: u64, bad: u64, ns: u64) -> Account {
        Account { node: NodeCount { records, traps, bad }, tasks: Work { records, busy_ns: ns * records } }
    }

    #[test]
    fn a_trial_ends_by_the_rates_of_the_version_before() {
        let old = account(10_000, 10, 100, 1_000);
        let cases = [
            (account(99, 9, 0, 1), None, "open"),
            (account(100, 1, 0, 1), None, "1 of 100 records trapped or missed their deadline, 10 of 10000 with the version before"),
            // As often as before is no reason.
            (account(1_000, 1, 0, 1), None, "open"),
            (account(999, 0, 500, 1), None, "open"),
            (account(1_000, 0, 20, 1), None, "open"),
            (account(1_000, 0, 21, 1), None, "21 of 1000 records failed, 100 of 10000 with the version before"),
            (account(1_000, 0, 0, 9_000), None, "open"),
            (account(1_000, 0, 0, 1_501), Some(1.5), "a record takes 1501 ns, 1000 with the version before; max-slowdown is 1.5"),
            (account(1_000, 0, 0, 1_500), Some(1.5), "open"),
            (account(999, 0, 0, 9_000), Some(1.5), "open"),
            (account(10_000, 10, 100, 9_000), None, "passed"),
        ];
        for (new, slowdown, expected) in cases {
            let told = match judge(&new, &old, slowdown) {
                Judgement::Open => "open".to_owned(),
                Judgement::Passed => "passed".to_owned(),
                Judgement::Failed(why) => why,
            };
            assert_eq!(told, expected, "{new:?}");
        }
        // A version before that has done nothing has failed at nothing.
        assert!(matches!(judge(&account(100, 1, 0, 1), &Account::default(), Some(2.0)), Judgement::Failed(_)));
    }
}
