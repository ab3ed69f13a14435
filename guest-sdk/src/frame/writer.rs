//! A frame under construction: entries are appended until it is taken.

use super::{ENTRY, Entry, HEAD, MAGIC, behind_table};

/// The table lies before the bytes, so room is kept for as many entries as are expected; when it comes otherwise, the bytes move.
#[derive(Debug, Default)]
pub(crate) struct FrameWriter {
    /// Empty, or head, room for the table, bytes of the entries.
    buffer: Vec<u8>,
    /// Entries that the table has room for.
    room: usize,
    count: usize,
    expected: Expected,
}

#[derive(Clone, Copy, Debug, Default)]
struct Expected {
    entries: usize,
    bytes: usize,
}

impl FrameWriter {
    /// Drops what was begun. Says how many entries and bytes will about come.
    pub(crate) fn reset(&mut self, entries: usize, bytes: usize) {
        *self = Self { expected: Expected { entries, bytes }, ..Self::default() };
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Where the bytes of one more entry are to be appended.
    pub(crate) fn begin(&mut self) -> &mut Vec<u8> {
        if self.count == self.room {
            self.make_room();
        }
        &mut self.buffer
    }

    /// The bytes, to append to the entry that was begun.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Ends the entry that was begun.
    pub(crate) fn end(&mut self, entry: &Entry) {
        let at = behind_table(self.count);
        entry.write(&mut self.buffer[at..at + ENTRY]);
        self.count += 1;
    }

    fn make_room(&mut self) {
        if self.buffer.is_empty() {
            self.room = self.expected.entries.max(1);
            // A little more, so that outputs that are a little longer than the records do not make it move.
            self.buffer.reserve(behind_table(self.room).max(self.expected.bytes + self.expected.bytes / 8));
            self.buffer.resize(behind_table(self.room), 0);
            return;
        }
        let (old, new, end) = (behind_table(self.room), behind_table(self.room * 2), self.buffer.len());
        self.room *= 2;
        self.buffer.resize(end + new - old, 0);
        self.buffer.copy_within(old..end, new);
    }

    /// The frame. The next one begins.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let Self { mut buffer, room, count, expected } = std::mem::take(self);
        self.expected = expected;
        if buffer.is_empty() {
            buffer.resize(HEAD, 0);
        } else if count < room {
            let (begin, end) = (behind_table(room), buffer.len());
            buffer.copy_within(begin..end, behind_table(count));
            buffer.truncate(end - begin + behind_table(count));
        }
        let head = u64::from(MAGIC) | (count as u64) << 32;
        buffer[..HEAD].copy_from_slice(&head.to_le_bytes());
        buffer
    }
}
