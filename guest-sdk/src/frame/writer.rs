//! A frame under construction: entries are appended until it is taken.

use super::{ENTRY, Entry, HEAD, MAGIC, behind_table};

/// From so many bytes on, what follows goes into another part: one buffer that doubles would need three times what it holds. Outputs about as
/// large as the records of a frame (1 MiB) stay in one.
pub(super) const PART_BYTES: usize = 2 << 20;

/// Mostly one part, which then is the frame.
#[derive(Debug, Default)]
pub(crate) struct FrameWriter {
    full: Vec<Part>,
    open: Part,
    expected: Expected,
}

/// The table lies before the bytes, so room is kept for as many entries as are expected; when it comes otherwise, the bytes move.
#[derive(Debug, Default)]
struct Part {
    /// Empty, or head, room for the table, bytes of the entries.
    buffer: Vec<u8>,
    /// Entries that the table has room for.
    room: usize,
    count: usize,
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
        self.open.count == 0 && self.full.is_empty()
    }

    /// Where the bytes of one more entry are to be appended.
    #[inline]
    pub(crate) fn begin(&mut self) -> &mut Vec<u8> {
        if self.open.buffer.len() >= PART_BYTES {
            self.full.push(std::mem::take(&mut self.open));
        }
        if self.open.count == self.open.room {
            self.open.make_room(self.expected);
        }
        &mut self.open.buffer
    }

    /// The bytes, to append to the entry that was begun.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.open.buffer
    }

    /// So many bytes more will be appended to the entry that was begun. A large one does not double for them.
    pub(crate) fn expect(&mut self, bytes: usize) {
        if self.open.buffer.len() >= PART_BYTES {
            self.open.buffer.reserve_exact(bytes);
        }
    }

    /// Ends the entry that was begun.
    #[inline]
    pub(crate) fn end(&mut self, entry: &Entry) {
        let at = behind_table(self.open.count);
        entry.write(&mut self.open.buffer[at..at + ENTRY]);
        self.open.count += 1;
    }

    /// The frame. The next one begins.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let Self { mut full, open, expected } = std::mem::take(self);
        self.expected = expected;
        if full.is_empty() {
            return open.into_frame();
        }
        full.push(open);
        join(full)
    }
}

impl Part {
    fn make_room(&mut self, expected: Expected) {
        if self.buffer.is_empty() {
            self.room = expected.entries.max(1);
            // A little more, so that outputs that are a little longer than the records do not make it move.
            self.buffer.reserve(behind_table(self.room).max(expected.bytes + expected.bytes / 8));
            self.buffer.resize(behind_table(self.room), 0);
            return;
        }
        let (old, new, end) = (behind_table(self.room), behind_table(self.room * 2), self.buffer.len());
        self.room *= 2;
        self.buffer.resize(end + new - old, 0);
        self.buffer.copy_within(old..end, new);
    }

    fn into_frame(self) -> Vec<u8> {
        let Self { mut buffer, room, count } = self;
        if buffer.is_empty() {
            buffer.resize(HEAD, 0);
        } else if count < room {
            let (begin, end) = (behind_table(room), buffer.len());
            buffer.copy_within(begin..end, behind_table(count));
            buffer.truncate(end - begin + behind_table(count));
        }
        buffer[..HEAD].copy_from_slice(&head(count));
        buffer
    }

    fn table(&self) -> &[u8] {
        &self.buffer[HEAD..behind_table(self.count)]
    }

    fn data(&self) -> &[u8] {
        &self.buffer[behind_table(self.room)..]
    }
}

/// One frame of many parts, none of which is empty.
fn join(parts: Vec<Part>) -> Vec<u8> {
    let count = parts.iter().map(|part| part.count).sum();
    let data: usize = parts.iter().map(|part| part.data().len()).sum();
    let mut frame = Vec::with_capacity(behind_table(count) + data);
    frame.extend_from_slice(&head(count));
    parts.iter().for_each(|part| frame.extend_from_slice(part.table()));
    parts.into_iter().for_each(|part| frame.extend_from_slice(part.data()));
    frame
}

fn head(count: usize) -> [u8; HEAD] {
    (u64::from(MAGIC) | (count as u64) << 32).to_le_bytes()
}
