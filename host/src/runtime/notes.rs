//! What a thread commits for others of its group to read, beside the offsets of its tasks. A cluster forgets what is committed of a topic to which
//! nobody is subscribed, after days in which it was not committed again.

use crate::limits;
use crate::record::Timestamp;

use super::passage::Note;

/// A thread's note, and when it was committed last.
#[derive(Debug, Default)]
pub(super) struct Notes {
    note: Option<Note>,
    told: Option<Timestamp>,
}

impl Notes {
    /// To be committed from now on.
    pub(super) fn tell(&mut self, note: Option<Note>) {
        *self = Self { note, told: None };
    }

    /// To be committed once more: nobody knows what became of the last time.
    pub(super) fn tell_again(&mut self) {
        self.told = None;
    }

    /// What the next commit has to take along.
    pub(super) fn due(&self, now: Timestamp) -> Option<&Note> {
        let interval = i64::try_from(limits::NOTE_INTERVAL.as_millis()).unwrap_or(i64::MAX);
        self.note.as_ref().filter(|_| self.told.is_none_or(|told| !(0..interval).contains(&(now.0 - told.0))))
    }

    /// A commit stands.
    pub(super) fn told(&mut self, now: Timestamp) {
        if self.due(now).is_some() {
            self.told = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Committed;
    use crate::record::TopicPartition;

    #[test]
    fn a_note_is_committed_at_once_and_again_each_hour() {
        let mut notes = Notes::default();
        assert!(notes.due(Timestamp(0)).is_none());
        let note: Note = (TopicPartition::new("app-deployments", 0), Committed::default());
        notes.tell(Some(note.clone()));
        let hour = 3_600_000;
        for (now, due) in [(5, true), (6, false), (hour + 4, false), (hour + 5, true), (hour + 6, false), (0, true)] {
            assert_eq!(notes.due(Timestamp(now)).is_some(), due, "{now}");
            notes.told(Timestamp(now));
        }
        assert!(notes.due(Timestamp(1)).is_none());
        notes.tell_again();
        assert!(notes.due(Timestamp(1)).is_some());
    }
}
