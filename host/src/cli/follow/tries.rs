//! Tries of the same thing, further and further apart.

use crate::error::Diagnostic;

/// Longest distance, in looks: a minute.
const LONGEST: u32 = 240;

/// When something is tried again that has failed.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// Looks between two tries.
    distance: u32,
    left: u32,
    said: Vec<Diagnostic>,
}

impl Tries {
    /// Counts a look; whether a try is due.
    pub fn is_due(&mut self) -> bool {
        let due = self.left == 0;
        self.left = self.left.saturating_sub(1);
        due
    }

    /// A try has failed, and the next one comes later; what is to be said of it: nothing where it is what was said last.
    pub fn failed(&mut self, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
        self.distance = (2 * self.distance).clamp(1, LONGEST);
        self.left = self.distance;
        if problems == self.said {
            return Vec::new();
        }
        self.said.clone_from(&problems);
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_tried_further_and_further_apart_and_said_once() {
        let mut tries = Tries::default();
        let looks: Vec<u32> = (0..12)
            .map(|_| {
                let waits = (0..).find(|_| tries.is_due()).unwrap_or(0);
                tries.failed(vec![Diagnostic::run("B002", "the log failed")]);
                waits
            })
            .collect();
        assert_eq!(looks, [0, 1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240]);
        assert!(tries.failed(vec![Diagnostic::run("B002", "the log failed")]).is_empty());
        assert_eq!(tries.failed(vec![Diagnostic::run("B001", "a topic is missing")]).len(), 1);
    }
}
