//! What guests say: cut, held to a rate, and handed to `tracing` with node and task.

use crate::limits;
use crate::record::Timestamp;

pub(super) use super::bindings::cofferdam::processor::context::Level;
use super::setup::NodeSetup;

/// The lines of one node in one task. Its second is one of the task's wall clock, so a test on a virtual clock sees the same lines each time.
#[derive(Debug, Default)]
pub(super) struct GuestLog {
    second: i64,
    lines: u32,
    suppressed: u64,
}

impl GuestLog {
    /// Writes a line, or counts it where lines come too fast.
    pub(super) fn line(&mut self, now: Timestamp, level: Level, setup: &NodeSetup, message: &str) {
        self.tell_suppressed(now, setup);
        if self.lines >= limits::LOG_LINES_PER_SECOND {
            self.suppressed += 1;
            return;
        }
        self.lines += 1;
        emit(level, setup, &one_line(message, limits::LOG_LINE_BYTES));
    }

    /// Begins a new second when it is time, and says how many lines the last one swallowed.
    pub(super) fn tell_suppressed(&mut self, now: Timestamp, setup: &NodeSetup) {
        let second = now.0.div_euclid(1_000);
        if second == self.second {
            return;
        }
        self.second = second;
        self.lines = 0;
        self.tell_rest(setup);
    }

    /// Says how many lines were swallowed, for the last time.
    pub(super) fn tell_rest(&mut self, setup: &NodeSetup) {
        let suppressed = std::mem::take(&mut self.suppressed);
        if suppressed > 0 {
            let limit = limits::LOG_LINES_PER_SECOND;
            emit(Level::Warn, setup, &format!("{suppressed} suppressed: more than {limit} log lines in a second"));
        }
    }
}

fn emit(level: Level, setup: &NodeSetup, message: &str) {
    let (node, task) = (&*setup.name, &*setup.task);
    match level {
        Level::Trace => tracing::trace!(target: "cofferdam::guest", node, task, "{message}"),
        Level::Debug => tracing::debug!(target: "cofferdam::guest", node, task, "{message}"),
        Level::Info => tracing::info!(target: "cofferdam::guest", node, task, "{message}"),
        Level::Warn => tracing::warn!(target: "cofferdam::guest", node, task, "{message}"),
        Level::Error => tracing::error!(target: "cofferdam::guest", node, task, "{message}"),
    }
}

/// A guest's text as one line, or as much of it as fits: lines are joined, and no control character is left, so that it cannot look like a
/// line of somebody else's.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let text = &text[..text.floor_char_boundary(most)];
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut line = lines.join(" ").replace('\t', " ").replace(char::is_control, "\u{fffd}");
    line.truncate(line.floor_char_boundary(most));
    line
}

/// Bytes of stdout or stderr on their way to becoming lines.
#[derive(Debug, Default)]
pub(super) struct Stream(Vec<u8>);

impl Stream {
    /// Takes bytes and gives the lines that they complete. A line that grows too long is broken.
    pub(super) fn lines(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|&b| b == b'\n') {
            let room = limits::LOG_LINE_BYTES.saturating_sub(self.0.len());
            self.0.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") || self.0.len() >= limits::LOG_LINE_BYTES {
                lines.extend(self.rest());
            }
        }
        lines
    }

    /// The line that has no end yet. Empty lines are none.
    pub(super) fn rest(&mut self) -> Option<String> {
        let line = String::from_utf8_lossy(&self.0).trim_end().to_owned();
        self.0.clear();
        (!line.is_empty()).then_some(line)
    }
}
