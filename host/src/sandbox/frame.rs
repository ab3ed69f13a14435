//! What a guest gives in a packed call is hostile and checked once, whole: against the layout, and against the limits.

use super::outputs::{self, Totals};
use super::setup::NodeSetup;
use crate::node::packed_frame::{Entry, table};
use crate::node::{Failure, PackedFrame};
use crate::record::HeadersRef;

const LENGTHS: &str = "the lengths of a frame do not add up to its bytes";
const ORIGIN: &str = "an output of a frame has an origin that is not there, or not in order";

/// Takes the outputs of frames that a guest gives in one call.
#[derive(Debug, Default)]
pub(super) struct Taken {
    totals: Totals,
    of_last: OfOrigin,
}

/// The outputs of one entry that the guest was given.
#[derive(Clone, Copy, Debug, Default)]
struct OfOrigin {
    origin: u64,
    count: usize,
    bytes: usize,
}

impl Taken {
    /// Checks a frame of outputs. `causes`: those of the entries that the guest was given. `returned`: not handed over early.
    ///
    /// Each step is a comparison; what it means and what is rare stand apart, so that all of a round is in registers.
    pub(super) fn check(&mut self, setup: &NodeSetup, causes: &[u32], frame: Vec<u8>, returned: bool) -> Result<PackedFrame, Failure> {
        let slots = u32::try_from(setup.ports.len()).unwrap_or(u32::MAX);
        let (entries, mut at) = table(&frame).map_err(malformed)?;
        if returned && causes.len() == 1 {
            // All of them: so the message says how many there are.
            outputs::check_returned(entries.len(), 0)?;
        }
        self.totals.add_count(entries.len(), setup)?;
        let mut checked = Vec::with_capacity(entries.len());
        let slot = entries.first().map(|first| Entry::of(first).slot);
        let (mut goes_together, mut has_changes, mut sum) = (true, false, 0);
        let mut of_last = self.of_last;
        for entry in entries {
            let entry = Entry::of(entry);
            let cause = usize::try_from(entry.origin).ok().and_then(|origin| causes.get(origin));
            let Some(&cause) = cause.filter(|_| entry.origin >= of_last.origin) else { return Err(malformed(ORIGIN)) };
            let (mut bytes, mut headers) = (entry.parts(), 0);
            let behind = at + bytes;
            at = behind + entry.headers as usize;
            if at > frame.len() {
                return Err(malformed(LENGTHS));
            }
            if behind < at {
                let size = HeadersRef::check(&frame[behind..at]).map_err(malformed)?;
                (headers, bytes) = (size.0, bytes + size.1);
            }
            outputs::check(entry.timestamp, headers, bytes)?;
            if entry.slot > slots {
                return Err(no_port(entry.slot, slots));
            }
            if entry.origin != of_last.origin {
                of_last = OfOrigin { origin: entry.origin, ..OfOrigin::default() };
            }
            if returned {
                (of_last.count, of_last.bytes) = (of_last.count + 1, of_last.bytes + bytes);
                outputs::check_returned(of_last.count, of_last.bytes)?;
            }
            sum += bytes;
            goes_together &= slot == Some(entry.slot);
            has_changes |= entry.is_change();
            checked.push(cause);
        }
        self.of_last = of_last;
        if at != frame.len() {
            return Err(malformed(LENGTHS));
        }
        self.totals.add_bytes(sum)?;
        Ok(PackedFrame::new(frame, checked, slot.filter(|_| goes_together), has_changes))
    }
}

#[cold]
fn no_port(slot: u32, slots: u32) -> Failure {
    Failure::Fatal(format!("output to port number {slot}, but this node declares {slots}"))
}

/// Reads what may be the answer of a guest that was given two records, alone, and behind the same as a frame that it hands over early. For
/// fuzzing: whatever the bytes are, it returns.
pub fn read_any(bytes: &[u8]) {
    let setup = NodeSetup { ports: vec!["left".into(), "right".into()], ..NodeSetup::nobodys() };
    for frames in [&[true][..], &[false, true]] {
        let mut taken = Taken::default();
        for &returned in frames {
            // An error is as good as outputs.
            if let Ok(frame) = taken.check(&setup, &[0, 1], bytes.to_vec(), returned) {
                frame.unpack(&mut Vec::new());
            }
        }
    }
}

#[cold]
fn malformed(why: &'static str) -> Failure {
    Failure::Trap { reason: why.to_owned(), frames: Vec::new() }
}

#[cfg(test)]
mod tests;
